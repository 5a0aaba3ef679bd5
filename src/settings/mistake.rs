//! Messages about mistakes in the config file, with their place.

use refreshtop_connect::secret::looks_secret;
use std::{fmt::Write as _, ops::Range, path::Path};

/// Describes a mistake: file, line and column, what is wrong, the line itself and a caret below it.
///
/// A line that may hold a password is not shown; only its number is given.
pub(super) fn describe(path: &Path, text: &str, span: Option<Range<usize>>, problem: &str) -> String {
    let Some(span) = span else { return format!("{}: {problem}", path.display()) };
    let position = Position::of(text, &span);
    let mut shown = format!("{}, line {}, column {}: {problem}", path.display(), position.line, position.column);
    let gutter = position.line.to_string();
    if looks_secret(position.text) {
        let _ = write!(shown, "\n{gutter} | (not shown: it may hold a password)");
    } else {
        let caret = position.pad() + &"^".repeat(position.width);
        let _ = write!(shown, "\n{gutter} | {}\n{} | {caret}", position.text, " ".repeat(gutter.len()));
    }
    shown
}

/// Where a span starts, counted from 1 in lines and characters.
struct Position<'a> {
    line: usize,
    column: usize,
    text: &'a str,
    width: usize,
}

impl<'a> Position<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let at = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = text[start..].lines().next().unwrap_or_default();
        let marked = text.get(at..span.end.min(start + line_text.len()));
        Self {
            line: text[..at].matches('\n').count() + 1,
            column: text[start..at].chars().count() + 1,
            text: line_text,
            width: marked.map_or(1, |marked| marked.chars().count().max(1)),
        }
    }

    /// Blanks up to the mistake; tabs stay tabs, so that the caret is right at any tab width.
    fn pad(&self) -> String {
        self.text.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect()
    }
}

/// Rewrites a message of the TOML parser: adds "did you mean", and removes values, which may be passwords.
pub(super) fn explain(message: &str) -> String {
    if let Some(names) = message.strip_prefix("unknown field ").map(quoted) {
        let [wrong, known @ ..] = names.as_slice() else { return "unknown key".to_owned() };
        return unknown("key", wrong, known);
    }
    if message.starts_with("invalid type: ")
        && let Some((_, expected)) = message.rsplit_once(", expected ")
    {
        return format!("this must be {expected}");
    }
    if looks_secret(message) { "this is not valid".to_owned() } else { message.trim().replace('\n', ", ") }
}

/// "unknown key `pol`: did you mean `poll`? Allowed are …". The name is repeated only if it is surely no password.
pub(crate) fn unknown(what: &str, wrong: &str, known: &[&str]) -> String {
    let close = close(wrong, known);
    let named = if looks_secret(wrong) && close.is_none() { String::new() } else { format!(" `{wrong}`") };
    let hint = close.map_or_else(String::new, |name| format!(" did you mean `{name}`?"));
    let allowed = if known.is_empty() { "none is defined".into() } else { format!("allowed: {}", known.join(", ")) };
    format!("unknown {what}{named}:{hint} {allowed}")
}

/// The name that was probably meant.
pub(super) fn close<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wrong.to_lowercase());
    let all = known.iter().map(|name| (likeness(name), *name));
    all.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// The names between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_below_the_mistake() {
        let text = "a = 1\n\tb = \"ü\" # x\n";
        let at = text.find("\"ü").unwrap();
        let shown = describe(Path::new("c.toml"), text, Some(at..at + 4), "wrong");
        assert_eq!(shown, "c.toml, line 2, column 6: wrong\n2 | \tb = \"ü\" # x\n  | \t    ^^^");
    }

    #[test]
    fn the_end_of_the_file_is_a_place_too() {
        assert!(describe(Path::new("c.toml"), "a", Some(1..1), "wrong").contains("line 1, column 2"));
        assert!(describe(Path::new("c.toml"), "", Some(0..0), "wrong").contains("line 1, column 1"));
        assert_eq!(describe(Path::new("c.toml"), "", None, "wrong"), "c.toml: wrong");
    }

    #[test]
    fn close_names_are_offered() {
        assert_eq!(
            explain("unknown field `pol`, expected one of `poll`, `window`"),
            "unknown key `pol`: did you mean `poll`? allowed: poll, window"
        );
        assert_eq!(explain("unknown field `zzz`, expected `poll`"), "unknown key `zzz`: allowed: poll");
    }

    #[test]
    fn values_are_taken_out() {
        assert_eq!(explain("invalid type: string \"hunter2\", expected a boolean"), "this must be a boolean");
        assert_eq!(explain("unknown field `postgres://hunter2`, expected `poll`"), "unknown key: allowed: poll");
        assert_eq!(explain("odd postgres://hunter2"), "this is not valid");
    }
}
