//! One read of everything, and its verdict, for the commands that answer once.

use crate::{
    command::{Failure, default_view::meant, session},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{
    health::{self, Health},
    limits::ViewLimits,
    snapshot::Snapshot,
    stats::RefreshStats,
};
use refreshtop_db::{
    default_view,
    error::Error,
    snapshot::{self, Kept, Scope},
};

/// What was read, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Everything that was read; its statistics are those of `stats`.
    pub snapshot: Snapshot,
    /// The statistics, without which there is no report.
    pub stats: RefreshStats,
    /// The limits that it is judged by.
    pub limits: ViewLimits,
    /// The verdict.
    pub health: Health,
}

/// Reads once, with at most `runs` of the newest attempts.
pub async fn read(target: &Target, settings: &Settings, runs: u16) -> Result<Report, Failure> {
    let mut app = Kept::open(target, "report").await?;
    let report = read_on(&mut app, target, settings, runs).await;
    session::close(app.session).await;
    report
}

async fn read_on(app: &mut Kept, target: &Target, settings: &Settings, runs: u16) -> Result<Report, Failure> {
    let failed = |failure: &Error| session::failure("read the statistics", target, failure);
    let scope = Scope { window: settings.overrides.window, runs, errors: 0 };
    let mut read = Box::pin(snapshot::read(app, &settings.view, &scope)).await.map_err(|failure| failed(&failure))?;
    let unregistered = |failure: &Error| default_view::is_unregistered(&settings.view, failure);
    if !settings.view_named
        && read.stats_failure().is_some_and(unregistered)
        && let Some(view) = meant(default_view::choose(&mut app.session).await)?
    {
        read = Box::pin(snapshot::read(app, &view, &scope)).await.map_err(|failure| failed(&failure))?;
    }
    if let Some(failure) = read.stats_failure() {
        return Err(failed(failure));
    }
    let snapshot = match read.elsewhere() {
        None => read.complete(),
        Some(database) => {
            let there = Target { database: database.to_owned(), ..target.clone() };
            match Kept::open(&there, "schedule").await {
                Ok(mut there) => {
                    let snapshot = read.complete_by(Ok(&mut there)).await;
                    session::close(there.session).await;
                    snapshot
                }
                Err(failure) => read.complete_by(Err(failure)).await,
            }
        }
    };
    let stats = match &snapshot.stats {
        Ok(stats) => stats.clone(),
        Err(missing) => return Err(Failure::new(refreshtop_core::exit::FAILURE, missing.reason.clone())),
    };
    let limits = ViewLimits::resolve(&snapshot.own_limits, &settings.overrides);
    let health = health::evaluate(&stats, snapshot.server_time, &limits.thresholds());
    Ok(Report { snapshot, stats, limits, health })
}
