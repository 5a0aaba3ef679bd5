//! How the state changes. Synchronous: no clock, no I/O; what must happen outside is returned.

use crate::model::{
    act,
    clock::ServerClock,
    feed::{Feed, FeedEvent},
    message::{Effect, Message},
    notification::Notification,
    reading::Unavailable,
    refresh::{Trigger, TriggerOutcome},
    run::{Run, RunStatus},
    snapshot::Snapshot,
    state::{Overlay, Paused, State},
    views::{self, diagnose},
    wake::{NOTE_SHOWN, OUTCOME_SHOWN, PAUSE_LIMIT},
};
use chrono::TimeDelta;
use std::time::{Duration, Instant};

/// Runs kept from notifications beside what a poll brings.
pub const RUNS_KEPT: usize = 300;
/// Pause between a notification and the read that completes it, so that a burst costs one read.
const SETTLE: Duration = Duration::from_millis(50);
/// Least time between two such reads while notifications keep coming.
const BURST_PAUSE: Duration = Duration::from_millis(500);
/// Pause after a failed poll, where the poll interval is longer: nobody waits an hour to learn that it is back.
const RETRY_POLL: Duration = Duration::from_secs(5);

/// Takes in one message at the local moment `now`.
pub fn update(state: &mut State, message: Message, now: Instant) -> Vec<Effect> {
    state.now = now;
    match message {
        Message::Action(action) => act::act(state, action),
        Message::Key { action, edit } => act::key(state, action, edit),
        // The loop has made an action of it where anything is drawn there.
        Message::Pointer(_) | Message::Resized | Message::Suspend => Vec::new(),
        Message::Tick => tick(state),
        Message::Feed(event) => feed(state, event),
        Message::Notified(notification) => notified(state, &notification),
        Message::Polled(snapshot) => polled(state, *snapshot),
        Message::PollFailed(error) => poll_failed(state, error),
        Message::RunRead(id, read) => {
            if let Some(Overlay::Run { id: open, detail, .. }) = &mut state.overlay
                && *open == id
            {
                *detail = Some(read);
            }
            Vec::new()
        }
        Message::Answered(answer) => views::answered(state, *answer),
        Message::Fixed(outcome) => {
            let mut effects = diagnose::fixed(state, outcome);
            effects.extend(start_poll(state));
            effects
        }
        Message::TriggerEnded(outcome) => trigger_ended(state, outcome),
        Message::Terminate => vec![Effect::Quit],
    }
}

fn tick(state: &mut State) -> Vec<Effect> {
    if let Trigger::Ended { at, .. } = state.trigger
        && state.now.saturating_duration_since(at) >= OUTCOME_SHOWN
    {
        state.trigger = Trigger::Idle;
    }
    if diagnose::fixed_end(state).is_some_and(|end| end <= state.now) {
        state.diagnose.fixed = None;
    }
    state.said.take_if(|said| state.now.saturating_duration_since(said.at) >= NOTE_SHOWN);
    if state.paused.is_some_and(|paused| state.now.saturating_duration_since(paused.at) >= PAUSE_LIMIT) {
        return resume(state);
    }
    if state.next_poll.is_some_and(|due| due <= state.now) { start_poll(state) } else { Vec::new() }
}

/// Asks for a snapshot, or remembers that another is wanted after the one under way.
pub(crate) fn start_poll(state: &mut State) -> Vec<Effect> {
    if !state.connected() || state.paused.is_some() {
        return Vec::new();
    }
    state.next_poll = None;
    if state.polling {
        state.poll_again = true;
        return Vec::new();
    }
    state.polling = true;
    state.poll_again = false;
    state.heard.clear();
    vec![Effect::Poll]
}

fn feed(state: &mut State, event: FeedEvent) -> Vec<Effect> {
    match event {
        FeedEvent::Live => {
            state.feed = Feed::Live;
            // LISTEN came first; what happened before it is read now.
            start_poll(state)
        }
        FeedEvent::Polling { reason } => {
            state.feed = Feed::Polling { reason };
            start_poll(state)
        }
        FeedEvent::Down { reason, retry_in } => {
            let (since, attempts) = match state.feed {
                Feed::Down { since, attempts, .. } => (since, attempts),
                _ => (state.now, 0),
            };
            let retry_at = state.now.checked_add(retry_in);
            state.feed = Feed::Down { reason, since, attempts, retry_at };
            state.next_poll = None;
            state.poll_again = false;
            Vec::new()
        }
        FeedEvent::Resumed { slept } => resumed(state, slept),
        FeedEvent::Retrying => {
            if let Feed::Down { attempts, retry_at, .. } = &mut state.feed {
                *attempts = attempts.saturating_add(1);
                *retry_at = None;
            }
            Vec::new()
        }
    }
}

