//! Incidents of several views that have one cause: six views that fail on one lock are one incident.

use super::{Blocker, Failure, Incident, Record, Recovery};
use crate::address::ViewId;
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// What one cause did to one or several views.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// The incident of each view, the one that began first in front.
    pub views: Vec<(ViewId, Incident)>,
}

/// The incidents of `records` as of the server's time `now`, those of one cause together, the newest first, but those that go on in
/// front. Figures of a
/// view are stale from the age of its `limit` on.
pub fn shared(records: &[(ViewId, Record)], limit: impl Fn(&ViewId) -> Duration, now: DateTime<Utc>) -> Vec<Shared> {
    let mut all: Vec<(ViewId, Incident)> = records
        .iter()
        .flat_map(|(view, record)| {
            record.incidents(limit(view), now).into_iter().map(|incident| (view.clone(), incident))
        })
        .collect();
    all.sort_by(|(left_view, left), (right_view, right)| (left.began, left_view).cmp(&(right.began, right_view)));
    let mut groups: Vec<Shared> = Vec::new();
    for one in all {
        let of_one_cause = groups.iter_mut().find(|group| {
            group.views.iter().all(|(view, _)| *view != one.0)
                && group.views.iter().any(|(_, other)| overlap(other, &one.1, now) && have_one_cause(other, &one.1))
        });
        match of_one_cause {
            Some(group) => group.views.push(one),
            None => groups.push(Shared { views: vec![one] }),
        }
    }
    groups.reverse();
    groups.sort_by_key(|group| !group.is_open());
    groups
}

/// What incidents of several views come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// How many.
    pub count: usize,
    /// Those that go on.
    pub open: usize,
    /// Views that had any.
    pub views: usize,
    /// Mean time to recover of those that ended.
    pub mean_recovery: Option<Duration>,
    /// The longest of them.
    pub longest_recovery: Option<Duration>,
    /// The view whose figures were fresh for the least share of the time, and that share in per cent.
    pub least_fresh: Option<(ViewId, f64)>,
}

/// Sums up the `incidents` of `records`; `None` if nothing is known of any view.
pub fn sums(
    records: &[(ViewId, Record)],
    incidents: &[Shared],
    limit: impl Fn(&ViewId) -> Duration,
    now: DateTime<Utc>,
) -> Option<Sums> {
    let known = records.iter().filter_map(|(view, record)| Some((view, record.summary(limit(view), now)?.fresh)));
    let least_fresh = known.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let recoveries: Vec<Duration> = incidents.iter().filter(|one| !one.is_open()).map(Shared::lasted).collect();
    let ended = u32::try_from(recoveries.len()).unwrap_or(u32::MAX);
    let views: BTreeSet<&ViewId> = incidents.iter().flat_map(|one| &one.views).map(|(view, _)| view).collect();
    Some(Sums {
        count: incidents.len(),
        open: incidents.len() - recoveries.len(),
        views: views.len(),
        mean_recovery: recoveries.iter().sum::<Duration>().checked_div(ended),
        longest_recovery: recoveries.into_iter().max(),
        least_fresh: Some((least_fresh.0.clone(), least_fresh.1)),
    })
}

/// How long all of that reads the same after `now`; `None` if it always does.
pub fn holds(
    records: &[(ViewId, Record)],
    limit: impl Fn(&ViewId) -> Duration,
    now: DateTime<Utc>,
) -> Option<Duration> {
    records.iter().filter_map(|(view, record)| record.holds(limit(view), now)).min()
}

impl Shared {
    /// The incident of one view.
    pub fn of_one(view: ViewId, incident: Incident) -> Self {
        Self { views: vec![(view, incident)] }
    }

    fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.views.iter().map(|(_, incident)| incident)
    }

    /// When the first of them began.
    pub fn began(&self) -> DateTime<Utc> {
        self.incidents().map(|incident| incident.began).min().unwrap_or_default()
    }

    /// Whether any of them goes on.
    pub fn is_open(&self) -> bool {
        self.incidents().any(Incident::is_open)
    }

    /// The success that ended the last of them; `None` while one goes on.
    pub fn ended(&self) -> Option<Recovery> {
        if self.is_open() {
            return None;
        }
        self.incidents().filter_map(|incident| incident.ended).max_by_key(|recovery| recovery.at)
    }

    /// From the beginning of the first to the end of the last.
    pub fn lasted(&self) -> Duration {
        let began = self.began();
        let end = |incident: &Incident| (incident.began - began).to_std().unwrap_or_default() + incident.lasted;
        self.incidents().map(end).max().unwrap_or_default()
    }

    /// From when on the figures of any view were older than its limit; `None` if they never were.
    pub fn stale_since(&self) -> Option<DateTime<Utc>> {
        self.incidents().filter_map(|incident| incident.stale_since).min()
    }

    /// The longest time for which the figures of a view were.
    pub fn stale_for(&self) -> Duration {
        self.incidents().map(|incident| incident.stale_for).max().unwrap_or_default()
    }

    /// The first failed attempt and its view; `None` if there was none.
    pub fn first(&self) -> Option<(&ViewId, &Failure)> {
        let failures = self.views.iter().filter_map(|(view, incident)| Some((view, incident.first.as_ref()?)));
        failures.min_by_key(|(_, failure)| failure.at)
    }

    /// The first failed attempt whose row is still in the log.
    pub fn first_run(&self) -> Option<Uuid> {
        let failures = self.incidents().filter_map(|incident| incident.first.as_ref());
        failures.filter(|failure| failure.id.is_some()).min_by_key(|failure| failure.at)?.id
    }

    /// The sessions in the way, each once: first those that were in the way of every view.
    pub fn blockers(&self) -> Vec<&Blocker> {
        let mut all: Vec<&Blocker> = Vec::new();
        for blocker in self.incidents().flat_map(|incident| &incident.blockers) {
            if !all.iter().any(|known| is_same(known, blocker)) {
                all.push(blocker);
            }
        }
        all.sort_by_key(|blocker| !self.has_all(blocker));
        all
    }

    /// Whether `blocker` was in the way of every view.
    fn has_all(&self, blocker: &Blocker) -> bool {
        self.incidents().all(|one| one.blockers.iter().any(|also| is_same(blocker, also)))
    }

    /// Attempts that failed, of all views.
    pub fn failures(&self) -> u64 {
        self.views.iter().map(|(_, incident)| incident.failures).sum()
    }

    /// What was in the way, in a few words.
    pub fn cause(&self) -> String {
        // The cause that they share, and not a second one that only the first of them had.
        match self.blockers().first().filter(|blocker| self.has_all(blocker)) {
            Some(blocker) => format!("blocked by {}", blocker.who()),
            None => self.incidents().next().map(Incident::cause).unwrap_or_default(),
        }
    }
}

fn overlap(one: &Incident, other: &Incident, now: DateTime<Utc>) -> bool {
    let end = |incident: &Incident| incident.ended.map_or(now, |recovery| recovery.at);
    one.began <= end(other) && other.began <= end(one)
}

