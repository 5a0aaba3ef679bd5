//! The state of now: whether the last attempts succeeded, whether something will refresh the view, and whether that takes
//! as long as usual.
//!
//! | rule | verdict |
//! |---|---|
//! | nothing will refresh it | warning; critical once its data is over its limit |
//! | the last attempt failed | warning; critical from three in a row on |
//! | data older than twice its limit | critical |
//! | the last three refreshes took far longer than usual | warning |

use super::{Finding, Limits, Rule, Switch, Verdict, age};
use crate::{
    age as label,
    range::Figure,
    run::RunStatus,
    stats::RefreshStats,
    views::{Last, Recent, Usual},
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Failures in a row that are critical.
pub const CRITICAL_STREAK: u32 = 3;
/// How long a recovery is mentioned after the window has forgiven it.
const MENTIONED: Duration = Duration::from_hours(1);
/// Refreshes whose median is compared with the usual duration.
const COMPARED: usize = 3;
/// So many times the usual duration is slow,
const SLOW_FACTOR: f64 = 3.0;
/// if it is also so many times the usual distance away from it,
const SLOW_SPREADS: f64 = 6.0;
/// and so many milliseconds longer: nobody waits for less.
const SLOW_LEAST_MS: f64 = 500.0;

/// What a view is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The statistics of the window.
    pub stats: &'a RefreshStats,
    /// Its newest attempts, if they are known.
    pub recent: Option<&'a Recent>,
    /// What keeps it from being refreshed by itself.
    pub obstacle: Option<&'a Obstacle>,
    /// Whether a refresh is under way.
    pub running: bool,
}

/// The facts beside the statistics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The newest attempts, if they are known.
    pub recent: Option<Recent>,
    /// What keeps the view from being refreshed by itself.
    pub obstacle: Option<Obstacle>,
    /// Whether a refresh is under way.
    pub running: bool,
}

impl Known {
    /// The facts, with these statistics.
    pub fn of<'a>(&'a self, stats: &'a RefreshStats) -> Facts<'a> {
        Facts { stats, recent: self.recent.as_ref(), obstacle: self.obstacle.as_ref(), running: self.running }
    }

    /// The last attempt.
    pub fn last(&self) -> Option<&Last> {
        self.recent.as_ref()?.last.as_ref()
    }
}

/// Why nothing will refresh a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Whether somebody paused it.
    pub paused: bool,
    /// One sentence, with what to do.
    pub reason: String,
}

impl Obstacle {
    /// That its job is paused.
    pub fn paused() -> Self {
        Self { paused: true, reason: "its job is paused: refreshtop job resume".into() }
    }
}

/// The state of now, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// Nothing current is known.
    Unknown,
    /// Its job is paused.
    Paused,
    /// Nothing will refresh it, or nothing can.
    Stopped,
    /// The last attempts failed.
    Failing {
        /// How many.
        in_a_row: u32,
        /// When the first of them was logged.
        since: Option<DateTime<Utc>>,
    },
    /// Its data is older than its limit.
    Stale,
    /// A refresh is under way.
    Refreshing,
    /// It failed before, and succeeds again.
    Recovered {
        /// How often it has succeeded since.
        in_a_row: u32,
        /// When it first did.
        since: DateTime<Utc>,
    },
    /// The last attempt succeeded, the next one will come, and the data is within its limit.
    Healthy,
}

impl Now {
    /// The words of all of them.
    pub const WORDS: [&str; 8] =
        ["healthy", "recovered", "refreshing", "stale", "failing", "stopped", "paused", "unknown"];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Failing { .. } => "failing",
            Self::Stale => "stale",
            Self::Refreshing => "refreshing",
            Self::Recovered { .. } => "recovered",
            Self::Healthy => "healthy",
        }
    }
}

impl<'a> Facts<'a> {
    /// Nothing is known but the statistics.
    pub fn of(stats: &'a RefreshStats) -> Self {
        Self { stats, recent: None, obstacle: None, running: false }
    }

    /// Failures since the last success, and when the first was logged.
    fn failing(&self) -> Option<(u32, Option<DateTime<Utc>>)> {
        let recent = self.recent?;
        let last = recent.last.as_ref().filter(|last| last.status == RunStatus::Error)?;
        Some((recent.streak.max(1), recent.streak_since.or(Some(last.at))))
    }

