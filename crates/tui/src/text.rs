//! Texts that came from elsewhere, fitted into columns.
//!
//! What may be shown at all, [`refreshtop_core::sanitize`] decides; a megabyte of it may not make a frame slow either.
//! [`line`] and [`lines`] are the only ways from such a text to the screen; texts of our own go through them too if
//! they must fit a width.

use refreshtop_core::sanitize::{cleaned, within};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Which characters the terminal can show, and what replaces those that it must not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// Whether only ASCII can be shown.
    pub ascii_only: bool,
    /// Marks where a text was cut.
    pub ellipsis: &'static str,
    /// Stands for a line break inside one line.
    pub line_break: &'static str,
    /// Stands for a control character, or for one that the terminal can't show.
    pub replacement: &'static str,
}

/// Bytes of one text that are examined for one line. Wider than any terminal, and never a whole megabyte.
const LINE_BUDGET: usize = 8 * 1024;
/// Bytes of one text that are examined for a paragraph.
const PARAGRAPH_BUDGET: usize = 64 * 1024;
/// `raw` as one line of at most `width` columns, cut with an ellipsis if it is longer.
pub fn line(raw: &str, width: usize, charset: Charset) -> String {
    let (head, cut) = within(raw.trim(), LINE_BUDGET);
    let mut clean = String::with_capacity(head.len().min(width * 2));
    let mut pending_break = false;
    cleaned(head, charset.ascii_only, charset.replacement, |c| {
        if c == '\n' {
            pending_break = true;
            return;
        }
        if pending_break {
            clean.truncate(clean.trim_end().len());
            clean.push_str(charset.line_break);
            pending_break = false;
        }
        clean.push(c);
    });
    truncate(&clean, width, cut, charset)
}

/// Columns that `text` takes on the screen: those of its characters one by one, as they are drawn. Taken as a whole, some
/// scripts would join letters and count less.
fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// `clean` cut to `width` columns; `cut` says that text is missing at its end already.
fn truncate(clean: &str, width: usize, cut: bool, charset: Charset) -> String {
    if !cut && columns(clean) <= width {
        return clean.to_owned();
    }
    let room = width.saturating_sub(charset.ellipsis.width());
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in clean.graphemes(true) {
        let next = used + grapheme.width();
        if next > room {
            break;
        }
        used = next;
        kept.push_str(grapheme);
    }
    kept.truncate(kept.trim_end().len());
    if charset.ellipsis.width() <= width {
        kept.push_str(charset.ellipsis);
    }
    kept
}

/// `raw` wrapped at words to lines of at most `width` columns, at most `most` of them; its own line breaks are kept.
/// The last line ends with an ellipsis if text is missing.
pub fn lines(raw: &str, width: usize, most: usize, charset: Charset) -> Vec<String> {
    if width == 0 || most == 0 {
        return Vec::new();
    }
    let budget = PARAGRAPH_BUDGET.min(most.saturating_add(1).saturating_mul(width).saturating_mul(16));
    let (head, mut cut) = within(raw.trim(), budget);
    let mut clean = String::with_capacity(head.len());
    cleaned(head, charset.ascii_only, charset.replacement, |c| clean.push(c));
    let mut wrapped = Vec::new();
    for paragraph in clean.split('\n') {
        if wrapped.len() > most {
            break;
        }
        wrap(paragraph, width, most + 1, &mut wrapped);
    }
    if wrapped.len() > most {
        cut = true;
        wrapped.truncate(most);
    }
    if cut && let Some(last) = wrapped.last_mut() {
        *last = truncate(last, width, true, charset);
    }
    wrapped
}

/// Appends `paragraph` to `wrapped`, until that has `most` lines.
fn wrap(paragraph: &str, width: usize, most: usize, wrapped: &mut Vec<String>) {
    let mut current = String::new();
    let mut used = 0;
    for token in paragraph.split_inclusive(' ') {
        let word = token.trim_end();
        let fits = |used: usize| used + columns(word) <= width;
        if !fits(used) && used > 0 {
            if wrapped.len() >= most {
                return;
            }
            wrapped.push(end_line(&mut current, &mut used));
            if word.is_empty() {
                continue;
            }
        }
        if fits(used) {
            current.push_str(token);
            used += columns(token);
        } else if !break_word(token, width, most, wrapped, &mut current, &mut used) {
            return;
        }
    }
    wrapped.push(end_line(&mut current, &mut used));
}

/// Breaks a word that is wider than a line. `false` once there are enough lines.
fn break_word(
    word: &str,
    width: usize,
    most: usize,
    wrapped: &mut Vec<String>,
    current: &mut String,
    used: &mut usize,
) -> bool {
    for grapheme in word.graphemes(true) {
        let grapheme_width = grapheme.width();
        if *used + grapheme_width > width {
            wrapped.push(end_line(current, used));
            if wrapped.len() >= most {
                return false;
            }
        }
        // A wide character does not fit into a single column.
        if grapheme_width <= width {
            current.push_str(grapheme);
            *used += grapheme_width;
        }
    }
    true
}

