//! Rows of `cron.job`: which ones are a certain job, and what is read of them.

use crate::{
    contract::VIEW_JOB,
    error::Result,
    parameter::Parameter,
    row::{FromRow, Row, some_text, text},
    schedule,
    session::{PINNED, Session, Transaction},
};
use serde::{Deserialize, Serialize};

/// Characters of a command that are shown.
const SHORT: usize = 80;

/// Reads rows `j` of `cron.job`, with what the catalogue has of their roles `r`.
const SELECT: &str = "
    SELECT j.jobid, j.jobname::text AS jobname, j.schedule::text AS schedule, j.command::text AS command,
           j.database::text AS database, j.username::text AS username, j.active,
           r.rolname IS NOT NULL AS role_exists, coalesce(r.rolsuper, false) AS role_is_super,
           EXISTS (SELECT 1 FROM pg_database d WHERE d.datname = j.database AND d.datdba = r.oid) AS owns_database
    FROM cron.job j LEFT JOIN pg_roles r ON r.rolname = j.username";

/// Whether row `j` has the name of the job that is [`Sought`].
pub(crate) const NAMED: &str = "j.database = $1 AND j.jobname IN ($2, $2 || '@' || $1)";

/// Whether row `j` calls the function of the job that is [`Sought`], under whatever name.
pub(crate) const CALLING: &str = "j.database = $1 AND strpos(j.command, $3) > 0";

/// The order of rows `j` that may be the job that is [`Sought`], the likeliest one first.
pub(crate) const LIKELIEST: &str = "coalesce(j.jobname IN ($2, $2 || '@' || $1), false) DESC, \
    strpos(j.command, $3) > 0 DESC, j.username = 'refreshtop_job' DESC, j.active DESC, j.jobid DESC";

/// A job of an application's database. Its parts are `$1`, `$2` and `$3` of a statement about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// The application's database.
    pub database: String,
    /// The job's name.
    pub name: String,
    /// What its command calls.
    pub call: String,
}

impl Sought {
    pub(crate) fn parameters(&self) -> [Parameter<'_>; 3] {
        [Parameter::Text(&self.database), Parameter::Text(&self.name), Parameter::Text(&self.call)]
    }
}

/// A row of `cron.job`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what pg_cron's table and the catalogue say of a job")]
pub(crate) struct CronJob {
    pub(crate) id: i64,
    pub(crate) jobname: Option<String>,
    pub(crate) schedule: String,
    pub(crate) command: String,
    pub(crate) database: String,
    pub(crate) username: String,
    pub(crate) active: bool,
    /// Whether the role exists, and is a superuser.
    pub(crate) role_exists: bool,
    pub(crate) role_is_super: bool,
    /// Whether the role owns the job's database.
    pub(crate) owns_database: bool,
}

impl FromRow for CronJob {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get("jobid")?,
            jobname: text(row, "jobname")?,
            schedule: some_text(row, "schedule")?,
            command: some_text(row, "command")?,
            database: some_text(row, "database")?,
            username: some_text(row, "username")?,
            active: row.try_get("active")?,
            role_exists: row.try_get("role_exists")?,
            role_is_super: row.try_get("role_is_super")?,
            owns_database: row.try_get("owns_database")?,
        })
    }
}

impl CronJob {
    pub(crate) fn found(&self) -> Found {
        Found {
            jobname: self.jobname.clone(),
            schedule: self.schedule.clone(),
            command: self.command.clone(),
            active: self.active,
            username: self.username.clone(),
        }
    }

    /// Its number, schedule and role, for people.
    pub(crate) fn particulars(&self) -> String {
        let number = if self.jobname.is_some() { format!("number {}, ", self.id) } else { String::new() };
        let paused = if self.active { "" } else { ", paused" };
        format!("{number}{}, role {}{paused}", self.schedule, self.username)
    }

    /// The beginning of what it runs, in one line.
    pub(crate) fn shortened(&self) -> String {
        let line = self.command.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= SHORT { line } else { line.chars().take(SHORT).chain(['…']).collect() }
    }

    /// For people.
    pub(crate) fn title(&self) -> String {
        self.jobname.clone().unwrap_or_else(|| format!("number {}", self.id))
    }

    pub(crate) fn state(&self) -> &'static str {
        if self.active { "active" } else { "paused" }
    }
}

/// What was there before a job was ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name.
    #[serde(default)]
    pub jobname: Option<String>,
    /// When it ran.
    pub schedule: String,
    /// What it ran.
    pub command: String,
    /// Whether it ran.
    pub active: bool,
    /// As which role.
    pub username: String,
}

/// A transaction in which names are resolved without the session's search path.
pub(crate) async fn begin(there: &mut Session) -> Result<Transaction<'_>> {
    let transaction = there.begin().await?;
    transaction.run(PINNED).await?;
    Ok(transaction)
}

/// The jobs `j` for which `condition` holds, in the given order.
pub(crate) async fn read(
    there: &Session,
    condition: &str,
    order: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<CronJob>> {
    let rows = there.ask(&format!("{SELECT} WHERE {condition} ORDER BY {order}"), parameters).await?;
    rows.iter().map(CronJob::from_row).collect()
}

/// The jobs that have the name, the likeliest one first. That of a view may have been shortened, so what it calls counts
/// as well.
pub(crate) async fn named(there: &Session, sought: &Sought) -> Result<Vec<CronJob>> {
    if schedule::is_of_contract(&sought.name) {
        return read(there, NAMED, LIKELIEST, &sought.parameters()).await;
    }
    let ours = format!("({NAMED} OR {CALLING} AND starts_with(j.jobname::text, '{VIEW_JOB}'))");
    read(there, &ours, LIKELIEST, &sought.parameters()).await
}
