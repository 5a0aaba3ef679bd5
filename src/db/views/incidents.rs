//! What incidents are made of: the stretches of the log from one success to the next in which an attempt failed, or
//! which are longer than figures may be old. The server groups the rows of the window, so that what is sent does not grow
//! with the log; the log is read in whatever shape it has.

use crate::{
    db::{
        error,
        handmade::{self, Log},
        service::{self, PLATFORM_METRICS, interval, moment},
    },
    model::{
        incident::{Blocker, Failure, Record, Recovery, Stretch},
        reading::{Reading, Unavailable},
        run::Origin,
        snapshot::Deployment,
    },
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use std::{collections::BTreeMap, time::Duration};

/// Incidents that are read, the newest ones.
const MOST: usize = 300;
/// Failures of an incident whose black boxes are looked at, the first ones.
const BOXES: u16 = 5;
/// Sessions of one black box that are looked at.
const SESSIONS: u16 = 20;
/// Sessions of an incident that are named.
const NAMED: u16 = 3;
/// Largest black box that is looked at, bytes as stored.
const LARGEST_BOX: u32 = 32_768;
/// Longest message that is sent along, characters.
const MESSAGE: u16 = 2_000;
/// How far before the window failures are looked for where no success is on record.
const BEFORE: Duration = Duration::from_hours(30 * 24);

/// Reads the incidents of the last `window`; figures are stale from the age of `limit` on.
pub async fn read(look: &mut PgConnection, window: Duration, limit: Duration) -> sqlx::Result<Reading<Record>> {
    let survey = handmade::survey(look).await?;
    let log = match survey.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let by_hand = survey.deployment() == Deployment::Handmade;
    let edge = match edge(look, &log, window).await {
        Err(failure) if by_hand && !error::fails_all(&failure) => {
            let role = role(look).await?;
            let grant = format!("GRANT SELECT ON public.metrics_refresh_log TO {}", error::identifier(&role));
            return Ok(Err(error::unavailable_but_for("incidents", &failure, &grant)));
        }
        answer => answer?,
    };
    let mut found = stretches(look, &log, &edge, limit).await?;
    if found.is_empty() {
        let role = role(look).await?;
        if let Some(hidden) = survey.hidden(&role)
            && (by_hand || !is_super_admin(look).await?)
        {
            return Ok(Err(if by_hand { hidden } else { not_permitted(&role) }));
        }
    }
    let cut = found.len() > MOST;
    found.truncate(MOST);
    describe(look, &log, &mut found).await?;
    name_blockers(look, &log, &mut found).await?;
    let known = found.first().and_then(|newest| newest.known);
    let from = if cut {
        found.last().and_then(|oldest| oldest.stretch.after.or(oldest.first_logged)).max(Some(edge.since))
    } else {
        known.map(|known| known.max(edge.since))
    };
    let stretches = found.into_iter().map(|found| found.stretch).collect();
    Ok(Ok(Record { from, looked_at: edge.looked_at, stretches, cut }))
}

fn not_permitted(role: &str) -> Unavailable {
    Unavailable::new(
        format!("incidents: role {role} is not a super administrator, and row security shows it nothing"),
        format!("GRANT refreshtop_admin TO {}", error::identifier(role)),
    )
}

async fn role(look: &mut PgConnection) -> sqlx::Result<String> {
    service::one(look, "SELECT current_user::text AS role").await?.try_get("role")
}

async fn is_super_admin(look: &mut PgConnection) -> sqlx::Result<bool> {
    service::one(look, "SELECT refreshtop.is_super_admin() AS admin").await?.try_get("admin")
}

/// Where the window begins, and where what is read does: with the last success before it.
struct Edge {
    looked_at: DateTime<Utc>,
    since: DateTime<Utc>,
    floor: DateTime<Utc>,
}

async fn edge(look: &mut PgConnection, log: &Log<'_>, window: Duration) -> sqlx::Result<Edge> {
    let sql = format!(
        "SELECT w.looked_at, w.since,
                (SELECT {created}::timestamptz FROM public.metrics_refresh_log l
                 WHERE {of_type} AND {status} = 'success' AND {created} <= statement_timestamp() - {window}
                 ORDER BY {created} DESC LIMIT 1) AS floor
         FROM (SELECT statement_timestamp() AS looked_at, statement_timestamp() - {window} AS since) w",
        created = log.created_at(),
        of_type = log.of_type(PLATFORM_METRICS),
        status = log.column("status", "text"),
        window = format_args!("least({}, interval '1000 years')", interval(window)),
    );
    let row = service::one(look, &sql).await?;
    let looked_at: DateTime<Utc> = row.try_get("looked_at")?;
    let since = moment(&row, "since")?.unwrap_or(DateTime::UNIX_EPOCH);
    let before = TimeDelta::from_std(BEFORE).unwrap_or_default();
    let floor = moment(&row, "floor")?.unwrap_or(since - before);
    Ok(Edge { looked_at, since, floor })
}

/// A stretch being read.
struct Found {
    stretch: Stretch,
    /// When the first and the last failure were logged.
    first_logged: Option<DateTime<Utc>>,
    last_logged: Option<DateTime<Utc>>,
    /// From when on the log tells anything.
    known: Option<DateTime<Utc>>,
}

/// Cuts the log at its successes. The moment that a row was logged orders the rows, because it has an index; the moment
/// that its refresh ended is what counts.
async fn stretches(look: &mut PgConnection, log: &Log<'_>, edge: &Edge, limit: Duration) -> sqlx::Result<Vec<Found>> {
    let sql = format!(
        "SELECT after, until, ended_by, failures, first_logged, last_logged, known
         FROM (SELECT stretch, after, failures, first_logged, last_logged,
                      lead(after) OVER w AS until, lead(source) OVER w AS ended_by,
                      lead(stretch) OVER w IS NULL AS is_open,
                      first_value(coalesce(after, first_logged)) OVER w AS known
               FROM (SELECT stretch, min(ended) FILTER (WHERE good) AS after, min(source) FILTER (WHERE good) AS source,
                            count(*) FILTER (WHERE NOT good) AS failures,
                            min(logged) FILTER (WHERE NOT good) AS first_logged,
                            max(logged) FILTER (WHERE NOT good) AS last_logged
                     FROM (SELECT logged, ended, good, source,
                                  count(*) FILTER (WHERE good) OVER (ORDER BY logged, good ROWS UNBOUNDED PRECEDING) AS stretch
                           FROM (SELECT {created}::timestamptz AS logged,
                                        coalesce(CASE WHEN isfinite({completed}) THEN {completed} END, {created}::timestamptz) AS ended,
                                        {status} = 'success' AS good, left({source}, 20) AS source
                                 FROM public.metrics_refresh_log l
                                 WHERE {of_type} AND {status} IN ('success', 'error')
                                   AND {created} >= {floor} AND {created} < 'infinity') attempt) numbered
                     GROUP BY stretch) grouped
               WINDOW w AS (ORDER BY stretch)) g
         WHERE failures > 0 OR is_open OR until - after > {limit}
         ORDER BY stretch DESC LIMIT {most}",
        created = log.created_at(),
        completed = log.column("completed_at", "timestamptz"),
        status = log.column("status", "text"),
        source = log.column("trigger_source", "text"),
        of_type = log.of_type(PLATFORM_METRICS),
        floor = literal(edge.floor),
        limit = interval(limit),
        most = MOST + 1,
    );
    service::ask(look, &sql).await?.iter().map(found).collect()
}

fn found(row: &PgRow) -> sqlx::Result<Found> {
    let ended_by: Option<String> = row.try_get("ended_by")?;
    let origin = ended_by.as_deref().map_or(Origin::Unknown, Origin::from_source);
    let first_logged = moment(row, "first_logged")?;
    let stretch = Stretch {
        after: moment(row, "after")?,
        until: moment(row, "until")?.map(|at| Recovery { at, origin }),
        failures: row.try_get::<i64, _>("failures")?.unsigned_abs(),
        // What else is known of it is read next.
        first: first_logged.map(|at| Failure { id: None, at, sqlstate: None, message: None }),
        blockers: Vec::new(),
    };
    Ok(Found { stretch, first_logged, last_logged: moment(row, "last_logged")?, known: moment(row, "known")? })
}

fn literal(at: DateTime<Utc>) -> String {
    format!("'{}'::timestamptz", at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Reads the first failure of each.
async fn describe(look: &mut PgConnection, log: &Log<'_>, found: &mut [Found]) -> sqlx::Result<()> {
    let moments: Vec<String> = found.iter().filter_map(|found| found.first_logged).map(literal).collect();
    if moments.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT DISTINCT ON (logged) {created}::timestamptz AS logged, {id} AS id, {started} AS started_at,
                left({sqlstate}, 5) AS sqlstate, left({message}, {MESSAGE}) AS message
         FROM public.metrics_refresh_log l
         WHERE {of_type} AND {status} = 'error' AND {created} IN ({moments})
         ORDER BY logged, started_at",
        created = log.created_at(),
        id = log.id(),
        started = log.column("started_at", "timestamptz"),
        sqlstate = log.column("sqlstate", "text"),
        message = log.column("error_message", "text"),
        of_type = log.of_type(PLATFORM_METRICS),
        status = log.column("status", "text"),
        moments = moments.join(", "),
    );
    let mut failures = BTreeMap::new();
    for row in service::ask(look, &sql).await? {
        if let Some(logged) = moment(&row, "logged")? {
            failures.insert(logged, failure(&row, logged)?);
        }
    }
    for found in found {
        if let Some(failure) = found.first_logged.and_then(|logged| failures.remove(&logged)) {
            found.stretch.first = Some(failure);
        }
    }
    Ok(())
}

fn failure(row: &PgRow, logged: DateTime<Utc>) -> sqlx::Result<Failure> {
    // Whoever writes the log by hand may write any beginning.
    let plausible = |at: &DateTime<Utc>| *at <= logged && logged - *at <= TimeDelta::days(1);
    Ok(Failure {
        id: Some(row.try_get("id")?),
        at: moment(row, "started_at")?.filter(plausible).unwrap_or(logged),
        sqlstate: row.try_get("sqlstate")?,
        message: row.try_get("message")?,
    })
}

/// Reads who was in the way. A log without black boxes names nobody; nor does one in which they are nonsense.
async fn name_blockers(look: &mut PgConnection, log: &Log<'_>, found: &mut [Found]) -> sqlx::Result<()> {
    let black_box = log.column("black_box", "jsonb");
    let spans: Vec<String> = (0..)
        .zip(found.iter())
        .filter_map(|(index, found): (usize, _)| {
            let (first, last) = found.first_logged.zip(found.last_logged)?;
            Some(format!("({index}, {}, {})", literal(first), literal(last)))
        })
        .collect();
    if spans.is_empty() || black_box.starts_with("NULL") {
        return Ok(());
    }
    let rows = match service::ask(look, &blockers(log, &black_box, &spans.join(", "))).await {
        Err(failure) if !error::fails_all(&failure) => return Ok(()),
        answer => answer?,
    };
    for row in rows {
        let index = usize::try_from(row.try_get::<i32, _>("stretch")?).unwrap_or(usize::MAX);
        if let Some(found) = found.get_mut(index) {
            found.stretch.blockers.push(blocker(&row)?);
        }
    }
    Ok(())
}

/// Sessions by how often they are named; those for whom all others wait go first.
fn blockers(log: &Log<'_>, black_box: &str, spans: &str) -> String {
    format!(
        "SELECT * FROM (
             SELECT stretch, pid, user_name, application, max(mode) AS mode, max(relation) AS relation,
                    bool_or(root) AS root, count(*) AS named,
                    row_number() OVER (PARTITION BY stretch ORDER BY bool_or(root) DESC, count(*) DESC, min(place)) AS rank
             FROM (SELECT s.stretch, x.place, left(x.session ->> 'pid', 11) AS pid, left(x.session ->> 'user', 64) AS user_name,
                          left(x.session ->> 'application', 100) AS application, lock.mode, lock.relation,
                          CASE WHEN jsonb_typeof(x.session -> 'blocked_by') = 'array'
                               THEN jsonb_array_length(x.session -> 'blocked_by') = 0 ELSE false END AS root
                   FROM (VALUES {spans}) AS s (stretch, first, last)
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
             GROUP BY stretch, pid, user_name, application) ranked
         WHERE rank <= {NAMED} ORDER BY stretch, rank",
        of_type = log.of_type(PLATFORM_METRICS),
        status = log.column("status", "text"),
        created = log.created_at(),
    )
}

fn blocker(row: &PgRow) -> sqlx::Result<Blocker> {
    let pid: Option<String> = row.try_get("pid")?;
    Ok(Blocker {
        pid: pid.and_then(|pid| pid.parse().ok()),
        user: row.try_get("user_name")?,
        application: row.try_get("application")?,
        mode: row.try_get("mode")?,
        relation: row.try_get("relation")?,
        root: row.try_get("root")?,
        named: row.try_get::<i64, _>("named")?.unsigned_abs(),
    })
}
