//! The verdict in a word, and which views there are: the head of every view but the overview.

use super::{Scene, put, put_pressed, verdict};
use crate::model::{message::Action, views::View};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

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
    let rest = Rect { x: area.x + taken, width: area.width - taken, ..area };
    put_pressed(scene, parts(scene, &views), rest, buf);
}

/// The views alone, where the verdict stands elsewhere.
pub fn render_strip(scene: &Scene, area: Rect, buf: &mut Buffer) {
    put_pressed(scene, parts(scene, &View::ALL), area, buf);
}

fn parts(scene: &Scene, views: &[View]) -> Vec<(Vec<Span<'static>>, Action)> {
    views.iter().map(|view| (tab(scene, *view), Action::View(*view))).collect()
}

fn tab(scene: &Scene, view: View) -> Vec<Span<'static>> {
    let open = scene.state.view == view;
    let key = scene.keys.first(Action::View(view));
    if open {
        // A mark and underlining beside the colour.
        let mark = scene.glyphs.selected;
        let style = scene.theme.accent.add_modifier(Modifier::UNDERLINED);
        vec![Span::styled(format!("{mark} "), scene.theme.accent), Span::styled(view.name(), style)]
    } else {
        vec![Span::styled(format!("{key} "), scene.theme.accent), Span::styled(view.name(), scene.theme.muted)]
    }
}
