//! What several screens draw: a file for each, and the few pieces that these are made of.

pub mod banner;
pub mod fix;
pub mod footer;
pub mod header;
pub mod help;
pub mod letters;
pub mod manage;
pub mod numbers;
mod prompt;
pub mod refresh;
pub mod run_detail;
pub mod sentence;
pub mod sheet;
pub mod tabs;
pub mod timeline;
pub mod verdict;

use crate::{
    app::action::{Action, Pointed},
    layout::Needs,
    scene::Scene,
};
use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    reading::{Reading, Unavailable},
    run::{Origin, Run},
};

/// Rows that the parts around a screen ask for.
pub fn needs(scene: &Scene, area: Rect) -> Needs {
    let width = area.width.saturating_sub(2);
    Needs {
        banner: banner::height(scene, width),
        findings: verdict::height(scene),
        refresh: refresh::height(scene, width),
        ..Needs::default()
    }
}

/// Draws `line` in row `row` of `area`; nothing if the area ends before.
pub fn put(buf: &mut Buffer, area: Rect, row: u16, line: &Line) {
    if row < area.height {
        buf.set_line(area.x, area.y + row, line, area.width);
    }
}

/// Draws `line` at the right end of row `row`.
pub fn put_right(buf: &mut Buffer, area: Rect, row: u16, line: &Line) {
    let width = width_of(line).min(area.width);
    let place = Rect { x: area.right() - width, width, ..area };
    put(buf, place, row, line);
}

pub fn width_of(line: &Line) -> u16 {
    u16::try_from(line.width()).unwrap_or(u16::MAX)
}

/// The area without its first `rows` rows.
pub fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// Draws a pane's title with a note and a rule to the edge, and gives the area below.
pub fn titled(scene: &Scene, area: Rect, buf: &mut Buffer, title: &'static str, note: &str) -> Rect {
    draw_title(scene, area, buf, vec![Span::styled(title, scene.theme.title)], note)
}

pub fn draw_title(scene: &Scene, area: Rect, buf: &mut Buffer, mut spans: Vec<Span<'static>>, note: &str) -> Rect {
    if !note.is_empty() {
        spans.push(Span::styled(format!("  {}", scene.clean(note, area.width)), scene.theme.muted));
    }
    spans.push(" ".into());
    let mut line = Line::from(spans);
    let rest = usize::from(area.width.saturating_sub(width_of(&line)));
    line.push_span(Span::styled(scene.glyphs.rule.repeat(rest), scene.theme.muted));
    put(buf, area, 0, &line);
    below(area, 1)
}

/// Says in place why a part has no value, and what would fix it.
pub fn unavailable(scene: &Scene, missing: &Unavailable, area: Rect, buf: &mut Buffer) {
    if area.height == 1 {
        return put(buf, area, 0, &unavailable_line(scene, missing, area.width));
    }
    let width = area.width.saturating_sub(2);
    let reason = scene.clean_lines(&missing.reason, width, area.height);
    let fix = scene.clean_lines(&missing.fix, width, area.height.saturating_sub(to_u16(reason.len())));
    for (row, text) in (0..).zip(&reason) {
        let mark = if row == 0 { scene.glyphs.warning } else { " " };
        put(buf, area, row, &Line::from(vec![Span::styled(mark, scene.theme.warning), " ".into(), text.into()]));
    }
    for (row, text) in (to_u16(reason.len())..).zip(&fix) {
        put(buf, area, row, &Line::styled(format!("  {text}"), scene.theme.muted));
    }
}

/// The same on one row, for compact panes.
pub fn unavailable_line(scene: &Scene, missing: &Unavailable, width: u16) -> Line<'static> {
    let mark = Span::styled(scene.glyphs.warning, scene.theme.warning);
    let text = if missing.fix.is_empty() {
        missing.reason.clone()
    } else {
        format!("{} {} {}", missing.reason, scene.glyphs.dot, missing.fix)
    };
    Line::from(vec![mark, " ".into(), scene.clean(&text, width.saturating_sub(2)).into()])
}

/// The text of a pane before the first poll.
pub fn waiting(scene: &Scene, area: Rect, buf: &mut Buffer) {
    put(buf, area, 0, &Line::styled(being_read(scene, ""), scene.theme.muted));
}

/// What was read; else draws why there is nothing to show yet.
pub fn read_or_reason<'a, T>(
    scene: &Scene,
    reading: Option<&'a Reading<T>>,
    area: Rect,
    buf: &mut Buffer,
) -> Option<&'a T> {
    match reading {
        None => waiting(scene, area, buf),
        Some(Err(missing)) => unavailable(scene, missing, area, buf),
        Some(Ok(read)) => return Some(read),
    }
    None
}

