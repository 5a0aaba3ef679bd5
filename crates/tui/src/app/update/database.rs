//! What the events of a database change.

use super::action::{apply, load};
use crate::app::{effect::Effect, overlay::Overlay, state::State};
use refreshtop_core::{
    address::DatabaseId,
    event::Event,
    notification::Notification,
    reading::Reading,
    refresh::{Trigger, TriggerOutcome},
    run::RunDetail,
};
use uuid::Uuid;

/// Takes in an event of the database `id`.
pub fn event(state: &mut State, id: &DatabaseId, event: Event) -> Vec<Effect> {
    let (now, paused, interval) = (state.now, state.paused.is_some(), state.options.poll_interval);
    let is_shown = state.database().id == *id;
    let Some(database) = state.databases.get_mut(id) else { return Vec::new() };
    match event {
        Event::Link(event) => {
            let read = database.linked(event, now) && !paused;
            let request = if read { database.poll() } else { None };
            request.map(|request| Effect::Database(id.clone(), request)).into_iter().collect()
        }
        Event::Notified(notification) if paused => missed(state, &notification),
        Event::Notified(notification) => {
            database.notified(&notification, now);
            Vec::new()
        }
        Event::Polled(_) | Event::PollFailed(_) if paused => {
            database.polling.running = false;
            Vec::new()
        }
        Event::Polled(snapshot) => {
            let read = snapshot.view.clone();
            database.polled(*snapshot, now, interval);
            if is_shown {
                state.show_only_view(&read);
            }
            // What else is on the screen may have changed with it.
            if is_shown { load(state) } else { Vec::new() }
        }
        Event::PollFailed(error) => {
            database.poll_failed(error, now, interval);
            Vec::new()
        }
        Event::TriggerEnded(outcome) => trigger_ended(state, id, outcome),
        // Another database is shown by now.
        Event::RunRead(..) | Event::Answered(_) | Event::Fixed(_) if !is_shown => Vec::new(),
        Event::RunRead(run, read) => run_read(state, run, read),
        Event::Answered(answer) => {
            let effects = state.with_screens(|screens, context| screens.answered(*answer, context));
            apply(state, effects)
        }
        Event::Fixed(outcome) => {
            let effects = state.with_screens(|screens, context| screens.diagnose.fixed(outcome, context));
            let mut effects = apply(state, effects);
            effects.extend(state.poll());
            effects
        }
    }
}

fn missed(state: &mut State, notification: &Notification) -> Vec<Effect> {
    if let Some(paused) = &mut state.paused
        && notification.refresh_type == state.shown.as_str()
    {
        paused.missed = paused.missed.saturating_add(1);
    }
    Vec::new()
}

fn run_read(state: &mut State, run: Uuid, read: Box<Reading<RunDetail>>) -> Vec<Effect> {
    if let Some(Overlay::Run { id: open, detail, .. }) = &mut state.overlay
        && *open == run
    {
        *detail = Some(read);
    }
    Vec::new()
}

fn trigger_ended(state: &mut State, id: &DatabaseId, outcome: TriggerOutcome) -> Vec<Effect> {
    let (at, paused) = (state.now, state.paused.is_some());
    let Some(database) = state.databases.get_mut(id) else { return Vec::new() };
    database.trigger = Trigger::Ended { outcome, at };
    let request = if paused { None } else { database.poll() };
    request.map(|request| Effect::Database(id.clone(), request)).into_iter().collect()
}
