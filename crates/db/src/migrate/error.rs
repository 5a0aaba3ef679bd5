//! Why the migrations did not run.

use crate::{
    error::{self, Error},
    preflight::Problem,
};
use refreshtop_connect::ConnectError;

/// Why the migrations did not run. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The preflight found problems.
    #[error("nothing was changed:{}", join(.0))]
    Preflight(Vec<Problem>),
    /// A step failed, and all were rolled back.
    #[error("nothing was changed: step {version} failed: {reason}")]
    Step {
        /// Version of the step.
        version: i64,
        /// The server's words.
        reason: String,
        /// Its SQLSTATE.
        code: Option<String>,
    },
    /// The database was migrated by a version of refreshtop that this one does not know.
    #[error(
        "nothing was changed: this database was migrated by another refreshtop (step {0}); use that version or a newer one"
    )]
    Unknown(i64),
    /// The rollback target is not a step.
    #[error("there is no step {0}: see refreshtop migrate status")]
    NoSuchStep(i64),
    /// The server can't be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The caller's own failure.
    #[error("{text}")]
    Caller {
        /// One of [`refreshtop_core::exit`].
        code: u8,
        /// A sentence.
        text: String,
    },
    /// Anything else.
    #[error("{}", database_sentence(.0))]
    Database(#[from] Error),
}

/// One problem on the same line, several on one line each.
fn join(problems: &[Problem]) -> String {
    match problems {
        [only] => format!(" {only}"),
        all => all.iter().map(|problem| format!("\n  - {problem}")).collect::<Vec<_>>().concat(),
    }
}

fn database_sentence(failure: &Error) -> String {
    let sentence = error::sentence(failure);
    let fix = match error::code(failure) {
        Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            "migrate as the role that migrated this database before, or as a superuser"
        }
        Some(error::sqlstate::ALREADY_PREPARED) => {
            "another client has left it on a pooler's connection: migrate at the server itself, not by way of the pooler"
        }
        _ => return sentence,
    };
    format!("{sentence}; {fix}")
}
