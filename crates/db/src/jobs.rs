//! Single jobs in `pg_cron`: what they are, what they did, and changing them.
//!
//! Putting all of them in place is [`crate::schedule`]'s.

use crate::{
    error,
    schedule::{self, OF_ROLES_THAT_COUNT},
    service::{self, CronSettings, literal},
    session::{FromRow, Result, Row, Session, Transaction},
    trust::{PINNED, Thing, Trust},
};
use chrono::{DateTime, Offset as _, Utc};
use refreshtop_core::{
    job::{Job, JobRun},
    statement::Purpose,
};

/// A job as it is shown; the database is the application's own.
pub async fn job_here(app: &mut Session, cron: &CronSettings, name: &str) -> Result<Option<Job>> {
    let sql = format!(
        "SELECT schedule, active, last_status, last_message, last_start FROM refreshtop.cron_job({})",
        literal(name)
    );
    if let Some(row) = service::optional(app, &sql).await? {
        return job(&row, cron).map(Some);
    }
    // The installation sees its own jobs only; whoever asks may see more.
    match &cron.database {
        Some(database) if schedule::is_readable(app).await? => {
            job_that(app, cron, name, &format!("{} AND {OF_ROLES_THAT_COUNT}", is_job(database, name))).await
        }
        _ => Ok(None),
    }
}

/// How far back among the executions of all jobs those of one job are looked for: the history has no index on the job,
/// and is never cleaned. Few rows first, because that is where they commonly are.
const REACH: [i64; 3] = [2_000, 20_000, 200_000];

/// A job of `database` as it is shown, read where `pg_cron` lives.
pub async fn job_there(there: &mut Session, cron: &CronSettings, database: &str, name: &str) -> Result<Option<Job>> {
    job_that(there, cron, name, &is_job(database, name)).await
}

/// The job `name` among the rows `j` of `cron.job` for which `condition` holds.
async fn job_that(there: &mut Session, cron: &CronSettings, name: &str, condition: &str) -> Result<Option<Job>> {
    let installation = safe(there).await?;
    if !schedule::has_own_tables(&installation).await? {
        return Ok(None);
    }
    let zone = "SELECT EXISTS (SELECT 1 FROM pg_settings WHERE name = 'cron.timezone')";
    // Up to 1.4 there is no such setting, and what somebody has put under that name is not heeded.
    let heeded: bool = service::one(&installation, zone).await?.try_get(0)?;
    let cron = CronSettings { offset: if heeded { cron.offset } else { Utc.fix() }, ..cron.clone() };
    let sql = format!(
        "SELECT j.jobid, j.schedule::text AS schedule, j.active FROM cron.job j WHERE {condition}
         ORDER BY {} LIMIT 1",
        the_right_one(name)
    );
    let Some(found) = service::optional(&installation, &sql).await? else { return Ok(None) };
    let last = newest(&installation, found.try_get("jobid")?, 1).await?.runs.pop();
    installation.commit().await?;
    Ok(Some(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: service::some_text(&found, "schedule")?,
        active: found.try_get("active")?,
        offset: cron.offset,
        last: last.map(|run| JobRun {
            status: run.status.unwrap_or_default(),
            message: run.message.map(|message| message.chars().take(200).collect()),
            started_at: run.started_at,
        }),
    }))
}

/// A transaction in which names mean what they say.
async fn safe(there: &mut Session) -> Result<Transaction<'_>> {
    let transaction = there.begin().await?;
    transaction.run(PINNED).await?;
    Ok(transaction)
}

/// The condition that row `j` of `cron.job` is the job `name` of `database`.
pub(super) fn is_job(database: &str, name: &str) -> String {
    let (database, name) = (literal(database), literal(name));
    format!("j.jobname IN ({name}, {name} || '@' || {database}) AND j.database = {database}")
}

/// The order in which rows `j` that have the name are looked at: the one that calls the function first.
fn the_right_one(name: &str) -> String {
    let function = schedule::JOBS.iter().find(|job| job.name == name).map_or("", |job| job.function);
    let calls = format!("strpos(j.command, {}) > 0", literal(function));
    format!("{calls} DESC, j.username = '{}' DESC, j.active DESC, j.jobid DESC", schedule::JOB_ROLE)
}

fn job(row: &Row, cron: &CronSettings) -> Result<Job> {
    let status = service::text(row, "last_status")?;
    let last = match status {
        Some(status) => Some(JobRun {
            status,
            message: service::text(row, "last_message")?,
            started_at: service::moment(row, "last_start")?,
        }),
        None => None,
    };
    Ok(Job {
        cron_database: cron.database.clone().unwrap_or_default(),
        schedule: service::some_text(row, "schedule")?,
        active: row.try_get("active")?,
        offset: cron.offset,
        last,
    })
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// `pg_cron`'s number of it.
    pub id: i64,
    /// `pg_cron`'s word: `starting`, `running`, `succeeded`, `failed`.
    pub status: Option<String>,
    /// Its message, cut to 1,000 characters.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl FromRow for Execution {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get("runid")?,
            status: service::text(row, "status")?,
            message: service::text(row, "message")?,
            started_at: service::moment(row, "start_time")?,
            ended_at: service::moment(row, "end_time")?,
        })
    }
}

