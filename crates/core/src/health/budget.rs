//! The budget of the window: how refreshes went in it, against the limits of the view.
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
//! healthy. `check` may put other ranges in the place of these limits. Data older than twice its limit is critical as a
//! matter of now, not of the budget.

use super::{Finding, Rule, Switch, Verdict, age};
use crate::{
    age as label,
    range::{Breach, Figure, Limit, Range},
    stats::RefreshStats,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

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
    ignored: Vec<Switch>,
}

impl From<&Thresholds> for Limits {
    fn from(thresholds: &Thresholds) -> Self {
        let up_to = |limit: Duration| Some(Range::up_to(limit.as_secs_f64()));
        Self {
            age: Ranges {
                warning: up_to(thresholds.freshness),
                critical: up_to(thresholds.freshness.saturating_mul(2)),
            },
            duration: Ranges { warning: up_to(thresholds.average_duration), critical: None },
            rate: Ranges {
                warning: Some(Range::from(thresholds.success_warning)),
                critical: Some(Range::from(thresholds.success_critical)),
            },
            ignored: Vec::new(),
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

    /// These limits without the rules of now that are switched off.
    pub fn without(mut self, ignored: &[Switch]) -> Self {
        if ignored.contains(&Switch::TooOld) {
            self.age.critical = None;
        }
        self.ignored.extend(ignored);
        self
    }

    fn too_old(&self, age: f64, broken: (Verdict, Breach), stats: &RefreshStats, style: AgeStyle) -> Finding {
        let (verdict, breach) = broken;
        let twice = self.age.warning.filter(|_| verdict == Verdict::Critical).and_then(|range| range.half_of(breach));
        // Where the age is not known, it is not known either that it is more than twice the limit.
        let verdict = if age.is_infinite() && twice.is_some() { Verdict::Warning } else { verdict };
        Finding { rule: Rule::Freshness, verdict, reason: age_reason(age, breach, twice, stats, style) }
    }

    /// Whether data of this age in seconds is at least a warning.
    pub(super) fn is_too_old(&self, age: f64) -> bool {
        self.age.breach(age).is_some()
    }

    pub(super) fn ignores(&self, switch: Switch) -> bool {
        self.ignored.contains(&switch)
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

    /// The rules of the window that are broken at the server time `now`.
    pub(super) fn broken(&self, stats: &RefreshStats, now: DateTime<Utc>, style: AgeStyle) -> Vec<Finding> {
        let no_refresh = (stats.total == 0).then(|| Finding {
            rule: Rule::NoRefresh,
            verdict: Verdict::Critical,
            reason: "no refresh in the window".into(),
        });
        let figures = [Figure::Rate, Figure::Duration, Figure::Age].into_iter().filter_map(|figure| {
            let value = measure(figure, stats, now)?;
            let (verdict, breach) = self.of(figure).breach(value)?;
            Some(match figure {
                Figure::Rate => Finding { rule: Rule::SuccessRate, verdict, reason: rate_reason(value, breach, stats) },
                Figure::Duration => {
                    Finding { rule: Rule::AverageDuration, verdict, reason: duration_reason(value, breach) }
                }
                Figure::Age => self.too_old(value, (verdict, breach), stats, style),
            })
        });
        no_refresh.into_iter().chain(figures).collect()
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
    let shown = |seconds: f64| label::duration_ms(seconds * 1000.0);
    format!("average duration {} is {}", shown(value), breach.words("above", "below", shown))
}

/// `twice` if the limit is twice that many seconds, those of the warning.
fn age_reason(value: f64, breach: Breach, twice: Option<f64>, stats: &RefreshStats, style: AgeStyle) -> String {
    if value.is_infinite() {
        return match stats.last_success_at {
            None => "no successful refresh on record".into(),
            Some(_) => {
                "the last successful refresh is dated in the future, so the age of the figures is not known".into()
            }
        };
    }
    let shown = |seconds: f64| match style {
        AgeStyle::Coarse => label::label(duration(seconds)),
        AgeStyle::Seconds => to_the_second(seconds),
    };
    let age = match style {
        AgeStyle::Coarse => label::coarse(duration(value)),
        AgeStyle::Seconds => to_the_second(if value < 60.0 { floor_one_decimal(value) } else { value.floor() }),
    };
    let limit = match twice {
        Some(half) => format!("more than twice the limit of {}", shown(half)),
        None => breach.words("more than", "less than", shown),
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

/// What is left of the window's budget of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The verdict by the rules of the window alone.
    pub verdict: Verdict,
    /// How many more attempts may fail before the success rate is a warning, if as many others succeed as leave the
    /// window; `None` without an attempt, or if the rate has another kind of limit.
    pub failures_left: Option<u64>,
}

impl Budget {
    pub(super) fn of(findings: &[Finding], stats: &RefreshStats, limits: &Limits) -> Self {
        let worst = findings.iter().map(|finding| match finding.rule {
            // How much too old is a matter of now.
            Rule::Freshness => finding.verdict.min(Verdict::Warning),
            _ => finding.verdict,
        });
        Self { verdict: worst.max().unwrap_or(Verdict::Healthy), failures_left: limits.failures_left(stats) }
    }
}

impl Limits {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of log rows stay far below 2^52, and the limit is a percentage"
    )]
    fn failures_left(&self, stats: &RefreshStats) -> Option<u64> {
        let limit = self.rate.warning?.least()?.clamp(0.0, 100.0);
        if stats.total == 0 {
            return None;
        }
        // Exactly at the limit is still good; 5 % of 100 must not come out as 4.999.
        let allowed = (stats.total as f64 * (100.0 - limit) / 100.0 + 1e-9).floor() as u64;
        Some(allowed.saturating_sub(stats.failed))
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
