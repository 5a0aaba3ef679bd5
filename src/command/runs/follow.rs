//! `refreshtop runs --follow`: runs as they end.

use super::{
    Of, asked,
    columns::{Lines, csv_heading, csv_line},
    failed, query,
};
use crate::{
    cli::runs::{Format, RunsList},
    command::{Failure, session, signals::StopSignals, stdout_closed},
    output::{Output, clean, json},
    settings::Settings,
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::DatabaseId, event::Event, exit, link::LinkEvent, moment::Span};
use refreshtop_db::{
    default_view::ShownView,
    error::Result,
    events::Events,
    log::Logged,
    read_transaction::ReadTransaction,
    server_facts,
    session::Session,
    session_budget::SessionBudget,
    watcher::{self, Polls},
};
use std::{collections::HashSet, io::Write as _, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

/// Longest read, with a session that may have to be opened for it.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// Runs that each read covers: more than can end between two reads.
const ROWS: u16 = 300;
/// The same of all views.
const ROWS_OF_ALL: u16 = 3000;

/// Prints the newest runs, and then each that ends, until a signal or the reader of standard output ends it.
pub(super) async fn follow(
    list: &RunsList,
    settings: &Settings,
    of: &Of,
    target: &Target,
    output: Output,
    app: Session,
) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let since = match list.since {
        Some(since) => {
            let facts = server_facts::server_facts(&app).await.map_err(|error| failed(target, &error))?;
            since.before(facts.time)
        }
        None => None,
    };
    let mut follower = Follower {
        list,
        settings,
        of,
        target,
        output,
        lines: Lines::new(list.format(), of),
        app: Some(app),
        seen: HashSet::new(),
        down: false,
    };
    // Rows that are in the log now are printed or filtered out; later ones are new. The first read after the watcher
    // listens returns those in between.
    let mut runs = tokio::select! {
        runs = follower.new_runs() => runs.map_err(|error| failed(target, &error))?,
        () = stop.recv() => return Ok(()),
    };
    runs.retain(|Logged { run, .. }| since.is_none_or(|since| run.completed_at.unwrap_or(run.started_at) >= since));
    follower.print_heading()?;
    follower.print(&runs[runs.len().saturating_sub(list.newest.limit.into())..])?;
    let mut watcher = Watcher::spawn(settings, of, target);
    tokio::select! {
        () = stop.recv() => Ok(()),
        // Writing would fail only at the next attempt, which may be far away.
        () = stdout_closed::wait() => Ok(()),
        ended = follower.run(&mut watcher) => ended,
    }
}

/// Listens for events, and reconnects, until it is dropped.
struct Watcher {
    task: JoinHandle<()>,
    events: mpsc::Receiver<(DatabaseId, Event)>,
    /// No poll is requested: a session of its own reads what is printed.
    _polls: mpsc::Sender<()>,
    _window: watch::Sender<Option<Duration>>,
}

impl Watcher {
    fn spawn(settings: &Settings, of: &Of, target: &Target) -> Self {
        let (sender, events) = mpsc::channel(64);
        let (polls, requests) = mpsc::channel(1);
        let (keep, window) = watch::channel(settings.overrides.window);
        let queue = Events::of(DatabaseId::new(&target.id()), sender);
        let reads = Polls { requests, window };
        // A notification comes for every view; what is polled beside it is not printed.
        let view = match of {
            Of::One(view) => view.clone(),
            Of::All => settings.view.clone(),
        };
        let view = ShownView::named(view);
        let task = tokio::spawn(watcher::run(target.clone(), view, SessionBudget::default(), reads, queue));
        Self { task, events, _polls: polls, _window: keep }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Follower<'a> {
    list: &'a RunsList,
    settings: &'a Settings,
    of: &'a Of,
    target: &'a Target,
    output: Output,
    lines: Lines,
    app: Option<Session>,
    /// Runs of the last read, by id: a lost one is logged later, with an older time.
    seen: HashSet<Uuid>,
    down: bool,
}

impl Follower<'_> {
    /// Reads and prints after each event, and with each poll.
    async fn run(&mut self, watcher: &mut Watcher) -> Result<(), Failure> {
        let mut poll = tokio::time::interval(self.settings.poll);
        loop {
            let read = tokio::select! {
                _ = poll.tick() => !self.down,
                event = watcher.events.recv() => match event {
                    Some((_, event)) => self.may_have_runs(event),
                    None => return Err(Failure::new(exit::FAILURE, "the task that watches the database ended")),
                },
            };
            if read {
                self.read_and_print().await?;
            }
        }
    }

    /// Whether there may be something to read after `event`.
    fn may_have_runs(&mut self, event: Event) -> bool {
        match event {
            Event::Link(LinkEvent::Down { reason, .. }) => {
                if !self.down {
                    warn(&format!("{}; trying again", clean(&reason)));
                }
                self.down = true;
                self.app = None;
                false
            }
            Event::Link(LinkEvent::Connected | LinkEvent::Live | LinkEvent::Polling { .. }) => {
                self.down = false;
                true
            }
            Event::Notified(_) => true,
            _ => false,
        }
    }

    async fn read_and_print(&mut self) -> Result<(), Failure> {
        // The limit is for a server that hangs; a session that is lost is replaced.
        match timeout(LONGEST_READ, self.new_runs()).await {
            Ok(Ok(runs)) => self.print(&runs),
            Ok(Err(error)) if session::exit_code(&error) == exit::CANNOT_CONNECT => {
                self.app = None;
                Ok(())
            }
            Ok(Err(error)) => Err(failed(self.target, &error)),
            Err(_) => {
                let limit = LONGEST_READ.as_secs();
                warn(&format!("the database did not answer within {limit} s; trying again"));
                Ok(())
            }
        }
    }

    fn print_heading(&self) -> Result<(), Failure> {
        match self.list.format() {
            Format::Json => Ok(()),
            Format::Csv => self.output.print(&csv_heading()),
            Format::Table | Format::Wide => self.output.print(&self.lines.heading()),
        }
    }

    fn print(&self, runs: &[Logged]) -> Result<(), Failure> {
        for run in runs {
            match self.list.format() {
                Format::Json => {
                    let object = json::of_view(&self.target.id(), run.view.as_str(), json::logged(run));
                    self.output.object("run", object)?;
                }
                Format::Csv => self.output.print(&csv_line(run))?,
                Format::Table | Format::Wide => self.output.print(&self.lines.line(run, self.output))?,
            }
        }
        Ok(())
    }

    /// Runs that the last read did not return, oldest first.
    async fn new_runs(&mut self) -> Result<Vec<Logged>> {
        let mut app = match self.app.take() {
            Some(app) => app,
            None => match session::open(self.target, "runs", &Limits::READING).await {
                Ok(app) => app,
                // The watcher reports why, and when to try again.
                Err(_) => return Ok(Vec::new()),
            },
        };
        let rows = if *self.of == Of::All { ROWS_OF_ALL } else { ROWS };
        let rows = rows.max(self.list.newest.limit);
        let tx = ReadTransaction::begin(&mut app).await?;
        let mut runs = query(&tx, self.of, &asked(self.list, Span::default(), rows)).await?;
        tx.end();
        self.app = Some(app);
        let now = runs.iter().map(|logged| logged.run.id).collect();
        let before = std::mem::replace(&mut self.seen, now);
        runs.retain(|logged| !before.contains(&logged.run.id));
        runs.reverse();
        Ok(runs)
    }
}

fn warn(text: &str) {
    // Ignore the error: stderr may be closed.
    let _ = writeln!(std::io::stderr(), "refreshtop: {text}");
}
