//! When the screen must be drawn again although nothing happened.

use super::{
    shown_for::{OUTCOME_SHOWN, PAUSE_LIMIT, TOAST_SHOWN},
    state::State,
};
use crate::{
    app::overlay::{ManageStep, Overlay},
    screens::{board::state as board, screen::Screen, state::ScreenState as _, wall::drift},
};
use refreshtop_core::{age, health::Now, link::Link, refresh::Trigger};
use std::time::{Duration, Instant};

/// The next moment at which a label reads differently, a verdict changes or a poll is due. `None` if
/// nothing would ever change by itself.
pub fn next_redraw(state: &State) -> Option<Instant> {
    let after = |wait: Duration| state.now.checked_add(wait);
    if let Some(paused) = state.paused {
        let held = state.now.saturating_duration_since(paused.at);
        let ends = paused.at.checked_add(PAUSE_LIMIT);
        let old = data_age_change(state).and_then(after);
        let changes =
            [trigger_change(state), retry_change(state), toast_end(state), state.screens.diagnose.fixed_end()];
        return [after(age::until_change(held)), ends, old].into_iter().chain(changes).flatten().min();
    }
    if state.screen == Screen::Board {
        let slow = [state.screens.board.stable_for(&state.context()), manage_change(state)];
        let link = [data_age_change(state), None];
        let moments = slow.into_iter().chain(link).map(|wait| wait.and_then(after)).chain([
            state.database().polling.due,
            trigger_change(state),
            retry_change(state),
            toast_end(state),
            state.screens.diagnose.fixed_end(),
        ]);
        return moments.flatten().min();
    }
    if state.screen == Screen::Wall {
        // Nothing there counts seconds but a refresh under way.
        let many = if state.has_many() { board::stable_for(&state.context()) } else { None };
        let slow = [drift::stable_for(state), health_change(state), state_change(state), running_change(state), many];
        let moments = slow.into_iter().map(|wait| wait.and_then(after)).chain([
            state.database().polling.due,
            trigger_change(state),
            toast_end(state),
            state.screens.diagnose.fixed_end(),
        ]);
        return moments.flatten().min();
    }
    // The verdict above the incidents of all views is that of the worst.
    let of_all = if state.is_about_all() { board::stable_for(&state.context()) } else { None };
    let moments = [
        state.database().polling.due,
        of_all.and_then(after),
        data_age_change(state).and_then(after),
        state.freshness().and_then(|age| after(age::until_coarse_change(age))),
        health_change(state).and_then(after),
        state_change(state).and_then(after),
        running_change(state).and_then(after),
        job_change(state).and_then(after),
        trigger_change(state),
        retry_change(state),
        state.screens.get(state.screen).stable_for(&state.context()).and_then(after),
        toast_end(state),
        state.screens.diagnose.fixed_end(),
    ];
    moments.into_iter().flatten().min()
}

/// The age of the data is shown while newer data is unavailable.
fn data_age_change(state: &State) -> Option<Duration> {
    let shown = !state.connected() || state.database().poll_error.is_some();
    state.data_age().filter(|_| shown).map(age::until_change)
}

/// Freshness turns from healthy to warning, and from that to critical, at moments that can be computed.
fn health_change(state: &State) -> Option<Duration> {
    let (limit, age) = (state.limits().max_age.value, state.freshness()?);
    // A nanosecond past the limit: exactly at it the data still counts as fresh.
    let crossing = |limit: Duration| limit.checked_sub(age).map(|left| left + Duration::from_nanos(1));
    crossing(limit).or_else(|| crossing(limit.saturating_mul(2)))
}

/// The state says since when it is so; that of a late job says it as well, in minutes.
fn state_change(state: &State) -> Option<Duration> {
    let now = state.server_now()?;
    let since = match state.health().now {
        Now::Failing { since: Some(since), .. } | Now::Recovered { since, .. } => since,
        Now::Stopped => return Some(Duration::from_mins(1)),
        _ => return None,
    };
    Some(age::until_coarse_change((now - since).to_std().unwrap_or_default()))
}

