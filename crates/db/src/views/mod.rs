//! The materialized views of a database, managed or not, from catalog rows, the registry and the statistics.

mod board;

use crate::{
    cron_settings::{self, CronSettings},
    error::{self, Error, Result},
    jobs,
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::{self, LISTED_ERROR},
    refusal::Refusal,
    row::{FromRow as _, Row, moment, some_text, text},
    session::Session,
    snapshot::Kept,
    trust::Thing,
};
use refreshtop_core::{
    address::ViewId,
    reading::{Reading, Unavailable},
    run::RunStatus,
    stats::RefreshStats,
    views::{
        Last, LastBlocker, OwnLimits, Recent, Registered, Relation, Usual, View, Views,
        details::{Catalog, Details},
        live::ATTEMPTS,
        names::ViewName,
    },
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, time::Duration};

/// Names must read the same whatever the database's settings say.
const SETTINGS: &str = "SET LOCAL quote_all_identifiers = off; ";

pub use board::{Known, board};

const LIST: &str = include_str!("list.sql");
/// The same columns, without what costs time.
const LIST_OF_BOARD: &str = include_str!("board.sql");
/// One view in detail: `$1` is its oid.
pub(crate) const DETAILS: &str = include_str!("details.sql");

/// Attempts of each view that are read along.
const RECENT: u16 = ATTEMPTS;

/// Whether there is a registry, and whether this role sees its rows: row security shows none to a role without a policy.
const REGISTRY_FACTS: &str = "
    SELECT c.oid IS NOT NULL AS installed,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
               AND (NOT row_security_active(c.oid) OR EXISTS (
                    SELECT 1 FROM pg_policy p CROSS JOIN unnest(p.polroles) role(id)
                    WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                      AND (role.id = 0 OR pg_has_role(role.id, 'USAGE')))) AS readable
    FROM (SELECT 1) one
    LEFT JOIN pg_namespace n ON n.nspname = 'refreshtop'
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'views'";

const REGISTRY: &str = "
    SELECT v.refresh_type::text AS refresh_type, v.view_schema::text AS schema, v.view_name::text AS name,
           CASE v.view_schema WHEN 'public' THEN format('%I', v.view_name)
                              ELSE format('%I.%I', v.view_schema, v.view_name) END AS sql,
           v.view_oid::int8 AS oid, v.view_owner::text AS owner, v.time_zone,
           (SELECT coalesce(jsonb_object_agg(s.key, coalesce(s.value, '')), '{}') FROM jsonb_each_text(v.settings) s)::text AS settings,
           extract(epoch FROM v.lock_timeout)::float8 AS lock_timeout, extract(epoch FROM v.keep_log)::float8 AS keep_log,
           v.blocking, v.managed_at IS NULL AS by_migration,
           left(v.schedule, 200) AS schedule, extract(epoch FROM v.run_every)::float8 AS run_every,
           extract(epoch FROM v.max_age)::float8 AS max_age, extract(epoch FROM v.max_duration)::float8 AS max_duration,
           v.success_warning::float8 AS success_warning, v.success_critical::float8 AS success_critical,
           extract(epoch FROM v.stats_window)::float8 AS stats_window,
           extract(epoch FROM v.time_limit)::float8 AS time_limit
    FROM refreshtop.views v";

/// Reads all of them, with the statistics of the managed ones over `window`, or over each view's own: one round trip,
/// unless the session has great rights.
pub async fn read(app: &mut Kept, window: Option<Duration>) -> Result<Views> {
    app.read(move |tx| Box::pin(views(tx, window))).await
}

/// The same in a transaction.
pub async fn views(tx: &ReadTransaction<'_>, window: Option<Duration>) -> Result<Views> {
    Ok(views_and_cron(tx, window).await?.0)
}

/// The same with the settings of `pg_cron`, if they could be read.
pub(super) async fn views_and_cron(
    tx: &ReadTransaction<'_>,
    window: Option<Duration>,
) -> Result<(Views, Option<CronSettings>)> {
    let (views, cron, jobs) = tokio::join!(
        biased;
        all(tx, LIST, window),
        cron_settings::cron_settings_in(tx),
        jobs::rows_here(tx, true),
    );
    let mut views = views?;
    let jobs = jobs::here(tx, &cron, jobs, &views).await?;
    views.set_jobs(&jobs);
    Ok((views, cron.ok()))
}

async fn all(tx: &ReadTransaction<'_>, list: &str, window: Option<Duration>) -> Result<Views> {
    // Polled together they share a round trip.
    let (relations, facts, registry, stats, recent) = tokio::join!(
        biased;
        tx.ask_after(SETTINGS, &[], list, &[]),
        tx.one(&[], REGISTRY_FACTS, &[]),
        tx.ask_after(SETTINGS, &[Thing::Relation("refreshtop.views")], REGISTRY, &[]),
        statistics(tx, window),
        recent(tx),
    );
    let relations = relations?.iter().map(relation).collect::<Result<_>>()?;
    let registry = registry.and_then(|rows| rows.iter().map(registered).collect());
    Parts { relations, facts: facts?, registry, stats, recent }.assemble(tx, window).await
}

