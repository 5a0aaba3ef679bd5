//! The refresh log as the command line lists it: filtered, with whole messages and who blocked.

use crate::{
    error::{self, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs,
    row::{FromRow, Row, moment, some_text, text},
    trust::LOG,
    unmanaged,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{address::ViewId, moment::Span, run::Run};
use uuid::Uuid;

/// Longest error text that a list carries, characters.
const LONGEST_ERROR: u32 = 20_000;

/// Which runs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Only those that failed.
    pub failed: bool,
    /// Only those that were logged in this time.
    pub span: Span,
    /// Only those with this SQLSTATE, or of the class that its first two characters name.
    pub sqlstate: Option<String>,
    /// Only those whose message contains this, in any case.
    pub text: Option<String>,
    /// At most so many, the newest.
    pub limit: u16,
}

/// A run of the log, and what lists show beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Its view.
    pub view: ViewId,
    /// What happened.
    pub run: Run,
    /// Effective role of the caller.
    pub role: Option<String>,
    /// `application_name` of the session that ran it.
    pub application: Option<String>,
    /// The session that blocked it when it failed.
    pub blocker: Option<Blocker>,
}

/// A session that blocked a run. Its texts are the server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Backend process; `None` or 0 for a prepared transaction, which has none.
    pub pid: Option<i32>,
    /// Login role.
    pub role: Option<String>,
    /// `application_name`.
    pub application: Option<String>,
}

/// Expressions for the columns by which runs are filtered.
pub(super) struct Columns<'a> {
    pub(super) created: &'a str,
    pub(super) status: &'a str,
    pub(super) sqlstate: &'a str,
    pub(super) message: &'a str,
}

impl Asked {
    /// Whether every run passes that was logged in the time.
    pub(super) fn is_unfiltered(&self) -> bool {
        !self.failed && self.sqlstate.is_none() && self.text.is_none()
    }

    /// Which rows pass. `$1` is the view, and the others are those of [`Self::parameters`].
    pub(super) fn condition(&self, columns: &Columns<'_>) -> String {
        let Columns { created, status, sqlstate, message } = columns;
        let conditions = [
            // NULL compares to nothing, so rows without a time are left out either way.
            Some(format!("{created} IS NOT NULL")),
            self.span.from.map(|_| format!("{created} >= $2")),
            self.span.until.map(|_| format!("{created} < $3")),
            self.failed.then(|| format!("{status} = 'error'")),
            self.sqlstate.as_ref().map(|_| format!("left({sqlstate}, length($4)) = $4")),
            self.text.as_ref().map(|_| format!("position(lower($5) in lower(left({message}, {LONGEST_ERROR}))) > 0")),
        ];
        conditions.into_iter().flatten().collect::<Vec<_>>().join(" AND ")
    }

    /// Values for [`Self::condition`].
    pub(super) fn parameters<'a>(&'a self, view: &'a ViewId) -> [Parameter<'a>; 5] {
        [
            Parameter::Text(view.as_str()),
            Parameter::Moment(self.span.from.unwrap_or_default()),
            Parameter::Moment(self.span.until.unwrap_or_default()),
            Parameter::OptionalText(self.sqlstate.as_deref()),
            Parameter::OptionalText(self.text.as_deref()),
        ]
    }
}

/// The newest runs of `view` that are asked for, newest first.
pub async fn runs(tx: &ReadTransaction<'_>, view: &ViewId, asked: &Asked) -> Result<Vec<Logged>> {
    let missing = match tx.ask(&[LOG], &query("refresh_type::text = $1 AND ", asked), &asked.parameters(view)).await {
        Err(failure) if error::is_missing(&failure) => failure,
        Err(failure) => return Err(failure),
        Ok(rows) => return rows.iter().map(Logged::from_row).collect(),
    };
    // If the log can't be read for a reason of its own, show that one.
    tx.allow_unless_missing(LOG)?;
    // An unmanaged log has fewer columns.
    let catalog = unmanaged::catalog(tx).await?;
    let runs = unmanaged::asked_runs(tx, &catalog, "", view, asked).await?;
    let alone = |run| Logged { view: view.clone(), run, role: None, application: None, blocker: None };
    // If that can't be read either, migrating is what fixes it.
    runs.map(|runs| runs.into_iter().map(alone).collect()).map_err(|_| missing)
}

