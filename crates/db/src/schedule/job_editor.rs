//! Reads and changes the jobs: what can be seen in the database of `pg_cron`, and how a change is made there.

use crate::{
    cron_job::{self, CronJob},
    error::{self, Error, Result},
    parameter::Parameter,
    quote::{identifier, literal},
    schedule::{
        extension::{OWN_TABLES, role_now},
        failure::ScheduleError,
        installation::{Identity, Installation},
        job_changes::{JobChanges, Mode},
        job_spec::{JOB_ROLE, JOBS, JobSpec},
    },
    session::Session,
    trust::{Thing, Trust},
};
use refreshtop_core::statement;

/// The rights that a role needs to see and change its own jobs, as written between GRANT and TO, REVOKE and FROM.
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

/// Works in the database of `pg_cron`: what it can see, and what it does.
pub(super) struct JobEditor<'a> {
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
    pub(super) done: JobChanges,
    /// The jobs that were spoken of already, by their numbers.
    pub(super) reported: Vec<i64>,
}

impl<'a> JobEditor<'a> {
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
        // In a dry run the extension is not there yet.
        if !own && (mode == Mode::Really || row.try_get::<bool, _>("schema")?) {
            return Err(ScheduleError::NotOwn(cron_database.into()));
        }
        // A stranger who may create in schema cron can add a function that fits a call of ours better.
        if own {
            Trust::of(cron).await?.allow(Thing::Cron).map_err(Error::from)?;
        }
        let job_role = if installation.alone { role.clone() } else { JOB_ROLE.to_owned() };
        let mut editor = Self {
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
            done: JobChanges::default(),
            reported: Vec::new(),
        };
        if own {
            editor.read().await.map_err(|failure| editor.refused(failure))?;
        }
        Ok(editor)
    }

    /// Reads the jobs of this database, and those that have our names.
    async fn read(&mut self) -> Result<()> {
        self.jobs = self.visible_jobs().await?;
        if self.superuser {
            return Ok(());
        }
        // pg_cron shows a role its own jobs only.
        self.may_alter = self.is_allowed_to_alter().await?;
        if self.member && self.job_role != self.role {
            let back = self.become_job_role().await?;
            let (jobs, may_alter) = (self.visible_jobs().await, self.is_allowed_to_alter().await);
            self.cron.ask(&back, &[]).await?;
            // A job that the jobs' role may see can be this role's own.
            let jobs = jobs?.into_iter().filter(|job| !self.jobs.iter().any(|known| known.id == job.id));
            let jobs: Vec<CronJob> = jobs.collect();
            self.jobs.extend(jobs);
            self.may_alter = may_alter?;
        }
        Ok(())
    }

    async fn visible_jobs(&self) -> Result<Vec<CronJob>> {
        let mut databases = vec![self.installation.database.as_str()];
        if let Identity::Renamed(old) = &self.installation.identity {
            databases.push(old);
        }
        let mut names = JOBS.map(|job| job.name).to_vec();
        names.extend(self.installation.views.iter().map(|view| view.name.as_str()));
        let ours = "j.database = ANY ($1) OR j.jobname::text = ANY ($2)";
        cron_job::read(self.cron, ours, "j.jobid", &[Parameter::Texts(&databases), Parameter::Texts(&names)]).await
    }

    async fn is_allowed_to_alter(&self) -> Result<bool> {
        let allowed =
            "SELECT has_function_privilege('cron.alter_job(bigint, text, text, text, text, boolean)', 'EXECUTE')";
        self.cron.one(allowed, &[]).await?.try_get(0)
    }

    /// Takes on [`JOB_ROLE`]; returns the statement that goes back.
    async fn become_job_role(&self) -> Result<String> {
        let back = role_now(self.cron).await?;
        self.cron.ask(&format!("SET LOCAL ROLE {}", identifier(JOB_ROLE)), &[]).await?;
        Ok(back)
    }

    /// Whether the role of a job could have set up a deployment here: any role may schedule a job by our name, and its
    /// schedule must not become ours.
    pub(super) fn counts(&self, job: &CronJob) -> bool {
        !job.role_exists
            || job.role_is_super
            || job.owns_database
            || job.username == self.role
            || job.username == self.job_role
            || self.installation.owners.contains(&job.username)
    }

    /// What an error means for the person who reads it.
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

    /// Executes a change, or only notes its statement.
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
    pub(super) fn free_name(&self, wanted: &JobSpec<'_>, but_for: Option<i64>) -> String {
        let taken = self.jobs.iter().any(|job| {
            job.jobname.as_deref() == Some(wanted.name) && job.username == self.job_role && Some(job.id) != but_for
        });
        if taken { format!("{}@{}", wanted.name, self.installation.database) } else { wanted.name.to_owned() }
    }

    pub(super) fn is_ours(&self, wanted: &JobSpec<'_>, job: &CronJob) -> bool {
        self.runs_as_ours(wanted, job, wanted.command)
    }

    /// Whether it is ours and does the work by its other function.
    pub(super) fn is_twin(&self, wanted: &JobSpec<'_>, job: &CronJob) -> bool {
        wanted.twin.is_some_and(|twin| self.runs_as_ours(wanted, job, twin.command))
    }

    fn runs_as_ours(&self, wanted: &JobSpec<'_>, job: &CronJob, command: &str) -> bool {
        self.installation.is_here(wanted, job)
            && job.username == self.job_role
            && statement::same(&job.command, command)
    }
}
