//! What commands print: tables for people, JSON for programs.
//!
//! Tables are complete and without colour unless standard output is a terminal. Only there the last column is cut to the
//! width, and some words are coloured.

pub mod diagnosis;
pub mod json;
pub mod openmetrics;
pub mod table;
pub mod views;

use crate::command::Failure;
use refreshtop_connect::environment::{self, Environment};
use refreshtop_core::{exit, health::Verdict, limits::ViewLimits, run::RunStatus};
use refreshtop_tui::text::{self, Charset};
use std::io::{self, IsTerminal as _, Write as _};

/// How this run prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Whether the answer is JSON.
    pub json: bool,
    colour: bool,
    width: Option<usize>,
    terminal: bool,
}

/// Wider than any line: cleaned, not cut.
pub const UNCUT: usize = 1 << 20;

/// Replacements of characters that must not reach a terminal.
const CHARSET: Charset = Charset { ascii_only: false, ellipsis: "…", line_break: " | ", replacement: "\u{fffd}" };

impl Output {
    /// By standard output and environment.
    pub fn of_process(json: bool, environment: &Environment) -> Self {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: set and not empty.
        let plain = environment::get(environment, "NO_COLOR").is_some()
            || environment::get(environment, "TERM").is_none_or(|term| term == "dumb");
        let width = Self::terminal_size().map(|(columns, _)| usize::from(columns)).filter(|_| terminal);
        Self { json, colour: terminal && !plain, width, terminal }
    }

    /// The same on a terminal whose size may have changed.
    pub fn fitted(self) -> Self {
        Self { width: Self::terminal_size().map(|(columns, _)| usize::from(columns)).filter(|_| self.terminal), ..self }
    }

    /// Columns and rows of the terminal; `None` without one, or if it does not know them.
    pub fn terminal_size() -> Option<(u16, u16)> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
    }

    /// Whether it is a terminal that understands more than lines.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Output without colour and without a width.
    pub fn plain(json: bool) -> Self {
        Self { json, colour: false, width: None, terminal: false }
    }

    /// Prints a line, or several, at once.
    ///
    /// # Errors
    /// Standard output can't be written; silently if its reader is gone (`| head`).
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        self.write(&format!("{text}{newline}"))
    }

    /// Writes a text as it is, at once.
    ///
    /// # Errors
    /// As for [`Self::print`].
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::silent(exit::OK),
            _ => Failure::new(exit::FAILURE, format!("cannot write to standard output: {error}")),
        })
    }

    /// Prints a help text, styled on a terminal.
    pub fn help(&self, text: &clap::builder::StyledStr) -> Result<(), Failure> {
        self.print(&if self.colour { text.ansi().to_string() } else { text.to_string() })
    }

    /// Prints one JSON object on one line.
    pub fn object(&self, kind: &str, object: serde_json::Value) -> Result<(), Failure> {
        self.print(&json::line(kind, object))
    }

    /// The verdict as a word, coloured on a terminal.
    pub fn verdict(&self, verdict: Verdict) -> String {
        self.judged(json::verdict(verdict), verdict)
    }

    /// Text in the colour of a verdict on a terminal.
    pub fn judged(&self, text: &str, verdict: Verdict) -> String {
        let colour = match verdict {
            Verdict::Healthy => 32,
            Verdict::Warning => 33,
            Verdict::Critical => 31,
            Verdict::Unknown => 35,
        };
        self.coloured(text, colour)
    }

    /// How a run ended as a word, coloured on a terminal. The log and JSON have `success` and `error`.
    pub fn outcome(&self, status: RunStatus) -> String {
        self.coloured(outcome(status), if status == RunStatus::Success { 32 } else { 31 })
    }

    /// The verdict of a diagnosis as a word, coloured on a terminal.
    pub fn finding(&self, verdict: refreshtop_core::diagnosis::Verdict) -> String {
        let colour = match verdict {
            refreshtop_core::diagnosis::Verdict::Good => 32,
            refreshtop_core::diagnosis::Verdict::Warning => 33,
            refreshtop_core::diagnosis::Verdict::Bad => 31,
            refreshtop_core::diagnosis::Verdict::Unknown => 35,
        };
        self.coloured(diagnosis::word(verdict), colour)
    }

    fn coloured(self, word: &str, colour: u8) -> String {
        if self.colour { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() }
    }

    /// Columns of the terminal; `None` if lines may have any length.
    pub fn width(&self) -> Option<usize> {
        self.width
    }
}

/// How a run ended.
pub fn outcome(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Success => "ok",
        RunStatus::Error => "failed",
    }
}

/// A text from the database as one line, without control characters.
pub fn clean(raw: &str) -> String {
    text::line(raw, UNCUT, CHARSET)
}

/// The same, cut to a width in columns.
pub fn cut(raw: &str, width: usize) -> String {
    text::line(raw, width, CHARSET)
}

/// A note on limits that are not the view's own; `None` if all are.
pub fn overridden(limits: &ViewLimits) -> Option<String> {
    let names = limits.overridden();
    (!names.is_empty()).then(|| format!("limits overridden here: {}", names.join(", ")))
}

/// A moment for people: to the second, in UTC.
pub fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal_and_nothing_is_cut() {
        let long = "x".repeat(5000);
        assert_eq!(clean(&long), long);
        let hostile = clean("a\x1b[2Jb\u{9b}c\nd\u{202e}e");
        assert!(!hostile.contains(['\x1b', '\u{9b}', '\n', '\u{202e}']), "{hostile:?}");
        assert_eq!(Output::plain(false).verdict(Verdict::Critical), "critical");
    }
}
