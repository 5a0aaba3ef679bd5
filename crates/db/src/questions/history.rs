//! Durations, success, freshness and growth over a window, reckoned by the server.

use super::measured::{self, Window};
use crate::{
    error::{Error, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::Row,
    trust::LOG,
    unmanaged,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    history::{Growth, History, Part, Size, Sources},
    reading::Reading,
    slices::Slices,
};
use serde_json::Value;
use std::time::Duration;

/// Most tables of one measurement that are taken in.
const MOST_SOURCES: usize = 50;

/// Reads the history of `view` in the last `window`; data is fresh up to the age `limit`.
pub async fn read(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    window: Duration,
    limit: Duration,
) -> Result<Reading<History>> {
    let catalog = unmanaged::catalog(tx).await?;
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let window = Window { log: &log, view, length: window, step: Slices::step(window) };
    let [name, length] = window.parameters();
    let parameters = [name, length, Parameter::Interval(limit)];
    let rows = tx.ask_after(measured::SETTINGS, &[LOG], &parts_query(&window), &parameters).await?;
    let Some(head) = rows.first() else { return Err(Error::NoRow) };
    let slices = slices(head, window.step)?;
    let (whole, parts) = parts(&rows, &slices)?;
    if whole.successes + whole.failures == 0
        && let Some(missing) = measured::hidden(tx, &catalog).await?
    {
        return Ok(Err(missing));
    }
    let growth = measured::series(tx, &window, measured::SOURCES).await?.map(|records| growth(&records, &slices));
    Ok(Ok(History { slices, whole, parts, growth }))
}

/// Begin and end as the server reckoned them.
pub(super) fn slices(row: &Row, step: u64) -> Result<Slices> {
    Ok(Slices { since: row.try_get("since")?, until: row.try_get("until")?, step })
}

/// One row for each slice in which anything happened, and one without a number for the whole. Data is fresh from each
/// success until it is older than `$3` or the next success follows; those spans don't overlap, so each slice's share
/// of them is a sum.
fn parts_query(window: &Window<'_>) -> String {
    let log = window.log;
    let (created, status) = (log.created_at(), log.column("status", "text"));
    let ended = format!("coalesce({}, {created})", log.column("completed_at", "timestamptz"));
    let (since, until) = (measured::SINCE, measured::UNTIL);
    format!(
        "WITH run AS MATERIALIZED (
             SELECT {slice} AS slice, {status} AS status, least({ended}, {until}) AS ended_at,
                    CASE WHEN {status} = 'success' AND {duration} BETWEEN 0 AND 1e15 THEN {duration}::float8 END AS ms
             {rows}
         ), success AS (
             SELECT ended_at AS at FROM run WHERE status = 'success'
             UNION ALL
             (SELECT least({ended}, {until}) FROM public.metrics_refresh_log l
              WHERE {of_type} AND {status} = 'success' AND {created} <= {since} ORDER BY {created} DESC LIMIT 1)
         ), span AS MATERIALIZED (
             SELECT greatest(at, {since}) AS begins, least(at + $3, lead(at) OVER (ORDER BY at), {until}) AS ends FROM success
         ), fresh AS (
             SELECT cut.slice, sum(extract(epoch FROM least(ends, to_timestamp((cut.slice + 1) * {step}))
                                                    - greatest(begins, to_timestamp(cut.slice * {step}))))::float8 AS seconds
             FROM (SELECT * FROM span WHERE begins < ends OFFSET 0) span
             CROSS JOIN LATERAL generate_series({first}, {last}) AS cut(slice)
             GROUP BY cut.slice
         ), counted AS (
             SELECT slice, grouping(slice) = 1 AS whole, count(*) FILTER (WHERE status = 'success') AS successes,
                    count(*) FILTER (WHERE status = 'error') AS failures, max(ms) AS max,
                    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
                    percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95,
                    percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99
             FROM run GROUP BY GROUPING SETS ((slice), ())
         )
         SELECT {since} AS since, {until} AS until,
                (SELECT greatest(min(at), {since}) FROM success HAVING count(*) > 0) AS known_from,
                slice, coalesce(whole, false) AS whole, coalesce(successes, 0) AS successes, coalesce(failures, 0) AS failures,
                p50, p95, p99, max, coalesce(seconds, 0) AS fresh
         FROM counted FULL JOIN fresh USING (slice) ORDER BY slice",
        slice = window.slice(&format!("least({created}, {until})")),
        duration = log.column("duration_ms", "numeric"),
        rows = window.rows(),
        of_type = log.of_type(),
        step = window.step,
        first = window.slice("begins"),
        last = window.slice("ends"),
    )
}

/// The whole, and every slice.
fn parts(rows: &[Row], slices: &Slices) -> Result<(Part, Vec<Part>)> {
    let mut parts = vec![Part::default(); slices.len()];
    let mut whole = Part::default();
    for row in rows {
        let part = part(row)?;
        if row.try_get("whole")? {
            whole = part;
            continue;
        }
        let number: Option<i64> = row.try_get("slice")?;
        if let Some(index) = number.and_then(|number| slices.index(number)) {
            parts[index] = part;
        }
    }
    let known_from: Option<DateTime<Utc>> = match rows.first() {
        Some(row) => row.try_get("known_from")?,
        None => None,
    };
    if let Some(from) = known_from {
        for (index, part) in parts.iter_mut().enumerate() {
            part.known = slices.after(index, from);
            part.fresh = part.fresh.min(part.known);
        }
    }
    whole.known = parts.iter().map(|part| part.known).sum();
    whole.fresh = parts.iter().map(|part| part.fresh).sum();
    Ok((whole, parts))
}

fn part(row: &Row) -> Result<Part> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let fresh: f64 = row.try_get("fresh")?;
    Ok(Part {
        successes: count("successes")?,
        failures: count("failures")?,
        p50: row.try_get("p50")?,
        p95: row.try_get("p95")?,
        p99: row.try_get("p99")?,
        max: row.try_get("max")?,
        fresh: Duration::try_from_secs_f64(fresh).unwrap_or_default(),
        known: Duration::ZERO,
    })
}

fn growth(records: &[measured::Record], slices: &Slices) -> Growth {
    let mut growth = Growth { since: slices.until, first: Sources::new(), at_ends: vec![None; slices.len()] };
    for record in records {
        let sources = sources(&record.part);
        match record.slice {
            None => (growth.since, growth.first) = (record.at, sources),
            Some(number) => {
                if let Some(index) = slices.index(number) {
                    growth.at_ends[index] = Some(sources);
                }
            }
        }
    }
    growth
}

/// Sizes of tables by name, as the migrations' trigger writes them.
fn sources(part: &Value) -> Sources {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64);
    let size = |(name, size): (&String, &Value)| {
        Some((name.clone(), Size { rows: number(size.get("rows")), bytes: number(size.get("bytes"))? }))
    };
    part.as_object().into_iter().flatten().take(MOST_SOURCES).filter_map(size).collect()
}
