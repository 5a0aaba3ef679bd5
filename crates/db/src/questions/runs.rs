//! Pages of the log, managed or not: a page begins where the one before ended, by time and key, so that it costs the
//! same at any depth.
//!
//! Rows that are rare (a text, an origin) have no index. They are searched for piece by piece, a known number of rows
//! each, and for a known time; what was not found by then the next page goes on searching.

use crate::{
    error::{self, Error, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    row::{FromRow as _, Row, text},
    trust::LOG,
    unmanaged::{self, Log},
};
use chrono::DateTime;
use refreshtop_core::{
    address::ViewId,
    question::{LogCursor, LogRow, OriginFilter, PageStart, RunsFilter, RunsPage, RunsRead},
    reading::Reading,
    run::Run,
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Rows that the first piece of a search reads, and the only piece of a page that nobody waits for.
const FIRST_PIECE: u32 = 2_000;
/// Rows that a piece reads at most.
const LARGEST_PIECE: u32 = 32_000;
/// No further piece is begun after this time.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Longest error text that a row carries, characters.
const LISTED_ERROR: u32 = 500;
/// Characters of an error that are searched.
const SEARCHED: u32 = 20_000;
/// Times that a calendar has: a row outside has no cursor in a list.
const CALENDAR: &str = "BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 00:00:00+00'";

/// Reads one page.
pub async fn read(tx: &ReadTransaction<'_>, view: &ViewId, role: &str, page: &RunsPage) -> Result<Reading<RunsRead>> {
    let read = search(tx, view, &Log::migrated(), page, page.filter.is_sparse()).await;
    let read = match read {
        Err(failure) if is_another_log(&failure) => return unmanaged(tx, view, role, page).await,
        read => read?,
    };
    // Row security answers with fewer rows, not with an error.
    if read.newest.is_none() && matches!(page.start, PageStart::Newest | PageStart::Oldest) {
        let catalog = unmanaged::catalog(tx).await?;
        return Ok(catalog.hidden(role).map_or(Ok(read), Err));
    }
    Ok(Ok(read))
}

/// Whether the log is not the one that the migrations make: it lacks a column, or has one of another type.
fn is_another_log(failure: &Error) -> bool {
    error::is_missing(failure) || error::code(failure) == Some(error::sqlstate::DATATYPE_MISMATCH)
}

/// The same from a log in whatever shape it has. It may have no index on failures either.
async fn unmanaged(tx: &ReadTransaction<'_>, view: &ViewId, role: &str, page: &RunsPage) -> Result<Reading<RunsRead>> {
    let catalog = unmanaged::catalog(tx).await?;
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let read = search(tx, view, &log, page, !page.filter.is_empty()).await;
    Ok(match unmanaged::reading("runs", role, read)? {
        Ok(read) if read.newest.is_none() && matches!(page.start, PageStart::Newest | PageStart::Oldest) => {
            catalog.hidden(role).map_or(Ok(read), Err)
        }
        other => other,
    })
}

/// Collects the rows of a page, piece by piece.
async fn search(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    log: &Log<'_>,
    page: &RunsPage,
    sparse: bool,
) -> Result<RunsRead> {
    let began = Instant::now();
    let mut read = RunsRead { runs: Vec::new(), newest: None, next: None };
    let mut size = if sparse { FIRST_PIECE } else { u32::from(page.limit) };
    let mut start = page.start;
    loop {
        let left = usize::from(page.limit) - read.runs.len();
        let cursor = match start {
            PageStart::Newest | PageStart::Oldest => LogCursor { at: DateTime::UNIX_EPOCH, id: Uuid::nil() },
            PageStart::Before(cursor) | PageStart::After(cursor) => cursor,
        };
        let parameters = [
            Parameter::Text(view.as_str()),
            Parameter::Moment(cursor.at),
            Parameter::Key(cursor.id),
            Parameter::Text(&page.filter.text),
        ];
        let rows = match tx.ask(&[LOG], &piece(log, &page.filter, start, size, left), &parameters).await {
            // What was found so far is useful; the next page begins with the piece that took too long.
            Err(failure) if error::code(&failure) == Some(error::sqlstate::QUERY_CANCELED) && read.newest.is_some() => {
                break;
            }
            rows => rows?,
        };
        read.next = take(&mut read, &rows, size, left)?;
        let Some(end) = read.next else { break };
        let full = read.runs.len() >= usize::from(page.limit);
        if full || !sparse || page.background || began.elapsed() >= PATIENCE {
            break;
        }
        size = size.saturating_mul(4).min(LARGEST_PIECE);
        start = if page.start.is_ascending() { PageStart::After(end) } else { PageStart::Before(end) };
    }
    if page.start.is_ascending() {
        read.runs.reverse();
    }
    Ok(read)
}

/// Takes in the rows of a piece. Returns where it ended, or `None` if the log did.
fn take(read: &mut RunsRead, rows: &[Row], size: u32, left: usize) -> Result<Option<LogCursor>> {
    let mut taken = 0;
    for row in rows {
        let cursor = LogCursor { at: row.try_get("logged_at")?, id: row.try_get("id")? };
        read.newest = read.newest.max(Some(cursor));
        if row.try_get("wanted")? {
            let (by, application) = (text(row, "triggered_by")?, text(row, "application_name")?);
            read.runs.push(LogRow { cursor, run: Run::from_row(row)?, by, application });
            taken += 1;
        }
        if taken == left || row.try_get::<i64, _>("nth")? == i64::from(size) {
            return Ok(Some(cursor));
        }
    }
    Ok(None)
}

/// The statement that searches `size` rows of the view `$1`, from `start` on, and returns those that are wanted, at most
/// `left` of them, and the first and the last of all that it searched.
fn piece(log: &Log, filter: &RunsFilter, start: PageStart, size: u32, left: usize) -> String {
    let (created, id) = (log.created_at(), log.id());
    let direction = if start.is_ascending() { "ASC" } else { "DESC" };
    let order = format!("{created} {direction}, {id} {direction}");
    // The planner must see the condition of the partial index.
    let failures = if filter.failures { "AND l.status = 'error'" } else { "" };
    let text = |name, most: u32| format!("left({}, {most})", log.column(name, "text"));
    let time = |name| log.column(name, "timestamptz");
    let (duration, black_box) = (log.column("duration_ms", "numeric"), log.column("black_box", "jsonb"));
    let wanted = wanted(log, filter);
    // Every role that may write to the log may write nonsense: one invalid row must not fail the page.
    format!(
        "SELECT ({created})::timestamptz AS logged_at, l.refreshtop_key AS id, l.refreshtop_nth AS nth,
                {wanted} AS wanted, coalesce({status}, '') AS status, {source} AS trigger_source,
                CASE WHEN {duration} BETWEEN 0 AND 1e15 THEN {duration} END::float8 AS duration_ms,
                coalesce({started}, ({created})::timestamptz) AS started_at, {completed} AS completed_at,
                {sqlstate} AS sqlstate, {message} AS error_message, {by} AS triggered_by,
                {application} AS application_name,
                CASE WHEN jsonb_typeof({black_box} -> 'sessions') = 'array'
                     THEN jsonb_array_length({black_box} -> 'sessions') ELSE 0 END AS blockers
         FROM (SELECT l.*, {id} AS refreshtop_key, row_number() OVER (ORDER BY {order}) AS refreshtop_nth
               FROM public.metrics_refresh_log l
               WHERE {of_type} AND {created} {CALENDAR} {failures} {beyond}
               ORDER BY {order} LIMIT {size}) l
         WHERE {wanted} OR l.refreshtop_nth IN (1, {size})
         ORDER BY l.refreshtop_nth LIMIT {most}",
        status = log.column("status", "text"),
        source = text("trigger_source", 20),
        started = time("started_at"),
        completed = time("completed_at"),
        sqlstate = text("sqlstate", 5),
        message = text("error_message", LISTED_ERROR),
        by = text("triggered_by", 63),
        application = text("application_name", 63),
        of_type = log.of_type(),
        beyond = beyond(start, &created, id),
        // The first and the last may be unwanted.
        most = left.saturating_add(2),
    )
}

/// What lies beyond the cursor where a page begins: the moment `$2` and the key `$3`. The first condition is the one that
/// an index on the time serves.
fn beyond(start: PageStart, created: &str, id: &str) -> String {
    let than = match start {
        PageStart::Newest | PageStart::Oldest => return String::new(),
        PageStart::Before(_) => '<',
        PageStart::After(_) => '>',
    };
    format!("AND {created} {than}= $2 AND ({created} {than} $2 OR {id} {than} $3)")
}

/// The condition that no index serves; the text is `$4`.
fn wanted(log: &Log, filter: &RunsFilter) -> String {
    let mut conditions = Vec::new();
    let source = log.column("trigger_source", "text");
    match filter.origin {
        OriginFilter::Any => {}
        OriginFilter::Scheduled => conditions.push(format!("{source} = 'schedule'")),
        OriginFilter::Manual => conditions.push(format!("{source} IS DISTINCT FROM 'schedule'")),
    }
    if !filter.text.is_empty() {
        // As it is, not as a pattern; and not by the rules of a collation that would refuse to search inside a text.
        let holds = |name| {
            let column = log.column(name, "text");
            format!("strpos(lower(left({column}, {SEARCHED}) COLLATE \"default\"), lower($4 COLLATE \"default\")) > 0")
        };
        let columns = ["error_message", "sqlstate", "triggered_by", "application_name"];
        conditions.push(format!("coalesce({}, false)", columns.map(holds).join(" OR ")));
    }
    if conditions.is_empty() { "true".into() } else { format!("coalesce({}, false)", conditions.join(" AND ")) }
}
