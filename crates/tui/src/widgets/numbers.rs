//! Numbers as people read them.

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

/// The next round number, so that the scale stays where it is while durations vary a little.
pub fn round_up(ms: f64) -> f64 {
    if ms <= 0.0 {
        return ms;
    }
    let decade = 10_f64.powf(ms.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];
    steps.iter().map(|step| step * decade).find(|round| *round >= ms).unwrap_or(decade * 10.0)
}
