//! The gaps in the log from one success to the next that are incidents: an attempt in them failed, or they are longer
//! than figures may be old. The server groups the rows of the window, so that what is sent does not grow with the log;
//! the log is read in whatever shape it has.

use crate::{
    error::{self, Result},
    parameter::Parameter,
    quote::identifier,
    read_transaction::ReadTransaction,
    row::{Row, moment, text},
    trust::{LOG, Thing},
    unmanaged::{self, Log},
};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_core::{
    address::ViewId,
    incident::{Blocker, Failure, Gap, Record, Recovery},
    reading::{Reading, Unavailable},
    run::Origin,
    snapshot::Deployment,
};
use std::{collections::BTreeMap, time::Duration};

/// Incidents that are read, the newest ones.
const MOST: usize = 300;
/// Failures of an incident whose black boxes are read, the first ones.
const BOXES: u16 = 5;
/// Sessions of one black box that are read.
const SESSIONS: u16 = 20;
/// Sessions of an incident that are named.
const NAMED: u16 = 3;
/// Largest black box that is read, bytes as stored.
const LARGEST_BOX: u32 = 32_768;
/// Longest message that is sent along, characters.
const MESSAGE: u16 = 2_000;
/// How far before the window failures are searched if no success is on record.
const BEFORE: Duration = Duration::from_hours(30 * 24);

/// Reads the incidents of `view` in the last `window`; figures are stale from the age of `limit` on.
pub async fn read(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    window: Duration,
    limit: Duration,
) -> Result<Reading<Record>> {
    let catalog = unmanaged::catalog(tx).await?;
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let unmanaged = catalog.deployment() == Deployment::Unmanaged;
    let edge = match edge(tx, view, &log, window).await {
        Err(failure) if unmanaged && !error::fails_all(&failure) => {
            let role = role(tx).await?;
            let grant = format!("GRANT SELECT ON public.metrics_refresh_log TO {}", identifier(&role));
            return Ok(Err(error::unavailable_but_for("incidents", &failure, &grant)));
        }
        answer => answer?,
    };
    let mut found = gaps(tx, &log, &edge, limit).await?;
    let mut from = Some(edge.since);
    if !edge.success && found.len() <= MOST {
        let (oldest, known) = without_success(tx, &log, &edge).await?;
        found.extend(oldest);
        from = known.map(|known| known.max(edge.since));
    }
    if found.is_empty() {
        let role = role(tx).await?;
        if let Some(hidden) = catalog.hidden(&role)
            && (unmanaged || !is_super_admin(tx).await?)
        {
            return Ok(Err(if unmanaged { hidden } else { not_permitted(&role) }));
        }
    }
    let cut = found.len() > MOST;
    found.truncate(MOST);
    if cut {
        // The sums are about the listed incidents only.
        from = found.last().and_then(|oldest| oldest.gap.after).max(from);
    }
    describe(tx, view, &log, &mut found).await?;
    name_blockers(tx, &log, &edge, &mut found).await?;
    let gaps = found.into_iter().map(|found| found.gap).collect();
    Ok(Ok(Record { from, read_at: edge.read_at, gaps, cut }))
}

fn not_permitted(role: &str) -> Unavailable {
    Unavailable::new(
        format!("incidents: role {role} is not a super administrator, and row security shows it nothing"),
        format!("GRANT refreshtop_admin TO {}", identifier(role)),
    )
}

async fn role(tx: &ReadTransaction<'_>) -> Result<String> {
    tx.one(&[], "SELECT current_user::text AS role", &[]).await?.try_get("role")
}

async fn is_super_admin(tx: &ReadTransaction<'_>) -> Result<bool> {
    match tx.one(&[Thing::Function("is_super_admin")], "SELECT refreshtop.is_super_admin() AS admin", &[]).await {
        // A role that may not call it is not one.
        Err(failure) if !error::fails_all(&failure) => Ok(false),
        answer => answer?.try_get("admin"),
    }
}

/// The begin of the window, and of what is read: the last success before it.
struct Edge {
    view: ViewId,
    read_at: DateTime<Utc>,
    since: DateTime<Utc>,
    floor: DateTime<Utc>,
    /// Whether there was such a success.
    success: bool,
}

