//! Work on a server that a signal stops, and that says for whom it waits.
//!
//! The statement is cancelled on the server, as `trigger` does it: a client that just ends leaves it running, and what it
//! does would be committed after all.

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
/// How long a lock is waited for without a word.
const QUIET: Duration = Duration::from_secs(2);
/// Time between two looks who is in the way.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What the work and those who watch over it know of each other.
#[derive(Debug, Default)]
pub struct Watch {
    sessions: Mutex<Vec<(Canceller, Option<i32>)>>,
    in_the_way: Mutex<Vec<Blocker>>,
    stopped: AtomicBool,
    settled: AtomicBool,
    quiet: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked ends the program anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// For work that nobody watches, which says nothing on standard error.
    pub fn silent() -> Self {
        Self { quiet: true, ..Self::default() }
    }

    /// Adds a session whose statements a signal cancels. Where its backend process is known, it is told who is in its way.
    pub fn add(&self, canceller: Canceller, pid: Option<i32>) {
        locked(&self.sessions).push((canceller, pid));
    }

    /// Whether a signal came. Work that is about to make something last asks this first.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// From here on nothing is cancelled: what was decided is carried out.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::SeqCst);
    }

    /// Whether nothing is cancelled any more.
    pub fn settled(&self) -> bool {
        self.settled.load(Ordering::SeqCst)
    }

    /// Who was last seen in the way of a lock that was waited for, in one phrase.
    pub fn in_the_way(&self) -> Option<String> {
        let blockers = locked(&self.in_the_way);
        (!blockers.is_empty()).then(|| waits::listed(&blockers))
    }

    /// Tells a person, or a log, how far it is. Not on standard output, which has the answer.
    pub fn say(&self, text: &str) {
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
            // The work's own answer tells whether the request came in time; one that fails changes nothing.
            let _ = timeout(CANCEL_LIMIT, canceller.cancel()).await;
        }
    }

    /// Looks who is in the way, and says so; never ends.
    async fn look(&self, target: &Target) {
        sleep(QUIET.saturating_sub(LOOK_PAUSE)).await;
        let mut session = None;
        let (mut since, mut told) = (None, Vec::new());
        loop {
            sleep(LOOK_PAUSE).await;
            let pids: Vec<i32> = locked(&self.sessions).iter().filter_map(|(_, pid)| *pid).collect();
            if pids.is_empty() {
                continue;
            }
            if session.is_none() {
                // What can't be seen is not told; the work itself meets what is wrong.
                session = Session::open(target, "waits", &Limits::READING).await.ok();
            }
            let Some(open) = &mut session else { continue };
            let Ok(found) = waits::blockers(open, &pids).await else {
                session = None;
                continue;
            };
            // An error that comes of the wait is there before the next look.
            locked(&self.in_the_way).clone_from(&found);
            if found.is_empty() {
                (since, told) = (None, Vec::new());
                continue;
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed() + LOOK_PAUSE;
            let seen: Vec<i32> = found.iter().map(|blocker| blocker.pid).collect();
            if waited >= QUIET && seen != told {
                self.say(&format!("waiting for a lock, at most 30 s: in the way is {}", waits::listed(&found)));
                told = seen;
            }
        }
    }
}

/// Does `work`. A signal cancels on the server what it is doing and waits until that is undone; a second one ends the
/// program at once. With `quiet` nothing is said meanwhile.
pub async fn run<T>(
    target: &Target,
    quiet: bool,
    work: impl AsyncFnOnce(&Watch) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut stop = StopSignals::listen()?;
    let watch = Watch { quiet, ..Watch::default() };
    // On the heap: what it keeps between two answers is large.
    let mut work = Box::pin(work(&watch));
    let mut looking = Box::pin(watch.look(target));
    tokio::select! {
        biased;
        ended = &mut work => return ended,
        () = stop.recv() => {}
        () = &mut looking => {}
    }
    watch.stopped.store(true, Ordering::SeqCst);
    if locked(&watch.sessions).is_empty() {
        return Err(Failure::new(exit::FAILURE, "stopped by a signal before anything had begun"));
    }
    watch.say("stopping: what runs on the server is being cancelled; a second signal ends this program at once");
    let asking = async {
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
        () = asking => Err(Failure::new(
            exit::CANNOT_CONNECT,
            "stopped by a signal: the server was asked to cancel and did not answer; it rolls back what was not committed",
        )),
    }
}
