//! What the events of a database change.

use super::{
    action::{apply, load},
    navigate::show,
};
use crate::{
    app::{
        effect::Effect,
        overlay::{ManageStep, Overlay},
        state::State,
    },
    screens::{incidents::state::Scope, screen::Screen},
};
use refreshtop_core::{
    address::{DatabaseId, ViewId},
    event::Event,
    manage::{Examination, Outcome},
    notification::Notification,
    question::Answer,
    reading::Reading,
    refresh::{Trigger, TriggerOutcome},
    run::RunDetail,
    snapshot::Deployment,
    views::View,
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
        Event::Polled(..) | Event::PollFailed(_) if paused => {
            database.polling.running = false;
            Vec::new()
        }
        Event::Polled(snapshot, all) => {
            let read = snapshot.view.clone();
            if let Some(all) = all {
                database.read_all(*all);
            }
            database.polled(*snapshot, now, interval);
            if is_shown { polled(state, &read) } else { Vec::new() }
        }
        Event::PollFailed(error) => {
            database.poll_failed(error, now, interval);
            Vec::new()
        }
        Event::TriggerEnded(outcome) => trigger_ended(state, id, outcome),
        // Another database is shown by now.
        Event::RunRead(..) | Event::Answered(..) | Event::Fixed(_) | Event::Examined(..) if !is_shown => Vec::new(),
        Event::RunRead(run, read) => run_read(state, run, read),
        // It is about another view than the one that is shown by now.
        Event::Answered(view, answer) if view != state.shown && !matches!(*answer, Answer::IncidentsOfAll(..)) => {
            Vec::new()
        }
        Event::Answered(_, answer) => {
            let effects = state.with_screens(|screens, context| screens.answered(*answer, context));
            apply(state, effects)
        }
        Event::Examined(oid, found) => examined(state, oid, *found),
        Event::ManageEnded(outcome) => manage_ended(state, outcome),
        Event::Fixed(outcome) => {
            let effects = state.with_screens(|screens, context| screens.diagnose.fixed(outcome, context));
            let mut effects = apply(state, effects);
            effects.extend(state.poll());
            effects
        }
    }
}

/// What is on the screen may have changed with a poll that read `view` in detail.
fn polled(state: &mut State, view: &ViewId) -> Vec<Effect> {
    state.show_only_view(view);
    let mut effects = open(state);
    if *view != state.shown {
        // It was under way when another view was chosen.
        effects.extend(state.poll());
    }
    effects.extend(load(state));
    effects
}

/// Settles, once all views are known, on which screen the monitor opens.
fn open(state: &mut State) -> Vec<Effect> {
    let Some(views) = state.all().filter(|_| !state.opened) else { return Vec::new() };
    let is_known = state.snapshot().is_some_and(|snapshot| snapshot.stats.is_ok());
    let (managed, any) = (state.managed_count(), !views.views.is_empty() || is_installed(state));
    state.opened = true;
    if state.chosen || managed == 1 || views_unread(state) || is_log_refused(state) {
        return Vec::new();
    }
    if state.options.screen.is_none() && state.screen == Screen::Overview && (managed > 1 || any && !is_known) {
        state.screen = Screen::Board;
    }
    if state.screen == Screen::Incidents {
        state.screens.incidents.scope = Scope::All;
    }
    // The other screens must be about some view.
    let worst = if is_known { None } else { state.worst().1.and_then(View::id).cloned() };
    worst.map(|view| show(state, view)).unwrap_or_default()
}

fn is_installed(state: &State) -> bool {
    state.snapshot().is_some_and(|snapshot| snapshot.deployment == Deployment::Migrated)
}

/// Whether there is a log that was made by hand, and can't be read. The overview says why.
fn is_log_refused(state: &State) -> bool {
    state.snapshot().is_some_and(|snapshot| {
        snapshot.deployment == Deployment::Unmanaged && snapshot.stats.as_ref().is_err_and(|why| !why.missing)
    })
}

fn views_unread(state: &State) -> bool {
    state.all().is_none_or(|views| views.registry.is_err())
}

fn examined(state: &mut State, oid: i64, found: Result<Examination, String>) -> Vec<Effect> {
    if let Some(Overlay::Manage(dialog)) = &mut state.overlay
        && dialog.oid == oid
        && dialog.step == ManageStep::Examining
    {
        dialog.step = match found {
            Ok(found) => ManageStep::Examined(Box::new(found)),
            Err(why) => ManageStep::NotExamined(why),
        };
    }
    Vec::new()
}

fn manage_ended(state: &mut State, outcome: Result<Outcome, String>) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Manage(dialog)) if matches!(dialog.step, ManageStep::Managing { .. }) => {
            dialog.step = ManageStep::Ended(outcome);
        }
        // The person went on to something else.
        _ => state.show_toast(match outcome {
            Ok(Outcome::Managed { .. } | Outcome::Already) => "the view is managed now".to_owned(),
            Ok(Outcome::Possible) => "the view is not managed".to_owned(),
            Ok(Outcome::Refused { reason }) | Err(reason) => format!("the view is not managed: {reason}"),
        }),
    }
    state.poll()
}

fn missed(state: &mut State, notification: &Notification) -> Vec<Effect> {
    if let Some(paused) = &mut state.paused
        && (state.screen == Screen::Board || notification.refresh_type == state.shown.as_str())
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
    let Trigger::Running { view, .. } = std::mem::replace(&mut database.trigger, Trigger::Idle) else {
        return Vec::new();
    };
    database.trigger = Trigger::Ended { view, outcome, at };
    let request = if paused { None } else { database.poll() };
    request.map(|request| Effect::Database(id.clone(), request)).into_iter().collect()
}
