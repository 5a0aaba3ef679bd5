//! `refreshtop refresh`: refreshes now, one view after the other. They run in this command's session, so the command waits
//! for them.
//!
//! Refreshes never queue up in the database. To refresh after a running one, this command waits (`--wait`) without a
//! transaction and without a lock.

use crate::{
    cli::arguments::Trigger,
    command::{Failure, default_view, session, signals::StopSignals, views},
    output::{Output, clean, json, moment},
    settings::Settings,
};
use futures_util::stream;
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, age, exit, refresh::TriggerOutcome};
use refreshtop_db::{
    cancellable::{Lost, call, cancellable},
    contract::is_own,
    error::{self, sqlstate},
    manage, running,
    trigger::{self, Ended},
};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    io::{IsTerminal as _, Write as _},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::{Client, error::SqlState};

/// Time between two queries whether the other refresh has ended.
const RUNNING_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause before triggering again: each refused attempt leaves an audit trace.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Refreshes the views that were named, one after the other; the default view if none was.
///
/// # Errors
/// At least one view was not refreshed; the exit code is that of the worst.
pub async fn run(trigger: &Trigger, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let deadline = trigger.timeout.map(|after| Instant::now() + after);
    let mut limit = Limit { stop: StopSignals::listen()?, deadline, reached: false };
    if trigger.names.is_empty() {
        return default(trigger, settings, target, output, &mut limit).await;
    }
    let chosen = named(trigger, target).await?;
    if let [view] = chosen.as_slice() {
        return one(trigger, view, target, output, &mut limit).await;
    }
    let mut worst = exit::OK;
    for view in &chosen {
        if !output.json {
            output.print(&format!("{}:", clean(view.as_str())))?;
        }
        let failure = match one(trigger, view, target, output, &mut limit).await {
            Ok(()) => continue,
            Err(failure) if failure.code == exit::CANNOT_CONNECT => return Err(failure),
            Err(failure) => failure,
        };
        worst = worst.max(failure.code);
        // Ignore the error: stderr may be closed.
        let _ = writeln!(std::io::stderr(), "refreshtop: {}: {failure}", clean(view.as_str()));
        if limit.reached {
            break;
        }
    }
    if worst == exit::OK { Ok(()) } else { Err(Failure::silent(worst)) }
}

/// What ends a refresh early.
struct Limit {
    stop: StopSignals,
    /// The end of `--timeout`.
    deadline: Option<Instant>,
    /// Whether one of the two has come.
    reached: bool,
}

/// The managed views that the names mean. Who may not see which are managed names them as they are.
async fn named(trigger: &Trigger, target: &Target) -> Result<Vec<ViewId>, Failure> {
    let mut session = session::open(target, "refresh", &Limits::READING).await?;
    let managed = manage::managed(&mut session).await;
    session::close(session).await;
    match managed {
        Ok(managed) => match refreshtop_core::manage::chosen(&managed, &trigger.names) {
            Ok(views) => Ok(views.into_iter().map(|view| view.id).collect()),
            Err(failure) => Err(views::not_found(&failure)),
        },
        Err(failure) if error::is_connection_failure(&failure) => {
            Err(session::failure("see which views are managed", target, &failure))
        }
        Err(_) => Ok(trigger.names.iter().map(|name| ViewId::new(name)).collect()),
    }
}

/// Refreshes the view of `--view`, or the one that is meant without it.
async fn default(
    trigger: &Trigger,
    settings: &Settings,
    target: &Target,
    output: Output,
    limit: &mut Limit,
) -> Result<(), Failure> {
    let mut view = settings.view.clone();
    let (mut ended, mut why) = refresh(trigger, &view, target, output, limit).await?;
    let unregistered = |ended: &Ended| matches!(ended, Ended::Refused(code, _) if code == sqlstate::INVALID_PARAMETER);
    if !settings.view_named
        && is_own(&view)
        && unregistered(&ended)
        && let Some(meant) = default_view::of(target).await?
        && meant != view
    {
        view = meant;
        (ended, why) = refresh(trigger, &view, target, output, limit).await?;
    }
    answer(ended, why, &view, target, output)
}

/// Refreshes one view and waits for its end. A signal, or the end of `--timeout`, cancels it on the server.
async fn one(
    trigger: &Trigger,
    view: &ViewId,
    target: &Target,
    output: Output,
    limit: &mut Limit,
) -> Result<(), Failure> {
    let (ended, why) = refresh(trigger, view, target, output, limit).await?;
    answer(ended, why, view, target, output)
}

