//! Work on a server that a signal cancels, and that reports which sessions block it.
//!
//! The statement is cancelled on the server, as `trigger` does it: if the client just ended, the statement would go on and
//! be committed.

use crate::command::{Failure, signals::StopSignals};
use refreshtop_connect::{Canceller, Limits, Target};
use refreshtop_core::{exit, sanitize::printable};
use refreshtop_db::{
    session::Session,
    waits::{self, Blocker},
};
use std::{
    io::Write as _,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Longest request to cancel, connection included.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// Time between two requests: one that comes between two statements stops neither.
const CANCEL_PAUSE: Duration = Duration::from_millis(500);
/// How long the server may take to undo what was begun.
const CANCEL_PATIENCE: Duration = Duration::from_secs(20);
/// How long a lock is waited for before that is reported.
const QUIET: Duration = Duration::from_secs(2);
/// Time between two queries for blocking sessions.
const BLOCKERS_PAUSE: Duration = Duration::from_millis(500);

/// What the work and its watchers share.
#[derive(Debug, Default)]
pub struct Watch {
    sessions: Mutex<Vec<(Canceller, Option<i32>)>>,
    blockers: Mutex<Vec<Blocker>>,
    stopped: AtomicBool,
    settled: AtomicBool,
    quiet: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked ends the program anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// For work without a watcher, which prints nothing on standard error.
    pub fn silent() -> Self {
        Self { quiet: true, ..Self::default() }
    }

    /// Adds a session whose statements a signal cancels. If its backend process is known, the sessions that block it are
    /// reported.
    pub fn add(&self, canceller: Canceller, pid: Option<i32>) {
        locked(&self.sessions).push((canceller, pid));
    }

    /// Whether a signal came: to be checked before a commit.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// From here on nothing is cancelled: the commit is under way.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::SeqCst);
    }

    /// Whether nothing is cancelled any more.
    pub fn settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }

    /// The sessions that last blocked the work, in one phrase.
    pub fn blocked_by(&self) -> Option<String> {
        let blockers = locked(&self.blockers);
        (!blockers.is_empty()).then(|| waits::listed(&blockers))
    }

    /// Prints progress on standard error; standard output has the answer.
    pub fn progress(&self, text: &str) {
        if !self.quiet {
            // Ignore the error: stderr may be closed.
            let _ = writeln!(std::io::stderr(), "{}", printable(text));
        }
    }

    async fn cancel(&self) {
        if self.settled() {
            return;
        }
        let sessions: Vec<Canceller> = locked(&self.sessions).iter().map(|(canceller, _)| canceller.clone()).collect();
        for canceller in sessions {
            // The work's own answer shows whether the request came in time; a request that fails changes nothing.
            let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
        }
    }

    /// Reports which sessions block the work; never ends.
    async fn report_blockers(&self, target: &Target) {
        sleep(QUIET.saturating_sub(BLOCKERS_PAUSE)).await;
        let mut session = None;
        let (mut since, mut reported) = (None, Vec::new());
        loop {
            sleep(BLOCKERS_PAUSE).await;
            let pids: Vec<i32> = locked(&self.sessions).iter().filter_map(|(_, pid)| *pid).collect();
            if pids.is_empty() {
                continue;
            }
            if session.is_none() {
                // Without a session nothing is reported; the work itself fails if something is wrong.
                session = Session::open(target, "waits", &Limits::READING).await.ok();
            }
            let Some(open) = &mut session else { continue };
            let Ok(found) = waits::blockers(open, &pids).await else {
                session = None;
                continue;
            };
            // If the wait ends in an error, that comes before the next query, and names these.
            locked(&self.blockers).clone_from(&found);
            if found.is_empty() {
                (since, reported) = (None, Vec::new());
                continue;
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed() + BLOCKERS_PAUSE;
            let seen: Vec<i32> = found.iter().map(|blocker| blocker.pid).collect();
            if waited >= QUIET && seen != reported {
                self.progress(&format!("waiting for a lock, at most 30 s, blocked by {}", waits::listed(&found)));
                reported = seen;
            }
        }
    }
}

/// Does `work`. A signal cancels its statement on the server and waits until that is rolled back; a second one ends the
/// program at once. With `quiet` no progress is printed.
pub async fn run<T>(
    target: &Target,
    quiet: bool,
    work: impl AsyncFnOnce(&Watch) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut stop = StopSignals::listen()?;
    let watch = Watch { quiet, ..Watch::default() };
    // On the heap: the future is large.
    let mut work = Box::pin(work(&watch));
    let mut reporting = Box::pin(watch.report_blockers(target));
    tokio::select! {
        biased;
        ended = &mut work => return ended,
        () = stop.recv() => {}
        () = &mut reporting => {}
    }
    watch.stopped.store(true, Ordering::SeqCst);
    if locked(&watch.sessions).is_empty() {
        return Err(Failure::new(exit::FAILURE, "stopped by a signal before anything had begun"));
    }
    watch.progress(
        "stopping: the statement on the server is being cancelled; a second signal ends this program at once",
    );
    let cancelling = async {
        let until = Instant::now() + CANCEL_PATIENCE;
        while Instant::now() < until {
            watch.cancel().await;
            sleep(CANCEL_PAUSE).await;
        }
    };
    tokio::select! {
        biased;
        ended = &mut work => ended.map_err(|failure| {
            Failure::new(exit::FAILURE, format!("stopped by a signal: {failure}"))
        }),
        () = stop.recv() => Err(Failure::new(
            exit::FAILURE,
            "ended by a second signal; the server rolls back what was not committed",
        )),
        () = cancelling => Err(Failure::new(
            exit::CANNOT_CONNECT,
            "stopped by a signal: the server did not answer the request to cancel; it rolls back what was not committed",
        )),
    }
}
