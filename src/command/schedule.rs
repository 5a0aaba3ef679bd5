//! `refreshtop schedule`: drives the refreshes where `pg_cron` can't be had.
//!
//! Several of them may run side by side, and beside `pg_cron`: at each tick one transaction takes an advisory lock,
//! looks into the log whether a scheduled attempt was made since the tick, and refreshes only if not. The lock is a
//! courtesy among instances; whoever holds it for ever delays a tick by some seconds, and can't stop it, since the
//! refresh has a lock of its own.

use crate::{
    cli::arguments::Schedule,
    command::{
        Failure, reader,
        refresh::{self, Ended, Lost},
        session,
        signals::StopSignals,
    },
    output::{Output, clean, json, moment},
};
use chrono::{DateTime, Offset as _, Utc};
use refreshtop_connect::{ConnectError, Connected, Kind, Limits, Target};
use refreshtop_core::{age, clock::ServerClock, exit, job::Job, refresh::TriggerOutcome};
use refreshtop_db::{
    backoff,
    contract::PLATFORM_METRICS,
    error, migrate, running,
    session::PINNED,
    trigger,
    trust::{LOG, Trust},
};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};
use tokio::time::sleep;
use tokio_postgres::Client;

/// Second key of the advisory lock among instances; the first is that of the migrations.
const LOCK_KEY: i32 = 2;
/// How often another instance's lock is waited for, and how long each time.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_secs(1);
/// Time between two looks whether a long sleep is over: suspended machines wake up late.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// What became of a tick.
#[derive(Debug, Clone, PartialEq)]
enum Tick {
    /// It was refreshed here, or that was tried.
    Ended(Ended),
    /// Another instance, or `pg_cron`, has seen to it.
    Elsewhere,
    /// Asked to stop before it had begun.
    Stopped,
}

/// Refreshes at every tick until a signal stops it. A refresh that runs then may go on for the time of `--grace`, and
/// is cancelled after that, or at a second signal.
///
/// # Errors
/// At the start, where the database refuses or is not migrated. Later it goes on trying.
pub async fn run(schedule: &Schedule, target: &Target, output: Output) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let clock = tokio::select! {
        clock = first_look(target) => clock?,
        () = stop.recv() => return Ok(()),
    };
    let job = Job {
        cron_database: String::new(),
        schedule: schedule.cron.clone(),
        active: true,
        offset: Utc.fix(),
        last: None,
    };
    let mut driver = Driver { target, schedule, job, clock, output, stop };
    driver.run().await
}

struct Driver<'a> {
    target: &'a Target,
    schedule: &'a Schedule,
    job: Job,
    clock: ServerClock,
    output: Output,
    stop: StopSignals,
}