/// Executions of a job, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executions {
    /// The newest of them.
    pub runs: Vec<Execution>,
    /// Among how many of the newest executions of all jobs they were looked for, where older ones were left out.
    pub among: Option<i64>,
}

/// The newest `limit` executions of a job, newest first; those of jobs that were removed are not among them.
pub async fn executions(there: &mut Session, database: &str, name: &str, limit: u16) -> Result<Executions> {
    let installation = safe(there).await?;
    if !schedule::has_own_tables(&installation).await? {
        return Ok(Executions::default());
    }
    let sql = format!(
        "SELECT j.jobid FROM cron.job j WHERE {} ORDER BY {} LIMIT 1",
        is_job(database, name),
        the_right_one(name)
    );
    let Some(job) = service::optional(&installation, &sql).await? else { return Ok(Executions::default()) };
    let found = newest(&installation, job.try_get(0)?, limit).await?;
    installation.commit().await?;
    Ok(found)
}

/// By the index on the number of the execution, in steps: one job may have run among millions of others.
async fn newest(there: &Session, job: i64, limit: u16) -> Result<Executions> {
    let mut runs: Vec<Execution> = Vec::new();
    let ends = "SELECT coalesce(max(runid), 0) AS newest, coalesce(min(runid), 0) AS oldest FROM cron.job_run_details";
    let ends = service::one(there, ends).await?;
    let (newest, oldest): (i64, i64) = (ends.try_get("newest")?, ends.try_get("oldest")?);
    let mut above = newest;
    for reach in REACH {
        let missing = usize::from(limit) - runs.len();
        let below = newest - reach;
        let sql = format!(
            "SELECT r.runid, r.status::text AS status, left(r.return_message, 1000) AS message, r.start_time, r.end_time
             FROM cron.job_run_details r WHERE r.jobid = {job} AND r.runid <= {above} AND r.runid > {below}
             ORDER BY r.runid DESC LIMIT {missing}"
        );
        for row in service::ask(there, &sql).await? {
            runs.push(Execution::from_row(&row)?);
        }
        if runs.len() >= usize::from(limit) || below < oldest {
            return Ok(Executions { runs, among: None });
        }
        above = below;
    }
    Ok(Executions { runs, among: REACH.last().copied() })
}

/// A change of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Not run until resumed.
    Pause,
    /// Run again.
    Resume,
    /// Run at other times.
    Every(String),
    /// Gone.
    Remove,
}

impl Change {
    /// Its name in the audit trail.
    pub fn act(&self) -> &'static str {
        match self {
            Self::Pause => "job pause",
            Self::Resume => "job resume",
            Self::Every(_) => "job every",
            Self::Remove => "job remove",
        }
    }
}

/// The process of a session.
pub async fn pid(session: &mut Session) -> Result<i32> {
    service::one(session, "SELECT pg_catalog.pg_backend_pid()").await?.try_get(0)
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is made, and noted.
    Done,
    /// There is no such job that this role may see.
    NoJob,
    /// The job runs several statements: what is asked would take away more than ours. It stays.
    Several,
    /// The job is another role's, which this one can't act for.
    NotPermitted(String),
}

/// A job that is to be changed.
struct Chosen {
    id: i64,
    username: String,
    /// Whether it runs other statements too.
    several: bool,
}

/// Changes the job `name` of `database` and notes that in the audit trail: both or neither, as far as two databases
/// can promise that. `there` is a session where `pg_cron` lives, or `None` where that is the application's. `may_commit`
/// is asked at last.
pub async fn change(
    app: &mut Session,
    there: Option<&mut Session>,
    database: &str,
    name: &str,
    change: &Change,
    may_commit: &dyn Fn() -> bool,
) -> Result<Option<Changed>> {
    let here = there.is_none();
    let mut noted = safe(app).await?;
    let mut other = match there {
        Some(there) => Some(safe(there).await?),
        None => None,
    };
    let outcome = {
        let cron = match &mut other {
            Some(other) => &mut **other,
            None => &mut *noted,
        };
        apply(cron, database, name, change).await?
    };
    let outcome = match outcome {
        // The installation may do it for its administrators, and notes it itself.
        Changed::NotPermitted(_) | Changed::NoJob if here => {
            match by_the_installation(&mut noted, name, change).await? {
                Some(true) => {
                    if !may_commit() {
                        return Ok(None);
                    }
                    noted.commit().await?;
                    return Ok(Some(Changed::Done));
                }
                Some(false) | None => outcome,
            }
        }
        outcome => outcome,
    };
    if outcome != Changed::Done {
        return Ok(Some(outcome));
    }
    Trust::of(&noted).await?.allow(Thing::Function("record_act"))?;
    let schedule = if let Change::Every(schedule) = change { literal(schedule) } else { "NULL".into() };
    let sql = format!(
        "SELECT refreshtop.record_act({}, 'success', jsonb_build_object('job', {}, 'schedule', {schedule}))",
        literal(change.act()),
        literal(name)
    );
    service::ask(&noted, &sql).await?;
    if !may_commit() {
        return Ok(None);
    }
    if let Some(other) = other {
        other.commit().await?;
    }
    noted.commit().await?;
    Ok(Some(Changed::Done))
}