fn running_change(state: &State) -> Option<Duration> {
    let running = state.snapshot()?.running.as_ref()?;
    let age = (state.server_now()? - running.since?).to_std().unwrap_or_default();
    Some(age::until_change(age))
}

/// A view is being managed, and the dialog says for how long.
fn manage_change(state: &State) -> Option<Duration> {
    let Some(Overlay::Manage(dialog)) = &state.overlay else { return None };
    let ManageStep::Managing { since, .. } = dialog.step else { return None };
    Some(age::until_change(state.now.saturating_duration_since(since)))
}

fn job_change(state: &State) -> Option<Duration> {
    let now = state.server_now()?;
    let next = state.snapshot()?.job.as_ref().ok()?.next_run(now)?;
    Some(age::until_countdown_change((next - now).to_std().ok()?))
}

fn trigger_change(state: &State) -> Option<Instant> {
    match &state.database().trigger {
        Trigger::Idle => None,
        Trigger::Running { since, .. } => {
            let age = state.now.saturating_duration_since(*since);
            state.now.checked_add(age::until_change(age))
        }
        Trigger::Ended { at, .. } => at.checked_add(OUTCOME_SHOWN),
    }
}

fn toast_end(state: &State) -> Option<Instant> {
    state.toast.as_ref()?.at.checked_add(TOAST_SHOWN)
}

fn retry_change(state: &State) -> Option<Instant> {
    let Link::Down { since, retry_at, .. } = &state.database().link else { return None };
    let age = state.now.saturating_duration_since(*since);
    let countdown = retry_at
        .map(|at| at.saturating_duration_since(state.now))
        .filter(|left| !left.is_zero())
        .map_or(Duration::MAX, age::until_countdown_change);
    state.now.checked_add(age::until_change(age).min(countdown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{fixtures, state::State};

    fn state(seconds_since_success: u64) -> State {
        let mut state = fixtures::live();
        if let Some(Ok(stats)) = state.snapshot_mut().map(|s| s.stats.as_mut()) {
            let now = fixtures::server_time();
            stats.last_success_at = Some(now - Duration::from_secs(seconds_since_success));
        }
        state.database_mut().polling.due = None;
        if let Some(snapshot) = state.snapshot_mut() {
            snapshot.job = Err(refreshtop_core::reading::Unavailable::new("none", ""));
        }
        state
    }

    #[test]
    fn sleeps_a_minute_if_only_minutes_are_shown() {
        let state = state(120);
        assert_eq!(next_redraw(&state), Some(state.now + Duration::from_mins(1)));
    }

    #[test]
    fn wakes_just_past_the_freshness_limit() {
        let state = state(600);
        assert_eq!(next_redraw(&state), Some(state.now + Duration::from_nanos(1)));
    }

    #[test]
    fn counts_the_age_of_the_data_while_polls_fail() {
        let mut state = state(120);
        state.now += Duration::from_millis(300);
        state.database_mut().poll_error = Some(refreshtop_core::reading::Unavailable::new("timeout", ""));
        assert_eq!(next_redraw(&state), Some(state.now + Duration::from_millis(700)));
    }

    #[test]
    fn counts_down_to_the_next_attempt() {
        let mut state = fixtures::state(fixtures::options(), Instant::now());
        let since = state.now;
        state.now += Duration::from_secs(200);
        let retry_at = Some(state.now + Duration::from_millis(5_400));
        state.database_mut().link = Link::Down { reason: "refused".into(), since, attempts: 1, retry_at };
        assert_eq!(next_redraw(&state), Some(state.now + Duration::from_millis(400)));
        // Overdue: the task that owns the connection will say what comes next.
        state.now += Duration::from_secs(6);
        assert_eq!(next_redraw(&state), Some(since + Duration::from_mins(4)));
    }

    #[test]
    fn nothing_known_nothing_moves() {
        let state = fixtures::state(fixtures::options(), Instant::now());
        assert_eq!(next_redraw(&state), None);
    }
}
