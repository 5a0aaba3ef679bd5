//! `refreshtop check`: a monitoring plugin by the conventions of Nagios.
//!
//! One line on standard output, `REFRESH STATE - reason | performance data`, and an exit code from 0 to 3. If
//! it can't come to a verdict, that is unknown, 3: never a code that a monitoring system would take for a verdict.
//! Of several views the worst decides, and the others that are not healthy follow, a line each.

mod several;

use crate::{
    cli::arguments::Check,
    command::{
        Failure,
        report::{self, Found, Report},
    },
    output::{Output, clean, overridden},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::Target;
use refreshtop_core::{
    age, exit,
    health::{self, AgeStyle, Facts, Health, Limits, Now, Ranges, Rule, Verdict},
    range::{Figure, Range},
    stats::RefreshStats,
};
use std::cmp::Reverse;

/// Checks once and prints the line.
///
/// # Errors
/// Silently if the verdict is not healthy: the exit code is the verdict. A failure with a sentence is unknown.
pub async fn run(check: &Check, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let found = report::read(target, settings, 1);
    let found = tokio::time::timeout(check.timeout, found).await.unwrap_or_else(|_| {
        let limit = refreshtop_core::numbers::length(check.timeout);
        Err(Failure::new(exit::UNKNOWN, format!("no verdict within {limit} (--timeout)")))
    })?;
    let limits = |report: &Report| report.limits.limits().overridden(&check.warning, &check.critical);
    let (verdict, text) = match found {
        Found::One(report) => line(
            &limits(&report),
            &report.known.of(&report.stats),
            report.snapshot.server_time,
            overridden(&report.limits),
        ),
        Found::All(all) => {
            let note = all.managed.first().and_then(|one| overridden(&one.report.limits));
            let views = all.managed.iter().map(|one| several::Judged::new(one, limits(&one.report), all.views.at));
            several::text(views.collect(), note)
        }
    };
    output.print(&text)?;
    match verdict {
        Verdict::Healthy => Ok(()),
        Verdict::Warning => Err(Failure::silent(exit::WARNING)),
        Verdict::Critical => Err(Failure::silent(exit::CRITICAL)),
        Verdict::Unknown => Err(Failure::silent(exit::UNKNOWN)),
    }
}

/// The line for a check that came to no verdict.
pub fn unknown(why: &str) -> String {
    // Text after a | would be read as performance data.
    format!("REFRESH UNKNOWN - {}", clean(why).replace('|', "/"))
}

/// In the order of the performance data.
const FIGURES: [Figure; 3] = [Figure::Age, Figure::Duration, Figure::Rate];

/// The verdict, and the whole line, with a `note` on the limits.
fn line(limits: &Limits, facts: &Facts<'_>, now: DateTime<Utc>, note: Option<String>) -> (Verdict, String) {
    let (verdict, reasons) = judged(limits, facts, now);
    // Text after a | would be read as performance data.
    let (reasons, note) = (clean(&reasons).replace('|', "/"), noted(note));
    (verdict, format!("REFRESH {} - {reasons}{note} | {}", word(verdict), performance(limits, facts.stats, now)))
}

/// A note behind the reasons.
fn noted(note: Option<String>) -> String {
    note.map(|note| format!(" ({note})")).unwrap_or_default()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "OK",
        Verdict::Warning => "WARNING",
        Verdict::Critical => "CRITICAL",
        Verdict::Unknown => "UNKNOWN",
    }
}

/// The verdict, and what it rests on.
fn judged(limits: &Limits, facts: &Facts<'_>, now: DateTime<Utc>) -> (Verdict, String) {
    let health = limits.judge(facts, now, AgeStyle::Seconds);
    let failing = matches!(health.now, Now::Failing { .. }).then(|| health.sentence(facts, now));
    let Health { verdict, mut findings, .. } = health;
    for finding in findings.iter_mut().filter(|finding| finding.rule == Rule::FailuresInARow) {
        // With its cause.
        finding.reason = failing.clone().unwrap_or_else(|| finding.reason.clone());
    }
    // Among equals in the order of the performance data.
    findings.sort_by_key(|finding| (Reverse(finding.verdict), rank(finding.rule)));
    let reasons = if findings.is_empty() {
        summary(facts.stats, now)
    } else {
        // Names are in them. Text after a | would be read as performance data.
        findings.into_iter().map(|finding| clean(&finding.reason).replace('|', "/")).collect::<Vec<_>>().join(", ")
    };
    (verdict, reasons)
}

