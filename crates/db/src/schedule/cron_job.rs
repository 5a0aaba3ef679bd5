//! A job as `pg_cron` has it, and what is kept of one.

use serde::{Deserialize, Serialize};

/// Characters of a command that are told.
const SHORT: usize = 80;

/// A row of `cron.job`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what pg_cron's table and the catalogue say of a job")]
pub(super) struct CronJob {
    pub(super) id: i64,
    pub(super) jobname: Option<String>,
    pub(super) schedule: String,
    pub(super) command: String,
    pub(super) database: String,
    pub(super) username: String,
    pub(super) active: bool,
    /// Whether the role exists, and is a superuser.
    pub(super) role_exists: bool,
    pub(super) role_is_super: bool,
    /// Whether that role could have set up a deployment here: any role may schedule a job by our name, and its schedule
    /// must not become ours.
    pub(super) role_counts: bool,
}

impl CronJob {
    pub(super) fn found(&self) -> Found {
        Found {
            jobname: self.jobname.clone(),
            schedule: self.schedule.clone(),
            command: self.command.clone(),
            active: self.active,
            username: self.username.clone(),
        }
    }

    /// Its number, schedule and role, for people.
    pub(super) fn particulars(&self) -> String {
        let number = if self.jobname.is_some() { format!("number {}, ", self.id) } else { String::new() };
        let paused = if self.active { "" } else { ", paused" };
        format!("{number}{}, role {}{paused}", self.schedule, self.username)
    }

    /// The beginning of what it runs, in one line.
    pub(super) fn shortened(&self) -> String {
        let line = self.command.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= SHORT { line } else { line.chars().take(SHORT).chain(['…']).collect() }
    }

    /// For people.
    pub(super) fn title(&self) -> String {
        self.jobname.clone().unwrap_or_else(|| format!("number {}", self.id))
    }

    pub(super) fn state(&self) -> &'static str {
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
