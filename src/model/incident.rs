//! A time in which the figures were not fresh, from the first failure to the next success.

/// Placeholder.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {}