fn end_line(current: &mut String, used: &mut usize) -> String {
    *used = 0;
    let mut line = std::mem::take(current);
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        glyphs::{ASCII, UTF8},
        tests::screens::hostile,
    };
    use proptest::prelude::*;
    use refreshtop_core::sanitize::{MARKS_KEPT, is_safe};

    #[test]
    fn escape_sequences_become_harmless() {
        assert_eq!(
            line("\u{1b}[31mred\u{1b}]0;title\u{7}", 80, UTF8.charset),
            "\u{fffd}[31mred\u{fffd}]0;title\u{fffd}"
        );
        assert_eq!(line("\u{9b}2J", 80, ASCII.charset), "?2J");
    }

    #[test]
    fn direction_marks_and_joiners_vanish() {
        assert_eq!(line("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e\u{200b}f\u{feff}g", 80, UTF8.charset), "abcdefg");
    }

    #[test]
    fn breaks_are_marked_and_tabs_are_blanks() {
        assert_eq!(line("one\r\n\n two\tthree\n", 80, UTF8.charset), "one⏎ two three");
        assert_eq!(line("one\ntwo", 80, ASCII.charset), "one / two");
    }

    #[test]
    fn cuts_by_display_width() {
        assert_eq!(line("日本語テキスト", 7, UTF8.charset), "日本語…");
        assert_eq!(line("日本語テキスト", 8, UTF8.charset), "日本語…");
        assert_eq!(line("日本語", 6, UTF8.charset), "日本語");
        assert_eq!(line("abcdef", 5, ASCII.charset), "ab...");
        assert_eq!(line("abcdef", 0, UTF8.charset), "");
        assert_eq!(line("abcdef", 2, ASCII.charset), "");
    }

    #[test]
    fn stacks_of_marks_are_cut_down() {
        let zalgo = format!("a{}", "\u{301}".repeat(1000));
        assert_eq!(line(&zalgo, 80, UTF8.charset).chars().count(), 1 + MARKS_KEPT);
        assert_eq!(line("\u{301}a", 80, UTF8.charset), "a");
    }

    #[test]
    fn letters_that_join_are_counted_one_by_one() {
        let lam_alef = "\u{644}\u{627}".repeat(10);
        assert_eq!(line(&lam_alef, 10, UTF8.charset).chars().count(), 10);
        assert!(lines(&lam_alef, 10, 9, UTF8.charset).iter().all(|line| line.chars().count() <= 10));
    }

    #[test]
    fn a_megabyte_is_examined_in_part() {
        let huge = "\u{1b}".repeat(1 << 20);
        assert!(line(&huge, 80, UTF8.charset).ends_with('…'));
        let huge = "word ".repeat(1 << 18);
        let wrapped = lines(&huge, 40, 1_000, UTF8.charset);
        assert_eq!(wrapped.len(), 1_000);
        assert!(wrapped.last().unwrap().ends_with('…'));
    }

    #[test]
    fn wraps_at_words_and_keeps_breaks() {
        let got = lines("the quick brown fox\njumps", 10, 10, UTF8.charset);
        assert_eq!(got, ["the quick", "brown fox", "jumps"]);
        assert_eq!(lines("one\r\n\r\ntwo", 10, 10, UTF8.charset), ["one", "", "two"]);
        assert_eq!(lines("count(*) from: x", 9, 10, UTF8.charset), ["count(*)", "from: x"]);
        assert_eq!(lines("a abcdefgh", 4, 10, UTF8.charset), ["a", "abcd", "efgh"]);
        assert_eq!(lines("abcdefghij", 4, 10, UTF8.charset), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("the quick brown fox", 10, 1, UTF8.charset), ["the quick…"]);
        assert_eq!(lines("日本", 1, 10, UTF8.charset).concat(), "");
    }

    proptest! {
        #[test]
        fn a_line_is_safe_and_fits(raw in hostile::text(200), width in 0_usize..60, ascii: bool) {
            let charset = if ascii { ASCII.charset } else { UTF8.charset };
            let shown = line(&raw, width, charset);
            prop_assert!(is_safe(&shown), "{shown:?}");
            prop_assert!(columns(&shown) <= width, "{shown:?}");
            prop_assert!(!ascii || shown.is_ascii(), "{shown:?}");
        }

        #[test]
        fn a_paragraph_is_safe_and_fits(raw in hostile::text(300), width in 0_usize..40, most in 0_usize..20) {
            let shown = lines(&raw, width, most, UTF8.charset);
            prop_assert!(shown.len() <= most);
            for line in &shown {
                prop_assert!(is_safe(line), "{line:?}");
                prop_assert!(columns(line) <= width, "{line:?}");
            }
        }
    }
}
