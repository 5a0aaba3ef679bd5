//! How the state changes. Synchronous: no clock, no I/O; what must happen outside is returned.

mod action;
mod database;
mod navigate;
mod refresh;

use super::{
    effect::Effect,
    message::Message,
    shown_for::{OUTCOME_SHOWN, PAUSE_LIMIT, TOAST_SHOWN},
    state::State,
};
use refreshtop_core::refresh::Trigger;
use std::time::Instant;

/// Takes in one message at the local moment `now`.
pub fn update(state: &mut State, message: Message, now: Instant) -> Vec<Effect> {
    state.now = now;
    match message {
        Message::Action(action) => action::act(state, action),
        Message::Key { action, edit } => action::key(state, action, edit),
        // The loop turns a press into an action if anything is drawn there.
        Message::Pointer(_) | Message::Resized | Message::Suspend => Vec::new(),
        Message::Tick => tick(state),
        Message::Database(database, event) => database::event(state, &database, event),
        Message::Terminate => vec![Effect::Quit],
    }
}

fn tick(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    for database in state.databases.iter_mut() {
        if let Trigger::Ended { at, .. } = database.trigger
            && now.saturating_duration_since(at) >= OUTCOME_SHOWN
        {
            database.trigger = Trigger::Idle;
        }
    }
    if state.screens.diagnose.fixed_end().is_some_and(|end| end <= now) {
        state.screens.diagnose.fixed = None;
    }
    state.toast.take_if(|toast| now.saturating_duration_since(toast.at) >= TOAST_SHOWN);
    if state.paused.is_some_and(|paused| now.saturating_duration_since(paused.at) >= PAUSE_LIMIT) {
        return state.resume();
    }
    let due = state.databases.iter_mut().filter(|database| database.polling.due.is_some_and(|due| due <= now));
    let polled = due.filter_map(|database| Some((database.id.clone(), database.poll()?)));
    polled.map(|(id, request)| Effect::Database(id, request)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            action::Action,
            fixtures::{self, notification},
            overlay::Overlay,
        },
        screens::overview::state::Focus,
    };
    use refreshtop_core::{
        database::{BURST_PAUSE, RETRY_POLL, RUNS_KEPT, SETTLE},
        event::Event,
        health::Verdict,
        link::{Link, LinkEvent},
        reading::Unavailable,
        refresh::TriggerOutcome,
        request::Request,
        run::{RunDetail, RunStatus},
    };
    use std::time::Duration;
    use uuid::Uuid;

    fn send(state: &mut State, message: Message) -> Vec<Effect> {
        let now = state.now;
        update(state, message, now)
    }

    fn later(state: &mut State, by: Duration, message: Message) -> Vec<Effect> {
        let now = state.now + by;
        update(state, message, now)
    }

    #[test]
    fn listens_first_then_reads() {
        let mut state = fixtures::state(fixtures::options(), Instant::now());
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(send(&mut state, fixtures::event(Event::Link(LinkEvent::Live))), [fixtures::request(Request::Poll)]);
        assert!(state.database().polling.running);
        send(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[])), None)));
        assert_eq!(state.health().verdict, Verdict::Healthy);
        assert_eq!(state.database().polling.due, Some(state.now + state.options.poll_interval));
    }

    #[test]
    fn a_notification_shows_at_once_and_is_completed_by_one_read() {
        let mut state = fixtures::live();
        let before = state.stats().unwrap().clone();
        assert_eq!(send(&mut state, fixtures::event(Event::Notified(notification(9_001, "error")))), []);
        assert_eq!(state.runs()[0].id, Uuid::from_u128(9_001));
        assert_eq!(state.errors()[0].error, None);
        assert_eq!(state.stats().unwrap().failed, before.failed + 1);
        assert_eq!(state.stats().unwrap().last_success_at, before.last_success_at);
        for id in 9_002..9_100 {
            send(&mut state, fixtures::event(Event::Notified(notification(id, "success"))));
        }
        assert_eq!(later(&mut state, SETTLE, Message::Tick), [fixtures::request(Request::Poll)]);
        assert_eq!(later(&mut state, SETTLE, Message::Tick), []);
    }

    #[test]
    fn a_success_that_was_only_announced_improves_nothing() {
        let mut state = fixtures::failing();
        let before = (state.health(), state.stats().cloned());
        for id in 0..1_000 {
            send(&mut state, fixtures::event(Event::Notified(notification(10_000 + id, "success"))));
        }
        assert_eq!(state.runs()[0].status, RunStatus::Success);
        assert_eq!((state.health(), state.stats().cloned()), before);
    }

    #[test]
    fn a_run_known_from_the_log_is_not_counted_twice() {
        let mut state = fixtures::live();
        let before = state.snapshot().cloned();
        let known = state.runs()[0].id.as_u128();
        send(&mut state, fixtures::event(Event::Notified(notification(known, "success"))));
        assert_eq!(state.runs(), before.as_ref().unwrap().runs.as_deref().unwrap());
        assert_eq!(state.stats().unwrap().total, 288);
    }

    #[test]
    fn a_run_that_a_poll_was_too_early_for_stays_on_the_screen() {
        let mut state = fixtures::live();
        send(&mut state, Message::Action(Action::Poll));
        send(&mut state, fixtures::event(Event::Notified(notification(9_001, "error"))));
        send(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[])), None)));
        assert_eq!(state.runs()[0].id, Uuid::from_u128(9_001));
        assert_eq!(state.stats().unwrap().total, 289);
        later(&mut state, BURST_PAUSE, Message::Tick);
        send(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[])), None)));
        assert_eq!(state.stats().unwrap().total, 288, "what the log does not have goes with the next poll");
    }

    #[test]
    fn what_happens_during_a_poll_leads_to_another() {
        let mut state = fixtures::live();
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), [fixtures::request(Request::Poll)]);
        send(&mut state, fixtures::event(Event::Notified(notification(9_001, "success"))));
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), []);
        send(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[])), None)));
        assert_eq!(later(&mut state, BURST_PAUSE, Message::Tick), [fixtures::request(Request::Poll)]);
    }

    #[test]
    fn a_lost_database_is_unknown_and_nothing_is_polled() {
        let mut state = fixtures::live();
        let down = || LinkEvent::Down { reason: "gone".into(), retry_in: Duration::from_secs(1) };
        send(&mut state, fixtures::event(Event::Link(down())));
        let since = state.now;
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), []);
        assert_eq!(later(&mut state, Duration::from_secs(1), fixtures::event(Event::Link(LinkEvent::Retrying))), []);
        later(&mut state, Duration::from_secs(1), fixtures::event(Event::Link(down())));
        let Link::Down { since: shown, attempts, .. } = state.database().link else {
            panic!("{:?}", state.database().link)
        };
        assert_eq!((shown, attempts), (since, 1));
        assert_eq!(state.data_age(), Some(Duration::from_secs(2)));
        assert_eq!(send(&mut state, fixtures::event(Event::Link(LinkEvent::Live))), [fixtures::request(Request::Poll)]);
    }

    #[test]
    fn after_a_sleep_ages_are_right_and_new_attempts_are_read() {
        let mut state = fixtures::live();
        let before = (state.freshness().unwrap(), state.data_age().unwrap());
        let slept = Duration::from_mins(10);
        assert_eq!(
            send(&mut state, fixtures::event(Event::Link(LinkEvent::Resumed { slept }))),
            [fixtures::request(Request::Poll)]
        );
        assert_eq!((state.freshness().unwrap(), state.data_age().unwrap()), (before.0 + slept, before.1 + slept));
        assert_eq!(state.health().verdict, Verdict::Warning, "stale by now");
    }

    #[test]
    fn a_slow_poll_does_not_make_anything_younger() {
        let mut state = fixtures::live();
        let mut snapshot = fixtures::snapshot(&[]);
        snapshot.read_for = Duration::from_secs(20);
        let fresh = state.freshness().unwrap();
        send(&mut state, Message::Action(Action::Poll));
        send(&mut state, fixtures::event(Event::Polled(Box::new(snapshot), None)));
        assert_eq!(state.freshness().unwrap(), fresh + Duration::from_secs(20));
    }

    #[test]
    fn a_failed_poll_is_unknown_and_tried_again_soon() {
        let mut state = fixtures::live();
        state.options.poll_interval = Duration::from_hours(1);
        send(&mut state, Message::Action(Action::Poll));
        send(&mut state, fixtures::event(Event::PollFailed(Unavailable::new("no answer", ""))));
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(later(&mut state, RETRY_POLL, Message::Tick), [fixtures::request(Request::Poll)]);
    }

    #[test]
    fn a_refresh_is_triggered_once_and_cancelled_as_often_as_asked() {
        let mut state = fixtures::live();
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), []);
        assert_eq!(
            send(&mut state, Message::Action(Action::Refresh)),
            [fixtures::request(Request::Refresh(fixtures::view()))]
        );
        assert_eq!(send(&mut state, Message::Action(Action::Refresh)), []);
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), [fixtures::request(Request::CancelRefresh)]);
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), [fixtures::request(Request::CancelRefresh)]);
        let outcome = TriggerOutcome::AlreadyRunning { message: "m".into() };
        assert_eq!(send(&mut state, fixtures::event(Event::TriggerEnded(outcome))), [fixtures::request(Request::Poll)]);
        later(&mut state, OUTCOME_SHOWN, Message::Tick);
        assert_eq!(state.database().trigger, Trigger::Idle);
    }

    #[test]
    fn a_refresh_that_cannot_work_is_refused_without_asking() {
        let mut state = fixtures::live();
        state.snapshot_mut().unwrap().server.standby = true;
        assert_eq!(send(&mut state, Message::Action(Action::Refresh)), []);
        let Trigger::Ended { outcome: TriggerOutcome::Refused { message }, .. } = &state.database().trigger else {
            panic!()
        };
        assert!(message.contains("standby"));
    }

    #[test]
    fn the_selection_stays_on_its_run_while_the_list_moves() {
        let mut state = fixtures::with(fixtures::snapshot(&[3, 50, 100]));
        send(&mut state, Message::Action(Action::Down));
        let selected = state.errors()[1].id;
        send(&mut state, fixtures::event(Event::Notified(notification(9_001, "error"))));
        assert_eq!(state.selected_index(Focus::Errors), Some(2));
        assert_eq!(state.errors()[2].id, selected);
        assert_eq!(send(&mut state, Message::Action(Action::Open)), [fixtures::request(Request::ReadRun(selected))]);
        send(&mut state, Message::Action(Action::Close));
        send(&mut state, Message::Action(Action::Last));
        assert_eq!(state.selected_index(Focus::Errors), Some(3));
        send(&mut state, Message::Action(Action::First));
        assert_eq!(state.selected_index(Focus::Errors), Some(0));
    }

    #[test]
    fn an_answer_for_a_run_that_is_no_longer_open_is_dropped() {
        let mut state = fixtures::with(fixtures::snapshot(&[3]));
        let run = state.errors()[0].clone();
        let detail = RunDetail {
            view: None,
            run: run.clone(),
            message: None,
            detail: None,
            hint: None,
            context: None,
            triggered_by: None,
            application: None,
            pid: None,
            black_box: None,
        };
        send(&mut state, fixtures::event(Event::RunRead(run.id, Box::new(Ok(detail.clone())))));
        assert_eq!(state.overlay, None);
        send(&mut state, Message::Action(Action::Open));
        send(&mut state, fixtures::event(Event::RunRead(run.id, Box::new(Ok(detail)))));
        assert!(matches!(&state.overlay, Some(Overlay::Run { detail: Some(_), .. })));
    }

    #[test]
    fn lists_stay_bounded_however_many_notifications_come() {
        let mut state = fixtures::live();
        for id in 0..5_000 {
            send(&mut state, fixtures::event(Event::Notified(notification(10_000 + id, "error"))));
        }
        assert_eq!(state.runs().len(), RUNS_KEPT);
        assert_eq!(state.errors().len(), RUNS_KEPT);
    }
}
