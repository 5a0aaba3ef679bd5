//! What changes between two readings of all views: notifications come in, and time goes on.

use super::{Drift, Last, Recent, View, Views};
use crate::{
    address::ViewId,
    health::{Health, Verdict},
    limits::Overrides,
    notification::Notification,
    run::RunStatus,
    schedule,
};
use chrono::{DateTime, Offset as _, TimeDelta, Utc};
use std::time::Duration;

/// Attempts of each view that are kept.
pub const ATTEMPTS: u16 = 20;

/// How many views have which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Managed views whose verdict is critical.
    pub critical: usize,
    /// Managed views of which nothing is known.
    pub unknown: usize,
    /// Managed views whose verdict is a warning.
    pub warning: usize,
    /// Healthy managed views.
    pub healthy: usize,
    /// Views that are not managed, or not known to be.
    pub unmanaged: usize,
}

impl Views {
    /// The managed view of that id.
    pub fn managed(&self, id: &ViewId) -> Option<&View> {
        self.views.iter().find(|view| view.id() == Some(id))
    }

    /// The ids of the managed views.
    pub fn managed_ids(&self) -> impl Iterator<Item = &ViewId> {
        self.views.iter().filter_map(View::id)
    }

    /// How many views have which verdict at the server's time `now`.
    pub fn counts(&self, now: DateTime<Utc>, overrides: &Overrides) -> Counts {
        let mut counts = Counts::default();
        for view in &self.views {
            let count = match view.id().map(|_| view.judged(now, overrides).verdict) {
                None => &mut counts.unmanaged,
                Some(Verdict::Critical) => &mut counts.critical,
                Some(Verdict::Warning) => &mut counts.warning,
                Some(Verdict::Healthy) => &mut counts.healthy,
                Some(Verdict::Unknown) => &mut counts.unknown,
            };
            *count += 1;
        }
        counts
    }

    /// Takes in a notification; false if it is of no managed view. Any role can send one: a failure counts at once, a
    /// success when the log has it.
    pub fn notified(&mut self, notification: &Notification) -> bool {
        let id = ViewId::new(&notification.refresh_type);
        let Some(view) = self.views.iter_mut().find(|view| view.id() == Some(&id)) else { return false };
        let run = notification.run();
        let at = run.completed_at.unwrap_or(run.started_at);
        if run.status == RunStatus::Success || view.recent.as_ref().is_some_and(|recent| recent.has(at)) {
            return true;
        }
        if let Some(stats) = &mut view.stats {
            stats.add_failure(at);
        }
        let recent = view.recent.get_or_insert_default();
        recent.last = Some(Last { at, status: RunStatus::Error, sqlstate: None, error: None, blocker: None });
        #[expect(clippy::cast_possible_truncation, reason = "it is drawn as one of eight bars")]
        recent.attempts.push((true, run.duration_ms.map(|ms| ms as f32)));
        let older = recent.attempts.len().saturating_sub(ATTEMPTS.into());
        recent.attempts.drain(..older);
        true
    }
}

impl View {
    /// When its schedule fires next after `now`; `None` if it has none, or is known not to be refreshed by it.
    pub fn next_run(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_refused = !matches!(self.drift(), None | Some(Drift::Replaced));
        if is_refused || self.job.trouble().is_some() {
            return None;
        }
        let scheduled = self.registered().and_then(|registered| registered.schedule.as_deref());
        let schedule = self.job.job().map(|job| &*job.schedule).or(scheduled)?;
        if let Some(period) = schedule::seconds(schedule) {
            let last = self.recent.as_ref()?.last.as_ref()?.at;
            let passed = (now - last).num_seconds().max(0) / period + 1;
            return last.checked_add_signed(TimeDelta::try_seconds(passed.checked_mul(period)?)?);
        }
        let zone = self.job.job().map_or_else(|| Utc.fix(), |job| job.offset);
        Some(schedule::next_of_job(schedule, &now.with_timezone(&zone))?.to_utc())
    }
}

impl Recent {
    /// Whether an attempt that was logged at `at` is among these, or older.
    fn has(&self, at: DateTime<Utc>) -> bool {
        self.last.as_ref().is_some_and(|last| last.at >= at)
    }

    /// The duration that nineteen of twenty of these successes do not exceed, milliseconds.
    pub fn p95(&self) -> Option<f64> {
        let done = self.attempts.iter().filter(|(failed, _)| !failed);
        let mut durations: Vec<f32> = done.filter_map(|(_, duration)| *duration).collect();
        durations.sort_by(f32::total_cmp);
        let place = (durations.len() * 19).div_ceil(20).checked_sub(1)?;
        durations.get(place).copied().map(f64::from)
    }

    /// Failures since the last success.
    pub fn failing_streak(&self) -> usize {
        self.attempts.iter().rev().take_while(|(failed, _)| *failed).count()
    }
}

impl Drift {
    /// Why nothing refreshes the view, and what to do; `None` if the next refresh registers it again by itself.
    pub(super) fn sentence(&self, view: &View) -> Option<String> {
        let name = &view.name.sql;
        Some(match self {
            Self::Gone => format!("the view is gone: make it again, or refreshtop views remove {name}"),
            Self::Replaced => return None,
            Self::Renamed(before) => {
                format!("it was {}, and is not refreshed: refreshtop views add {name}", before.sql)
            }
            Self::OwnerChanged(before) => {
                format!("its owner was {before}, and it is not refreshed: refreshtop views add {name}")
            }
        })
    }
}

impl View {
    /// Under which name it is managed.
    pub fn id(&self) -> Option<&ViewId> {
        self.registered().map(|registered| &registered.id)
    }

    /// The verdict on a managed view; unknown without its statistics.
    pub fn judged(&self, now: DateTime<Utc>, overrides: &Overrides) -> Health {
        self.health(now, overrides).unwrap_or_else(|| {
            let unknown = Health::unknown("its statistics are not known");
            unknown.and(self.not_refreshed(now, self.max_age(overrides)))
        })
    }

    /// The age above which its data is a warning.
    pub fn max_age(&self, overrides: &Overrides) -> Duration {
        self.limits(overrides).max_age.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p95_is_of_the_successes() {
        let recent = |durations: &[f32]| Recent {
            last: None,
            attempts: durations.iter().map(|ms| (*ms > 1_000.0, Some(*ms))).collect(),
        };
        assert_eq!(recent(&[]).p95(), None);
        assert_eq!(recent(&[5_000.0]).p95(), None);
        assert_eq!(recent(&[7.0, 5_000.0]).p95(), Some(7.0));
        let twenty: Vec<f32> = (1_u8..=20).map(f32::from).collect();
        assert_eq!(recent(&twenty).p95(), Some(19.0));
        assert_eq!(recent(&[5_000.0, 1.0, 5_000.0, 5_000.0]).failing_streak(), 2);
    }
}