/// Waits until the database can be asked, and makes sure that this role may refresh.
async fn first_look(target: &Target) -> Result<ServerClock, Failure> {
    let mut pauses = backoff::quick_backoff();
    let mut told = false;
    let connected = loop {
        match refreshtop_connect::connect(target, "schedule", &Limits::READING).await {
            Ok(connected) => break connected,
            Err(failure) if failure.kind.may_pass() => {
                tracing::warn!(%failure, "not connected yet");
                if !told {
                    // Ignore the error: stderr may be closed.
                    let _ = writeln!(io::stderr(), "refreshtop: {}; trying again", clean(&failure.to_string()));
                    told = true;
                }
                sleep(pauses.next().unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(500))).await;
            }
            Err(failure) => return Err(failure.into()),
        }
    };
    let ask = async |client: &Client| {
        refresh::call(client, running::RUNS, running::RUNNING).await?;
        // A transaction holds the connection of the server on which the statement is prepared.
        client.batch_execute(&begin()).await?;
        let time = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get::<_, DateTime<Utc>>(0)?;
        client.batch_execute("COMMIT").await?;
        Ok(time)
    };
    match refresh::cancellable(connected, ask, std::future::pending()).await {
        Ok(time) => Ok(ServerClock::new(time, Instant::now())),
        Err(Lost::Failed(failure)) => Err(refused(&failure, &target.user)),
        Err(Lost::Untrusted(refusal)) => {
            let text = format!("cannot drive the refreshes: {}", trigger::kept_from(&refusal));
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
    Failure::new(code, format!("cannot drive the refreshes: {}{hint}", server.message()))
}

impl Driver<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let gone = reader::gone();
        tokio::pin!(gone);
        loop {
            let now = self.clock.at(Instant::now());
            let Some(tick) = self.job.next_run(now) else {
                return Err(Failure::new(exit::SETTINGS, "the schedule of --cron never comes round"));
            };
            let status = format!("next refresh at {} UTC", moment(tick));
            tracing::info!("{status}");
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(&status)]);
            tokio::select! {
                () = self.stop.recv() => return Ok(()),
                // It would end at the next tick, which may be far away.
                () = &mut gone => return Ok(()),
                () = sleep_until(self.clock, tick) => {}
            }
            match self.tick(tick).await? {
                Tick::Stopped => return Ok(()),
                ended => self.tell(tick, &ended)?,
            }
        }
    }

    /// Does what a tick asks for, and tries again until the next one is due.
    async fn tick(&mut self, tick: DateTime<Utc>) -> Result<Tick, Failure> {
        let (mut quick, mut slow) = (backoff::quick_backoff(), backoff::slow_backoff());
        let mut told = false;
        loop {
            let limits = Limits::WRITING;
            let connected = tokio::select! {
                connected = refreshtop_connect::connect(self.target, "schedule", &limits) => connected,
                () = self.stop.recv() => return Ok(Tick::Stopped),
            };
            let failure: ConnectError = match connected {
                Ok(connected) => return self.refresh(connected, tick).await,
                Err(failure) => failure,
            };
            if !told {
                self.event(tick, "unreachable", json!({"message": failure.to_string()}), &failure.to_string())?;
                told = true;
            }
            let soon = failure.kind.may_pass() && failure.kind != Kind::TooManyConnections;
            let pause = if soon { quick.next() } else { slow.next() }.unwrap_or(Duration::from_secs(1));
            let next = self.job.next_run(tick);
            if next.is_some_and(|next| self.clock.at(Instant::now()) >= next) {
                return Ok(Tick::Ended(Ended::Lost("the database could not be reached until the next tick".into())));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.recv() => return Ok(Tick::Stopped),
            }
        }
    }

    async fn refresh(&mut self, connected: Connected, tick: DateTime<Utc>) -> Result<Tick, Failure> {
        let stop = &mut self.stop;
        let grace = self.schedule.grace;
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
        let work = async |client: &Client| once(client, tick).await;
        let done = refresh::cancellable(connected, work, cancel).await;
        let ended = match done {
            Ok(Done { clock, reply }) => {
                self.clock = clock;
                reply.map_or(Tick::Elsewhere, |reply| Tick::Ended(refresh::ended(Ok(reply))))
            }
            Err(lost) => Tick::Ended(refresh::ended(Err(lost))),
        };
        if stopped {
            self.tell(tick, &ended)?;
            return Ok(Tick::Stopped);
        }
        Ok(ended)
    }

    fn tell(&self, tick: DateTime<Utc>, ended: &Tick) -> Result<(), Failure> {
        match ended {
            Tick::Stopped => Ok(()),
            Tick::Elsewhere => self.event(tick, "elsewhere", json!({}), "another scheduler has refreshed already"),
            Tick::Ended(Ended::Answered(TriggerOutcome::Success { duration_ms, .. })) => {
                let text = format!("refreshed in {}", age::duration_ms(*duration_ms));
                self.event(tick, "success", json!({"duration_ms": duration_ms}), &text)
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::Error { duration_ms, sqlstate, message })) => {
                let members = json!({"duration_ms": duration_ms, "sqlstate": sqlstate, "message": message});
                self.event(tick, "error", members, &format!("the refresh failed: {message}"))
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::AlreadyRunning { message })) => {
                self.event(tick, "running", json!({"message": message}), message)
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::Refused { message } | TriggerOutcome::Lost { message })) => {
                self.event(tick, "refused", json!({"message": message}), message)
            }
            Tick::Ended(Ended::Refused(code, message)) => {
                self.event(tick, "refused", json!({"sqlstate": code, "message": message}), message)
            }
            Tick::Ended(Ended::Untrusted(refusal)) => {
                let message = trigger::kept_from(refusal);
                self.event(tick, "refused", json!({"message": message}), &message)
            }
            Tick::Ended(Ended::Lost(message)) => self.event(tick, "lost", json!({"message": message}), message),
        }
    }

    fn event(&self, tick: DateTime<Utc>, outcome: &str, members: Value, text: &str) -> Result<(), Failure> {
        tracing::info!(outcome, "{text}");
        if !self.output.json {
            return self.output.print(&format!("{} UTC  {}", moment(tick), clean(text)));
        }
        let mut object = json!({"tick": json::moment(tick), "outcome": outcome});
        if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
            object.extend(members);
        }
        self.output.object("tick", json::of_view(&self.target.id(), PLATFORM_METRICS, object))
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

