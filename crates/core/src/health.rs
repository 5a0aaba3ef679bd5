//! The only place that judges health: screen, `status`, `check` and metrics all use it. Each rule that is broken is a
//! finding with its reason; the verdict is that of the worst.
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
//! healthy. `check` may put other ranges in the place of these limits.

use crate::{
    age,
    range::{Breach, Figure, Limit, Range},
    stats::RefreshStats,
};
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
    /// No refresh of the view can succeed, since it is gone, another one, or without index; or it has no data.
    NotRefreshed,
    /// The statistics can't be read.
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
    /// The worst of the findings; healthy if there is none.
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

    /// The same with another finding.
    pub fn and(mut self, finding: Option<Finding>) -> Self {
        self.findings.extend(finding);
        Self::from_findings(self.findings)
    }

    /// Nothing current is known; `reason` says why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::from_findings(vec![Finding { rule: Rule::NoData, verdict: Verdict::Unknown, reason: reason.into() }])
    }
}

/// Judges the statistics of a window at the server time `now`.
pub fn evaluate(stats: &RefreshStats, now: DateTime<Utc>, thresholds: &Thresholds) -> Health {
    Limits::from(thresholds).judge(stats, now, AgeStyle::Coarse)
}

/// How reasons state ages and their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeStyle {
    /// As on a screen that stays open, where they change rarely.
    Coarse,
    /// To the second, as limits may be given.
    Seconds,
}

/// The ranges of one figure; a figure without one can't be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ranges {
    /// Outside of it: a warning.
    pub warning: Option<Range>,
    /// Outside of it: critical.
    pub critical: Option<Range>,
}

impl Ranges {
    fn breach(self, value: f64) -> Option<(Verdict, Breach)> {
        // A clock that was set back makes no refresh faster than nothing.
        let breach = |range: Option<Range>| range.and_then(|range| range.breach(value.max(0.0)));
        let critical = breach(self.critical).map(|breach| (Verdict::Critical, breach));
        critical.or_else(|| breach(self.warning).map(|breach| (Verdict::Warning, breach)))
    }
}

/// The ranges of every figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    age: Ranges,
    duration: Ranges,
    rate: Ranges,
}

impl From<&Thresholds> for Limits {
    fn from(thresholds: &Thresholds) -> Self {
        let warning = |range| Ranges { warning: Some(range), critical: None };
        Self {
            age: warning(Range::up_to(thresholds.freshness.as_secs_f64())),
            duration: warning(Range::up_to(thresholds.average_duration.as_secs_f64())),
            rate: Ranges {
                warning: Some(Range::from(thresholds.success_warning)),
                critical: Some(Range::from(thresholds.success_critical)),
            },
        }
    }
}

impl Limits {
    /// These limits, with others in the place of some; of two for one figure the last counts.
    pub fn overridden(mut self, warning: &[Limit], critical: &[Limit]) -> Self {
        for limit in warning {
            self.of_mut(limit.figure).warning = Some(limit.range);
        }
        for limit in critical {
            self.of_mut(limit.figure).critical = Some(limit.range);
        }
        self
    }

    /// The ranges of a figure.
    pub fn of(&self, figure: Figure) -> Ranges {
        match figure {
            Figure::Age => self.age,
            Figure::Duration => self.duration,
            Figure::Rate => self.rate,
        }
    }

    fn of_mut(&mut self, figure: Figure) -> &mut Ranges {
        match figure {
            Figure::Age => &mut self.age,
            Figure::Duration => &mut self.duration,
            Figure::Rate => &mut self.rate,
        }
    }

    /// Judges the statistics of a window at the server time `now`.
    pub fn judge(&self, stats: &RefreshStats, now: DateTime<Utc>, style: AgeStyle) -> Health {
        let no_refresh = (stats.total == 0).then(|| Finding {
            rule: Rule::NoRefresh,
            verdict: Verdict::Critical,
            reason: "no refresh in the window".into(),
        });
        let figures = [Figure::Rate, Figure::Duration, Figure::Age].into_iter().filter_map(|figure| {
            let value = measure(figure, stats, now)?;
            let (verdict, breach) = self.of(figure).breach(value)?;
            let (rule, reason) = match figure {
                Figure::Rate => (Rule::SuccessRate, rate_reason(value, breach, stats)),
                Figure::Duration => (Rule::AverageDuration, duration_reason(value, breach)),
                Figure::Age => (Rule::Freshness, age_reason(value, breach, stats, style)),
            };
            Some(Finding { rule, verdict, reason })
        });
        Health::from_findings(no_refresh.into_iter().chain(figures).collect())
    }
}

/// A figure's value; infinite for the age of a success that is not on record or dated in the future, `None` if there is
/// nothing to measure.
pub fn measure(figure: Figure, stats: &RefreshStats, now: DateTime<Utc>) -> Option<f64> {
    match figure {
        Figure::Age => match stats.last_success_at {
            Some(at) => Some(age(at, now).map_or(f64::INFINITY, |age| age.as_secs_f64())),
            // Without any attempt there is a finding of its own.
            None => (stats.total > 0).then_some(f64::INFINITY),
        },
        Figure::Duration => stats.avg_duration_ms.map(|ms| ms / 1000.0),
        // From the counts, not from the rounded per cent: 94.996 % must not pass as 95.
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        Figure::Rate => (stats.total > 0).then(|| stats.successful as f64 * 100.0 / stats.total as f64),
    }
}

