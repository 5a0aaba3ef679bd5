//! What the channel `metrics_refresh` carries.

use crate::run::{Origin, Run, RunStatus, Work};
use chrono::{DateTime, Datelike as _, Utc};
use serde::Deserialize;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Characters of the log's column for the type.
const LONGEST_NAME: usize = 100;
/// Ten years, milliseconds.
const LONGEST_MS: f64 = 10.0 * 366.0 * 86_400_000.0;
/// Years in which a refresh may have been.
const YEARS: RangeInclusive<i32> = 1970..=9999;

/// Payload of one notification: ids, status and timings, never an error text.
///
/// Any role of the database can send on the channel, so a payload is only a hint: it shows at once, and the poll that
/// follows replaces it by the log's row.
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
    /// Reads a payload. `None` for anything that the logging function would not have written: other words, a refresh
    /// longer than ten years, years that no calendar shows, an end before the beginning.
    pub fn parse(payload: &str) -> Option<Self> {
        let parsed: Self = serde_json::from_str(payload).ok()?;
        parsed.is_plausible().then_some(parsed)
    }

    fn is_plausible(&self) -> bool {
        let known = matches!(self.status.as_str(), "success" | "error");
        let named = (1..=LONGEST_NAME).contains(&self.refresh_type.chars().count());
        let lasts = self.duration_ms.is_none_or(|ms| (0.0..=LONGEST_MS).contains(&ms));
        let year = |at: &DateTime<Utc>| YEARS.contains(&at.year());
        let in_time = year(&self.started_at) && self.completed_at.as_ref().is_none_or(year);
        let in_order = self.completed_at.is_none_or(|end| end >= self.started_at);
        known && named && lasts && in_time && in_order
    }

    /// The run as far as the payload knows it.
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
            work: Work::default(),
        }
    }
}

impl Origin {
    /// Reads the log's column `trigger_source`.
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
    use proptest::prelude::*;

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

    #[test]
    fn hostile_payloads_are_refused() {
        let with = |from: &str, to: &str| GOOD.replace(from, to);
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(3_900), close.repeat(3_900));
        for bad in [
            with("5003.2", "1e999"),
            with("5003.2", "1e308"),
            with("5003.2", "\"5003.2\""),
            with("5003.2", "[5003.2]"),
            with("5003.2", &"9".repeat(7_000)),
            with("platform_metrics", ""),
            with("platform_metrics", &"x".repeat(7_000)),
            with("\"schedule\"", "17"),
            with("2026-01-02T03:04:05.1", "+99999-01-02T03:04:05"),
            with("2026-01-02T03:04:05.1", "-0001-01-02T03:04:05"),
            with("2026-01-02T03:04:05.1", "infinity"),
            with("2026-01-02T03:04:10.1", "2026-01-02T03:04:04"),
            with("6f4f2b9e", "6f4f2b9e\u{202e}"),
            with("\"status\"", "\"status\":\"success\",\"status\""),
            with("error", "error\\u0000"),
            format!("[{GOOD}]"),
            format!("{GOOD}{GOOD}"),
            format!("{GOOD} x"),
            deep("[", "]"),
            deep("{\"a\":", "}"),
            with("\"schedule\"", &deep("[", "]")),
            "\u{feff}".to_owned() + GOOD,
            "x".repeat(8_000),
        ] {
            assert_eq!(Notification::parse(&bad), None, "{bad:.200}");
        }
        // Fields that a later version may add are ignored.
        let more = GOOD.replacen('{', "{\"more\":[1,{\"a\":null}],", 1);
        assert!(Notification::parse(&more).is_some());
    }

    /// Pieces of payloads, which random bytes alone would never put together.
    fn piece() -> impl Strategy<Value = String> {
        let words = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "true",
            "-1",
            "1e400",
            "0.1",
            "\"id\":",
            "\"status\":",
            "\"success\"",
            "\"error\"",
            "\"source\":",
            "\"schedule\"",
            "\"duration_ms\":",
            "\"started_at\":",
            "\"completed_at\":",
            "\"refresh_type\":",
            "\"platform_metrics\"",
            "\"2026-01-02T03:04:05Z\"",
            "\"+262142-12-31T23:59:59Z\"",
            "\"6f4f2b9e-6f43-4a3b-9a57-0f6f1b6f6a11\"",
            "\\u0000",
            "\\ud800",
            "\u{1b}]0;x\u{7}",
            "\u{202e}",
        ];
        prop_oneof![8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
    }

    /// A value that may stand in a field, right or wrong.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            piece(),
            any::<f64>().prop_map(|n| n.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
            (-300_000_i32..300_000).prop_map(|year| format!("\"{year:+}-06-01T00:00:00Z\"")),
        ]
    }

    fn assert_in_range(payload: &str) {
        let Some(known) = Notification::parse(payload) else { return };
        let run = known.run();
        assert!(!known.refresh_type.is_empty() && known.refresh_type.len() <= 4 * LONGEST_NAME, "{payload}");
        assert!(run.duration_ms.is_none_or(|ms| (0.0..=LONGEST_MS).contains(&ms)), "{payload}");
        assert!(YEARS.contains(&run.started_at.year()), "{payload}");
        assert!(run.completed_at.is_none_or(|at| at >= run.started_at && YEARS.contains(&at.year())), "{payload}");
        assert!(
            payload.contains("\"success\"") || payload.contains("\"error\"") || payload.contains('\\'),
            "{payload}"
        );
        assert_eq!((run.sqlstate, run.error, run.blockers), (None, None, 0));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            assert_in_range(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_pieces(pieces in proptest::collection::vec(piece(), 0..40)) {
            assert_in_range(&pieces.concat());
        }

        #[test]
        fn one_field_with_any_value(index in 0_usize..7, value in value()) {
            let mut fields: Vec<(String, serde_json::Value)> =
                serde_json::from_str::<serde_json::Map<_, _>>(GOOD).unwrap().into_iter().collect();
            let name = fields.remove(index).0;
            let rest: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            assert_in_range(&format!("{{{},\"{name}\":{value}}}", rest.join(",")));
        }

        #[test]
        fn a_broken_payload(at in 0_usize..GOOD.len(), with: char, cut: bool) {
            let (head, tail) = GOOD.split_at(at);
            let tail = if cut { "" } else { tail.get(1..).unwrap_or_default() };
            assert_in_range(&format!("{head}{with}{tail}"));
        }
    }
}
