//! Where the jobs are read and changed: what can be seen where `pg_cron` lives, and how a change is made there.

use crate::{
    error::{self, Error, Result},
    quote::{identifier, literal},
    row::{Row, text},
    schedule::{
        cron_job::CronJob,
        done::{Done, Mode},
        extension::{OWN_TABLES, role_now},
        failure::ScheduleError,
        installation::{Installation, Standing},
        wanted::{JOB_ROLE, JOBS, Wanted},
    },
    session::Session,
    trust::{Thing, Trust},
};
use refreshtop_core::statement;

/// What it takes to see and change jobs of one's own, as it stands between GRANT and TO, REVOKE and FROM.
pub(super) const ALTERING: [&str; 2] =
    ["USAGE ON SCHEMA cron", "EXECUTE ON FUNCTION cron.alter_job(bigint, text, text, text, text, boolean)"];

/// What is to be done in `pg_cron`'s database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    /// The statement.
    pub(super) sql: String,
    /// The role to take on for it.
    pub(super) role: Option<String>,
}

/// Works where `pg_cron` lives: what it can see, and what it does.
pub(super) struct Desk<'a> {
    pub(super) cron: &'a mut Session,
    pub(super) installation: &'a Installation,
    pub(super) mode: Mode,
    pub(super) cron_database: &'a str,
    pub(super) superuser: bool,
    /// Whether this role may take on [`JOB_ROLE`].
    pub(super) member: bool,
    pub(super) role: String,
    /// What the jobs run as.
    pub(super) job_role: String,
    /// Whether the history and the pause of a job can be set by this role, or by [`JOB_ROLE`].
    pub(super) may_alter: bool,
    pub(super) jobs: Vec<CronJob>,
    pub(super) done: Done,
    /// The jobs that were spoken of already, by their numbers.
    pub(super) told: Vec<i64>,
}

impl<'a> Desk<'a> {
    pub(super) async fn open(
        cron: &'a mut Session,
        installation: &'a Installation,
        cron_database: &'a str,
        mode: Mode,
    ) -> Result<Self, ScheduleError> {
        let row = cron
            .one(
                &format!(
                    "SELECT current_user::text AS role, r.rolsuper AS super, session_user::text AS login,
                        (SELECT l.rolsuper FROM pg_roles l WHERE l.rolname = session_user) AS login_is_super,
                        coalesce((SELECT pg_has_role(current_user, j.oid, 'MEMBER') FROM pg_roles j
                                  WHERE j.rolname = '{JOB_ROLE}'), false) AS member,
                        {OWN_TABLES} AS own, to_regnamespace('cron') IS NOT NULL AS schema
                 FROM pg_roles r WHERE r.rolname = current_user"
                ),
                &[],
            )
            .await?;
        let (role, superuser): (String, bool) = (row.try_get("role")?, row.try_get("super")?);
        if row.try_get::<bool, _>("login_is_super")? && !superuser {
            let (login, database) = (row.try_get("login")?, identifier(cron_database));
            return Err(ScheduleError::ActsAs { database, login, role });
        }
        let member = row.try_get::<bool, _>("member")?;
        let own: bool = row.try_get("own")?;
        // What is only told of can't be looked up yet.
        if !own && (mode == Mode::Really || row.try_get::<bool, _>("schema")?) {
            return Err(ScheduleError::NotOwn(cron_database.into()));
        }
        // A stranger who may create in schema cron can add a function that fits a call of ours better.
        if own {
            Trust::of(cron).await?.allow(Thing::Cron).map_err(Error::from)?;
        }
        let job_role = if installation.alone { role.clone() } else { JOB_ROLE.to_owned() };
        let mut desk = Self {
            cron,
            installation,
            mode,
            cron_database,
            superuser,
            member,
            role,
            job_role,
            may_alter: superuser,
            jobs: Vec::new(),
            done: Done::default(),
            told: Vec::new(),
        };
        if own {
            desk.read().await.map_err(|failure| desk.refused(failure))?;
        }
        Ok(desk)
    }

    pub(super) async fn read(&mut self) -> Result<()> {
        let names = JOBS.map(|job| literal(job.name)).join(", ");
        let mut databases = vec![literal(&self.installation.database)];
        if let Standing::Renamed(old) = &self.installation.standing {
            databases.push(literal(old));
        }
        let sql = format!(
            "SELECT j.jobid, j.jobname::text AS jobname, j.schedule::text AS schedule, j.command::text AS command,
                    j.database::text AS database, j.username::text AS username, j.active,
                    r.rolname IS NOT NULL AS role_exists, coalesce(r.rolsuper, false) AS role_is_super,
                    r.rolname IS NULL OR r.rolsuper OR r.rolname IN (current_user, {}, {})
                        OR EXISTS (SELECT 1 FROM pg_database d WHERE d.datname = j.database AND d.datdba = r.oid) AS role_counts
             FROM cron.job j LEFT JOIN pg_roles r ON r.rolname = j.username
             WHERE j.database IN ({}) OR split_part(j.jobname::text, '@', 1) IN ({names})
             ORDER BY j.jobid",
            literal(&self.role),
            literal(&self.job_role),
            databases.join(", ")
        );
        let mut rows = self.cron.ask(&sql, &[]).await?;
        if !self.superuser {
            // pg_cron shows a role its own jobs only.
            let allowed =
                "SELECT has_function_privilege('cron.alter_job(bigint, text, text, text, text, boolean)', 'EXECUTE')";
            self.may_alter = self.cron.one(allowed, &[]).await?.try_get(0)?;
            if self.member && self.job_role != self.role {
                rows.extend(self.as_job_role(&sql).await?);
                self.may_alter =
                    self.as_job_role(allowed).await?.first().is_some_and(|row| row.try_get(0).unwrap_or(false));
            }
        }
        for row in rows {
            let id = row.try_get("jobid")?;
            // A job that the jobs' role may see can be this role's own.
            if self.jobs.iter().any(|job| job.id == id) {
                continue;
            }
            let some = |name: &str| text(&row, name).map(Option::unwrap_or_default);
            self.jobs.push(CronJob {
                id,
                jobname: text(&row, "jobname")?,
                schedule: some("schedule")?,
                command: some("command")?,
                database: some("database")?,
                username: some("username")?,
                active: row.try_get("active")?,
                role_exists: row.try_get("role_exists")?,
                role_is_super: row.try_get("role_is_super")?,
                role_counts: row.try_get("role_counts")?
                    || self.installation.owners.contains(&row.try_get::<String, _>("username")?),
            });
        }
        Ok(())
    }

