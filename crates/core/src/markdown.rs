//! Incidents and attempts as Markdown, to be pasted into a ticket.
//!
//! What comes from the database stands in code spans and code blocks only, each between more backticks than it has in a
//! row. So none of it becomes a link, a mention, an image, a heading or HTML.

use crate::{
    age,
    incident::{shared::Shared, stale_label},
    run::{BlackBox, BlockingSession, HeldLock, RunDetail, RunStatus},
    sanitize::{cleaned, one_line, within},
};
use chrono::{DateTime, Utc};
use std::{fmt::Write as _, time::Duration};

// Together these keep a text below 50,000 bytes, which is what terminals take for their clipboard.
/// Most bytes of a text within a line.
const LINE: usize = 130;
/// Most bytes of a sentence with several of them.
const SENTENCE: usize = 400;
/// Most bytes of a statement.
const STATEMENT: usize = 600;
/// Most bytes of a text of several lines.
const BLOCK: usize = 3_000;
/// Views that are named.
const VIEWS: usize = 50;
/// Sessions of a black box.
const SESSIONS: usize = 12;
/// Locks of a session.
const LOCKS: usize = 5;

/// An incident.
pub fn incident(incident: &Shared) -> String {
    let mut sheet = Sheet(String::new());
    let names: Vec<String> = incident.views.iter().take(VIEWS).map(|(view, _)| code(view.as_str(), LINE)).collect();
    match &names[..] {
        [one] => sheet.line(&format!("### Incident of {one}")),
        _ => sheet.line(&format!("### Incident of {} views", incident.views.len())),
    }
    sheet.line("");
    if names.len() > 1 {
        let more = incident.views.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        sheet.item("views", &format!("{}{more}", names.join(", ")));
    }
    let lasted = age::label(incident.lasted());
    sheet.item("began", &utc(incident.began()));
    match incident.ended() {
        Some(recovery) => {
            sheet.item("ended", &format!("{}: {}", utc(recovery.at), recovery.sentence()));
            sheet.item("time to recover", &lasted);
        }
        None => sheet.item("ended", &format!("not yet, open for {lasted}")),
    }
    let stale = incident.stale_since().map(|since| {
        let longest = if names.len() > 1 { ", the longest of them" } else { "" };
        format!("for {}{longest}, from {} on", stale_label(incident.stale_for()), utc(since))
    });
    sheet.item("stale", &stale.unwrap_or_else(|| "never".into()));
    sheet.item("failed attempts", &incident.failures().to_string());
    for blocker in incident.blockers() {
        sheet.item("in the way", &code(&blocker.sentence(), SENTENCE));
    }
    match incident.first() {
        None => sheet.item("error", "none: no attempt was made, the job did not run"),
        Some((view, first)) => {
            if let Some(id) = first.id {
                sheet.item("first failed run", &code(&id.to_string(), LINE));
            }
            let of = if names.len() > 1 { format!(" of {}", code(view.as_str(), LINE)) } else { String::new() };
            let sqlstate = first.sqlstate.as_deref().map(|state| format!(", {}", code(state, 5)));
            let title = format!("First error{of}{}", sqlstate.unwrap_or_default());
            sheet.block(&title, Some(first.message.as_deref().unwrap_or("no message was logged")));
        }
    }
    sheet.0
}

