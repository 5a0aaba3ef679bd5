//! Incidents: times in which refreshes failed, or the figures were older than they may be.
//!
//! The log is cut into *gaps*, each from one success to the next; the last one is still open. A gap is an
//! incident if an attempt in it failed, or if it is **longer** than the freshness limit (exactly at it the figures
//! still count as fresh): the job that silently stopped fails nowhere. The incident
//!
//! - **began** with the first failed attempt, or when the success before it grew older than the limit, whichever came
//!   first;
//! - **ended** with the next success, whoever started it; it is *open* while there is none;
//! - left the figures **stale** from the moment when the success before it grew older than the limit until that end; if
//!   no success is on record, from its beginning; not at all if the next success came in time.
//!
//! The time to recover is that from beginning to end. An incident belongs to a window if any of it lies in there; it
//! keeps its own beginning even so, and only what is summed up over the window is cut at its edge.

use crate::{age, run::Origin, sanitize::printable};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use std::{fmt::Write as _, time::Duration};
use uuid::Uuid;

/// What was read of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// From when on the record is known: the beginning of the window, or the first attempt if that is later. `None`
    /// if the log has no attempt at all.
    pub from: Option<DateTime<Utc>>,
    /// The server's time when it was read.
    pub read_at: DateTime<Utc>,
    /// Gaps that may be incidents, newest first; the first one is open.
    pub gaps: Vec<Gap>,
    /// Whether there were more in the window, older ones, than were read.
    pub cut: bool,
}

/// The time from one success to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The success that it follows; `None` if none is on record.
    pub after: Option<DateTime<Utc>>,
    /// The success that it leads to; `None` for the one that is open.
    pub until: Option<Recovery>,
    /// Attempts that failed in it.
    pub failures: u64,
    /// The first of them.
    pub first: Option<Failure>,
    /// Sessions in the way when they failed, the one most often named first.
    pub blockers: Vec<Blocker>,
}

/// The success that ended an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What set it off.
    pub origin: Origin,
}

/// A failed attempt. Its texts are the server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its row in the log; `None` if that is gone again.
    pub id: Option<Uuid>,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Five characters.
    pub sqlstate: Option<String>,
    /// The message, at most 2,000 characters.
    pub message: Option<String>,
}

/// A session that black boxes name. Every text is the server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocker {
    /// Backend process; 0 stands for a prepared transaction, which has none.
    pub pid: Option<i32>,
    /// Login role.
    pub user: Option<String>,
    /// `application_name`.
    pub application: Option<String>,
    /// A lock that it held, as `pg_locks` writes it.
    pub mode: Option<String>,
    /// On which relation.
    pub relation: Option<String>,
    /// Whether it held what others waited for, and waited for none itself.
    pub root: bool,
    /// How many of the black boxes that were read name it.
    pub named: u64,
}

/// One incident, as of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// When it began.
    pub began: DateTime<Utc>,
    /// The success that ended it; `None` while it is open.
    pub ended: Option<Recovery>,
    /// From beginning to end: the time to recover; so far, if it is open.
    pub lasted: Duration,
    /// From when on the figures were older than the limit; `None` if they never were.
    pub stale_since: Option<DateTime<Utc>>,
    /// For how long they were.
    pub stale_for: Duration,
    /// Attempts that failed.
    pub failures: u64,
    /// The first of them; `None` if the job silently stopped.
    pub first: Option<Failure>,
    /// Sessions in the way, the one most often named first.
    pub blockers: Vec<Blocker>,
}

/// All incidents of a record, as of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// From when on it counts.
    pub from: DateTime<Utc>,
    /// How many.
    pub count: usize,
    /// How long figures were stale in all since [`Summary::from`].
    pub stale: Duration,
    /// Mean time to recover of those that ended.
    pub mean_recovery: Option<Duration>,
    /// The longest of them.
    pub longest_recovery: Option<Duration>,
    /// Share of the time in which figures were fresh, per cent, 0 to 100.
    pub fresh: f64,
}

impl Record {
    /// The incidents as of the server's time `now`, newest first, with this freshness limit.
    pub fn incidents(&self, limit: Duration, now: DateTime<Utc>) -> Vec<Incident> {
        self.gaps.iter().filter_map(|gap| gap.incident(limit, now)).collect()
    }

