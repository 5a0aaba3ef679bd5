//! The gaps in the log from one success to the next that are incidents: an attempt in them failed, or they are longer
//! than figures may be old. The server groups the rows of the window, so that what is sent does not grow with the log;
//! the log is read in whatever shape it has.

use crate::{
    error::{self, Error, Result},
    parameter::Parameter,
    quote::identifier,
    read_transaction::ReadTransaction,
    row::{Row, moment, some_text, text},
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
    let one = read_all(tx, &[(view.clone(), limit)], window).await?;
    Ok(one.map(|mut records| records.pop().unwrap_or_default()))
}

/// The same of several views, each with its limit: a record for each of them, in their order.
pub async fn read_all(
    tx: &ReadTransaction<'_>,
    views: &[(ViewId, Duration)],
    window: Duration,
) -> Result<Reading<Vec<Record>>> {
    let catalog = unmanaged::catalog(tx).await?;
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let unmanaged = catalog.deployment() == Deployment::Unmanaged;
    let edges = match edges(tx, views, &log, window).await {
        Err(failure) if unmanaged && !error::fails_all(&failure) => {
            let role = role(tx).await?;
            let grant = format!("GRANT SELECT ON public.metrics_refresh_log TO {}", identifier(&role));
            return Ok(Err(error::unavailable_but_for("incidents", &failure, &grant)));
        }
        answer => answer?,
    };
    let mut found = gaps(tx, &log, &edges).await?;
    // The gap of each view that is open need not be an incident.
    let most = MOST + views.len().saturating_sub(1);
    let cut = found.len() > most;
    found.truncate(most);
    let mut records = edges.records(cut);
    if !cut {
        for (oldest, known) in without_success(tx, &log, &edges).await? {
            records[oldest.view].from = known.map(|known| known.max(edges.since));
            if oldest.gap.failures > 0 {
                found.push(oldest);
            }
        }
    }
    if found.is_empty() {
        let role = role(tx).await?;
        if let Some(hidden) = catalog.hidden(&role)
            && (unmanaged || !is_super_admin(tx).await?)
        {
            return Ok(Err(if unmanaged { hidden } else { not_permitted(&role) }));
        }
    }
    describe(tx, &log, &edges, &mut found).await?;
    name_blockers(tx, &log, &edges, &mut found).await?;
    for found in found {
        records[found.view].gaps.push(found.gap);
    }
    if cut {
        // The sums are about the listed incidents only.
        for record in &mut records {
            record.from = record.gaps.last().and_then(|oldest| oldest.after).max(record.from);
        }
    }
    Ok(Ok(records))
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

/// The begin of the window, and for each view where its attempts are read from: the last success before it.
struct Edges<'a> {
    views: Vec<&'a str>,
    /// Ages from which on figures are stale, milliseconds.
    limits: Vec<i64>,
    read_at: DateTime<Utc>,
    since: DateTime<Utc>,
    floors: Vec<DateTime<Utc>>,
    /// Whether there was such a success.
    successes: Vec<bool>,
}

impl Edges<'_> {
    /// What [`ATTEMPTS_OF`] takes.
    fn parameters(&self) -> [Parameter<'_>; 3] {
        [Parameter::Texts(&self.views), Parameter::Moments(&self.floors), Parameter::Numbers(&self.limits)]
    }

    /// A record of each view without its gaps.
    fn records(&self, cut: bool) -> Vec<Record> {
        let record = Record { from: Some(self.since), read_at: self.read_at, gaps: Vec::new(), cut };
        vec![record; self.views.len()]
    }
}

/// The views `s`, each with what is read of it: the parameters of [`Edges`].
const ATTEMPTS_OF: &str =
    "unnest($1::text[], $2::timestamptz[], $3::int8[]) WITH ORDINALITY AS s(view, floor, stale_ms, nr)";

