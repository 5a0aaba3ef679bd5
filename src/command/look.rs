//! One look at everything, for the commands that answer once.

use crate::db::session::{Error, Result, Session};
use crate::{
    command::{Failure, session},
    connect::{Limits, Target},
    db::{
        error, handmade,
        service::{self, CronSettings, LogFilter, PLATFORM_METRICS},
        trust,
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
    let mut app = session::open(target, "look", &Limits::READING).await?;
    let look = look_on(&mut app, target, settings, runs).await;
    session::close(app).await;
    look
}

/// The same on a session that is open.
///
/// # Errors
/// As for [`look`].
pub async fn look_on(app: &mut Session, target: &Target, settings: &Settings, runs: u16) -> Result<Look, Failure> {
    let failed = |failure: Error| session::failure("read the statistics", target, &failure);
    let look = trust::Look::begin(app).await.map_err(failed)?;
    let facts = look.facts().clone();
    let role = facts.server.role.clone();
    let Log { stats, runs: all, deployment } = read_log(&look, settings, &role, runs).await.map_err(failed)?;
    let figures = service::figures(&look).await;
    let figures = figures.map_err(|failure| error::unavailable("platform_metrics", &failure, &role));
    let running = service::running(&look, PLATFORM_METRICS).await.ok().flatten();
    let job = job_here(&look, &facts.server, deployment).await;
    look.end();
    let job = match job {
        Ok(Found::Here(job)) => Ok(job),
        // Only now: the look must not last as long as another database takes.
        Ok(Found::Elsewhere(cron)) => job_elsewhere(target, &facts.server, &cron).await,
        Err(missing) => Err(missing),
    };
    let job = job.and_then(|(database, found)| found.ok_or_else(|| no_job(&database, deployment)));
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
async fn read_log(look: &trust::Look<'_>, settings: &Settings, role: &str, limit: u16) -> Result<Log> {
    let missing = match service::statistics(look, PLATFORM_METRICS, settings.window).await {
        Ok(stats) => {
            let runs = service::recent_runs(look, PLATFORM_METRICS, LogFilter::All, limit).await;
            let runs = runs.map_err(|failure| error::unavailable("runs", &failure, role));
            return Ok(Log { stats, runs, deployment: Deployment::Migrated });
        }
        Err(failure) if error::is_missing(&failure) => failure,
        Err(failure) => return Err(failure),
    };
    // Whose log is not looked at for a reason of its own is told that reason.
    look.allow_unless_missing(trust::LOG)?;
    let survey = handmade::survey(look).await?;
    let stats = handmade::statistics(look, &survey, role, PLATFORM_METRICS, settings.window).await?;
    // Where that can't be read either, migrating is what mends it.
    let Ok(stats) = stats else { return Err(missing) };
    let runs = handmade::runs(look, &survey, role, PLATFORM_METRICS, LogFilter::All, None, limit).await?;
    Ok(Log { stats, runs, deployment: survey.deployment() })
}

/// The database of `pg_cron` with the job in it, if there is one; or where else to look for it.
enum Found {
    Here((String, Option<Job>)),
    Elsewhere(CronSettings),
}

/// Looks for the job that refreshes in the application's database.
async fn job_here(look: &trust::Look<'_>, server: &Server, deployment: Deployment) -> Reading<Found> {
    let migrated = deployment == Deployment::Migrated;
    let unreadable = |failure: Error| error::unavailable("schedule", &failure, &server.role);
    let cron = if migrated { service::cron_settings_in(look).await } else { handmade::cron_settings(look).await };
    let cron = cron.map_err(unreadable)?;
    let Some(database) = cron.database.clone() else {
        return Err(Unavailable::new(
            if cron.readable {
                "pg_cron is not loaded on this server"
            } else {
                "whether pg_cron is loaded can't be seen"
            },
            "run: refreshtop schedule",
        ));
    };
    if database != server.database {
        return Ok(Found::Elsewhere(cron));
    }
    let found = if migrated {
        service::job_here(look, &cron).await
    } else {
        handmade::job(look, &cron, &server.database).await
    };
    Ok(Found::Here((database, found.map_err(unreadable)?)))
}

/// Looks for it where `pg_cron` lives.
async fn job_elsewhere(target: &Target, server: &Server, cron: &CronSettings) -> Reading<(String, Option<Job>)> {
    let database = cron.database.clone().unwrap_or_default();
    let there = session::open_in(target, &database, "schedule", &Limits::READING).await;
    let mut there = there.map_err(|failure| Unavailable::new(failure.to_string(), ""))?;
    let found = async {
        let look = trust::Look::begin(&mut there).await?;
        let job = service::job_there(&look, cron, &server.database).await?;
        look.end();
        Ok(job)
    };
    let found = found.await.map_err(|failure| error::unavailable("schedule", &failure, &server.role));
    session::close(there).await;
    Ok((database, found?))
}

fn no_job(database: &str, deployment: Deployment) -> Unavailable {
    let migrated = deployment == Deployment::Migrated;
    let mend = if migrated {
        "run: refreshtop job restore; if a job of another role is the schedule, only superusers see it"
    } else {
        "run: refreshtop migrate"
    };
    Unavailable::new(format!("no job {} in pg_cron (database {database})", service::REFRESH_JOB), mend)
}
