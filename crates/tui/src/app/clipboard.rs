//! The text for the clipboard: that of what is open.
//!
//! A terminal receives it, and whatever it is pasted into: it holds no control characters for either.

use crate::{
    app::{effect::Effect, overlay::Overlay, state::State},
    screens::screen::Screen,
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    age,
    diagnosis::{ChainSession, Check, Detail, Fix, plan::Node},
    markdown,
    run::{Origin, Run, RunStatus},
    sanitize::{cleaned, printable, within},
};
use std::fmt::Write as _;

/// Longest text that is copied, bytes: what terminals take in one sequence, as base64.
pub const LONGEST: usize = 50_000;
/// Stands at the end of a text that was longer.
const CUT: &str = "\n[cut here: the log has the rest]\n";

/// Copies what is open or selected, and says so.
pub fn copy(state: &mut State) -> Vec<Effect> {
    let text = text(state);
    let toast = text.as_ref().map_or_else(
        || "there is nothing to copy here".to_owned(),
        |text| {
            let (lines, cut) = (text.lines().count(), if text.ends_with(CUT) { ", cut" } else { "" });
            let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
            format!("copied {lines}{cut} by OSC 52: your terminal must allow it")
        },
    );
    state.show_toast(toast);
    text.map(Effect::Copy).into_iter().collect()
}

/// The text of what is open or selected; `None` if nothing is.
pub fn text(state: &State) -> Option<String> {
    let raw = match (&state.overlay, state.screen) {
        (Some(Overlay::Fix(choice)), _) => choice.fixes.get(choice.selected).and_then(statement)?,
        (Some(Overlay::Run { id, detail, .. }), _) => match detail.as_deref() {
            Some(Ok(detail)) => markdown::run(detail),
            _ => listed(state.known_run(*id)?),
        },
        (None, Screen::Overview) => {
            let focus = state.screens.overview.focus;
            listed(state.list(focus).get(state.selected_index(focus)?)?)
        }
        (None, Screen::Runs) => {
            let row = state.screens.runs.selected_row()?;
            let mut sheet = Sheet(listed(&row.run));
            sheet.part("role", row.by.as_deref());
            sheet.part("application", row.application.as_deref());
            sheet.0
        }
        (None, Screen::Diagnose) => checked(state.screens.diagnose.check()?),
        (None, Screen::Incidents) => incident(state)?,
        (Some(Overlay::Help { .. } | Overlay::Manage(_)), _)
        | (None, Screen::Board | Screen::History | Screen::Columns | Screen::Wall) => return None,
    };
    Some(bounded(&raw))
}

/// The selected incident.
fn incident(state: &State) -> Option<String> {
    state.screens.incidents.selected(&state.context()).map(|selected| markdown::incident(&selected))
}

/// Harmless, and not too long.
fn bounded(raw: &str) -> String {
    let mut text = String::new();
    // The rest is cut off anyway; a character can't grow to more than three bytes.
    let (head, long) = within(raw, 4 * LONGEST);
    cleaned(head, false, "\u{fffd}", |c| text.push(c));
    if long || text.len() > LONGEST {
        text.truncate(within(&text, LONGEST - CUT.len()).0.len());
        text.push_str(CUT);
    }
    text
}

/// Text that is being put together, one `name: value` a line.
struct Sheet(String);

impl Sheet {
    /// A text from elsewhere; its further lines are indented, so that none looks like one of ours.
    fn part(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        let (value, _) = within(value, LONGEST);
        let mut clean = String::new();
        cleaned(value, false, "\u{fffd}", |c| if c == '\n' { clean.push_str("\n    ") } else { clean.push(c) });
        let _ = writeln!(self.0, "{name}: {clean}");
    }
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Scheduled => "scheduled",
        Origin::Manual => "manual",
        Origin::Direct => "direct",
        Origin::Unknown => "unknown",
    }
}

/// What lists know of a run.
fn listed(run: &Run) -> String {
    let mut sheet = Sheet(String::new());
    sheet.head(run);
    sheet.part("message", run.error.as_deref());
    sheet.0
}