/// Ages go on where they would be had the local clock not stood still; the news of that time are read at once.
fn resumed(state: &mut State, slept: Duration) -> Vec<Effect> {
    state.clock = state.clock.map(|clock| clock.after_sleep(slept));
    // A clock that counts from boot may not reach back that far.
    state.heard_at = state.heard_at.map(|at| at.checked_sub(slept).unwrap_or(at));
    start_poll(state)
}

fn notified(state: &mut State, notification: &Notification) -> Vec<Effect> {
    if let Some(paused) = &mut state.paused {
        paused.missed = paused.missed.saturating_add(1);
        return Vec::new();
    }
    state.heard_at = Some(state.now);
    let run = notification.run();
    if let Some(snapshot) = &mut state.snapshot {
        take_in(snapshot, &run);
    }
    // The figures and the error's text follow by a read; a burst of notifications shares one.
    if state.polling {
        state.poll_again = true;
        if state.heard.len() < RUNS_KEPT {
            state.heard.push(run);
        }
    } else {
        let soon = state.now + SETTLE;
        state.next_poll = Some(state.next_poll.map_or(soon, |due| due.min(soon)));
    }
    Vec::new()
}

/// Puts a run known from its notification at the head of the lists. One that is there stays as it is: the
/// log knows more of it than the payload.
fn take_in(snapshot: &mut Snapshot, run: &Run) {
    let insert = |list: &mut Vec<Run>| {
        if list.iter().any(|known| known.id == run.id) {
            return false;
        }
        let place = list.partition_point(|known| known.started_at > run.started_at);
        list.insert(place, run.clone());
        list.truncate(RUNS_KEPT);
        true
    };
    let is_new = snapshot.runs.as_mut().is_ok_and(insert);
    if run.status == RunStatus::Error
        && let Ok(errors) = &mut snapshot.errors
    {
        insert(errors);
    }
    // Any role can send on the channel. A failure counts at once; a success counts when the log says so, which is read
    // next: nobody can make a sick system look healthy.
    if let (true, RunStatus::Error, Ok(stats)) = (is_new, run.status, &mut snapshot.stats) {
        stats.total += 1;
        stats.failed += 1;
        stats.last_refresh_at = stats.last_refresh_at.max(run.completed_at.or(Some(run.started_at)));
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        let rate = stats.successful as f64 * 100.0 / stats.total as f64;
        stats.success_rate = Some(rate);
    }
    snapshot.running = None;
}

fn polled(state: &mut State, mut snapshot: Snapshot) -> Vec<Effect> {
    if state.paused.is_some() {
        state.polling = false;
        return Vec::new();
    }
    for run in std::mem::take(&mut state.heard) {
        take_in(&mut snapshot, &run);
    }
    // The server's clock was read first, and the poll may have taken its time since.
    let server_now = snapshot.server_time + TimeDelta::from_std(snapshot.read_for).unwrap_or_default();
    state.clock = Some(ServerClock::new(server_now, state.now));
    state.heard_at = Some(state.now);
    state.poll_error = None;
    state.snapshot = Some(snapshot);
    poll_done(state, state.options.poll_interval);
    // Whoever looks at another view sees there what changed.
    views::ask(state)
}

/// Holds the screen still: what is shown stays as it is, ages included.
pub(crate) fn pause(state: &mut State) {
    state.paused = Some(Paused { at: state.now, missed: 0 });
    state.next_poll = None;
}

/// Lets the screen go on, and reads what happened meanwhile.
pub(crate) fn resume(state: &mut State) -> Vec<Effect> {
    state.paused = None;
    start_poll(state)
}

fn poll_failed(state: &mut State, error: Unavailable) -> Vec<Effect> {
    if state.paused.is_some() {
        state.polling = false;
        return Vec::new();
    }
    state.poll_error = Some(error);
    poll_done(state, state.options.poll_interval.min(RETRY_POLL));
    Vec::new()
}

