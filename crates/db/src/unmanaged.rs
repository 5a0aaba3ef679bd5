//! Deployments without (all of) refreshtop's functions: made by hand, or by an older version. Read with the role's own
//! rights, from the log table in whatever shape it has; nothing is changed.

use crate::{
    cron_settings::{self, CronSettings},
    error::{self, Error, Result},
    log::{Asked, Columns},
    parameter::Parameter,
    quote::identifier,
    read_transaction::ReadTransaction,
    recent_runs::{LISTED_ERROR, LogFilter},
    row::{FromRow as _, text},
    run_detail,
    trust::LOG,
};
use refreshtop_core::{
    address::ViewId,
    reading::{Reading, Unavailable},
    run::{Run, RunDetail},
    snapshot::Deployment,
    stats::RefreshStats,
};
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};
use uuid::Uuid;

/// What is there. Read from the catalogs, which any role may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    schema: bool,
    view: bool,
    /// Columns of the log with their types; `None` if there is no log.
    columns: Option<BTreeMap<String, String>>,
    /// Whether row security decides which rows of the log this role sees.
    rows_hidden: bool,
}

const SURVEY: &str = "
    SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'refreshtop') AS schema,
           EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'public' AND c.relname = 'platform_metrics') AS view,
           (SELECT json_object_agg(a.attname, format_type(a.atttypid, NULL)) FROM pg_attribute a
            WHERE a.attrelid = log.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
           coalesce(row_security_active(log.oid), false) AS rows_hidden
    FROM (SELECT 1) one
    LEFT JOIN (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relname = 'metrics_refresh_log' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) log
           ON true";

/// Reads what there is.
pub async fn catalog(tx: &ReadTransaction<'_>) -> Result<Catalog> {
    let row = tx.one(&[], SURVEY, &[]).await?;
    let columns = text(&row, "columns")?.map(|text| serde_json::from_str(&text)).transpose();
    let columns = columns.map_err(|failure| Error::Decode(failure.to_string()))?;
    Ok(Catalog {
        schema: row.try_get("schema")?,
        view: row.try_get("view")?,
        columns,
        rows_hidden: row.try_get("rows_hidden")?,
    })
}

impl Catalog {
    /// What this deployment is, given that refreshtop's functions don't answer.
    pub fn deployment(&self) -> Deployment {
        match (self.schema, self.columns.is_some() || self.view) {
            (true, _) => Deployment::Older,
            (false, true) => Deployment::Unmanaged,
            (false, false) => Deployment::Missing,
        }
    }

    /// The log's columns, or why it can't be read.
    pub fn log(&self) -> Reading<Log<'_>> {
        match &self.columns {
            Some(columns) if columns.contains_key("status") => Ok(Log(columns)),
            Some(_) => Err(Unavailable::new(
                "public.metrics_refresh_log has no column status",
                "rename it and run: refreshtop migrate",
            )),
            None => Err(Unavailable::new(
                "there is no table public.metrics_refresh_log in this database",
                "run: refreshtop migrate",
            )
            .missing()),
        }
    }

    /// Row security answers with fewer rows, not with an error: none at all is more likely hidden than never written.
    pub fn hidden(&self, role: &str) -> Option<Unavailable> {
        self.rows_hidden.then(|| {
            Unavailable::new(
                format!("row security shows role {role} no row of public.metrics_refresh_log"),
                "let a policy of that table show them to it, or run: refreshtop migrate",
            )
        })
    }
}

/// The log's columns as expressions; one that is missing reads as NULL.
pub struct Log<'a>(&'a BTreeMap<String, String>);

/// Columns of the log that the migrations make.
static MIGRATED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let texts =
        ["refresh_type", "status", "error_message", "sqlstate", "trigger_source", "triggered_by", "application_name"];
    let others =
        [("id", "uuid"), ("created_at", "timestamp with time zone"), ("started_at", "timestamp with time zone")];
    let more = [("completed_at", "timestamp with time zone"), ("duration_ms", "numeric"), ("black_box", "jsonb")];
    let named = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
    texts.map(|name| (name, "text")).into_iter().chain(others).chain(more).map(named).collect()
});

