//! What is known of `pg_cron` and its jobs, and what they should be.

use crate::{
    diagnosis::fix::{Fix, FixAction, JobChange, RemovedJob},
    statement::{self, Purpose},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What the application's database knows of `pg_cron`.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Settings {
    /// This database.
    pub database: String,
    /// Whether its settings may be read.
    pub may_read: bool,
    /// Whether other roles' sessions may be seen.
    pub sees_sessions: bool,
    /// `shared_preload_libraries`.
    pub preload: Option<String>,
    /// `cron.database_name`.
    pub cron_database: Option<String>,
    /// `cron.use_background_workers`.
    pub background_workers: Option<String>,
    /// `cron.log_run`.
    pub log_run: Option<String>,
    /// Newest release on the server's disk.
    pub available: Option<String>,
    /// Whether the scheduling process runs.
    pub launcher: bool,
    /// Whether this is a standby, on which `pg_cron` does not run.
    pub standby: bool,
}

/// What `pg_cron`'s own database knows.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Cron {
    /// Its database.
    pub database: String,
    /// Whether this session is a superuser's, which may schedule for others.
    #[serde(default)]
    pub superuser: bool,
    /// Release of the extension; `None` if it was not created.
    pub extension: Option<String>,
    /// Every job of any database that concerns us, and every job of this one.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// What is known about the roles of these jobs.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// Whether the history is longer than the part that is read.
    #[serde(default)]
    pub hidden: bool,
    /// Processes of the server among those that run jobs.
    #[serde(default)]
    pub alive: Vec<i32>,
}

/// A role that a job runs as.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Role {
    pub name: String,
    pub can_log_in: bool,
    pub may_refresh: bool,
    #[serde(default)]
    pub superuser: bool,
}

/// A function of the application's database that refreshes, or calls what does.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Function {
    /// Its name with schema and types of parameters, as written in a statement.
    pub identity: String,
    pub name: String,
    pub source: String,
    /// Whether everybody may call it.
    pub public: bool,
    pub definer: bool,
    /// Whether it is one of the contract's, by which refreshtop refreshes.
    pub ours: bool,
    /// Whether its source is SQL or PL/pgSQL, and can be read.
    pub readable: bool,
}

/// A job.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    pub id: i64,
    pub name: Option<String>,
    pub schedule: String,
    pub command: String,
    pub database: String,
    pub role: String,
    pub active: bool,
    pub runs: Vec<Run>,
}

/// One execution.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub status: String,
    pub message: Option<String>,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub pid: Option<i32>,
}

/// A job as it should be.
#[derive(Debug, Clone)]
pub struct ExpectedJob {
    pub id: &'static str,
    pub runs_id: &'static str,
    pub title: &'static str,
    pub runs_title: &'static str,
    pub name: String,
    /// `None` if it is not known, or there should be no job.
    pub schedule: Option<String>,
    /// `None` if it is not known.
    pub command: Option<String>,
    pub work: Work,
}

/// What a job does.
#[derive(Debug, Clone)]
pub enum Work {
    /// It calls this function, which refreshes this view of schema `public`, or none.
    Function { function: String, view: String },
    /// It refreshes this view.
    View { id: String, schema: String, name: String },
}

impl Work {
    /// The view's name without its schema.
    pub(super) fn view(&self) -> &str {
        match self {
            Self::Function { view, .. } => view,
            Self::View { name, .. } => name,
        }
    }

    /// The function that logs what it does.
    pub(super) fn function(&self) -> &str {
        match self {
            Self::Function { function, .. } => function,
            Self::View { .. } => "refreshtop.refresh",
        }
    }
}

impl ExpectedJob {
    pub(super) fn purpose(&self, command: &str) -> Purpose {
        match &self.work {
            Work::Function { function, view } => statement::purpose(command, function, view),
            Work::View { id, schema, name } => statement::purpose_for_view(command, schema, name, id),
        }
    }

    /// Whether the job has our name in this database.
    pub(super) fn named(&self, job: &Job, database: &str) -> bool {
        job.name
            .as_deref()
            .and_then(|name| name.strip_prefix(&*self.name))
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('@') == Some(database))
    }
}

/// Characters of a job's schedule and of its command that are read.
const SCHEDULE_READ: usize = 200;
const COMMAND_READ: usize = 2000;

impl Job {
    /// Its command; `None` if it may have been cut.
    pub(super) fn whole_command(&self) -> Option<String> {
        (self.command.chars().count() < COMMAND_READ).then(|| self.command.clone())
    }

    /// Its schedule; `None` if it may have been cut.
    pub(super) fn whole_schedule(&self) -> Option<String> {
        (self.schedule.chars().count() < SCHEDULE_READ).then(|| self.schedule.clone())
    }

    /// What schedules it again once it is removed; `None` if that is not known in full, or its role is gone.
    pub(super) fn removed(&self, cron: &Cron) -> Option<RemovedJob> {
        cron.roles.iter().find(|role| role.name == self.role)?;
        Some(RemovedJob {
            name: self.name.clone(),
            schedule: self.whole_schedule()?,
            command: self.whole_command()?,
            database: self.database.clone(),
            // Only a superuser removes another role's job, and may schedule for that role.
            role: cron.superuser.then(|| self.role.clone()),
        })
    }
}

/// What removes `job`.
pub(super) fn unschedule(cron: &Cron, job: &Job) -> Fix {
    Fix::new(FixAction::UnscheduleJob { id: job.id, removed: job.removed(cron) }, &cron.database)
}

/// What changes `job`.
pub(super) fn alter(cron: &Cron, job: &Job, change: JobChange) -> Fix {
    Fix::new(FixAction::AlterJob { id: job.id, change }, &cron.database)
}

/// The jobs that do this work here, the right one first.
pub(super) fn ours<'a>(cron: &'a Cron, expected: &ExpectedJob, database: &str) -> Vec<&'a Job> {
    let purpose = |job: &Job| expected.purpose(&job.command);
    let ours = |job: &Job| match purpose(job) {
        Purpose::Calls => true,
        // Only we give a job that name, but we can't always judge what it does.
        Purpose::Refreshes | Purpose::CallsAmongOthers => expected.named(job, database),
        Purpose::Other => expected.named(job, database) && statement::count(&job.command) <= 1,
    };
    let mut jobs: Vec<&Job> = cron.jobs.iter().filter(|job| job.database == database && ours(job)).collect();
    let rank = |job: &Job| match purpose(job) {
        Purpose::Calls => 0,
        Purpose::CallsAmongOthers => 1,
        Purpose::Refreshes => 2,
        Purpose::Other => 3,
    };
    // Any role may give a job our name. Such a job can't refresh, and does not count as the schedule.
    let powerless = |job: &Job| cron.roles.iter().any(|role| role.name == job.role && !role.may_refresh);
    jobs.sort_by_key(|job| (powerless(job), !job.active, !expected.named(job, database), rank(job), job.id));
    jobs
}
