//! The one long-lived session: it listens, notices at once when it dies, and comes back by itself.

use crate::connect::{self, Kind, Messages, Session, Target};
use crate::db::{
    error::{self, sqlstate},
    service::PLATFORM_METRICS,
};
use crate::model::{feed::FeedEvent, message::Message, notification::Notification};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client};

/// The channel of the contract.
pub const CHANNEL: &str = "metrics_refresh";
/// Time between two signs of life, and how long one may take: a link whose packets vanish is noticed within
/// their sum.
const HEARTBEAT: Duration = Duration::from_secs(10);
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(4);

/// Limits of the listening session. It never holds a transaction open, so only statements need one.
const LISTENING: Session = Session {
    statement_timeout: Some(HEARTBEAT_LIMIT),
    lock_timeout: Some(HEARTBEAT_LIMIT),
    idle_in_transaction_timeout: Some(HEARTBEAT),
    read_only: true,
};

/// Pauses between attempts: 0.1 s, doubling to 0.4 s, each stretched by up to its own length. So a server that
/// is back is seen within a second, and many monitors do not come back in step.
#[must_use]
pub fn quick_backoff() -> ExponentialBackoff {
    backoff(Duration::from_millis(100), Duration::from_millis(400))
}

/// Pauses where trying again soon can't help (wrong password, no such database): 5 s, doubling to 30 s, stretched
/// likewise. Servers lock accounts that knock too often.
#[must_use]
pub fn slow_backoff() -> ExponentialBackoff {
    backoff(Duration::from_secs(5), Duration::from_secs(30))
}

fn backoff(first: Duration, longest: Duration) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

/// How a session ended.
struct Loss {
    reason: String,
    /// Whether it had worked, so that the pauses start over.
    worked: bool,
    /// Whether trying again soon makes sense.
    soon: bool,
}

/// Listens until `messages` is closed.
pub async fn run(target: Target, messages: mpsc::Sender<Message>) {
    let (mut quick, mut slow) = (quick_backoff(), slow_backoff());
    loop {
        let loss = session(&target, &messages).await;
        if loss.worked {
            (quick, slow) = (quick_backoff(), slow_backoff());
        }
        let pause = if loss.soon { quick.next() } else { slow.next() };
        let retry_in = pause.unwrap_or(Duration::from_secs(1));
        if tell(&messages, FeedEvent::Down { reason: loss.reason, retry_in }).await.is_err() {
            return;
        }
        sleep(retry_in).await;
        if tell(&messages, FeedEvent::Retrying).await.is_err() {
            return;
        }
    }
}

async fn tell(messages: &mpsc::Sender<Message>, event: FeedEvent) -> Result<(), mpsc::error::SendError<Message>> {
    messages.send(Message::Feed(event)).await
}

/// Connects, listens and forwards until the session is lost.
async fn session(target: &Target, messages: &mpsc::Sender<Message>) -> Loss {
    let connected = match connect::connect(target, "listen", &LISTENING).await {
        Ok(connected) => connected,
        Err(failure) => {
            // A server without a free connection is not helped by two knocks a second.
            let soon = failure.kind.may_pass() && failure.kind != Kind::TooManyConnections;
            return Loss { reason: failure.to_string(), worked: false, soon };
        }
    };
    let driver = drive(connected.messages, messages);
    // What the server says when it ends the session (57P01: shut down by an administrator) tells more than the
    // failed question after it.
    tokio::select! {
        biased;
        reason = driver => Loss { reason, worked: true, soon: true },
        loss = watch(&connected.client, connected.without_settings, messages) => loss,
    }
}

/// Moves the session along and forwards its notifications until it ends; returns why it did.
async fn drive(mut session: Messages, messages: &mpsc::Sender<Message>) -> String {
    while let Some(next) = session.next().await {
        match next {
            Ok(AsyncMessage::Notification(sent)) if sent.channel() == CHANNEL => {
                if let Some(known) =
                    Notification::parse(sent.payload()).filter(|known| known.refresh_type == PLATFORM_METRICS)
                {
                    // A full queue already holds news, and news leads to a read that finds this run too.
                    let _ = messages.try_send(Message::Notified(known));
                }
            }
            // Other channels, notices, and whatever the protocol may add.
            Ok(_) => {}
            Err(failure) => return error::driver_sentence(&failure),
        }
    }
    "the server closed the connection".into()
}

/// Tries to listen; tells whether that can work here, or why the session is lost.
async fn listen(client: &Client, pooled: bool) -> Result<FeedEvent, String> {
    if pooled {
        let reason = "a connection pooler stands before this server, and notifications don't pass it".into();
        let alive = timeout(HEARTBEAT_LIMIT, client.simple_query("")).await;
        return match alive {
            Ok(Ok(_)) => Ok(FeedEvent::Polling { reason }),
            Ok(Err(failure)) => Err(error::driver_sentence(&failure)),
            Err(_) => Err("the pooler stopped answering".into()),
        };
    }
    match timeout(HEARTBEAT_LIMIT, client.batch_execute(&format!("LISTEN {CHANNEL}"))).await {
        Ok(Ok(())) => Ok(FeedEvent::Live),
        Ok(Err(failure)) => match failure.code() {
            Some(code) if code.code() == sqlstate::READ_ONLY => {
                Ok(FeedEvent::Polling { reason: "LISTEN can't work on a read-only standby".into() })
            }
            Some(_) => {
                Ok(FeedEvent::Polling { reason: format!("LISTEN was refused: {}", error::driver_sentence(&failure)) })
            }
            None => Err(error::driver_sentence(&failure)),
        },
        Err(_) => Err("the server did not answer LISTEN in time".into()),
    }
}

/// Starts to listen, says so, and asks for a sign of life from time to time.
///
/// `pooled` says that the session runs without its settings, which only poolers refuse.
async fn watch(client: &Client, pooled: bool, messages: &mpsc::Sender<Message>) -> Loss {
    let lost = |reason: String, worked| Loss { reason, worked, soon: true };
    let mut event = match listen(client, pooled).await {
        Ok(event) => event,
        Err(reason) => return lost(reason, false),
    };
    if tell(messages, event.clone()).await.is_err() {
        // Nobody is left to tell; the next attempt notices too.
        return lost("the monitor is ending".into(), true);
    }
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    loop {
        beat.tick().await;
        // A standby keeps its sessions when it is promoted, and can be listened to from then on.
        if event != FeedEvent::Live {
            match listen(client, pooled).await {
                Ok(now) if now != event => {
                    event = now;
                    if tell(messages, event.clone()).await.is_err() {
                        return lost("the monitor is ending".into(), true);
                    }
                }
                Ok(_) => {}
                Err(reason) => return lost(reason, true),
            }
            continue;
        }
        match timeout(HEARTBEAT_LIMIT, client.simple_query("")).await {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => return lost(error::driver_sentence(&failure), true),
            Err(_) => return lost("the server stopped answering".into(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_capped_jittered_and_never_end() {
        for (pauses, first, cap) in [(quick_backoff(), 0.1, 0.8), (slow_backoff(), 5.0, 60.0)] {
            let taken: Vec<f64> = pauses.take(200).map(|pause| pause.as_secs_f64()).collect();
            assert_eq!(taken.len(), 200);
            assert!(taken[0] >= first && taken[0] <= 2.0 * first, "{taken:?}");
            assert!(taken.iter().all(|pause| *pause <= cap), "{taken:?}");
            assert!(
                taken[10..].windows(2).any(|pair| (pair[0] - pair[1]).abs() > f64::EPSILON),
                "no jitter: {taken:?}"
            );
        }
    }
}