/// What one tick did.
struct Done {
    /// The server's clock.
    clock: ServerClock,
    /// The answer of the refresh; `None` where another scheduler had seen to the tick.
    reply: Option<Value>,
}

/// The begin of a transaction in which names mean PostgreSQL's own things.
fn begin() -> String {
    format!("BEGIN; {PINNED}")
}

async fn once(client: &Client, tick: DateTime<Utc>) -> Result<Done, Lost> {
    let mut tries = 0;
    let trust = Trust::of_client(client).await?;
    trust.allow_all(&[LOG, trigger::REFRESH])?;
    loop {
        tries += 1;
        client.batch_execute(&begin()).await?;
        let lock = "SELECT pg_try_advisory_xact_lock($1, $2), clock_timestamp()";
        let row = client.query_one(lock, &[&migrate::LOCK_CLASS, &LOCK_KEY]).await?;
        let (locked, time): (bool, DateTime<Utc>) = (row.try_get(0)?, row.try_get(1)?);
        let clock = ServerClock::new(time, Instant::now());
        // Our clock may be a little ahead of the server's, and an attempt before the tick would not count for it.
        let early = (tick - time).to_std().unwrap_or_default();
        if early.is_zero() {
            client.batch_execute(&trust.hold(&[LOG])).await?;
            if seen_to(client, tick).await? {
                client.batch_execute("ROLLBACK").await?;
                return Ok(Done { clock, reply: None });
            }
            if locked || tries >= LOCK_TRIES {
                // 'schedule' is said, since the name of the session may be the user's own.
                let refresh = "SELECT refreshtop.refresh($1, 'schedule')";
                let reply = client.query_one(refresh, &[&PLATFORM_METRICS]).await?.try_get(0)?;
                client.batch_execute("COMMIT").await?;
                return Ok(Done { clock, reply: Some(reply) });
            }
        }
        client.batch_execute("ROLLBACK").await?;
        sleep(if early.is_zero() { LOCK_PAUSE } else { early.min(LONGEST_SLEEP) }).await;
    }
}

/// Whether a scheduled attempt was made since the tick, by whomever.
async fn seen_to(client: &Client, tick: DateTime<Utc>) -> Result<bool, tokio_postgres::Error> {
    let attempt = "SELECT EXISTS (SELECT 1 FROM public.metrics_refresh_log
                                  WHERE refresh_type = $1 AND trigger_source = 'schedule' AND created_at >= $2
                                    AND started_at >= $2)";
    client.query_one(attempt, &[&PLATFORM_METRICS, &tick]).await?.try_get(0)
}
