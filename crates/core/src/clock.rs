//! The server's clock, carried forward by the local monotonic one.
//!
//! Ages are differences between server times, so a laptop whose wall clock is hours off shows the same
//! figures as the server would.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::{Duration, Instant};

/// One reading of the server's clock, and the local moment at which it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerClock {
    server: DateTime<Utc>,
    local: Instant,
}

impl ServerClock {
    /// Ties the server time `server` to the local moment `local` at which it was known to hold.
    pub fn new(server: DateTime<Utc>, local: Instant) -> Self {
        Self { server, local }
    }

    /// The same after the local clock has stood still for `slept`.
    pub fn after_sleep(self, slept: Duration) -> Self {
        Self { server: self.server + TimeDelta::from_std(slept).unwrap_or(TimeDelta::MAX), ..self }
    }

    /// The server time at the local moment `now`; moments before the reading give the reading itself.
    pub fn at(&self, now: Instant) -> DateTime<Utc> {
        let passed = now.saturating_duration_since(self.local);
        self.server + TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_with_the_local_monotonic_clock() {
        let local = Instant::now();
        let server: DateTime<Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
        let clock = ServerClock::new(server, local);
        assert_eq!(clock.at(local), server);
        assert_eq!(clock.at(local + Duration::from_secs(90)), server + TimeDelta::seconds(90));
        let woken = clock.after_sleep(Duration::from_hours(8));
        assert_eq!(woken.at(local + Duration::from_secs(1)), server + TimeDelta::hours(8) + TimeDelta::seconds(1));
    }
}
