//! Changing a job of `pg_cron`: pause, resume, another schedule, removal.
//!
//! Putting all of them in place is [`crate::schedule`]'s.

use crate::{
    cron_job::{self, Sought},
    error::{self, Result},
    parameter::Parameter,
    schedule,
    session::Session,
    trust::{Thing, Trust},
};
use refreshtop_core::statement::{self, Purpose};

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

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is made, and noted.
    Done,
    /// There is no such job that this role may see.
    NoJob,
    /// The job runs several statements: the change would affect more than ours. It stays.
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

/// Changes the job that is `sought` and notes that in the audit trail: both or neither, as far as two databases can
/// promise that. `there` is a session in the database of `pg_cron`, or `None` if that is the application's.
/// `may_commit` is called right before the commit.
pub async fn change(
    app: &mut Session,
    there: Option<&mut Session>,
    sought: &Sought,
    change: &Change,
    may_commit: &dyn Fn() -> bool,
) -> Result<Option<Changed>> {
    let here = there.is_none();
    let mut noted = cron_job::begin(app).await?;
    let mut other = match there {
        Some(there) => Some(cron_job::begin(there).await?),
        None => None,
    };
    let outcome = {
        let cron = match &mut other {
            Some(other) => &mut **other,
            None => &mut *noted,
        };
        apply(cron, sought, change).await?
    };
    let outcome = match outcome {
        // The installation may do it for its administrators, and notes it itself.
        Changed::NotPermitted(_) | Changed::NoJob if here => {
            match by_the_installation(&mut noted, &sought.name, change).await? {
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
    let schedule = if let Change::Every(schedule) = change { Some(schedule.as_str()) } else { None };
    let sql = "SELECT refreshtop.record_act($1, 'success', jsonb_build_object('job', $2, 'schedule', $3))";
    let act = [Parameter::Text(change.act()), Parameter::Text(&sought.name), Parameter::OptionalText(schedule)];
    noted.ask(sql, &act).await?;
    if schedule.is_some() {
        Trust::of(&noted).await?.allow(Thing::Function("keep_schedule"))?;
        let kept = [Parameter::Text(&sought.name), Parameter::OptionalText(schedule)];
        noted.ask("SELECT refreshtop.keep_schedule($1, $2)", &kept).await?;
    }
    if !may_commit() {
        return Ok(None);
    }
    if let Some(other) = other {
        other.commit().await?;
    }
    noted.commit().await?;
    Ok(Some(Changed::Done))
}

async fn apply(cron: &mut Session, sought: &Sought, change: &Change) -> Result<Changed> {
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
    let who = cron.one(&who, &[]).await?;
    let (role, superuser, member): (String, bool, bool) =
        (who.try_get("role")?, who.try_get("super")?, who.try_get("member")?);
    // pg_cron shows a role its own jobs only.
    if !superuser && member && role != schedule::JOB_ROLE {
        let back = schedule::role_now(cron).await?;
        cron.ask(&format!("SET LOCAL ROLE {}", schedule::JOB_ROLE), &[]).await?;
        let changed = match choose(cron, sought).await {
            Ok(Some(job)) => act(cron, &job, change).await.map(Some),
            // Without USAGE on schema cron it sees nothing.
            Err(failure) if error::code(&failure) != Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => Err(failure),
            _ => Ok(None),
        };
        cron.ask(&back, &[]).await?;
        if let Some(changed) = changed? {
            return Ok(changed);
        }
    }
    if !superuser && !who.try_get::<bool, _>("usage")? {
        return Ok(Changed::NotPermitted(role));
    }
    let Some(job) = choose(cron, sought).await? else { return Ok(Changed::NoJob) };
    act(cron, &job, change).await
}

/// The job that does what ours of this name does; one that only has its name is somebody's own.
async fn choose(cron: &mut Session, sought: &Sought) -> Result<Option<Chosen>> {
    let Some(wanted) = schedule::JOBS.iter().find(|wanted| wanted.name == sought.name) else {
        let jobs = cron_job::named(cron, sought).await?;
        let job = jobs.into_iter().find(|job| job.command.contains(&sought.call));
        return Ok(job.map(|job| {
            let begins = |start: &str| job.command.starts_with(start);
            let is_ours = begins("SELECT pg_catalog.pg_sleep(") || begins("SELECT refreshtop.");
            Chosen { id: job.id, several: !is_ours && statement::count(&job.command) > 1, username: job.username }
        }));
    };
    for job in cron_job::named(cron, sought).await? {
        let purpose = wanted.purpose(&job.command);
        if purpose != Purpose::Other {
            let several = purpose == Purpose::CallsAmongOthers;
            return Ok(Some(Chosen { id: job.id, username: job.username, several }));
        }
    }
    Ok(None)
}

async fn act(cron: &mut Session, job: &Chosen, change: &Change) -> Result<Changed> {
    if job.several && *change == Change::Remove {
        return Ok(Changed::Several);
    }
    let (sql, schedule) = match change {
        Change::Pause => ("SELECT cron.alter_job($1, active := false)", ""),
        Change::Resume => ("SELECT cron.alter_job($1, active := true)", ""),
        Change::Every(schedule) => ("SELECT cron.alter_job($1, schedule := $2)", schedule.as_str()),
        // pg_cron has a function for names too.
        Change::Remove => ("SELECT cron.unschedule($1)", ""),
    };
    match cron.ask(sql, &[Parameter::Number(job.id), Parameter::Text(schedule)]).await {
        Ok(_) => Ok(Changed::Done),
        Err(failure) if error::code(&failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            Ok(Changed::NotPermitted(job.username.clone()))
        }
        Err(failure) => Err(failure),
    }
}

/// Lets the installation's own function do it, which changes no job but its own; `None` if this role may not call it,
/// or it does not exist.
async fn by_the_installation(app: &mut Session, name: &str, change: &Change) -> Result<Option<bool>> {
    let there = "SELECT EXISTS (
        SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'refreshtop' AND p.proname = 'change_job' AND p.prosecdef
          AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
          AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'))";
    if !app.one(there, &[]).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    Trust::of(app).await?.allow(Thing::Function("change_job"))?;
    let (schedule, active, remove) = match change {
        Change::Pause => (None, Some(false), false),
        Change::Resume => (None, Some(true), false),
        Change::Every(schedule) => (Some(schedule.as_str()), None, false),
        Change::Remove => (None, None, true),
    };
    let parameters = [
        Parameter::Text(name),
        Parameter::OptionalText(schedule),
        Parameter::OptionalFlag(active),
        Parameter::OptionalFlag(Some(remove)),
    ];
    app.one("SELECT refreshtop.change_job($1, $2, $3, $4)", &parameters).await?.try_get(0).map(Some)
}
