//! What fixes a finding: what is done, where, and how much it can break. The statements are written in [`super::sql`].

use super::JobRef;

/// How much a fix can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Worth one confirmation at most.
    Safe,
    /// It ends somebody's work or removes something: confirm twice.
    Disruptive,
}

impl Risk {
    /// Its word in settings and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Disruptive => "disruptive",
        }
    }
}

/// What a fix does, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixKind {
    CancelBackend,
    TerminateBackend,
    RollbackPrepared,
    CreateIndex,
    DropIndex,
    Analyze,
    Vacuum,
    CleanUpLog,
    Refresh,
    RenameView,
    MoveView,
    GrantSelect,
    SetSearchPath,
    EnableRowSecurity,
    CreateExtension,
    ScheduleJob,
    AlterJob,
    UnscheduleJob,
    RevokeExecute,
}

impl FixKind {
    /// Its word in settings and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::CancelBackend => "cancel-backend",
            Self::TerminateBackend => "terminate-backend",
            Self::RollbackPrepared => "rollback-prepared",
            Self::CreateIndex => "create-index",
            Self::DropIndex => "drop-index",
            Self::Analyze => "analyze",
            Self::Vacuum => "vacuum",
            Self::CleanUpLog => "clean-up-log",
            Self::Refresh => "refresh",
            Self::RenameView => "rename-view",
            Self::MoveView => "move-view",
            Self::GrantSelect => "grant-select",
            Self::SetSearchPath => "set-search-path",
            Self::EnableRowSecurity => "enable-row-security",
            Self::CreateExtension => "create-extension",
            Self::ScheduleJob => "schedule-job",
            Self::AlterJob => "alter-job",
            Self::UnscheduleJob => "unschedule-job",
            Self::RevokeExecute => "revoke-execute",
        }
    }
}

/// A session of the server. Its process number alone is not enough: numbers are reused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    pub pid: i32,
    /// When it began, exactly as the server writes it.
    pub started_at: String,
}

/// A job to be scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its usual name; `name` may have the database's behind it.
    pub title: String,
    pub name: String,
    pub schedule: String,
    pub command: String,
    /// The database in which it runs.
    pub database: String,
    /// The role that it runs as.
    pub role: String,
    /// Whether another role than that one schedules it.
    pub for_another: bool,
}

/// A job as it was before it was removed, to schedule it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedJob {
    pub name: Option<String>,
    pub schedule: String,
    pub command: String,
    pub database: String,
    /// The role to schedule it for; `None` if whoever removes it is that role.
    pub role: Option<String>,
}

/// A change of a job. The old value is `None` if it isn't known in full, or could not be set again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobChange {
    Activate,
    /// Pauses a job that is somebody else's.
    Pause,
    Schedule {
        to: String,
        from: Option<String>,
    },
    Command {
        to: String,
        from: Option<String>,
        /// Whether somebody may want what it runs now.
        foreign: bool,
    },
    Role {
        to: String,
        from: Option<String>,
    },
}

