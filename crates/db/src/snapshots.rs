//! The same read as that of [`crate::snapshot`], of every managed view at once.

use crate::{
    cron_settings::CronSettings,
    default_view,
    error::Result,
    jobs,
    read_transaction::ReadTransaction,
    recent_runs::{self, LISTED_ERROR},
    row::{FromRow as _, some_text},
    running,
    snapshot::{self, Kept, Read, Scope},
    trust::{LOG, Thing},
    views,
};
use refreshtop_connect::ConnectError;
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
    sync::Arc,
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
    elsewhere: Option<CronSettings>,
}

impl All {
    /// The database that has the schedules; `None` if they were read already.
    pub fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_ref().and_then(|cron| cron.database.as_deref())
    }

    /// Reads the schedules through the session `there` in [`Self::elsewhere`].
    pub async fn read_elsewhere(&mut self, there: Result<&mut Kept, ConnectError>) {
        let Some(cron) = &self.elsewhere else { return };
        let jobs = jobs::elsewhere(there, cron, &self.views).await;
        self.views.set_jobs(&jobs);
        for view in &self.views.views {
            if let Some((id, snapshot)) = view.id().and_then(|id| Some((id, self.snapshots.get_mut(id)?))) {
                snapshot.job = view.job.reading(id);
            }
        }
    }
}

/// What is read before it is known whether there are several views.
#[derive(Debug)]
pub struct Whole {
    /// The view that is meant if there are not.
    pub read: Read,
    /// The names of the managed views.
    pub managed: Result<Vec<String>>,
    /// Every managed view.
    pub all: Result<All>,
}

/// Reads `view`, and in the same round trip every managed view, with at most `scope.runs` of the newest attempts of each.
pub async fn read(app: &mut Kept, view: &ViewId, scope: &Scope) -> Result<Whole> {
    let (view, scope) = (view.clone(), *scope);
    app.read(move |tx| {
        let view = view.clone();
        Box::pin(async move {
            let (read, managed, all) = tokio::join!(
                biased;
                snapshot::parts(tx, view, scope, Arc::default()),
                default_view::managed_in(tx),
                all(tx, scope.window, scope.runs),
            );
            Ok(Whole { read: read?, managed, all })
        })
    })
    .await
}

async fn all(tx: &ReadTransaction<'_>, window: Option<Duration>, limit: u16) -> Result<All> {
    let (views, runs, running) =
        tokio::join!(biased; views::views_and_cron(tx, window), newest(tx, limit), under_way(tx));
    let ((views, cron), known) = (views?, Instant::now());
    let is_elsewhere =
        |cron: &CronSettings| cron.database.as_ref().is_some_and(|there| *there != views.server.database);
    let elsewhere = cron.filter(is_elsewhere);
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
            job: view.job.reading(id),
            figures: Err(Unavailable::new(format!("{id} has no figures that are shown here"), "")),
            measured: None,
            running: running.remove(id),
        };
        snapshots.insert(id.clone(), snapshot);
    }
    Ok(All { views, snapshots, elsewhere })
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
