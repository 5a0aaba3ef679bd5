//! Ages and durations in words, and when the word next changes.
//!
//! A screen that is left open for weeks redraws when a label would read differently, and not before. So the
//! words get coarser with age, and every label knows how long it holds.

use std::time::Duration;

/// An age as shown (`42s`, `7m`, `3h 05m`, `12d`), rounded down.
pub fn label(age: Duration) -> String {
    words(age.as_secs(), FINE)
}

/// An age that is always on the screen: as [`label`], in steps of five seconds below a minute.
pub fn coarse(age: Duration) -> String {
    words(age.as_secs(), CALM)
}

/// How long the label of a **growing** age still holds; never zero.
pub fn until_change(age: Duration) -> Duration {
    until_next_step(age, FINE)
}

/// How long the [`coarse`] label of a growing age still holds; never zero.
pub fn until_coarse_change(age: Duration) -> Duration {
    until_next_step(age, CALM)
}

/// The seconds that the [`coarse`] label of an age stands for: what moves with them moves when the label does.
pub fn coarse_seconds(age: Duration) -> u64 {
    let s = age.as_secs();
    s / step(s, CALM) * step(s, CALM)
}

/// A countdown as shown: steps of five seconds up to a minute, whole minutes above, rounded up, so that it reaches `0s`
/// when the moment comes and not before.
pub fn countdown(left: Duration) -> String {
    let s = rounded_up(left);
    words(s.next_multiple_of(count_step(s)), FINE)
}

/// How long the label of a **shrinking** remainder (a countdown) still holds; never zero.
pub fn until_countdown_change(left: Duration) -> Duration {
    let shown = rounded_up(left);
    let step = count_step(shown);
    let next = shown.saturating_sub(1) / step * step;
    left.checked_sub(Duration::from_secs(next)).filter(|hold| !hold.is_zero()).unwrap_or(Duration::from_secs(1))
}

/// Seconds by which a label moves below a minute.
const FINE: u64 = 1;
/// Each change of a label costs some fifty bytes with all that goes with a frame, and a screen may cost forty a second.
const CALM: u64 = 5;

fn words(s: u64, below_minute: u64) -> String {
    match s {
        0..60 => format!("{}s", s / below_minute * below_minute),
        60..3_600 => format!("{}m", s / 60),
        3_600..86_400 => format!("{}h {:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d {:02}h", s / 86_400, s % 86_400 / 3_600),
    }
}

fn step(s: u64, below_minute: u64) -> u64 {
    match s {
        0..60 => below_minute,
        60..86_400 => 60,
        _ => 3_600,
    }
}

fn until_next_step(age: Duration, below_minute: u64) -> Duration {
    let step = step(age.as_secs(), below_minute);
    let into = Duration::new(age.as_secs() % step, age.subsec_nanos());
    Duration::from_secs(step).checked_sub(into).unwrap_or(Duration::from_secs(1))
}

/// A whole minute that is left is the last of the seconds, for it is followed by them.
fn count_step(s: u64) -> u64 {
    if s <= 60 { CALM } else { 60 }
}

fn rounded_up(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// A duration of a refresh, given in milliseconds: `0.4 ms`, `82 ms`, `1.24 s`, `2 m 05 s`.
pub fn duration_ms(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return "?".into();
    }
    if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 99_995.0 {
        format!("{:.2} s", ms / 1000.0)
    } else {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let s = (ms / 1000.0).round() as u64;
        format!("{} m {:02} s", s / 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_get_coarser_with_age() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (3_600, "1h 00m"),
            (86_399, "23h 59m"),
            (90_000, "1d 01h"),
        ];
        for (s, want) in cases {
            assert_eq!(label(Duration::from_secs(s)), want);
        }
    }

    #[test]
    fn a_coarse_label_differs_below_a_minute_only() {
        for (s, want) in [(0, "0s"), (4, "0s"), (5, "5s"), (59, "55s"), (60, "1m"), (3_725, "1h 02m")] {
            assert_eq!(coarse(Duration::from_secs(s)), want);
            assert_eq!(words(coarse_seconds(Duration::from_secs(s)), FINE), want);
        }
        for (s, want) in [(0, "0s"), (1, "5s"), (5, "5s"), (6, "10s"), (55, "55s"), (56, "1m"), (60, "1m"), (61, "2m")]
        {
            assert_eq!(countdown(Duration::from_secs(s)), want);
        }
    }

    #[test]
    fn a_label_holds_exactly_as_long_as_it_says() {
        type Label = fn(Duration) -> String;
        type Hold = fn(Duration) -> Duration;
        for (label, until_change) in [(label as Label, until_change as Hold), (coarse, until_coarse_change)] {
            for ms in [0, 1, 999, 1_000, 59_999, 60_000, 61_500, 3_599_999, 3_600_000, 86_400_000, 90_061_001] {
                let age = Duration::from_millis(ms);
                let hold = until_change(age);
                let just_before = (age + hold).checked_sub(Duration::from_nanos(1)).unwrap();
                assert_eq!(label(age), label(just_before), "{ms}");
                assert_ne!(label(age), label(age + hold), "{ms}");
            }
        }
    }

    #[test]
    fn a_countdown_holds_exactly_as_long_as_it_says() {
        for ms in [1, 1_000, 1_001, 5_000, 59_999, 60_000, 60_001, 61_000, 299_500, 3_600_000] {
            let left = Duration::from_millis(ms);
            let hold = until_countdown_change(left);
            if let Some(later) = left.checked_sub(hold) {
                assert_ne!(countdown(left), countdown(later), "{ms}");
                assert_eq!(countdown(left), countdown(later + Duration::from_nanos(1)), "{ms}");
            }
        }
    }

    #[test]
    fn durations_keep_three_figures() {
        let cases = [
            (0.42, "0.4 ms"),
            (9.96, "10 ms"),
            (82.4, "82 ms"),
            (999.6, "1.00 s"),
            (5_000.0, "5.00 s"),
            (125_000.0, "2 m 05 s"),
            (-1.0, "?"),
            (f64::NAN, "?"),
        ];
        for (ms, want) in cases {
            assert_eq!(duration_ms(ms), want);
        }
    }
}
