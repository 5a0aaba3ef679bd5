//! The last attempts to refresh a view: whether they failed, why, and what was changed before.

pub mod changes;
mod class;
mod facts;
mod fixes;
mod place;

pub use class::Class;
pub use facts::{
    Attempt, Attempts, Candidate, Failure, Function, MOST_FAILURES, Size, State, Success, When, of_execution,
};
pub use place::{Place, place};

use super::{
    Check, Detail, Verdict, locks,
    subject::{Registration, command},
};
use crate::{run::BlockingSession, views::details::Catalog};
use chrono::{DateTime, Utc};

const ID: &str = "attempts";
const TITLE: &str = "Last refreshes";
/// Failures in a row from which on even a passing cause is a problem.
const MANY: i64 = 3;
/// Characters of a text from the log.
const SHOWN: usize = 1000;

/// What else is known of the view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    pub id: &'a str,
    pub registered: Option<&'a Registration>,
    pub catalog: Option<&'a Catalog>,
    pub locks: Option<&'a locks::Facts>,
    /// Whether the view was made before the last success.
    pub older_than_success: bool,
    /// What the check of the index offers.
    pub index: Option<&'a Check>,
}

/// How the last attempts ended.
pub fn check(attempts: &Attempts, around: &Around<'_>) -> Check {
    let new = |verdict, finding: String| Check::new(ID, TITLE, verdict, finding);
    if !attempts.sees_rows {
        return new(Verdict::Unknown, "This role does not see the rows of the log.".into())
            .advise("GRANT refreshtop_admin TO this role, or ask as a super administrator.");
    }
    let Some(last) = &attempts.last else {
        return match &attempts.success {
            Some(success) => {
                let at = moment(success.at, attempts.now);
                new(Verdict::Good, format!("The last refresh succeeded, at {at}{}.", failed_before(attempts)))
            }
            None => new(Verdict::Good, "No attempt to refresh it is in the log.".into()),
        };
    };
    let message = last.message.as_deref().unwrap_or_default();
    let class = Class::of(last.sqlstate.as_deref(), message);
    let place = last.context.as_deref().and_then(place);
    let function = place.as_ref().and_then(|place| attempts.function(place));
    let verdict = if class.passes() && attempts.failures < MANY { Verdict::Warning } else { Verdict::Bad };
    let finding = format!("{}: {}{}.", how_many(attempts), what(last), in_place(place.as_ref(), function));
    let state = last.sqlstate.as_ref().map(|state| format!("SQLSTATE {state}: ")).unwrap_or_default();
    let mut check = new(verdict, finding).advise(format!("{state}{} {}", class.meaning(), advice(class, around)));
    check.detail = Detail::Lines(lines(attempts, last, class, function));
    check.fixes = fixes::of(class, attempts, last, function, around);
    check
}

/// Where to look, in view of this view.
fn advice(class: Class, around: &Around<'_>) -> String {
    let set = command("views set", around.id);
    let advice = class.advice().replace("refreshtop views set VIEW", &set);
    match around.registered.and_then(|view| view.time_limit_s) {
        Some(limit) if class == Class::TimeLimit => advice.replace("…", &format!("{}s, for instance.", limit * 2.0)),
        _ => advice,
    }
}

/// `The last 4 refreshes failed, since 23:56:20 UTC`.
fn how_many(attempts: &Attempts) -> String {
    let since = attempts.since.map(|since| moment(since, attempts.now));
    match (attempts.failures, since) {
        (1, Some(at)) => format!("The last refresh failed, at {at}"),
        (count, Some(at)) if count > MOST_FAILURES => format!("More than {MOST_FAILURES} refreshes failed, since {at}"),
        (count, Some(at)) => format!("The last {count} refreshes failed, since {at}"),
        (_, None) => "The last refresh failed".into(),
    }
}

/// `22012 division by zero`.
fn what(last: &Failure) -> String {
    let message = last.message.as_deref().unwrap_or("no message was logged");
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.');
    let state = last.sqlstate.as_ref().map(|state| format!("{state} ")).unwrap_or_default();
    format!("{state}{}", cut(message))
}

fn in_place(place: Option<&Place>, function: Option<&Function>) -> String {
    let Some(place) = place else { return String::new() };
    let function = function.map_or(&place.function, |function| &function.identity);
    let position = place.position.as_ref().map(|position| format!(" {position}")).unwrap_or_default();
    format!(", in function {function}{position}")
}

/// `; 3 of the last 20 failed`.
fn failed_before(attempts: &Attempts) -> String {
    match attempts.newest.iter().filter(|attempt| attempt.failed).count() {
        0 => String::new(),
        failed => format!("; {failed} of the last {} failed", attempts.newest.len()),
    }
}

/// The evidence, a fact a line.
fn lines(attempts: &Attempts, last: &Failure, class: Class, function: Option<&Function>) -> Vec<String> {
    let mut lines = Vec::new();
    if attempts.states.len() > 1 {
        let states: Vec<String> = attempts
            .states
            .iter()
            .map(|state| format!("{} with {}", state.count, state.sqlstate.as_deref().unwrap_or("no SQLSTATE")))
            .collect();
        lines.push(format!("not all for one reason: {}", states.join(", ")));
    }
    let boxed = last.black_box.iter().flat_map(|boxed| &boxed.sessions);
    if matches!(class, Class::Lock | Class::Deadlock | Class::TimeLimit | Class::StatementTimeout | Class::Cancelled) {
        lines.extend(boxed.take(5).map(blocker));
    }
    if let Some(function) = function {
        let changed = function.changed.words().map(|words| format!(", last changed {words}")).unwrap_or_default();
        lines.push(format!("function {} of role {}{changed}", function.identity, function.owner));
    }
    lines.extend(attempts.candidates.iter().map(|found| format!("there is {} of role {}", found.name, found.owner)));
    for (name, text) in [("DETAIL", &last.detail), ("HINT", &last.hint)] {
        lines.extend(text.as_ref().map(|text| format!("{name}: {}", cut(text))));
    }
    if let Some(context) = &last.context {
        lines.extend(place::of_others(context).take(6).map(|line| format!("CONTEXT: {}", cut(line))));
    }
    lines.push(match &attempts.success {
        Some(success) => format!("the last success was at {}", moment(success.at, attempts.now)),
        None => "the log has no success of this view".into(),
    });
    lines
}

/// One session of the black box.
fn blocker(session: &BlockingSession) -> String {
    let name = session.application.as_deref().filter(|name| !name.is_empty());
    let who = name.or(session.user.as_deref()).unwrap_or("unknown");
    let state = session.state.as_deref().unwrap_or("state unknown");
    let age = session.xact_age_s.map(|age| format!(", transaction {} old", super::span(age))).unwrap_or_default();
    let held = session.locks.iter().find(|lock| lock.granted);
    let lock = held.map(|lock| format!(", {} on {}", lock.mode, lock.relation)).unwrap_or_default();
    let waits = if session.blocked_by.is_empty() { "in the way" } else { "waited as well" };
    let query = session.query.as_ref().map(|query| format!(": {}", cut(query))).unwrap_or_default();
    format!("{waits}: {who}, pid {} ({state}{age}{lock}){query}", session.pid)
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// A time of the last day without its date.
pub(super) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let format = if (now - at).num_hours().abs() < 20 { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests;
