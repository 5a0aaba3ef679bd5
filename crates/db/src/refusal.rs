//! Why something is not read or called.

use refreshtop_core::reading::Unavailable;

/// Why something is not read or called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not exist. Decided here, not by the server: what is created meanwhile was not judged.
    #[error("{0} does not exist")]
    Missing(String),
    /// It belongs to somebody who could gain rights if it were.
    #[error("{}; {}", .0.reason, .0.fix)]
    Stranger(Unavailable),
}