/// What is read of all views. Each part but the first two can be missing by itself.
struct Parts {
    relations: Vec<(ViewName, Relation)>,
    /// The answer to [`REGISTRY_FACTS`].
    facts: Row,
    registry: Result<Vec<Registered>>,
    stats: Result<BTreeMap<ViewId, RefreshStats>>,
    recent: Result<BTreeMap<ViewId, Recent>>,
}

impl Parts {
    async fn assemble(self, tx: &ReadTransaction<'_>, window: Option<Duration>) -> Result<Views> {
        let server = tx.facts().await;
        let role = &server.server.role;
        let (installed, readable) =
            (self.facts.try_get("installed")?, self.facts.try_get::<Option<bool>, _>("readable")? == Some(true));
        let (registry, stats) = match (installed, readable) {
            (false, _) => (Ok(Vec::new()), Ok(BTreeMap::new())),
            (true, false) => {
                let hidden = Unavailable::new(
                    format!("which views are managed: role {role} may not read refreshtop.views"),
                    error::grant(role),
                );
                (Err(hidden), part("statistics", role, self.stats)?)
            }
            (true, true) => {
                (part("which views are managed", role, self.registry)?, part("statistics", role, self.stats)?)
            }
        };
        // Without them the statistics are missing as well, and say why.
        let recent = match self.recent {
            Err(failure) if error::fails_all(&failure) => return Err(failure),
            recent => recent.unwrap_or_default(),
        };
        let read = (server.time, server.server.clone(), window);
        Ok(Views::assemble(read, self.relations, registry, stats, recent))
    }
}

/// Reads all of them, and what the catalogs tell about each one whose oid is `wanted`.
pub async fn read_in_detail(
    app: &mut Kept,
    window: Option<Duration>,
    wanted: fn(&Views) -> Vec<i64>,
) -> Result<(Views, BTreeMap<i64, Result<Catalog>>)> {
    app.read(move |tx| {
        Box::pin(async move {
            let views = views(tx, window).await?;
            // Polled together they share a round trip.
            let read = wanted(&views).into_iter().map(|oid| async move { (oid, catalog(tx, Some(oid)).await) });
            let details = futures_util::future::join_all(read).await.into_iter().collect();
            Ok((views, details))
        })
    })
    .await
}

/// Names of views, as SQL writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Every materialized view.
    pub all: Vec<String>,
    /// The managed ones, as they are registered; `None` if this role may not see which these are.
    pub managed: Option<Vec<String>>,
}

/// Most names that are read.
const MOST_NAMES: i32 = 5000;

/// Reads the names alone.
pub async fn names(app: &mut Session) -> Result<Names> {
    let tx = ReadTransaction::begin(app).await?;
    let all = format!(
        "SELECT CASE n.nspname WHEN 'public' THEN format('%I', c.relname)
                               ELSE format('%I.%I', n.nspname, c.relname) END AS name
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'm' AND n.nspname <> 'refreshtop_before'
         ORDER BY 1 LIMIT {MOST_NAMES}"
    );
    let managed = format!("SELECT v.refresh_type::text AS name FROM refreshtop.views v ORDER BY 1 LIMIT {MOST_NAMES}");
    let (all, managed) = tokio::join!(
        biased;
        tx.ask_after(SETTINGS, &[], &all, &[]),
        tx.ask(&[Thing::Relation("refreshtop.views")], &managed, &[]),
    );
    tx.end();
    let names = |rows: Vec<Row>| rows.iter().map(|row| some_text(row, "name")).collect::<Result<Vec<_>>>();
    // Row security shows none to a role that may not see them.
    let managed = managed.and_then(names).ok().filter(|names| !names.is_empty());
    Ok(Names { all: names(all?)?, managed })
}

/// Reads `view` in detail, with at most `runs` of its newest attempts.
pub async fn details(tx: &ReadTransaction<'_>, view: &View, runs: u16) -> Result<Details> {
    let oid = view.relation.as_ref().map(|relation| relation.oid);
    let id = view.registered().map(|registered| registered.id.clone());
    let (catalog, attempts) = tokio::join!(biased; catalog(tx, oid), attempts(tx, id.as_ref(), runs));
    let role = &tx.facts().await.server.role;
    Ok(Details { catalog: catalog?, runs: part("attempts", role, attempts)? })
}

async fn catalog(tx: &ReadTransaction<'_>, oid: Option<i64>) -> Result<Catalog> {
    let Some(oid) = oid else { return Ok(Catalog::default()) };
    let rows = tx.ask_after(SETTINGS, &[], DETAILS, &[Parameter::Number(oid)]).await?;
    json(rows.first().ok_or(Error::NoRow)?, "catalog")
}

async fn attempts(tx: &ReadTransaction<'_>, id: Option<&ViewId>, limit: u16) -> Result<Vec<refreshtop_core::run::Run>> {
    match id {
        Some(id) => recent_runs::measured_runs(tx, id, limit).await,
        None => Ok(Vec::new()),
    }
}

