//! Incidents of several views that have one cause: six views that fail on one lock are one incident.

use super::{Blocker, Incident, Record};
use crate::address::ViewId;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What one cause did to one or several views.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// The incident of each view, the one that began first in front.
    pub views: Vec<(ViewId, Incident)>,
}

/// The incidents of `records` as of the server's time `now`, those of one cause together, the newest first. Figures of a
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
    groups
}

impl Shared {
    /// When the first of them began.
    pub fn began(&self) -> Option<DateTime<Utc>> {
        self.views.first().map(|(_, incident)| incident.began)
    }

    /// Whether any of them goes on.
    pub fn is_open(&self) -> bool {
        self.views.iter().any(|(_, incident)| incident.is_open())
    }

    /// From the beginning of the first to the end of the last.
    pub fn lasted(&self) -> Duration {
        let began = self.began();
        let end = |incident: &Incident| {
            let offset = began.and_then(|began| (incident.began - began).to_std().ok()).unwrap_or_default();
            offset + incident.lasted
        };
        self.views.iter().map(|(_, incident)| end(incident)).max().unwrap_or_default()
    }

    /// Attempts that failed, of all views.
    pub fn failures(&self) -> u64 {
        self.views.iter().map(|(_, incident)| incident.failures).sum()
    }

    /// What was in the way, in a few words.
    pub fn cause(&self) -> String {
        // The cause that they share, and not a second one that only the first of them had.
        let named = self.views.iter().find_map(|(_, one)| {
            let by_all = |blocker: &&Blocker| {
                self.views.iter().all(|(_, other)| other.blockers.iter().any(|also| is_same(blocker, also)))
            };
            one.blockers.iter().find(by_all)
        });
        match named {
            Some(blocker) => format!("blocked by {}", blocker.who()),
            None => self.views.first().map(|(_, incident)| incident.cause()).unwrap_or_default(),
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
