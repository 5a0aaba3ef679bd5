//! A run with its black box.

use super::{block, code};
use crate::{
    age,
    run::{BlackBox, BlockingSession, RunDetail, RunStatus},
};
use chrono::{DateTime, Utc};
use std::{fmt::Write as _, time::Duration};

/// Sessions that are written.
const MOST_SESSIONS: usize = 20;
/// Locks of one session that are written, and processes that it waits for.
const MOST_LOCKS: usize = 20;

/// A run of `view` with everything that the log keeps of it.
pub fn run(view: &str, detail: &RunDetail) -> String {
    let mut page = Page(String::new());
    page.head(view, detail);
    let message = detail.message.as_deref().or(detail.run.error.as_deref());
    page.text("Message", message);
    page.text("Detail", detail.detail.as_deref());
    page.text("Hint", detail.hint.as_deref());
    page.text("Context", detail.context.as_deref());
    match &detail.black_box {
        Some(black_box) => page.black_box(black_box),
        None if detail.run.status == RunStatus::Error => page.line("\nNo black box was kept for this run."),
        None => {}
    }
    page.0
}

/// Markdown that is being put together.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// An item of a list, if there is a value; it is one of ours, or code.
    fn item(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = writeln!(self.0, "- {name}: {value}");
        }
    }

    fn head(&mut self, view: &str, detail: &RunDetail) {
        let run = &detail.run;
        let state = run.sqlstate.as_deref().map(code);
        let ended = match (run.status, &state) {
            (RunStatus::Success, _) => "succeeded".to_owned(),
            (RunStatus::Error, None) => "failed".to_owned(),
            (RunStatus::Error, Some(state)) => format!("failed: SQLSTATE {state}"),
        };
        let by = detail.black_box.as_ref().and_then(BlackBox::first_blocker).map(|session| {
            let name = session.name().map_or_else(String::new, |name| format!("{}, ", code(name)));
            format!(", blocked by {name}pid {}", session.pid)
        });
        self.line(&format!("### Refresh of {} {ended}{}\n", code(view), by.unwrap_or_default()));
        self.item("started", Some(moment(run.started_at)));
        self.item("ended", run.completed_at.map(moment));
        self.item("duration", run.duration_ms.map(age::duration_ms));
        self.item("source", Some(run.origin.name().to_owned()));
        self.item("role", detail.triggered_by.as_deref().map(code));
        self.item("application", detail.application.as_deref().filter(|name| !name.is_empty()).map(code));
        self.item("pid", detail.pid.map(|pid| pid.to_string()));
        self.item("run", Some(format!("`{}`", run.id)));
    }

    fn text(&mut self, title: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            let _ = write!(self.0, "\n{title}:\n\n{}", block(text, "text"));
        }
    }

    fn black_box(&mut self, black_box: &BlackBox) {
        let count = match black_box.sessions.len() {
            0 => "no session was in the way".to_owned(),
            1 => "1 session".to_owned(),
            many => format!("{many} sessions"),
        };
        self.line(&format!("\n#### Black box of {}: {count}", moment(black_box.captured_at)));
        for session in black_box.sessions.iter().take(MOST_SESSIONS) {
            self.session(session);
        }
        if let Some(more) = black_box.sessions.len().checked_sub(MOST_SESSIONS).filter(|more| *more > 0) {
            self.line(&format!("\n… and {more} more"));
        }
    }

    fn session(&mut self, session: &BlockingSession) {
        let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(code);
        self.line(&format!("\n##### pid {}\n", session.pid));
        self.item("role", text(&session.user));
        self.item("application", text(&session.application));
        self.item("client", Some(text(&session.client).unwrap_or_else(|| "local".to_owned())));
        self.item("state", text(&session.state));
        let open = session.xact_age_s.and_then(|age| Duration::try_from_secs_f64(age).ok());
        self.item("transaction open for", open.map(age::label));
        let waits: Vec<String> = session.blocked_by.iter().take(MOST_LOCKS).map(ToString::to_string).collect();
        self.item("waits for pid", Some(waits.join(", ")).filter(|waits| !waits.is_empty()));
        for lock in session.locks.iter().take(MOST_LOCKS) {
            let name = if lock.granted { "holds" } else { "wants" };
            self.item(name, Some(format!("{} on {}", code(&lock.mode), code(&lock.relation))));
        }
        self.item("query began", session.query_start.map(moment));
        if let Some(query) = session.query.as_deref().filter(|query| !query.trim().is_empty()) {
            let _ = write!(self.0, "\n{}", block(query, "sql"));
        }
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_run_says_who_blocked_it() {
        let page = run("sales.daily", &fixtures::detail());
        for part in [
            "### Refresh of `sales.daily` failed: SQLSTATE `55P03`, blocked by `psql`, pid 4711\n\n- started: 2026-11-23 03:00:00 UTC",
            "- duration: 5.00 s\n- source: schedule\n- role: `postgres`\n- application: `pg_cron`\n- pid: 4790\n",
            "Message:\n\n```text\ncanceling statement due to lock timeout\n```\n",
            "public.platform_metrics\"\nPL/pgSQL function",
            "#### Black box of 2026-11-23 03:00:05 UTC: 3 sessions\n\n##### pid 4711\n\n- role: `deploy`\n- application: `psql`",
            "- state: `idle in transaction`\n- transaction open for: 1h 25m\n- holds: `AccessExclusiveLock` on `public.accounts`",
            "- client: local\n",
            "- waits for pid: 4711\n",
            "```sql\nALTER TABLE public.accounts",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn what_others_wrote_stays_in_code() {
        let mut detail = fixtures::detail();
        let hostile = "\n\n# Owned @team #1 <script>\n```\n[x](http://evil)\u{1b}]0;x\u{7}".to_owned();
        detail.message = Some(hostile.clone());
        detail.run.sqlstate = Some(hostile.clone());
        detail.triggered_by = Some(hostile.clone());
        detail.hint = Some(hostile.clone());
        for session in &mut detail.black_box.as_mut().unwrap().sessions {
            session.application = Some(hostile.clone());
            session.query = Some(hostile.clone());
            session.state = Some(hostile.clone());
            session.locks[0].relation.clone_from(&hostile);
        }
        let page = run(&hostile, &detail);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        let mut fence: Option<usize> = None;
        for line in page.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                Some(open) if ticks >= open && line.len() == ticks => fence = None,
                None if ticks >= 3 => fence = Some(ticks),
                None => assert!(!without_code(line).contains(['@', '<', '[']), "{line}"),
                Some(_) => {}
            }
        }
        assert_eq!(fence, None);
    }

    /// A line without its code spans.
    fn without_code(line: &str) -> String {
        let mut rest = line;
        let mut kept = String::new();
        while let Some(at) = rest.find('`') {
            kept.push_str(&rest[..at]);
            let fence = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let inner = &rest[at + fence..];
            let closes = inner
                .match_indices(&"`".repeat(fence))
                .map(|(end, _)| end)
                .find(|end| !inner[end + fence..].starts_with('`') && !inner[..*end].ends_with('`'));
            rest = &inner[closes.expect("a closed span") + fence..];
        }
        kept + rest
    }
}
