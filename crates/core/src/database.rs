//! What is known of one database, and when it is read next.

use crate::{
    address::{DatabaseId, ViewId},
    clock::ServerClock,
    link::{Link, LinkEvent},
    notification::Notification,
    reading::{Reading, Unavailable},
    refresh::Trigger,
    request::Request,
    run::{Run, RunStatus},
    snapshot::Snapshot,
    views::Views,
};
use chrono::TimeDelta;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Runs kept from notifications beside what a poll brings.
pub const RUNS_KEPT: usize = 300;
/// Pause between a notification and the read that completes it, so that a burst costs one read.
pub const SETTLE: Duration = Duration::from_millis(50);
/// Least time between two such reads while notifications keep coming.
pub const BURST_PAUSE: Duration = Duration::from_millis(500);
/// Pause after a failed poll, if the poll interval is longer.
pub const RETRY_POLL: Duration = Duration::from_secs(5);

/// One database.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// Which.
    pub id: DatabaseId,
    /// Name of the profile, or `None` for a bare URL.
    pub profile: Option<String>,
    /// Host (and port, if it is not 5432) or socket folder; never a password.
    pub host: String,
    /// How events arrive.
    pub link: Link,
    /// The server's clock, once it has been read.
    pub clock: Option<ServerClock>,
    /// When it is read next.
    pub polling: Polling,
    /// Why the newest poll failed, if it did.
    pub poll_error: Option<Unavailable>,
    /// When the newest snapshot, or a notification after it, arrived.
    pub updated_at: Option<Instant>,
    /// The refresh that this program triggered here.
    pub trigger: Trigger,
    /// All its materialized views, with what notifications have added since they were read; `None` before that.
    pub board: Option<Reading<Views>>,
    /// What is known in detail of the views that are shown.
    pub views: BTreeMap<ViewId, View>,
    /// Failures known from notifications during the poll under way.
    pending: Vec<Notification>,
}

/// What is known of one view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// The newest snapshot, with what notifications have added since.
    pub snapshot: Option<Snapshot>,
    /// Runs known from notifications during the poll under way, which may have read the log before they were in it.
    pending: Vec<Run>,
}

/// When a database is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polling {
    /// When the next poll is due; `None` while one is under way or nothing is connected.
    pub due: Option<Instant>,
    /// Whether a poll is under way.
    pub running: bool,
    /// Whether something happened during that poll, so that another must follow.
    pub again: bool,
}

impl Database {
    /// A database of which nothing is known but which `views` are wanted.
    pub fn new(id: DatabaseId, profile: Option<String>, host: String, views: impl IntoIterator<Item = ViewId>) -> Self {
        Self {
            id,
            profile,
            host,
            link: Link::Connecting,
            clock: None,
            polling: Polling::default(),
            poll_error: None,
            updated_at: None,
            trigger: Trigger::Idle,
            board: None,
            pending: Vec::new(),
            views: views.into_iter().map(|view| (view, View::default())).collect(),
        }
    }

    /// Whether it answers. Without it everything that is known of it is old.
    pub fn connected(&self) -> bool {
        matches!(self.link, Link::Connected | Link::Live | Link::Polling { .. })
    }

    /// Whether it is known to be a standby, which can't refresh.
    pub fn is_standby(&self) -> bool {
        self.views.values().filter_map(|view| view.snapshot.as_ref()).any(|snapshot| snapshot.server.standby)
    }

    /// Asks for a snapshot, or remembers that another is wanted after the one under way.
    pub fn poll(&mut self) -> Option<Request> {
        if !self.connected() {
            return None;
        }
        self.polling.due = None;
        if self.polling.running {
            self.polling.again = true;
            return None;
        }
        (self.polling.running, self.polling.again) = (true, false);
        self.views.values_mut().for_each(|view| view.pending.clear());
        self.pending.clear();
        Some(Request::Poll)
    }

    /// Takes in what became of the connection at the local moment `now`; true if it must be read now.
    pub fn linked(&mut self, event: LinkEvent, now: Instant) -> bool {
        match event {
            LinkEvent::Connected => {
                self.link = Link::Connected;
                // The requests of the session before are not answered any more.
                self.polling.running = false;
            }
            // LISTEN came first; what happened before it is read now.
            LinkEvent::Live => self.link = Link::Live,
            LinkEvent::Polling { reason } => self.link = Link::Polling { reason },
            LinkEvent::Down { reason, retry_in } => {
                let (since, attempts) = match self.link {
                    Link::Down { since, attempts, .. } => (since, attempts),
                    _ => (now, 0),
                };
                self.link = Link::Down { reason, since, attempts, retry_at: now.checked_add(retry_in) };
                self.polling = Polling::default();
                return false;
            }
            LinkEvent::Resumed { slept } => self.resumed(slept),
            LinkEvent::Retrying => {
                if let Link::Down { attempts, retry_at, .. } = &mut self.link {
                    *attempts = attempts.saturating_add(1);
                    *retry_at = None;
                }
                return false;
            }
        }
        true
    }

