//! What successful refreshes measured: a few samples of a window, whatever the log's age and size.

use crate::{
    error::{self, Result},
    parameter::Parameter,
    quote::identifier,
    read_transaction::ReadTransaction,
    row::{some_text, text},
    trust::{LOG, Thing},
    unmanaged::{Catalog, Log},
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    reading::{Reading, Unavailable},
};
use serde_json::Value;
use std::time::Duration;

/// Longest record that is read, bytes; those of the migrations stay far below.
const LONGEST: u32 = 40_000;

/// The part that says how large each source is.
pub(super) const SOURCES: &str = "measured -> 'sources'";
/// The part that is about the view itself.
pub(super) const VIEW_ITSELF: &str = "measured - 'sources'";

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    /// Number of the slice of which it is the newest; `None` for the oldest of the window.
    pub slice: Option<i64>,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// How long the refresh took, milliseconds.
    pub duration_ms: Option<f64>,
    /// The part that is wanted.
    pub part: Value,
}

/// Whether row `l` carries a record that can be read. Every role that may write to the log may write nonsense.
const GOOD: &str = "jsonb_typeof(l.measured) = 'object' AND l.measured ?| ARRAY['figures', 'sources', 'concurrently']
     AND NOT l.measured ? 'error'";

/// Settings for questions that read every refresh of a window: what they begin costs more than it saves.
pub(super) const SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0";

/// The present.
pub(super) const UNTIL: &str = "statement_timestamp()";

/// The begin of the window, whose length is `$2`. Inline, not from a subquery: so the planner knows how few rows there
/// are.
pub(super) const SINCE: &str = "(statement_timestamp() - least($2, interval '1000 years'))";

/// A window in statements.
pub(super) struct Window<'a> {
    pub log: &'a Log<'a>,
    pub view: &'a ViewId,
    pub length: Duration,
    /// Length of a slice, seconds.
    pub step: u64,
}

impl<'a> Window<'a> {
    /// What its statements take: the view and the length.
    pub fn parameters(&self) -> [Parameter<'a>; 2] {
        [Parameter::Text(self.view.as_str()), Parameter::Interval(self.length)]
    }

    /// The log's rows of this refresh type in the window; those from the future are in none.
    pub fn rows(&self) -> String {
        format!(
            "FROM public.metrics_refresh_log l WHERE {of_type} AND {created} > {SINCE} AND {created} <= {UNTIL}",
            of_type = self.log.of_type(),
            created = self.log.created_at(),
        )
    }

    /// The number of the slice in which the moment `at` lies.
    pub fn slice(&self, at: &str) -> String {
        format!("floor(extract(epoch FROM {at}) / {})::bigint", self.step)
    }

    fn record(&self, slice: &str) -> String {
        let duration = self.log.column("duration_ms", "numeric");
        format!(
            "SELECT {slice} AS slice, {} AS at, CASE WHEN {duration} BETWEEN 0 AND 1e15 THEN {duration} END AS duration_ms, l.measured",
            self.log.created_at()
        )
    }
}

/// The records of a window: of each slice the newest one, and of all of it the oldest one. `part` is what of them is
/// wanted.
pub(super) async fn series(tx: &ReadTransaction<'_>, window: &Window<'_>, part: &str) -> Result<Reading<Vec<Record>>> {
    if let Err(missing) = kept(window.log) {
        return Ok(Err(missing));
    }
    let created = window.log.created_at();
    let (first, last) = (window.slice(SINCE), window.slice(UNTIL));
    let sql = format!(
        "(SELECT * FROM ({oldest} {rows} AND {GOOD} ORDER BY {created} LIMIT 1) oldest)
         UNION ALL
         SELECT found.* FROM generate_series({first}, {last}) AS wanted(slice)
         CROSS JOIN LATERAL (
             {record} {rows} AND {created} >= to_timestamp(wanted.slice * {step}) AND {created} < to_timestamp((wanted.slice + 1) * {step})
                 AND {GOOD}
             ORDER BY {created} DESC LIMIT 1) found",
        oldest = window.record("NULL::bigint"),
        record = window.record("wanted.slice"),
        rows = window.rows(),
        step = window.step,
    );
    let records = read(tx, window, &sql, part).await?;
    if records.is_empty() {
        return Ok(Err(why_none(tx, window).await?));
    }
    Ok(Ok(records))
}

