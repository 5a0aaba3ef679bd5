//! Whether this machine slept: its monotonic clock stands still meanwhile, and so would every age that is computed with
//! it.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;

/// Less than this is the time between two readings.
const LEAST: Duration = Duration::from_secs(1);

/// Compares the clock that goes on during sleep with the one that does not.
#[derive(Debug)]
pub(super) struct SleepDetector {
    ahead: Duration,
}

impl SleepDetector {
    pub(super) fn new() -> Self {
        Self { ahead: ahead() }
    }

    /// How long the machine slept since the last call; `None` if it did not.
    pub(super) fn slept(&mut self) -> Option<Duration> {
        self.slept_until(ahead())
    }

    fn slept_until(&mut self, ahead: Duration) -> Option<Duration> {
        let slept = ahead.saturating_sub(self.ahead);
        self.ahead = ahead;
        (slept >= LEAST).then_some(slept)
    }
}

/// By how much the clock that goes on is ahead of the other one.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ahead() -> Duration {
    let reading = |clock| duration(clock_gettime(clock));
    let monotonic = reading(ClockId::Monotonic);
    reading(ClockId::Boottime).saturating_sub(monotonic)
}

/// Elsewhere the monotonic clock itself goes on, or there is no other.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn ahead() -> Duration {
    Duration::ZERO
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sleep_counts_and_each_only_once() {
        let mut detector = SleepDetector { ahead: Duration::from_secs(100) };
        assert_eq!(detector.slept_until(Duration::from_millis(100_020)), None);
        assert_eq!(detector.slept_until(Duration::from_secs(3_700)), Some(Duration::from_millis(3_599_980)));
        assert_eq!(detector.slept_until(Duration::from_secs(3_700)), None);
        assert_eq!(detector.slept_until(Duration::from_hours(1)), None);
    }

    #[test]
    fn nobody_sleeps_during_a_test() {
        assert_eq!(SleepDetector::new().slept(), None);
    }
}
