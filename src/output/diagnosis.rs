//! A diagnosis, as text for people and as JSON.
//!
//! ```text
//! ✓ ok       17 checks; with --details they are listed.
//! ✗ problem  Job that refreshes: No job refresh-platform-metrics for database app that role owner may see.
//!            Schedule it, or run: refreshtop migrate.
//!            schedule refresh-platform-metrics at */5 * * * *, in database postgres:
//!              SELECT cron.schedule_in_database(…);
//!
//! 1 problem, 0 warnings, 0 unknown, 17 ok
//! ```

use super::{Output, table::Table};
use refreshtop_core::diagnosis::{self, ChainSession, Check, Detail, Diagnosis, Fix, Risk, Verdict, plan::Node};
use refreshtop_tui::{
    glyphs::Glyphs,
    text::{self, Charset},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Columns before a finding: glyph, word, and what separates them.
const INDENT: usize = 11;
/// Narrowest column that findings are wrapped into; a terminal that has less breaks the lines itself.
const NARROWEST: usize = 24;

/// The verdict's word, for people and programs alike.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Unknown => "unknown",
        Verdict::Warning => "warning",
        Verdict::Bad => "problem",
    }
}

/// Whether the statement reaches a terminal as it is.
pub fn can_be_shown(fix: &Fix) -> bool {
    is_clean(&fix.sql()) && is_clean(&fix.label())
}

fn is_clean(text: &str) -> bool {
    super::clean(text) == text
}

/// Writes a diagnosis for people.
#[derive(Debug, Clone)]
pub struct Page {
    output: Output,
    glyphs: &'static Glyphs,
    charset: Charset,
    /// Whether to show the details of a good finding.
    details: bool,
}

impl Page {
    /// Sets one up.
    pub fn new(output: Output, glyphs: &'static Glyphs, details: bool) -> Self {
        let charset = Charset { line_break: super::CHARSET.line_break, ..glyphs.charset };
        Self { output, glyphs, charset, details }
    }

    /// The checks, the worst last, where a terminal shows them; and how many of them came out how.
    pub fn diagnosis(&self, diagnosis: &Diagnosis) -> String {
        let mut checks: Vec<&Check> = diagnosis.checks.iter().collect();
        checks.sort_by_key(|check| check.verdict);
        let views: BTreeSet<&String> = checks.iter().filter_map(|check| check.view.as_ref()).collect();
        let several = views.len() > 1;
        let good = if self.details { 0 } else { checks.iter().filter(|check| check.verdict == Verdict::Good).count() };
        let folded = match good {
            0 => String::new(),
            1 => self.one(Verdict::Good, "1 check; with --details it is shown."),
            count => self.one(Verdict::Good, &format!("{count} checks; with --details they are listed.")),
        };
        let shown: String = checks.into_iter().skip(good).map(|check| self.check(check, several)).collect();
        format!("{folded}{shown}\n{}\n", summary(diagnosis))
    }

    /// The first lines of what came out so.
    fn one(&self, verdict: Verdict, text: &str) -> String {
        let pad = " ".repeat(INDENT.saturating_sub(2 + word(verdict).len()));
        format!("{} {}{pad}{}", self.glyph(verdict), self.output.finding(verdict), self.below(text).trim_start())
    }

    /// What a fix came to.
    pub fn fixed(&self, fix: &Fix, outcome: &Result<String, String>) -> String {
        let (glyph, word, text) = match outcome {
            Ok(message) => (self.glyphs.ok, "done", message),
            Err(why) => (self.glyphs.failed, "failed", why),
        };
        let undo = self.undo(fix).filter(|_| outcome.is_ok()).map(|undo| indented(INDENT, &undo));
        format!("{glyph} {word:<7}  {}\n{}{}", self.line(&fix.label()), self.below(text), undo.unwrap_or_default())
    }

    /// Statements that are about to be executed.
    pub fn announced(&self, fixes: &[Fix]) -> String {
        let shown = |fix: &Fix| {
            let undo = self.undo(fix).map(|undo| indented(2, &undo)).unwrap_or_default();
            format!("{};\n{undo}", self.line(&in_database(fix)))
        };
        fixes.iter().map(shown).collect()
    }

    /// The statement that takes a fix back, in one line for copying. If it can't be shown verbatim, it would be another
    /// statement.
    fn undo(&self, fix: &Fix) -> Option<String> {
        fix.undo().filter(|undo| is_clean(undo)).map(|undo| self.line(&format!("undo: {undo};")))
    }

    /// One check; if there are several views, with the one that it is about.
    fn check(&self, check: &Check, several: bool) -> String {
        let view = check.view.as_ref().filter(|_| several).map(|view| format!(" ({view})")).unwrap_or_default();
        let mut shown = self.one(check.verdict, &format!("{}{view}: {}", check.title, check.finding));
        if !check.advice.is_empty() {
            shown += &self.below(&check.advice);
        }
        for fix in &check.fixes {
            shown += &self.below(&format!("{}, in database {}{}:", fix.label(), fix.database, named_only(fix)));
            // As it is, in one line: it is for copying.
            shown += &indented(INDENT + 2, &(self.line(&fix.sql()) + ";"));
        }
        if self.details || check.verdict > Verdict::Unknown {
            for line in self.detail(&check.detail).lines() {
                shown += &indented(INDENT + 2, line);
            }
        }
        shown
    }

