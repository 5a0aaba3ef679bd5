//! Which limits a view is judged by. This is the only place that decides it: screen, `status`, `check`, statistics and
//! metrics all ask here. Each limit is the first of these that there is:
//!
//! 1. what this program was told (a flag, the environment, the config file): for this program only,
//! 2. what is set for the view, in the database,
//! 3. what follows from its schedule or, for the window, from the age that its data may have,
//! 4. the usual one.

use crate::{
    health::{Limits, Switch, Thresholds},
    views::OwnLimits,
};
use std::time::Duration;

/// The window by default, and the shortest that follows from a schedule. The database's own function `window_of` has the
/// same rule, so that statistics need not be asked for twice.
pub const USUAL_WINDOW: Duration = Duration::from_hours(24);
/// The smallest grace on top of the time between two runs, unless that time itself is shorter.
const LEAST_GRACE: Duration = Duration::from_mins(5);
/// The smallest limit that follows from a schedule: monitoring looks once a minute.
const LEAST_AGE: Duration = Duration::from_mins(1);

/// Where a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This program was told another one.
    Override,
    /// It is set for the view.
    Own,
    /// It follows from the view's schedule.
    Schedule,
    /// It follows from the age that the view's data may have.
    Target,
    /// The usual one.
    Usual,
}

impl Source {
    /// For people, behind the limit.
    pub fn words(self) -> &'static str {
        match self {
            Self::Override => "overridden here",
            Self::Own => "own",
            Self::Schedule => "from its schedule",
            Self::Target => "from its max_age",
            Self::Usual => "usual",
        }
    }
}

/// A limit, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sourced<T> {
    /// The limit.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

/// What this program was told to judge by, whatever is set for a view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Age of the data above which it is a warning.
    pub max_age: Option<Duration>,
    /// Average duration above which it is a warning.
    pub max_duration: Option<Duration>,
    /// Success rate in per cent below which it is a warning.
    pub success_warning: Option<f64>,
    /// Success rate in per cent below which it is critical.
    pub success_critical: Option<f64>,
    /// The window that is judged.
    pub window: Option<Duration>,
    /// Rules of now that are switched off.
    pub ignored: Vec<Switch>,
}

impl Overrides {
    /// The names of the limits that are not those of a view.
    pub fn names(&self) -> Vec<&'static str> {
        ViewLimits::resolve(&OwnLimits::default(), self).overridden()
    }
}

/// The limits that a view is judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewLimits {
    /// Age of the data above which it is a warning.
    pub max_age: Sourced<Duration>,
    /// Average duration above which it is a warning.
    pub max_duration: Sourced<Duration>,
    /// Success rate in per cent below which it is a warning.
    pub success_warning: Sourced<f64>,
    /// Success rate in per cent below which it is critical.
    pub success_critical: Sourced<f64>,
    /// The window that is judged.
    pub window: Sourced<Duration>,
    /// Rules of now that are switched off here.
    pub ignored: Vec<Switch>,
}

impl ViewLimits {
    /// The limits of a view with these `own` ones.
    pub fn resolve(own: &OwnLimits, overrides: &Overrides) -> Self {
        let usual = Thresholds::default();
        let schedule = own.run_every.map(|every| (Source::Schedule, every));
        let target = own.max_age.map(|age| (Source::Target, age));
        Self {
            max_age: first(
                overrides.max_age,
                own.max_age,
                schedule.map(|(source, every)| (source, age_for(every))),
                usual.freshness,
            ),
            max_duration: first(overrides.max_duration, own.max_duration, None, usual.average_duration),
            success_warning: first(overrides.success_warning, own.success_warning, None, usual.success_warning),
            success_critical: first(overrides.success_critical, own.success_critical, None, usual.success_critical),
            window: first(
                overrides.window,
                own.window,
                schedule.or(target).map(|(source, every)| (source, window_for(every))).filter(longer),
                USUAL_WINDOW,
            ),
            ignored: overrides.ignored.clone(),
        }
    }

    /// What the one judge takes.
    pub fn limits(&self) -> Limits {
        Limits::from(&self.thresholds()).without(&self.ignored)
    }

    /// The limits of the health rules.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            success_critical: self.success_critical.value,
            success_warning: self.success_warning.value,
            average_duration: self.max_duration.value,
            freshness: self.max_age.value,
        }
    }

    /// The name of each limit, as `views set` knows it, and where it comes from.
    pub fn sources(&self) -> [(&'static str, Source); 5] {
        [
            ("max_age", self.max_age.source),
            ("max_duration", self.max_duration.source),
            ("success_warning", self.success_warning.source),
            ("success_critical", self.success_critical.source),
            ("stats_window", self.window.source),
        ]
    }

    /// The names of those that this program was told.
    pub fn overridden(&self) -> Vec<&'static str> {
        self.sources().into_iter().filter(|(_, source)| *source == Source::Override).map(|(name, _)| name).collect()
    }
}

/// The window of statistics that were asked for of `wanted`, or of the view's own.
pub fn window_of(own: &OwnLimits, wanted: Option<Duration>) -> Duration {
    ViewLimits::resolve(own, &Overrides { window: wanted, ..Overrides::default() }).window.value
}

