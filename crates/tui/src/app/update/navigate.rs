//! Which view is shown, and which screen is open.

use super::action::{load, step};
use crate::{
    app::{effect::Effect, state::State},
    screens::{incidents::state::Scope, screen::Screen},
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
    if state.is_about_all() && state.screen != Screen::Wall {
        return step(state, by);
    }
    let next = state.with_screens(|screens, context| screens.board.neighbour(by, context));
    let Some(view) = next else { return Vec::new() };
    let mut effects = show(state, view);
    effects.extend(load(state));
    effects
}

/// Opens a screen. Where all views are listed, the screens that are about one view are about the selected one, and the
/// incidents are those of all views.
pub fn open_screen(state: &mut State, screen: Screen) -> Vec<Effect> {
    let about_all = state.is_about_all();
    let mut effects = Vec::new();
    match screen {
        Screen::Board | Screen::Wall => {}
        Screen::Incidents if state.screen == Screen::Incidents => {}
        Screen::Incidents => {
            let scope = if about_all && state.has_many() { Scope::All } else { Scope::Shown };
            if state.screens.incidents.scope != scope {
                (state.screens.incidents.scope, state.screens.incidents.selected) = (scope, None);
            }
            if scope == Scope::Shown {
                effects = show_selected(state);
            }
        }
        _ => effects = show_selected(state),
    }
    // The board keeps its selection while it is left for another list of all views.
    if screen == Screen::Board && !about_all {
        state.with_screens(|screens, context| screens.board.select_shown(context));
    }
    effects.extend(go_to(state, screen));
    effects
}

/// Shows the view that is selected on the board, or the first one of the selected incident of all views.
fn show_selected(state: &mut State) -> Vec<Effect> {
    let context = state.context();
    let selected = match state.screen {
        Screen::Board => state.screens.board.selected(&context).and_then(|view| view.id().cloned()),
        Screen::Incidents if state.is_about_all() => state.screens.incidents.selected_view(&context),
        _ => None,
    };
    selected.map(|view| show(state, view)).unwrap_or_default()
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
