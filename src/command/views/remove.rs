//! `refreshtop views remove`: views that are managed no longer.

use super::managing::{chosen_managed, open, stopped};
use crate::{
    cli::views::ViewsRemove,
    command::{
        Failure, confirm,
        interrupt::{self, Watch},
        migrate::{self, Work},
    },
    output::{Output, clean, json},
};
use refreshtop_connect::Target;
use refreshtop_core::{
    exit,
    manage::{Candidate, Registered},
    numbers::counted,
};
use refreshtop_db::session::Session;
use serde_json::json;
use std::fmt::Write as _;

/// Takes back what `views add` did.
///
/// # Errors
/// At least one view could not be removed; each is named with the reason.
pub async fn run(remove: &ViewsRemove, target: &Target, output: Output) -> Result<(), Failure> {
    if !remove.yes {
        let named = async |watch: &Watch| named(&mut open(target, watch).await?, remove).await;
        let views = interrupt::run(target, output.json, named).await?;
        if !views.is_empty() {
            let names: Vec<&str> = views.iter().take(NAMED).map(|view| view.id.as_str()).collect();
            let more = if views.len() > NAMED { format!(" and {} more", views.len() - NAMED) } else { String::new() };
            let count = counted(views.len() as u64, "view");
            let names = clean(&names.join(", "));
            let what =
                format!("ends the management of {count}, with schedules and jobs: {names}{more}; their logs stay");
            confirm::required(&what, false)?;
        }
    }
    let work = async |watch: &Watch| each(remove, target, watch).await;
    let done = interrupt::run(target, output.json, work).await?;
    let failed: Vec<String> =
        done.iter().filter_map(|one| one.why.as_ref().map(|why| format!("{}: {why}", one.id))).collect();
    if output.json {
        let view =
            |one: &Removed| json!({"name": one.id, "removed": one.why.is_none(), "reason": one.why, "jobs": one.jobs});
        let views: Vec<_> = done.iter().map(view).collect();
        output.object("views_remove", json::of_database(&target.id(), json!({"views": views})))?;
    } else {
        let mut text = String::new();
        for one in done.iter().filter(|one| one.why.is_none()) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}: managed no longer; its log stays", clean(&one.id));
            for line in &one.jobs {
                let _ = writeln!(text, "  {}", clean(line));
            }
        }
        output.print(&text)?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, clean(&failed.join("; "))).answered())
}

/// What became of a view.
struct Removed {
    id: String,
    /// What was done in `pg_cron`.
    jobs: Vec<String>,
    /// Why it could not be removed.
    why: Option<String>,
}

/// Views that the question names.
const NAMED: usize = 5;

/// The views that are meant.
async fn named(session: &mut Session, remove: &ViewsRemove) -> Result<Vec<Candidate>, Failure> {
    let mut views = chosen_managed(session, &remove.names).await?;
    // A pattern does not mean what a migration made.
    views.retain(|view| {
        view.registered != Registered::ByMigration || remove.names.iter().any(|name| name == view.id.as_str())
    });
    Ok(views)
}

async fn each(remove: &ViewsRemove, target: &Target, watch: &Watch) -> Result<Vec<Removed>, Failure> {
    let mut session = open(target, watch).await?;
    let mut done = Vec::new();
    for view in named(&mut session, remove).await? {
        stopped(watch)?;
        let removed = migrate::act(&mut session, target, watch, Work::Remove(&view.id)).await;
        // A command that was stopped has not failed for this view.
        stopped(watch)?;
        let (jobs, why) = match removed {
            Ok(jobs) => (jobs, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        done.push(Removed { id: view.id.to_string(), jobs, why });
    }
    Ok(done)
}
