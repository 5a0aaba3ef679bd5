//! `refreshtop schedule`: runs the refreshes without `pg_cron`.
//!
//! Several of them may run side by side, and beside `pg_cron`: at each tick one transaction takes an advisory lock,
//! checks in the log whether a scheduled attempt was made since the tick, and refreshes only if not. The lock only
//! coordinates instances: a session that never releases it delays a tick by some seconds, and can't prevent it, since the
//! refresh has a lock of its own.

mod attempt;
mod report;

use crate::{
    cli::arguments::Schedule,
    command::{Failure, default_view, session, signals::StopSignals, stdout_closed},
    output::{Output, clean, moment},
    settings::Settings,
};
use attempt::Attempt;
use chrono::{DateTime, Offset as _, Utc};
use futures_util::stream;
use refreshtop_connect::{ConnectError, Connected, Limits, Target};
use refreshtop_core::{address::ViewId, clock::ServerClock, exit, job::Job};
use refreshtop_db::{
    cancellable::{Lost, call, cancellable},
    error, reconnect, running,
    trigger::{self, Ended},
};
use report::Report;
use serde_json::json;
use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};
use tokio::time::sleep;
use tokio_postgres::Client;

/// Longest part of a long sleep: a machine that was suspended wakes up late.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

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

/// Refreshes at every tick until a signal stops it. A refresh that runs then may go on for the time of `--grace`, and
/// is cancelled after that, or at a second signal.
///
/// # Errors
/// At the start, if the database refuses or is not migrated. Later it keeps trying.
pub async fn run(schedule: &Schedule, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let clock = tokio::select! {
        clock = check_access(&settings.view, target) => clock?,
        () = stop.recv() => return Ok(()),
    };
    let meant = if settings.view_named { None } else { default_view::of(target).await? };
    let view = meant.as_ref().unwrap_or(&settings.view);
    let job = Job {
        cron_database: String::new(),
        schedule: schedule.cron.clone(),
        active: true,
        offset: Utc.fix(),
        last: None,
    };
    let mut driver = Driver { schedule, job, clock, report: Report { view, target, output }, stop };
    driver.run().await
}

struct Driver<'a> {
    schedule: &'a Schedule,
    job: Job,
    clock: ServerClock,
    report: Report<'a>,
    stop: StopSignals,
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

impl Driver<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let gone = stdout_closed::wait();
        tokio::pin!(gone);
        loop {
            let now = self.clock.at(Instant::now());
            let Some(tick) = self.job.next_run(now) else {
                return Err(Failure::new(exit::SETTINGS, "the schedule of --cron never occurs"));
            };
            let status = format!("next refresh at {} UTC", moment(tick));
            tracing::info!("{status}");
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(&status)]);
            tokio::select! {
                () = self.stop.recv() => return Ok(()),
                // Writing would fail only at the next tick, which may be far away.
                () = &mut gone => return Ok(()),
                () = sleep_until(self.clock, tick) => {}
            }
            match self.tick(tick).await? {
                Tick::Stopped => return Ok(()),
                ended => self.report.ended(tick, &ended)?,
            }
        }
    }

    /// Refreshes for a tick; keeps trying to connect until the next one is due.
    async fn tick(&mut self, tick: DateTime<Utc>) -> Result<Tick, Failure> {
        match self.connect(tick).await? {
            Ok(connected) => self.refresh(connected, tick).await,
            Err(ended) => Ok(ended),
        }
    }

    async fn connect(&mut self, tick: DateTime<Utc>) -> Result<Result<Connected, Tick>, Failure> {
        let Self { job, clock, report, stop, .. } = self;
        let next = job.next_run(tick);
        let mut reported = false;
        let failed = |failure: ConnectError| {
            if !reported {
                let message = failure.to_string();
                report.event(tick, "unreachable", json!({"message": message}), &message).map_err(Err)?;
                reported = true;
            }
            if next.is_some_and(|next| clock.at(Instant::now()) >= next) {
                let why = "the database could not be reached until the next tick";
                return Err(Ok(Tick::Ended(Ended::Lost(why.into()))));
            }
            Ok(())
        };
        tokio::select! {
            connected = reconnect::connect(report.target, "schedule", &Limits::WRITING, failed) => {
                connected.map_or_else(|gave_up| gave_up.map(Err), |connected| Ok(Ok(connected)))
            }
            () = stop.recv() => Ok(Err(Tick::Stopped)),
        }
    }

    async fn refresh(&mut self, connected: Connected, tick: DateTime<Utc>) -> Result<Tick, Failure> {
        let stop = &mut self.stop;
        let (grace, view) = (self.schedule.grace, self.report.view);
        let mut stopped = false;
        let cancel = async {
            stop.recv().await;
            stopped = true;
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
            tokio::select! {
                () = sleep(grace) => {}
                () = stop.recv() => {}
            }
        };
        let work = async |client: &Client| attempt::refresh(client, view, tick).await;
        let ended = match cancellable(connected, work, stream::once(cancel)).await {
            Ok(Attempt { clock, reply }) => {
                self.clock = clock;
                reply.map_or(Tick::Elsewhere, |reply| Tick::Ended(trigger::ended(Ok(reply))))
            }
            Err(lost) => Tick::Ended(trigger::ended(Err(lost))),
        };
        if stopped {
            self.report.ended(tick, &ended)?;
            return Ok(Tick::Stopped);
        }
        Ok(ended)
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