impl Edge {
    /// What [`attempts`] takes: the view and the floor.
    fn parameters(&self) -> [Parameter<'_>; 2] {
        [Parameter::Text(self.view.as_str()), Parameter::Moment(self.floor)]
    }
}

async fn edge(tx: &ReadTransaction<'_>, view: &ViewId, log: &Log<'_>, window: Duration) -> Result<Edge> {
    let sql = format!(
        "SELECT w.read_at, w.since,
                (SELECT {created}::timestamptz FROM public.metrics_refresh_log l
                 WHERE {of_type} AND {status} = 'success' AND {created} <= statement_timestamp() - {window}
                 ORDER BY {created} DESC LIMIT 1) AS floor
         FROM (SELECT statement_timestamp() AS read_at, statement_timestamp() - {window} AS since) w",
        created = log.created_at(),
        of_type = log.of_type(),
        status = log.column("status", "text"),
        window = "least($2, interval '1000 years')",
    );
    let row = tx.one(&[LOG], &sql, &[Parameter::Text(view.as_str()), Parameter::Interval(window)]).await?;
    let read_at: DateTime<Utc> = row.try_get("read_at")?;
    let since = moment(&row, "since")?.unwrap_or(DateTime::UNIX_EPOCH);
    let before = TimeDelta::from_std(BEFORE).unwrap_or_default();
    let floor = moment(&row, "floor")?;
    Ok(Edge { view: view.clone(), read_at, since, floor: floor.unwrap_or(since - before), success: floor.is_some() })
}

/// A gap being read.
struct Found {
    gap: Gap,
    /// When the first failure was logged.
    first_logged: Option<DateTime<Utc>>,
    /// When the success after it was.
    until_logged: Option<DateTime<Utc>>,
}

/// Cuts the log at its successes, newest first. Read in the order of the index, and no further than to the last one that
/// is wanted: nothing is sorted, grouped or kept. The moment at which a row was logged orders the rows; the moment at
/// which its refresh ended is what counts.
async fn gaps(tx: &ReadTransaction<'_>, log: &Log<'_>, edge: &Edge, limit: Duration) -> Result<Vec<Found>> {
    // The row next to a success, on the side of the present, is the first failure after it, or the next success.
    let sql = format!(
        "SELECT ended AS after, until, until_logged, ended_by, failures, first_logged
         FROM (SELECT logged, ended, lag(ended) OVER v AS until, lag(logged) OVER v AS until_logged,
                      lag(source) OVER v AS ended_by, failed - coalesce(lag(failed) OVER v, 0) AS failures,
                      CASE WHEN NOT newer_good THEN newer END AS first_logged
               FROM (SELECT logged, ended, good, source, count(*) FILTER (WHERE NOT good) OVER w AS failed,
                            lag(logged) OVER w AS newer, lag(good) OVER w AS newer_good
                     FROM ({attempts}) attempt
                     WINDOW w AS (ORDER BY logged DESC, good DESC ROWS UNBOUNDED PRECEDING)) numbered
               WHERE good
               WINDOW v AS (ORDER BY logged DESC)) gap
         WHERE failures > 0 OR until IS NULL OR until - ended > $3
         ORDER BY logged DESC LIMIT {most}",
        attempts = attempts(log),
        most = MOST + 1,
    );
    let [view, floor] = edge.parameters();
    tx.ask(&[LOG], &sql, &[view, floor, Parameter::Interval(limit)]).await?.iter().map(found).collect()
}

/// The attempts since the edge. One from the future ends no gap.
fn attempts(log: &Log<'_>) -> String {
    format!(
        "SELECT {created}::timestamptz AS logged, {status} = 'success' AS good, left({source}, 20) AS source,
                coalesce(CASE WHEN isfinite({completed}) THEN {completed} END, {created}::timestamptz) AS ended
         FROM public.metrics_refresh_log l
         WHERE {of_type} AND {status} IN ('success', 'error') AND {created} >= $2
           AND {created} <= statement_timestamp()",
        created = log.created_at(),
        completed = log.column("completed_at", "timestamptz"),
        status = log.column("status", "text"),
        source = log.column("trigger_source", "text"),
        of_type = log.of_type(),
    )
}