impl Sheet {
    fn head(&mut self, run: &Run) {
        let word = match run.status {
            RunStatus::Success => "succeeded",
            RunStatus::Error => "FAILED",
        };
        let after = run.duration_ms.map(|ms| format!(" after {}", age::duration_ms(ms))).unwrap_or_default();
        let _ = writeln!(self.0, "refresh {word}{after}");
        self.part("started", Some(&utc(run.started_at)));
        self.part("ended", run.completed_at.map(utc).as_deref());
        self.part("origin", Some(origin(run.origin)));
        self.part("id", Some(&run.id.to_string()));
        self.part("SQLSTATE", run.sqlstate.as_deref());
    }
}

/// A statement as it would be executed; `None` for one that can't be copied as it is.
fn statement(fix: &Fix) -> Option<String> {
    let sql = fix.sql();
    (printable(&sql) == sql).then(|| format!("{sql};\n"))
}

/// A check with what it says and what fixes it.
fn checked(check: &Check) -> String {
    let mut sheet = Sheet(format!("{}\n", check.title));
    sheet.part("finding", Some(&check.finding));
    sheet.part("advice", Some(&check.advice));
    sheet.0.push_str(&behind(&check.detail));
    for fix in &check.fixes {
        sheet.part("\nto fix it", Some(&format!("{}, in database {}", fix.label(), fix.database)));
        sheet.0.push_str(&statement(fix).unwrap_or_default());
    }
    sheet.0
}