    /// Ages continue as if the local clock had not stood still; what happened meanwhile is read at once.
    fn resumed(&mut self, slept: Duration) {
        self.clock = self.clock.map(|clock| clock.after_sleep(slept));
        // A clock that counts from boot may not reach back that far.
        self.updated_at = self.updated_at.map(|at| at.checked_sub(slept).unwrap_or(at));
    }

    /// Takes in a notification.
    pub fn notified(&mut self, notification: &Notification, now: Instant) {
        let run = notification.run();
        let in_board = self.all_mut().is_some_and(|views| views.notified(notification));
        let view = self.views.get_mut(&ViewId::new(&notification.refresh_type));
        if !in_board && view.is_none() {
            return;
        }
        self.updated_at = Some(now);
        let polling = self.polling.running;
        if let Some(view) = view {
            if let Some(snapshot) = &mut view.snapshot {
                take_in(snapshot, &run);
            }
            if polling && view.pending.len() < RUNS_KEPT {
                view.pending.push(run);
            }
        }
        // The figures and the error's text follow by a read; a burst of notifications shares one.
        if self.polling.running {
            self.polling.again = true;
            if self.pending.len() < RUNS_KEPT {
                self.pending.push(notification.clone());
            }
        } else {
            let soon = now + SETTLE;
            self.polling.due = Some(self.polling.due.map_or(soon, |due| due.min(soon)));
        }
    }

    /// All its views, if they could be read.
    pub fn all(&self) -> Option<&Views> {
        self.board.as_ref()?.as_ref().ok()
    }

    fn all_mut(&mut self) -> Option<&mut Views> {
        self.board.as_mut()?.as_mut().ok()
    }

    /// Shows `view` from now on: until it has been read, what is known of it among all views.
    pub fn show(&mut self, view: &ViewId) {
        let before = std::mem::take(&mut self.views);
        let known = before.into_values().find_map(|view| view.snapshot);
        let snapshot = known.zip(self.all()).map(|(known, all)| known.of_another(view, all));
        self.views.insert(view.clone(), View { snapshot, pending: Vec::new() });
    }

    /// Takes in all views.
    pub fn read_all(&mut self, board: Reading<Views>) {
        self.board = Some(board);
        for notification in std::mem::take(&mut self.pending) {
            self.all_mut().map(|views| views.notified(&notification));
        }
    }

    /// Takes in a snapshot; the next poll follows in `interval`.
    pub fn polled(&mut self, mut snapshot: Snapshot, now: Instant, interval: Duration) {
        let view = self.views.entry(snapshot.view.clone()).or_default();
        for run in std::mem::take(&mut view.pending) {
            take_in(&mut snapshot, &run);
        }
        // The server's clock was read first, and the poll may have taken its time since.
        let server_now = snapshot.server_time + TimeDelta::from_std(snapshot.read_for).unwrap_or_default();
        view.snapshot = Some(snapshot);
        self.clock = Some(ServerClock::new(server_now, now));
        self.updated_at = Some(now);
        self.poll_error = None;
        self.poll_done(now, interval);
    }

    /// Takes in that a poll failed; the next one follows in `interval`, or sooner.
    pub fn poll_failed(&mut self, error: Unavailable, now: Instant, interval: Duration) {
        self.poll_error = Some(error);
        self.poll_done(now, interval.min(RETRY_POLL));
    }

    fn poll_done(&mut self, now: Instant, next_in: Duration) {
        self.polling.running = false;
        if !self.connected() {
            return;
        }
        let pause = if self.polling.again { BURST_PAUSE } else { next_in };
        self.polling.again = false;
        self.polling.due = now.checked_add(pause);
    }
}

/// Puts a run known from its notification at the head of the lists. One that is there stays as it is: the
/// log knows more of it than the payload.
fn take_in(snapshot: &mut Snapshot, run: &Run) {
    let insert = |list: &mut Vec<Run>| {
        if list.iter().any(|known| known.id == run.id) {
            return false;
        }
        let place = list.partition_point(|known| known.started_at > run.started_at);
        list.insert(place, run.clone());
        list.truncate(RUNS_KEPT);
        true
    };
    let is_new = snapshot.runs.as_mut().is_ok_and(insert);
    if run.status == RunStatus::Error
        && let Ok(errors) = &mut snapshot.errors
    {
        insert(errors);
    }
    // Any role can send on the channel. A failure counts at once; a success counts when the log says so, which is read
    // next: a forged notification can't make a failing system look healthy.
    if let (true, RunStatus::Error, Ok(stats)) = (is_new, run.status, &mut snapshot.stats) {
        stats.add_failure(run.completed_at.unwrap_or(run.started_at));
    }
    snapshot.running = None;
}
