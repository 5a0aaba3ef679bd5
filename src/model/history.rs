//! How refreshes went over hours or days.

/// Placeholder.
#[derive(Debug, Clone, PartialEq)]
pub struct History {}