fn rate_reason(value: f64, breach: Breach, stats: &RefreshStats) -> String {
    // Never rounded onto the limit.
    let rate = if matches!(breach, Breach::Above(_)) { -floor_one_decimal(-value) } else { floor_one_decimal(value) };
    let limit = breach.words("above", "below", |limit| format!("{limit} %"));
    format!("success rate {rate} % is {limit} ({} of {} failed)", stats.failed, stats.total)
}

/// Rounds down, so that a rate just below a limit never reads like the limit.
pub fn floor_one_decimal(value: f64) -> f64 {
    (value * 10.0).floor() / 10.0
}

fn duration_reason(value: f64, breach: Breach) -> String {
    let shown = |seconds: f64| age::duration_ms(seconds * 1000.0);
    format!("average duration {} is {}", shown(value), breach.words("above", "below", shown))
}

fn age_reason(value: f64, breach: Breach, stats: &RefreshStats, style: AgeStyle) -> String {
    if value.is_infinite() {
        return match stats.last_success_at {
            None => "no successful refresh on record".into(),
            Some(_) => {
                "the last successful refresh is dated in the future, so the age of the figures is not known".into()
            }
        };
    }
    let (age, limit) = match style {
        AgeStyle::Coarse => {
            let label = |limit| age::label(duration(limit));
            (age::coarse(duration(value)), breach.words("more than", "less than", label))
        }
        AgeStyle::Seconds => {
            let whole = if value < 60.0 { floor_one_decimal(value) } else { value.floor() };
            (to_the_second(whole), breach.words("more than", "less than", to_the_second))
        }
    };
    format!("last successful refresh {age} ago, {limit}")
}

/// So many seconds; the longest duration if they don't fit one.
pub fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A label of minutes could contradict a limit of seconds beside it.
fn to_the_second(seconds: f64) -> String {
    if !(60.0..1e9).contains(&seconds) {
        return format!("{seconds}s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let s = seconds as u64;
    let parts = [(s / 86_400, "d"), (s / 3_600 % 24, "h"), (s / 60 % 60, "m"), (s % 60, "s")];
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    shown.join(" ")
}

/// How far ahead a moment may be and still be the present: two readings of one clock, or a small step of it.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The age of what happened at `at`; `None` if that is in the future, so that nothing is known.
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    (at <= now + SKEW).then(|| (now - at).to_std().unwrap_or_default())
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

    #[test]
    fn a_clock_that_was_set_back_makes_no_refresh_too_fast() {
        let mut s = stats(10, 10);
        s.avg_duration_ms = Some(-5.0);
        assert_eq!(verdict(&s), Verdict::Healthy);
    }

    #[test]
    fn a_rate_is_exact_at_any_limit() {
        for (limit, successful, total) in [(94.95, 9495, 10_000), (99.9, 999, 1000), (33.3, 333, 1000), (0.1, 1, 1000)]
        {
            let limits = Thresholds { success_warning: limit, success_critical: 0.0, ..Thresholds::default() };
            assert_eq!(evaluate(&stats(successful, total), now(), &limits).verdict, Verdict::Healthy, "{limit}");
            assert_eq!(evaluate(&stats(successful - 1, total), now(), &limits).verdict, Verdict::Warning, "{limit}");
        }
    }

    #[test]
    fn a_range_replaces_that_of_its_figure_and_verdict_only() {
        let judge = |stats: &RefreshStats, warning: &[&str], critical: &[&str]| {
            let limits = |texts: &[&str]| texts.iter().map(|text| Limit::parse(text).unwrap()).collect::<Vec<_>>();
            let limits = Limits::from(&Thresholds::default()).overridden(&limits(warning), &limits(critical));
            limits.judge(stats, now(), AgeStyle::Seconds)
        };
        let old = RefreshStats { last_success_at: Some(now() - TimeDelta::seconds(700)), ..stats(90, 100) };
        let rules = |health: Health| health.findings.into_iter().map(|f| (f.rule, f.verdict)).collect::<Vec<_>>();
        let (rate, age) = (Rule::SuccessRate, Rule::Freshness);
        assert_eq!(rules(judge(&old, &[], &[])), [(rate, Verdict::Warning), (age, Verdict::Warning)]);
        assert_eq!(rules(judge(&old, &["rate=90:"], &[])), [(age, Verdict::Warning)]);
        assert_eq!(rules(judge(&old, &["rate=90:", "age=~:"], &["rate=91:"])), [(rate, Verdict::Critical)]);
        assert_eq!(
            judge(&old, &["rate=90:"], &["age=11m"]).findings[0].reason,
            "last successful refresh 11m 40s ago, more than 11m"
        );
    }
}
