//! `refreshtop check`: a monitoring plugin by the conventions of Nagios and its kin.
//!
//! One line on standard output, `REFRESH STATE - reason | performance data`, and an exit code from 0 to 3. Whatever
//! keeps it from a verdict is unknown, 3: never a code that a monitoring system would take for a verdict.

use crate::{
    cli::arguments::Check,
    command::{Failure, report},
    output::{Output, clean},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::Target;
use refreshtop_core::{
    age, exit,
    health::{self, Thresholds, Verdict},
    range::{Breach, Figure, Limit, Range},
    stats::RefreshStats,
};
use std::fmt::Write as _;

/// Checks once and prints the line.
///
/// # Errors
/// Always, and silently, where the verdict is not healthy: the exit code is the verdict. A failure with a sentence is
/// unknown.
pub async fn run(check: &Check, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let report = report::read(target, settings, 1);
    let report = tokio::time::timeout(check.timeout, report).await.unwrap_or_else(|_| {
        let limit = humantime::format_duration(check.timeout);
        Err(Failure::new(exit::UNKNOWN, format!("no verdict within {limit} (--timeout)")))
    })?;
    let limits = Limits::new(&settings.thresholds, check);
    let (verdict, line) = limits.judge(&report.stats, report.snapshot.server_time);
    output.print(&line)?;
    match verdict {
        Verdict::Healthy => Ok(()),
        Verdict::Warning => Err(Failure::silent(exit::WARNING)),
        Verdict::Critical => Err(Failure::silent(exit::CRITICAL)),
        Verdict::Unknown => Err(Failure::silent(exit::UNKNOWN)),
    }
}

/// The line for a check that came to no verdict.
pub fn unknown(why: &str) -> String {
    // What stands behind a | would be read as performance data.
    format!("REFRESH UNKNOWN - {}", clean(why).replace('|', "/"))
}

/// Ranges of the three figures; `None` where a figure has none.
struct Limits {
    thresholds: Thresholds,
    figures: [(Figure, Option<Range>, Option<Range>); 3],
}

impl Limits {
    fn new(thresholds: &Thresholds, check: &Check) -> Self {
        let given =
            |limits: &[Limit], figure| limits.iter().rev().find(|limit| limit.figure == figure).map(|l| l.range);
        let of = |figure, warning: Option<Range>, critical: Option<Range>| {
            let own = (given(&check.warning, figure), given(&check.critical, figure));
            (figure, own.0.or(warning), own.1.or(critical))
        };
        let figures = [
            of(Figure::Age, Some(Range::up_to(thresholds.freshness.as_secs_f64())), None),
            of(Figure::Duration, Some(Range::up_to(thresholds.average_duration.as_secs_f64())), None),
            of(
                Figure::Rate,
                Some(Range::from(thresholds.success_warning)),
                Some(Range::from(thresholds.success_critical)),
            ),
        ];
        Self { thresholds: thresholds.clone(), figures }
    }

    fn judge(&self, stats: &RefreshStats, now: DateTime<Utc>) -> (Verdict, String) {
        let mut findings: Vec<(Verdict, String)> = Vec::new();
        if stats.total == 0 {
            findings.push((Verdict::Critical, "no refresh in the window".into()));
        }
        for (figure, warning, critical) in &self.figures {
            let Some(value) = value(*figure, stats, now) else { continue };
            let breach = |range: &Option<Range>| range.and_then(|range| range.breach(value));
            let (verdict, breach) = match (breach(critical), breach(warning)) {
                (Some(breach), _) => (Verdict::Critical, breach),
                (None, Some(breach)) => (Verdict::Warning, breach),
                (None, None) => continue,
            };
            findings.push((verdict, self.reason(*figure, value, breach, stats, now)));
        }
        findings.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = findings.first().map_or(Verdict::Healthy, |(verdict, _)| *verdict);
        let word = match verdict {
            Verdict::Healthy => "OK",
            Verdict::Warning => "WARNING",
            Verdict::Critical => "CRITICAL",
            Verdict::Unknown => "UNKNOWN",
        };
        let reasons = if findings.is_empty() {
            all_is_well(stats, now)
        } else {
            findings.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>().join(", ")
        };
        (verdict, format!("REFRESH {word} - {reasons} | {}", self.performance(stats, now)))
    }

    /// What the value is and which side of which limit it is on, in the words of the health rules.
    fn reason(&self, figure: Figure, value: f64, breach: Breach, stats: &RefreshStats, now: DateTime<Utc>) -> String {
        match figure {
            // There is no age: the health rule says why.
            Figure::Age if value.is_infinite() => {
                let said = health::evaluate(stats, now, &self.thresholds).findings;
                let said = said.into_iter().find(|finding| finding.rule == health::Rule::Freshness);
                said.map_or_else(|| "no successful refresh on record".into(), |finding| finding.reason)
            }
            Figure::Age => {
                let age = span(if value < 60.0 { tenths(value) } else { value.floor() });
                format!("last successful refresh {age} ago, {}", breach.words("more than", "less than", span))
            }
            Figure::Duration => {
                let shown = |seconds: f64| age::duration_ms(seconds * 1000.0);
                format!("average duration {} is {}", shown(value), breach.words("above", "below", shown))
            }
            Figure::Rate => {
                // Never rounded onto the limit.
                let rate = if matches!(breach, Breach::Above(_)) { -tenths(-value) } else { tenths(value) };
                let words = breach.words("above", "below", |limit| format!("{limit} %"));
                format!("success rate {rate} % is {words} ({} of {} failed)", stats.failed, stats.total)
            }
        }
    }

    fn performance(&self, stats: &RefreshStats, now: DateTime<Utc>) -> String {
        let mut data = String::new();
        for (figure, warning, critical) in &self.figures {
            let (name, unit, bounds) = match figure {
                Figure::Age => ("age", "s", "0;"),
                Figure::Duration => ("duration", "s", "0;"),
                Figure::Rate => ("rate", "%", "0;100"),
            };
            // U is the guidelines' word for a value that is not known.
            let value = value(*figure, stats, now).filter(|value| value.is_finite());
            let shown = value.map_or_else(|| "U".into(), |value| format!("{}{unit}", thousandths(value)));
            let range = |range: &Option<Range>| range.map(|range| range.to_string()).unwrap_or_default();
            // Writing to a string does not fail.
            let _ = write!(data, "{name}={shown};{};{};{bounds} ", range(warning), range(critical));
        }
        let _ = write!(data, "refreshes={};;;0; failures={};;;0;", stats.total, stats.failed);
        data
    }
}

/// The figure's value; infinite for the age of a success that never was, `None` where nothing was measured.
fn value(figure: Figure, stats: &RefreshStats, now: DateTime<Utc>) -> Option<f64> {
    match figure {
        // Without any attempt there is a finding of its own.
        Figure::Age => match stats.last_success_at {
            // What is dated in the future makes nothing fresh.
            Some(at) => Some(health::age(at, now).map_or(f64::INFINITY, |age| age.as_secs_f64())),
            None => (stats.total > 0).then_some(f64::INFINITY),
        },
        Figure::Duration => stats.avg_duration_ms.map(|ms| ms / 1000.0),
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        Figure::Rate => (stats.total > 0).then(|| stats.successful as f64 * 100.0 / stats.total as f64),
    }
}

fn all_is_well(stats: &RefreshStats, now: DateTime<Utc>) -> String {
    let age = value(Figure::Age, stats, now).filter(|age| age.is_finite());
    let age = age.map_or_else(
        || "never refreshed".into(),
        |age| format!("last successful refresh {} ago", age::label(seconds(age))),
    );
    let rate = value(Figure::Rate, stats, now).map(|rate| format!(", success rate {} %", tenths(rate)));
    let average = stats.avg_duration_ms.map(|ms| format!(", average duration {}", age::duration_ms(ms)));
    format!("{age}{}{}", rate.unwrap_or_default(), average.unwrap_or_default())
}

/// To the second, as limits are given: a label of minutes could contradict the limit beside it.
fn span(seconds: f64) -> String {
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

fn seconds(value: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(value).unwrap_or(std::time::Duration::MAX)
}

/// Rounded down, so that a rate just below a limit never reads like the limit.
fn tenths(value: f64) -> f64 {
    (value * 10.0).floor() / 10.0
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use std::time::Duration;

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

    fn judge(stats: &RefreshStats, warning: &[&str], critical: &[&str]) -> (Verdict, String) {
        let limits = |texts: &[&str]| texts.iter().map(|text| Limit::parse(text).unwrap()).collect();
        let check = Check { warning: limits(warning), critical: limits(critical), timeout: Duration::from_secs(1) };
        Limits::new(&Thresholds::default(), &check).judge(stats, now())
    }

    #[test]
    fn without_limits_it_says_what_the_health_rules_say() {
        for (successful, total, age, average) in [
            (799, 1000, 0, 80.0),
            (800, 1000, 0, 80.0),
            (949, 1000, 0, 80.0),
            (950, 1000, 0, 5000.0),
            (950, 1000, 600, 5000.001),
            (1, 1, 601, 1.0),
            (0, 0, 0, 1.0),
            (0, 3, 0, 1.0),
        ] {
            let mut stats = stats(successful, total);
            stats.last_success_at = (successful > 0).then(|| now() - TimeDelta::seconds(age));
            stats.avg_duration_ms = Some(average);
            let wanted = health::evaluate(&stats, now(), &Thresholds::default());
            let (verdict, line) = judge(&stats, &[], &[]);
            assert_eq!(verdict, wanted.verdict, "{stats:?}");
            for finding in wanted.findings {
                // The check is exact to the second.
                let reason = finding.reason.replace("10m ago", "10m 1s ago");
                assert!(line.contains(&reason), "{line}: {reason}");
            }
        }
    }

    #[test]
    fn the_line_has_state_reason_and_performance_data() {
        let (_, line) = judge(&stats(288, 288), &[], &[]);
        assert_eq!(
            line,
            "REFRESH OK - last successful refresh 2m ago, success rate 100 %, average duration 80 ms | \
             age=120s;600;;0; duration=0.08s;5;;0; rate=100%;95:;80:;0;100 refreshes=288;;;0; failures=0;;;0;"
        );
        let (verdict, line) = judge(&stats(0, 0), &[], &[]);
        assert_eq!(verdict, Verdict::Critical);
        assert!(line.starts_with("REFRESH CRITICAL - no refresh in the window | age=120s") && line.contains("rate=U;"));
    }

    #[test]
    fn limits_replace_those_of_their_figure_only() {
        let fine = stats(90, 100);
        assert_eq!(judge(&fine, &[], &[]).0, Verdict::Warning);
        assert_eq!(judge(&fine, &["rate=90:"], &[]).0, Verdict::Healthy);
        assert_eq!(judge(&fine, &["rate=90:", "age=1m"], &["age=2m"]).0, Verdict::Warning);
        let (verdict, line) = judge(&fine, &["rate=90:"], &["age=119"]);
        assert_eq!(verdict, Verdict::Critical);
        assert!(line.starts_with("REFRESH CRITICAL - last successful refresh 2m ago, more than 1m 59s |"), "{line}");
        assert!(line.contains("age=120s;600;119;0;") && line.contains("rate=90%;90:;80:;0;100"), "{line}");
        // The last one counts.
        assert_eq!(judge(&fine, &["rate=99:", "rate=50:"], &[]).0, Verdict::Healthy);
    }

    #[test]
    fn one_limit_of_a_figure_leaves_the_other_one() {
        let (verdict, line) = judge(&stats(90, 100), &[], &["rate=80:"]);
        assert_eq!(verdict, Verdict::Warning, "{line}");
        assert!(line.contains("rate=90%;95:;80:;0;100"), "{line}");
        assert_eq!(judge(&stats(10, 100), &["rate=90:"], &[]).0, Verdict::Critical, "the default 80 %");
        // A range without ends is no limit.
        assert_eq!(judge(&stats(90, 100), &["rate=~:"], &["rate=80:"]).0, Verdict::Healthy);
        assert_eq!(judge(&stats(0, 100), &["rate=~:"], &["rate=~:"]).0, Verdict::Healthy);
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
            let (_, line) = judge(stats, warning, critical);
            assert!(line.contains(&format!("- {wanted}")), "{line}: {wanted}");
        }
        let never = RefreshStats { last_success_at: None, ..stats(0, 3) };
        let (_, line) = judge(&never, &[], &["age=90"]);
        assert!(line.contains("no successful refresh on record"), "{line}");
    }

    #[test]
    fn an_unknown_is_one_line_without_performance_data() {
        assert_eq!(unknown("a\nb|c"), "REFRESH UNKNOWN - a / b/c");
    }
}
