use super::super::{AgeStyle, Health, Limits, Thresholds};
use super::*;
use chrono::TimeDelta;

fn now() -> DateTime<Utc> {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

fn stats(failed: u64) -> RefreshStats {
    RefreshStats {
        total: 100,
        successful: 100 - failed,
        failed,
        avg_duration_ms: Some(450.0),
        last_success_at: Some(now() - TimeDelta::minutes(3)),
        ..RefreshStats::default()
    }
}

fn recent(status: RunStatus, streak: u32, minutes: i64) -> Recent {
    let last = Last { at: now() - TimeDelta::minutes(3), status, sqlstate: None, error: None, blocker: None };
    Recent {
        last: Some(last),
        attempts: vec![(false, Some(450.0)); 20],
        streak,
        streak_since: Some(now() - TimeDelta::minutes(minutes)),
        usual: Some(Usual { ms: 450.0, spread_ms: 20.0 }),
    }
}

fn judged(stats: &RefreshStats, recent: &Recent, obstacle: Option<&Obstacle>, ignored: &[Switch]) -> Health {
    let limits = Limits::from(&Thresholds::default()).without(ignored);
    limits.judge(&Facts { recent: Some(recent), obstacle, ..Facts::of(stats) }, now(), AgeStyle::Coarse)
}

fn rules(health: &Health) -> Vec<(Rule, Verdict)> {
    health.findings.iter().map(|finding| (finding.rule, finding.verdict)).collect()
}

#[test]
fn healthy_needs_a_last_attempt_that_succeeded_and_three_failures_are_critical() {
    let health = judged(&stats(0), &recent(RunStatus::Success, 100, 500), None, &[]);
    assert_eq!((health.verdict, health.now, health.findings.len()), (Verdict::Healthy, Now::Healthy, 0));
    for (failed, verdict) in [(1, Verdict::Warning), (2, Verdict::Warning), (3, Verdict::Critical)] {
        let health = judged(&stats(failed.into()), &recent(RunStatus::Error, failed, 12), None, &[]);
        assert_eq!(rules(&health), [(Rule::FailuresInARow, verdict)], "{failed}");
        assert_eq!(health.now, Now::Failing { in_a_row: failed, since: Some(now() - TimeDelta::minutes(12)) });
        assert_eq!(health.budget.verdict, Verdict::Healthy, "the window allows {failed}");
    }
    let health = judged(&stats(3), &recent(RunStatus::Error, 3, 12), None, &[]);
    assert_eq!(health.findings[0].reason, "the last 3 attempts failed, the first 12m ago");
    let ignored = judged(&stats(3), &recent(RunStatus::Error, 3, 12), None, &[Switch::FailuresInARow]);
    assert_eq!((ignored.verdict, ignored.now.word()), (Verdict::Healthy, "failing"));
}

#[test]
fn data_is_critical_from_twice_its_limit_on_and_the_budget_only_warns() {
    for (seconds, verdict) in
        [(600, Verdict::Healthy), (601, Verdict::Warning), (1200, Verdict::Warning), (1201, Verdict::Critical)]
    {
        let old = RefreshStats { last_success_at: Some(now() - TimeDelta::seconds(seconds)), ..stats(0) };
        let health = judged(&old, &recent(RunStatus::Success, 100, 500), None, &[]);
        assert_eq!(health.verdict, verdict, "{seconds}");
        assert_eq!(health.budget.verdict, verdict.min(Verdict::Warning), "{seconds}");
        assert_eq!(health.now, if seconds > 600 { Now::Stale } else { Now::Healthy }, "{seconds}");
        let ignored = judged(&old, &recent(RunStatus::Success, 100, 500), None, &[Switch::TooOld]);
        assert_eq!(ignored.verdict, verdict.min(Verdict::Warning), "{seconds}");
    }
    let old = RefreshStats { last_success_at: Some(now() - TimeDelta::minutes(25)), ..stats(0) };
    let health = judged(&old, &recent(RunStatus::Success, 100, 500), None, &[]);
    assert_eq!(health.findings[0].reason, "last successful refresh 25m ago, more than twice the limit of 10m");
}

#[test]
fn what_nothing_refreshes_is_a_warning_at_once_and_critical_once_it_is_too_old() {
    let paused = Obstacle { paused: true, reason: "its job is paused".into() };
    let stopped = Obstacle { paused: false, reason: "the view is gone".into() };
    let recent = recent(RunStatus::Success, 100, 500);
    let health = judged(&stats(0), &recent, Some(&paused), &[]);
    assert_eq!((rules(&health), health.now), (vec![(Rule::NothingRefreshes, Verdict::Warning)], Now::Paused));
    let old = RefreshStats { last_success_at: Some(now() - TimeDelta::minutes(11)), ..stats(0) };
    let health = judged(&old, &recent, Some(&stopped), &[]);
    assert_eq!(health.now, Now::Stopped);
    assert_eq!(rules(&health), [(Rule::NothingRefreshes, Verdict::Critical), (Rule::Freshness, Verdict::Warning)]);
    let ignored = judged(&stats(0), &recent, Some(&paused), &[Switch::NothingRefreshes]);
    assert_eq!(ignored.verdict, Verdict::Healthy);
}

#[test]
fn a_recovery_is_told_while_the_budget_remembers_it_and_for_an_hour() {
    let since = |minutes| now() - TimeDelta::minutes(minutes);
    let state = |failed, minutes| judged(&stats(failed), &recent(RunStatus::Success, 12, minutes), None, &[]);
    assert_eq!(state(1, 59).now, Now::Recovered { in_a_row: 12, since: since(59) });
    assert_eq!(state(1, 60).now, Now::Healthy);
    let yellow = state(6, 300);
    assert_eq!(yellow.now, Now::Recovered { in_a_row: 12, since: since(300) });
    assert_eq!((yellow.verdict, yellow.budget.verdict), (Verdict::Warning, Verdict::Warning));
    assert_eq!(state(0, 5).now, Now::Healthy, "nothing failed in the window");
}

#[test]
fn the_budget_says_how_many_failures_are_left() {
    let left = |failed| judged(&stats(failed), &recent(RunStatus::Success, 1, 1), None, &[]).budget.failures_left;
    assert_eq!((left(0), left(4), left(5), left(6)), (Some(5), Some(1), Some(0), Some(0)));
    let none = RefreshStats::default();
    assert_eq!(judged(&none, &Recent::default(), None, &[]).budget.failures_left, None);
}

#[test]
fn slow_is_what_differs_much_from_the_usual_for_three_refreshes() {
    let slow = |last: &[f32], usual: Option<Usual>| {
        let mut recent = recent(RunStatus::Success, 100, 500);
        recent.attempts.extend(last.iter().map(|ms| (false, Some(*ms))));
        recent.usual = usual;
        judged(&stats(0), &recent, None, &[]).findings.into_iter().map(|finding| finding.reason).collect::<Vec<_>>()
    };
    let usual = |ms, spread_ms| Some(Usual { ms, spread_ms });
    assert_eq!(slow(&[40_000.0; 3], usual(450.0, 20.0)), ["the last 3 refreshes took 40.00 s, usually 450 ms"]);
    assert!(slow(&[40_000.0, 450.0, 450.0], usual(450.0, 20.0)).is_empty(), "one outlier");
    assert!(slow(&[1_300.0; 3], usual(450.0, 20.0)).is_empty(), "not three times as long");
    assert!(slow(&[400.0; 3], usual(40.0, 2.0)).is_empty(), "nobody waits for 360 ms");
    assert!(slow(&[3_000.0; 3], usual(900.0, 700.0)).is_empty(), "they differ as much as that");
    assert!(slow(&[40_000.0; 3], None).is_empty(), "nothing is usual yet");
}

#[test]
fn a_refresh_under_way_shows_only_where_all_else_is_well() {
    let limits = Limits::from(&Thresholds::default());
    let state = |recent: &Recent| {
        let stats = stats(3);
        let facts = Facts { recent: Some(recent), running: true, ..Facts::of(&stats) };
        limits.judge(&facts, now(), AgeStyle::Coarse).now
    };
    assert_eq!(state(&recent(RunStatus::Success, 100, 500)), Now::Refreshing);
    assert_eq!(state(&recent(RunStatus::Error, 3, 5)).word(), "failing");
}
