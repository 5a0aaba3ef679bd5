//! What the views keep: which one is open, and what each has read and selected.

pub mod diagnose;

/// A way to look at the system, with a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum View {
    /// Everything that matters, at a glance.
    #[default]
    Overview,
    /// What the runbook asks, with what mends it.
    Diagnose,
}

impl View {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 2] = [Self::Overview, Self::Diagnose];
}
