//! What changes between two readings of all views: notifications come in, and time goes on.

use super::{Drift, Last, Recent, Usual, View, Views, names::command};
use crate::{
    address::ViewId,
    health::{Health, Verdict},
    limits::Overrides,
    notification::Notification,
    run::{Run, RunStatus},
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
        if recent.last.as_ref().is_some_and(|last| last.status == RunStatus::Error) {
            recent.streak = recent.streak.saturating_add(1);
        } else {
            (recent.streak, recent.streak_since) = (1, Some(at));
        }
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
    pub fn failing_streak(&self) -> u32 {
        let is_failing = self.last.as_ref().is_some_and(|last| last.status == RunStatus::Error);
        if is_failing { self.streak.max(1) } else { 0 }
    }

    /// The same from runs of one view, newest first, as far as these go.
    pub fn of_runs(runs: &[Run]) -> Self {
        let Some(newest) = runs.first() else { return Self::default() };
        let at = |run: &Run| run.completed_at.unwrap_or(run.started_at);
        let alike = runs.iter().take_while(|run| run.status == newest.status);
        let streak = u32::try_from(alike.clone().count()).unwrap_or(u32::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "as the board has them")]
        let attempt = |run: &Run| (run.status == RunStatus::Error, run.duration_ms.map(|ms| ms as f32));
        let error = newest.error.clone().filter(|_| newest.status == RunStatus::Error);
        Self {
            last: Some(Last {
                at: at(newest),
                status: newest.status,
                sqlstate: newest.sqlstate.clone(),
                error,
                blocker: None,
            }),
            attempts: runs.iter().take(ATTEMPTS.into()).rev().map(attempt).collect(),
            streak,
            streak_since: alike.last().map(at),
            usual: Usual::of(runs.iter().filter(|run| run.status == RunStatus::Success)),
        }
    }
}

impl Usual {
    /// Of these successes, newest first. The database's `refreshtop.usual_duration()` has the same rule.
    fn of<'r>(successes: impl Iterator<Item = &'r Run>) -> Option<Self> {
        let durations = successes.skip(3).take(300).filter_map(|run| run.duration_ms);
        let mut durations: Vec<f64> = durations.filter(|ms| (0.0..=1e12).contains(ms)).collect();
        let ms = median(&mut durations).filter(|_| durations.len() >= 10)?;
        let mut distances: Vec<f64> = durations.iter().map(|one| (one - ms).abs()).collect();
        Some(Self { ms, spread_ms: median(&mut distances)? })
    }
}

/// The first value that half of them do not exceed.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

impl View {
    /// Why nothing refreshes it, or nobody can read it, and what to do.
    pub(super) fn unrefreshable(&self) -> Option<String> {
        let registered = self.registered()?;
        let id = registered.id.as_str();
        let add = self.register_again()?;
        match self.drift() {
            Some(Drift::Gone) if registered.by_migration => return Some(format!("the view is gone: {add}")),
            Some(Drift::Gone) => {
                let remove = command("views remove", id);
                return Some(format!("the view is gone: make it again, or {remove}"));
            }
            Some(Drift::Renamed(before)) => {
                return Some(format!("it was {}, and is not refreshed: {add}", before.sql));
            }
            Some(Drift::OwnerChanged(before)) => {
                return Some(format!("its owner was {before}, and it is not refreshed: {add}"));
            }
            Some(Drift::Replaced) | None => {}
        }
        let relation = self.relation.as_ref()?;
        if !relation.populated {
            return Some(format!("it has no data, so nobody can read it: {}", command("refresh", id)));
        }
        let why = relation.not_concurrently().filter(|_| !registered.blocking)?;
        let proposes = if registered.by_migration { "makes one" } else { "proposes one" };
        Some(format!("{why}, so every refresh fails: {add} {proposes}"))
    }

    /// The command that registers a managed view as it is now.
    pub fn register_again(&self) -> Option<String> {
        let registered = self.registered()?;
        let add = || command("views add", &self.name.sql);
        Some(if registered.by_migration { "refreshtop migrate".into() } else { add() })
    }

    /// Under which name it is managed.
    pub fn id(&self) -> Option<&ViewId> {
        self.registered().map(|registered| &registered.id)
    }

    /// The verdict on a managed view; unknown without its statistics.
    pub fn judged(&self, now: DateTime<Utc>, overrides: &Overrides) -> Health {
        self.health(now, overrides).unwrap_or_else(|| {
            Health::unknown("its statistics are not known").with_obstacle(self.obstacle(now).as_ref())
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
            attempts: durations.iter().map(|ms| (*ms > 1_000.0, Some(*ms))).collect(),
            ..Recent::default()
        };
        assert_eq!(recent(&[]).p95(), None);
        assert_eq!(recent(&[5_000.0]).p95(), None);
        assert_eq!(recent(&[7.0, 5_000.0]).p95(), Some(7.0));
        let twenty: Vec<f32> = (1_u8..=20).map(f32::from).collect();
        assert_eq!(recent(&twenty).p95(), Some(19.0));
    }
}
