//! A window of time, cut at round moments.

use chrono::{DateTime, Utc};
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Lengths of a slice, seconds.
const STEPS: [u64; 12] = [
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
];
/// A window has at most one slice more than this: both ends are cut wherever they lie.
const MOST: u64 = 32;

/// A window from `since` to `until`, in slices that begin at multiples of `step` since 1970. The first one begins at
/// `since` and the last one ends at `until`, so they cover the window without a gap and without an overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slices {
    /// Begin of the window.
    pub since: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Length of a slice, seconds.
    pub step: u64,
}

impl Slices {
    /// Length of the slices of a window that is `window` long, seconds: 1 h by 5 min, 6 h by 15 min, 24 h by hours, 7 days
    /// by 6 h, 30 days by days.
    pub fn step(window: Duration) -> u64 {
        let seconds = window.as_secs();
        let fits = STEPS.into_iter().find(|step| seconds <= step * MOST);
        fits.unwrap_or_else(|| seconds.div_ceil(MOST * DAY).saturating_mul(DAY))
    }

    /// Number of the slice that `at` is in, counted from 1970.
    fn number(&self, at: DateTime<Utc>) -> i64 {
        at.timestamp().div_euclid(i64::try_from(self.step.max(1)).unwrap_or(i64::MAX))
    }

    /// Index of the slice with this number; `None` if it is outside the window.
    pub fn index(&self, number: i64) -> Option<usize> {
        let index = usize::try_from(number.checked_sub(self.number(self.since))?).ok()?;
        (index < self.len()).then_some(index)
    }

    /// How many there are; at least one.
    pub fn len(&self) -> usize {
        let spanned = self.number(self.until).saturating_sub(self.number(self.since));
        usize::try_from(spanned).unwrap_or_default().min(10_000) + 1
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Begin and end of slice `index`, from the oldest one.
    pub fn get(&self, index: usize) -> (DateTime<Utc>, DateTime<Utc>) {
        let step = i64::try_from(self.step).unwrap_or(i64::MAX);
        let begin = |index: usize| {
            let number = self.number(self.since).saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
            DateTime::from_timestamp(number.saturating_mul(step), 0).unwrap_or(self.until)
        };
        let inside = |at: DateTime<Utc>| at.clamp(self.since, self.until.max(self.since));
        (inside(begin(index)), inside(begin(index.saturating_add(1))))
    }

    /// How much of slice `index` lies at `from` or later.
    pub fn after(&self, index: usize, from: DateTime<Utc>) -> Duration {
        let (begin, end) = self.get(index);
        (end - begin.max(from)).to_std().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn slices(window: u64, until: i64) -> Slices {
        let until = DateTime::from_timestamp_millis(until).unwrap();
        let since = until - TimeDelta::seconds(i64::try_from(window).unwrap());
        Slices { since, until, step: Slices::step(Duration::from_secs(window)) }
    }

    #[test]
    fn the_usual_windows_have_two_dozen_slices() {
        for (window, step, count) in [
            (HOUR, 5 * MINUTE, 13),
            (6 * HOUR, 15 * MINUTE, 25),
            (DAY, HOUR, 25),
            (7 * DAY, 6 * HOUR, 29),
            (30 * DAY, DAY, 31),
        ] {
            let slices = slices(window, 1_795_402_830_123);
            assert_eq!((slices.step, slices.len()), (step, count), "{window}");
        }
        assert_eq!(slices(10, 1_795_402_830_123).len(), 1);
        assert_eq!(Slices::step(Duration::from_secs(3_650 * DAY)), 115 * DAY);
    }

    proptest! {
        #[test]
        fn they_cover_the_window_without_gap_or_overlap(window in 1_u64..400 * DAY, until in 1_600_000_000_000_i64..2_000_000_000_000) {
            let slices = slices(window, until);
            prop_assert!(slices.len() <= 34, "{}", slices.len());
            prop_assert_eq!(slices.get(0).0, slices.since);
            prop_assert_eq!(slices.get(slices.len() - 1).1, slices.until);
            for index in 1..slices.len() {
                let (begin, end) = slices.get(index);
                prop_assert_eq!(slices.get(index - 1).1, begin);
                prop_assert!(begin < end || index + 1 == slices.len());
                prop_assert_eq!(slices.index(slices.number(begin)), Some(index));
                prop_assert_eq!(begin.timestamp() % i64::try_from(slices.step).unwrap(), 0);
            }
            prop_assert_eq!(slices.index(slices.number(slices.since) - 1), None);
            let all: Duration = (0..slices.len()).map(|index| slices.after(index, slices.since)).sum();
            prop_assert_eq!(all.as_secs(), window);
        }
    }
}
