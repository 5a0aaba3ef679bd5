//! Whether notifications really arrive. A pooler in transaction mode accepts `LISTEN`, hands the server's connection to
//! the next one, and nothing ever comes: only a trial tells.

use crate::connect::{self, Target};
use crate::db::{
    error::{self, sqlstate},
    feed::LISTENING,
    session_budget::SessionBudget,
    trust::SEARCH_PATH,
};
use crate::model::link::LinkEvent;
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// The channel of the contract.
pub const CHANNEL: &str = "metrics_refresh";
/// Attempts to get back the server's connection on which the trial's channel was left, and the pause between two.
const UNDO_ATTEMPTS: u32 = 20;
const UNDO_PAUSE: Duration = Duration::from_millis(50);

/// A trial of one session: a channel that nobody can guess, and whether something came on it.
pub(super) struct Trial {
    /// Where that session is, for another one that sends.
    target: Target,
    budget: SessionBudget,
    channel: String,
    arrived: Notify,
}

impl Trial {
    pub(super) fn new(target: Target, budget: SessionBudget) -> Self {
        let channel = format!("refreshtop_{}", Uuid::new_v4().simple());
        Self { target, budget, channel, arrived: Notify::new() }
    }

    /// Takes note of a notification on `channel`.
    pub(super) fn heard(&self, channel: &str) {
        if channel == self.channel {
            self.arrived.notify_one();
        }
    }
}

/// What a session found out.
pub(super) struct Found {
    pub(super) event: LinkEvent,
    /// Whether the answer may soon be another: asking again costs one statement.
    pub(super) may_pass: bool,
}

impl Found {
    fn polling(reason: String, may_pass: bool) -> Self {
        Self { event: LinkEvent::Polling { reason }, may_pass }
    }
}

/// Tries to listen; tells whether that works here, or why the session is lost. `limit` bounds each step.
pub(super) async fn listen(client: &Client, trial: &Trial, limit: Duration) -> Result<Found, String> {
    let Some(_third) = trial.budget.take() else {
        let reason = "whether notifications arrive is tried as soon as the refresh has ended";
        return Ok(Found::polling(reason.into(), true));
    };
    let sql = format!("LISTEN \"{}\"; SELECT pg_backend_pid()", trial.channel);
    let pid = match ask(client, &sql, limit).await? {
        Ok(pid) => pid,
        Err(refused) => return Ok(refused),
    };
    // Opening a session takes several round trips, and each may be slow.
    match notify(&trial.target, &trial.channel, limit * 5).await {
        Err(reason) => {
            undo(client, &trial.channel, &pid, limit).await;
            return Ok(Found::polling(format!("whether notifications arrive could not be tried: {reason}"), true));
        }
        // What is sent while this session is idle comes at once, or never.
        Ok(()) if timeout(limit, trial.arrived.notified()).await.is_err() => {
            undo(client, &trial.channel, &pid, limit).await;
            let reason = "notifications don't come through: a pooler in transaction mode stands before this server";
            return Ok(Found::polling(reason.into(), false));
        }
        Ok(()) => {}
    }
    // Listening is idling: a server that ends idle sessions must not end this one. Older ones don't know the setting.
    let sql = format!(
        "LISTEN {CHANNEL}; UNLISTEN \"{}\";
         SELECT set_config('idle_session_timeout', '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
        trial.channel
    );
    Ok(match ask(client, &sql, limit).await? {
        Ok(_) => Found { event: LinkEvent::Live, may_pass: false },
        Err(refused) => refused,
    })
}

/// Runs `sql`: the first value that it gives, or that listening was refused; the outer error is a lost session.
async fn ask(client: &Client, sql: &str, limit: Duration) -> Result<Result<String, Found>, String> {
    match timeout(limit, client.simple_query(&format!("{SEARCH_PATH}; {sql}"))).await {
        Ok(Ok(answer)) => Ok(Ok(first_value(&answer))),
        Ok(Err(failure)) => match failure.code() {
            Some(code) if code.code() == sqlstate::READ_ONLY => {
                Ok(Err(Found::polling("LISTEN can't work on a read-only standby".into(), true)))
            }
            Some(code) if !code.code().starts_with("57P") && !code.code().starts_with("08") => {
                Ok(Err(Found::polling(format!("LISTEN was refused: {}", error::driver_sentence(&failure)), true)))
            }
            _ => Err(error::driver_sentence(&failure)),
        },
        Err(_) => Err("the server did not answer LISTEN in time".into()),
    }
}

fn first_value(answer: &[SimpleQueryMessage]) -> String {
    let value = answer.iter().find_map(|part| match part {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    value.unwrap_or_default().to_owned()
}

/// Sends on `channel` from a session of its own: behind a pooler the listening one may be linked to its server's
/// connection just while it asks, and would hear itself.
async fn notify(target: &Target, channel: &str, limit: Duration) -> Result<(), String> {
    let connected = match timeout(limit, connect::connect(target, "listen check", &LISTENING)).await {
        Ok(connected) => connected.map_err(|failure| failure.to_string())?,
        Err(_) => return Err("a second session could not be opened in time".into()),
    };
    let (client, mut messages) = (connected.client, connected.messages);
    let driver = async move { while messages.next().await.is_some() {} };
    let sql = format!("SELECT pg_catalog.pg_notify('{channel}', '')");
    let sent = async {
        match timeout(limit, client.simple_query(&sql)).await {
            Ok(answer) => answer.map(|_| ()).map_err(|failure| error::driver_sentence(&failure)),
            Err(_) => Err("the server did not answer in time".into()),
        }
    };
    tokio::select! {
        biased;
        sent = sent => sent,
        () = driver => Err("the server closed the second session".into()),
    }
}

/// Ends the listening on `channel`, which a pooler may have left on a connection that others use by now. What can't be
/// undone harms little: nobody else knows the channel.
async fn undo(client: &Client, channel: &str, pid: &str, limit: Duration) {
    let sql = format!(
        "{SEARCH_PATH};
         DO $$ BEGIN IF pg_backend_pid()::text = '{pid}' THEN EXECUTE 'UNLISTEN \"{channel}\"'; END IF; END $$;
         SELECT pg_backend_pid()"
    );
    for _ in 0..UNDO_ATTEMPTS {
        match timeout(limit, client.simple_query(&sql)).await {
            Ok(Ok(answer)) if first_value(&answer) != pid => sleep(UNDO_PAUSE).await,
            _ => return,
        }
    }
}
