//! `refreshtop runs show ID`: one run with all that the log has of it.

use super::failed;
use crate::{
    cli::runs::RunsShow,
    command::{Failure, session},
    output::{Output, clean, json, moment, outcome, table::Table},
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    age,
    diagnosis::bytes,
    exit, markdown,
    numbers::{counted, grouped_u64},
    run::{BlackBox, BlockingSession, HeldLock, RunDetail, RunStatus},
    sanitize::printable,
};
use refreshtop_db::{
    log::{self, Found},
    read_transaction::ReadTransaction,
    run_detail::run_detail,
};
use serde_json::{Value, json};
use std::{fmt::Write as _, time::Duration};
use uuid::Uuid;

/// Digits of an id.
const DIGITS: usize = 32;
/// Shortest beginning of an id: fewer digits fit too many runs.
const SHORTEST: usize = 4;
/// Runs that are named if several fit.
const NAMED: u16 = 4;

/// Prints the run.
///
/// # Errors
/// There is no such run, or there are several.
pub(super) async fn run(show: &RunsShow, target: &Target, output: Output) -> Result<(), Failure> {
    let (first, last) = range(&show.id).map_err(|wrong| Failure::new(exit::USAGE, wrong))?;
    let mut app = session::open(target, "runs", &Limits::READING).await?;
    let read = async {
        let tx = ReadTransaction::begin(&mut app).await.map_err(|error| failed(target, &error))?;
        let found = log::find(&tx, first, last, NAMED).await.map_err(|error| failed(target, &error))?;
        let found = the_one(found, &show.id)?;
        let detail = run_detail(&tx, found.id).await.map_err(|error| failed(target, &error))?;
        tx.end();
        let detail = detail.ok_or_else(|| Failure::new(exit::FAILURE, none(&show.id)))?;
        Ok((found.view, detail))
    };
    let read: Result<_, Failure> = read.await;
    session::close(app).await;
    let (view, detail) = read?;
    if output.json {
        return output.object("runs_show", json::of_view(&target.id(), view.as_str(), object(&detail)));
    }
    if show.markdown {
        return output.print(&markdown::run(&detail));
    }
    output.print(&text(view.as_str(), &detail, output))
}

/// The ids that begin with these digits.
fn range(id: &str) -> Result<(Uuid, Uuid), String> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let known = (SHORTEST..=DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let padded = |fill: &str| {
        let missing = DIGITS.saturating_sub(digits.len());
        Uuid::try_parse(&(digits.clone() + &fill.repeat(missing))).ok()
    };
    match (padded("0"), padded("f")) {
        (Some(first), Some(last)) if known => Ok((first, last)),
        _ => Err(format!(
            "not the id of a run: write at least its first {SHORTEST} digits, as refreshtop runs shows them"
        )),
    }
}

fn none(id: &str) -> String {
    format!("the log has no run {}; list them with: refreshtop runs", clean(id))
}

fn the_one(mut found: Vec<Found>, id: &str) -> Result<Found, Failure> {
    if found.len() > 1 {
        let more = if found.len() == usize::from(NAMED) { ", …" } else { "" };
        let shown = |found: &Found| {
            let at = found.started_at.map(|at| format!(" ({} UTC)", moment(at))).unwrap_or_default();
            format!("{}{at}", found.id)
        };
        let all: Vec<String> = found.iter().map(shown).collect();
        let why = format!("several runs begin with {}: {}{more}; write more digits", clean(id), all.join(", "));
        return Err(Failure::new(exit::USAGE, why));
    }
    found.pop().ok_or_else(|| Failure::new(exit::FAILURE, none(id)))
}

fn text(view: &str, detail: &RunDetail, output: Output) -> String {
    let run = &detail.run;
    let mut table = Table::bare();
    table.row(["run", &run.id.to_string()]);
    table.row(["view", &clean(view)]);
    let state = run.sqlstate.as_deref().map(|state| format!(", SQLSTATE {}", clean(state))).unwrap_or_default();
    table.row(["status", &format!("{}{state}", outcome(run.status))]);
    table.row(["started", &format!("{} UTC", moment(run.started_at))]);
    if let Some(at) = run.completed_at {
        table.row(["ended", &format!("{} UTC", moment(at))]);
    }
    if let Some(ms) = run.duration_ms {
        table.row(["duration", &age::duration_ms(ms)]);
    }
    table.row(["source", run.origin.name()]);
    let mut optional = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row([name, &clean(value)]);
        }
    };
    optional("role", detail.triggered_by.as_deref());
    optional("application", detail.application.as_deref());
    optional("pid", detail.pid.map(|pid| pid.to_string()).as_deref());
    if let (Some(inserted), Some(deleted)) = (run.work.rows_inserted, run.work.rows_deleted) {
        table.row(["rows", &format!("{} in, {} out", grouped_u64(inserted), grouped_u64(deleted))]);
    }
    if let Some(wal) = run.work.server_wal_bytes.and_then(|wal| i64::try_from(wal).ok()) {
        table.row(["WAL", &format!("at most {}, that of others included", bytes(wal))]);
    }
    let mut page = table.render(output);
    for (title, text) in [
        ("message", detail.message.as_deref().or(run.error.as_deref())),
        ("detail", detail.detail.as_deref()),
        ("hint", detail.hint.as_deref()),
        ("context", detail.context.as_deref()),
    ] {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            // Writing to a string does not fail.
            let _ = write!(page, "\n{title}\n{}", below(text));
        }
    }
    match &detail.black_box {
        Some(found) => page.push_str(&black_box(found, output)),
        None if run.status == RunStatus::Error => page.push_str("\nno black box was kept for this run\n"),
        None => {}
    }
    page
}