    /// Successes since the last failure, and when the first was logged, if there is a failure in the window.
    fn recovered(&self, rate_is_low: bool, now: DateTime<Utc>) -> Option<(u32, DateTime<Utc>)> {
        let recent = self.recent?;
        recent.last.as_ref().filter(|last| last.status == RunStatus::Success)?;
        let since = recent.streak_since.filter(|_| self.stats.failed > 0)?;
        let is_new = age(since, now).is_some_and(|age| age < MENTIONED);
        (rate_is_low || is_new).then_some((recent.streak, since))
    }

    /// How the last refreshes differ from the usual, in milliseconds: their median, and what is usual.
    fn slow(&self) -> Option<(f64, Usual)> {
        let recent = self.recent?;
        let usual = recent.usual?;
        let successes = recent.attempts.iter().rev().filter(|(failed, _)| !failed);
        let mut last: Vec<f32> = successes.filter_map(|(_, ms)| *ms).take(COMPARED).collect();
        last.sort_by(f32::total_cmp);
        let median = f64::from(*last.get(COMPARED / 2).filter(|_| last.len() == COMPARED)?);
        let more = median - usual.ms;
        let is_slow = median > SLOW_FACTOR * usual.ms && more > SLOW_SPREADS * usual.spread_ms && more >= SLOW_LEAST_MS;
        is_slow.then_some((median, usual))
    }

    /// The rules of now that are broken.
    pub(super) fn broken(&self, limits: &Limits, now: DateTime<Utc>) -> Vec<Finding> {
        let stopped = self.obstacle.map(|obstacle| {
            let value = super::measure(Figure::Age, self.stats, now);
            let is_old = value.is_none_or(|value| limits.is_too_old(value));
            let verdict = if is_old { Verdict::Critical } else { Verdict::Warning };
            (Switch::NothingRefreshes, Rule::NothingRefreshes, verdict, obstacle.reason.clone())
        });
        let failing = self.failing().map(|(in_a_row, since)| {
            let verdict = if in_a_row >= CRITICAL_STREAK { Verdict::Critical } else { Verdict::Warning };
            (Switch::FailuresInARow, Rule::FailuresInARow, verdict, failing_reason(in_a_row, since, now))
        });
        let slow = self.slow().map(|(ms, usual)| {
            let shown = label::duration_ms;
            let reason = format!("the last {COMPARED} refreshes took {}, usually {}", shown(ms), shown(usual.ms));
            (Switch::Slow, Rule::Slow, Verdict::Warning, reason)
        });
        let found = [stopped, failing, slow].into_iter().flatten();
        let found = found.filter(|(switch, ..)| !limits.ignores(*switch));
        found.map(|(_, rule, verdict, reason)| Finding { rule, verdict, reason }).collect()
    }

    /// The state, with these rules of the window broken.
    pub(super) fn state(&self, broken: &[Finding], now: DateTime<Utc>) -> Now {
        let is_broken = |rule| broken.iter().any(|finding| finding.rule == rule);
        match (self.obstacle, self.failing(), self.recovered(is_broken(Rule::SuccessRate), now)) {
            (Some(obstacle), ..) if obstacle.paused => Now::Paused,
            (Some(_), ..) => Now::Stopped,
            (None, Some((in_a_row, since)), _) => Now::Failing { in_a_row, since },
            _ if is_broken(Rule::Freshness) || is_broken(Rule::NoRefresh) => Now::Stale,
            _ if self.running => Now::Refreshing,
            (.., Some((in_a_row, since))) => Now::Recovered { in_a_row, since },
            _ => Now::Healthy,
        }
    }
}

fn failing_reason(in_a_row: u32, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let first = since.and_then(|since| age(since, now)).map(label::coarse);
    match (in_a_row, first) {
        (0 | 1, None) => "the last attempt failed".into(),
        (0 | 1, Some(first)) => format!("the last attempt failed, {first} ago"),
        (many, None) => format!("the last {many} attempts failed"),
        (many, Some(first)) => format!("the last {many} attempts failed, the first {first} ago"),
    }
}

#[cfg(test)]
#[path = "now_tests.rs"]
mod tests;
