//! Markdown for a ticket or a chat.
//!
//! What others wrote (messages, names, statements) stands in code spans and fenced blocks only: there nothing is a link, a
//! heading, a mention or HTML, and the fences are longer than any that the text contains.

mod run;

pub use run::run;

use crate::sanitize::{cleaned, one_line, within};

/// Longest name or word, characters.
const WORD: usize = 300;
/// Longest text in a block, bytes.
const BLOCK: usize = 20_000;
/// Stands for what can't be shown.
const REPLACEMENT: &str = "\u{fffd}";

/// A text from elsewhere as a code span on one line.
pub fn code(raw: &str) -> String {
    let text = one_line(raw, WORD);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A renderer takes one blank away on each side, unless there is nothing else.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text from elsewhere as a fenced block, its lines kept. `language` is one of ours: `text` or `sql`.
pub fn block(raw: &str, language: &'static str) -> String {
    let (head, cut) = within(raw.trim_end(), BLOCK);
    let mut text = String::new();
    cleaned(head, false, REPLACEMENT, |c| text.push(c));
    if cut {
        text.push('…');
    }
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_span_is_longer_than_what_is_in_it() {
        for (raw, wanted) in [
            ("deploy", "`deploy`"),
            ("", "(empty)"),
            ("a\nb\u{1b}[31m", "`a b\u{fffd}[31m`"),
            ("`x`", "`` `x` ``"),
            ("a``b`c", "```a``b`c```"),
            ("@team #1 <img src=x> [a](http://b)", "`@team #1 <img src=x> [a](http://b)`"),
        ] {
            assert_eq!(code(raw), wanted, "{raw:?}");
        }
    }

    #[test]
    fn a_block_can_not_be_closed_from_inside() {
        assert_eq!(block("one\ntwo\n", "text"), "```text\none\ntwo\n```\n");
        assert_eq!(block("```\n# Owned\n````", "sql"), "`````sql\n```\n# Owned\n````\n`````\n");
        assert!(block(&"x".repeat(1 << 20), "text").len() < BLOCK + 30);
    }

    proptest! {
        #[test]
        fn no_text_gets_out(raw in "[`\\n a#@<\\[\\u{85}\\r]{0,60}") {
            let span = code(&raw);
            let fence = span.len() - span.trim_start_matches('`').len();
            prop_assert!(!span.contains('\n'));
            let inner = &span[fence..span.len() - fence];
            prop_assert!(longest_run(inner) != fence || fence == 0, "{span:?}");
            let fenced = block(&raw, "text");
            let lines: Vec<&str> = fenced.lines().collect();
            let fence = lines[lines.len() - 1];
            let closes = |line: &&&str| line.trim_start().starts_with(fence);
            prop_assert_eq!(lines[1..].iter().filter(closes).count(), 1, "{:?}", fenced);
        }
    }
}