/// What a fix does. Names of relations and functions are the server's, already quoted if necessary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixAction {
    /// Cancels the query of a session.
    CancelBackend(Backend),
    /// Ends a session; its transaction is rolled back.
    TerminateBackend(Backend),
    RollbackPrepared {
        gid: String,
    },
    /// Creates a unique index on a column of a view; none of the names is quoted yet.
    CreateIndex {
        schema: String,
        view: String,
        name: String,
        column: String,
        concurrently: bool,
    },
    /// Drops an index that is not valid.
    DropIndex {
        name: String,
    },
    Analyze {
        relation: String,
    },
    Vacuum {
        relation: String,
    },
    /// Deletes old rows of the log.
    CleanUpLog,
    /// Refreshes a view, by its `refresh_type`.
    Refresh {
        view: String,
    },
    /// Gives a view its old name back; no name is quoted yet.
    RenameView {
        schema: String,
        from: String,
        to: String,
    },
    /// Moves a view back into its schema; no name is quoted yet.
    MoveView {
        name: String,
        from: String,
        to: String,
    },
    /// Lets a role read a table again that its view reads; the role is not quoted yet.
    GrantSelect {
        table: String,
        role: String,
    },
    /// Gives a function that has none a search path; the schema is not quoted yet.
    SetSearchPath {
        function: String,
        schema: String,
    },
    /// Turns on the log's row security.
    EnableRowSecurity,
    /// Creates the extension `pg_cron`.
    CreateExtension,
    ScheduleJob(NewJob),
    AlterJob {
        id: i64,
        change: JobChange,
    },
    /// Removes a job; `removed` is `None` if it could not be scheduled again.
    UnscheduleJob {
        id: i64,
        removed: Option<RemovedJob>,
    },
    /// Keeps everybody from calling a function, except those who were granted it by name.
    RevokeExecute {
        function: String,
    },
}

/// A fix: one statement, to be executed in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does.
    pub action: FixAction,
    /// The database in which it must run.
    pub database: String,
}

impl Fix {
    pub fn new(action: FixAction, database: &str) -> Self {
        Self { action, database: database.into() }
    }

    /// Gives a job another interval. `pg_cron` itself judges the schedule.
    pub fn reschedule(job: &JobRef, schedule: &str) -> Self {
        let change = JobChange::Schedule { to: schedule.into(), from: Some(job.schedule.clone()) };
        Self::new(FixAction::AlterJob { id: job.id, change }, &job.database)
    }

    /// What it does, without its particulars.
    pub fn kind(&self) -> FixKind {
        match &self.action {
            FixAction::CancelBackend(_) => FixKind::CancelBackend,
            FixAction::TerminateBackend(_) => FixKind::TerminateBackend,
            FixAction::RollbackPrepared { .. } => FixKind::RollbackPrepared,
            FixAction::CreateIndex { .. } => FixKind::CreateIndex,
            FixAction::DropIndex { .. } => FixKind::DropIndex,
            FixAction::Analyze { .. } => FixKind::Analyze,
            FixAction::Vacuum { .. } => FixKind::Vacuum,
            FixAction::CleanUpLog => FixKind::CleanUpLog,
            FixAction::Refresh { .. } => FixKind::Refresh,
            FixAction::RenameView { .. } => FixKind::RenameView,
            FixAction::MoveView { .. } => FixKind::MoveView,
            FixAction::GrantSelect { .. } => FixKind::GrantSelect,
            FixAction::SetSearchPath { .. } => FixKind::SetSearchPath,
            FixAction::EnableRowSecurity => FixKind::EnableRowSecurity,
            FixAction::CreateExtension => FixKind::CreateExtension,
            FixAction::ScheduleJob(_) => FixKind::ScheduleJob,
            FixAction::AlterJob { .. } => FixKind::AlterJob,
            FixAction::UnscheduleJob { .. } => FixKind::UnscheduleJob,
            FixAction::RevokeExecute { .. } => FixKind::RevokeExecute,
        }
    }

    /// What it does, in a few words.
    pub fn label(&self) -> String {
        match &self.action {
            FixAction::CancelBackend(backend) => format!("cancel the query of session {}", backend.pid),
            FixAction::TerminateBackend(backend) => format!("end session {}", backend.pid),
            FixAction::RollbackPrepared { gid } => format!("roll back prepared transaction {gid}"),
            FixAction::CreateIndex { name, .. } => format!("create index {name}"),
            FixAction::DropIndex { name } => format!("drop {name}, which is not valid"),
            FixAction::Analyze { relation } => format!("analyse {relation}"),
            FixAction::Vacuum { relation } => format!("vacuum {relation}"),
            FixAction::CleanUpLog => "clean up the log".into(),
            FixAction::Refresh { view } => format!("refresh {view}"),
            FixAction::RenameView { from, to, .. } => format!("rename {from} to {to}"),
            FixAction::MoveView { name, to, .. } => format!("move {name} into schema {to}"),
            FixAction::GrantSelect { table, role } => format!("let {role} read {table} again"),
            FixAction::SetSearchPath { function, schema } => format!("let {function} look in schema {schema}"),
            FixAction::EnableRowSecurity => "turn on the log's row security".into(),
            FixAction::CreateExtension => "create the extension".into(),
            FixAction::ScheduleJob(job) => format!("schedule {} at {}", job.title, job.schedule),
            FixAction::AlterJob { id, change } => change.label(*id),
            FixAction::UnscheduleJob { id, .. } => format!("unschedule job {id}"),
            FixAction::RevokeExecute { function } => format!("keep the public from {function}"),
        }
    }

