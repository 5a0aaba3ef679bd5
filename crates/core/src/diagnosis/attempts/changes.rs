//! What was changed since the last success.

use super::{
    facts::{Size, Success, When},
    moment,
};
use crate::diagnosis::{Check, Detail, Verdict, bytes, storage};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Lines that are listed.
const LISTED: usize = 30;
/// A source that is smaller than this does not count, whatever it grows by.
const SMALL: f64 = 1_048_576.0;

/// What the catalogues tell.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Changes {
    pub now: DateTime<Utc>,
    /// The last success, beside which the rest is.
    pub success: Option<DateTime<Utc>>,
    /// Whether the view was made before it.
    #[serde(default)]
    pub older_than_success: bool,
    /// Whether an attempt has failed since.
    #[serde(default)]
    pub failing: bool,
    #[serde(default)]
    pub changed: Vec<Change>,
}

/// Something whose catalogue row is newer than the last success.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Change {
    /// What it is, and what may have been done to it.
    pub what: String,
    pub when: When,
}

/// What was changed since the last success: only a refresh that fails makes it a warning.
pub fn check(changes: &Changes, success: Option<&Success>, now: Option<&storage::Facts>) -> Check {
    let new = |verdict, finding: String| Check::new("changes", "Changed since the last success", verdict, finding);
    let Some(at) = changes.success else {
        return new(Verdict::Good, "Without a success in the log nothing can be compared.".into());
    };
    let mut lines: Vec<String> = changes.changed.iter().map(line).collect();
    if let (Some(sources), Some(now)) = (success.and_then(|success| success.sources.as_ref()), now) {
        lines.extend(
            now.relations.iter().filter_map(|relation| grown(&relation.name, relation, sources.get(&relation.name)?)),
        );
    }
    let since = moment(at, changes.now);
    let Some(first) = lines.first() else {
        let finding = format!("Nothing that can be seen was changed since the last success, at {since}.");
        return new(Verdict::Good, finding);
    };
    let more = if lines.len() > 1 { format!(", and {} more", lines.len() - 1) } else { String::new() };
    let verdict = if changes.failing { Verdict::Warning } else { Verdict::Good };
    let check = new(verdict, format!("Since the last success, at {since}: {first}{more}."));
    lines.truncate(LISTED);
    let check = check.detail(Detail::Lines(lines));
    if changes.failing {
        return check.advise("What was changed between the last success and the first failure is the first suspect.");
    }
    check
}

fn line(change: &Change) -> String {
    let when = change.when.words().filter(|words| words != "after the last success");
    format!("{}{}", change.what, when.map(|when| format!(" ({when})")).unwrap_or_default())
}

/// A source that is at least twice as large as then.
#[expect(clippy::cast_precision_loss, reason = "a size in words")]
fn grown(name: &str, relation: &storage::Relation, then: &Size) -> Option<String> {
    let (now, then) = (relation.bytes as f64, then.bytes?);
    #[expect(clippy::cast_possible_truncation, reason = "a size in words")]
    let before = bytes(then as i64);
    let words = if now >= then * 2.0 && now - then >= SMALL {
        "has grown"
    } else if now * 2.0 <= then && then - now >= SMALL {
        "has shrunk"
    } else {
        return None;
    };
    Some(format!("{name} {words} from {before} to {}", bytes(relation.bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_newer_than_the_last_success_is_a_warning_if_refreshes_fail() {
        let at = |text: &str| Some(text.parse().unwrap());
        let when = When { after_success: Some(true), after_failure: Some(false), at: None };
        let mut changes = Changes {
            now: "2026-01-01T12:00:00Z".parse().unwrap(),
            success: at("2026-01-01T11:55:00Z"),
            failing: true,
            changed: vec![Change { what: "function public.rate() was created or replaced".into(), when }],
            ..Changes::default()
        };
        let found = check(&changes, None, None);
        assert_eq!(found.verdict, Verdict::Warning);
        assert_eq!(
            found.finding,
            "Since the last success, at 11:55:00 UTC: function public.rate() was created or replaced (between the last \
             success and the first failure)."
        );
        changes.failing = false;
        assert_eq!(check(&changes, None, None).verdict, Verdict::Good);
        changes.changed.clear();
        assert!(check(&changes, None, None).finding.starts_with("Nothing that can be seen was changed"));

        let relation = storage::Relation { name: "public.t".into(), bytes: 8 << 20, ..storage::Relation::default() };
        let now = storage::Facts { relations: vec![relation], ..storage::Facts::default() };
        let mut success = Success::default();
        let size = |bytes: f64| Size { rows: None, bytes: Some(bytes) };
        for (then, wanted) in [(4e6, "public.t has grown from 3.8 MB to 8.0 MB"), (5e6, ""), (17e6, "has shrunk")] {
            success.sources = Some([("public.t".to_owned(), size(then))].into());
            let found = check(&changes, Some(&success), Some(&now)).finding;
            assert!(if wanted.is_empty() { found.starts_with("Nothing") } else { found.contains(wanted) }, "{found}");
        }
    }
}
