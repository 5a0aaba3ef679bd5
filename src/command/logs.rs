//! `refreshtop logs`: the latest attempts, once or as they end.

use crate::{
    cli::arguments::Logs,
    command::{Failure, session, signals::StopSignals, stdout_closed},
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    address::{DatabaseId, ViewId},
    age,
    event::Event,
    exit,
    link::LinkEvent,
    run::{Run, RunStatus},
};
use refreshtop_db::{
    error::{Error, Result},
    events::Events,
    log,
    read_transaction::ReadTransaction,
    recent_runs::LogFilter,
    server_facts,
    session::Session,
    session_budget::SessionBudget,
    statistics,
    watcher::{self, Polls},
};
use serde_json::json;
use std::{collections::HashSet, io::Write as _, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use uuid::Uuid;

/// Longest read, with a session that may have to be opened for it.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// Attempts that each read of a follower covers: more than can end between two reads.
const FOLLOW_ROWS: u16 = 300;

/// Lists the newest attempts, newest first; with `--follow` oldest first, and until it is stopped.
///
/// # Errors
/// The database can't be reached, or its log can't be read. Once a follower has started, it keeps trying.
pub async fn run(logs: &Logs, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut app = session::open(target, "logs", &Limits::READING).await?;
    let since = match logs.since {
        Some(_) => {
            let facts = server_facts::server_facts(&app).await.map_err(|error| failed(target, &error))?;
            logs.from(facts.time)
        }
        None => None,
    };
    let known = async {
        let tx = ReadTransaction::begin(&mut app).await?;
        statistics::check_view(&tx, &settings.view).await?;
        tx.end();
        Ok(())
    };
    known.await.map_err(|error| failed(target, &error))?;
    if logs.follow {
        return follow(logs, settings, target, output, app, since).await;
    }
    let read = async {
        let tx = ReadTransaction::begin(&mut app).await?;
        let runs = log::runs_since(&tx, &settings.view, filter(logs), since, logs.limit).await?;
        tx.end();
        Ok(runs)
    };
    let runs = read.await.map_err(|error| failed(target, &error))?;
    session::close(app).await;
    if output.json {
        let object = json!({"count": runs.len(), "runs": runs.iter().map(json::run).collect::<Vec<_>>()});
        return output.object("logs", json::of_view(&target.id(), settings.view.as_str(), object));
    }
    output.print(&table(&runs, output))
}

fn filter(logs: &Logs) -> LogFilter {
    if logs.errors { LogFilter::Errors } else { LogFilter::All }
}

fn failed(target: &Target, error: &Error) -> Failure {
    session::failure("read the refresh log", target, error)
}

fn table(runs: &[Run], output: Output) -> String {
    let mut table = Table::new(&["started (UTC)", "status", "source", "duration", "sqlstate", "error"]);
    for run in runs {
        table.row(cells(run, output));
    }
    table.render(output)
}

fn cells(run: &Run, output: Output) -> [String; 6] {
    [
        moment(run.started_at),
        output.outcome(run.status == RunStatus::Success),
        json::origin(run.origin).to_owned(),
        run.duration_ms.map_or_else(|| "-".into(), age::duration_ms),
        run.sqlstate.as_deref().map_or_else(|| "-".into(), clean),
        run.error.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// Prints the attempts of a follower: an object each, or lines with columns of fixed width.
fn print(database: &str, view: &ViewId, runs: &[Run], output: Output) -> Result<(), Failure> {
    for run in runs {
        if output.json {
            output.object("run", json::of_view(database, view.as_str(), json::run(run)))?;
            continue;
        }
        let [started, status, source, duration, sqlstate, error] = cells(run, output);
        let pad = " ".repeat(usize::from(run.status == RunStatus::Error) * 2);
        let line = format!("{started}  {status}{pad}  {source:<8}  {duration:>8}  {sqlstate:<5}  {error}");
        output.print(line.trim_end())?;
    }
    Ok(())
}

async fn follow(
    logs: &Logs,
    settings: &Settings,
    target: &Target,
    output: Output,
    app: Session,
    since: Option<DateTime<Utc>>,
) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let mut follower = Follower { app: Some(app), seen: HashSet::new() };
    // Rows that are in the log now are printed or filtered out; later ones are new. The first read after the watcher
    // listens returns those in between.
    let mut runs = tokio::select! {
        runs = follower.new_runs(logs, settings, target) => runs.map_err(|error| failed(target, &error))?,
        () = stop.recv() => return Ok(()),
    };
    runs.retain(|run| since.is_none_or(|since| run.completed_at.unwrap_or(run.started_at) >= since));
    print(&target.id(), &settings.view, &runs[runs.len().saturating_sub(logs.limit.into())..], output)?;
    let (sender, mut received) = mpsc::channel(64);
    let database = DatabaseId::new(&target.id());
    // No poll is requested: a session of its own reads what is printed.
    let (_polls, requests) = mpsc::channel(1);
    let (_window, window) = watch::channel(settings.window);
    let events = Events::of(database, sender);
    let view = settings.view.clone();
    let polls = Polls { requests, window };
    let watcher = tokio::spawn(watcher::run(target.clone(), view, SessionBudget::default(), polls, events));
    let mut poll = tokio::time::interval(settings.poll);
    let mut down = false;
    let gone = stdout_closed::wait();
    tokio::pin!(gone);
    let ended = loop {
        let read = tokio::select! {
            () = stop.recv() => break Ok(()),
            () = &mut gone => break Ok(()),
            _ = poll.tick() => !down,
            event = received.recv() => match event.map(|(_, event)| event) {
                Some(Event::Link(LinkEvent::Down { reason, .. })) => {
                    if !down {
                        // Ignore the error: stderr may be closed.
                        let _ = writeln!(std::io::stderr(), "refreshtop: {}; trying again", clean(&reason));
                    }
                    down = true;
                    follower.app = None;
                    false
                }
                Some(Event::Link(LinkEvent::Connected | LinkEvent::Live | LinkEvent::Polling { .. })) => {
                    down = false;
                    true
                }
                Some(Event::Notified(_)) => true,
                Some(_) => false,
                None => break Err(Failure::new(exit::FAILURE, "the task that watches the database ended")),
            },
        };
        if !read {
            continue;
        }
        // The limit is for a server that hangs; a session that is lost is replaced.
        let runs = tokio::select! {
            () = stop.recv() => break Ok(()),
            () = &mut gone => break Ok(()),
            runs = timeout(LONGEST_READ, follower.new_runs(logs, settings, target)) => runs,
        };
        let Ok(runs) = runs else {
            let _ = writeln!(
                std::io::stderr(),
                "refreshtop: the database did not answer within {} s; trying again",
                LONGEST_READ.as_secs()
            );
            continue;
        };
        match runs {
            Ok(runs) => {
                if let Err(failure) = print(&target.id(), &settings.view, &runs, output) {
                    break Err(failure);
                }
            }
            Err(error) if session::exit_code(&error) == exit::CANNOT_CONNECT => follower.app = None,
            Err(error) => break Err(failed(target, &error)),
        }
    };
    watcher.abort();
    ended
}

/// Remembers attempts by id: a lost one is logged later, with an older time.
struct Follower {
    app: Option<Session>,
    seen: HashSet<Uuid>,
}

impl Follower {
    /// Attempts that the last read did not return, oldest first.
    async fn new_runs(&mut self, logs: &Logs, settings: &Settings, target: &Target) -> Result<Vec<Run>> {
        let mut app = match self.app.take() {
            Some(app) => app,
            None => match session::open(target, "logs", &Limits::READING).await {
                Ok(app) => app,
                // The watcher reports why, and when to try again.
                Err(_) => return Ok(Vec::new()),
            },
        };
        let rows = FOLLOW_ROWS.max(logs.limit);
        let tx = ReadTransaction::begin(&mut app).await?;
        let mut runs = log::runs_since(&tx, &settings.view, filter(logs), None, rows).await?;
        tx.end();
        self.app = Some(app);
        let now = runs.iter().map(|run| run.id).collect();
        let before = std::mem::replace(&mut self.seen, now);
        runs.retain(|run| !before.contains(&run.id));
        runs.reverse();
        Ok(runs)
    }
}