/// The newest runs of all views, those that are managed no longer included.
pub async fn runs_of_all(tx: &ReadTransaction<'_>, asked: &Asked) -> Result<Vec<Logged>> {
    let nobody = ViewId::new("");
    let rows = tx.ask(&[LOG], &query("", asked), &asked.parameters(&nobody)).await?;
    rows.iter().map(Logged::from_row).collect()
}

fn query(of: &str, asked: &Asked) -> String {
    let columns = Columns { created: "created_at", status: "status", sqlstate: "sqlstate", message: "error_message" };
    format!(
        "{select}, {work}, left(refresh_type::text, 200) AS of_view, left(triggered_by::text, 200) AS triggered_by,
                left(application_name, 200) AS application_name,
                blocker.pid AS blocker_pid, blocker.role AS blocker_role, blocker.application AS blocker_application,
                blocker.pid IS NOT NULL OR blocker.role IS NOT NULL OR blocker.application IS NOT NULL AS blocked
         FROM (SELECT * FROM public.metrics_refresh_log WHERE {of}{only} ORDER BY created_at DESC LIMIT {limit}) l
         LEFT JOIN LATERAL ({BLOCKER}) blocker ON true
         ORDER BY created_at DESC",
        select = recent_runs::select_runs(LONGEST_ERROR),
        work = recent_runs::select_work(),
        only = asked.condition(&columns),
        limit = asked.limit,
    )
}

/// The first session of the black box that waits for nobody itself. Roles that may write to the log may write records of
/// any shape.
const BLOCKER: &str = "
    SELECT CASE WHEN s.session ->> 'pid' ~ '^[0-9]{1,9}$' THEN (s.session ->> 'pid')::integer END AS pid,
           left(s.session ->> 'user', 64) AS role, left(s.session ->> 'application', 100) AS application
    FROM jsonb_array_elements(
             CASE WHEN pg_column_size(l.black_box) <= 32768 AND jsonb_typeof(l.black_box -> 'sessions') = 'array'
                  THEN l.black_box -> 'sessions' END) WITH ORDINALITY AS s (session, place)
    WHERE jsonb_typeof(s.session) = 'object'
      AND CASE WHEN jsonb_typeof(s.session -> 'blocked_by') = 'array'
               THEN jsonb_array_length(s.session -> 'blocked_by') = 0 ELSE false END
    ORDER BY s.place LIMIT 1";

/// A run by the beginning of its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// Its view.
    pub view: ViewId,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

/// Runs whose ids are in this range, both ends included, at most `limit` of them, newest first.
pub async fn find(tx: &ReadTransaction<'_>, first: Uuid, last: Uuid, limit: u16) -> Result<Vec<Found>> {
    let sql = format!(
        "SELECT id, left(refresh_type::text, 200) AS of_view, coalesce(started_at, created_at) AS started_at
         FROM public.metrics_refresh_log WHERE id BETWEEN $1 AND $2 ORDER BY created_at DESC NULLS LAST LIMIT {limit}"
    );
    let rows = tx.ask(&[LOG], &sql, &[Parameter::Key(first), Parameter::Key(last)]).await?;
    let found = |row: &Row| {
        Ok(Found {
            id: row.try_get("id")?,
            view: ViewId::new(&text(row, "of_view")?.unwrap_or_default()),
            started_at: moment(row, "started_at")?,
        })
    };
    rows.iter().map(found).collect()
}

/// Ids of the newest runs, for completion.
pub async fn newest_ids(tx: &ReadTransaction<'_>, limit: u16) -> Result<Vec<Uuid>> {
    let sql = format!(
        "SELECT id FROM public.metrics_refresh_log WHERE created_at IS NOT NULL ORDER BY created_at DESC LIMIT {limit}"
    );
    tx.ask(&[LOG], &sql, &[]).await?.iter().map(|row| row.try_get("id")).collect()
}

impl FromRow for Logged {
    fn from_row(row: &Row) -> Result<Self> {
        let blocker = Blocker {
            pid: row.try_get("blocker_pid")?,
            role: text(row, "blocker_role")?,
            application: text(row, "blocker_application")?,
        };
        Ok(Self {
            view: ViewId::new(&some_text(row, "of_view")?),
            run: Run::from_row(row)?,
            role: text(row, "triggered_by")?,
            application: text(row, "application_name")?,
            blocker: row.try_get::<bool, _>("blocked")?.then_some(blocker),
        })
    }
}