/// A text from elsewhere below its title, its lines kept.
fn below(text: &str) -> String {
    let text = printable(text);
    let mut lines = text.lines();
    let first = lines.next().into_iter();
    // The others are moved in already.
    first.flat_map(|line| ["  ", line, "\n"]).chain(lines.flat_map(|line| [line, "\n"])).collect()
}

fn black_box(found: &BlackBox, output: Output) -> String {
    let count = match found.sessions.len() {
        0 => "no session was in the way".to_owned(),
        many => counted(many as u64, "session"),
    };
    let mut text = format!("\nblack box of {} UTC: {count}\n", moment(found.captured_at));
    for session in &found.sessions {
        text.push('\n');
        text.push_str(&session_table(session).render(output));
        if let Some(query) = session.query.as_deref().filter(|query| !query.trim().is_empty()) {
            text.push_str("  query\n");
            text.extend(below(query).lines().flat_map(|line| ["  ", line, "\n"]));
        }
    }
    text
}

fn session_table(session: &BlockingSession) -> Table {
    let mut table = Table::bare();
    let pid = if session.pid > 0 { format!("pid {}", session.pid) } else { "a prepared transaction".to_owned() };
    table.row([pid, String::new()]);
    let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(clean);
    let open = session.xact_age_s.and_then(|age| Duration::try_from_secs_f64(age).ok());
    let waits: Vec<String> = session.blocked_by.iter().map(ToString::to_string).collect();
    for (name, value) in [
        ("  role", text(&session.user)),
        ("  application", text(&session.application)),
        ("  client", Some(text(&session.client).unwrap_or_else(|| "local".to_owned()))),
        ("  state", text(&session.state)),
        ("  transaction", open.map(|open| format!("open for {}", age::label(open)))),
        ("  waits for", Some(format!("pid {}", waits.join(", "))).filter(|_| !waits.is_empty())),
        ("  query began", session.query_start.map(|at| format!("{} UTC", moment(at)))),
    ] {
        if let Some(value) = value {
            table.row([name.to_owned(), value]);
        }
    }
    for lock in &session.locks {
        let name = if lock.granted { "  holds" } else { "  wants" };
        table.row([name.to_owned(), clean(&format!("{} on {}", lock.mode, lock.relation))]);
    }
    table
}

fn object(detail: &RunDetail) -> Value {
    let mut object = json::run(&detail.run);
    object["message"] = detail.message.as_deref().into();
    object["detail"] = detail.detail.as_deref().into();
    object["hint"] = detail.hint.as_deref().into();
    object["context"] = detail.context.as_deref().into();
    object["role"] = detail.triggered_by.as_deref().into();
    object["application"] = detail.application.as_deref().into();
    object["pid"] = detail.pid.into();
    object["black_box"] = detail.black_box.as_ref().map_or(Value::Null, |found| {
        json!({
            "captured_at": json::moment(found.captured_at),
            "sessions": found.sessions.iter().map(session_object).collect::<Vec<_>>(),
        })
    });
    object
}

fn session_object(session: &BlockingSession) -> Value {
    let lock = |lock: &HeldLock| json!({"mode": lock.mode, "relation": lock.relation, "granted": lock.granted});
    json!({
        "pid": session.pid,
        "role": session.user,
        "application": session.application,
        "client": session.client,
        "state": session.state,
        "transaction_age_s": session.xact_age_s,
        "query_started_at": session.query_start.map(json::moment),
        "query": session.query,
        "locks": session.locks.iter().map(lock).collect::<Vec<_>>(),
        "blocked_by": session.blocked_by,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_enough() {
        let of = |id: &str| range(id).map(|(first, last)| (first.to_string(), last.to_string()));
        let whole = "0123abcd-4567-89ef-0123-456789abcdef".to_owned();
        assert_eq!(of(&whole), Ok((whole.clone(), whole.clone())));
        let all = |end: &str| format!("0123abcd-4{end}");
        assert_eq!(of("0123ABCD-4"), Ok((all("000-0000-0000-000000000000"), all("fff-ffff-ffff-ffffffffffff"))));
        for wrong in ["", "012", "xyz1", "0123abcd-4567-89ef-0123-456789abcdef0", "55P03"] {
            assert!(of(wrong).unwrap_err().starts_with("not the id of a run"), "{wrong}");
        }
    }
}
