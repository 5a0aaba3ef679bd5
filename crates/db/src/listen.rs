//! Whether notifications really arrive. A pooler in transaction mode accepts `LISTEN`, gives the server's connection to
//! the next client, and no notification ever arrives. Only a trial shows that.

use crate::{
    error::{self, sqlstate},
    parameter::Parameter,
    session::{SEARCH_PATH, Session},
    session_budget::SessionBudget,
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::link::LinkEvent;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// The channel of the contract.
pub const CHANNEL: &str = "metrics_refresh";
/// Attempts to get back the server's connection on which the trial's channel was left, and the pause between two.
const UNDO_ATTEMPTS: u32 = 20;
const UNDO_PAUSE: Duration = Duration::from_millis(50);

/// A trial of one session: a channel that nobody can guess, and whether something came on it.
pub(super) struct ListenProbe {
    channel: String,
    arrived: Notify,
}

impl Default for ListenProbe {
    fn default() -> Self {
        Self { channel: format!("refreshtop_{}", Uuid::new_v4().simple()), arrived: Notify::new() }
    }
}

impl ListenProbe {
    /// Takes note of a notification on `channel`.
    pub(super) fn receive(&self, channel: &str) {
        if channel == self.channel {
            self.arrived.notify_one();
        }
    }
}

/// A trial under way: another session sends, and this one goes on with its work.
pub(super) struct Probe {
    /// Process of the server that executed LISTEN.
    pid: String,
    sent: JoinHandle<Result<bool, String>>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.sent.abort();
    }
}

/// The outcome of a trial.
pub(super) struct Outcome {
    pid: String,
    /// Whether it arrived, or why it could not be tried.
    arrived: Result<bool, String>,
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

/// Begins to try whether notifications arrive on `session`, or says what is known already; the outer error is a lost
/// session. `limit` bounds each step.
pub(super) async fn begin(
    session: &Session,
    trial: &Arc<ListenProbe>,
    budget: &SessionBudget,
    limit: Duration,
) -> Result<Result<Probe, Found>, String> {
    let Some(second) = budget.take() else {
        let reason = "whether notifications arrive is tried as soon as the refresh has ended";
        return Ok(Err(Found::polling(reason.into(), true)));
    };
    let sql = format!("LISTEN \"{}\"; SELECT pg_backend_pid()", trial.channel);
    let pid = match ask(session, &sql, limit).await? {
        Ok(pid) => pid,
        Err(refused) => return Ok(Err(refused)),
    };
    let (target, trial) = (session.reached().clone(), Arc::clone(trial));
    let sent = tokio::spawn(async move {
        // Opening a session takes several round trips, and each may be slow.
        notify(&target, &trial.channel, limit * 5).await?;
        drop(second);
        // A notification that is sent while this session is idle arrives at once, or never.
        Ok(timeout(limit, trial.arrived.notified()).await.is_ok())
    });
    Ok(Ok(Probe { pid, sent }))
}

/// Waits for the outcome of the trial under way; for ever if there is none.
pub(super) async fn outcome(probe: &mut Option<Probe>) -> Outcome {
    let Some(Probe { pid, sent }) = probe else { return std::future::pending().await };
    let arrived = sent.await.unwrap_or_else(|_| Err("the trial was given up".into()));
    let pid = std::mem::take(pid);
    *probe = None;
    Outcome { pid, arrived }
}

/// Ends a trial: listens if notifications arrive. The error is a lost session.
pub(super) async fn end(
    session: &Session,
    trial: &ListenProbe,
    outcome: Outcome,
    limit: Duration,
) -> Result<Found, String> {
    match outcome.arrived {
        Err(reason) => {
            undo(session, &trial.channel, &outcome.pid, limit).await;
            return Ok(Found::polling(format!("whether notifications arrive could not be tried: {reason}"), true));
        }
        Ok(false) => {
            undo(session, &trial.channel, &outcome.pid, limit).await;
            let reason = "notifications don't come through: a pooler in transaction mode is in front of this server";
            return Ok(Found::polling(reason.into(), false));
        }
        Ok(true) => {}
    }
    // A listening session is idle, and a server that ends idle sessions must not end it. Older ones don't know the
    // setting.
    let sql = format!(
        "LISTEN {CHANNEL}; UNLISTEN \"{}\";
         SELECT set_config('idle_session_timeout', '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
        trial.channel
    );
    Ok(match ask(session, &sql, limit).await? {
        Ok(_) => Found { event: LinkEvent::Live, may_pass: false },
        Err(refused) => refused,
    })
}

/// Runs `sql`: the first value that it gives, or that listening was refused; the outer error is a lost session.
async fn ask(session: &Session, sql: &str, limit: Duration) -> Result<Result<String, Found>, String> {
    match timeout(limit, session.first_value(&format!("{SEARCH_PATH}; {sql}"))).await {
        Ok(Ok(value)) => Ok(Ok(value.unwrap_or_default())),
        Ok(Err(failure)) => match error::code(&failure) {
            Some(sqlstate::READ_ONLY) => {
                Ok(Err(Found::polling("LISTEN can't work on a read-only standby".into(), true)))
            }
            Some(code) if !code.starts_with("57P") && !code.starts_with("08") => {
                Ok(Err(Found::polling(format!("LISTEN was refused: {}", error::loss(&failure)), true)))
            }
            _ => Err(error::loss(&failure)),
        },
        Err(_) => Err("the server did not answer LISTEN in time".into()),
    }
}

/// Sends on `channel` from a session of its own: behind a pooler the listening one may be linked to its server's
/// connection just while it asks, and would receive its own notification.
async fn notify(target: &Target, channel: &str, limit: Duration) -> Result<(), String> {
    let session = match timeout(limit, Session::open(target, "listen check", &Limits::READING)).await {
        Ok(session) => session.map_err(|failure| failure.to_string())?,
        Err(_) => return Err("a second session could not be opened in time".into()),
    };
    let sql = "SELECT pg_catalog.pg_notify($1, '')";
    match timeout(limit, session.query(sql, &[Parameter::Text(channel)])).await {
        Ok(sent) => sent.map(|_| ()).map_err(|failure| error::loss(&failure)),
        Err(_) => Err("the server did not answer in time".into()),
    }
}

/// Ends the listening on `channel`, which a pooler may have left on a connection that others use by now. What can't be
/// undone harms little: nobody else knows the channel.
async fn undo(session: &Session, channel: &str, pid: &str, limit: Duration) {
    let sql = format!(
        "{SEARCH_PATH};
         DO $$ BEGIN IF pg_backend_pid()::text = '{pid}' THEN EXECUTE 'UNLISTEN \"{channel}\"'; END IF; END $$;
         SELECT pg_backend_pid()"
    );
    for _ in 0..UNDO_ATTEMPTS {
        match timeout(limit, session.first_value(&sql)).await {
            Ok(Ok(now)) if now.as_deref() != Some(pid) => sleep(UNDO_PAUSE).await,
            _ => return,
        }
    }
}