/// If no success is known before the window: the failures before the first one, and the begin of the log.
async fn without_success(
    tx: &ReadTransaction<'_>,
    log: &Log<'_>,
    edge: &Edge,
) -> Result<(Option<Found>, Option<DateTime<Utc>>)> {
    let sql = format!(
        "WITH attempt AS ({attempts}),
              success AS (SELECT logged, ended, source FROM attempt WHERE good ORDER BY logged LIMIT 1)
         SELECT NULL::timestamptz AS after, s.ended AS until, s.logged AS until_logged, s.source AS ended_by,
                f.failures, f.first_logged
         FROM (SELECT count(*) AS failures, min(logged) AS first_logged FROM attempt
               WHERE NOT good AND logged <= coalesce((SELECT logged FROM success), 'infinity')) f
         LEFT JOIN success s ON true",
        attempts = attempts(log),
    );
    let found = found(&tx.one(&[LOG], &sql, &edge.parameters()).await?)?;
    let known = found.first_logged.or(found.gap.until.map(|success| success.at));
    Ok(((found.gap.failures > 0).then_some(found), known))
}

fn found(row: &Row) -> Result<Found> {
    let ended_by = text(row, "ended_by")?;
    let origin = ended_by.as_deref().map_or(Origin::Unknown, Origin::from_source);
    let first_logged = moment(row, "first_logged")?;
    let gap = Gap {
        after: moment(row, "after")?,
        until: moment(row, "until")?.map(|at| Recovery { at, origin }),
        failures: row.try_get::<i64, _>("failures")?.unsigned_abs(),
        // What else is known of it is read next.
        first: first_logged.map(|at| Failure { id: None, at, sqlstate: None, message: None }),
        blockers: Vec::new(),
    };
    Ok(Found { gap, first_logged, until_logged: moment(row, "until_logged")? })
}

/// Reads the first failure of each.
async fn describe(tx: &ReadTransaction<'_>, view: &ViewId, log: &Log<'_>, found: &mut [Found]) -> Result<()> {
    let moments: Vec<DateTime<Utc>> = found.iter().filter_map(|found| found.first_logged).collect();
    if moments.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT DISTINCT ON (logged) {created}::timestamptz AS logged, {id} AS id, {started} AS started_at,
                left({sqlstate}, 5) AS sqlstate, left({message}, {MESSAGE}) AS message
         FROM public.metrics_refresh_log l
         WHERE {of_type} AND {status} = 'error' AND {created} = ANY ($2)
         ORDER BY logged, started_at",
        created = log.created_at(),
        id = log.id(),
        started = log.column("started_at", "timestamptz"),
        sqlstate = log.column("sqlstate", "text"),
        message = log.column("error_message", "text"),
        of_type = log.of_type(),
        status = log.column("status", "text"),
    );
    let parameters = [Parameter::Text(view.as_str()), Parameter::Moments(&moments)];
    let mut failures = BTreeMap::new();
    for row in tx.ask(&[LOG], &sql, &parameters).await? {
        if let Some(logged) = moment(&row, "logged")? {
            failures.insert(logged, failure(&row, logged)?);
        }
    }
    for found in found {
        if let Some(failure) = found.first_logged.and_then(|logged| failures.remove(&logged)) {
            found.gap.first = Some(failure);
        }
    }
    Ok(())
}

fn failure(row: &Row, logged: DateTime<Utc>) -> Result<Failure> {
    // Rows that were inserted by hand may have any start.
    let plausible = |at: &DateTime<Utc>| *at <= logged && logged - *at <= TimeDelta::days(1);
    Ok(Failure {
        id: Some(row.try_get("id")?),
        at: moment(row, "started_at")?.filter(plausible).unwrap_or(logged),
        sqlstate: text(row, "sqlstate")?,
        message: text(row, "message")?,
    })
}

