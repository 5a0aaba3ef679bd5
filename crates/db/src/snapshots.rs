//! The same read as that of [`crate::snapshot`], of every managed view at once.

use crate::{
    contract::refresh_job,
    default_view,
    error::Result,
    read_transaction::ReadTransaction,
    recent_runs::{self, LISTED_ERROR},
    row::{FromRow as _, some_text},
    running,
    snapshot::{self, Kept, Read, Scope},
    trust::{LOG, Thing},
    views,
};
use refreshtop_core::{
    address::ViewId,
    limits::window_of,
    reading::{Reading, Unavailable},
    refresh::RunningRefresh,
    run::Run,
    snapshot::{Deployment, Snapshot},
    views::{View, Views},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const REGISTRY: Thing = Thing::Relation("refreshtop.views");

/// Every view of a database, and a snapshot of each one that is managed.
#[derive(Debug, Clone, PartialEq)]
pub struct All {
    /// Every materialized view.
    pub views: Views,
    /// The snapshots of the managed ones, by their `refresh_type`.
    pub snapshots: BTreeMap<ViewId, Snapshot>,
}

/// Reads `view`, and in the same round trip which views are managed.
pub async fn read_and_list(app: &mut Kept, view: &ViewId, scope: &Scope) -> Result<(Read, Result<Vec<String>>)> {
    let (view, scope) = (view.clone(), *scope);
    app.read(move |tx| {
        let view = view.clone();
        Box::pin(async move {
            let (read, managed) = tokio::join!(biased; snapshot::parts(tx, view, scope), default_view::managed_in(tx));
            Ok((read?, managed))
        })
    })
    .await
}

/// Reads every managed view, with at most `runs` of the newest attempts of each.
pub async fn read(app: &mut Kept, window: Option<Duration>, runs: u16) -> Result<All> {
    app.read(move |tx| Box::pin(all(tx, window, runs))).await
}

async fn all(tx: &ReadTransaction<'_>, window: Option<Duration>, limit: u16) -> Result<All> {
    let (views, runs, running) = tokio::join!(biased; views::views(tx, window), newest(tx, limit), under_way(tx));
    let (views, known) = (views?, Instant::now());
    let role = &*views.server.role;
    let mut runs = views::part("runs", role, runs)?;
    // If that can't be read, no refresh is shown as running.
    let mut running = views::part("running", role, running)?.unwrap_or_default();
    let mut snapshots = BTreeMap::new();
    for view in &views.views {
        let Some(registered) = view.registered() else { continue };
        let id = &registered.id;
        let runs = match &mut runs {
            Ok(runs) => Ok(runs.remove(id).unwrap_or_default()),
            Err(missing) => Err(missing.clone()),
        };
        let snapshot = Snapshot {
            view: id.clone(),
            server_time: views.at,
            read_for: known.elapsed(),
            window: window_of(&registered.limits, views.window),
            own_limits: registered.limits.clone(),
            server: views.server.clone(),
            stats: stats(&views, view),
            deployment: Deployment::Migrated,
            runs,
            errors: Ok(Vec::new()),
            job: view.job.reading(&refresh_job(id)),
            figures: Err(Unavailable::new(format!("{id} has no figures that are shown here"), "")),
            measured: None,
            running: running.remove(id),
        };
        snapshots.insert(id.clone(), snapshot);
    }
    Ok(All { views, snapshots })
}

fn stats(views: &Views, view: &View) -> Reading<refreshtop_core::stats::RefreshStats> {
    match (&view.stats, &views.statistics) {
        (Some(stats), _) => Ok(stats.clone()),
        (None, Err(missing)) => Err(missing.clone()),
        (None, Ok(())) => Err(Unavailable::new("it was registered a moment ago", "try again")),
    }
}

/// The newest attempts of each view, newest first.
async fn newest(tx: &ReadTransaction<'_>, limit: u16) -> Result<BTreeMap<ViewId, Vec<Run>>> {
    if limit == 0 {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "SELECT v.refresh_type::text AS of_view, r.*
         FROM refreshtop.views v
         CROSS JOIN LATERAL (
             {} FROM public.metrics_refresh_log l
             WHERE l.refresh_type = v.refresh_type AND l.created_at IS NOT NULL
             ORDER BY l.created_at DESC LIMIT {limit}) r
         ORDER BY v.refresh_type",
        recent_runs::select_runs(LISTED_ERROR)
    );
    let mut runs: BTreeMap<ViewId, Vec<Run>> = BTreeMap::new();
    for row in tx.ask(&[LOG, REGISTRY], &sql, &[]).await? {
        runs.entry(ViewId::new(&some_text(&row, "of_view")?)).or_default().push(Run::from_row(&row)?);
    }
    for runs in runs.values_mut() {
        runs.sort_by_key(|run| std::cmp::Reverse(run.completed_at.unwrap_or(run.started_at)));
    }
    Ok(runs)
}

/// The refreshes that are running, no matter who started them.
async fn under_way(tx: &ReadTransaction<'_>) -> Result<BTreeMap<ViewId, RunningRefresh>> {
    // Most views have no such lock, and need not be asked about.
    let sql = "WITH busy AS MATERIALIZED (
                   SELECT v.refresh_type::text AS of_view FROM refreshtop.views v
                   WHERE v.view_oid IN (SELECT l.relation FROM pg_locks l
                                        WHERE l.locktype = 'relation' AND l.mode = 'ExclusiveLock'))
               SELECT busy.of_view, r.pid, r.since, r.application_name
               FROM busy CROSS JOIN LATERAL refreshtop.running(busy.of_view) r";
    let rows = tx.ask(&[running::RUNS, REGISTRY], sql, &[]).await?;
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "of_view")?), running::of_row(row)?))).collect()
}