fn first<T>(told: Option<T>, own: Option<T>, derived: Option<(Source, T)>, usual: T) -> Sourced<T> {
    let (source, value) = told
        .map(|value| (Source::Override, value))
        .or_else(|| own.map(|value| (Source::Own, value)))
        .or(derived)
        .unwrap_or((Source::Usual, usual));
    Sourced { value, source }
}

/// The age limit of a view that is refreshed so often: a run may be late by a tenth of the time between two, by five
/// minutes if that is more, but never by a whole run more than that.
fn age_for(run_every: Duration) -> Duration {
    let grace = run_every.min(LEAST_GRACE.max(run_every / 10));
    run_every.saturating_add(grace).max(LEAST_AGE)
}

/// Two runs, so that one of them is always inside.
fn window_for(every: Duration) -> Duration {
    every.saturating_mul(2)
}

/// Whether a derived window is longer than the usual one; otherwise that one holds.
fn longer(derived: &(Source, Duration)) -> bool {
    derived.1 > USUAL_WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        health::{self, Rule, Verdict},
        stats::RefreshStats,
    };
    use chrono::{DateTime, TimeDelta, Utc};

    const DAY: u64 = 86_400;

    fn of(own: &OwnLimits) -> ViewLimits {
        ViewLimits::resolve(own, &Overrides::default())
    }

    fn every(seconds: u64) -> OwnLimits {
        OwnLimits { run_every: Some(Duration::from_secs(seconds)), ..OwnLimits::default() }
    }

    #[test]
    fn without_anything_set_the_usual_limits_hold() {
        let limits = of(&OwnLimits::default());
        assert_eq!(limits.thresholds(), Thresholds::default());
        assert_eq!(limits.window, Sourced { value: USUAL_WINDOW, source: Source::Usual });
        assert!(limits.sources().iter().all(|(_, source)| *source == Source::Usual));
    }

    #[test]
    fn age_and_window_follow_from_the_schedule() {
        for (seconds, age, window) in [
            (10, 60, DAY),
            (30, 60, DAY),
            (31, 62, DAY),
            (60, 120, DAY),
            (300, 600, DAY),
            (3_000, 3_300, DAY),
            (3_001, 3_301, DAY),
            (3_600, 3_960, DAY),
            (DAY / 2, DAY / 2 + DAY / 20, DAY),
            (DAY, DAY + DAY / 10, 2 * DAY),
            (31 * DAY, 31 * DAY + 267_840, 62 * DAY),
        ] {
            let limits = of(&every(seconds));
            assert_eq!((limits.max_age.value.as_secs(), limits.max_age.source), (age, Source::Schedule), "{seconds}");
            assert_eq!(limits.window.value.as_secs(), window, "{seconds}");
            assert_eq!(limits.window.source == Source::Schedule, window > DAY, "{seconds}");
        }
        assert_eq!(age_for(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn what_is_set_wins_over_what_follows_and_what_was_told_over_both() {
        let set = OwnLimits {
            max_age: Some(Duration::from_hours(48)),
            max_duration: Some(Duration::from_mins(5)),
            success_warning: Some(90.0),
            success_critical: Some(50.0),
            ..every(300)
        };
        let limits = of(&set);
        let wanted = Thresholds {
            success_critical: 50.0,
            success_warning: 90.0,
            average_duration: Duration::from_mins(5),
            freshness: Duration::from_hours(48),
        };
        assert_eq!(limits.thresholds(), wanted);
        assert_eq!((limits.window.value, limits.window.source), (USUAL_WINDOW, Source::Usual), "by the schedule");
        let target = OwnLimits { run_every: None, ..set.clone() };
        assert_eq!((of(&target).window.value, of(&target).window.source), (Duration::from_hours(96), Source::Target));
        let own = OwnLimits { window: Some(Duration::from_hours(1)), ..set.clone() };
        assert_eq!(of(&own).window, Sourced { value: Duration::from_hours(1), source: Source::Own });
        let told =
            Overrides { max_age: Some(Duration::from_secs(1)), success_critical: Some(0.0), ..Overrides::default() };
        let limits = ViewLimits::resolve(&set, &told);
        assert_eq!(limits.overridden(), ["max_age", "success_critical"]);
        assert_eq!((limits.max_age.value, limits.success_warning.value), (Duration::from_secs(1), 90.0));
    }

    #[test]
    fn a_monthly_view_is_healthy_on_the_29th_day_and_a_warning_once_a_run_was_missed() {
        let now: DateTime<Utc> = "2026-01-30T04:00:00Z".parse().unwrap();
        let limits = of(&every(31 * DAY));
        let verdict = |days: i64| {
            let at = now - TimeDelta::days(days);
            let inside = TimeDelta::from_std(limits.window.value).unwrap() > now - at;
            let stats = RefreshStats {
                total: inside.into(),
                successful: inside.into(),
                last_success_at: Some(at),
                ..RefreshStats::default()
            };
            health::evaluate(&stats, now, &limits.thresholds())
        };
        for days in [0, 1, 29, 31, 34] {
            assert_eq!(verdict(days).verdict, Verdict::Healthy, "{days}");
        }
        for days in [35, 61] {
            let health = verdict(days);
            assert_eq!((health.verdict, health.findings[0].rule), (Verdict::Warning, Rule::Freshness), "{days}");
        }
        assert_eq!(verdict(63).verdict, Verdict::Critical, "two runs were missed");
    }
}
