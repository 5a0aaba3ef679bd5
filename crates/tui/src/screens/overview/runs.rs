//! Recent runs: when, what triggered them, how they ended, how long they took.

use crate::{
    app::action::Pointed,
    scene::Scene,
    screens::overview::{list::titled_list, state::Focus},
    widgets::{moment, note_rows, on_another_day, origin, read_or_reason, window},
};
use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Constraint, Rect},
    style::Style,
    text::Line,
    widgets::{Cell, Row, Table, Widget},
};
use refreshtop_core::{
    age,
    run::{Origin, Run, RunStatus},
};

/// Width from which on the outcome has a word beside its glyph.
const WORDS: u16 = 39;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let inner = titled_list(scene, area, buf, "RUNS", Focus::Runs);
    let reading = scene.state.snapshot().map(|snapshot| &snapshot.runs);
    let Some(runs) = read_or_reason(scene, reading, inner, buf) else { return };
    if runs.is_empty() {
        return crate::widgets::put(buf, inner, 0, &Line::styled("no runs yet", scene.theme.muted));
    }
    let selected = scene.state.selected_index(Focus::Runs).unwrap_or_default();
    let range = window(selected, runs.len(), inner.height);
    let visible = runs.get(range.clone()).unwrap_or_default();
    let time = if visible.iter().any(|run| on_another_day(scene, run)) { 11 } else { 8 };
    let status = if inner.width >= WORDS { 8 } else { 1 };
    let focused = scene.state.screens.overview.focus == Focus::Runs;
    note_rows(scene, inner, Pointed::Runs, range.clone());
    let rows = visible.iter().zip(range).map(|(run, index)| row(scene, run, status > 1, focused && index == selected));
    let widths = [Constraint::Length(time), Constraint::Length(9), Constraint::Length(status), Constraint::Length(9)];
    Table::new(rows, widths).column_spacing(1).render(inner, buf);
}

fn row(scene: &Scene, run: &Run, words: bool, selected: bool) -> Row<'static> {
    let style = |style: Style| if selected { Style::new() } else { style };
    let by = match run.origin {
        Origin::Scheduled => scene.theme.muted,
        Origin::Manual | Origin::Direct | Origin::Unknown => scene.theme.value,
    };
    let glyph = scene.glyphs.status(run.status);
    let outcome = match (words, run.status) {
        (false, _) => glyph.to_owned(),
        (true, RunStatus::Success) => format!("{glyph} ok"),
        (true, RunStatus::Error) => format!("{glyph} failed"),
    };
    let duration = run.duration_ms.map_or_else(|| scene.glyphs.none.into(), age::duration_ms);
    Row::new([
        Cell::new(moment(scene, run.started_at)).style(style(scene.theme.muted)),
        Cell::new(origin(run.origin)).style(style(by)),
        Cell::new(outcome).style(style(scene.theme.status(run.status))),
        Cell::new(Line::from(duration).alignment(Alignment::Right)),
    ])
    .style(if selected { scene.theme.selected } else { Style::new() })
}
