//! `refreshtop schedule`: runs the refreshes without `pg_cron`.
//!
//! One process drives every view that has a schedule, some of them side by side; what has changed in the registry counts
//! within a minute. Several processes may run side by side, and beside `pg_cron`: at each tick one transaction takes an
//! advisory lock, checks in the log whether a scheduled attempt was made since the tick, and refreshes only if not. The
//! lock only coordinates instances: a session that never releases it delays a tick by some seconds, and can't prevent it,
//! since the refresh has a lock of its own.

mod attempt;
mod entries;
mod report;
mod tick;

use crate::{
    cli::arguments::Schedule,
    command::{Failure, default_view, session, signals::StopSignals, stdout_closed},
    output::{Output, clean, moment},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use entries::{Entries, Entry};
use futures_util::{
    future::LocalBoxFuture,
    stream::{self, FuturesUnordered, StreamExt as _},
};
use refreshtop_connect::{ConnectError, Limits, Target};
use refreshtop_core::{address::ViewId, clock::ServerClock, exit};
use refreshtop_db::{
    cancellable::{Lost, call, cancellable},
    error::{self, Result as Read},
    jobs, reconnect, running,
    session::Session,
    trigger::{self, Ended},
};
use report::Report;
use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};
use tick::{Due, Stop};
use tokio::{sync::watch, time::sleep};
use tokio_postgres::Client;

/// Longest part of a long sleep: a machine that was suspended wakes up late.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// How often the registry is read.
const RELOAD: Duration = Duration::from_mins(1);
/// The schedule of a view that has none, if nothing else is to be done.
const USUAL: &str = "*/5 * * * *";

/// What became of a tick.
#[derive(Debug, Clone, PartialEq)]
enum Tick {
    /// A refresh was made here, or tried.
    Ended(Ended),
    /// Another instance, or `pg_cron`, has refreshed since the tick.
    Elsewhere,
    /// A signal came before the refresh began.
    Stopped,
}

/// Refreshes at every tick until a signal stops it. Refreshes that run then may go on for the time of `--grace`, and
/// are cancelled after that, or at a second signal.
///
/// # Errors
/// At the start, if the database refuses or is not migrated. Later it keeps trying.
pub async fn run(schedule: &Schedule, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let clock = tokio::select! {
        clock = check_access(&settings.view, target) => clock?,
        () = stop.recv() => return Ok(()),
    };
    let registered = registered(target).await.unwrap_or_default();
    let single = schedule.cron.is_some() || settings.view_named || registered.is_empty();
    let entries = if single {
        let meant = if settings.view_named { None } else { default_view::of(target).await? };
        let view = meant.unwrap_or_else(|| settings.view.clone());
        let own = registered.into_iter().find(|entry| entry.view == view);
        let cron = schedule.cron.clone().or(own.map(|entry| entry.schedule)).unwrap_or_else(|| USUAL.to_owned());
        Entries::of(vec![Entry::new(view, cron, Duration::ZERO)])
    } else {
        Entries::of(registered)
    };
    let driver = Driver { schedule, target, output, single, entries, clock };
    driver.run(stop).await
}

/// The views that have a schedule, a while later.
async fn reread(target: &Target) -> Option<Vec<Entry>> {
    sleep(RELOAD).await;
    registered(target).await
}

/// The views that have a schedule.
async fn registered(target: &Target) -> Option<Vec<Entry>> {
    let read = async || -> Read<Option<Vec<Entry>>> {
        let Ok(mut app) = Session::open(target, "schedule", &Limits::READING).await else { return Ok(None) };
        let views = jobs::scheduled(&mut app).await?;
        session::close(app).await;
        Ok(Some(views.into_iter().map(|view| Entry::new(view.view, view.schedule, view.offset)).collect()))
    };
    match read().await {
        Ok(views) => views,
        Err(failure) => {
            tracing::warn!(failure = error::sentence(&failure), "the views that have a schedule could not be read");
            None
        }
    }
}

struct Driver<'a> {
    schedule: &'a Schedule,
    target: &'a Target,
    output: Output,
    /// Whether one view is driven, whatever the registry says.
    single: bool,
    entries: Entries,
    clock: ServerClock,
}