    /// Sums them up; `None` if nothing is known. The figures move with the minute, not with each second.
    pub fn summary(&self, limit: Duration, now: DateTime<Utc>) -> Option<Summary> {
        let from = self.from?;
        let upto = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now).max(self.read_at);
        let incidents = self.incidents(limit, now);
        let stale = incidents.iter().map(|incident| {
            let end = incident.ended.map_or(upto, |recovery| recovery.at);
            incident.stale_since.map_or(Duration::ZERO, |since| between(since.max(from), end))
        });
        let stale: Duration = stale.sum();
        let recoveries: Vec<Duration> = incidents.iter().filter(|i| i.ended.is_some()).map(|i| i.lasted).collect();
        let count = u32::try_from(recoveries.len()).unwrap_or(u32::MAX);
        let known = between(from, upto);
        let share = if known.is_zero() { 0.0 } else { (stale.as_secs_f64() / known.as_secs_f64()).min(1.0) };
        Some(Summary {
            from,
            count: incidents.len(),
            stale,
            mean_recovery: recoveries.iter().sum::<Duration>().checked_div(count),
            longest_recovery: recoveries.into_iter().max(),
            fresh: (1.0 - share) * 100.0,
        })
    }

    /// How long all of that reads the same after `now`; `None` if it always does.
    pub fn holds(&self, limit: Duration, now: DateTime<Utc>) -> Option<Duration> {
        self.from?;
        let minute = TimeDelta::minutes(1) - (now - now.duration_trunc(TimeDelta::minutes(1)).ok()?);
        let open = self.gaps.first().filter(|gap| gap.until.is_none());
        let crossing = open.and_then(|gap| gap.stale_from(limit)).and_then(|since| {
            // A nanosecond past the limit: exactly at it the figures still count as fresh.
            (since - now).to_std().ok().map(|left| left + Duration::from_nanos(1))
        });
        let incident = open.and_then(|gap| gap.incident(limit, now));
        let lasted = incident.as_ref().map(|incident| age::until_change(incident.lasted));
        let stale = incident.filter(|i| i.stale_since.is_some()).map(|i| age::until_change(i.stale_for));
        [minute.to_std().ok(), crossing, lasted, stale].into_iter().flatten().min()
    }
}

impl Gap {
    /// From when on the figures are stale, if no success comes before.
    fn stale_from(&self, limit: Duration) -> Option<DateTime<Utc>> {
        match self.after {
            Some(success) => success.checked_add_signed(TimeDelta::from_std(limit).ok()?),
            None => self.first.as_ref().map(|failure| failure.at),
        }
    }

    fn incident(&self, limit: Duration, now: DateTime<Utc>) -> Option<Incident> {
        let end = self.until.map_or(now, |recovery| recovery.at);
        let stale_since = self.stale_from(limit).filter(|since| end > *since);
        // Clocks step: no attempt after a success failed before it.
        let failed = self.first.as_ref().map(|failure| self.after.map_or(failure.at, |after| failure.at.max(after)));
        let began = failed.into_iter().chain(stale_since).min()?;
        Some(Incident {
            began,
            ended: self.until,
            lasted: between(began, end),
            stale_since,
            stale_for: stale_since.map_or(Duration::ZERO, |since| between(since, end)),
            failures: self.failures,
            first: self.first.clone(),
            blockers: self.blockers.clone(),
        })
    }
}

/// How long figures were stale, in words. A failure in between makes a gap of the limit and some milliseconds, where runs
/// are half of it apart: that is not nothing, and no second either.
pub fn stale_label(stale: Duration) -> String {
    if !stale.is_zero() && stale < Duration::from_secs(1) { "<1s".into() } else { age::label(stale) }
}

fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

impl Blocker {
    /// Who it was: `month end report (pid 4711, user batch)`.
    pub fn who(&self) -> String {
        let some =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(String::from);
        let pid = self.pid.filter(|pid| *pid != 0).map(|pid| format!("pid {pid}"));
        let user = some(&self.user).map(|user| format!("user {user}"));
        let marks: Vec<String> = pid.into_iter().chain(user).collect();
        let name = some(&self.application).unwrap_or_else(|| "a session".into());
        if marks.is_empty() { name } else { format!("{name} ({})", marks.join(", ")) }
    }

