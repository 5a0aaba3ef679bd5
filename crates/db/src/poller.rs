//! Reads snapshots: a session in the application's database, and one in the database of `pg_cron` if that is another.

use crate::{
    cron_link::CronLink,
    default_view::{self, Choice, ShownView},
    error::{self, Error, Result},
    session::Session,
    snapshot::{self, Kept, Scope},
};
use refreshtop_connect::{ConnectError, Target};
use refreshtop_core::{
    address::ViewId,
    event::Event,
    reading::{Reading, Unavailable},
    snapshot::Snapshot,
    views::Views,
};
use std::time::Duration;

/// Runs that a poll brings: a day at the default interval.
const RUNS: u16 = 288;
/// Failures that a poll brings.
const ERRORS: u16 = 50;

/// What a poll reads.
#[derive(Debug)]
pub struct Polled {
    /// What is shown of one view.
    pub snapshot: Snapshot,
    /// All views.
    pub board: Option<Reading<Views>>,
}

impl From<Polled> for Event {
    fn from(polled: Polled) -> Self {
        Self::Polled(Box::new(polled.snapshot), polled.board.map(Box::new))
    }
}

/// Reads what is shown of one view, again and again.
#[derive(Debug)]
pub struct Poller {
    target: Target,
    view: ShownView,
    app: Kept,
    cron: CronLink,
}

impl Poller {
    /// Reads through `session`, which `target` led to.
    pub fn of(session: Session, target: Target, view: ShownView) -> Self {
        Self { cron: CronLink::new(target.clone()), target, view, app: Kept::of(session) }
    }

    /// Opens a session of its own.
    pub async fn open(target: &Target, view: &ViewId) -> Result<Self, ConnectError> {
        Ok(Self {
            target: target.clone(),
            view: ShownView::named(view.clone()),
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

    /// Reads everything, with statistics of `window`, or of the view's own. If the schedule can only be read in another database, to which no
    /// session is open yet, what is known without it goes to `early`.
    pub async fn poll(&mut self, window: Option<Duration>, early: impl FnOnce(Polled)) -> Result<Polled> {
        let scope = Scope { window, runs: RUNS, errors: ERRORS, board: true };
        let mut read = Box::pin(snapshot::read(&mut self.app, &self.view.get(), &scope)).await?;
        if read.stats_failure().is_some_and(|failure| self.view.is_open(failure)) {
            let known = read.board().and_then(|board| Choice::among(board.as_ref().ok()?));
            let chosen = match known {
                Some(choice) => Ok(choice),
                None => default_view::choose(&mut self.app.session).await,
            };
            match chosen {
                Ok(Choice::View(view)) => {
                    self.view.set(view);
                    read = Box::pin(snapshot::read(&mut self.app, &self.view.get(), &scope)).await?;
                }
                Ok(other) => read.has_no_stats(other.why_none().unwrap_or_default()),
                Err(failure) if error::fails_all(&failure) => return Err(failure),
                Err(_) => {}
            }
        }
        if let Some(database) = read.elsewhere().map(ToOwned::to_owned) {
            if !self.cron.is_open(&database) {
                early(Polled { snapshot: read.without_schedule(), board: read.board().cloned() });
            }
            Box::pin(read.read_elsewhere(self.cron.open(&database).await)).await;
        }
        let board = read.take_board();
        Ok(Polled { snapshot: read.complete(), board })
    }

    /// Why there is no snapshot, in a sentence.
    pub fn explain(&self, failure: &Error) -> Unavailable {
        error::unavailable("poll failed", failure, &self.target.user)
    }
}
