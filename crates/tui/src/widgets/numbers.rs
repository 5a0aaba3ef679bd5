//! Numbers as people read them.

use refreshtop_core::diagnosis;
pub use refreshtop_core::numbers::{grouped, grouped_u64};

/// The number as an integer, if it is one.
pub fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

/// Digits in groups of three; two behind the point if it is no integer.
pub fn number(value: f64) -> String {
    if let Some(whole) = whole(value) {
        return grouped(whole);
    }
    if value.abs() >= 9e15 {
        return format!("{value:.3e}");
    }
    let hundredths = (value.abs() * 100.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "below 9e17")]
    let (whole, rest) = ((hundredths / 100.0).floor() as i64, (hundredths % 100.0) as i64);
    format!("{}{}.{rest:02}", if value < 0.0 { "-" } else { "" }, grouped(whole))
}

/// The next round number, so that the scale stays where it is while durations vary a little.
pub fn round_up(ms: f64) -> f64 {
    if ms <= 0.0 {
        return ms;
    }
    let decade = 10_f64.powf(ms.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];
    steps.iter().map(|step| step * decade).find(|round| *round >= ms).unwrap_or(decade * 10.0)
}

/// A count in few columns: `999`, `20.4k`, `1.2M`.
pub fn short(count: u64) -> String {
    if count < 10_000 {
        return grouped_u64(count);
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut left = count as f64 / 1_000.0;
    for unit in ["k", "M", "G"] {
        if left < 999.95 {
            return format!("{left:.1}{unit}");
        }
        left /= 1_000.0;
    }
    format!("{left:.1}T")
}

/// So many bytes, in the unit that suits.
pub fn bytes(count: u64) -> String {
    diagnosis::bytes(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_are_readable() {
        for (value, wanted) in [
            (0.0, "0"),
            (10_482.0, "10,482"),
            (-1_234.5, "-1,234.50"),
            (0.999, "1.00"),
            (1e18, "1.000e18"),
            (-1e30, "-1.000e30"),
        ] {
            assert_eq!(number(value), wanted);
        }
    }

    #[test]
    fn counts_take_few_columns() {
        let cases = [
            (0, "0"),
            (9_999, "9,999"),
            (10_000, "10.0k"),
            (999_949, "999.9k"),
            (999_950, "1.0M"),
            (u64::MAX, "18446744.1T"),
        ];
        for (count, wanted) in cases {
            assert_eq!(short(count), wanted);
        }
    }
}