/// The newest records of a window, newest first.
pub(super) async fn newest(
    tx: &ReadTransaction<'_>,
    window: &Window<'_>,
    part: &str,
    limit: u16,
) -> Result<Vec<Record>> {
    let sql = format!(
        "{} {} AND {GOOD} ORDER BY {} DESC LIMIT {limit}",
        window.record("NULL::bigint"),
        window.rows(),
        window.log.created_at()
    );
    read(tx, window, &sql, part).await
}

async fn read(tx: &ReadTransaction<'_>, window: &Window<'_>, sql: &str, part: &str) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT slice, at, duration_ms::float8 AS duration_ms,
                CASE WHEN octet_length(measured::text) <= {LONGEST} THEN ({part})::text END AS part
         FROM ({sql}) record"
    );
    let rows = tx.ask_after(SETTINGS, &[LOG], &sql, &window.parameters()).await?;
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        let part = text(row, "part")?;
        // One that can't be read is none.
        let (Ok(at), Some(part)) = (row.try_get("at"), part.and_then(|text| serde_json::from_str(&text).ok())) else {
            continue;
        };
        records.push(Record { slice: row.try_get("slice")?, at, duration_ms: row.try_get("duration_ms")?, part });
    }
    Ok(records)
}

/// Whether this log keeps measurements at all.
fn kept(log: &Log<'_>) -> Reading<()> {
    let fix = "run: refreshtop migrate; measurements come with the next refresh";
    match log.kind("measured") {
        Some("jsonb") => Ok(()),
        Some(_) => Err(Unavailable::new(
            "the log's own column measured keeps something else, so refreshes leave no measurements",
            "rename it, and run: refreshtop migrate",
        )),
        None => Err(Unavailable::new("this log keeps no measurements of the tables that a refresh reads", fix)),
    }
}

/// Why the log looks empty to this role, if its rows are hidden from it. Row security answers with fewer rows, not with
/// an error.
pub(super) async fn hidden(tx: &ReadTransaction<'_>, catalog: &Catalog) -> Result<Option<Unavailable>> {
    let seen = "SELECT current_user::text AS role, EXISTS (SELECT 1 FROM public.metrics_refresh_log) AS any_row";
    let seen = tx.one(&[LOG], seen, &[]).await?;
    let role = some_text(&seen, "role")?;
    let Some(hidden) = catalog.hidden(&role).filter(|_| !seen.try_get("any_row").unwrap_or(false)) else {
        return Ok(None);
    };
    let admin = tx.one(&[Thing::Function("is_super_admin")], "SELECT refreshtop.is_super_admin() AS admin", &[]).await;
    Ok(match admin.and_then(|row| row.try_get("admin")) {
        Ok(true) => None,
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        // In an unmanaged deployment the function does not exist.
        Err(failure) if error::is_missing(&failure) => Some(hidden),
        Ok(false) | Err(_) => {
            let grant = format!("GRANT refreshtop_admin TO {}", identifier(&role));
            Some(Unavailable::new(hidden.reason, grant))
        }
    })
}

/// Why there are none in the window: the newest success has the reason, or there is none.
async fn why_none(tx: &ReadTransaction<'_>, window: &Window<'_>) -> Result<Unavailable> {
    let sql = format!(
        "SELECT left(l.measured ->> 'error', 300) AS error {} AND {} = 'success' ORDER BY {} DESC LIMIT 1",
        window.rows(),
        window.log.column("status", "text"),
        window.log.created_at()
    );
    let row = tx.optional(&[LOG], &sql, &window.parameters()).await?;
    let error = row.as_ref().map(|row| text(row, "error")).transpose()?.flatten();
    Ok(match (row, error) {
        (None, _) => Unavailable::new("no refresh succeeded in this window, so nothing was measured", ""),
        (Some(_), Some(error)) => Unavailable::new(format!("the last refresh could not measure: {error}"), ""),
        (Some(_), None) => Unavailable::new(
            "no refresh in this window was measured",
            "measurements come with the next refresh; press r for one now",
        ),
    })
}
