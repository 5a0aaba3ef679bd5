//! Pauses between attempts to connect again.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;

/// Pauses between attempts: 0.1 s, growing by a quarter each to 5 s, each stretched by up to its own length. They are
/// about a third as long as the outage so far: a server that restarts is seen within a second, one that stays down gets
/// few attempts, and many monitors don't reconnect in step.
pub fn quick_backoff() -> ExponentialBackoff {
    backoff(Duration::from_millis(100), Duration::from_secs(5), 1.25)
}

/// Pauses if trying again soon can't help (wrong password, no such database): 5 s, doubling to 30 s, stretched
/// likewise. Some servers lock accounts after repeated failures.
pub fn slow_backoff() -> ExponentialBackoff {
    backoff(Duration::from_secs(5), Duration::from_secs(30), 2.0)
}

fn backoff(first: Duration, longest: Duration, factor: f32) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_factor(factor)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_outage_is_over_within_a_second_and_a_long_one_is_no_storm() {
        // Stretched by half on the average.
        let mut passed = 0.0;
        let tries: Vec<f64> = quick_backoff()
            .take(100)
            .map(|pause| {
                passed += pause.as_secs_f64();
                passed
            })
            .collect();
        let within = |seconds: f64| tries.iter().filter(|at| **at <= seconds).count();
        assert!(within(2.0) >= 4, "{tries:?}");
        assert!(within(60.0) <= 35, "{tries:?}");
        // From a minute on, one in five seconds or less.
        assert!(within(160.0) - within(60.0) <= 21, "{tries:?}");
    }

    #[test]
    fn pauses_are_capped_jittered_and_never_end() {
        for (pauses, first, cap) in [(quick_backoff(), 0.1, 10.0), (slow_backoff(), 5.0, 60.0)] {
            let taken: Vec<f64> = pauses.take(200).map(|pause| pause.as_secs_f64()).collect();
            assert_eq!(taken.len(), 200);
            assert!(taken[0] >= first && taken[0] <= 2.0 * first, "{taken:?}");
            assert!(taken.iter().all(|pause| *pause <= cap), "{taken:?}");
            assert!(
                taken[100..].windows(2).any(|pair| (pair[0] - pair[1]).abs() > f64::EPSILON),
                "no jitter: {taken:?}"
            );
        }
    }

    #[test]
    fn two_monitors_that_lose_one_server_do_not_come_back_in_step() {
        for pauses in [quick_backoff, slow_backoff] {
            let taken = || pauses().take(50).collect::<Vec<_>>();
            assert_ne!(taken(), taken());
        }
    }
}