    /// How much it can break.
    pub fn risk(&self) -> Risk {
        match &self.action {
            FixAction::CreateIndex { .. }
            | FixAction::Analyze { .. }
            | FixAction::Vacuum { .. }
            | FixAction::CleanUpLog
            | FixAction::Refresh { .. }
            | FixAction::CreateExtension
            | FixAction::ScheduleJob(_) => Risk::Safe,
            FixAction::AlterJob { change, .. } => change.risk(),
            FixAction::CancelBackend(_)
            | FixAction::TerminateBackend(_)
            | FixAction::RollbackPrepared { .. }
            | FixAction::DropIndex { .. }
            | FixAction::EnableRowSecurity
            | FixAction::UnscheduleJob { .. }
            | FixAction::RevokeExecute { .. }
            // Somebody may have meant it as it is.
            | FixAction::RenameView { .. }
            | FixAction::MoveView { .. }
            | FixAction::GrantSelect { .. }
            | FixAction::SetSearchPath { .. } => Risk::Disruptive,
        }
    }
}

impl JobChange {
    fn label(&self, id: i64) -> String {
        match self {
            Self::Activate => format!("activate job {id}"),
            Self::Pause => format!("pause job {id}"),
            Self::Schedule { to, .. } => format!("run job {id} at {to}"),
            Self::Command { .. } => format!("give job {id} the right command"),
            Self::Role { to, .. } => format!("let job {id} run as {to}"),
        }
    }

    fn risk(&self) -> Risk {
        match self {
            Self::Activate | Self::Schedule { .. } | Self::Command { foreign: false, .. } | Self::Role { .. } => {
                Risk::Safe
            }
            Self::Pause | Self::Command { foreign: true, .. } => Risk::Disruptive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_something_away_asks_twice() {
        let risk = |action| Fix::new(action, "d").risk();
        let alter = |change| risk(FixAction::AlterJob { id: 3, change });
        let command = |foreign| JobChange::Command { to: "x".into(), from: None, foreign };
        assert_eq!(risk(FixAction::UnscheduleJob { id: 3, removed: None }), Risk::Disruptive);
        assert_eq!(risk(FixAction::RevokeExecute { function: "f()".into() }), Risk::Disruptive);
        assert_eq!([alter(JobChange::Pause), alter(command(true))], [Risk::Disruptive; 2]);
        assert_eq!([alter(JobChange::Activate), alter(command(false))], [Risk::Safe; 2]);
    }

    #[test]
    fn a_job_gets_another_interval_and_its_own_back() {
        let job = JobRef { id: 3, database: "d".into(), schedule: "@daily".into() };
        let fix = Fix::reschedule(&job, "*/2 * * * *");
        assert_eq!((fix.kind(), fix.risk(), fix.database.as_str()), (FixKind::AlterJob, Risk::Safe, "d"));
        assert_eq!(fix.label(), "run job 3 at */2 * * * *");
        assert_eq!(fix.sql(), "SELECT cron.alter_job(3, schedule := '*/2 * * * *')");
        assert_eq!(fix.undo().as_deref(), Some("SELECT cron.alter_job(3, schedule := '@daily')"));
    }
}
