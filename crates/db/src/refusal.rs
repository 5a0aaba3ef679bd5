//! Why something is not read or called.

use refreshtop_core::reading::Unavailable;

/// Why something is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not there. Said here, not by the server: what comes into being meanwhile was not judged.
    #[error("{0} does not exist")]
    Missing(String),
    /// It belongs to somebody who could gain by it.
    #[error("{}; {}", .0.reason, .0.fix)]
    Stranger(Unavailable),
}
