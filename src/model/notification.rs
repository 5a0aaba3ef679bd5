//! What the channel `metrics_refresh` carries.

use crate::model::run::{Origin, Run, RunStatus};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// Payload of one notification: ids, status and timings, never an error text.
///
/// Any role of the database can send on the channel, so a payload is a hint to look, not a truth: it shows
/// at once, and the read that follows replaces it by what the log says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Notification {
    /// Key of the log row.
    pub id: Uuid,
    /// Which view.
    pub refresh_type: String,
    /// `success` or `error`.
    status: String,
    /// What set it off.
    #[serde(default)]
    source: Option<String>,
    /// Milliseconds.
    duration_ms: Option<f64>,
    /// When it began.
    started_at: DateTime<Utc>,
    /// When it ended.
    completed_at: Option<DateTime<Utc>>,
}

impl Notification {
    /// Reads a payload. `None` for anything that the logging function would not have written.
    #[must_use]
    pub fn parse(payload: &str) -> Option<Self> {
        let parsed: Self = serde_json::from_str(payload).ok()?;
        let plausible = parsed.duration_ms.is_none_or(|ms| ms.is_finite() && ms >= 0.0);
        (plausible && matches!(parsed.status.as_str(), "success" | "error")).then_some(parsed)
    }

    /// The run as far as the payload knows it.
    #[must_use]
    pub fn run(&self) -> Run {
        Run {
            id: self.id,
            status: if self.status == "success" { RunStatus::Success } else { RunStatus::Error },
            origin: self.source.as_deref().map_or(Origin::Unknown, Origin::from_source),
            duration_ms: self.duration_ms,
            started_at: self.started_at,
            completed_at: self.completed_at,
            sqlstate: None,
            error: None,
            blockers: 0,
        }
    }
}

impl Origin {
    /// Reads the log's column `trigger_source`.
    #[must_use]
    pub fn from_source(source: &str) -> Self {
        match source {
            "schedule" => Self::Scheduled,
            "manual" => Self::Manual,
            "direct" => Self::Direct,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"6f4f2b9e-6f43-4a3b-9a57-0f6f1b6f6a11","refresh_type":"platform_metrics",
        "status":"error","source":"schedule","duration_ms":5003.2,"started_at":"2026-01-02T03:04:05.1+00:00",
        "completed_at":"2026-01-02T03:04:10.1+00:00"}"#;

    #[test]
    fn a_payload_becomes_a_run() {
        let run = Notification::parse(GOOD).unwrap().run();
        assert_eq!(run.status, RunStatus::Error);
        assert_eq!(run.origin, Origin::Scheduled);
        assert_eq!(run.duration_ms, Some(5003.2));
        assert_eq!(run.error, None);
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in
            ["", "{}", "null", "[]", "\u{1b}]0;x\u{7}", &GOOD.replace("error", "fine"), &GOOD.replace("5003.2", "-1")]
        {
            assert_eq!(Notification::parse(bad), None, "{bad}");
        }
    }
}