fn poll_done(state: &mut State, next_in: Duration) {
    state.polling = false;
    if !state.connected() {
        return;
    }
    let pause = if state.poll_again { BURST_PAUSE } else { next_in };
    state.poll_again = false;
    state.next_poll = state.now.checked_add(pause);
}

fn trigger_ended(state: &mut State, outcome: TriggerOutcome) -> Vec<Effect> {
    state.trigger = Trigger::Ended { outcome, at: state.now };
    start_poll(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        fixtures::{self, notification},
        health::Verdict,
        message::Action,
        run::RunDetail,
        state::Focus,
    };
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
        let mut state = State::new(fixtures::options(), Instant::now());
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(send(&mut state, Message::Feed(FeedEvent::Live)), [Effect::Poll]);
        assert!(state.polling);
        send(&mut state, Message::Polled(Box::new(fixtures::snapshot(&[]))));
        assert_eq!(state.health().verdict, Verdict::Healthy);
        assert_eq!(state.next_poll, Some(state.now + state.options.poll_interval));
    }

    #[test]
    fn a_notification_shows_at_once_and_is_completed_by_one_read() {
        let mut state = fixtures::live();
        let before = state.stats().unwrap().clone();
        assert_eq!(send(&mut state, Message::Notified(notification(9_001, "error"))), []);
        assert_eq!(state.runs()[0].id, Uuid::from_u128(9_001));
        assert_eq!(state.errors()[0].error, None);
        assert_eq!(state.stats().unwrap().failed, before.failed + 1);
        assert_eq!(state.stats().unwrap().last_success_at, before.last_success_at);
        for id in 9_002..9_100 {
            send(&mut state, Message::Notified(notification(id, "success")));
        }
        assert_eq!(later(&mut state, SETTLE, Message::Tick), [Effect::Poll]);
        assert_eq!(later(&mut state, SETTLE, Message::Tick), []);
    }

    #[test]
    fn a_success_that_was_only_announced_improves_nothing() {
        let mut state = fixtures::stale();
        let before = (state.health(), state.stats().cloned());
        for id in 0..1_000 {
            send(&mut state, Message::Notified(notification(10_000 + id, "success")));
        }
        assert_eq!(state.runs()[0].status, RunStatus::Success);
        assert_eq!((state.health(), state.stats().cloned()), before);
    }

    #[test]
    fn a_run_known_from_the_log_is_not_counted_twice() {
        let mut state = fixtures::live();
        let before = state.snapshot.clone();
        let known = state.runs()[0].id.as_u128();
        send(&mut state, Message::Notified(notification(known, "success")));
        assert_eq!(state.runs(), before.as_ref().unwrap().runs.as_deref().unwrap());
        assert_eq!(state.stats().unwrap().total, 288);
    }

    #[test]
    fn a_run_that_a_poll_was_too_early_for_stays_on_the_screen() {
        let mut state = fixtures::live();
        send(&mut state, Message::Action(Action::Poll));
        send(&mut state, Message::Notified(notification(9_001, "error")));
        send(&mut state, Message::Polled(Box::new(fixtures::snapshot(&[]))));
        assert_eq!(state.runs()[0].id, Uuid::from_u128(9_001));
        assert_eq!(state.stats().unwrap().total, 289);
        later(&mut state, BURST_PAUSE, Message::Tick);
        send(&mut state, Message::Polled(Box::new(fixtures::snapshot(&[]))));
        assert_eq!(state.stats().unwrap().total, 288, "what the log does not have goes with the next poll");
    }

    #[test]
    fn what_happens_during_a_poll_leads_to_another() {
        let mut state = fixtures::live();
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), [Effect::Poll]);
        send(&mut state, Message::Notified(notification(9_001, "success")));
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), []);
        send(&mut state, Message::Polled(Box::new(fixtures::snapshot(&[]))));
        assert_eq!(later(&mut state, BURST_PAUSE, Message::Tick), [Effect::Poll]);
    }

    #[test]
    fn a_lost_database_is_unknown_and_nothing_is_polled() {
        let mut state = fixtures::live();
        let down = || FeedEvent::Down { reason: "gone".into(), retry_in: Duration::from_secs(1) };
        send(&mut state, Message::Feed(down()));
        let since = state.now;
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(send(&mut state, Message::Action(Action::Poll)), []);
        assert_eq!(later(&mut state, Duration::from_secs(1), Message::Feed(FeedEvent::Retrying)), []);
        later(&mut state, Duration::from_secs(1), Message::Feed(down()));
        let Feed::Down { since: shown, attempts, .. } = state.feed else { panic!("{:?}", state.feed) };
        assert_eq!((shown, attempts), (since, 1));
        assert_eq!(state.data_age(), Some(Duration::from_secs(2)));
        assert_eq!(send(&mut state, Message::Feed(FeedEvent::Live)), [Effect::Poll]);
    }

    #[test]
    fn after_a_sleep_ages_are_right_and_the_news_are_read() {
        let mut state = fixtures::live();
        let before = (state.freshness().unwrap(), state.data_age().unwrap());
        let slept = Duration::from_mins(10);
        assert_eq!(send(&mut state, Message::Feed(FeedEvent::Resumed { slept })), [Effect::Poll]);
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
        send(&mut state, Message::Polled(Box::new(snapshot)));
        assert_eq!(state.freshness().unwrap(), fresh + Duration::from_secs(20));
    }

    #[test]
    fn a_failed_poll_is_unknown_and_tried_again_soon() {
        let mut state = fixtures::live();
        state.options.poll_interval = Duration::from_hours(1);
        send(&mut state, Message::Action(Action::Poll));
        send(&mut state, Message::PollFailed(Unavailable::new("no answer", "")));
        assert_eq!(state.health().verdict, Verdict::Unknown);
        assert_eq!(later(&mut state, RETRY_POLL, Message::Tick), [Effect::Poll]);
    }

    #[test]
    fn a_refresh_is_triggered_once_and_cancelled_as_often_as_asked() {
        let mut state = fixtures::live();
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), []);
        assert_eq!(send(&mut state, Message::Action(Action::Refresh)), [Effect::Trigger]);
        assert_eq!(send(&mut state, Message::Action(Action::Refresh)), []);
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), [Effect::CancelTrigger]);
        assert_eq!(send(&mut state, Message::Action(Action::Cancel)), [Effect::CancelTrigger]);
        let outcome = TriggerOutcome::AlreadyRunning { message: "m".into() };
        assert_eq!(send(&mut state, Message::TriggerEnded(outcome)), [Effect::Poll]);
        later(&mut state, OUTCOME_SHOWN, Message::Tick);
        assert_eq!(state.trigger, Trigger::Idle);
    }

    #[test]
    fn a_refresh_that_cannot_work_is_refused_without_asking() {
        let mut state = fixtures::live();
        state.snapshot.as_mut().unwrap().server.standby = true;
        assert_eq!(send(&mut state, Message::Action(Action::Refresh)), []);
        let Trigger::Ended { outcome: TriggerOutcome::Refused { message }, .. } = &state.trigger else { panic!() };
        assert!(message.contains("standby"));
    }

    #[test]
    fn the_selection_stays_on_its_run_while_the_list_moves() {
        let mut state = fixtures::with(fixtures::snapshot(&[3, 50, 100]));
        send(&mut state, Message::Action(Action::Down));
        let selected = state.errors()[1].id;
        send(&mut state, Message::Notified(notification(9_001, "error")));
        assert_eq!(state.selected_index(Focus::Errors), Some(2));
        assert_eq!(state.errors()[2].id, selected);
        assert_eq!(send(&mut state, Message::Action(Action::Open)), [Effect::ReadRun(selected)]);
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
        send(&mut state, Message::RunRead(run.id, Box::new(Ok(detail.clone()))));
        assert_eq!(state.overlay, None);
        send(&mut state, Message::Action(Action::Open));
        send(&mut state, Message::RunRead(run.id, Box::new(Ok(detail))));
        assert!(matches!(&state.overlay, Some(Overlay::Run { detail: Some(_), .. })));
    }

    #[test]
    fn lists_stay_bounded_however_many_notifications_come() {
        let mut state = fixtures::live();
        for id in 0..5_000 {
            send(&mut state, Message::Notified(notification(10_000 + id, "error")));
        }
        assert_eq!(state.runs().len(), RUNS_KEPT);
        assert_eq!(state.errors().len(), RUNS_KEPT);
    }
}
