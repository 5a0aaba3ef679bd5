//! The session that polls: one snapshot at a time, and single runs in full.

use crate::connect::{ConnectError, Session, Target, bridge};
use crate::db::{
    error,
    service::{self, CronSettings, LogFilter, PLATFORM_METRICS, ServerFacts},
};
use crate::model::{
    job::Job,
    message::Message,
    reading::{Reading, Unavailable},
    run::RunDetail,
    snapshot::Snapshot,
};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use uuid::Uuid;

/// Runs that a poll brings: a day at the default interval.
const RUNS: u16 = 288;
/// Failures that a poll brings.
const ERRORS: u16 = 50;
/// A poll that takes longer than this has failed; its session is thrown away.
const POLL_LIMIT: Duration = Duration::from_secs(15);

/// Where the reader takes its work from. A run that was asked for and not yet read gives way to a newer one; a poll is
/// never lost behind runs.
#[derive(Debug)]
pub struct Requests {
    /// Read a snapshot.
    pub polls: mpsc::Receiver<()>,
    /// Read this run in full.
    pub run: watch::Receiver<Option<Uuid>>,
}

/// Reads until the polls' queue is closed. Every answer goes into `messages`.
pub async fn run(target: Target, window: Duration, mut requests: Requests, messages: mpsc::Sender<Message>) {
    let mut reader = Reader::new(target, window);
    loop {
        let run = tokio::select! {
            biased;
            poll = requests.polls.recv() => match poll {
                Some(()) => None,
                None => return,
            },
            Ok(()) = requests.run.changed() => match *requests.run.borrow_and_update() {
                Some(id) => Some(id),
                None => continue,
            },
        };
        let message = if let Ok(message) = timeout(POLL_LIMIT, reader.answer(run)).await {
            message
        } else {
            // The session is in the middle of something that may never end.
            reader = Reader::new(reader.target, window);
            let reason = format!("the database did not answer within {} s", POLL_LIMIT.as_secs());
            failed(run, Unavailable::new(reason, ""))
        };
        if messages.send(message).await.is_err() {
            return;
        }
    }
}

fn failed(run: Option<Uuid>, why: Unavailable) -> Message {
    match run {
        None => Message::PollFailed(why),
        Some(id) => Message::RunRead(id, Box::new(Err(why))),
    }
}

/// A pool of one session in the application's database, and one where `pg_cron` lives if that is another.
struct Reader {
    target: Target,
    window: Duration,
    pools: Option<Pools>,
}

struct Pools {
    target: Target,
    app: PgPool,
    cron: Option<(String, PgPool)>,
}

impl Pools {
    async fn open(target: &Target) -> Result<Self, ConnectError> {
        let app = bridge::pool(target, "poll", &Session::READING).await?.session;
        Ok(Self { target: target.clone(), app, cron: None })
    }

    async fn cron_session(&mut self, database: &str) -> sqlx::Result<PoolConnection<Postgres>> {
        let known = self.cron.take().filter(|(known, pool)| known == database && pool.num_idle() > 0);
        let (_, pool) = if let Some(known) = known {
            self.cron.insert(known)
        } else {
            let target = Target { database: database.to_owned(), ..self.target.clone() };
            let opened = bridge::pool(&target, "schedule", &Session::READING).await;
            let pool = opened.map_err(|failure| sqlx::Error::Configuration(Box::new(failure)))?.session;
            self.cron.insert((database.to_owned(), pool))
        };
        pool.acquire().await
    }
}

impl Reader {
    fn new(target: Target, window: Duration) -> Self {
        Self { target, window, pools: None }
    }

    async fn answer(&mut self, run: Option<Uuid>) -> Message {
        let mut pools = match self.pools.take() {
            Some(pools) => pools,
            None => match Pools::open(&self.target).await {
                Ok(pools) => pools,
                Err(failure) => return failed(run, Unavailable::new(failure.to_string(), "")),
            },
        };
        let message = match run {
            None => match self.snapshot(&mut pools).await {
                Ok(snapshot) => Message::Polled(Box::new(snapshot)),
                Err(failure) => {
                    // The server may come back with other ideas about TLS.
                    return failed(run, error::unavailable("poll failed", &failure, &self.target.user));
                }
            },
            Some(id) => Message::RunRead(id, Box::new(self.run(&pools, id).await)),
        };
        self.pools = Some(pools);
        message
    }

