//! The health rules. Each decides for itself and explains itself; the verdict is the worst that holds.
//!
//! | rule | default | verdict |
//! |---|---|---|
//! | no refresh in the window | | critical |
//! | success rate below | 80 % | critical |
//! | success rate below | 95 % | warning |
//! | average duration above | 5 s | warning |
//! | last **successful** refresh older than | 10 min | warning |
//!
//! The limits themselves are on the good side: exactly 80 % is a warning, exactly 95 %, 5 s and 10 min are
//! healthy.

use crate::{age, stats::RefreshStats};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// How it stands. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No rule holds.
    Healthy,
    /// Look at it.
    Warning,
    /// Act on it.
    Critical,
    /// Nothing current is known, so nothing can be said.
    Unknown,
}

/// Limits of the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// Success rate below which it is critical, per cent.
    pub success_critical: f64,
    /// Success rate below which it is a warning, per cent.
    pub success_warning: f64,
    /// Average duration above which it is a warning.
    pub average_duration: Duration,
    /// Age of the last successful refresh above which it is a warning.
    pub freshness: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            success_critical: 80.0,
            success_warning: 95.0,
            average_duration: Duration::from_secs(5),
            freshness: Duration::from_mins(10),
        }
    }
}

/// Which rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No refresh in the window.
    NoRefresh,
    /// Success rate too low.
    SuccessRate,
    /// Refreshes take too long.
    AverageDuration,
    /// Data is too old.
    Freshness,
    /// The statistics can't be had.
    NoData,
}

/// A rule that holds, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub verdict: Verdict,
    /// One sentence for people.
    pub reason: String,
}

/// The verdict and every rule that holds, worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The worst of the findings; healthy where there is none.
    pub verdict: Verdict,
    /// The rules that hold.
    pub findings: Vec<Finding>,
}

impl Health {
    fn from_findings(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let verdict = findings.first().map_or(Verdict::Healthy, |worst| worst.verdict);
        Self { verdict, findings }
    }

    /// Nothing current is known; `reason` says why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::from_findings(vec![Finding { rule: Rule::NoData, verdict: Verdict::Unknown, reason: reason.into() }])
    }
}

/// Judges the statistics of a window at the server time `now`.
pub fn evaluate(stats: &RefreshStats, now: DateTime<Utc>, thresholds: &Thresholds) -> Health {
    let findings = [
        no_refresh(stats),
        success_rate(stats, thresholds),
        average_duration(stats, thresholds),
        freshness(stats, now, thresholds),
    ];
    Health::from_findings(findings.into_iter().flatten().collect())
}

fn no_refresh(stats: &RefreshStats) -> Option<Finding> {
    (stats.total == 0).then(|| Finding {
        rule: Rule::NoRefresh,
        verdict: Verdict::Critical,
        reason: "no refresh in the window".into(),
    })
}

fn success_rate(stats: &RefreshStats, thresholds: &Thresholds) -> Option<Finding> {
    if stats.total == 0 {
        return None;
    }
    // From the counts, not from the rounded per cent: 94.996 % must not pass as 95.
    #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
    let (part, whole) = (stats.successful as f64 * 100.0, stats.total as f64);
    let below = |limit: f64| part < limit * whole;
    let (verdict, limit) = if below(thresholds.success_critical) {
        (Verdict::Critical, thresholds.success_critical)
    } else if below(thresholds.success_warning) {
        (Verdict::Warning, thresholds.success_warning)
    } else {
        return None;
    };
    let rate = floor_one_decimal(part / whole);
    Some(Finding {
        rule: Rule::SuccessRate,
        verdict,
        reason: format!("success rate {rate} % is below {limit} % ({} of {} failed)", stats.failed, stats.total),
    })
}

/// Rounds down, so that a rate just below a limit never reads like the limit.
fn floor_one_decimal(value: f64) -> f64 {
    (value * 10.0).floor() / 10.0
}

fn average_duration(stats: &RefreshStats, thresholds: &Thresholds) -> Option<Finding> {
    let average = stats.avg_duration_ms?;
    let limit = thresholds.average_duration.as_secs_f64() * 1000.0;
    (average > limit).then(|| Finding {
        rule: Rule::AverageDuration,
        verdict: Verdict::Warning,
        reason: format!("average duration {} is above {}", age::duration_ms(average), age::duration_ms(limit)),
    })
}

/// How far ahead a moment may be and still be the present: two readings of one clock, or a small step of it.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The age of what happened at `at`; `None` where that is in the future, so that nothing is known.
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    (at <= now + SKEW).then(|| (now - at).to_std().unwrap_or_default())
}

