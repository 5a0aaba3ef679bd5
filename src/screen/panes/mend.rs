//! The statements that mend a check, exactly as they would be executed, to be confirmed.

use super::{Scene, help::popup, put, to_u16};
use crate::model::{
    diagnosis::{Danger, Mend},
    message::{Action, Pointed},
    views::diagnose::Choice,
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

/// Lines of one statement that are shown: as many as the longest has on the narrowest screen.
const MOST_LINES: u16 = 400;

pub fn render(scene: &Scene, choice: &Choice, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let width = area.width.min(110);
    let inside = width.saturating_sub(4);
    let parts: Vec<Vec<Line>> =
        choice.mends.iter().enumerate().map(|(at, mend)| part(scene, choice, at, mend, inside)).collect();
    let asked = question(scene, choice, inside);
    let rows = to_u16(parts.iter().map(Vec::len).sum::<usize>() + asked.len());
    let inner = popup(scene, "MEND", width, rows.saturating_add(2), area, buf);
    // The question stays in sight, and with it the end of what it is about.
    let room = inner.height.saturating_sub(to_u16(asked.len()));
    let before: usize = parts.iter().take(choice.selected).map(Vec::len).sum();
    let until = to_u16(before + parts.get(choice.selected).map_or(0, Vec::len));
    let lines: Vec<(usize, Line)> =
        parts.into_iter().enumerate().flat_map(|(at, part)| part.into_iter().map(move |line| (at, line))).collect();
    let skipped = until.saturating_sub(room).min(to_u16(before));
    for (row, (at, line)) in (0..room).zip(lines.iter().skip(usize::from(skipped))) {
        put(buf, inner, row, line);
        let place = Rect { y: inner.y + row, height: 1, ..inner };
        scene.note(place, Some(Action::Select(Pointed::Mends, *at)));
    }
    let bottom = Rect { y: inner.y + room.min(to_u16(lines.len())), ..inner };
    for (row, line) in (0..inner.height.saturating_sub(bottom.y - inner.y)).zip(&asked) {
        put(buf, Rect { height: inner.bottom() - bottom.y, ..bottom }, row, line);
    }
}

fn part(scene: &Scene, choice: &Choice, at: usize, mend: &Mend, width: u16) -> Vec<Line<'static>> {
    let selected = at == choice.selected;
    let mark = if selected { scene.glyphs.selected } else { " " };
    let style = if selected { scene.theme.accent } else { scene.theme.value };
    let said = format!("{}, in database {}", mend.label, mend.database);
    let mut lines = Vec::new();
    for (row, text) in scene.clean_lines(&said, width.saturating_sub(2), 3).into_iter().enumerate() {
        let mark = if row == 0 { mark } else { " " };
        lines.push(Line::from(vec![Span::styled(format!("{mark} "), style), Span::styled(text, style)]));
    }
    for text in scene.clean_lines(&format!("{};", mend.sql), width.saturating_sub(4), MOST_LINES) {
        lines.push(Line::from(vec![Span::raw("    "), Span::styled(text, scene.theme.value)]));
    }
    lines
}

/// What `Enter` does next.
fn question(scene: &Scene, choice: &Choice, width: u16) -> Vec<Line<'static>> {
    let risky = choice.mends.get(choice.selected).is_some_and(|mend| mend.danger == Danger::AsksTwice);
    let (text, style) = match (risky, choice.asked) {
        (false, _) => ("Enter executes it, Esc leaves it.", scene.theme.title),
        (true, false) => (
            "It ends somebody's work, or takes something away. Enter asks once more, Esc leaves it.",
            scene.theme.warning,
        ),
        (true, true) => ("Really? Enter executes it, Esc leaves it.", scene.theme.critical),
    };
    scene.clean_lines(text, width, 4).into_iter().map(|text| Line::styled(text, style)).collect()
}