impl Log<'_> {
    /// The log as the migrations make it, as far as lists need it.
    pub fn migrated() -> Log<'static> {
        Log(&MIGRATED)
    }

    pub fn column(&self, name: &str, kind: &str) -> String {
        if self.0.contains_key(name) { format!("l.{name}::{kind}") } else { format!("NULL::{kind}") }
    }

    /// The type of a column; `None` if there is none.
    pub fn kind(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A key for the screen: the row's own, or one made from it.
    pub fn id(&self) -> &'static str {
        match self.0.get("id").map(String::as_str) {
            Some("uuid") => "coalesce(l.id, md5(l::text)::uuid)",
            Some(_) => "coalesce(md5(l.id::text)::uuid, md5(l::text)::uuid)",
            None => "md5(l::text)::uuid",
        }
    }

    /// Made in one way everywhere, so that lists and statistics agree. The bare column if it exists: it may have an
    /// index.
    pub fn created_at(&self) -> String {
        if self.0.contains_key("created_at") {
            return "l.created_at".into();
        }
        format!(
            "coalesce({}, {})",
            self.column("completed_at", "timestamptz"),
            self.column("started_at", "timestamptz")
        )
    }

    /// Rows of the refresh type `$1`; all of them if the log has no types.
    pub fn of_type(&self) -> String {
        self.of_type_of("$1")
    }

    /// The same of the type that an expression gives.
    pub fn of_type_of(&self, view: &str) -> String {
        if self.0.contains_key("refresh_type") { format!("l.refresh_type::text = {view}") } else { "true".into() }
    }

    fn select(&self) -> String {
        let text = |name| self.column(name, "text");
        let time = |name| self.column(name, "timestamptz");
        let blockers = if self.0.get("black_box").is_some_and(|kind| kind == "jsonb") {
            "coalesce(jsonb_array_length(l.black_box -> 'sessions'), 0)"
        } else {
            "0"
        };
        format!(
            "SELECT {id} AS id, coalesce({status}, '') AS status, {source} AS trigger_source,
                    {duration}::float8 AS duration_ms, coalesce({started}, {created}) AS started_at,
                    {completed} AS completed_at, {sqlstate} AS sqlstate,
                    left({message}, {LISTED_ERROR}) AS error_message, {blockers} AS blockers",
            id = self.id(),
            status = text("status"),
            source = text("trigger_source"),
            duration = self.column("duration_ms", "numeric"),
            started = time("started_at"),
            created = self.created_at(),
            completed = time("completed_at"),
            sqlstate = text("sqlstate"),
            message = text("error_message"),
        )
    }
}

/// Turns the answer to a question about the log into a reading; a lost connection fails the whole.
pub fn reading<T>(what: &str, role: &str, answer: Result<T>) -> Result<Reading<T>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => {
            let grant = format!("GRANT SELECT ON public.metrics_refresh_log TO {}", identifier(role));
            Ok(Err(error::unavailable_but_for(what, &failure, &grant)))
        }
    }
}

/// The statistics of `refreshtop.stats`, by its definitions, from the log. A row from the future makes nothing fresh.
pub async fn statistics(
    tx: &ReadTransaction<'_>,
    catalog: &Catalog,
    role: &str,
    view: &ViewId,
    window: Duration,
) -> Result<Reading<RefreshStats>> {
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let sql = format!(
        "WITH l AS MATERIALIZED (
             SELECT {status} AS status, {duration} AS duration_ms, {message} AS error_message, {created} AS created_at,
                    least({completed}, {created}) AS ended_at
             FROM public.metrics_refresh_log l
             WHERE {of_type} AND {created} > statement_timestamp() - least($2, interval '1000 years')
               AND {created} <= statement_timestamp())
         SELECT count(*) AS total_refreshes, count(*) FILTER (WHERE status = 'success') AS successful_refreshes,
                count(*) FILTER (WHERE status = 'error') AS failed_refreshes,
                round(count(*) FILTER (WHERE status = 'success') * 100.0 / nullif(count(*), 0), 2)::float8 AS success_rate,
                round(avg(duration_ms) FILTER (WHERE status = 'success')::numeric, 3)::float8 AS avg_duration_ms,
                (max(duration_ms) FILTER (WHERE status = 'success'))::float8 AS max_duration_ms,
                (min(duration_ms) FILTER (WHERE status = 'success'))::float8 AS min_duration_ms,
                max(ended_at) AS last_refresh_at,
                left((SELECT e.error_message FROM l e WHERE e.status = 'error' ORDER BY e.created_at DESC LIMIT 1),
                     {LISTED_ERROR}) AS last_error,
                (SELECT least({completed}, {created}) FROM public.metrics_refresh_log l
                 WHERE {of_type} AND {status} = 'success' AND {created} <= statement_timestamp()
                 ORDER BY {created} DESC LIMIT 1) AS last_success_at
         FROM l",
        status = log.column("status", "text"),
        duration = log.column("duration_ms", "numeric"),
        message = log.column("error_message", "text"),
        completed = log.column("completed_at", "timestamptz"),
        created = log.created_at(),
        of_type = log.of_type(),
    );
    let parameters = [Parameter::Text(view.as_str()), Parameter::Interval(window)];
    let answer = tx.one(&[LOG], &sql, &parameters).await.and_then(|row| RefreshStats::from_row(&row));
    Ok(match reading("statistics", role, answer)? {
        Ok(stats) if stats.total == 0 && stats.last_success_at.is_none() => catalog.hidden(role).map_or(Ok(stats), Err),
        other => other,
    })
}

