//! The verdict in a word, and which views there are: the head of every view but the overview.

use super::{Scene, fitting, put, verdict};
use crate::{
    model::{message::Action, views::View},
    screen::keys,
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

/// A view's name.
pub fn name(view: View) -> &'static str {
    match view {
        View::Overview => "overview",
        View::Diagnose => "diagnose",
    }
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let block = Line::from(verdict::block(scene));
    let taken = (super::width_of(&block) + 2).min(area.width);
    put(buf, area, 0, &block);
    // The open one goes first, so that it is there in a narrow place.
    let mut views = View::ALL;
    if area.width < 60 {
        views.sort_by_key(|view| *view != scene.state.view);
    }
    let parts = views.into_iter().map(|view| tab(scene, view)).collect();
    let rest = Rect { x: area.x + taken, width: area.width - taken, ..area };
    put(buf, rest, 0, &fitting(parts, "  ", rest.width));
}

fn tab(scene: &Scene, view: View) -> Vec<Span<'static>> {
    let open = scene.state.view == view;
    let key = keys::first(Action::View(view));
    if open {
        // A mark and underlining beside the colour.
        let mark = scene.glyphs.selected;
        let style = scene.theme.accent.add_modifier(Modifier::UNDERLINED);
        vec![Span::styled(format!("{mark} "), scene.theme.accent), Span::styled(name(view), style)]
    } else {
        vec![Span::styled(format!("{key} "), scene.theme.accent), Span::styled(name(view), scene.theme.muted)]
    }
}
