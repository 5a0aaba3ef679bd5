//! Recent errors: when, which, how many sessions blocked the refresh, what the error was.

use crate::{
    app::action::Pointed,
    scene::Scene,
    screens::overview::{list::titled_list, state::Focus},
    widgets::{being_read, moment, note_rows, on_another_day, read_or_reason, window},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Cell, Row, Table, Widget},
};
use refreshtop_core::run::Run;

/// Width from which on the blocking sessions are described in words.
const WORDS: u16 = 64;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let inner = titled_list(scene, area, buf, "ERRORS", Focus::Errors);
    let reading = scene.state.snapshot().map(|snapshot| &snapshot.errors);
    let Some(errors) = read_or_reason(scene, reading, inner, buf) else { return };
    if errors.is_empty() {
        let none = vec![Span::styled(scene.glyphs.ok, scene.theme.healthy), " none on record".into()];
        return crate::widgets::put(buf, inner, 0, &Line::from(none));
    }
    table(scene, errors, inner, buf);
}

fn table(scene: &Scene, errors: &[Run], area: Rect, buf: &mut Buffer) {
    let selected = scene.state.selected_index(Focus::Errors).unwrap_or_default();
    let range = window(selected, errors.len(), area.height);
    let visible = errors.get(range.clone()).unwrap_or_default();
    let time = if visible.iter().any(|run| on_another_day(scene, run)) { 11 } else { 8 };
    let blockers = match (visible.iter().any(|run| run.blockers > 0), area.width >= WORDS) {
        (false, _) => 0,
        (true, true) => 11,
        (true, false) => 3,
    };
    if blockers == 3 {
        let title = Rect { y: area.y - 1, height: 1, ..area };
        crate::widgets::put_right(buf, title, 0, &Line::styled(" blockers", scene.theme.muted));
    }
    let message = area.width.saturating_sub(time + 5 + blockers + 3);
    let focused = scene.state.screens.overview.focus == Focus::Errors;
    note_rows(scene, area, Pointed::Errors, range.clone());
    let rows =
        visible.iter().zip(range).map(|(run, index)| row(scene, run, message, blockers, focused && index == selected));
    let widths =
        [Constraint::Length(time), Constraint::Length(5), Constraint::Length(message), Constraint::Length(blockers)];
    Table::new(rows, widths).column_spacing(1).render(area, buf);
}

fn row(scene: &Scene, run: &Run, width: u16, blockers: u16, selected: bool) -> Row<'static> {
    // The selection is one even bar: colours inside it would be hard to read.
    let style = |style: Style| if selected { Style::new() } else { style };
    let code = run.sqlstate.as_deref().map(|code| scene.clean(code, 5)).unwrap_or_default();
    // Known from its notification only; the next poll brings the text.
    let message = match &run.error {
        Some(error) => Cell::new(scene.clean(error, width)),
        None => Cell::new(being_read(scene, "")).style(style(scene.theme.muted)),
    };
    let in_the_way = match (run.blockers, blockers) {
        (0, _) | (_, 0) => String::new(),
        (n, 3) => format!("{:>3}", n.min(999)),
        (1, _) => "  1 blocker".into(),
        (n, _) => format!("{:>2} blockers", n.min(99)),
    };
    Row::new([
        Cell::new(moment(scene, run.started_at)).style(style(scene.theme.muted)),
        Cell::new(code).style(style(scene.theme.critical)),
        message,
        Cell::new(in_the_way).style(style(scene.theme.warning)),
    ])
    .style(if selected { scene.theme.selected } else { Style::new() })
}