/// The newest `limit` runs, newest first.
pub async fn runs(
    tx: &ReadTransaction<'_>,
    catalog: &Catalog,
    role: &str,
    view: &ViewId,
    filter: LogFilter,
    limit: u16,
) -> Result<Reading<Vec<Run>>> {
    let asked = Asked { failed: filter == LogFilter::Errors, limit, ..Asked::default() };
    asked_runs(tx, catalog, role, view, &asked).await
}

/// The newest runs that are asked for, newest first.
pub async fn asked_runs(
    tx: &ReadTransaction<'_>,
    catalog: &Catalog,
    role: &str,
    view: &ViewId,
    asked: &Asked,
) -> Result<Reading<Vec<Run>>> {
    let log = match catalog.log() {
        Ok(log) => log,
        Err(missing) => return Ok(Err(missing)),
    };
    let what = if asked.failed { "errors" } else { "runs" };
    let created = log.created_at();
    let only = asked.condition(&Columns {
        created: &created,
        status: &log.column("status", "text"),
        sqlstate: &log.column("sqlstate", "text"),
        message: &log.column("error_message", "text"),
    });
    let sql = format!(
        "{} FROM public.metrics_refresh_log l WHERE {} AND {only} ORDER BY {created} DESC LIMIT {}",
        log.select(),
        log.of_type(),
        asked.limit
    );
    let answer = tx.ask(&[LOG], &sql, &asked.parameters(view)).await;
    let answer = answer.and_then(|rows| rows.iter().map(Run::from_row).collect::<Result<Vec<_>>>());
    Ok(match reading(what, role, answer)? {
        Ok(runs) if runs.is_empty() && asked.is_unfiltered() => catalog.hidden(role).map_or(Ok(runs), Err),
        other => other,
    })
}

/// One run in full.
pub async fn run_detail(tx: &ReadTransaction<'_>, catalog: &Catalog, id: Uuid) -> Result<Option<RunDetail>> {
    let Ok(log) = catalog.log() else { return Ok(None) };
    let text = |name| format!("left({}, 20000)", log.column(name, "text"));
    let sql = format!(
        "{select}, {of_view} AS of_view, {message} AS message, {detail} AS detail, {hint} AS hint, {context} AS context,
                {by} AS triggered_by, {application} AS application_name, {pid} AS backend_pid, {black_box} AS black_box
         FROM public.metrics_refresh_log l WHERE {key} = $1 LIMIT 1",
        select = log.select(),
        of_view = log.column("refresh_type", "text"),
        message = text("error_message"),
        detail = text("error_detail"),
        hint = text("error_hint"),
        context = text("error_context"),
        by = text("triggered_by"),
        application = text("application_name"),
        pid = log.column("backend_pid", "integer"),
        black_box = log.column("black_box", "jsonb"),
        key = log.id(),
    );
    tx.optional(&[LOG], &sql, &[Parameter::Key(id)]).await?.as_ref().map(run_detail::detail_from_row).transpose()
}

/// The database of `pg_cron`, as far as the role itself may see it.
pub async fn cron_settings(tx: &ReadTransaction<'_>) -> Result<CronSettings> {
    // Unlike current_setting(), the view leaves out what the role may not see, and is no error.
    let sql = "
        SELECT coalesce((SELECT nullif(setting, '') FROM pg_settings WHERE name = 'cron.database_name'),
                        (SELECT current_database()::text FROM pg_extension WHERE extname = 'pg_cron')) AS database,
               extract(epoch FROM (now() AT TIME ZONE zone) - (now() AT TIME ZONE 'UTC'))::integer AS utc_offset,
               pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS readable, NULL::boolean AS launcher
        FROM (SELECT coalesce((SELECT nullif(setting, '') FROM pg_settings WHERE name = 'cron.timezone'), 'GMT') AS zone) z";
    cron_settings::settings_from_row(&tx.one(&[], sql, &[]).await?)
}
