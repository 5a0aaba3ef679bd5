//! What a failure of a migration means.

use crate::command::{Failure, connect_failure, interrupt::Watch};
use refreshtop_core::exit;
use refreshtop_db::{error, migrate::MigrateError};

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        Self::new(exit_code(&error), error.to_string())
    }
}

pub(super) fn exit_code(error: &MigrateError) -> u8 {
    match error {
        MigrateError::Connect(failure) => connect_failure::exit_code(failure.kind),
        MigrateError::Caller { code, .. } => *code,
        MigrateError::Database(failure) if error::code(failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            exit::NOT_PERMITTED
        }
        MigrateError::Step { code: Some(code), .. } if code == error::sqlstate::INSUFFICIENT_PRIVILEGE => {
            exit::NOT_PERMITTED
        }
        MigrateError::Preflight(problems) if problems.iter().any(|problem| problem.is_privilege) => exit::NOT_PERMITTED,
        _ => exit::FAILURE,
    }
}

pub(super) fn message(code: u8, text: impl Into<String>) -> MigrateError {
    MigrateError::Caller { code, text: text.into() }
}

/// A failure before anything was committed: nothing was changed, and another session may have blocked it.
pub(super) fn undone(failure: MigrateError, watch: &Watch) -> MigrateError {
    if watch.stopped() {
        return message(exit::FAILURE, "nothing was changed");
    }
    let Some(blockers) = watch.blocked_by() else { return failure };
    let code = exit_code(&failure);
    message(code, format!("{failure}; blocked by {blockers}"))
}
