//! `refreshtop migrate status`.

use super::sessions::session;
use crate::{command::interrupt::Watch, output::clean};
use refreshtop_connect::Target;
use refreshtop_db::migrate::{self, MigrateError, Step};

use std::fmt::Write as _;

pub(super) async fn steps(target: &Target) -> Result<Vec<Step>, MigrateError> {
    let mut app = session(target, &Watch::silent()).await?;
    let steps = migrate::status(&mut app).await?;
    app.close().await?;
    Ok(steps)
}

/// Every step, and when it was applied: a line each.
pub async fn status(target: &Target) -> Result<String, MigrateError> {
    let mut text = String::new();
    for step in steps(target).await? {
        let applied = match (step.applied_at, &step.left_out) {
            (Some(at), _) => at.format("applied %Y-%m-%d %H:%M:%S UTC").to_string(),
            (None, Some(why)) => format!("optional, left out: {}", clean(why)),
            (None, None) => "pending".into(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:04}  {:<20}  {applied}", step.version, step.description);
    }
    Ok(text)
}