async fn edges<'a>(
    tx: &ReadTransaction<'_>,
    views: &'a [(ViewId, Duration)],
    log: &Log<'_>,
    window: Duration,
) -> Result<Edges<'a>> {
    let sql = format!(
        "SELECT w.read_at, w.since,
                (SELECT {created}::timestamptz FROM public.metrics_refresh_log l
                 WHERE {of_type} AND {status} = 'success' AND {created} <= w.since
                 ORDER BY {created} DESC LIMIT 1) AS floor
         FROM (SELECT statement_timestamp() AS read_at,
                      statement_timestamp() - least($2, interval '1000 years') AS since) w
         LEFT JOIN unnest($1::text[]) WITH ORDINALITY AS s(view, nr) ON true
         ORDER BY s.nr",
        created = log.created_at(),
        of_type = log.of_type_of("s.view"),
        status = log.column("status", "text"),
    );
    let names: Vec<&str> = views.iter().map(|(view, _)| view.as_str()).collect();
    let rows = tx.ask(&[LOG], &sql, &[Parameter::Texts(&names), Parameter::Interval(window)]).await?;
    let first = rows.first().ok_or(Error::NoRow)?;
    let read_at: DateTime<Utc> = first.try_get("read_at")?;
    let since = moment(first, "since")?.unwrap_or(DateTime::UNIX_EPOCH);
    let before = since - TimeDelta::from_std(BEFORE).unwrap_or_default();
    let found = rows.iter().map(|row| moment(row, "floor")).collect::<Result<Vec<_>>>()?;
    let milliseconds = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX / 1_000);
    Ok(Edges {
        limits: views.iter().map(|(_, limit)| milliseconds(*limit)).collect(),
        read_at,
        since,
        floors: found.iter().map(|floor| floor.unwrap_or(before)).take(names.len()).collect(),
        successes: found.iter().map(Option::is_some).take(names.len()).collect(),
        views: names,
    })
}

/// A gap being read.
struct Found {
    /// Which of the views it is of.
    view: usize,
    gap: Gap,
    /// When the first failure was logged.
    first_logged: Option<DateTime<Utc>>,
    /// When the success after it was.
    until_logged: Option<DateTime<Utc>>,
}

/// Cuts the log at its successes, newest first. Read in the order of the index, and no further than to the last one that
/// is wanted: nothing is sorted, grouped or kept. The moment at which a row was logged orders the rows; the moment at
/// which its refresh ended is what counts.
async fn gaps(tx: &ReadTransaction<'_>, log: &Log<'_>, edges: &Edges<'_>) -> Result<Vec<Found>> {
    // The row next to a success, on the side of the present, is the first failure after it, or the next success.
    let sql = format!(
        "SELECT s.nr, gap.ended AS after, gap.until, gap.until_logged, gap.ended_by, gap.failures, gap.first_logged
         FROM {ATTEMPTS_OF}
         CROSS JOIN LATERAL (
             SELECT logged, ended, lag(ended) OVER v AS until, lag(logged) OVER v AS until_logged,
                    lag(source) OVER v AS ended_by, failed - coalesce(lag(failed) OVER v, 0) AS failures,
                    CASE WHEN NOT newer_good THEN newer END AS first_logged
             FROM (SELECT logged, ended, good, source, count(*) FILTER (WHERE NOT good) OVER w AS failed,
                          lag(logged) OVER w AS newer, lag(good) OVER w AS newer_good
                   FROM ({attempts}) attempt
                   WINDOW w AS (ORDER BY logged DESC, good DESC ROWS UNBOUNDED PRECEDING)) numbered
             WHERE good
             WINDOW v AS (ORDER BY logged DESC)) gap
         WHERE gap.failures > 0 OR gap.until IS NULL OR gap.until - gap.ended > s.stale_ms * interval '1 millisecond'
         ORDER BY gap.logged DESC LIMIT {most}",
        attempts = attempts(log),
        most = MOST + edges.views.len(),
    );
    tx.ask(&[LOG], &sql, &edges.parameters()).await?.iter().map(found).collect()
}

/// The attempts of the view `s` since its edge. One from the future ends no gap.
fn attempts(log: &Log<'_>) -> String {
    format!(
        "SELECT {created}::timestamptz AS logged, {status} = 'success' AS good, left({source}, 20) AS source,
                coalesce(CASE WHEN isfinite({completed}) THEN {completed} END, {created}::timestamptz) AS ended
         FROM public.metrics_refresh_log l
         WHERE {of_type} AND {status} IN ('success', 'error') AND {created} >= s.floor
           AND {created} <= statement_timestamp()",
        created = log.created_at(),
        completed = log.column("completed_at", "timestamptz"),
        status = log.column("status", "text"),
        source = log.column("trigger_source", "text"),
        of_type = log.of_type_of("s.view"),
    )
}