fn rank(rule: Rule) -> u8 {
    match rule {
        Rule::NoData | Rule::NothingRefreshes => 0,
        Rule::FailuresInARow => 1,
        Rule::NoRefresh => 2,
        Rule::Freshness => 3,
        Rule::Slow => 4,
        Rule::AverageDuration => 5,
        Rule::SuccessRate => 6,
    }
}

fn performance(limits: &Limits, stats: &RefreshStats, now: DateTime<Utc>) -> String {
    let figures: String =
        FIGURES.into_iter().map(|figure| datum(name(figure), figure, limits, stats, now) + " ").collect();
    format!("{figures}refreshes={};;;0; failures={};;;0;", stats.total, stats.failed)
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Age => "age",
        Figure::Duration => "duration",
        Figure::Rate => "rate",
    }
}

/// One figure of the performance data.
fn datum(label: &str, figure: Figure, limits: &Limits, stats: &RefreshStats, now: DateTime<Utc>) -> String {
    let (unit, bounds) = match figure {
        Figure::Age | Figure::Duration => ("s", "0;"),
        Figure::Rate => ("%", "0;100"),
    };
    // The guidelines write U for an unknown value.
    let value = health::measure(figure, stats, now).filter(|value| value.is_finite());
    let shown = value.map_or_else(|| "U".into(), |value| format!("{}{unit}", thousandths(value)));
    let range = |range: Option<Range>| range.map(|range| range.to_string()).unwrap_or_default();
    let Ranges { warning, critical } = limits.of(figure);
    format!("{label}={shown};{};{};{bounds}", range(warning), range(critical))
}

