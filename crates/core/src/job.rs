//! The schedule that drives the refreshes.

use crate::{
    address::ViewId,
    reading::{Reading, Unavailable},
    schedule,
};
use chrono::{DateTime, FixedOffset, Utc};
use std::collections::BTreeMap;

const RESTORE: &str = "run: refreshtop job restore";

/// A job of `pg_cron`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Database that `pg_cron` is in (`cron.database_name`).
    pub cron_database: String,
    /// Schedule as stored, e.g. `*/5 * * * *` or `30 seconds`.
    pub schedule: String,
    /// Whether it runs at all.
    pub active: bool,
    /// Offset of the zone in which `pg_cron` reads schedules: UTC, or `cron.timezone`'s.
    pub offset: FixedOffset,
    /// Whether `pg_cron`'s launcher runs, without which no job does; `None` if that can't be seen.
    pub launcher: Option<bool>,
    /// Its newest finished or running execution, if it was asked for.
    pub last: Option<JobRun>,
}

/// Whether a view is refreshed by itself, as far as `pg_cron` and the registry tell.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// It has no schedule, and no job in `pg_cron` is known: none is expected.
    Unscheduled,
    /// It has a schedule, and `pg_cron` is not loaded on the server: `refreshtop schedule` must refresh it.
    WithoutCron,
    /// It has a schedule, and no job in `pg_cron`.
    Missing,
    /// The job of its name runs something else.
    NotOurs(Job),
    /// Its job is paused.
    Paused(Job),
    /// Its job is active. If `pg_cron`'s launcher does not run, it does not run either.
    Active(Job),
    /// It has a schedule, and its job could not be read.
    Unknown(Unavailable),
}

impl JobState {
    /// The job that refreshes the view, or would if it were not paused.
    pub fn job(&self) -> Option<&Job> {
        match self {
            Self::Paused(job) | Self::Active(job) => Some(job),
            Self::Unscheduled | Self::WithoutCron | Self::Missing | Self::NotOurs(_) | Self::Unknown(_) => None,
        }
    }

    /// The job of `view`, or why there is none.
    pub fn reading(&self, view: &ViewId) -> Reading<Job> {
        Err(match self {
            Self::Paused(job) | Self::Active(job) => return Ok(job.clone()),
            Self::Unknown(why) => why.clone(),
            Self::Unscheduled => unscheduled(view),
            Self::WithoutCron => Unavailable::new("pg_cron is not loaded on this server", "run: refreshtop schedule"),
            Self::Missing | Self::NotOurs(_) => {
                self.trouble().unwrap_or_else(|| Unavailable::new("no job", "")).missing()
            }
        })
    }

    /// Why nothing refreshes the view by itself although it has a schedule, and what to do; `None` if nothing is known to
    /// be wrong.
    pub fn trouble(&self) -> Option<Unavailable> {
        let (reason, fix) = match self {
            Self::Missing => ("it has a schedule, and no job in pg_cron", RESTORE),
            Self::NotOurs(_) => ("the job of its name in pg_cron does not refresh it", RESTORE),
            Self::Paused(_) => ("its job is paused", "run: refreshtop job resume"),
            Self::Active(_) if self.launcher_is_dead() => (
                "pg_cron's launcher is not running, so no job starts",
                "see \"pg_cron\" in the server's log, then restart it",
            ),
            Self::Unscheduled | Self::WithoutCron | Self::Active(_) | Self::Unknown(_) => return None,
        };
        Some(Unavailable::new(reason, fix))
    }

    /// Whether it is known that `pg_cron` does not run the job, since its launcher does not run.
    pub fn launcher_is_dead(&self) -> bool {
        matches!(self, Self::Active(Job { launcher: Some(false), .. }))
    }
}

/// Why `view`, which has no schedule, has no job.
pub fn unscheduled(view: &ViewId) -> Unavailable {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    let name = match view.as_str() {
        name if name.chars().all(plain) => name.to_owned(),
        name => format!("'{}'", name.replace('\'', r"'\''")),
    };
    Unavailable::new(
        "no schedule: it is refreshed by hand, or by something that refreshtop does not know",
        format!("refreshtop views set {name} --schedule '*/5 * * * *' gives it one"),
    )
}