    pub(super) async fn as_job_role(&mut self, sql: &str) -> Result<Vec<Row>> {
        let back = role_now(self.cron).await?;
        self.cron.ask(&format!("SET LOCAL ROLE {}", identifier(JOB_ROLE)), &[]).await?;
        let rows = self.cron.ask(sql, &[]).await;
        self.cron.ask(&back, &[]).await?;
        rows
    }

    /// What an error means for whoever is told.
    pub(super) fn refused(&self, failure: Error) -> ScheduleError {
        if error::code(&failure) != Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) {
            return failure.into();
        }
        let role = if self.superuser || !self.member { &self.role } else { &self.job_role };
        ScheduleError::NotPermitted {
            database: self.cron_database.to_owned(),
            role: identifier(role),
            reason: error::sentence(&failure),
        }
    }

    /// Executes, or tells.
    pub(super) async fn act(&mut self, act: &Act) -> Result<()> {
        let roles = if let Some(role) = &act.role {
            let (take_on, back) = (format!("SET LOCAL ROLE {}", identifier(role)), role_now(self.cron).await?);
            self.done.statements.extend([take_on.clone(), act.sql.clone(), back.clone()]);
            Some((take_on, back))
        } else {
            self.done.statements.push(act.sql.clone());
            None
        };
        if self.mode != Mode::Really {
            return Ok(());
        }
        if let Some((take_on, back)) = roles {
            self.cron.ask(&take_on, &[]).await?;
            let acted = self.cron.ask(&act.sql, &[]).await;
            self.cron.ask(&back, &[]).await?;
            return acted.map(|_| ());
        }
        self.cron.ask(&act.sql, &[]).await.map(|_| ())
    }

    /// The statement that makes a job of this database, for role `username`.
    pub(super) fn schedule(&self, name: &str, job: (&str, &str, bool), username: &str) -> Vec<Act> {
        self.schedule_in(&self.installation.database, name, job, username)
    }

    pub(super) fn schedule_in(&self, database: &str, name: &str, job: (&str, &str, bool), username: &str) -> Vec<Act> {
        let here = database == self.cron_database;
        let (schedule, command, active) = job;
        let what = format!("{}, {}, {}", literal(name), literal(schedule), literal(command));
        let database = literal(database);
        if self.superuser {
            let paused = if active { String::new() } else { ", active := false".into() };
            let user = literal(username);
            let sql = format!("SELECT cron.schedule_in_database({what}, {database}, username := {user}{paused})");
            return vec![Act { sql, role: None }];
        }
        let role = (username != self.role).then(|| username.to_owned());
        let sql = if here {
            format!("SELECT cron.schedule({what})")
        } else {
            format!("SELECT cron.schedule_in_database({what}, {database})")
        };
        let mut acts = vec![Act { sql, role: role.clone() }];
        if !active {
            let sql = format!(
                "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = {} AND username = {} AND database = {database}",
                literal(name),
                literal(username)
            );
            acts.push(Act { sql, role });
        }
        acts
    }

    pub(super) fn unschedule(&self, job: &CronJob) -> Act {
        // pg_cron has a function for names too; by name only its own role may, not even a superuser.
        let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
        Act { sql: format!("SELECT cron.unschedule({}::bigint)", job.id), role }
    }

    /// A name that no other job of the role has: `pg_cron` knows a name only once for each role, and scheduling it again
    /// would take the job away from the other database.
    pub(super) fn free_name(&self, wanted: &Wanted, but_for: Option<i64>) -> String {
        let taken = self.jobs.iter().any(|job| {
            job.jobname.as_deref() == Some(wanted.name) && job.username == self.job_role && Some(job.id) != but_for
        });
        if taken { format!("{}@{}", wanted.name, self.installation.database) } else { wanted.name.to_owned() }
    }

    pub(super) fn is_ours(&self, wanted: &Wanted, job: &CronJob) -> bool {
        self.installation.is_here(wanted, job)
            && job.username == self.job_role
            && statement::same(&job.command, wanted.command)
    }
}