fn summary(stats: &RefreshStats, now: DateTime<Utc>) -> String {
    let age = health::measure(Figure::Age, stats, now).filter(|age| age.is_finite());
    let age = age.map_or_else(
        || "never refreshed".into(),
        |age| format!("last successful refresh {} ago", age::label(health::duration(age))),
    );
    let rate = health::measure(Figure::Rate, stats, now)
        .map(|rate| format!(", success rate {} %", health::floor_one_decimal(rate)));
    let average = stats.avg_duration_ms.map(|ms| format!(", average duration {}", age::duration_ms(ms)));
    format!("{age}{}{}", rate.unwrap_or_default(), average.unwrap_or_default())
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use refreshtop_core::{health::Thresholds, range::Limit};

    fn now() -> DateTime<Utc> {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    fn stats(successful: u64, total: u64) -> RefreshStats {
        RefreshStats {
            total,
            successful,
            failed: total - successful,
            avg_duration_ms: Some(80.0),
            last_success_at: Some(now() - TimeDelta::seconds(120)),
            ..RefreshStats::default()
        }
    }

    fn judged(stats: &RefreshStats, warning: &[&str], critical: &[&str]) -> (Verdict, String) {
        let limits = |texts: &[&str]| texts.iter().map(|text| Limit::parse(text).unwrap()).collect::<Vec<_>>();
        let default = Limits::from(&Thresholds::default());
        line(&default.overridden(&limits(warning), &limits(critical)), &Facts::of(stats), now(), None)
    }

    #[test]
    fn without_limits_the_health_rules_apply_and_every_reason_is_given() {
        for (successful, total, age, average, wanted) in [
            (799, 1000, 0, 80.0, "CRITICAL - success rate 79.9 % is below 80 % (201 of 1000 failed) |"),
            (800, 1000, 0, 80.0, "WARNING - success rate 80 % is below 95 % (200 of 1000 failed) |"),
            (949, 1000, 0, 80.0, "WARNING - success rate 94.9 % is below 95 % (51 of 1000 failed) |"),
            (950, 1000, 0, 5000.0, "OK - last successful refresh 0s ago"),
            (950, 1000, 600, 5000.001, "WARNING - average duration 5.00 s is above 5.00 s |"),
            (1, 1, 601, 1.0, "WARNING - last successful refresh 10m 1s ago, more than 10m |"),
            (0, 0, 0, 1.0, "CRITICAL - no refresh in the window |"),
            (
                0,
                3,
                0,
                6000.0,
                "CRITICAL - success rate 0 % is below 80 % (3 of 3 failed), no successful refresh on record, \
             average duration 6.00 s is above 5.00 s |",
            ),
        ] {
            let mut stats = stats(successful, total);
            stats.last_success_at = (successful > 0).then(|| now() - TimeDelta::seconds(age));
            stats.avg_duration_ms = Some(average);
            let (_, line) = judged(&stats, &[], &[]);
            assert!(line.starts_with(&format!("REFRESH {wanted}")), "{line}: {wanted}");
        }
    }

    #[test]
    fn the_line_has_state_reason_and_performance_data() {
        let (_, line) = judged(&stats(288, 288), &[], &[]);
        assert_eq!(
            line,
            "REFRESH OK - last successful refresh 2m ago, success rate 100 %, average duration 80 ms | \
             age=120s;600;1200;0; duration=0.08s;5;;0; rate=100%;95:;80:;0;100 refreshes=288;;;0; failures=0;;;0;"
        );
        let (verdict, line) = judged(&stats(0, 0), &[], &[]);
        assert_eq!(verdict, Verdict::Critical);
        assert!(line.starts_with("REFRESH CRITICAL - no refresh in the window | age=120s") && line.contains("rate=U;"));
    }

    #[test]
    fn limits_replace_those_of_their_figure_only() {
        let fine = stats(90, 100);
        assert_eq!(judged(&fine, &[], &[]).0, Verdict::Warning);
        assert_eq!(judged(&fine, &["rate=90:"], &[]).0, Verdict::Healthy);
        assert_eq!(judged(&fine, &["rate=90:", "age=1m"], &["age=2m"]).0, Verdict::Warning);
        let (verdict, line) = judged(&fine, &["rate=90:"], &["age=119"]);
        assert_eq!(verdict, Verdict::Critical);
        assert!(line.starts_with("REFRESH CRITICAL - last successful refresh 2m ago, more than 1m 59s |"), "{line}");
        assert!(line.contains("age=120s;600;119;0;") && line.contains("rate=90%;90:;80:;0;100"), "{line}");
        // The last one counts.
        assert_eq!(judged(&fine, &["rate=99:", "rate=50:"], &[]).0, Verdict::Healthy);
    }

    #[test]
    fn one_limit_of_a_figure_leaves_the_other_one() {
        let (verdict, line) = judged(&stats(90, 100), &[], &["rate=80:"]);
        assert_eq!(verdict, Verdict::Warning, "{line}");
        assert!(line.contains("rate=90%;95:;80:;0;100"), "{line}");
        assert_eq!(judged(&stats(10, 100), &["rate=90:"], &[]).0, Verdict::Critical, "the default 80 %");
        // A range without ends is no limit.
        assert_eq!(judged(&stats(90, 100), &["rate=~:"], &["rate=80:"]).0, Verdict::Healthy);
        assert_eq!(judged(&stats(0, 100), &["rate=~:"], &["rate=~:"]).0, Verdict::Healthy);
    }

    #[test]
    fn the_reason_names_the_limit_that_was_left() {
        let rate = stats(90, 100);
        for (stats, warning, critical, wanted) in [
            (&rate, &[][..], &["rate=~:5"][..], "success rate 90 % is above 5 % (10 of 100 failed)"),
            (&rate, &[], &["rate=@90:95"], "success rate 90 % is between 90 % and 95 % (10 of 100 failed)"),
            (&rate, &[], &["rate=@80:"], "success rate 90 % is at least 80 % (10 of 100 failed)"),
            (&rate, &[], &["rate=@~:"], "success rate 90 % is no good whatever it is (10 of 100 failed)"),
            (&rate, &["rate=91:"], &[], "success rate 90 % is below 91 % (10 of 100 failed)"),
            // The health rule would speak of its own 80 %.
            (&stats(70, 100), &[], &["rate=10:"], "success rate 70 % is below 95 % (30 of 100 failed)"),
            (&stats(94_960, 100_000), &[], &["rate=~:94.95"], "success rate 95 % is above 94.95 %"),
            (&stats(94_940, 100_000), &[], &["rate=94.95:"], "success rate 94.9 % is below 94.95 %"),
            (&stats(100, 100), &[], &["duration=50ms"], "average duration 80 ms is above 50 ms"),
            (&stats(100, 100), &[], &["duration=1:"], "average duration 80 ms is below 1.00 s"),
            (&stats(100, 100), &["age=90"], &[], "last successful refresh 2m ago, more than 1m 30s"),
            (&stats(100, 100), &["age=1h:"], &[], "last successful refresh 2m ago, less than 1h"),
            (&stats(100, 100), &["age=@0:5m"], &[], "last successful refresh 2m ago, between 0s and 5m"),
        ] {
            let (_, line) = judged(stats, warning, critical);
            assert!(line.contains(&format!("- {wanted}")), "{line}: {wanted}");
        }
        let never = RefreshStats { last_success_at: None, ..stats(0, 3) };
        let (_, line) = judged(&never, &[], &["age=90"]);
        assert!(line.contains("no successful refresh on record"), "{line}");
    }

    #[test]
    fn an_unknown_is_one_line_without_performance_data() {
        assert_eq!(unknown("a\nb|c"), "REFRESH UNKNOWN - a / b/c");
    }
}
