//! The statements that fix a check, exactly as they would be executed, to be confirmed.

use crate::{
    app::{
        action::{Action, Pointed},
        overlay::FixDialog,
    },
    scene::Scene,
    widgets::{
        below,
        help::{popup, popup_inside},
        put, to_u16,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};
use refreshtop_core::{
    diagnosis::{Fix, Risk},
    sanitize::printable,
};

/// Lines of one statement that are shown: as many as the longest has on the narrowest screen.
const MOST_LINES: u16 = 400;

pub fn render(scene: &Scene, choice: &FixDialog, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let sheet = Sheet::new(scene, choice, area);
    let inner = popup(scene, "FIX", sheet.width, sheet.height, area, buf);
    let skipped = sheet.first.saturating_add(choice.below).min(sheet.last);
    for (row, (at, line)) in (0..sheet.room).zip(sheet.lines.iter().skip(usize::from(skipped))) {
        put(buf, inner, row, line);
        let place = Rect { y: inner.y + row, height: 1, ..inner };
        scene.note(place, Some(Action::Select(Pointed::Fixes, *at)));
    }
    let bottom = below(inner, sheet.room.min(to_u16(sheet.lines.len())));
    if skipped < sheet.last {
        // A statement can be confirmed only if its end can be seen.
        let key = scene.keys.first(Action::PageDown);
        return put(buf, bottom, 0, &Line::styled(format!("{key} shows the rest of it."), scene.theme.warning));
    }
    for (row, line) in (0..).zip(&sheet.asked) {
        put(buf, bottom, row, line);
    }
}

/// The furthest that the selected statement can be scrolled.
pub fn scroll_limit(scene: &Scene, choice: &FixDialog, area: Rect) -> u16 {
    let sheet = Sheet::new(scene, choice, area);
    sheet.last - sheet.first
}

/// What is drawn, and how much of it there is room for.
struct Sheet {
    /// Each line with the index of its statement.
    lines: Vec<(usize, Line<'static>)>,
    asked: Vec<Line<'static>>,
    width: u16,
    height: u16,
    /// Rows for the lines.
    room: u16,
    /// Lines left out at the top so that the selected statement is in sight, and so that its end is.
    first: u16,
    last: u16,
}

impl Sheet {
    fn new(scene: &Scene, choice: &FixDialog, area: Rect) -> Self {
        let width = area.width;
        let inside = width.saturating_sub(4);
        let parts: Vec<Vec<Line>> =
            choice.fixes.iter().enumerate().map(|(at, fix)| part(scene, choice, at, fix, inside)).collect();
        let asked = question(scene, choice, inside);
        let rows = to_u16(parts.iter().map(Vec::len).sum::<usize>() + asked.len());
        let height = rows.saturating_add(2);
        let room = popup_inside(width, height, area).height.saturating_sub(to_u16(asked.len()));
        let before = to_u16(parts.iter().take(choice.selected).map(Vec::len).sum::<usize>());
        let until = before + parts.get(choice.selected).map_or(0, |part| to_u16(part.len()));
        // The question stays in sight, and with it the end of what it is about.
        let last = until.saturating_sub(room);
        let with_number = |(at, part): (usize, Vec<Line<'static>>)| part.into_iter().map(move |line| (at, line));
        let lines = parts.into_iter().enumerate().flat_map(with_number).collect();
        Self { lines, asked, width, height, room, first: last.min(before), last }
    }
}

fn part(scene: &Scene, choice: &FixDialog, at: usize, fix: &Fix, width: u16) -> Vec<Line<'static>> {
    let selected = at == choice.selected;
    let mark = if selected { scene.glyphs.selected } else { " " };
    let style = if selected { scene.theme.accent } else { scene.theme.value };
    let message = format!("{}, in database {}", fix.label(), fix.database);
    let mut lines = Vec::new();
    for (row, text) in scene.clean_lines(&message, width.saturating_sub(2), 3).into_iter().enumerate() {
        let mark = if row == 0 { mark } else { " " };
        lines.push(Line::from(vec![Span::styled(format!("{mark} "), style), Span::styled(text, style)]));
    }
    for text in scene.clean_lines(&format!("{};", fix.sql()), width.saturating_sub(4), MOST_LINES) {
        lines.push(Line::from(vec![Span::raw("    "), Span::styled(text, scene.theme.value)]));
    }
    // If it can't be shown verbatim, it would look like another statement.
    if let Some(undo) = fix.undo().filter(|undo| printable(undo) == *undo) {
        let text = scene.clean(&format!("undo: {undo};"), width.saturating_sub(4));
        lines.push(Line::from(vec![Span::raw("    "), Span::styled(text, scene.theme.muted)]));
    }
    lines
}

/// What `Enter` does next.
fn question(scene: &Scene, choice: &FixDialog, width: u16) -> Vec<Line<'static>> {
    let risky = choice.fixes.get(choice.selected).is_some_and(|fix| fix.risk() == Risk::Disruptive);
    // In a narrow place the statement needs the room.
    if width < 60 {
        let (text, style) = match (risky, choice.confirming) {
            (false, _) => ("Enter executes it, Esc leaves it.", scene.theme.title),
            (true, false) => ("It ends work. Enter asks once more", scene.theme.warning),
            (true, true) => ("Really? Enter executes it.", scene.theme.critical),
        };
        return vec![Line::styled(scene.clean(text, width), style)];
    }
    let (text, style) = match (risky, choice.confirming) {
        (false, _) => ("Enter executes it, Esc leaves it.", scene.theme.title),
        (true, false) => (
            "It ends somebody's work, or takes something away. Enter asks once more, Esc leaves it.",
            scene.theme.warning,
        ),
        (true, true) => ("Really? Enter executes it, Esc leaves it.", scene.theme.critical),
    };
    scene.clean_lines(text, width, 4).into_iter().map(|text| Line::styled(text, style)).collect()
}