/// Of each view of which no success is known before the window: the failures before the first one, and the begin of the
/// log.
async fn without_success(
    tx: &ReadTransaction<'_>,
    log: &Log<'_>,
    edges: &Edges<'_>,
) -> Result<Vec<(Found, Option<DateTime<Utc>>)>> {
    if edges.successes.iter().all(|success| *success) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT s.nr, NULL::timestamptz AS after, g.ended AS until, g.logged AS until_logged, g.source AS ended_by,
                f.failures, f.first_logged
         FROM {ATTEMPTS_OF}
         LEFT JOIN LATERAL (SELECT logged, ended, source FROM ({attempts}) attempt WHERE good ORDER BY logged LIMIT 1) g
             ON true
         CROSS JOIN LATERAL (
             SELECT count(*) AS failures, min(logged) AS first_logged FROM ({attempts}) attempt
             WHERE NOT good AND logged <= coalesce(g.logged, 'infinity')) f
         ORDER BY s.nr",
        attempts = attempts(log),
    );
    let mut all = Vec::new();
    for row in tx.ask(&[LOG], &sql, &edges.parameters()).await? {
        let found = found(&row)?;
        if !edges.successes[found.view] {
            let known = found.first_logged.or(found.gap.until.map(|success| success.at));
            all.push((found, known));
        }
    }
    Ok(all)
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
    let view = usize::try_from(row.try_get::<i64, _>("nr")? - 1).unwrap_or_default();
    Ok(Found { view, gap, first_logged, until_logged: moment(row, "until_logged")? })
}

/// Reads the first failure of each.
async fn describe(tx: &ReadTransaction<'_>, log: &Log<'_>, edges: &Edges<'_>, found: &mut [Found]) -> Result<()> {
    let (views, moments): (Vec<&str>, Vec<DateTime<Utc>>) =
        found.iter().filter_map(|found| Some((edges.views[found.view], found.first_logged?))).unzip();
    if moments.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT s.view, f.* FROM unnest($1::text[], $2::timestamptz[]) AS s(view, at)
         CROSS JOIN LATERAL (
             SELECT {created}::timestamptz AS logged, {id} AS id, {started} AS started_at, left({sqlstate}, 5) AS sqlstate,
                    left({message}, {MESSAGE}) AS message
             FROM public.metrics_refresh_log l
             WHERE {of_type} AND {status} = 'error' AND {created} = s.at
             ORDER BY started_at LIMIT 1) f",
        created = log.created_at(),
        id = log.id(),
        started = log.column("started_at", "timestamptz"),
        sqlstate = log.column("sqlstate", "text"),
        message = log.column("error_message", "text"),
        of_type = log.of_type_of("s.view"),
        status = log.column("status", "text"),
    );
    let mut failures = BTreeMap::new();
    for row in tx.ask(&[LOG], &sql, &[Parameter::Texts(&views), Parameter::Moments(&moments)]).await? {
        if let Some(logged) = moment(&row, "logged")? {
            failures.insert((some_text(&row, "view")?, logged), failure(&row, logged)?);
        }
    }
    for found in found {
        let key = found.first_logged.map(|logged| (edges.views[found.view].to_owned(), logged));
        if let Some(failure) = key.and_then(|key| failures.remove(&key)) {
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
async fn name_blockers(tx: &ReadTransaction<'_>, log: &Log<'_>, edges: &Edges<'_>, found: &mut [Found]) -> Result<()> {
    let black_box = log.column("black_box", "jsonb");
    let (mut views, mut indices, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, found) in (0..).zip(found.iter()) {
        if let Some(first) = found.first_logged {
            views.push(edges.views[found.view]);
            indices.push(index);
            firsts.push(first);
            lasts.push(found.until_logged.unwrap_or(edges.read_at + TimeDelta::days(1)));
        }
    }
    if indices.is_empty() || black_box.starts_with("NULL") {
        return Ok(());
    }
    let parameters = [
        Parameter::Texts(&views),
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
                   FROM unnest($1::text[], $2, $3, $4) AS s (view, gap, first, last)
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
        of_type = log.of_type_of("s.view"),
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
