//! The newest error of the window: when, which, what.

use crate::{
    scene::Scene,
    screens::overview::figures,
    widgets::{moment, put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

/// Rows that it needs in a narrow place; none without statistics.
pub fn height(scene: &Scene) -> u16 {
    scene.state.stats().map_or(0, |stats| if stats.last_error.is_some() { 2 } else { 1 })
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let Some(stats) = scene.state.stats() else { return };
    let label = "Last error  ";
    let Some(message) = &stats.last_error else {
        let none = format!("none in the last {}", figures::window(scene));
        let line = vec![Span::styled(label, scene.theme.muted), Span::styled(none, scene.theme.value)];
        return put(buf, area, 0, &Line::from(line));
    };
    let mut head = vec![Span::styled(format!("{} ", scene.glyphs.failed), scene.theme.critical)];
    head.push(Span::styled(label, scene.theme.muted));
    // The list knows when it was; the statistics know only the text.
    if let Some(run) = scene.state.errors().iter().find(|run| run.error.as_ref() == Some(message)) {
        let code = run.sqlstate.as_deref().map(|code| scene.clean(code, 5)).unwrap_or_default();
        head.push(Span::raw(format!("{} {code}  ", moment(scene, run.started_at))));
    }
    let head = Line::from(head);
    let taken = crate::widgets::width_of(&head);
    if area.height == 1 {
        let mut line = head;
        line.push_span(Span::styled(scene.clean(message, area.width.saturating_sub(taken)), scene.theme.critical));
        return put(buf, area, 0, &line);
    }
    put(buf, area, 0, &head);
    let lines = scene.clean_lines(message, area.width, area.height.saturating_sub(1));
    for (row, text) in (1..=to_u16(lines.len())).zip(&lines) {
        put(buf, area, row, &Line::styled(text.as_str(), scene.theme.critical));
    }
}