    async fn run(&self, pools: &Pools, id: Uuid) -> Reading<RunDetail> {
        let read = async { service::run_detail(&mut *pools.app.acquire().await?, id).await };
        read.await
            .map_err(|failure| error::unavailable("this run can't be read", &failure, &self.target.user))?
            .ok_or_else(|| Unavailable::new("this run is no longer in the log", ""))
    }

    /// Reads every part; each can be missing by itself, but a lost connection fails the whole.
    async fn snapshot(&self, pools: &mut Pools) -> sqlx::Result<Snapshot> {
        let mut connection = pools.app.acquire().await?;
        let facts = service::server_facts(&mut connection).await?;
        let role = facts.server.role.clone();
        let stats =
            part("statistics", &role, service::statistics(&mut connection, PLATFORM_METRICS, self.window).await)?;
        let runs =
            part("runs", &role, service::recent_runs(&mut connection, PLATFORM_METRICS, LogFilter::All, RUNS).await)?;
        let errors = part(
            "errors",
            &role,
            service::recent_runs(&mut connection, PLATFORM_METRICS, LogFilter::Errors, ERRORS).await,
        )?;
        let figures = part("platform_metrics", &role, service::figures(&mut connection).await)?
            .and_then(|row| row.ok_or_else(|| Unavailable::new("platform_metrics is empty", "press r to refresh it")));
        // Nobody is shown as running where that can't be seen.
        let running = part("running", &role, service::running(&mut connection, PLATFORM_METRICS).await)?.ok().flatten();
        let job = job(pools, &mut connection, &facts).await?;
        Ok(Snapshot { server_time: facts.time, server: facts.server, stats, runs, errors, job, figures, running })
    }
}

/// Reads the job where `pg_cron` lives.
async fn job(pools: &mut Pools, app: &mut PgConnection, facts: &ServerFacts) -> sqlx::Result<Reading<Job>> {
    let cron = match part("schedule", &facts.server.role, service::cron_settings(app).await)? {
        Ok(cron) => cron,
        Err(missing) => return Ok(Err(missing)),
    };
    let Some(cron_database) = &cron.database else { return Ok(Err(no_cron(&cron, &facts.server.role))) };
    let here = *cron_database == facts.server.database;
    let found = if here {
        service::job_here(app, &cron).await
    } else {
        match pools.cron_session(cron_database).await {
            Ok(mut session) => service::job_there(&mut session, &cron, &facts.server.database).await,
            Err(failure) => Err(failure),
        }
    };
    match found {
        Ok(job) => Ok(job.ok_or_else(|| no_job(cron_database, here, &facts.server.role))),
        // The other database may refuse us; that says nothing about this one.
        Err(failure) if here && error::is_connection_failure(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable("schedule", &failure, &facts.server.role))),
    }
}

fn no_cron(cron: &CronSettings, role: &str) -> Unavailable {
    if cron.readable {
        Unavailable::new(
            "pg_cron is not loaded on this server",
            "install it and add it to shared_preload_libraries, or let another scheduler call \
             refresh_platform_metrics_with_logging()",
        )
    } else {
        Unavailable::new(
            format!("whether pg_cron is loaded can't be seen by the owner of schema refreshtop (you are {role})"),
            "GRANT pg_read_all_settings to that owner",
        )
    }
}

fn no_job(cron_database: &str, here: bool, role: &str) -> Unavailable {
    let job = service::REFRESH_JOB;
    // In its own database we look as the owner; in another one pg_cron shows each role only its own jobs.
    let whose = if here { String::new() } else { format!(" that role {role} may see") };
    Unavailable::new(format!("no job {job}{whose} in pg_cron (database {cron_database})"), "run: refreshtop migrate")
}

/// Splits what a part of the snapshot answered: a lost connection ends the poll, anything else only this part.
fn part<T>(what: &str, role: &str, answer: sqlx::Result<T>) -> sqlx::Result<Reading<T>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::is_connection_failure(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable(what, &failure, role))),
    }
}
