//! Manages views for the monitor, as `refreshtop views add` does it: on sessions that are gone afterwards.

use crate::{
    events::Events,
    manage::{self, Permitted},
    migrate,
    session::Session,
    session_budget::SessionBudget,
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    event::Event,
    manage::{Examination, Outcome, Registered},
};
use std::{fmt::Display, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// Longest request to cancel, connection included.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// What the manager can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Examine the view with this oid.
    Examine(i64),
    /// Manage a view that was examined.
    Manage(Box<Examination>),
    /// Cancel what is under way; ignored if there is nothing.
    Cancel,
}

/// Works until `commands` is closed. Every outcome goes into `events`.
pub async fn run(target: Target, budget: SessionBudget, mut commands: mpsc::Receiver<Command>, events: Events) {
    while let Some(command) = commands.recv().await {
        let third = budget.wait().await;
        let event = match command {
            Command::Examine(oid) => {
                Event::Examined(oid, Box::new(examined(&target, oid).await.map_err(|why| printable(&why))))
            }
            Command::Manage(found) => {
                Event::ManageEnded(managed(&target, &found, &mut commands).await.map_err(|why| printable(&why)))
            }
            Command::Cancel => continue,
        };
        drop(third);
        if events.send(event).await.is_err() {
            return;
        }
    }
}

fn printable(why: &str) -> String {
    refreshtop_core::sanitize::printable(why)
}

fn sentence(failure: impl Display) -> String {
    failure.to_string()
}

/// Opens a session of a role that may change which views are managed.
async fn open(target: &Target) -> Result<Session, String> {
    let session = Session::open(target, "manage", &Limits::WRITING).await.map_err(sentence)?;
    match manage::permitted(&session).await.map_err(sentence)? {
        Permitted::Yes => Ok(session),
        Permitted::NotMigrated => Err("the database is not migrated; run: refreshtop migrate".into()),
        Permitted::No => Err(format!(
            "role {} may not change which views are managed: a superuser may, or a role that may migrate",
            target.user
        )),
    }
}

async fn examined(target: &Target, oid: i64) -> Result<Examination, String> {
    let mut session = open(target).await?;
    let mut pending = migrate::begin_jobs(&mut session).await.map_err(sentence)?;
    let known = manage::candidates(pending.connection()).await.map_err(sentence)?;
    let found = match known.into_iter().find(|view| view.oid == Some(oid)) {
        Some(view) if view.registered == Registered::Managed => Err("it is managed already".to_owned()),
        Some(view) if view.registered == Registered::ByMigration => {
            Err("it came with a migration; refreshtop migrate puts it in order".to_owned())
        }
        Some(view) => manage::examine(pending.connection(), &view, false).await.map_err(sentence),
        None => Err("it is gone".to_owned()),
    };
    pending.rollback().await.map_err(sentence)?;
    found
}

async fn managed(
    target: &Target,
    found: &Examination,
    commands: &mut mpsc::Receiver<Command>,
) -> Result<Outcome, String> {
    let mut session = open(target).await?;
    let canceller = session.canceller();
    let mut work = Box::pin(manage::manage(&mut session, found, false));
    loop {
        tokio::select! {
            biased;
            ended = &mut work => return ended.map_err(sentence),
            Some(command) = commands.recv() => {
                if command == Command::Cancel {
                    // The answer of the work shows whether it came in time; another key press sends it again.
                    let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
                }
            }
        }
    }
}