/// The details of a check, a fact a line.
fn behind(detail: &Detail) -> String {
    let lines: Vec<String> = match detail {
        Detail::None => Vec::new(),
        Detail::Lines(lines) => lines.iter().map(|line| printable(line)).collect(),
        Detail::Table(table) => table.rows.iter().map(|row| facts(&table.columns, row)).collect(),
        Detail::Chain(sessions) => sessions.iter().map(in_chain).collect(),
        Detail::Plan(root) => {
            let mut text = String::new();
            planned(root, 0, &mut text);
            vec![text.trim_start_matches('\n').to_owned()]
        }
    };
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

/// A row of a table.
fn facts(columns: &[&'static str], row: &[String]) -> String {
    let cells = columns.iter().zip(row).map(|(name, cell)| format!("{name}: {}", printable(cell)));
    cells.collect::<Vec<_>>().join(", ")
}

/// A session that blocks others, or waits.
fn in_chain(session: &ChainSession) -> String {
    let some = |name: &str, value: Option<&String>| value.map(|value| format!("{name} {}", printable(value)));
    let waits = (!session.blocked_by.is_empty()).then(|| format!("waits for {:?}", session.blocked_by));
    let facts = [
        Some(format!("pid {}", session.pid)),
        some("user", session.user.as_ref()),
        some("application", session.application.as_ref()),
        some("state", session.state.as_ref()),
        Some(printable(&session.locks.join(", "))).filter(|locks| !locks.is_empty()),
        waits,
        some("query", session.query.as_ref()),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A plan, a step a line.
fn planned(node: &Node, depth: usize, text: &mut String) {
    let took = node.total_ms.map(|ms| format!("{ms:.1} ms ")).unwrap_or_default();
    let costly = if node.costly { " (costs most)" } else { "" };
    let _ = write!(
        text,
        "\n{}{:.0} % {took}{}{costly}",
        "  ".repeat(depth.min(12)),
        node.share * 100.0,
        printable(&node.label)
    );
    for child in &node.children {
        planned(child, depth + 1, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        action::Action,
        fixtures::{self, hostile_megabyte, hostile_text},
        message::Message,
        next_redraw::next_redraw,
        overlay::FixDialog,
        shown_for::TOAST_SHOWN,
        update::update,
    };
    use refreshtop_core::diagnosis::Detail;
    use refreshtop_core::diagnosis::FixAction;

    #[test]
    fn a_check_is_copied_with_its_evidence() {
        let mut view = fixtures::diagnose::view();
        view.screens.diagnose.selected = Some("blocking");
        let blocked = text(&view).unwrap();
        for part in ["pid 4711", "application month end report", "waits for [4711]", "pg_terminate_backend"] {
            assert!(blocked.contains(part), "{part}\n{blocked}");
        }
        let plan = text(&fixtures::diagnose::measured()).unwrap();
        assert!(plan.contains("71 % 3912.0 ms Sort by user_id (costs most)"), "{plan}");
        assert!(text(&fixtures::diagnose::of_the_job()).unwrap().contains("schedule: */5 * * * *"));
    }

    #[test]
    fn a_run_is_copied_whole() {
        let text = text(&fixtures::opened(0)).unwrap();
        for part in [
            "### Refresh of `platform_metrics` failed: SQLSTATE `55P03`, blocked by `psql`, pid 4711",
            "- **started**: 2026-11-23 03:00:00 UTC",
            "- **role**: `postgres`",
            "Message:\n\n```text\ncanceling statement due to lock timeout\n```",
            "public.platform_metrics\"\nPL/pgSQL function",
            "- **pid 4711**: user `deploy`, application `psql`",
            "  - holds `AccessExclusiveLock` on `public.accounts`",
            "  - waits for pid 4711",
            "`ALTER TABLE public.accounts",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_is_selected_is_copied() {
        let listed = text(&fixtures::critical()).unwrap();
        assert!(listed.contains("SQLSTATE: 55P03"), "{listed}");
        let log = text(&fixtures::runs::view(20, &[Action::Down; 3])).unwrap();
        assert!(log.contains("02:45:00") && log.contains("role: postgres"), "{log}");
        assert_eq!(text(&fixtures::help()), None);
        assert_eq!(text(&fixtures::runs::view(0, &[])), None);
    }

    fn fix(gid: &str) -> Fix {
        Fix::new(FixAction::RollbackPrepared { gid: gid.into() }, "app")
    }

    #[test]
    fn a_statement_is_copied_exactly_or_not_at_all() {
        let mut state = fixtures::live();
        let copied = |state: &mut State, gid: &str| {
            let fixes = vec![fix("0"), fix(gid)];
            state.overlay = Some(Overlay::Fix(FixDialog { fixes, selected: 1, below: 0, confirming: false }));
            text(state)
        };
        assert_eq!(copied(&mut state, "a  b").as_deref(), Some("ROLLBACK PREPARED 'a  b';\n"));
        assert_eq!(copied(&mut state, "a\u{202e}b"), None);
        state.overlay = None;
        state.screen = Screen::Diagnose;
        let check = Check {
            id: "x",
            title: "Blocked sessions",
            verdict: refreshtop_core::diagnosis::Verdict::Bad,
            finding: "one waits\nfor another".into(),
            detail: Detail::None,
            advice: "end it".into(),
            fixes: vec![fix("one"), fix("\u{1b}")],
            view: None,
            job: None,
        };
        let text = checked(&check);
        assert!(text.starts_with("Blocked sessions\nfinding: one waits\n    for another\nadvice: end it\n"), "{text}");
        assert!(text.contains("\nROLLBACK PREPARED 'one';\n") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn nothing_hostile_is_copied_and_no_megabyte() {
        for state in [fixtures::hostile_detail(), fixtures::hostile(), fixtures::runs::hostile()] {
            let text = text(&state).unwrap();
            assert!(text.len() <= LONGEST, "{}", text.len());
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
            assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200f}']), "{text:?}");
        }
        let long = bounded(&hostile_megabyte());
        assert!(long.len() <= LONGEST && long.ends_with(CUT));
        assert!(!bounded(&hostile_text()).contains(CUT));
        assert!(bounded(&"é".repeat(LONGEST)).len() <= LONGEST);
    }

    #[test]
    fn the_note_goes_away_by_itself_or_with_the_next_key() {
        let mut state = fixtures::opened(0);
        let now = state.now;
        state.database_mut().polling.due = None;
        let effects = update(&mut state, Message::Action(Action::Copy), now);
        assert!(matches!(&effects[..], [Effect::Copy(text)] if text.contains("55P03")));
        assert!(state.toast.as_ref().unwrap().text.starts_with("copied 49 lines"), "{:?}", state.toast);
        let mut moments = 0;
        while state.toast.is_some() {
            let at = next_redraw(&state).unwrap();
            update(&mut state, Message::Tick, at);
            moments += 1;
            assert!(moments < 100, "it stays");
        }
        assert_eq!(state.now, now + TOAST_SHOWN);
        update(&mut state, Message::Action(Action::Copy), now);
        update(&mut state, Message::Action(Action::Down), now);
        assert_eq!(state.toast, None);
    }
}
