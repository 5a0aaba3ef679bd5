//! `refreshtop check`: a monitoring plugin by the conventions of Nagios and its kin.
//!
//! One line on standard output, `REFRESH STATE - reason | performance data`, and an exit code from 0 to 3. Whatever
//! keeps it from a verdict is unknown, 3: never a code that a monitoring system would take for a verdict.

use crate::{
    cli::arguments::Check,
    command::{Failure, look},
    connect::Target,
    exit,
    model::{
        age,
        health::{self, Thresholds, Verdict},
        range::{Figure, Limit, Range},
        stats::RefreshStats,
    },
    output::{Output, clean},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Checks once and prints the line.
///
/// # Errors
/// Always, and silently, where the verdict is not healthy: the exit code is the verdict. A failure with a sentence is
/// unknown.
pub async fn run(check: &Check, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let look = look::look(target, settings, 1);
    let look = tokio::time::timeout(check.timeout, look).await.unwrap_or_else(|_| {
        let limit = humantime::format_duration(check.timeout);
        Err(Failure::new(exit::UNKNOWN, format!("no verdict within {limit} (--timeout)")))
    })?;
    let limits = Limits::new(&settings.thresholds, check);
    let (verdict, line) = limits.judge(&look.stats, look.snapshot.server_time);
    output.print(&line)?;
    match verdict {
        Verdict::Healthy => Ok(()),
        Verdict::Warning => Err(Failure::silent(exit::WARNING)),
        Verdict::Critical => Err(Failure::silent(exit::CRITICAL)),
        Verdict::Unknown => Err(Failure::silent(exit::UNKNOWN)),
    }
}

/// The line for a check that came to no verdict.
#[must_use]
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
            // Who sets one of the two means these figures, and not the other one's default.
            match own {
                (None, None) => (figure, warning, critical),
                (warning, critical) => (figure, warning, critical),
            }
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
            let alerts = |range: &Option<Range>| range.is_some_and(|range| range.alerts(value));
            let verdict = match (alerts(critical), alerts(warning)) {
                (true, _) => Verdict::Critical,
                (false, true) => Verdict::Warning,
                (false, false) => continue,
            };
            findings.push((verdict, self.reason(*figure, value, stats, now)));
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

    /// The health rule's own words where it says something too.
    fn reason(&self, figure: Figure, value: f64, stats: &RefreshStats, now: DateTime<Utc>) -> String {
        let rule = match figure {
            Figure::Age => health::Rule::Freshness,
            Figure::Duration => health::Rule::AverageDuration,
            Figure::Rate => health::Rule::SuccessRate,
        };
        let said = health::evaluate(stats, now, &self.thresholds).findings;
        let said = said.into_iter().find(|finding| finding.rule == rule).map(|finding| finding.reason);
        said.unwrap_or_else(|| match figure {
            Figure::Age => format!("last successful refresh {} ago", age::label(seconds(value))),
            Figure::Duration => format!("average duration {}", age::duration_ms(value * 1000.0)),
            Figure::Rate => format!("success rate {} % ({} of {} failed)", tenths(value), stats.failed, stats.total),
        })
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
            let wanted = health::evaluate(&stats, now(), &Thresholds::default()).verdict;
            assert_eq!(judge(&stats, &[], &[]).0, wanted, "{stats:?}");
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
        assert!(line.starts_with("REFRESH CRITICAL - last successful refresh 2m ago |"), "{line}");
        assert!(line.contains("age=120s;;119;0;") && line.contains("rate=90%;90:;;0;100"), "{line}");
        // The last one counts.
        assert_eq!(judge(&fine, &["rate=99:", "rate=50:"], &[]).0, Verdict::Healthy);
    }

    #[test]
    fn an_unknown_is_one_line_without_performance_data() {
        assert_eq!(unknown("a\nb|c"), "REFRESH UNKNOWN - a / b/c");
    }
}
