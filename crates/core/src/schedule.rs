//! Schedules: cron's five fields, and `pg_cron`'s seconds.

use chrono::{DateTime, FixedOffset};
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};
use std::borrow::Cow;

const WRONG: &str =
    "not a schedule: write the five fields of cron (minute, hour, day, month, weekday), such as '*/5 * * * *'";

/// A schedule of five fields.
pub fn cron(text: &str) -> Result<String, String> {
    let schedule = parsed(text).ok_or_else(|| WRONG.to_owned())?;
    // The 30th of February: nothing would ever be refreshed, and nothing would say so.
    let comes_round = schedule.find_next_occurrence(&DateTime::UNIX_EPOCH, false).is_ok();
    comes_round.then(|| text.to_owned()).ok_or_else(|| "a schedule that never comes round".to_owned())
}

/// A schedule as `pg_cron` knows them: five fields, `$` for the last day of a month, or from `1 second` to
/// `59 seconds`.
pub fn job(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [count, "second" | "seconds"] = words.as_slice() {
        let known = count.parse().is_ok_and(|count: u8| (1..=59).contains(&count));
        return known.then(|| text.to_owned()).ok_or_else(|| "pg_cron takes from 1 to 59 seconds".to_owned());
    }
    cron(&with_last_day(text)).map(|_| text.to_owned())
}

/// The next moment after `now` at which five fields that `pg_cron` took fire; `None` if they can't be read.
pub fn next_of_job(text: &str, now: &DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>> {
    parsed(&with_last_day(text))?.find_next_occurrence(now, false).ok()
}

/// Period in seconds of an `N seconds` schedule (`pg_cron` 1.5 and later).
pub fn seconds(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace();
    let count: i64 = words.next()?.parse().ok()?;
    let unit = words.next()?;
    (matches!(unit, "second" | "seconds") && words.next().is_none() && count > 0).then_some(count)
}

fn parsed(text: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Disallowed).build().parse(text).ok()
}

/// `pg_cron` writes `$` for what others write as `L`: the last day of a month.
fn with_last_day(text: &str) -> Cow<'_, str> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [minute, hour, "$", month, weekday] => format!("{minute} {hour} L {month} {weekday}").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_five_fields() {
        for good in ["*/5 * * * *", "0 2 * * 1-5"] {
            assert_eq!(cron(good), Ok(good.into()));
            assert_eq!(job(good), Ok(good.into()));
        }
        for bad in ["", "hourly", "* * * *", "* * * * * *", "61 * * * *", "0 seconds", "60 seconds", "30 seconds now"] {
            assert!(cron(bad).is_err() && job(bad).is_err(), "{bad}");
        }
        assert_eq!(job("30 seconds"), Ok("30 seconds".into()));
        assert!(cron("0 0 30 2 *").is_err() && job("0 0 30 2 *").unwrap_err().contains("never comes round"));
        assert!(cron("0 0 29 2 *").is_ok());
    }

    #[test]
    fn the_last_day_of_a_month_is_pg_crons_alone() {
        let schedule = "0 2 $ * *";
        assert_eq!(job(schedule), Ok(schedule.into()));
        assert!(cron(schedule).is_err());
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
        assert_eq!(next_of_job(schedule, &at("2027-02-03T00:00:00Z")), Some(at("2027-02-28T02:00:00Z")));
        assert_eq!(next_of_job(schedule, &at("2028-02-28T12:00:00Z")), Some(at("2028-02-29T02:00:00Z")));
    }
}