async fn apply(cron: &mut Session, database: &str, name: &str, change: &Change) -> Result<Changed> {
    if !schedule::has_own_tables(cron).await? {
        return Ok(Changed::NoJob);
    }
    let who = format!(
        "SELECT current_user::text AS role, r.rolsuper AS super, has_schema_privilege(to_regnamespace('cron')::oid, 'USAGE') AS usage,
                coalesce((SELECT pg_has_role(current_user, j.oid, 'MEMBER') FROM pg_roles j WHERE j.rolname = '{role}'), false)
                    AS member
         FROM pg_roles r WHERE r.rolname = current_user",
        role = schedule::JOB_ROLE
    );
    let who = service::one(cron, &who).await?;
    let (role, superuser, member): (String, bool, bool) =
        (who.try_get("role")?, who.try_get("super")?, who.try_get("member")?);
    // pg_cron shows a role its own jobs only.
    if !superuser && member && role != schedule::JOB_ROLE {
        let back = schedule::role_now(cron).await?;
        service::ask(cron, &format!("SET LOCAL ROLE {}", schedule::JOB_ROLE)).await?;
        let changed = match choose(cron, database, name).await {
            Ok(Some(job)) => act(cron, &job, change).await.map(Some),
            // Without USAGE on schema cron it sees nothing.
            Err(failure) if error::code(&failure) != Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => Err(failure),
            _ => Ok(None),
        };
        service::ask(cron, &back).await?;
        if let Some(changed) = changed? {
            return Ok(changed);
        }
    }
    if !superuser && !who.try_get::<bool, _>("usage")? {
        return Ok(Changed::NotPermitted(role));
    }
    let Some(job) = choose(cron, database, name).await? else { return Ok(Changed::NoJob) };
    act(cron, &job, change).await
}

/// The job that does what the contract's job of this name does; one that only has its name is somebody's own.
async fn choose(cron: &mut Session, database: &str, name: &str) -> Result<Option<Chosen>> {
    let sql = format!(
        "SELECT j.jobid, j.username::text AS username, j.command::text AS command FROM cron.job j WHERE {} ORDER BY {}",
        is_job(database, name),
        the_right_one(name)
    );
    let Some(wanted) = schedule::JOBS.iter().find(|wanted| wanted.name == name) else { return Ok(None) };
    for row in service::ask(cron, &sql).await? {
        let purpose = wanted.purpose(&service::some_text(&row, "command")?);
        if purpose != Purpose::Other {
            let (id, username) = (row.try_get("jobid")?, service::some_text(&row, "username")?);
            return Ok(Some(Chosen { id, username, several: purpose == Purpose::CallsAmongOthers }));
        }
    }
    Ok(None)
}

async fn act(cron: &mut Session, job: &Chosen, change: &Change) -> Result<Changed> {
    if job.several && *change == Change::Remove {
        return Ok(Changed::Several);
    }
    let id = job.id;
    let sql = match change {
        Change::Pause => format!("SELECT cron.alter_job({id}, active := false)"),
        Change::Resume => format!("SELECT cron.alter_job({id}, active := true)"),
        Change::Every(schedule) => format!("SELECT cron.alter_job({id}, schedule := {})", literal(schedule)),
        // pg_cron has a function for names too.
        Change::Remove => format!("SELECT cron.unschedule({id}::bigint)"),
    };
    match service::ask(cron, &sql).await {
        Ok(_) => Ok(Changed::Done),
        Err(failure) if error::code(&failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            Ok(Changed::NotPermitted(job.username.clone()))
        }
        Err(failure) => Err(failure),
    }
}

/// Lets the installation's own function do it, which changes no job but its own; `None` where this role may not call it,
/// or it is not there.
async fn by_the_installation(app: &mut Session, name: &str, change: &Change) -> Result<Option<bool>> {
    let there = "SELECT EXISTS (
        SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'refreshtop' AND p.proname = 'change_job' AND p.prosecdef
          AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
          AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'))";
    if !service::one(app, there).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    Trust::of(app).await?.allow(Thing::Function("change_job"))?;
    let (schedule, active, remove) = match change {
        Change::Pause => ("NULL".into(), "false", "false"),
        Change::Resume => ("NULL".into(), "true", "false"),
        Change::Every(schedule) => (literal(schedule), "NULL", "false"),
        Change::Remove => ("NULL".into(), "NULL", "true"),
    };
    let sql = format!("SELECT refreshtop.change_job({}, {schedule}, {active}, {remove})", literal(name));
    service::one(app, &sql).await?.try_get(0).map(Some)
}
