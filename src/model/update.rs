//! How the state changes. Synchronous: no clock, no I/O; what must happen outside is returned.

use crate::model::{
    clock::ServerClock,
    feed::{Feed, FeedEvent},
    message::{Action, Effect, Message},
    notification::Notification,
    reading::Unavailable,
    refresh::{Trigger, TriggerOutcome},
    run::{Run, RunStatus},
    snapshot::Snapshot,
    state::{Focus, Overlay, State},
    wake::OUTCOME_SHOWN,
};
use std::time::{Duration, Instant};

/// Runs kept from notifications beside what a poll brings.
pub const RUNS_KEPT: usize = 300;
/// Rows that a page key moves.
const PAGE: isize = 10;
/// Pause between a notification and the read that completes it, so that a burst costs one read.
const SETTLE: Duration = Duration::from_millis(50);
/// Least time between two such reads while notifications keep coming.
const BURST_PAUSE: Duration = Duration::from_millis(500);

/// Takes in one message at the local moment `now`.
pub fn update(state: &mut State, message: Message, now: Instant) -> Vec<Effect> {
    state.now = now;
    match message {
        Message::Action(action) => act(state, action),
        Message::Resized => Vec::new(),
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
    if state.next_poll.is_some_and(|due| due <= state.now) { start_poll(state) } else { Vec::new() }
}

/// Asks for a snapshot, or remembers that another is wanted after the one under way.
fn start_poll(state: &mut State) -> Vec<Effect> {
    if !state.connected() {
        return Vec::new();
    }
    state.next_poll = None;
    if state.polling {
        state.poll_again = true;
        return Vec::new();
    }
    state.polling = true;
    state.poll_again = false;
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
        FeedEvent::Retrying => {
            if let Feed::Down { attempts, retry_at, .. } = &mut state.feed {
                *attempts = attempts.saturating_add(1);
                *retry_at = None;
            }
            Vec::new()
        }
    }
}

fn notified(state: &mut State, notification: &Notification) -> Vec<Effect> {
    state.heard_at = Some(state.now);
    if let Some(snapshot) = &mut state.snapshot {
        take_in(snapshot, &notification.run());
    }
    // The figures and the error's text follow by a read; a burst of notifications shares one.
    if state.polling {
        state.poll_again = true;
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
    if let (true, Ok(stats)) = (is_new, &mut snapshot.stats) {
        let ended = run.completed_at.or(Some(run.started_at));
        stats.total += 1;
        stats.last_refresh_at = stats.last_refresh_at.max(ended);
        match run.status {
            RunStatus::Success => {
                stats.successful += 1;
                stats.last_success_at = stats.last_success_at.max(ended);
            }
            RunStatus::Error => stats.failed += 1,
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        let rate = stats.successful as f64 * 100.0 / stats.total as f64;
        stats.success_rate = Some(rate);
    }
    snapshot.running = None;
}

fn polled(state: &mut State, snapshot: Snapshot) -> Vec<Effect> {
    state.clock = Some(ServerClock::new(snapshot.server_time, state.now));
    state.heard_at = Some(state.now);
    state.poll_error = None;
    state.snapshot = Some(snapshot);
    poll_done(state);
    Vec::new()
}

fn poll_failed(state: &mut State, error: Unavailable) -> Vec<Effect> {
    state.poll_error = Some(error);
    poll_done(state);
    Vec::new()
}

fn poll_done(state: &mut State) {
    state.polling = false;
    if !state.connected() {
        return;
    }
    let pause = if state.poll_again { BURST_PAUSE } else { state.options.poll_interval };
    state.poll_again = false;
    state.next_poll = state.now.checked_add(pause);
}

fn trigger_ended(state: &mut State, outcome: TriggerOutcome) -> Vec<Effect> {
    state.trigger = Trigger::Ended { outcome, at: state.now };
    start_poll(state)
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Help => {
            state.overlay = match state.overlay.take() {
                Some(Overlay::Help) => None,
                _ => Some(Overlay::Help),
            };
        }
        Action::Refresh => return trigger(state),
        Action::Cancel => return cancel(state),
        Action::Poll => return start_poll(state),
        Action::FocusNext | Action::FocusPrevious => {
            if state.overlay.is_none() {
                state.focus = match state.focus {
                    Focus::Errors => Focus::Runs,
                    Focus::Runs => Focus::Errors,
                };
            }
        }
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::PageUp => step(state, -PAGE),
        Action::PageDown => step(state, PAGE),
        Action::First => step(state, isize::MIN),
        Action::Last => step(state, isize::MAX),
        Action::Open => return open(state),
        Action::Close => {
            if state.overlay.take().is_none() && matches!(state.trigger, Trigger::Ended { .. }) {
                state.trigger = Trigger::Idle;
            }
        }
    }
    Vec::new()
}

fn trigger(state: &mut State) -> Vec<Effect> {
    if matches!(state.trigger, Trigger::Running { .. }) {
        return Vec::new();
    }
    if let Some(message) = refusal(state) {
        state.trigger = Trigger::Ended { outcome: TriggerOutcome::Refused { message }, at: state.now };
        return Vec::new();
    }
    state.trigger = Trigger::Running { since: state.now, cancelling: false };
    vec![Effect::Trigger]
}

/// What is known to make a refresh impossible, without asking the server.
fn refusal(state: &State) -> Option<String> {
    if let Feed::Down { .. } | Feed::Connecting = state.feed {
        return Some("not connected: a refresh needs the database; wait until the feed is back".into());
    }
    let standby = state.snapshot.as_ref().is_some_and(|snapshot| snapshot.server.standby);
    standby.then(|| "this server is a read-only standby: trigger the refresh on its primary".into())
}

fn cancel(state: &mut State) -> Vec<Effect> {
    match &mut state.trigger {
        Trigger::Running { cancelling, .. } if !*cancelling => {
            *cancelling = true;
            vec![Effect::CancelTrigger]
        }
        _ => Vec::new(),
    }
}

fn step(state: &mut State, by: isize) {
    match &mut state.overlay {
        Some(Overlay::Run { scroll, .. }) => {
            let by = i32::try_from(by).unwrap_or(if by < 0 { i32::MIN } else { i32::MAX });
            let moved = i32::from(*scroll).saturating_add(by).clamp(0, i32::from(u16::MAX));
            *scroll = u16::try_from(moved).unwrap_or(u16::MAX);
        }
        Some(Overlay::Help) => {}
        None => select(state, by),
    }
}

fn select(state: &mut State, by: isize) {
    let Some(index) = state.selected_index(state.focus) else { return };
    let list = state.focused_list();
    let target = index.saturating_add_signed(by).min(list.len().saturating_sub(1));
    let id = list.get(target).map(|run| run.id);
    match state.focus {
        Focus::Errors => state.selected_error = id,
        Focus::Runs => state.selected_run = id,
    }
}

fn open(state: &mut State) -> Vec<Effect> {
    if state.overlay.is_some() {
        return Vec::new();
    }
    let Some(id) = state.selected_index(state.focus).and_then(|i| state.focused_list().get(i)).map(|run| run.id) else {
        return Vec::new();
    };
    state.overlay = Some(Overlay::Run { id, detail: None, scroll: 0 });
    vec![Effect::ReadRun(id)]
}