/// Reads the blocking sessions. There are none if the log has no black boxes, or invalid ones.
async fn name_blockers(tx: &ReadTransaction<'_>, log: &Log<'_>, edge: &Edge, found: &mut [Found]) -> Result<()> {
    let black_box = log.column("black_box", "jsonb");
    let (mut indices, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for (index, found) in (0..).zip(found.iter()) {
        if let Some(first) = found.first_logged {
            indices.push(index);
            firsts.push(first);
            lasts.push(found.until_logged.unwrap_or(edge.read_at + TimeDelta::days(1)));
        }
    }
    if indices.is_empty() || black_box.starts_with("NULL") {
        return Ok(());
    }
    let parameters = [
        Parameter::Text(edge.view.as_str()),
        Parameter::Integers(&indices),
        Parameter::Moments(&firsts),
        Parameter::Moments(&lasts),
    ];
    let rows = match tx.ask(&[LOG], &blockers(log, &black_box), &parameters).await {
        Err(failure) if !error::fails_all(&failure) => return Ok(()),
        answer => answer?,
    };
    for row in rows {
        let index = usize::try_from(row.try_get::<i32, _>("gap")?).unwrap_or(usize::MAX);
        if let Some(found) = found.get_mut(index) {
            found.gap.blockers.push(blocker(&row)?);
        }
    }
    Ok(())
}

/// Sessions by how often they are named; first those that all others wait for.
fn blockers(log: &Log<'_>, black_box: &str) -> String {
    format!(
        "SELECT * FROM (
             SELECT gap, pid, user_name, application, max(mode) AS mode, max(relation) AS relation,
                    bool_or(root) AS root, count(*) AS named,
                    row_number() OVER (PARTITION BY gap ORDER BY bool_or(root) DESC, count(*) DESC, min(place)) AS rank
             FROM (SELECT s.gap, x.place, left(x.session ->> 'pid', 11) AS pid, left(x.session ->> 'user', 64) AS user_name,
                          left(x.session ->> 'application', 100) AS application, lock.mode, lock.relation,
                          CASE WHEN jsonb_typeof(x.session -> 'blocked_by') = 'array'
                               THEN jsonb_array_length(x.session -> 'blocked_by') = 0 ELSE false END AS root
                   FROM unnest($2, $3, $4) AS s (gap, first, last)
                   CROSS JOIN LATERAL (
                       SELECT CASE WHEN pg_column_size({black_box}) <= {LARGEST_BOX} THEN {black_box} END AS box
                       FROM public.metrics_refresh_log l
                       WHERE {of_type} AND {status} = 'error' AND {created} >= s.first AND {created} <= s.last
                       ORDER BY {created} LIMIT {BOXES}) b
                   CROSS JOIN LATERAL (
                       SELECT e.session, e.place
                       FROM jsonb_array_elements(CASE WHEN jsonb_typeof(b.box -> 'sessions') = 'array'
                                                      THEN b.box -> 'sessions' END) WITH ORDINALITY AS e (session, place)
                       LIMIT {SESSIONS}) x
                   LEFT JOIN LATERAL (
                       SELECT left(k.held ->> 'mode', 40) AS mode, left(k.held ->> 'relation', 130) AS relation
                       FROM jsonb_array_elements(CASE WHEN jsonb_typeof(x.session -> 'locks') = 'array'
                                                      THEN x.session -> 'locks' END) AS k (held)
                       WHERE k.held ->> 'granted' = 'true'
                       ORDER BY coalesce(array_position(
                           ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'],
                           k.held ->> 'mode'), 9), k.held ->> 'relation'
                       LIMIT 1) lock ON true
                   WHERE jsonb_typeof(x.session) = 'object') named
             GROUP BY gap, pid, user_name, application) ranked
         WHERE rank <= {NAMED} ORDER BY gap, rank",
        of_type = log.of_type(),
        status = log.column("status", "text"),
        created = log.created_at(),
    )
}

fn blocker(row: &Row) -> Result<Blocker> {
    let pid: Option<String> = row.try_get("pid")?;
    Ok(Blocker {
        pid: pid.and_then(|pid| pid.parse().ok()),
        user: text(row, "user_name")?,
        application: text(row, "application")?,
        mode: text(row, "mode")?,
        relation: text(row, "relation")?,
        root: row.try_get("root")?,
        named: row.try_get::<i64, _>("named")?.unsigned_abs(),
    })
}
