//! What moves on the wall, and when. It stays on for weeks, so its words are coarse and the whole picture drifts.

use crate::app::state::State;
use refreshtop_core::{age, link::Link};
use std::time::Duration;

/// How long the picture stays in its place. A step sends a few thousand bytes at most, so it costs a few bytes a second.
pub const STEP: Duration = Duration::from_mins(10);

/// An age as a wall shows it: whole minutes and up, so that nothing counts seconds there for weeks.
pub fn label(age: Duration) -> String {
    if age < Duration::from_mins(1) { "<1m".into() } else { age::label(age) }
}

/// How long that label of a growing age still holds; never zero.
pub fn until_change(age: Duration) -> Duration {
    match Duration::from_mins(1).checked_sub(age) {
        Some(left) if !left.is_zero() => left,
        _ => age::until_change(age),
    }
}

/// How often the picture has moved by now. By the server's clock, or by how long nobody has been reached.
pub fn steps(state: &State) -> u64 {
    passed(state).as_secs() / STEP.as_secs()
}

fn passed(state: &State) -> Duration {
    if let Some(now) = state.server_now() {
        return Duration::from_micros(u64::try_from(now.timestamp_micros()).unwrap_or_default());
    }
    match &state.database().link {
        Link::Down { since, .. } => state.now.saturating_duration_since(*since),
        Link::Connecting | Link::Connected | Link::Live | Link::Polling { .. } => Duration::ZERO,
    }
}

/// How long the wall reads the same, except for health and a running refresh.
pub fn stable_for(state: &State) -> Option<Duration> {
    let passed = passed(state);
    let into = Duration::new(passed.as_secs() % STEP.as_secs(), passed.subsec_nanos());
    let still = state.server_now().is_none() && !matches!(state.database().link, Link::Down { .. });
    let step = STEP.checked_sub(into).filter(|_| !still);
    let down = match &state.database().link {
        Link::Down { since, .. } => Some(until_change(state.now.saturating_duration_since(*since))),
        Link::Connecting | Link::Connected | Link::Live | Link::Polling { .. } => None,
    };
    let old =
        state.data_age().filter(|_| !state.connected() || state.database().poll_error.is_some()).map(until_change);
    [step, state.freshness().map(until_change), down, old, until_run(state)].into_iter().flatten().min()
}

/// The next run is shown by its time, which stays until it has come.
fn until_run(state: &State) -> Option<Duration> {
    let now = state.server_now()?;
    let next = state.snapshot()?.job.as_ref().ok()?.next_run(now)?;
    (next - now).to_std().ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixtures;

    #[test]
    fn labels_hold_exactly_as_long_as_they_say() {
        for ms in [0, 1, 59_999, 60_000, 61_500, 3_599_999, 86_400_000] {
            let age = Duration::from_millis(ms);
            let hold = until_change(age);
            let before = (age + hold).checked_sub(Duration::from_nanos(1)).unwrap();
            assert_eq!(label(age), label(before), "{ms}");
            assert_ne!(label(age), label(age + hold), "{ms}");
        }
    }

    #[test]
    fn the_picture_moves_with_the_servers_clock_and_without_it_while_nobody_is_reached() {
        let mut state = fixtures::live();
        let before = steps(&state);
        state.now += STEP;
        assert_eq!(steps(&state), before + 1);
        let mut state = fixtures::never_reached();
        assert_eq!((steps(&state), stable_for(&state)), (0, Some(Duration::from_mins(1))));
        state.now += Duration::from_secs(10 * 60 + 1);
        assert_eq!(steps(&state), 1);
        assert_eq!(stable_for(&fixtures::connecting()), None);
    }
}
