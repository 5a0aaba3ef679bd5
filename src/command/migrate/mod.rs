//! `refreshtop migrate up | status | down`.
//!
//! Where `pg_cron` lives beside the application the jobs are part of the one transaction: last on the way up, first on the
//! way down, while whoever migrates is still a member of the jobs' role. Where it lives in another database there are two
//! transactions, which are committed one right after the other, when nothing is left to be done in either. Upwards the application's comes first: if the other one fails, the jobs are as they were, and migrating again
//! makes up for it. Downwards that of the jobs comes first: if the other one fails, they are put back.

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
pub use status::status;
pub use up::up;

use crate::{
    cli::{MigrateAction, Up},
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
    },
    output::{Output, json},
};
use failure::undone;
use refreshtop_connect::Target;
use refreshtop_core::exit;
use serde_json::json;
use wording::{done, script};

/// Migrates which way is asked.
///
/// # Errors
/// Where that was not done; the sentence says whether anything was changed.
pub async fn run(action: &MigrateAction, target: &Target, output: Output) -> Result<(), Failure> {
    match action {
        MigrateAction::Up(Up { dry_run: true, .. }) => {
            let work = async |watch: &Watch| Ok(dry_run::up(target, watch).await?);
            script(target, "migrate", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Up(_) => {
            let work = async |watch: &Watch| Ok(up::watched(target, watch).await?);
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
        MigrateAction::Down(down) if down.dry_run => {
            let work = async |watch: &Watch| Ok(dry_run::down(target, down.to.unwrap_or(0), watch).await?);
            script(target, "migrate_down", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Down(down) => {
            let to = down.to.unwrap_or(0);
            if !down.yes {
                let installation = async |watch: &Watch| {
                    announce::watched(target, to, watch).await.map_err(|failure| undone(failure, watch).into())
                };
                // It counts rows, and may wait for who holds the log.
                let Some(announced) = interrupt::run(target, output.json, installation).await? else {
                    return done(target, "migrate_down", &["there is nothing to undo".into()], output);
                };
                agreed(&announced)?;
            }
            let work = async |watch: &Watch| Ok(down::watched(target, to, watch).await?);
            done(target, "migrate_down", &interrupt::run(target, output.json, work).await?, output)
        }
    }
}

/// Asks whoever is there; nobody's silence is a yes.
fn agreed(announced: &str) -> Result<(), Failure> {
    if !confirm::can_ask() {
        let why = format!(
            "nothing was changed: this {announced}; it asks before it does that, and standard input is no terminal: add \
             --yes to go on unasked"
        );
        return Err(Failure::new(exit::USAGE, why));
    }
    if confirm::confirmed(&format!("This {announced}."))? {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, "nothing was changed"))
}
