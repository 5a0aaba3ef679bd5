//! Triggering a refresh: the statement, and what its answer means.

use crate::{cancellable::Lost, error, quote::literal, refusal::Refusal, trust::Thing};
use chrono::{DateTime, Utc};
use refreshtop_core::{address::ViewId, refresh::TriggerOutcome};
use serde::Deserialize;

/// What `refreshtop.refresh()` returns, as far as it is read here.
#[derive(Debug, Deserialize)]
struct TriggerReply {
    status: String,
    #[serde(default)]
    duration_ms: f64,
    completed_at: Option<DateTime<Utc>>,
    sqlstate: Option<String>,
    #[serde(default)]
    message: String,
    hint: Option<String>,
}

/// The statements that trigger a refresh within the view's time limit; their result goes through [`ended`]. They are sent
/// together, and so are one transaction, in which the limit holds.
///
/// Not the function in `public`: the owner of that schema can replace it. The view is written out, since the statement
/// goes out by the simple protocol, which has no parameters.
pub fn refresh_statement(view: &ViewId) -> String {
    let view = literal(view.as_str());
    format!("SELECT refreshtop.limit_time({view}); SELECT refreshtop.refresh({view}, 'manual')::text")
}
/// What they call.
pub const REFRESH: &[Thing] = &[Thing::Function("limit_time"), Thing::Function("refresh")];

/// Reads what `refreshtop.refresh()` returned.
fn trigger_outcome(reply: serde_json::Value) -> TriggerOutcome {
    let unreadable = || TriggerOutcome::Refused {
        message: "refreshtop.refresh() answered in a form that this version does not know; \
                  run: refreshtop migrate"
            .into(),
    };
    let Ok(reply) = TriggerReply::deserialize(reply) else { return unreadable() };
    match (reply.status.as_str(), reply.completed_at) {
        ("success", Some(completed_at)) => TriggerOutcome::Success { duration_ms: reply.duration_ms, completed_at },
        ("error", _) => {
            let TriggerReply { duration_ms, sqlstate, message, hint, .. } = reply;
            TriggerOutcome::Error { duration_ms, sqlstate, message, hint }
        }
        ("running", _) => TriggerOutcome::AlreadyRunning { message: reply.message },
        ("refused", _) => TriggerOutcome::Refused { message: reply.message },
        _ => unreadable(),
    }
}

/// How a refresh ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The function answered.
    Answered(TriggerOutcome),
    /// The server refused with this SQLSTATE, in one sentence.
    Refused(String, String),
    /// This session may not call the function, or it does not exist.
    Untrusted(Refusal),
    /// The session was lost; the log has the outcome, or will have it.
    Lost(String),
}

impl From<Ended> for TriggerOutcome {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Answered(outcome) => outcome,
            Ended::Refused(_, message) => Self::Refused { message },
            Ended::Untrusted(refusal) => Self::Refused { message: kept_from(&refusal) },
            Ended::Lost(message) => Self::Lost { message },
        }
    }
}

/// Interprets the answer of a refresh function.
pub fn ended(answer: Result<serde_json::Value, Lost>) -> Ended {
    match answer {
        Ok(reply) => Ended::Answered(trigger_outcome(reply)),
        Err(Lost::Untrusted(refusal)) => Ended::Untrusted(refusal),
        Err(Lost::Silent) => Ended::Lost("the server did not answer the request to cancel the refresh".into()),
        Err(Lost::Failed(failure)) => match failure.as_db_error() {
            // Class 57P: the session was ended from outside.
            Some(server) if !server.code().code().starts_with("57P") => {
                let code = server.code().code();
                Ended::Refused(code.to_owned(), refused(code, server.message(), server.hint()))
            }
            _ => {
                Ended::Lost(format!("the connection was lost during the refresh: {}", error::driver_sentence(&failure)))
            }
        },
    }
}

/// The message if the function that refreshes may not be called, or does not exist.
pub fn kept_from(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Missing(_) => format!("{refusal}: the database is not migrated; run: refreshtop migrate"),
        Refusal::Stranger(_) => refusal.to_string(),
    }
}

/// What an error of the server means for a trigger that it would not run.
fn refused(code: &str, message: &str, hint: Option<&str>) -> String {
    let advice = match code {
        error::sqlstate::INSUFFICIENT_PRIVILEGE => "only super administrators may refresh",
        error::sqlstate::UNDEFINED_FUNCTION => "the database is not migrated; run: refreshtop migrate",
        error::sqlstate::READ_ONLY => "this server is read-only; trigger the refresh on its primary",
        _ => hint.unwrap_or_default(),
    };
    if advice.is_empty() { message.to_owned() } else { format!("{message}: {advice}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_status_of_the_trigger_is_read() {
        let at = "2026-01-02T03:04:05Z";
        let success =
            trigger_outcome(json!({"status": "success", "duration_ms": 12.5, "completed_at": at, "message": "m"}));
        assert_eq!(success, TriggerOutcome::Success { duration_ms: 12.5, completed_at: at.parse().unwrap() });
        let error = trigger_outcome(
            json!({"status": "error", "duration_ms": 1, "sqlstate": "22012", "message": "division by zero"}),
        );
        assert_eq!(
            error,
            TriggerOutcome::Error {
                duration_ms: 1.0,
                sqlstate: Some("22012".into()),
                message: "division by zero".into(),
                hint: None,
            }
        );
        assert!(matches!(
            trigger_outcome(json!({"status": "running", "message": "m"})),
            TriggerOutcome::AlreadyRunning { .. }
        ));
        for odd in [json!(null), json!({}), json!({"status": "fine"}), json!("success")] {
            assert!(matches!(trigger_outcome(odd), TriggerOutcome::Refused { .. }));
        }
    }
}
