//! The views that are driven, and when each is due.

use super::tick::Due;
use chrono::{DateTime, Offset as _, TimeDelta, Utc};
use refreshtop_core::{address::ViewId, schedule};
use std::time::Duration;

/// A view that is driven.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) view: ViewId,
    pub(super) schedule: String,
    /// How long after its tick its refresh begins.
    offset: TimeDelta,
    /// The tick that comes next, once it is known.
    tick: Option<DateTime<Utc>>,
    /// Whether a refresh of it runs here.
    busy: bool,
}

impl Entry {
    pub(super) fn new(view: ViewId, schedule: String, offset: Duration) -> Self {
        let offset = TimeDelta::from_std(offset).unwrap_or_default();
        Self { view, schedule, offset, tick: None, busy: false }
    }

    /// The first tick after `now`. An interval in seconds counts from a moment that is the same for every instance.
    fn tick_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Some(period) = schedule::seconds(&self.schedule) {
            let next = (now.timestamp() / period + 1) * period;
            return DateTime::from_timestamp(next, 0);
        }
        schedule::next_of_job(&self.schedule, &now.with_timezone(&Utc.fix())).map(|next| next.with_timezone(&Utc))
    }

    fn due_at(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.tick.is_none() {
            // A tick whose refresh is still to begin counts, if the process was started in between.
            self.tick = self.tick_after(now - self.offset);
        }
        self.tick.map(|tick| tick + self.offset)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        Self(entries)
    }

    /// A view whose refresh is due and does not run: the one that has waited longest. Ticks that were missed meanwhile
    /// are left out.
    pub(super) fn take_due(&mut self, now: DateTime<Utc>) -> Option<Due> {
        let due = self.0.iter_mut().filter(|entry| !entry.busy).filter_map(|entry| Some((entry.due_at(now)?, entry)));
        let (_, entry) = due.filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at)?;
        let tick = entry.tick.take()?;
        entry.busy = true;
        entry.tick = entry.tick_after(now - entry.offset);
        Some(Due { view: entry.view.clone(), tick, next: entry.tick })
    }

    /// A refresh of the view does not run any more.
    pub(super) fn release(&mut self, view: &ViewId) {
        for entry in self.0.iter_mut().filter(|entry| entry.view == *view) {
            entry.busy = false;
        }
    }

    /// The view that is due next, and when.
    pub(super) fn next(&mut self, now: DateTime<Utc>) -> Option<(ViewId, DateTime<Utc>)> {
        let due = self.0.iter_mut().filter(|entry| !entry.busy);
        let due = due.filter_map(|entry| Some((entry.due_at(now)?, entry.view.clone())));
        due.min_by_key(|(at, _)| *at).map(|(at, view)| (view, at))
    }

    /// Whether nothing will ever be due.
    pub(super) fn never_occur(&self, now: DateTime<Utc>) -> bool {
        !self.0.is_empty() && self.0.iter().all(|entry| entry.tick_after(now).is_none())
    }

    /// Takes over what the registry says now; what has not changed keeps its next tick.
    pub(super) fn replace(&mut self, entries: Vec<Entry>) {
        let before = std::mem::take(&mut self.0);
        self.0 = entries
            .into_iter()
            .map(|mut entry| {
                if let Some(known) = before.iter().find(|known| known.view == entry.view) {
                    entry.busy = known.busy;
                    let same = known.schedule == entry.schedule && known.offset == entry.offset;
                    entry.tick = known.tick.filter(|_| same);
                }
                entry
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry(view: &str, schedule: &str, offset: u64) -> Entry {
        Entry::new(ViewId::new(view), schedule.into(), Duration::from_secs(offset))
    }

    #[test]
    fn each_view_is_due_at_its_own_time_once() {
        let mut entries = Entries::of(vec![entry("a", "*/5 * * * *", 7), entry("b", "*/5 * * * *", 20)]);
        let start = at("2027-01-01T00:00:01Z");
        assert_eq!(entries.next(start), Some((ViewId::new("a"), at("2027-01-01T00:00:07Z"))), "begun after the tick");
        let now = at("2027-01-01T00:00:08Z");
        let due = entries.take_due(now).unwrap();
        assert_eq!(
            (due.view.as_str(), due.tick, due.next),
            ("a", at("2027-01-01T00:00:00Z"), Some(at("2027-01-01T00:05:00Z")))
        );
        assert_eq!(entries.take_due(now), None);
        assert_eq!(entries.next(now), Some((ViewId::new("b"), at("2027-01-01T00:00:20Z"))));
        let late = at("2027-01-01T00:11:30Z");
        assert_eq!(entries.take_due(late).unwrap().view.as_str(), "b");
        assert_eq!(entries.take_due(late), None, "a still runs");
        entries.release(&ViewId::new("a"));
        assert_eq!(entries.take_due(late).unwrap().view.as_str(), "a");
        entries.release(&ViewId::new("a"));
        assert_eq!(entries.take_due(late), None, "ticks that were missed are not made up for");
        assert_eq!(entries.next(late), Some((ViewId::new("a"), at("2027-01-01T00:15:07Z"))));
    }

    #[test]
    fn a_changed_registry_counts_and_what_is_the_same_keeps_its_tick() {
        let mut entries = Entries::of(vec![entry("a", "*/5 * * * *", 0), entry("b", "0 6 * * *", 0)]);
        let now = at("2027-01-01T00:01:00Z");
        entries.next(now);
        entries.replace(vec![entry("a", "*/5 * * * *", 0), entry("b", "10 seconds", 0)]);
        assert_eq!(entries.next(now), Some((ViewId::new("b"), at("2027-01-01T00:01:10Z"))));
        entries.replace(vec![entry("a", "*/5 * * * *", 0)]);
        assert_eq!(entries.next(at("2027-01-01T00:06:00Z")), Some((ViewId::new("a"), at("2027-01-01T00:05:00Z"))));
        entries.replace(Vec::new());
        assert!(entries.next(now).is_none() && !entries.never_occur(now));
    }
}