/// An attempt with everything that the log keeps of it.
pub fn run(detail: &RunDetail) -> String {
    let mut sheet = Sheet(String::new());
    let run = &detail.run;
    let of = detail.view.as_ref().map(|view| format!(" of {}", code(view.as_str(), LINE))).unwrap_or_default();
    let state = run.sqlstate.as_deref().map(|state| code(state, 5));
    let word = match (run.status, state) {
        (RunStatus::Success, _) => "succeeded".to_owned(),
        (RunStatus::Error, None) => "failed".to_owned(),
        (RunStatus::Error, Some(state)) => format!("failed: SQLSTATE {state}"),
    };
    let by = detail.black_box.as_ref().and_then(BlackBox::first_blocker).map(|session| {
        let name = session.name().map_or_else(String::new, |name| format!("{}, ", code(name, LINE)));
        format!(", blocked by {name}pid {}", session.pid)
    });
    sheet.line(&format!("### Refresh{of} {word}{}", by.unwrap_or_default()));
    sheet.line("");
    if let Some(ms) = run.duration_ms {
        sheet.item("duration", &age::duration_ms(ms));
    }
    sheet.item("started", &utc(run.started_at));
    if let Some(ended) = run.completed_at {
        sheet.item("ended", &utc(ended));
    }
    sheet.item("source", run.origin.name());
    if let Some(role) = &detail.triggered_by {
        sheet.item("role", &code(role, LINE));
    }
    let application = detail.application.as_deref().map(|name| code(name, LINE));
    let pid = detail.pid.map(|pid| format!("pid {pid}"));
    let session: Vec<String> = application.into_iter().chain(pid).collect();
    if !session.is_empty() {
        sheet.item("session", &session.join(", "));
    }
    sheet.item("run", &code(&run.id.to_string(), LINE));
    sheet.block("Message", detail.message.as_deref().or(run.error.as_deref()));
    sheet.block("Detail", detail.detail.as_deref());
    sheet.block("Hint", detail.hint.as_deref());
    sheet.block("Context", detail.context.as_deref());
    if let Some(black_box) = &detail.black_box {
        sheet.black_box(black_box);
    }
    sheet.0
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A text in one line, as code.
fn code(raw: &str, most: usize) -> String {
    let line = one_line(raw, most);
    // What must not be seen takes more bytes than before.
    let (text, cut) = within(&line, most.max(8));
    if text.trim().is_empty() {
        return "(empty)".into();
    }
    let text = if cut { format!("{text}…") } else { text.to_owned() };
    let ticks = "`".repeat(longest_run(&text) + 1);
    // A backtick at either end would join ours; of a blank at both ends one is not shown.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// The longest row of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Text that is being put together.
struct Sheet(String);

impl Sheet {
    fn line(&mut self, line: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn item(&mut self, label: &str, value: &str) {
        self.line(&format!("- **{label}**: {value}"));
    }

    /// A text of several lines; nothing for an empty one.
    fn block(&mut self, title: &str, raw: Option<&str>) {
        let Some(raw) = raw.map(str::trim).filter(|raw| !raw.is_empty()) else { return };
        let (head, long) = within(raw, BLOCK);
        let mut clean = String::new();
        cleaned(head, false, "\u{fffd}", |c| clean.push(c));
        let (text, grown) = within(&clean, BLOCK);
        let cut = long || grown;
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        let cut = if cut { "…" } else { "" };
        self.line(&format!("\n{title}:\n\n{fence}text\n{text}{cut}\n{fence}"));
    }

    fn black_box(&mut self, black_box: &BlackBox) {
        self.line(&format!("\n#### Sessions in the way at {}\n", utc(black_box.captured_at)));
        if black_box.sessions.is_empty() {
            self.line("None.");
        }
        for session in black_box.sessions.iter().take(SESSIONS) {
            self.session(session);
        }
        if let Some(more) = black_box.sessions.len().checked_sub(SESSIONS).filter(|more| *more > 0) {
            self.line(&format!("- and {more} more, in the log"));
        }
    }

    fn session(&mut self, session: &BlockingSession) {
        let some =
            |name: &str, value: &Option<String>| value.as_deref().map(|value| format!("{name} {}", code(value, LINE)));
        let age = session.xact_age_s.and_then(|s| Duration::try_from_secs_f64(s).ok());
        let facts = [
            some("user", &session.user),
            some("application", &session.application),
            some("client", &session.client),
            session.state.as_deref().map(|state| code(state, LINE)),
            age.map(|age| format!("transaction open for {}", age::label(age))),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        self.line(&format!("- **pid {}**: {}", session.pid, facts.join(", ")));
        let blocked_by: Vec<String> = session.blocked_by.iter().take(LOCKS).map(ToString::to_string).collect();
        if !blocked_by.is_empty() {
            self.line(&format!("  - waits for pid {}", blocked_by.join(", ")));
        }
        for HeldLock { relation, mode, granted } in session.locks.iter().take(LOCKS) {
            let word = if *granted { "holds" } else { "wants" };
            self.line(&format!("  - {word} {} on {}", code(mode, LINE), code(relation, LINE)));
        }
        if let Some(query) = &session.query {
            let began = session.query_start.map(|at| format!(" began at {}", utc(at))).unwrap_or_default();
            self.line(&format!("  - query{began}: {}", code(query, STATEMENT)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::ViewId,
        fixtures::{detail, hostile_megabyte, incidents},
        incident::Incident,
        sanitize::is_safe,
    };
    use proptest::prelude::*;

    const LIMIT: Duration = Duration::from_mins(10);

    fn incidents() -> Vec<Incident> {
        incidents::incident_record().incidents(LIMIT, incidents::ago(0))
    }

    fn of_views(incident: &Incident, views: &[&str]) -> Shared {
        Shared { views: views.iter().map(|view| (ViewId::new(view), incident.clone())).collect() }
    }

    /// What Markdown takes for text: neither in a code block nor in a code span.
    fn plain(markdown: &str) -> String {
        let mut plain = String::new();
        let mut fence: Option<usize> = None;
        for line in markdown.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
                Some(open) if ticks >= open && line[ticks..].trim().is_empty() => fence = None,
                Some(_) => {}
                None => without_code(line, &mut plain),
            }
        }
        assert_eq!(fence, None, "a code block without an end\n{markdown}");
        plain
    }

    fn without_code(line: &str, plain: &mut String) {
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            plain.push_str(&rest[..at]);
            let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let inside = &rest[at + ticks..];
            let mut end = None;
            let mut from = 0;
            while let Some(found) = inside[from..].find('`') {
                let run = inside[from + found..].len() - inside[from + found..].trim_start_matches('`').len();
                if run == ticks {
                    end = Some(from + found + run);
                    break;
                }
                from += found + run;
            }
            rest = &inside[end.unwrap_or_else(|| panic!("code without an end: {line}"))..];
        }
        plain.push_str(rest);
        plain.push('\n');
    }

    #[test]
    fn an_incident_is_a_ticket() {
        let all = incidents();
        let one = incident(&of_views(&all[0], &["shop.sales"]));
        insta::assert_snapshot!("incident", one);
        insta::assert_snapshot!("incident_of_three", incident(&of_views(&all[1], &["a", "b", "`c`"])));
        let silent = all.iter().find(|one| one.first.is_none()).unwrap();
        assert!(incident(&of_views(silent, &["a"])).contains("the job did not run"));
    }

    #[test]
    fn an_attempt_is_copied_with_its_black_box() {
        insta::assert_snapshot!("run", run(&detail()));
    }

    #[test]
    fn a_megabyte_is_cut_and_everything_is_closed() {
        let text = hostile_megabyte();
        let mut detail = detail();
        (detail.message, detail.detail, detail.hint, detail.context) =
            (Some(text.clone()), Some(text.clone()), Some(text.clone()), Some(text.clone()));
        if let Some(black_box) = &mut detail.black_box {
            for session in &mut black_box.sessions {
                (session.query, session.application) = (Some(text.clone()), Some(text.clone()));
                session.locks = vec![HeldLock { relation: text.clone(), mode: text.clone(), granted: true }; 40];
            }
            black_box.sessions = vec![black_box.sessions[0].clone(); 40];
        }
        let copied = run(&detail);
        assert!(copied.len() < 50_000, "{}", copied.len());
        assert!(copied.contains("and 28 more"));
        plain(&copied);
    }

    fn hostile() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            Just("`"),
            Just("``"),
            Just("```"),
            Just("\n```\n"),
            Just("~~~"),
            Just("\n# "),
            Just("<b>"),
            Just("](x)"),
            Just("@all"),
            Just("|"),
            Just("\\"),
            Just("\u{1b}[2J"),
            Just("\u{202e}"),
            Just("\r\n"),
            Just(" "),
            Just("q"),
        ];
        proptest::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_code(texts in proptest::collection::vec(hostile(), 8..9)) {
            let next = |at: usize| Some(texts[at].clone());
            let mut one = incidents().remove(0);
            if let Some(first) = &mut one.first {
                (first.sqlstate, first.message) = (next(0), next(1));
            }
            for blocker in &mut one.blockers {
                (blocker.user, blocker.application, blocker.mode, blocker.relation) = (next(2), next(3), next(4), next(5));
            }
            let copied = incident(&of_views(&one, &[&texts[6], &texts[7]]));
            let mut detail = detail();
            (detail.run.sqlstate, detail.message, detail.context) = (next(0), next(1), next(2));
            (detail.triggered_by, detail.application, detail.view) = (next(3), next(4), Some(ViewId::new(&texts[5])));
            if let Some(black_box) = &mut detail.black_box {
                for session in &mut black_box.sessions {
                    (session.query, session.user, session.state) = (next(6), next(7), next(0));
                }
            }
            for copied in [copied, run(&detail)] {
                prop_assert!(is_safe(&copied.replace('\n', " ")), "{copied:?}");
                let plain = plain(&copied);
                for part in ["<b>", "](x)", "@all", "|", "~~~", "\\", "q q"] {
                    prop_assert!(!plain.contains(part), "{part}: {copied}");
                }
                prop_assert!(plain.lines().all(|line| !line.starts_with("# ")), "{copied}");
            }
        }
    }
}
