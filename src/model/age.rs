//! Ages and durations in words, and when the word next changes.
//!
//! A screen that is left open for weeks redraws when a label would read differently, and not before. So the
//! words get coarser with age, and every label knows how long it holds.

use std::time::Duration;

/// An age as shown (`42s`, `7m`, `3h 05m`, `12d`), rounded down.
#[must_use]
pub fn label(age: Duration) -> String {
    let s = age.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m", s / 60),
        3_600..86_400 => format!("{}h {:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d {:02}h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// How long the label of a **growing** age still holds; never zero.
#[must_use]
pub fn until_change(age: Duration) -> Duration {
    let step = step(age.as_secs());
    let into = Duration::new(age.as_secs() % step, age.subsec_nanos());
    Duration::from_secs(step).checked_sub(into).unwrap_or(Duration::from_secs(1))
}

/// How long the label of a **shrinking** remainder (a countdown) still holds; never zero.
///
/// A countdown is shown rounded up, so that it reaches `0s` when the moment comes and not a second before.
#[must_use]
pub fn until_countdown_change(left: Duration) -> Duration {
    let shown = countdown_seconds(left);
    let step = if shown <= 60 { 1 } else { 60 };
    let next = (shown - 1) / step * step;
    left.checked_sub(Duration::from_secs(next)).filter(|hold| !hold.is_zero()).unwrap_or(Duration::from_secs(1))
}

/// A countdown as shown: whole seconds up to a minute, whole minutes above, rounded up.
#[must_use]
pub fn countdown(left: Duration) -> String {
    let s = countdown_seconds(left);
    if s <= 60 { label(Duration::from_secs(s)) } else { label(Duration::from_secs(s.div_ceil(60) * 60)) }
}

fn countdown_seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

fn step(seconds: u64) -> u64 {
    match seconds {
        0..60 => 1,
        60..86_400 => 60,
        _ => 3_600,
    }
}

/// A duration of a refresh, given in milliseconds: `0.4 ms`, `82 ms`, `1.24 s`, `2 m 05 s`.
#[must_use]
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
    fn a_label_holds_exactly_as_long_as_it_says() {
        for ms in [0, 1, 999, 1_000, 59_999, 60_000, 61_500, 3_599_999, 3_600_000, 86_400_000, 90_061_001] {
            let age = Duration::from_millis(ms);
            let hold = until_change(age);
            let just_before = (age + hold).checked_sub(Duration::from_nanos(1)).unwrap();
            assert_eq!(label(age), label(just_before), "{ms}");
            assert_ne!(label(age), label(age + hold), "{ms}");
        }
    }

    #[test]
    fn a_countdown_holds_exactly_as_long_as_it_says() {
        for ms in [1, 1_000, 1_001, 59_999, 60_000, 60_001, 61_000, 299_500, 3_600_000] {
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