/// The text that `what` is being read, or why it is not.
pub fn being_read(scene: &Scene, what: &str) -> String {
    match (scene.state.connected(), what) {
        (true, "") => format!("reading{}", scene.glyphs.charset.ellipsis),
        (true, what) => format!("reading {what}{}", scene.glyphs.charset.ellipsis),
        (false, "") => "not read: no connection".into(),
        (false, what) => format!("{what} not read: no connection"),
    }
}

/// A title beside which the pane begins, for panes of few rows; gives the rest.
pub fn compact_title(scene: &Scene, area: Rect, buf: &mut Buffer, title: &'static str) -> Rect {
    put(buf, area, 0, &Line::styled(title, scene.theme.title));
    let taken = to_u16(title.len() + 2).min(area.width);
    Rect { x: area.x + taken, width: area.width - taken, ..area }
}

/// Joins the parts that fit into `width`, leaving out from the first that does not.
pub fn fitting(parts: Vec<Vec<Span<'static>>>, gap: &'static str, width: u16) -> Line<'static> {
    let mut line = Line::default();
    for part in parts {
        let part_width: usize = part.iter().map(Span::width).sum();
        let gap_width = if line.spans.is_empty() { 0 } else { gap.chars().count() };
        if line.width() + gap_width + part_width > usize::from(width) && !line.spans.is_empty() {
            break;
        }
        if gap_width > 0 {
            line.push_span(gap);
        }
        line.spans.extend(part);
    }
    line
}

/// Draws the parts that fit into the first row, and records the action of a press on each.
pub fn put_pressed(scene: &Scene, parts: Vec<(Vec<Span<'static>>, Action)>, area: Rect, buf: &mut Buffer) {
    const GAP: &str = "  ";
    let (parts, actions): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let widths: Vec<u16> = parts.iter().map(|part| width_of(&Line::from(part.clone()))).collect();
    let line = fitting(parts, GAP, area.width);
    let (mut x, end) = (area.x, area.x.saturating_add(width_of(&line)));
    for (width, action) in widths.into_iter().zip(actions) {
        if x >= end {
            break;
        }
        scene.note(Rect { x, width, height: area.height.min(1), ..area }, Some(action));
        x = x.saturating_add(width).saturating_add(to_u16(GAP.len()));
    }
    put(buf, area, 0, &line);
}

/// A label and its value.
pub fn labelled(scene: &Scene, label: &'static str, value: String, style: Style) -> Vec<Span<'static>> {
    vec![Span::styled(label, scene.theme.muted), " ".into(), Span::styled(value, style)]
}

/// A time of day in UTC, with the date if it is not the day of the snapshot.
pub fn moment(scene: &Scene, at: DateTime<Utc>) -> String {
    let today = scene.state.snapshot().map(|snapshot| snapshot.server_time.date_naive());
    if today == Some(at.date_naive()) {
        at.format("%H:%M:%S").to_string()
    } else {
        at.format("%m-%d %H:%M").to_string()
    }
}

/// Whether `at` is shown with its date.
pub fn on_another_day(scene: &Scene, run: &Run) -> bool {
    scene.state.snapshot().is_some_and(|s| s.server_time.date_naive() != run.started_at.date_naive())
}

pub fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Scheduled => "scheduled",
        Origin::Manual => "manual",
        Origin::Direct => "direct",
        Origin::Unknown => "unknown",
    }
}

/// Notes that a press on a row selects it: the rows `range` of a list stand one below the other in `area`.
pub fn note_rows(scene: &Scene, area: Rect, list: Pointed, range: std::ops::Range<usize>) {
    for (row, index) in (0..area.height).zip(range) {
        let place = Rect { y: area.y + row, height: 1, ..area };
        scene.note(place, Some(Action::Select(list, index)));
    }
}

/// The part of a list that is shown in `height` rows so that row `selected` stays in sight.
pub fn window(selected: usize, len: usize, height: u16) -> std::ops::Range<usize> {
    let height = usize::from(height);
    let start = selected.saturating_sub(height / 2).min(len.saturating_sub(height));
    start..len.min(start.saturating_add(height))
}

pub fn to_u16(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_selection_and_stays_full() {
        assert_eq!(window(0, 100, 10), 0..10);
        assert_eq!(window(50, 100, 10), 45..55);
        assert_eq!(window(99, 100, 10), 90..100);
        assert_eq!(window(0, 3, 10), 0..3);
        assert_eq!(window(0, 0, 10), 0..0);
        assert_eq!(window(5, 10, 0), 5..5);
    }
}
