//! Moments as people write them: `2h`, `22:00`, `yesterday`, `2026-11-29 22:00`. All are in UTC, as every time that is
//! shown, unless they have an offset of their own.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use std::time::Duration;

/// A moment, which may depend on what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This long ago.
    Ago(Duration),
    /// A time of the day: the last one that has been.
    Time(NaiveTime),
    /// The beginning of the day that was so many days ago.
    Day(u64),
    /// This very moment.
    At(DateTime<Utc>),
}

/// Longest time ago.
const LONGEST: Duration = Duration::from_hours(24 * 366 * 10);

impl Moment {
    /// Reads one.
    ///
    /// # Errors
    /// What can be written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_suffix(" UTC").unwrap_or(text);
        let of_day =
            |text: &str| ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
        let with_time = |text: &str| {
            let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
            formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        };
        match text {
            "now" => return Ok(Self::Ago(Duration::ZERO)),
            "today" => return Ok(Self::Day(0)),
            "yesterday" => return Ok(Self::Day(1)),
            _ => {}
        }
        if let Some(time) = of_day(text) {
            return Ok(Self::Time(time));
        }
        if let Some(at) = with_time(text) {
            return Ok(Self::At(at.and_utc()));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.to_utc()));
        }
        let ago = humantime::parse_duration(text.trim_end_matches(" ago")).ok().filter(|ago| *ago <= LONGEST);
        ago.map(Self::Ago).ok_or_else(|| {
            "not a moment: write how long ago (2h, 30m, 7d), a time (22:00), today, yesterday, or a date (2026-11-29, \
             \"2026-11-29 22:00\"), in UTC"
                .to_owned()
        })
    }

    /// The moment, seen from `now`; `None` if there is no such moment.
    pub fn before(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Ago(ago) => now.checked_sub_signed(TimeDelta::from_std(ago).ok()?),
            Self::Day(days) => {
                Some(now.date_naive().checked_sub_days(Days::new(days))?.and_time(NaiveTime::MIN).and_utc())
            }
            Self::Time(time) => {
                let today = now.date_naive().and_time(time).and_utc();
                if today <= now { Some(today) } else { today.checked_sub_days(Days::new(1)) }
            }
            Self::At(at) => Some(at),
        }
    }
}

/// From when on, and up to when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Option<DateTime<Utc>>,
    /// The moment before which it ends.
    pub until: Option<DateTime<Utc>>,
}

impl Span {
    /// The time between two moments, seen from `now`. A time of the day that would be before the beginning is that of the
    /// next day: from 22:00 until 06:00.
    ///
    /// # Errors
    /// It would end before it begins.
    pub fn between(since: Option<Moment>, until: Option<Moment>, now: DateTime<Utc>) -> Result<Self, String> {
        let from = since.and_then(|since| since.before(now));
        let mut end = until.and_then(|until| until.before(now));
        if let (Some(from), Some(at), Some(Moment::Time(_))) = (from, end, until)
            && at <= from
        {
            end = at.checked_add_days(Days::new(1));
        }
        if let (Some(from), Some(end)) = (from, end)
            && end <= from
        {
            let shown = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S");
            return Err(format!("there is no time from {} until {} UTC", shown(from), shown(end)));
        }
        Ok(Self { from, until: end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    const NOW: &str = "2026-11-29T08:30:00Z";

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("2h", "2026-11-29T06:30:00Z"),
            ("90 min ago", "2026-11-29T07:00:00Z"),
            ("7d", "2026-11-22T08:30:00Z"),
            ("now", NOW),
            ("08:00", "2026-11-29T08:00:00Z"),
            ("08:30", NOW),
            ("22:00", "2026-11-28T22:00:00Z"),
            ("22:00:05", "2026-11-28T22:00:05Z"),
            ("today", "2026-11-29T00:00:00Z"),
            ("yesterday", "2026-11-28T00:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01 22:00", "2026-11-01T22:00:00Z"),
            ("2026-11-01 22:00:05 UTC", "2026-11-01T22:00:05Z"),
            ("2026-11-01T22:00:05", "2026-11-01T22:00:05Z"),
            ("2026-11-01T22:00:05.250+02:00", "2026-11-01T20:00:05.250Z"),
        ] {
            assert_eq!(Moment::parse(text).unwrap().before(at(NOW)), Some(at(wanted)), "{text}");
        }
        for wrong in ["", "noon", "25:00", "30", "-2h", "2026-13-01", "9999 years", "22:00 UTC+2"] {
            assert!(Moment::parse(wrong).unwrap_err().starts_with("not a moment: "), "{wrong}");
        }
    }

    #[test]
    fn a_span_may_cross_midnight_and_never_runs_backwards() {
        let between = |since: &str, until: &str| {
            let read = |text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| Moment::parse(text).unwrap());
            Span::between(read(since), read(until), at(NOW))
                .map(|span| (span.from.map(|at| at.to_rfc3339()), span.until.map(|at| at.to_rfc3339())))
        };
        let span = |from: &str, until: &str| Ok((Some(from.to_owned()), Some(until.to_owned())));
        assert_eq!(between("22:00", "06:00"), span("2026-11-28T22:00:00+00:00", "2026-11-29T06:00:00+00:00"));
        assert_eq!(between("22:00", "23:00"), span("2026-11-28T22:00:00+00:00", "2026-11-28T23:00:00+00:00"));
        assert_eq!(between("08:00", "23:00"), span("2026-11-29T08:00:00+00:00", "2026-11-29T23:00:00+00:00"));
        assert_eq!(between("yesterday", "today"), span("2026-11-28T00:00:00+00:00", "2026-11-29T00:00:00+00:00"));
        assert_eq!(between("", "2h"), Ok((None, Some("2026-11-29T06:30:00+00:00".to_owned()))));
        assert_eq!(between("", ""), Ok((None, None)));
        let wrong = between("1h", "2h").unwrap_err();
        assert_eq!(wrong, "there is no time from 2026-11-29 07:30:00 until 2026-11-29 06:30:00 UTC");
    }
}
