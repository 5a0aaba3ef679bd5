//! The view that a command is about if `--view` names none.

use crate::command::Failure;
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, exit};
use refreshtop_db::{
    default_view::{self, Choice},
    error::Result,
    session::Session,
};

/// The view that is meant; `None` if that can't be asked.
///
/// # Errors
/// None is managed, or one of several must be named.
pub fn meant(asked: Result<Choice>) -> Result<Option<ViewId>, Failure> {
    let Ok(choice) = asked else { return Ok(None) };
    let why = choice.why_none().unwrap_or_default();
    match choice {
        Choice::View(view) => Ok(Some(view)),
        Choice::Nothing => Err(Failure::new(exit::NOT_MIGRATED, why)),
        Choice::Several(_) => Err(Failure::new(exit::USAGE, why)),
    }
}

/// The same, asked on a session of its own.
///
/// # Errors
/// As for [`meant`].
pub async fn of(target: &Target) -> Result<Option<ViewId>, Failure> {
    let Ok(mut session) = Session::open(target, "view", &Limits::READING).await else { return Ok(None) };
    let asked = default_view::choose(&mut session).await;
    super::session::close(session).await;
    meant(asked)
}