/// Statistics of the refreshes of all managed views in the last `window`, or in each view's own.
async fn statistics(tx: &ReadTransaction<'_>, window: Option<Duration>) -> Result<BTreeMap<ViewId, RefreshStats>> {
    let sql = format!(
        "SELECT refresh_type::text, total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, {LISTED_ERROR}) AS last_error, last_success_at
         FROM refreshtop.stats_of_all($1)"
    );
    let rows = tx.ask(&[Thing::Function("stats_of_all")], &sql, &[Parameter::OptionalInterval(window)]).await?;
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "refresh_type")?), RefreshStats::from_row(row)?))).collect()
}

/// The newest attempts of all managed views.
async fn recent(tx: &ReadTransaction<'_>) -> Result<BTreeMap<ViewId, Recent>> {
    let sql = "SELECT r.*, r.last_error AS last_message FROM refreshtop.recent_of_all($1) r";
    let rows = tx.ask(&[Thing::Function("recent_of_all")], sql, &[Parameter::Integer(RECENT.into())]).await?;
    rows.iter().map(|row| Ok((ViewId::new(&some_text(row, "refresh_type")?), recent_of(row)?))).collect()
}

fn recent_of(row: &Row) -> Result<Recent> {
    let failed: Vec<bool> = row.try_get::<Option<_>, _>("failed")?.unwrap_or_default();
    let durations: Vec<Option<f32>> = row.try_get::<Option<_>, _>("durations")?.unwrap_or_default();
    let name = text(row, "blocker")?;
    let blocker = row.try_get::<Option<i32>, _>("blocker_pid")?.map(|pid| LastBlocker { pid, name });
    let is_success = text(row, "last_status")?.as_deref() == Some("success");
    let (sqlstate, error) = (text(row, "last_sqlstate")?, text(row, "last_message")?);
    let last = moment(row, "last_at")?.map(|at| Last {
        at,
        status: if is_success { RunStatus::Success } else { RunStatus::Error },
        sqlstate,
        error,
        blocker,
    });
    let usual = row.try_get::<Option<f64>, _>("usual_ms")?.zip(row.try_get::<Option<f64>, _>("spread_ms")?);
    Ok(Recent {
        last,
        attempts: failed.into_iter().zip(durations).collect(),
        streak: row.try_get::<Option<i32>, _>("streak")?.and_then(|streak| streak.try_into().ok()).unwrap_or_default(),
        streak_since: moment(row, "streak_since")?,
        usual: usual.map(|(ms, spread_ms)| Usual { ms, spread_ms }),
    })
}

/// A part that can be missing; only what ends everything fails it.
pub(super) fn part<T>(what: &str, role: &str, read: Result<T>) -> Result<Reading<T>> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(match error::refusal(&failure) {
            Some(Refusal::Missing(missing)) => {
                Unavailable::new(format!("{what}: {missing} does not exist"), "run: refreshtop migrate")
            }
            _ => error::unavailable(what, &failure, role),
        })),
    }
}

fn name(row: &Row) -> Result<ViewName> {
    Ok(ViewName { sql: some_text(row, "sql")?, schema: some_text(row, "schema")?, name: some_text(row, "name")? })
}

fn relation(row: &Row) -> Result<(ViewName, Relation)> {
    let relation = Relation {
        oid: row.try_get("oid")?,
        owner: some_text(row, "owner")?,
        populated: row.try_get("populated")?,
        rows: row.try_get("rows")?,
        size: row.try_get("size")?,
        unique_indexes: json(row, "unique_indexes")?,
        reads: row.try_get("reads")?,
        reads_views: json(row, "reads_views")?,
    };
    Ok((name(row)?, relation))
}

fn registered(row: &Row) -> Result<Registered> {
    let set = |name: &str| -> Result<Option<Duration>> {
        let seconds = row.try_get::<Option<f64>, _>(name)?;
        Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    };
    let length = |name: &str| set(name).map(Option::unwrap_or_default);
    Ok(Registered {
        id: ViewId::new(&some_text(row, "refresh_type")?),
        name: name(row)?,
        oid: row.try_get("oid")?,
        owner: text(row, "owner")?,
        lock_timeout: length("lock_timeout")?,
        keep_log: length("keep_log")?,
        time_zone: some_text(row, "time_zone")?,
        settings: json(row, "settings")?,
        blocking: row.try_get("blocking")?,
        by_migration: row.try_get("by_migration")?,
        schedule: text(row, "schedule")?,
        limits: OwnLimits {
            run_every: set("run_every")?,
            max_age: set("max_age")?,
            max_duration: set("max_duration")?,
            success_warning: row.try_get("success_warning")?,
            success_critical: row.try_get("success_critical")?,
            window: set("stats_window")?,
            time_limit: set("time_limit")?,
        },
    })
}

fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    serde_json::from_str(&some_text(row, column)?).map_err(|failure| Error::Decode(failure.to_string()))
}
