//! What was done with the jobs, or would be.

use crate::cron_job::CronJob;

/// What [`ensure`] and [`take_away`] did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobChanges {
    /// What to print, a sentence each.
    pub lines: Vec<String>,
    /// The statements, as they were sent, or would be: first those in the database of `pg_cron`.
    pub statements: Vec<String>,
    /// What to note in the application's database.
    pub(super) notes: Vec<String>,
    /// The jobs that were changed or removed, as they were.
    pub(super) before: Vec<CronJob>,
    pub(super) extension_dropped: bool,
    /// Whether jobs are left that run as [`JOB_ROLE`].
    pub needs_role: bool,
}

impl JobChanges {
    /// Nothing but a sentence.
    pub fn only(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }

    /// Whether anything is changed in the database of `pg_cron`.
    pub fn is_nothing(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether the extension is made.
    pub fn makes_extension(&self) -> bool {
        self.statements.first().is_some_and(|sql| sql.starts_with("CREATE EXTENSION"))
    }

    /// How many jobs are changed or removed.
    pub fn jobs(&self) -> usize {
        self.before.len()
    }

    /// The jobs that are not as they were, for the person who must put them back by hand.
    pub fn left(&self) -> String {
        let job = |job: &CronJob| {
            format!(
                "{} ({}, {}, role {}, database {}: {})",
                job.title(),
                job.schedule,
                job.state(),
                job.username,
                job.database,
                job.command
            )
        };
        self.before.iter().map(job).collect::<Vec<_>>().join("; ")
    }
}

/// Whether statements are executed, or only printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are executed.
    Really,
    /// They are only printed, and nobody else changes anything until the transaction ends.
    Plan,
    /// They are only printed.
    Dry,
}