/// What is known of the jobs of all views.
#[derive(Debug, Clone, PartialEq)]
pub enum Jobs {
    /// `pg_cron` is not loaded on the server.
    NoCron,
    /// These were found.
    Found {
        /// The job of each view.
        jobs: BTreeMap<ViewId, FoundJob>,
        /// Why there may be others that this role can't see.
        hidden: Option<Unavailable>,
    },
    /// They could not be read.
    Unknown(Unavailable),
}

/// A job with the name that the job of a view has.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundJob {
    /// The job.
    pub job: Job,
    /// Whether it refreshes the view.
    pub refreshes: bool,
}

impl Jobs {
    /// The state of the job of `view`, which has a schedule or not.
    pub fn of(&self, view: &ViewId, scheduled: bool) -> JobState {
        let found = match self {
            Self::Found { jobs, .. } => jobs.get(view),
            Self::NoCron | Self::Unknown(_) => None,
        };
        match (found, self) {
            (Some(FoundJob { job, refreshes: false }), _) => JobState::NotOurs(job.clone()),
            (Some(FoundJob { job, .. }), _) if job.active => JobState::Active(job.clone()),
            (Some(FoundJob { job, .. }), _) => JobState::Paused(job.clone()),
            _ if !scheduled => JobState::Unscheduled,
            (None, Self::NoCron) => JobState::WithoutCron,
            (None, Self::Found { hidden: None, .. }) => JobState::Missing,
            (None, Self::Found { hidden: Some(why), .. } | Self::Unknown(why)) => JobState::Unknown(why.clone()),
        }
    }
}

/// One row of `cron.job_run_details`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// `pg_cron`'s word: `starting`, `running`, `succeeded`, `failed`.
    pub status: String,
    /// Its message, cut by the server to 200 characters.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

impl Job {
    /// The next moment at which the schedule fires after `now`; `None` for a paused job, an unreadable
    /// schedule, or an interval in seconds whose last start is not known.
    pub fn next_run(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.active {
            return None;
        }
        if let Some(period) = schedule::seconds(&self.schedule) {
            let started = self.last.as_ref()?.started_at?;
            let passed = (now - started).num_milliseconds();
            let period_ms = period.checked_mul(1000)?;
            let due = (passed.max(0) / period_ms + 1) * period_ms;
            return Some(started + chrono::TimeDelta::milliseconds(due));
        }
        let next = schedule::next_of_job(&self.schedule, &now.with_timezone(&self.offset))?;
        Some(next.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Offset;

    fn job(schedule: &str) -> Job {
        Job {
            cron_database: "postgres".into(),
            schedule: schedule.into(),
            active: true,
            offset: Utc.fix(),
            launcher: None,
            last: None,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn five_minutes_from_any_moment() {
        let job = job("*/5 * * * *");
        assert_eq!(job.next_run(at("2026-01-01T00:00:00Z")), Some(at("2026-01-01T00:05:00Z")));
        assert_eq!(job.next_run(at("2026-01-01T00:04:59.9Z")), Some(at("2026-01-01T00:05:00Z")));
        assert_eq!(job.next_run(at("2026-12-31T23:58:00Z")), Some(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn a_zone_moves_the_hour() {
        let mut job = job("0 2 * * *");
        job.offset = FixedOffset::east_opt(2 * 3600).unwrap();
        assert_eq!(job.next_run(at("2026-01-01T00:30:00Z")), Some(at("2026-01-02T00:00:00Z")));
    }

    #[test]
    fn seconds_count_from_the_last_start() {
        let mut job = job("30 seconds");
        assert_eq!(job.next_run(at("2026-01-01T00:00:00Z")), None);
        job.last =
            Some(JobRun { status: "succeeded".into(), message: None, started_at: Some(at("2026-01-01T00:00:10Z")) });
        assert_eq!(job.next_run(at("2026-01-01T00:00:15Z")), Some(at("2026-01-01T00:00:40Z")));
        assert_eq!(job.next_run(at("2026-01-01T00:00:40Z")), Some(at("2026-01-01T00:01:10Z")));
    }

    #[test]
    fn paused_or_unreadable_has_no_next_run() {
        let mut paused = job("*/5 * * * *");
        paused.active = false;
        assert_eq!(paused.next_run(at("2026-01-01T00:00:00Z")), None);
        assert_eq!(job("whenever").next_run(at("2026-01-01T00:00:00Z")), None);
    }
}