    /// What it did: `month end report (pid 4711, user batch) held AccessExclusiveLock on accounts`.
    pub fn sentence(&self) -> String {
        let who = self.who();
        let and = if self.root { "" } else { ", and waited itself" };
        match (&self.mode, &self.relation) {
            (Some(mode), Some(relation)) => format!("{who} held {mode} on {relation}{and}"),
            (Some(mode), None) => format!("{who} held {mode}{and}"),
            (None, _) if self.root => format!("{who} held up those in the way"),
            (None, _) => format!("{who} waited as well"),
        }
    }
}

impl Incident {
    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// What was in the way, in a few words.
    pub fn cause(&self) -> String {
        if let Some(blocker) = self.blockers.first() {
            return format!("blocked by {}", blocker.who());
        }
        let Some(first) = &self.first else { return "no attempt was made: the job did not run".into() };
        let parts: Vec<&str> = [&first.sqlstate, &first.message].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { "failed without a message".into() } else { parts.join(" ") }
    }

    /// How it ended, as a sentence without its moment.
    pub fn ending(&self) -> &'static str {
        match self.ended.map(|recovery| recovery.origin) {
            None => "it goes on",
            Some(Origin::Scheduled) => "a scheduled refresh succeeded",
            Some(Origin::Manual) => "a manual refresh succeeded",
            Some(Origin::Direct) => "a refresh called directly succeeded",
            Some(Origin::Unknown) => "a refresh succeeded",
        }
    }
}

