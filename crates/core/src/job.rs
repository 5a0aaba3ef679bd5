//! The schedule that drives the refreshes.

use crate::schedule;
use chrono::{DateTime, FixedOffset, Utc};

/// The `pg_cron` job `refresh-platform-metrics`.
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
    /// Its newest finished or running execution.
    pub last: Option<JobRun>,
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
        Job { cron_database: "postgres".into(), schedule: schedule.into(), active: true, offset: Utc.fix(), last: None }
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