fn freshness(stats: &RefreshStats, now: DateTime<Utc>, thresholds: &Thresholds) -> Option<Finding> {
    let finding = |reason| Finding { rule: Rule::Freshness, verdict: Verdict::Warning, reason };
    let Some(success) = stats.last_success_at else {
        return (stats.total > 0).then(|| finding("no successful refresh on record".into()));
    };
    let Some(age) = age(success, now) else {
        return Some(finding(
            "the last successful refresh is dated in the future, so the age of the figures is not known".into(),
        ));
    };
    (age > thresholds.freshness).then(|| {
        finding(format!(
            "last successful refresh {} ago, more than {}",
            age::coarse(age),
            age::label(thresholds.freshness)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn now() -> DateTime<Utc> {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    fn stats(successful: u64, total: u64) -> RefreshStats {
        RefreshStats {
            total,
            successful,
            failed: total - successful,
            avg_duration_ms: Some(100.0),
            last_success_at: Some(now()),
            ..RefreshStats::default()
        }
    }

    fn verdict(stats: &RefreshStats) -> Verdict {
        evaluate(stats, now(), &Thresholds::default()).verdict
    }

    #[test]
    fn success_rate_boundaries() {
        assert_eq!(verdict(&stats(799, 1000)), Verdict::Critical);
        assert_eq!(verdict(&stats(800, 1000)), Verdict::Warning);
        assert_eq!(verdict(&stats(949, 1000)), Verdict::Warning);
        assert_eq!(verdict(&stats(949_999, 1_000_000)), Verdict::Warning);
        assert_eq!(verdict(&stats(950, 1000)), Verdict::Healthy);
        assert_eq!(verdict(&stats(4, 5)), Verdict::Warning);
        assert_eq!(verdict(&stats(19, 20)), Verdict::Healthy);
    }

    #[test]
    fn a_rate_just_below_never_reads_like_the_limit() {
        let health = evaluate(&stats(949_999, 1_000_000), now(), &Thresholds::default());
        assert!(health.findings[0].reason.contains("94.9 %"), "{:?}", health.findings);
    }

    #[test]
    fn average_duration_boundary() {
        let mut s = stats(10, 10);
        s.avg_duration_ms = Some(5000.0);
        assert_eq!(verdict(&s), Verdict::Healthy);
        s.avg_duration_ms = Some(5000.001);
        assert_eq!(verdict(&s), Verdict::Warning);
        s.avg_duration_ms = None;
        assert_eq!(verdict(&s), Verdict::Healthy);
    }

    #[test]
    fn freshness_counts_from_the_last_success() {
        let mut s = stats(10, 10);
        s.last_success_at = Some(now() - TimeDelta::minutes(10));
        s.last_refresh_at = Some(now());
        assert_eq!(verdict(&s), Verdict::Healthy);
        s.last_success_at = Some(now() - TimeDelta::minutes(10) - TimeDelta::milliseconds(1));
        assert_eq!(verdict(&s), Verdict::Warning);
        s.last_success_at = Some(now() + TimeDelta::seconds(30));
        assert_eq!(verdict(&s), Verdict::Healthy, "two readings of one clock");
        s.last_success_at = Some(now() + TimeDelta::hours(1));
        assert_eq!(verdict(&s), Verdict::Warning, "what is in the future makes nothing fresh");
    }

    #[test]
    fn an_empty_window_is_critical_and_every_rule_that_holds_is_shown() {
        let mut s = stats(0, 0);
        s.last_success_at = Some(now() - TimeDelta::hours(30));
        let health = evaluate(&s, now(), &Thresholds::default());
        assert_eq!(health.verdict, Verdict::Critical);
        let rules: Vec<Rule> = health.findings.iter().map(|f| f.rule).collect();
        assert_eq!(rules, [Rule::NoRefresh, Rule::Freshness]);
    }

    #[test]
    fn all_rules_at_once_worst_first() {
        let mut s = stats(1, 10);
        s.avg_duration_ms = Some(9000.0);
        s.last_success_at = None;
        let health = evaluate(&s, now(), &Thresholds::default());
        let rules: Vec<Rule> = health.findings.iter().map(|f| f.rule).collect();
        assert_eq!(rules, [Rule::SuccessRate, Rule::AverageDuration, Rule::Freshness]);
        assert!(health.findings[0].reason.contains("9 of 10 failed"));
    }

    #[test]
    fn thresholds_can_be_moved() {
        let strict = Thresholds { success_warning: 100.0, ..Thresholds::default() };
        assert_eq!(evaluate(&stats(999, 1000), now(), &strict).verdict, Verdict::Warning);
        assert_eq!(evaluate(&stats(1000, 1000), now(), &strict).verdict, Verdict::Healthy);
    }
}
