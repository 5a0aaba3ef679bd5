//! One look at everything, for the commands that answer once.

use crate::{
    command::{Failure, session},
    connect::{Session, Target},
    db::{
        error, handmade,
        service::{self, LogFilter, PLATFORM_METRICS},
    },
    model::{
        health::{self, Health},
        job::Job,
        reading::{Reading, Unavailable},
        run::Run,
        snapshot::{Deployment, Server, Snapshot},
        stats::RefreshStats,
    },
    settings::Settings,
};
use sqlx::PgConnection;
use std::time::Duration;

/// What a look saw, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Everything that was read; its statistics are those of `stats`.
    pub snapshot: Snapshot,
    /// The statistics, without which there is no look.
    pub stats: RefreshStats,
    /// The verdict.
    pub health: Health,
}

/// Looks once, with at most `runs` of the newest attempts.
///
/// # Errors
/// The database can't be reached, or its statistics can't be read.
pub async fn look(target: &Target, settings: &Settings, runs: u16) -> Result<Look, Failure> {
    let mut app = session::open(target, "look", &Session::READING).await?;
    let look = look_on(&mut app, target, settings, runs).await;
    session::close(app).await;
    look
}

/// The same on a session that is open.
///
/// # Errors
/// As for [`look`].
pub async fn look_on(app: &mut PgConnection, target: &Target, settings: &Settings, runs: u16) -> Result<Look, Failure> {
    let failed = |failure: sqlx::Error| session::failure("read the statistics", target, &failure);
    let facts = service::server_facts(app).await.map_err(failed)?;
    let role = facts.server.role.clone();
    let Log { stats, runs: all, deployment } = read_log(app, settings, &role, runs).await.map_err(failed)?;
    let figures = service::figures(app).await;
    let figures = figures.map_err(|failure| error::unavailable("platform_metrics", &failure, &role));
    let running = service::running(app, PLATFORM_METRICS).await.ok().flatten();
    let job = refresh_job(app, target, &facts.server, deployment).await;
    let health = health::evaluate(&stats, facts.time, &settings.thresholds);
    let snapshot = Snapshot {
        window: settings.window,
        server_time: facts.time,
        read_for: Duration::ZERO,
        server: facts.server,
        deployment,
        stats: Ok(stats.clone()),
        runs: all,
        errors: Ok(Vec::new()),
        job,
        figures: figures.and_then(|row| {
            row.ok_or_else(|| Unavailable::new("platform_metrics is empty", "run: refreshtop trigger"))
        }),
        running,
    };
    Ok(Look { snapshot, stats, health })
}

/// What the log says, and whether refreshtop's functions had to be asked for it.
struct Log {
    stats: RefreshStats,
    runs: Reading<Vec<Run>>,
    deployment: Deployment,
}

/// Reads the log; where refreshtop's functions are missing, by hand, as the monitor does.
async fn read_log(app: &mut PgConnection, settings: &Settings, role: &str, limit: u16) -> sqlx::Result<Log> {
    let missing = match service::statistics(app, PLATFORM_METRICS, settings.window).await {
        Ok(stats) => {
            let runs = service::recent_runs(app, PLATFORM_METRICS, LogFilter::All, limit).await;
            let runs = runs.map_err(|failure| error::unavailable("runs", &failure, role));
            return Ok(Log { stats, runs, deployment: Deployment::Migrated });
        }
        Err(failure) if error::is_missing(&failure) => failure,
        Err(failure) => return Err(failure),
    };
    let survey = handmade::survey(app).await?;
    let stats = handmade::statistics(app, &survey, role, PLATFORM_METRICS, settings.window).await?;
    // Where that can't be read either, migrating is what mends it.
    let Ok(stats) = stats else { return Err(missing) };
    let runs = handmade::runs(app, &survey, role, PLATFORM_METRICS, LogFilter::All, None, limit).await?;
    Ok(Log { stats, runs, deployment: survey.deployment() })
}

/// The job that refreshes, wherever `pg_cron` lives.
async fn refresh_job(app: &mut PgConnection, target: &Target, server: &Server, deployment: Deployment) -> Reading<Job> {
    let migrated = deployment == Deployment::Migrated;
    let unreadable = |failure: sqlx::Error| error::unavailable("schedule", &failure, &server.role);
    let cron = if migrated { service::cron_settings(app).await } else { handmade::cron_settings(app).await };
    let cron = cron.map_err(unreadable)?;
    let Some(database) = &cron.database else {
        return Err(Unavailable::new(
            if cron.readable {
                "pg_cron is not loaded on this server"
            } else {
                "whether pg_cron is loaded can't be seen"
            },
            "run: refreshtop schedule",
        ));
    };
    let found = if *database == server.database {
        let found = if migrated {
            service::job_here(app, &cron).await
        } else {
            handmade::job(app, &cron, &server.database).await
        };
        found.map_err(unreadable)?
    } else {
        let there = session::open_in(target, database, "schedule", &Session::READING).await;
        let mut there = there.map_err(|failure| Unavailable::new(failure.to_string(), ""))?;
        let found = service::job_there(&mut there, &cron, &server.database).await.map_err(unreadable);
        session::close(there).await;
        found?
    };
    let missing = || format!("no job {} in pg_cron (database {database})", service::REFRESH_JOB);
    let mend = if migrated { "run: refreshtop job restore" } else { "run: refreshtop migrate" };
    found.ok_or_else(|| Unavailable::new(missing(), mend))
}
