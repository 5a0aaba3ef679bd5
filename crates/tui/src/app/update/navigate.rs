//! Which view is shown, and which screen is open.

use super::action::{load, step};
use crate::{
    app::{effect::Effect, state::State},
    screens::screen::Screen,
};
use refreshtop_core::{address::ViewId, request::Request};

/// Shows another view from now on; until it has been read, what the board knows of it.
pub fn show(state: &mut State, view: ViewId) -> Vec<Effect> {
    state.chosen = true;
    if view == state.shown {
        return Vec::new();
    }
    state.overlay = None;
    state.paused = None;
    state.shown = view.clone();
    state.database_mut().show(&view);
    state.screens.forget_view();
    let mut effects = vec![state.request(Request::Show(view))];
    effects.extend(state.poll());
    effects
}

/// Shows the view so many rows further on the board.
pub fn neighbour(state: &mut State, by: isize) -> Vec<Effect> {
    if state.screen == Screen::Board {
        return step(state, by);
    }
    let next = state.with_screens(|screens, context| screens.board.neighbour(by, context));
    let Some(view) = next else { return Vec::new() };
    let mut effects = show(state, view);
    effects.extend(load(state));
    effects
}

/// The screens beside the board are about the view that is selected there.
pub fn open_screen(state: &mut State, screen: Screen) -> Vec<Effect> {
    let selected = if state.screen == Screen::Board && !matches!(screen, Screen::Board | Screen::Wall) {
        state.screens.board.selected(&state.context()).and_then(|view| view.id().cloned())
    } else {
        None
    };
    let mut effects = selected.map(|view| show(state, view)).unwrap_or_default();
    if screen == Screen::Board && state.screen != Screen::Board {
        state.with_screens(|screens, context| screens.board.select_shown(context));
    }
    effects.extend(go_to(state, screen));
    effects
}

/// Goes to another screen, and asks for what it shows.
pub fn go_to(state: &mut State, screen: Screen) -> Vec<Effect> {
    state.overlay = None;
    if state.screen != screen {
        state.screens.get_mut(screen).enter();
    }
    state.screen = screen;
    load(state)
}
