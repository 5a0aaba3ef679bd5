//! The keys that are useful now, from the key map.

use crate::{
    app::{action::Action, overlay::Overlay},
    keys::{self, Binding},
    scene::Scene,
    screens::screen::Screen,
    widgets::{put, put_pressed},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    if let Some(prompt) = &scene.state.prompt {
        return crate::widgets::prompt::render(scene, prompt, area, buf);
    }
    if let Some(toast) = &scene.state.toast {
        return put(buf, area, 0, &Line::styled(scene.clean(&toast.text, area.width), scene.theme.accent));
    }
    let bindings = keys::hints(scene.state).into_iter().filter_map(|action| scene.keys.binding(action));
    let parts = bindings.map(|binding| (hint(scene, binding), binding.action)).collect();
    put_pressed(scene, parts, area, buf);
}

fn hint(scene: &Scene, binding: &Binding) -> Vec<Span<'static>> {
    let key = |binding: &Binding| binding.keys.first().map(|key| key.name()).unwrap_or_default();
    let managing = matches!(scene.state.overlay, Some(Overlay::Manage(_)));
    let choosing = matches!(scene.state.overlay, Some(Overlay::Fix(_)));
    let on_board = scene.state.screen == Screen::Board && scene.state.overlay.is_none();
    let by_lines = matches!(scene.state.screen, Screen::History | Screen::Columns);
    let scrolls = (scene.state.overlay.is_some() || by_lines) && !choosing;
    let (key, word) = match binding.action {
        // Both directions in one hint.
        Action::Down => (scene.glyphs.arrows.to_owned(), if scrolls { "scroll" } else { "select" }),
        Action::PageDown => (binding.keys.first().map(|key| key.name()).unwrap_or_default(), "scroll"),
        Action::Pause if scene.state.paused.is_some() => {
            (binding.keys.first().map(|key| key.name()).unwrap_or_default(), "go on")
        }
        Action::Fix if on_board => (key(binding), if scene.state.screens.board.faults { "all" } else { "faults" }),
        Action::Origin if on_board => (key(binding), "sort"),
        Action::Origin if scene.state.screen == Screen::Incidents && scene.state.overlay.is_none() => {
            (key(binding), if scene.state.is_about_all() { "this view" } else { "all views" })
        }
        Action::Search if on_board => (key(binding), "filter"),
        Action::Measure if on_board => (key(binding), "manage"),
        Action::Open if managing => (key(binding), "manage"),
        Action::Open if choosing => (binding.keys.first().map(|key| key.name()).unwrap_or_default(), "execute"),
        _ => (binding.keys.first().map(|key| key.name()).unwrap_or_default(), binding.word),
    };
    vec![Span::styled(key, scene.theme.accent), Span::styled(format!(" {word}"), scene.theme.muted)]
}
