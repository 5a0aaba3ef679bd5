//! The verdict in a word, and which views there are: the head of every view but the overview.

use crate::{
    app::action::Action,
    scene::Scene,
    screens::screen::Screen,
    widgets::{put, put_pressed, verdict},
};
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
    let taken = (crate::widgets::width_of(&block) + 2).min(area.width);
    put(buf, area, 0, &block);
    let rest = Rect { x: area.x + taken, width: area.width - taken, ..area };
    let mut views = shown(scene);
    let before = views.iter().position(|view| *view == scene.state.screen).unwrap_or_default();
    let shown = parts(scene, &views).into_iter().take(before + 1);
    let needed: usize = shown.map(|(part, _)| Line::from(part).width() + 2).sum();
    if needed > usize::from(rest.width) + 2 {
        // If the open one would not fit, it goes first.
        views.sort_by_key(|view| *view != scene.state.screen);
    }
    put_pressed(scene, parts(scene, &views), rest, buf);
}

/// The views alone, if the verdict is elsewhere.
pub fn render_strip(scene: &Scene, area: Rect, buf: &mut Buffer) {
    put_pressed(scene, parts(scene, &shown(scene)), area, buf);
}

/// The board is worth a tab only where there are several views.
fn shown(scene: &Scene) -> Vec<Screen> {
    Screen::ALL.into_iter().filter(|screen| *screen != Screen::Board || scene.state.has_board()).collect()
}

fn parts(scene: &Scene, views: &[Screen]) -> Vec<(Vec<Span<'static>>, Action)> {
    views.iter().map(|view| (tab(scene, *view), Action::Screen(*view))).collect()
}

fn tab(scene: &Scene, view: Screen) -> Vec<Span<'static>> {
    let open = scene.state.screen == view;
    let key = scene.keys.first(Action::Screen(view));
    if open {
        // A mark and underlining beside the colour.
        let mark = scene.glyphs.selected;
        let style = scene.theme.accent.add_modifier(Modifier::UNDERLINED);
        vec![Span::styled(format!("{mark} "), scene.theme.accent), Span::styled(view.name(), style)]
    } else {
        vec![Span::styled(format!("{key} "), scene.theme.accent), Span::styled(view.name(), scene.theme.muted)]
    }
}
