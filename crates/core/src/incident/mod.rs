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

pub mod shared;

use crate::{age, run::Origin};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use std::time::Duration;
use uuid::Uuid;

/// What was read of a window.
#[derive(Debug, Clone, Default, PartialEq)]
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

impl Recovery {
    /// What ended it, as a sentence.
    pub fn sentence(&self) -> &'static str {
        match self.origin {
            Origin::Scheduled => "a scheduled refresh succeeded",
            Origin::Manual => "a manual refresh succeeded",
            Origin::Direct => "a refresh called directly succeeded",
            Origin::Unknown => "a refresh succeeded",
        }
    }
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
}

#[cfg(test)]
mod tests;
