//! The only place that judges health: screen, `status`, `check` and metrics all use it.
//!
//! Two things are judged, and the verdict is the worse of both: the [budget](budget) of the window, and the state of
//! [now](now). Each rule that is broken is a finding with its reason.

pub mod budget;
pub mod headline;
pub mod now;

pub use budget::{AgeStyle, Budget, Limits, Ranges, Thresholds, duration, floor_one_decimal, measure};
pub use now::{Facts, Known, Now, Obstacle};

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No rule holds.
    Healthy,
    /// Look at it.
    Warning,
    /// Act on it.
    Critical,
    /// Nothing current is known, so there is no verdict.
    Unknown,
}

/// Which rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No refresh in the window.
    NoRefresh,
    /// Success rate too low.
    SuccessRate,
    /// Refreshes take too long.
    AverageDuration,
    /// Data is too old: a warning of the window, and critical from twice the limit on.
    Freshness,
    /// Nothing will refresh it, or nothing can.
    NothingRefreshes,
    /// The last attempts failed.
    FailuresInARow,
    /// The last refreshes took far longer than usual.
    Slow,
    /// The statistics can't be read.
    NoData,
}

/// A rule of now that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// [`Rule::NothingRefreshes`].
    NothingRefreshes,
    /// [`Rule::FailuresInARow`].
    FailuresInARow,
    /// That data older than twice its limit is critical.
    TooOld,
    /// [`Rule::Slow`].
    Slow,
}

impl Switch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NothingRefreshes, Self::FailuresInARow, Self::TooOld, Self::Slow];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingRefreshes => "nothing_refreshes",
            Self::FailuresInARow => "failures_in_a_row",
            Self::TooOld => "too_old",
            Self::Slow => "slow",
        }
    }
}

/// A rule that is broken, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub verdict: Verdict,
    /// One sentence for people.
    pub reason: String,
}

/// The verdict and every rule that is broken, worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The worst of the findings; healthy if there is none.
    pub verdict: Verdict,
    /// The state of now.
    pub now: Now,
    /// The budget of the window.
    pub budget: Budget,
    /// The rules that are broken.
    pub findings: Vec<Finding>,
}

impl Health {
    /// Nothing current is known; `reason` says why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unknown,
            now: Now::Unknown,
            budget: Budget { verdict: Verdict::Unknown, failures_left: None },
            findings: vec![Finding { rule: Rule::NoData, verdict: Verdict::Unknown, reason: reason.into() }],
        }
    }

    /// Nothing is known but that nothing refreshes the view.
    #[must_use]
    pub fn with_obstacle(mut self, obstacle: Option<&Obstacle>) -> Self {
        self.findings.extend(obstacle.map(|obstacle| Finding {
            rule: Rule::NothingRefreshes,
            verdict: Verdict::Warning,
            reason: obstacle.reason.clone(),
        }));
        self
    }

    /// The finding of that rule.
    pub fn finding(&self, rule: Rule) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.rule == rule)
    }
}

/// Judges the statistics of a window alone at the server time `now`.
pub fn evaluate(stats: &crate::stats::RefreshStats, now: DateTime<Utc>, thresholds: &Thresholds) -> Health {
    Limits::from(thresholds).judge(&Facts::of(stats), now, AgeStyle::Coarse)
}

impl Limits {
    /// Judges a view at the server time `now`.
    pub fn judge(&self, facts: &Facts<'_>, now: DateTime<Utc>, style: AgeStyle) -> Health {
        let mut findings = self.broken(facts.stats, now, style);
        let budget = Budget::of(&findings, facts.stats, self);
        let state = facts.state(&findings, now);
        findings.splice(0..0, facts.broken(self, now));
        // Stable: among equals those of now come first.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let verdict = findings.first().map_or(Verdict::Healthy, |worst| worst.verdict);
        Health { verdict, now: state, budget, findings }
    }
}

/// How far ahead a moment may be and still be the present: two readings of one clock, or a small step of it.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The age of what happened at `at`; `None` if that is in the future, so that nothing is known.
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    (at <= now + SKEW).then(|| (now - at).to_std().unwrap_or_default())
}
