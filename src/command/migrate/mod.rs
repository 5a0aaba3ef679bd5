//! `refreshtop migrate up | status | down`.
//!
//! If `pg_cron` is in the application's database, the jobs are part of the one transaction: last on the way up, first on the
//! way down, while this role is still a member of the jobs' role. If it is in another database, there are two transactions,
//! which are committed one right after the other, when nothing is left to do in either. Upwards the application's is first:
//! if the other one fails, the jobs are unchanged, and the next migration schedules them. Downwards that of the jobs is
//! first: if the other one fails, they are put back.

mod announce;
mod down;
mod dry_run;
mod failure;
mod jobs;
mod sessions;
mod status;
mod up;
mod wording;

pub use announce::announce_down;
pub use down::down;
pub use jobs::jobs;
pub(super) use jobs::{Work, act, others};
pub(super) use sessions::session;
pub use status::status;
pub use up::{up, up_with};

use crate::{
    cli::{How, MigrateAction, Parts, Up},
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
    },
    output::{Output, json},
};
use failure::undone;
use refreshtop_connect::Target;
use refreshtop_core::numbers::counted;
use refreshtop_db::migrate::With;
use serde_json::json;
use wording::{done, script};

/// Migrates up or down, or shows the status.
///
/// # Errors
/// The sentence tells whether anything was changed.
pub async fn run(action: &MigrateAction, target: &Target, output: Output) -> Result<(), Failure> {
    match action {
        MigrateAction::Sql(parts) => print_script(*parts, output),
        MigrateAction::Up(Up { parts, how: How { dry_run: true, .. } }) => {
            let work = async |watch: &Watch| Ok(dry_run::up(target, parts.wanted(), watch).await?);
            script(target, "migrate", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Up(Up { parts, .. }) => {
            let work = async |watch: &Watch| Ok(up::watched(target, parts.wanted(), watch).await?);
            done(target, "migrate", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Status(_) if output.json => {
            let steps = status::steps(target).await?;
            output.object(
                "migrate_status",
                json::of_database(&target.id(), json!({"steps": steps.iter().map(wording::step).collect::<Vec<_>>()})),
            )
        }
        MigrateAction::Status(_) => output.print(&status(target).await?),
        MigrateAction::Down(down) if down.how.dry_run => {
            let work = async |watch: &Watch| Ok(dry_run::down(target, down.to.unwrap_or(0), watch).await?);
            script(target, "migrate_down", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Down(down) => {
            let to = down.to.unwrap_or(0);
            let announced = async |watch: &Watch| {
                announce::watched(target, to, watch).await.map_err(|failure| undone(failure, watch).into())
            };
            // It counts rows, and may wait for a lock on the log.
            let Some(announced) = interrupt::run(target, output.json, announced).await? else {
                return done(target, "migrate_down", &["there is nothing to undo".into()], output);
            };
            confirm::required(&announced.sentence, down.yes)?;
            let work = async |watch: &Watch| Ok(down::watched(target, to, watch).await?);
            let mut lines = interrupt::run(target, output.json, work).await?;
            if announced.log_rows > 0 {
                // Whoever agreed to everything beforehand was not told.
                let deleted = format!("deleted {} of the refresh log", counted(announced.log_rows, "row"));
                lines.insert(lines.len().saturating_sub(1), deleted);
            }
            done(target, "migrate_down", &lines, output)
        }
    }
}

/// Prints the migrations as one script.
///
/// # Errors
/// Standard output takes no more.
pub fn print_script(parts: Parts, output: Output) -> Result<(), Failure> {
    output.print(&refreshtop_db::migrate::install(parts.wanted() == With::PlatformMetrics))
}
