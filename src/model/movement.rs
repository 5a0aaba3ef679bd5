//! How the view's own figures moved with recent refreshes.

/// Placeholder.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {}
