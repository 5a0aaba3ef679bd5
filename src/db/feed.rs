//! The one long-lived session: it listens, notices at once when it dies, and comes back by itself.

use crate::connect::{self, Kind, Limits, Messages, Target};
use crate::db::suspend::SleepDetector;
use crate::db::{
    error,
    events::{Closed, Events},
    listen::{self, CHANNEL, Found, Trial},
    service::PLATFORM_METRICS,
    session_budget::SessionBudget,
};
use crate::model::{event::Event, link::LinkEvent, notification::Notification};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt as _;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

/// Time between two signs of life, and how long one may take: a link whose packets vanish is noticed within
/// their sum. That leaves a second and a half of the fifteen that are promised to a busy machine and a slow terminal.
const HEARTBEAT: Duration = Duration::from_secs(9);
const HEARTBEAT_LIMIT: Duration = Duration::from_millis(4_500);

/// Signs of life between two trials behind what looks like a pooler: five minutes.
const RETRIAL_BEATS: u32 = 33;

/// Limits of the listening session. It never holds a transaction open, so only statements need one.
pub(super) const LISTENING: Limits = Limits {
    statement_timeout: Some(HEARTBEAT_LIMIT),
    lock_timeout: Some(HEARTBEAT_LIMIT),
    idle_in_transaction_timeout: Some(HEARTBEAT),
    read_only: true,
};

/// Pauses between attempts: 0.1 s, growing by a quarter each to 5 s, each stretched by up to its own length. They are
/// about a third as long as the outage so far: a server that restarts is seen within a second, one that stays away is
/// left in peace, and many monitors do not come back in step.
#[must_use]
pub fn quick_backoff() -> ExponentialBackoff {
    backoff(Duration::from_millis(100), Duration::from_secs(5), 1.25)
}

/// Pauses where trying again soon can't help (wrong password, no such database): 5 s, doubling to 30 s, stretched
/// likewise. Servers lock accounts that knock too often.
#[must_use]
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

/// How long a session must have lived for the pauses to start over: a server that lets us in and throws us out at once
/// is not one that works.
const PROVEN: Duration = Duration::from_secs(5);

/// How a session ended.
struct Loss {
    reason: String,
    /// Whether trying again soon makes sense.
    soon: bool,
}

/// Listens until `events` is closed. `budget` is for a second session, which tries whether notifications arrive.
pub async fn run(target: Target, budget: SessionBudget, events: Events) {
    let (mut quick, mut slow) = (quick_backoff(), slow_backoff());
    loop {
        let began = Instant::now();
        let loss = session(&target, &budget, &events).await;
        if loss.soon && began.elapsed() >= PROVEN {
            (quick, slow) = (quick_backoff(), slow_backoff());
        }
        let pause = if loss.soon { quick.next() } else { slow.next() };
        let retry_in = pause.unwrap_or(Duration::from_secs(1));
        if tell(&events, LinkEvent::Down { reason: loss.reason, retry_in }).await.is_err() {
            return;
        }
        sleep(retry_in).await;
        if tell(&events, LinkEvent::Retrying).await.is_err() {
            return;
        }
    }
}

async fn tell(events: &Events, event: LinkEvent) -> Result<(), Closed> {
    events.send(Event::Link(event)).await
}

/// Connects, listens and forwards until the session is lost.
async fn session(target: &Target, budget: &SessionBudget, events: &Events) -> Loss {
    let connected = match connect::connect(target, "listen", &LISTENING).await {
        Ok(connected) => connected,
        Err(failure) => {
            // Do not retry twice a second against a server that is out of connections.
            let soon = failure.kind.may_pass() && failure.kind != Kind::TooManyConnections;
            return Loss { reason: failure.to_string(), soon };
        }
    };
    let (arrived, trial) = (AtomicU64::new(0), Trial::new(connected.reached, budget.clone()));
    let driver = drive(connected.messages, &trial, events, &arrived);
    // What the server says when it ends the session (57P01: shut down by an administrator) tells more than the
    // failed question after it.
    tokio::select! {
        biased;
        reason = driver => Loss { reason, soon: true },
        loss = watch(&connected.client, &trial, events, &arrived) => loss,
    }
}

/// Moves the session along and forwards its notifications until it ends; returns why it did. Counts in `arrived`
/// whatever comes.
async fn drive(mut session: Messages, trial: &Trial, events: &Events, arrived: &AtomicU64) -> String {
    while let Some(next) = session.next().await {
        arrived.fetch_add(1, Ordering::Relaxed);
        match next {
            Ok(AsyncMessage::Notification(sent)) if sent.channel() == CHANNEL => {
                if let Some(known) =
                    Notification::parse(sent.payload()).filter(|known| known.refresh_type == PLATFORM_METRICS)
                {
                    // A full queue already holds news, and news leads to a read that finds this run too.
                    events.offer(Event::Notified(known));
                }
            }
            Ok(AsyncMessage::Notification(sent)) => trial.heard(sent.channel()),
            // Notices, and whatever the protocol may add.
            Ok(_) => {}
            Err(failure) => return error::driver_sentence(&failure),
        }
    }
    "the server closed the connection".into()
}

/// Starts to listen, says so, and asks for a sign of life from time to time.
async fn watch(client: &Client, trial: &Trial, events: &Events, arrived: &AtomicU64) -> Loss {
    let lost = |reason: String| Loss { reason, soon: true };
    let mut found = match listen::listen(client, trial, HEARTBEAT_LIMIT).await {
        Ok(found) => found,
        Err(reason) => return lost(reason),
    };
    if tell(events, found.event.clone()).await.is_err() {
        // Nobody is left to tell; the next attempt notices too.
        return lost("the monitor is ending".into());
    }
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    let mut beats = 0_u32;
    let mut sleep = SleepDetector::new();
    loop {
        beat.tick().await;
        if let Some(slept) = sleep.slept()
            && tell(events, LinkEvent::Resumed { slept }).await.is_err()
        {
            return lost("the monitor is ending".into());
        }
        beats = beats.wrapping_add(1);
        if tries_again(&found, beats) {
            match listen::listen(client, trial, HEARTBEAT_LIMIT).await {
                Ok(now) => {
                    let changed = now.event != found.event;
                    found = now;
                    if changed && tell(events, found.event.clone()).await.is_err() {
                        return lost("the monitor is ending".into());
                    }
                }
                Err(reason) => return lost(reason),
            }
            continue;
        }
        if let Err(reason) = sign_of_life(client, arrived).await {
            return lost(reason);
        }
    }
}

/// Waits for an answer to nothing. Behind a flood of notifications it may take long, but what comes meanwhile shows that
/// the server lives.
async fn sign_of_life(client: &Client, arrived: &AtomicU64) -> Result<(), String> {
    let answer = client.simple_query("");
    tokio::pin!(answer);
    loop {
        let before = arrived.load(Ordering::Relaxed);
        match timeout(HEARTBEAT_LIMIT, &mut answer).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(failure)) => return Err(error::driver_sentence(&failure)),
            Err(_) if arrived.load(Ordering::Relaxed) != before => {}
            Err(_) => return Err("the server stopped answering".into()),
        }
    }
}

/// A standby keeps its sessions when it is promoted, and can be listened to from then on. A pooler stays what it is, but
/// over a bad link a trial may fail by itself.
fn tries_again(found: &Found, beats: u32) -> bool {
    found.event != LinkEvent::Live && (found.may_pass || beats.is_multiple_of(RETRIAL_BEATS))
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
