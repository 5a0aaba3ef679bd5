//! When a job runs, as its schedule says.

use crate::job::Job as Schedule;
use chrono::{DateTime, Offset as _, Utc};

/// Whether this release knows `30 seconds`.
pub(super) fn knows_seconds(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 5)
}

pub(super) fn in_seconds(schedule: &str) -> Option<u32> {
    let (count, unit) = schedule.trim().split_once(char::is_whitespace)?;
    matches!(unit.trim(), "second" | "seconds").then(|| count.parse().ok()).flatten()
}

/// Whether a schedule says when: five fields, seconds, a name such as `@daily`, or `$` for a month's last day.
pub(super) fn readable(schedule: &str, now: DateTime<Utc>) -> bool {
    if let Some(seconds) = in_seconds(schedule) {
        return (1..60).contains(&seconds);
    }
    if let Some(name) = schedule.trim().strip_prefix('@') {
        return ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&name);
    }
    let schedule = schedule.replace('$', "L");
    let schedule = Schedule {
        cron_database: String::new(),
        schedule,
        active: true,
        offset: Utc.fix(),
        launcher: None,
        last: None,
    };
    schedule.next_run(now).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_schedules_are_read() {
        assert_eq!(
            ["1.4", "1.4-1", "1.5", "1.6", "2.0", "x"].map(knows_seconds),
            [false, false, true, true, true, false]
        );
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let known = |schedule: &str| readable(schedule, now);
        assert_eq!(["*/5 * * * *", "30 seconds", "@daily", "0 0 $ * *"].map(known), [true; 4]);
        assert_eq!(["60 seconds", "whenever", "@often", "* *"].map(known), [false; 4]);
    }
}
