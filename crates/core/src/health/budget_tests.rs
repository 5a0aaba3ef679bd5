use super::super::{Facts, Health, evaluate};
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
    for (limit, successful, total) in [(94.95, 9495, 10_000), (99.9, 999, 1000), (33.3, 333, 1000), (0.1, 1, 1000)] {
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
        limits.judge(&Facts::of(stats), now(), AgeStyle::Seconds)
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
