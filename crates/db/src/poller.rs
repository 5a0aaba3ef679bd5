//! Reads snapshots: a session in the application's database, and one in the database of `pg_cron` if that is another.

use crate::{
    cron_link::CronLink,
    error::{self, Error, Result},
    session::Session,
    snapshot::{self, Kept, Scope},
};
use refreshtop_connect::{ConnectError, Target};
use refreshtop_core::{address::ViewId, reading::Unavailable, snapshot::Snapshot};
use std::time::Duration;

/// Runs that a poll brings: a day at the default interval.
const RUNS: u16 = 288;
/// Failures that a poll brings.
const ERRORS: u16 = 50;

/// Reads what is shown of one view, again and again.
#[derive(Debug)]
pub struct Poller {
    target: Target,
    view: ViewId,
    app: Kept,
    cron: CronLink,
}

impl Poller {
    /// Reads through `session`, which `target` led to.
    pub fn of(session: Session, target: Target, view: ViewId) -> Self {
        Self { cron: CronLink::new(target.clone()), target, view, app: Kept::of(session) }
    }

    /// Opens a session of its own.
    pub async fn open(target: &Target, view: &ViewId) -> Result<Self, ConnectError> {
        Ok(Self {
            target: target.clone(),
            view: view.clone(),
            app: Kept::open(target, "poll").await?,
            cron: CronLink::new(target.clone()),
        })
    }

    /// The session in the application's database.
    pub fn session(&self) -> &Session {
        &self.app.session
    }

    /// From now on a statement may be prepared on it, since no pooler gives it to others.
    pub fn set_direct(&mut self) {
        self.app.set_direct();
    }

    /// Whether that is lost.
    pub fn is_closed(&self) -> bool {
        self.app.session.is_closed()
    }

    /// Reads everything, with statistics of `window`. If the schedule can only be read in another database, to which no
    /// session is open yet, what is known without it goes to `early`.
    pub async fn poll(&mut self, window: Duration, early: impl FnOnce(Snapshot)) -> Result<Snapshot> {
        let scope = Scope { window, runs: RUNS, errors: ERRORS };
        let read = Box::pin(snapshot::read(&mut self.app, &self.view, &scope)).await?;
        let Some(database) = read.elsewhere().map(ToOwned::to_owned) else { return Ok(read.complete()) };
        if !self.cron.is_open(&database) {
            early(read.without_schedule());
        }
        Ok(read.complete_by(self.cron.open(&database).await).await)
    }

    /// Why there is no snapshot, in a sentence.
    pub fn explain(&self, failure: &Error) -> Unavailable {
        error::unavailable("poll failed", failure, &self.target.user)
    }
}
