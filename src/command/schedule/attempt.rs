//! The refresh of one tick, in a transaction with an advisory lock; none if another scheduler was first.

use super::LONGEST_SLEEP;
use chrono::{DateTime, Utc};
use refreshtop_core::{address::ViewId, clock::ServerClock};
use refreshtop_db::{
    cancellable::Lost,
    migrate,
    session::PINNED,
    trigger,
    trust::{LOG, Trust},
};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_postgres::Client;

/// The advisory lock among instances, one for each view: a number of the view's name (FNV-1a) below the migrations' class.
fn lock_key(view: &ViewId) -> i64 {
    let hash = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let hash = view.as_str().as_bytes().iter().fold(0x811c_9dc5, hash);
    (i64::from(migrate::LOCK_CLASS) << 32) | i64::from(hash)
}
/// How often another instance's lock is waited for, and how long each time.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// How a tick ended on a session.
pub struct Attempt {
    /// The server's clock.
    pub clock: ServerClock,
    /// The answer of the refresh; `None` if another scheduler had refreshed since the tick.
    pub reply: Option<Value>,
}

/// Begins a transaction in which unqualified names are PostgreSQL's own.
pub fn begin() -> String {
    format!("BEGIN; {PINNED}")
}

/// Refreshes, unless a scheduled attempt was made since the tick.
pub async fn refresh(client: &Client, view: &ViewId, tick: DateTime<Utc>) -> Result<Attempt, Lost> {
    let mut tries = 0;
    let trust = Trust::of_client(client).await?;
    trust.allow(LOG)?;
    trust.allow_all(trigger::REFRESH)?;
    loop {
        tries += 1;
        client.batch_execute(&begin()).await?;
        let lock = "SELECT pg_try_advisory_xact_lock($1), clock_timestamp()";
        let row = client.query_one(lock, &[&lock_key(view)]).await?;
        let (locked, time): (bool, DateTime<Utc>) = (row.try_get(0)?, row.try_get(1)?);
        let clock = ServerClock::new(time, Instant::now());
        // Our clock may be a little ahead of the server's, and an attempt before the tick would not count for it.
        let early = (tick - time).to_std().unwrap_or_default();
        if early.is_zero() {
            client.batch_execute(&trust.hold(&[LOG])).await?;
            if was_attempted(client, view, tick).await? {
                client.batch_execute("ROLLBACK").await?;
                return Ok(Attempt { clock, reply: None });
            }
            if locked || tries >= LOCK_TRIES {
                // The source is named here, because the session's name may be set by the user.
                client.query_one("SELECT refreshtop.limit_time($1)", &[&view.as_str()]).await?;
                let refresh = "SELECT refreshtop.refresh($1, 'schedule')";
                let reply = client.query_one(refresh, &[&view.as_str()]).await?.try_get(0)?;
                client.batch_execute("COMMIT").await?;
                return Ok(Attempt { clock, reply: Some(reply) });
            }
        }
        client.batch_execute("ROLLBACK").await?;
        sleep(if early.is_zero() { LOCK_PAUSE } else { early.min(LONGEST_SLEEP) }).await;
    }
}

/// Whether any scheduler made an attempt since the tick.
async fn was_attempted(client: &Client, view: &ViewId, tick: DateTime<Utc>) -> Result<bool, tokio_postgres::Error> {
    let attempt = "SELECT EXISTS (SELECT 1 FROM public.metrics_refresh_log
                                  WHERE refresh_type = $1 AND trigger_source = 'schedule' AND created_at >= $2
                                    AND started_at >= $2)";
    client.query_one(attempt, &[&view.as_str(), &tick]).await?.try_get(0)
}
