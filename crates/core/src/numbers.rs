//! Numbers and lengths of time as people read them; programs get them without separators and words.

use std::time::Duration;

/// Digits in groups of three.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut grouped = String::from(if n < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The same of a count.
pub fn grouped_u64(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count with what is counted: `1 row`, `10,005 rows`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped_u64(count), if count == 1 { "" } else { "s" })
}

/// A length of time that somebody has set, exactly: `24 h`, `7 days`, `1 h 30 min`, `5 s`, `250 ms`.
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    // A day is a window of 24 h, as on every screen; only whole days above are counted as such.
    let (days, rest) = if seconds > 86_400 { (seconds / 86_400, seconds % 86_400) } else { (0, seconds) };
    let words = |count: u64, word: &str| (count > 0).then(|| format!("{count} {word}"));
    let parts = [
        words(days, if days == 1 { "day" } else { "days" }),
        words(rest / 3_600, "h"),
        words(rest % 3_600 / 60, "min"),
        words(rest % 60, "s"),
        words(u64::from(length.subsec_millis()), "ms"),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "0 s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (n, wanted) in [(0, "0"), (999, "999"), (1_000, "1,000"), (10_005, "10,005"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(n), wanted);
        }
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!([counted(0, "row"), counted(1, "row"), counted(10_005, "row")], ["0 rows", "1 row", "10,005 rows"]);
    }

    #[test]
    fn lengths_are_exact_and_have_units() {
        let of = |seconds| length(Duration::from_secs(seconds));
        for (seconds, wanted) in [
            (0, "0 s"),
            (5, "5 s"),
            (90, "1 min 30 s"),
            (600, "10 min"),
            (5_400, "1 h 30 min"),
            (86_400, "24 h"),
            (129_600, "1 day 12 h"),
            (172_800, "2 days"),
            (62 * 86_400, "62 days"),
            (34 * 86_400 + 7_200, "34 days 2 h"),
        ] {
            assert_eq!(of(seconds), wanted);
        }
        assert_eq!(length(Duration::from_millis(1_250)), "1 s 250 ms");
    }
}
