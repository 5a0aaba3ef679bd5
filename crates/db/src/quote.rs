//! Names and values in statements that can't take parameters, and in those that are shown to a person.

pub(crate) use refreshtop_core::diagnosis::literal;
use std::time::Duration;

/// `name` as it stands in a statement: in quotes unless it is a plain word.
pub fn identifier(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(plain);
    if word { name.to_owned() } else { quoted(name) }
}

/// `name` in quotes, whatever it is.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `window` as an interval.
pub(crate) fn interval(window: Duration) -> String {
    // Up to PostgreSQL 14 each number in it is a 32-bit integer.
    let seconds = i32::try_from(window.as_secs()).unwrap_or(i32::MAX);
    format!("interval '{seconds}.{:06} seconds'", window.subsec_micros())
}