/// Connects and refreshes. Returns how that ended, and why it was cancelled, if it was.
async fn refresh(
    trigger: &Trigger,
    view: &ViewId,
    target: &Target,
    output: Output,
    limit: &mut Limit,
) -> Result<(Ended, &'static str), Failure> {
    let Limit { stop, deadline, reached } = limit;
    let deadline = *deadline;
    let limits = Limits::WRITING;
    let connected = tokio::select! {
        connected = refreshtop_connect::connect(target, "trigger", &limits) => connected?,
        () = stop.recv() => {
            *reached = true;
            return Err(Failure::new(exit::FAILURE, "cancelled before the refresh began"));
        }
        () = until(deadline) => {
            let text = format!("cannot connect to {} within --timeout", target.place());
            return Err(Failure::new(exit::CANNOT_CONNECT, text));
        }
    };
    progress("refreshing; Ctrl-C cancels it on the server", output);
    let why = Cell::new("");
    let cancel = async {
        tokio::select! {
            () = stop.recv() => why.set("cancelled by a signal: "),
            () = until(deadline) => why.set("cancelled because it took longer than --timeout: "),
        }
    };
    let statement = trigger::refresh_statement(view);
    let work = async |client: &Client| {
        let mut pause = RUNNING_PAUSE;
        loop {
            let reply = call(client, trigger::REFRESH, &statement).await?;
            if !trigger.wait || reply["status"] != "running" || !why.get().is_empty() {
                return Ok(reply);
            }
            if pause == RUNNING_PAUSE {
                progress("another refresh is running; waiting for its end", output);
            }
            let freed = wait_until_free(client, view, pause, &why).await;
            if !why.get().is_empty() {
                return Ok(reply);
            }
            freed?;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    let ended = trigger::ended(cancellable(connected, work, stream::once(cancel)).await);
    *reached = !why.get().is_empty();
    Ok((ended, why.get()))
}

/// Prints progress if a person is watching.
fn progress(text: &str, output: Output) {
    if std::io::stderr().is_terminal() && !output.json {
        // Ignore the error: stderr may be closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Waits for `pause`, and then until no refresh is running any more, or until there is a reason to give up.
async fn wait_until_free(client: &Client, view: &ViewId, mut pause: Duration, why: &Cell<&str>) -> Result<(), Lost> {
    loop {
        // In short parts, so that a signal takes effect soon.
        while !pause.is_zero() && why.get().is_empty() {
            let part = pause.min(RUNNING_PAUSE);
            sleep(part).await;
            pause -= part;
        }
        if !why.get().is_empty() {
            return Ok(());
        }
        match call(client, &[running::RUNS], &running::process_statement(view)).await {
            Ok(running) if running.is_null() => return Ok(()),
            Ok(_) => {}
            // A role that may refresh (such as the jobs') need not be allowed to see what runs: the next attempt tells.
            Err(Lost::Failed(failure)) if failure.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => return Ok(()),
            Err(failure) => return Err(failure),
        }
        pause = RUNNING_PAUSE;
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn answer(ended: Ended, why: &str, view: &ViewId, target: &Target, output: Output) -> Result<(), Failure> {
    let answer = |object: Value| {
        if output.json { output.object("trigger", json::of_view(&target.id(), view.as_str(), object)) } else { Ok(()) }
    };
    let refused = |code: u8, status: &str, sqlstate: Option<&str>, message: String| {
        answer(json!({"status": status, "sqlstate": sqlstate, "message": message}))?;
        Err(Failure::new(code, message).answered())
    };
    match ended {
        Ended::Answered(TriggerOutcome::Success { duration_ms, completed_at }) => {
            let completed = json::moment(completed_at);
            answer(json!({"status": "success", "duration_ms": duration_ms, "completed_at": completed}))?;
            if output.json {
                return Ok(());
            }
            output.print(&format!("refreshed in {}, at {} UTC", age::duration_ms(duration_ms), moment(completed_at)))
        }
        Ended::Answered(TriggerOutcome::Error { duration_ms, sqlstate, message, hint }) => {
            answer(json!({
                "status": "error", "duration_ms": duration_ms, "sqlstate": sqlstate, "message": message, "hint": hint,
            }))?;
            // `why` is empty if somebody else cancelled it.
            let why = if sqlstate.as_deref() == Some(sqlstate::QUERY_CANCELED) { why } else { "" };
            let code = sqlstate.map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default();
            let hint = hint.map(|hint| format!(": {}", clean(&hint))).unwrap_or_default();
            let text = format!(
                "the refresh failed: {why}{}{code}{hint}; it is in the log: refreshtop runs --failed",
                clean(&message)
            );
            Err(Failure::new(exit::FAILURE, text).answered())
        }
        Ended::Answered(TriggerOutcome::AlreadyRunning { message }) => {
            refused(exit::ALREADY_RUNNING, "running", None, format!("{why}{}; try again later", clean(&message)))
        }
        Ended::Answered(TriggerOutcome::Refused { message } | TriggerOutcome::Lost { message }) => {
            refused(exit::FAILURE, "refused", None, clean(&message))
        }
        Ended::Refused(code, message) => {
            let why = if code == sqlstate::QUERY_CANCELED { why } else { "" };
            let fix = match code.as_str() {
                sqlstate::INSUFFICIENT_PRIVILEGE => format!("; {}", error::grant(&target.user)),
                _ => String::new(),
            };
            let text = format!("{why}{}{fix}", clean(&message));
            refused(session::exit_code_of(&code), "refused", Some(&code), text)
        }
        Ended::Untrusted(refusal) => {
            let text = clean(&trigger::kept_from(&refusal));
            refused(session::exit_code_of_refusal(&refusal), "refused", None, text)
        }
        Ended::Lost(message) => refused(exit::CANNOT_CONNECT, "lost", None, format!("{why}{}", clean(&message))),
    }
}
