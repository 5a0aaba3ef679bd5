//! What the two lists of the overview have in common.

use super::state::Focus;
use crate::{scene::Scene, widgets::draw_title};
use ratatui::{buffer::Buffer, layout::Rect, text::Span};

/// The title of a list, marked if the list has the keys.
pub fn titled_list(scene: &Scene, area: Rect, buf: &mut Buffer, title: &'static str, focus: Focus) -> Rect {
    let list = scene.state.list(focus);
    let focused = scene.state.screens.overview.focus == focus;
    let marked = if focused {
        vec![Span::styled(format!("{} {title}", scene.glyphs.selected), scene.theme.accent)]
    } else {
        vec![Span::styled(title, scene.theme.title)]
    };
    let note = match scene.state.selected_index(focus) {
        Some(index) if focused => format!("{}/{}", index + 1, list.len()),
        _ => list.len().to_string(),
    };
    let note = if list.is_empty() { "" } else { &note };
    draw_title(scene, area, buf, marked, note)
}
