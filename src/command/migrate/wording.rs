//! The words for what was done, or would be.

use crate::{
    command::Failure,
    output::{Output, json},
};
use refreshtop_connect::Target;
use refreshtop_core::sanitize::printable;
use refreshtop_db::migrate::{Applied, Step};
use serde_json::{Value, json};

/// Prints what was done. The sentences may contain names that others chose.
pub(super) fn done(target: &Target, kind: &str, sentences: &[String], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.object(kind, json::of_database(&target.id(), json!({"done": sentences})));
    }
    output.print(&sentences.iter().map(|line| printable(line) + "\n").collect::<String>())
}

/// Prints statements, each with its semicolon.
pub(super) fn script(target: &Target, kind: &str, statements: &[String], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.object(kind, json::of_database(&target.id(), json!({"done": [], "statements": statements})));
    }
    let text = statements.iter().map(|sql| {
        let sql = sql.trim_end();
        let end =
            if sql.ends_with(';') || sql.lines().last().is_some_and(|line| line.starts_with("--")) { "" } else { ";" };
        // Line by line, so that the breaks stay.
        sql.lines().map(printable).collect::<Vec<_>>().join("\n") + end + "\n"
    });
    output.print(&text.collect::<String>())
}

pub(super) fn step(step: &Step) -> Value {
    json!({
        "version": step.version,
        "description": step.description,
        "applied_at": step.applied_at.map(json::moment),
        "left_out": step.left_out,
    })
}

/// The lines about the steps.
pub(super) fn applied(done: &Applied) -> Vec<String> {
    let mut lines = Vec::new();
    if !done.versions.is_empty() {
        lines.push(format!("applied {}", numbered(&done.versions)));
    }
    if let Some(home) = &done.moved_from {
        lines.push(format!("this database was {} before, and is at home here now", home.database_name));
    }
    if !done.repaired.is_empty() {
        lines.push(format!("put back what was missing or changed: {}", done.repaired.join(", ")));
    }
    if lines.is_empty() {
        lines.push("the database is up to date".into());
    }
    lines.extend(done.left_out.iter().map(|why| left_out(why)));
    lines.extend(done.kept.iter().cloned());
    lines
}

/// The line about the part that is left out, for that reason.
pub(super) fn left_out(why: &str) -> String {
    format!("platform_metrics is left out: {why}; if its tables come later, run refreshtop migrate again")
}

pub(super) fn not_scheduled(why: &dyn std::fmt::Display) -> String {
    format!("warning: the jobs were not scheduled: {why}")
}

pub(super) fn numbered(versions: &[i64]) -> String {
    let list = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if versions.len() == 1 { format!("step {list}") } else { format!("steps {list}") }
}