/// One session was in the way of both, neither was attempted, or both failed in the same way: of what a server runs out of
/// the code tells, of everything else the message must be the same too.
fn have_one_cause(one: &Incident, other: &Incident) -> bool {
    if !one.blockers.is_empty() || !other.blockers.is_empty() {
        return one.blockers.iter().any(|blocker| other.blockers.iter().any(|also| is_same(blocker, also)));
    }
    match (&one.first, &other.first) {
        (None, None) => true,
        (Some(one), Some(other)) => match (&one.sqlstate, &other.sqlstate) {
            (Some(code), Some(also)) if code == also => {
                is_of_server(code) || !tells_nothing(code) && one.message == other.message
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_same(one: &Blocker, other: &Blocker) -> bool {
    one.pid.is_some() && (one.pid, &one.application, &one.user) == (other.pid, &other.application, &other.user)
}

/// Time limits, cancels and conflicts, whose messages are always the same: without a session that was in the way nothing
/// says that it was one.
fn tells_nothing(sqlstate: &str) -> bool {
    ["55P03", "57014", "40001", "40P01"].contains(&sqlstate)
}

/// Connections, resources, shutdowns and the system, by their classes.
fn is_of_server(sqlstate: &str) -> bool {
    ["08", "53", "57P", "58", "F0", "XX"].iter().any(|class| sqlstate.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::incidents::{ago, gap},
        incident::Gap,
        run::Origin,
    };

    const LIMIT: Duration = Duration::from_mins(10);

    fn record(gaps: Vec<Gap>) -> Record {
        Record { from: Some(ago(1_440)), read_at: ago(0), gaps, cut: false }
    }

    fn blocked(mut gap: Gap, pids: &[i32]) -> Gap {
        let blocker = |pid: &i32| Blocker { pid: Some(*pid), application: Some("export".into()), ..Blocker::default() };
        gap.blockers = pids.iter().map(blocker).collect();
        gap
    }

    fn failed(mut gap: Gap, code: &str, message: &str) -> Gap {
        if let Some(first) = &mut gap.first {
            (first.sqlstate, first.message) = (Some(code.into()), Some(message.into()));
        }
        gap
    }

    fn groups(records: Vec<(&str, Vec<Gap>)>) -> Vec<Vec<String>> {
        let records: Vec<_> = records.into_iter().map(|(view, gaps)| (ViewId::new(view), record(gaps))).collect();
        let found = shared(&records, |_| LIMIT, ago(0));
        found.iter().map(|one| one.views.iter().map(|(view, _)| view.to_string()).collect()).collect()
    }

    #[test]
    fn views_that_fail_on_one_lock_are_one_incident() {
        let over = Some((90, Origin::Scheduled));
        let records = [
            ("a", vec![blocked(gap(105, Some((100, 3)), over), &[11, 12])]),
            ("b", vec![blocked(gap(105, Some((99, 2)), over), &[12])]),
            ("c", vec![blocked(gap(105, Some((98, 1)), over), &[13])]),
            // Another day, another session with that number.
            ("d", vec![blocked(gap(505, Some((500, 1)), Some((490, Origin::Scheduled))), &[12])]),
        ];
        let records: Vec<_> = records.into_iter().map(|(view, gaps)| (ViewId::new(view), record(gaps))).collect();
        let found: Vec<Shared> = shared(&records, |_| LIMIT, ago(0)).into_iter().filter(|one| !one.is_open()).collect();
        let views = |one: &Shared| one.views.iter().map(|(view, _)| view.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(found.iter().map(views).collect::<Vec<_>>(), ["c", "a b", "d"]);
        assert_eq!((found[1].failures(), found[1].lasted()), (5, Duration::from_mins(10)));
        assert_eq!(found[1].cause(), "blocked by export (pid 12)", "the one that both waited for");
    }

    #[test]
    fn a_dead_scheduler_is_one_incident_and_a_full_disk_is_another() {
        let silent = || gap(60, None, None);
        assert_eq!(groups(vec![("a", vec![silent()]), ("b", vec![silent()])]), [["a", "b"]]);
        let full = |message: &str| failed(gap(15, Some((10, 1)), None), "53100", message);
        let wrong = |message: &str| failed(gap(15, Some((10, 1)), None), "22012", message);
        assert_eq!(groups(vec![("a", vec![full("x")]), ("b", vec![full("y")])]), [["a", "b"]]);
        assert_eq!(groups(vec![("a", vec![wrong("x")]), ("b", vec![wrong("y")])]), [["b"], ["a"]]);
        assert_eq!(groups(vec![("a", vec![wrong("x")]), ("b", vec![wrong("x")])]), [["a", "b"]]);
        assert_eq!(groups(vec![("a", vec![silent()]), ("b", vec![full("x")])]), [vec!["b"], vec!["a"]]);
        let waited = || gap(15, Some((10, 1)), None);
        assert_eq!(groups(vec![("a", vec![waited()]), ("b", vec![waited()])]), [["b"], ["a"]], "for whom is not known");
    }

    #[test]
    fn two_incidents_of_one_view_stay_two() {
        let blocked_at = |at: i64| blocked(gap(at + 5, Some((at, 1)), Some((at - 20, Origin::Scheduled))), &[12]);
        // They overlap with the long one of another view.
        let records = vec![
            ("a", vec![blocked_at(60), blocked_at(100)]),
            ("b", vec![blocked(gap(105, Some((101, 9)), Some((30, Origin::Manual))), &[12])]),
        ];
        assert_eq!(groups(records), [vec!["a"], vec!["b", "a"]]);
    }
}