/// The incident as plain text, a fact a line, to be pasted elsewhere.
pub fn text(incident: &Incident) -> String {
    let moment = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let lasted = age::label(incident.lasted);
    let mut text = String::from("incident\n");
    let mut line = |label: &str, value: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{label:<11}{}", printable(value));
    };
    line("began", &moment(incident.began));
    match incident.ended {
        Some(recovery) => line("ended", &format!("{}: {}", moment(recovery.at), incident.ending())),
        None => line("ended", &format!("not yet, open for {lasted}")),
    }
    if incident.ended.is_some() {
        line("recovery", &lasted);
    }
    line("stale", &if incident.stale_since.is_some() { stale_label(incident.stale_for) } else { "never".into() });
    line("failures", &incident.failures.to_string());
    if let Some(first) = &incident.first {
        let parts = [&first.sqlstate, &first.message].into_iter().flatten();
        line("error", &parts.map(String::as_str).collect::<Vec<_>>().join(" "));
    } else {
        line("error", "none: the job did not run");
    }
    for blocker in &incident.blockers {
        line("in the way", &blocker.sentence());
    }
    if let Some(id) = incident.first.as_ref().and_then(|first| first.id) {
        line("first run", &id.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(10);

    /// `minutes` after 03:00.
    fn at(minutes: f64) -> DateTime<Utc> {
        #[expect(clippy::cast_possible_truncation, reason = "minutes of a day")]
        let ms = (minutes * 60_000.0) as i64;
        "2026-11-23T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(ms)
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    /// A gap in which attempts failed at those minutes.
    fn gap(after: Option<f64>, failed: &[f64], until: Option<f64>) -> Gap {
        Gap {
            after: after.map(at),
            until: until.map(|end| Recovery { at: at(end), origin: Origin::Scheduled }),
            failures: failed.len() as u64,
            first: failed.first().map(|first| Failure {
                id: Some(Uuid::from_u128(7)),
                at: at(*first),
                sqlstate: Some("55P03".into()),
                message: Some("canceling statement due to lock timeout".into()),
            }),
            blockers: Vec::new(),
        }
    }

    fn one(gap: &Gap, now: f64) -> Option<Incident> {
        gap.incident(LIMIT, at(now))
    }

    fn record(gaps: Vec<Gap>, from: f64, read: f64) -> Record {
        Record { from: Some(at(from)), read_at: at(read), gaps, cut: false }
    }

    #[test]
    fn a_single_failure_is_an_incident_that_left_nothing_stale() {
        let incident = one(&gap(Some(0.0), &[5.0], Some(9.0)), 60.0).unwrap();
        assert_eq!((incident.began, incident.lasted), (at(5.0), minutes(4)));
        assert_eq!((incident.stale_since, incident.stale_for), (None, Duration::ZERO));
        assert_eq!((incident.failures, incident.is_open()), (1, false));
    }

    #[test]
    fn failures_in_a_row_are_one_incident_and_stale_past_the_limit() {
        let incident = one(&gap(Some(0.0), &[5.0, 10.0, 15.0], Some(20.0)), 60.0).unwrap();
        assert_eq!((incident.began, incident.lasted), (at(5.0), minutes(15)));
        assert_eq!((incident.stale_since, incident.stale_for), (Some(at(10.0)), minutes(10)));
        assert_eq!(incident.ending(), "a scheduled refresh succeeded");
    }

    #[test]
    fn a_success_between_failures_makes_two_of_them() {
        let record = record(
            vec![gap(Some(20.0), &[], None), gap(Some(10.0), &[15.0], Some(20.0)), gap(Some(0.0), &[5.0], Some(10.0))],
            0.0,
            25.0,
        );
        let began: Vec<_> = record.incidents(LIMIT, at(25.0)).iter().map(|incident| incident.began).collect();
        assert_eq!(began, [at(15.0), at(5.0)]);
    }

    #[test]
    fn exactly_at_the_limit_nothing_is_stale() {
        assert_eq!(one(&gap(Some(0.0), &[], Some(10.0)), 60.0), None);
        let late = one(&gap(Some(0.0), &[], Some(10.001)), 60.0).unwrap();
        assert_eq!((late.began, late.lasted), (at(10.0), Duration::from_millis(60)));
        let failed = one(&gap(Some(0.0), &[5.0], Some(10.0)), 60.0).unwrap();
        assert_eq!((failed.stale_since, failed.stale_for), (None, Duration::ZERO));
    }

    #[test]
    fn a_job_that_silently_stopped_is_an_incident_without_failures() {
        let stopped = gap(Some(0.0), &[], None);
        assert_eq!(one(&stopped, 10.0), None);
        let incident = one(&stopped, 73.0).unwrap();
        assert_eq!((incident.began, incident.lasted, incident.stale_for), (at(10.0), minutes(63), minutes(63)));
        assert!(incident.is_open() && incident.first.is_none());
        assert_eq!(incident.cause(), "no attempt was made: the job did not run");
    }

    #[test]
    fn attempts_that_fail_after_a_silence_do_not_move_its_beginning() {
        let incident = one(&gap(Some(0.0), &[45.0], None), 50.0).unwrap();
        assert_eq!((incident.began, incident.stale_since), (at(10.0), Some(at(10.0))));
        assert_eq!(incident.failures, 1);
    }

    #[test]
    fn without_any_success_on_record_all_of_it_is_stale() {
        let incident = one(&gap(None, &[5.0, 10.0], None), 30.0).unwrap();
        assert_eq!((incident.began, incident.stale_since, incident.stale_for), (at(5.0), Some(at(5.0)), minutes(25)));
        assert_eq!(one(&gap(None, &[], None), 30.0), None, "nothing ever happened");
    }

    #[test]
    fn an_incident_keeps_its_beginning_and_its_sum_is_cut_at_the_edge_of_the_window() {
        let before = record(vec![gap(Some(0.0), &[5.0], Some(100.0))], 60.0, 160.0);
        let [incident] = &before.incidents(LIMIT, at(160.0))[..] else { panic!() };
        assert_eq!((incident.began, incident.stale_for), (at(5.0), minutes(90)));
        let summary = before.summary(LIMIT, at(160.0)).unwrap();
        assert_eq!((summary.count, summary.stale), (1, minutes(40)));
        assert!((summary.fresh - 60.0).abs() < 1e-9);
        assert_eq!((summary.mean_recovery, summary.longest_recovery), (Some(minutes(95)), Some(minutes(95))));
    }

    #[test]
    fn an_empty_log_has_no_statistics() {
        let empty = Record { from: None, read_at: at(0.0), gaps: Vec::new(), cut: false };
        assert_eq!(empty.incidents(LIMIT, at(9.0)), []);
        assert_eq!((empty.summary(LIMIT, at(9.0)), empty.holds(LIMIT, at(9.0))), (None, None));
    }

    #[test]
    fn a_quiet_window_is_fresh_throughout() {
        let quiet = record(vec![gap(Some(59.0), &[], None)], 0.0, 60.0);
        let summary = quiet.summary(LIMIT, at(60.0)).unwrap();
        assert_eq!((summary.count, summary.stale, summary.mean_recovery), (0, Duration::ZERO, None));
        assert!((summary.fresh - 100.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_open_counts_into_what_is_stale_but_has_not_recovered() {
        let open = record(vec![gap(Some(0.0), &[5.0], None)], 0.0, 20.0);
        let summary = open.summary(LIMIT, at(20.0)).unwrap();
        assert_eq!((summary.stale, summary.longest_recovery), (minutes(10), None));
        assert!((summary.fresh - 50.0).abs() < 1e-9);
        // Half a minute later it reads as before.
        assert_eq!(open.summary(LIMIT, at(20.5)), Some(summary));
        assert_eq!(open.summary(LIMIT, at(21.0)).unwrap().stale, minutes(11));
    }

    /// Whatever reads differently later is announced.
    #[test]
    fn it_holds_exactly_as_long_as_it_says() {
        let words = |record: &Record, now: DateTime<Utc>| {
            let labels = |i: &Incident| (i.began, i.is_open(), age::label(i.lasted), age::label(i.stale_for));
            let incidents: Vec<_> = record.incidents(LIMIT, now).iter().map(labels).collect();
            (incidents, record.summary(LIMIT, now))
        };
        for gaps in [
            vec![gap(Some(0.0), &[], None)],
            vec![gap(Some(0.0), &[5.0], None)],
            vec![gap(None, &[0.4], None)],
            vec![gap(Some(3.0), &[], None), gap(Some(0.0), &[1.0], Some(3.0))],
        ] {
            let record = record(gaps, 0.0, 6.0);
            let mut now = at(6.01);
            for _ in 0..300 {
                let hold = record.holds(LIMIT, now).unwrap();
                assert!(!hold.is_zero());
                let before = now + hold - TimeDelta::nanoseconds(1);
                assert_eq!(words(&record, now), words(&record, before), "{now} {hold:?}");
                now += hold;
            }
            assert!(now > at(10.0));
        }
    }

    #[test]
    fn less_than_a_second_is_neither_nothing_nor_none() {
        let label = |ms| stale_label(Duration::from_millis(ms));
        assert_eq!([label(0), label(1), label(999), label(1_000)], ["0s", "<1s", "<1s", "1s"]);
    }

    #[test]
    fn clocks_that_step_make_no_negative_times() {
        let odd = one(&gap(Some(10.0), &[5.0], Some(2.0)), 0.0).unwrap();
        assert_eq!((odd.began, odd.lasted, odd.stale_for), (at(10.0), Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn the_one_in_the_way_is_named_in_a_sentence() {
        let blocker = Blocker {
            pid: Some(4711),
            user: Some("batch".into()),
            application: Some("month end report".into()),
            mode: Some("AccessExclusiveLock".into()),
            relation: Some("accounts".into()),
            root: true,
            named: 3,
        };
        let sentence = "month end report (pid 4711, user batch) held AccessExclusiveLock on accounts";
        assert_eq!(blocker.sentence(), sentence);
        let prepared =
            Blocker { pid: Some(0), application: Some("prepared transaction x".into()), ..Blocker::default() };
        assert_eq!(prepared.who(), "prepared transaction x");
        assert_eq!(Blocker { application: Some("  ".into()), ..Blocker::default() }.who(), "a session");

        let mut held_up = gap(Some(0.0), &[5.0], Some(20.0));
        held_up.blockers = vec![blocker];
        let incident = one(&held_up, 60.0).unwrap();
        assert_eq!(incident.cause(), "blocked by month end report (pid 4711, user batch)");
        let copied = text(&incident);
        for part in ["2026-11-23 03:05:00 UTC", "recovery   15m", "55P03 canceling", sentence, "first run"] {
            assert!(copied.contains(part), "{part}\n{copied}");
        }
    }

    #[test]
    fn copied_text_is_harmless() {
        let mut bad = gap(Some(0.0), &[5.0], None);
        bad.first.as_mut().unwrap().message = Some("\u{1b}]0;owned\u{7}\u{202e}x".into());
        let copied = text(&one(&bad, 30.0).unwrap());
        assert!(
            !copied.contains('\u{1b}') && !copied.contains('\u{202e}') && copied.contains("open for 25m"),
            "{copied}"
        );
    }
}
