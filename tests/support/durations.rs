//! Durations that were measured, and what they come to.

use std::{fmt, time::Duration};

/// As they were measured.
#[derive(Debug, Clone, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    pub fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest of them that at least `percent` of a hundred do not exceed; 0 is the shortest.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub fn median(&self) -> Duration {
        self.percentile(50)
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [shortest, median, p99, longest] = [0, 50, 99, 100].map(|percent| self.percentile(percent));
        write!(f, "min {shortest:.2?}, median {median:.2?}, p99 {p99:.2?}, max {longest:.2?}")
    }
}