/// Waits until the database can be reached, and makes sure that this role may refresh.
async fn check_access(view: &ViewId, target: &Target) -> Result<ServerClock, Failure> {
    let mut reported = false;
    let failed = |failure: ConnectError| {
        if !failure.kind.may_pass() {
            return Err(Failure::from(failure));
        }
        tracing::warn!(%failure, "not connected yet");
        if !reported {
            // Ignore the error: stderr may be closed.
            let _ = writeln!(io::stderr(), "refreshtop: {}; trying again", clean(&failure.to_string()));
            reported = true;
        }
        Ok(())
    };
    let connected = reconnect::connect(target, "schedule", &Limits::READING, failed).await?;
    let read_clock = async |client: &Client| {
        call(client, &[running::RUNS], &running::process_statement(view)).await?;
        // In a transaction a pooler keeps the server connection on which the statement is prepared.
        client.batch_execute(&attempt::begin()).await?;
        let time = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get::<_, DateTime<Utc>>(0)?;
        client.batch_execute("COMMIT").await?;
        Ok(time)
    };
    match cancellable(connected, read_clock, stream::pending()).await {
        Ok(time) => Ok(ServerClock::new(time, Instant::now())),
        Err(Lost::Failed(failure)) => Err(refused(&failure, &target.user)),
        Err(Lost::Untrusted(refusal)) => {
            let text = format!("cannot run the refreshes: {}", trigger::kept_from(&refusal));
            Err(Failure::new(session::exit_code_of_refusal(&refusal), text))
        }
        Err(Lost::Silent) => Err(Failure::new(exit::CANNOT_CONNECT, "the database did not answer")),
    }
}

fn refused(failure: &tokio_postgres::Error, role: &str) -> Failure {
    let Some(server) = failure.as_db_error() else {
        return Failure::new(exit::CANNOT_CONNECT, error::driver_sentence(failure));
    };
    let code = session::exit_code_of(server.code().code());
    let hint = match code {
        exit::NOT_MIGRATED => "; run: refreshtop migrate".to_owned(),
        exit::NOT_PERMITTED => format!("; {}", server.hint().map_or_else(|| error::grant(role), str::to_owned)),
        _ => server.hint().map(|hint| format!("; {hint}")).unwrap_or_default(),
    };
    Failure::new(code, format!("cannot run the refreshes: {}{hint}", server.message()))
}

/// How a tick ended, of which view, and the server's clock after it.
type Done = (Due, Tick, Option<ServerClock>);

impl Driver<'_> {
    async fn run(mut self, mut stop: StopSignals) -> Result<(), Failure> {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let gone = stdout_closed::wait();
        tokio::pin!(gone);
        let (stopping, stopped) = watch::channel(Stop::default());
        let (target, grace) = (self.target, self.schedule.grace);
        let report = Report { target, output: self.output, names_view: !self.single };
        let mut running: FuturesUnordered<LocalBoxFuture<'_, Result<Done, Failure>>> = FuturesUnordered::new();
        let mut reread = Box::pin(reread(target));
        loop {
            let now = self.clock.at(Instant::now());
            while running.len() < self.schedule.jobs && *stopped.borrow() == Stop::No {
                let Some(due) = self.entries.take_due(now) else { break };
                running.push(Box::pin(tick::run(due, report, grace, stopped.clone(), self.clock)));
            }
            if self.single && self.entries.never_occur(now) {
                return Err(Failure::new(exit::SETTINGS, "the schedule never occurs"));
            }
            let wake = self.announce(now, running.len() < self.schedule.jobs);
            tokio::select! {
                () = stop.recv() => {
                    if running.is_empty() {
                        return Ok(());
                    }
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
                    stopping.send_modify(Stop::again);
                }
                // Writing would fail only at the next tick, which may be far away.
                () = &mut gone, if running.is_empty() => return Ok(()),
                Some(done) = running.next() => {
                    let (due, ended, clock) = done?;
                    self.clock = clock.unwrap_or(self.clock);
                    self.entries.release(&due.view);
                    report.ended(&due.view, due.tick, &ended)?;
                    if running.is_empty() && *stopped.borrow() != Stop::No {
                        return Ok(());
                    }
                }
                // Beside everything else: a database that does not answer keeps no signal waiting.
                views = &mut reread, if !self.single && *stopped.borrow() == Stop::No => {
                    if let Some(views) = views {
                        self.entries.replace(views);
                    }
                    reread.set(self::reread(target));
                }
                () = sleep_until(self.clock, wake) => {}
            }
        }
    }

    /// When something is to be done again; tells systemd and the log.
    fn announce(&mut self, now: DateTime<Utc>, has_room: bool) -> DateTime<Utc> {
        let longest = now + RELOAD;
        let Some((view, at)) = self.entries.next(now) else { return longest };
        let status = format!("next refresh at {} UTC ({})", moment(at), clean(view.as_str()));
        tracing::info!("{status}");
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(&status)]);
        if has_room { at.min(longest) } else { longest }
    }
}

async fn sleep_until(clock: ServerClock, tick: DateTime<Utc>) {
    while let Ok(left) = (tick - clock.at(Instant::now())).to_std() {
        if left.is_zero() {
            return;
        }
        sleep(left.min(LONGEST_SLEEP)).await;
    }
}