    fn glyph(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Good => self.glyphs.ok,
            Verdict::Unknown => self.glyphs.unknown,
            Verdict::Warning => self.glyphs.warning,
            Verdict::Bad => self.glyphs.failed,
        }
    }

    /// A text as lines below the finding's beginning.
    fn below(&self, raw: &str) -> String {
        let lines = match self.output.width() {
            Some(width) => text::lines(&self.line(raw), width.saturating_sub(INDENT).max(NARROWEST), 200, self.charset),
            None => vec![self.line(raw)],
        };
        lines.iter().map(|line| indented(INDENT, line)).collect()
    }

    fn line(&self, raw: &str) -> String {
        text::line(raw, super::UNCUT, self.charset)
    }

    fn detail(&self, detail: &Detail) -> String {
        let narrower =
            Output { width: self.output.width().map(|width| width.saturating_sub(INDENT + 2)), ..self.output };
        match detail {
            Detail::None => String::new(),
            Detail::Lines(lines) => lines.iter().map(|line| self.line(line) + "\n").collect(),
            Detail::Table(found) => {
                let mut table = Table::new(&found.columns);
                for row in &found.rows {
                    table.row(row.iter().map(|cell| self.line(cell)));
                }
                table.render(narrower)
            }
            Detail::Chain(sessions) => {
                let mut table =
                    Table::new(&["pid", "waits for", "user", "application", "state", "transaction", "query"]);
                for session in sessions {
                    table.row(chain_cells(session).map(|cell| self.line(&cell)));
                }
                table.render(narrower)
            }
            Detail::Plan(root) => {
                let mut table = Table::new(&["part", "ms", "cost", "rows", "step"]);
                self.plan_rows(root, 0, &mut table);
                table.render(narrower)
            }
        }
    }

    fn plan_rows(&self, node: &Node, depth: usize, table: &mut Table) {
        let notes = [(node.costly, "costs most"), (node.spilled, "wrote to disk")];
        let notes: Vec<&str> = notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        table.row([
            format!("{:.0} %", node.share * 100.0),
            node.total_ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1}")),
            format!("{:.0}", node.total_cost),
            format!("{:.0}", node.actual_rows.unwrap_or(node.planned_rows)),
            format!("{}{}{notes}", "  ".repeat(depth), self.line(&node.label)),
        ]);
        for child in &node.children {
            self.plan_rows(child, depth + 1, table);
        }
    }
}

fn indented(columns: usize, line: &str) -> String {
    " ".repeat(columns) + line + "\n"
}

fn in_database(fix: &Fix) -> String {
    format!("{}, in database {}: {}", fix.label(), fix.database, fix.sql())
}

fn named_only(fix: &Fix) -> &'static str {
    if fix.risk() == Risk::Safe { "" } else { " (only if you name it)" }
}

fn chain_cells(session: &ChainSession) -> [String; 7] {
    let text = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let waits: Vec<String> = session.blocked_by.iter().map(ToString::to_string).collect();
    [
        session.pid.to_string(),
        if waits.is_empty() { "nobody".into() } else { waits.join(", ") },
        text(&session.user),
        text(&session.application),
        text(&session.state),
        session.xact_age_s.map_or_else(|| "-".into(), diagnosis::span),
        text(&session.query),
    ]
}

/// How many checks came out how, the worst first.
fn summary(diagnosis: &Diagnosis) -> String {
    let count = |verdict| diagnosis.checks.iter().filter(|check| check.verdict == verdict).count();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let parts = [
        plural(count(Verdict::Bad), "problem"),
        plural(count(Verdict::Warning), "warning"),
        format!("{} unknown", count(Verdict::Unknown)),
        format!("{} ok", count(Verdict::Good)),
    ];
    parts.join(", ")
}

/// A fix's members.
pub fn fix_object(fix: &Fix) -> Value {
    json!({
        "kind": fix.kind().name(),
        "name": fix.label(),
        "sql": fix.sql(),
        "database": fix.database,
        "risk": fix.risk().name(),
        "safe": fix.risk() == Risk::Safe,
        "undo": fix.undo(),
    })
}

/// A check's members.
pub fn check_object(check: &Check) -> Value {
    json!({
        "id": check.id,
        "title": check.title,
        "view": check.view,
        "verdict": word(check.verdict),
        "finding": check.finding,
        "advice": Some(&check.advice).filter(|advice| !advice.is_empty()),
        "fixes": check.fixes.iter().map(fix_object).collect::<Vec<_>>(),
        "detail": detail_object(&check.detail),
    })
}

fn detail_object(detail: &Detail) -> Value {
    match detail {
        Detail::None => Value::Null,
        Detail::Lines(lines) => json!({"lines": lines}),
        Detail::Table(table) => json!({"table": {"columns": table.columns, "rows": table.rows}}),
        Detail::Chain(sessions) => json!({"sessions": sessions.iter().map(session_object).collect::<Vec<_>>()}),
        Detail::Plan(root) => json!({"plan": node_object(root)}),
    }
}

fn session_object(session: &ChainSession) -> Value {
    json!({
        "pid": session.pid,
        "blocked_by": session.blocked_by,
        "root": session.root,
        "role": session.user,
        "application": session.application,
        "client": session.client,
        "state": session.state,
        "wait": session.wait,
        "transaction_age_s": session.xact_age_s,
        "query": session.query,
        "locks": session.locks,
    })
}

fn node_object(node: &Node) -> Value {
    json!({
        "step": node.label,
        "planned_rows": node.planned_rows,
        "actual_rows": node.actual_rows,
        "cost": node.total_cost,
        "duration_ms": node.total_ms,
        "own_duration_ms": node.self_ms,
        "share": node.share,
        "costly": node.costly,
        "spilled": node.spilled,
        "children": node.children.iter().map(node_object).collect::<Vec<_>>(),
    })
}
