//! Scrolling by lines.

/// A scroll position moved by so many lines; negative is up.
pub fn scrolled(from: u16, by: isize) -> u16 {
    let by = i32::try_from(by).unwrap_or(if by < 0 { i32::MIN } else { i32::MAX });
    let moved = i32::from(from).saturating_add(by).clamp(0, i32::from(u16::MAX));
    u16::try_from(moved).unwrap_or(u16::MAX)
}
