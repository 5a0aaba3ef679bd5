//! Refreshing the view that is meant, and cancelling that.

use crate::{
    app::{
        effect::Effect,
        overlay::{ManageStep, Overlay},
        state::State,
    },
    screens::screen::Screen,
};
use refreshtop_core::{
    address::ViewId,
    database::Database,
    refresh::{Trigger, TriggerOutcome},
    request::Request,
};

/// Refreshes the view that is meant.
pub fn trigger(state: &mut State) -> Vec<Effect> {
    if matches!(state.database().trigger, Trigger::Running { .. }) {
        return Vec::new();
    }
    let Some(view) = meant(state) else {
        let why = if state.screen == Screen::Board { "this view is not managed" } else { "no single view is selected" };
        state.show_toast(why);
        return Vec::new();
    };
    let fixing = state.screens.diagnose.fixing.as_ref();
    let busy = fixing.map(|fix| format!("a fix is under way: {}; wait for it", fix.label()));
    if let Some(message) = busy.or_else(|| refusal(state.database())) {
        let ended = Trigger::Ended { view, outcome: TriggerOutcome::Refused { message }, at: state.now };
        state.database_mut().trigger = ended;
        return Vec::new();
    }
    // Somebody who starts a refresh wants to see its result.
    state.paused = None;
    state.database_mut().trigger = Trigger::Running { view: view.clone(), since: state.now, cancelling: false };
    vec![state.request(Request::Refresh(view))]
}

/// The known reason why a refresh is impossible, without asking the server.
fn refusal(database: &Database) -> Option<String> {
    if !database.connected() {
        return Some("not connected: a refresh needs the database; wait until the connection is back".into());
    }
    database.is_standby().then(|| "this server is a read-only standby: trigger the refresh on its primary".into())
}

/// The view that a refresh is for: the one that is shown, or selected in a list of all views.
fn meant(state: &State) -> Option<ViewId> {
    if state.screen == Screen::Board {
        return state.screens.board.selected(&state.context())?.id().cloned();
    }
    if state.screen == Screen::Incidents && state.is_about_all() {
        // Of several views none is meant more than the others.
        let incident = state.screens.incidents.selected(&state.context())?;
        let [(view, _)] = &incident.views[..] else { return None };
        return Some(view.clone());
    }
    Some(state.shown.clone())
}

/// Cancels the refresh that was started here, or the managing of a view.
pub fn cancel(state: &mut State) -> Vec<Effect> {
    if let Some(Overlay::Manage(dialog)) = &mut state.overlay
        && let ManageStep::Managing { cancelling, .. } = &mut dialog.step
    {
        *cancelling = true;
        return vec![state.request(Request::CancelManage)];
    }
    match &mut state.database_mut().trigger {
        // Another key press sends it again: the first request may have come before the statement did.
        Trigger::Running { cancelling, .. } => {
            *cancelling = true;
            vec![state.request(Request::CancelRefresh)]
        }
        _ => Vec::new(),
    }
}
