//! Texts from elsewhere, made harmless for a terminal.
//!
//! Error messages, role names, hosts and queries are written by others. None of it may move the cursor, change a
//! colour, hide a word or turn the reading direction of its line. The screen fits such texts into columns
//! ([`refreshtop_tui::screen::text`]); whatever else is printed (errors, warnings, answers of commands, the log) goes
//! through [`printable`] or [`one_line`]. Both worlds may use this; it knows neither.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar;

/// Combining marks kept on one character; stacks of them spill over the lines above and below.
pub const MARKS_KEPT: usize = 2;
/// Stands for a character that a terminal must not see.
const REPLACEMENT: char = '\u{fffd}';
/// Longest text that is printed outside the screen, bytes.
const PRINTED: usize = 16 * 1024;

/// What becomes of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is shown.
    Shown,
    /// A plain letter is shown in its place: terminals disagree about its width.
    As(char),
    /// It is a mark on the character before it.
    Mark,
    /// It separates lines.
    Break,
    /// It separates words.
    Blank,
    /// It steers a terminal, or its appearance is not known.
    Control,
    /// It steers the layout of the text, invisibly.
    Invisible,
}

/// Tells what becomes of `c`.
pub fn kind(c: char) -> Kind {
    match c {
        ' '..='~' => Kind::Shown,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Kind::Break,
        '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}' => {
            Kind::Blank
        }
        // Two of them are a flag of two columns, or two letters of two, or of one: as the terminal likes.
        '\u{1f1e6}'..='\u{1f1ff}' => {
            Kind::As(char::from_u32(u32::from(c) - 0x1f1e6 + u32::from('A')).unwrap_or(REPLACEMENT))
        }
        c if c.is_control() || is_unassigned_on_purpose(c) => Kind::Control,
        c if is_invisible(c) => Kind::Invisible,
        c => match c.width() {
            None => Kind::Control,
            Some(0) => Kind::Mark,
            Some(_) => Kind::Shown,
        },
    }
}

/// Direction marks, joiners, fillers, variation selectors, skin tones, tags, marks that put themselves before the next
/// character: they change what is seen, or how wide it is, without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{d4e}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{111c2}' | '\u{111c3}' | '\u{113d1}' | '\u{1193f}' | '\u{11941}' | '\u{11a3a}'
        | '\u{11a84}'..='\u{11a89}' | '\u{11d46}' | '\u{11f02}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Private use, where each font has its own idea, and what Unicode promises never to use.
fn is_unassigned_on_purpose(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The longest start of `raw` that is at most `budget` bytes long, and whether that is less than all of it.
pub fn within(raw: &str, budget: usize) -> (&str, bool) {
    let end = raw.floor_char_boundary(budget);
    (&raw[..end], end < raw.len())
}

/// Whether `mark` stands on `base`: the later letters of a Korean syllable do so on certain others only.
fn joins(base: char, mark: char) -> bool {
    let mut bytes = [0; 8];
    let length = base.encode_utf8(&mut bytes).len();
    let length = length + mark.encode_utf8(&mut bytes[length..]).len();
    std::str::from_utf8(&bytes[..length]).is_ok_and(|pair| pair.graphemes(true).count() == 1)
}

/// Feeds what may be shown of `raw` to `push`, character by character; a line break is given as `'\n'`, and what must
/// not be seen as `replacement`. With `ascii_only`, so is all that is not ASCII.
pub fn cleaned(raw: &str, ascii_only: bool, replacement: &str, mut push: impl FnMut(char)) {
    let mut marks = MARKS_KEPT;
    let mut last = ' ';
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        // A mark that follows anything but a letter has nothing to stand on.
        let room = match kind(c) {
            Kind::Mark if marks < MARKS_KEPT && !ascii_only && joins(last, c) => {
                push(c);
                last = c;
                marks + 1
            }
            Kind::Mark | Kind::Invisible => marks,
            Kind::Shown if ascii_only && !c.is_ascii() => {
                replacement.chars().for_each(&mut push);
                MARKS_KEPT
            }
            Kind::Shown => {
                push(c);
                last = c;
                if c == ' ' { MARKS_KEPT } else { 0 }
            }
            Kind::As(letter) => {
                push(letter);
                MARKS_KEPT
            }
            Kind::Break => {
                push('\n');
                MARKS_KEPT
            }
            Kind::Blank => {
                push(' ');
                MARKS_KEPT
            }
            Kind::Control => {
                replacement.chars().for_each(&mut push);
                MARKS_KEPT
            }
        };
        marks = room;
    }
}

/// `raw` for a terminal, a pipe or a file, at most 16 KiB of it. Its line breaks are kept, and what follows one is
/// moved in by two columns: no foreign text can pass for a line of ours.
pub fn printable(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len().min(PRINTED));
    let cut = clean_into(&mut shown, raw.trim_end(), PRINTED, "\n  ");
    if cut {
        shown.push_str("...");
    }
    shown
}

/// `raw` as one line of at most `most` characters; a line break becomes a blank.
pub fn one_line(raw: &str, most: usize) -> String {
    let mut shown = String::new();
    // No character takes more than four bytes; those that vanish may make the line shorter than it could be.
    let cut = clean_into(&mut shown, raw.trim(), most.saturating_mul(4), " ");
    match shown.char_indices().nth(most) {
        Some((end, _)) => shown.truncate(end),
        None if !cut => return shown,
        None => {}
    }
    shown.push('…');
    shown
}

fn clean_into(shown: &mut String, raw: &str, budget: usize, line_break: &str) -> bool {
    let (head, cut) = within(raw, budget);
    cleaned(head, false, "\u{fffd}", |c| if c == '\n' { shown.push_str(line_break) } else { shown.push(c) });
    cut
}

/// Whether a terminal may be sent `text`: no control, no direction mark, nothing invisible.
pub fn is_safe(text: &str) -> bool {
    text.chars().all(|c| matches!(kind(c), Kind::Shown | Kind::Mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_character_has_its_place() {
        for c in (0..=0x0010_ffff_u32).filter_map(char::from_u32) {
            let mut shown = String::new();
            cleaned(&format!("a{c}b"), false, "?", |c| shown.push(c));
            let steers = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{c:?}");
            assert!(!steers || !shown.contains(c) || c == '\n', "{c:?}");
            assert!(is_safe(&shown.replace('\n', " ")), "{c:?} {shown:?}");
            let mut ascii = String::new();
            cleaned(&format!("a{c}b"), true, "?", |c| ascii.push(c));
            assert!(ascii.is_ascii() && ascii.starts_with('a') && ascii.ends_with('b'), "{c:?} {ascii:?}");
        }
    }

    #[test]
    fn what_terminals_disagree_about_is_made_plain() {
        for (raw, wanted) in [
            ("\u{1f1e9}\u{1f1ea}", "DE"),
            ("👍\u{1f3fd}!", "👍!"),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("❤\u{fe0f}", "❤"),
            ("👩\u{200d}👩\u{200d}👧", "👩👩👧"),
            ("\u{e0b0}\u{f8ff}\u{10ffff}\u{fffe}", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{1112}\u{1161}\u{11ab} \u{65e5}\u{d7ce}x\u{1161}", "\u{1112}\u{1161}\u{11ab} \u{65e5}x"),
            ("a\u{e0062}\u{e007f}b", "ab"),
            ("\u{600}1\u{6dd}", "1"),
            ("\u{2800}x\u{3164}", " x"),
            // A line may be broken at the blank, and the mark would stand on whatever is beside that line.
            ("a \u{301}b \u{dd2}\u{e33}c", "a b \u{e33}c"),
        ] {
            assert_eq!(printable(raw), wanted, "{raw:?}");
        }
    }

    #[test]
    fn nothing_that_is_shown_swallows_the_next_letter() {
        let swallows = |c: &char| kind(*c) == Kind::Shown && format!("{c}a").graphemes(true).count() != 2;
        let found: Vec<char> = ('\0'..=char::MAX).filter(swallows).collect();
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn nobodys_text_passes_for_a_line_of_ours() {
        let forged = "no such role\r\nrefreshtop: all is well\u{2028}\u{1b}[2Jx\u{85}y";
        assert_eq!(printable(forged), "no such role\n  refreshtop: all is well\n  \u{fffd}[2Jx\n  y");
        assert_eq!(one_line(forged, 80), "no such role refreshtop: all is well \u{fffd}[2Jx y");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }

    #[test]
    fn a_megabyte_is_cut() {
        assert!(printable(&"é".repeat(1 << 20)).len() <= PRINTED + 3);
        assert_eq!(one_line(&"x".repeat(1 << 20), 300).chars().count(), 301);
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(raw: String) {
            let shown = printable(&raw);
            prop_assert!(is_safe(&shown.replace("\n  ", "")), "{shown:?}");
            prop_assert!(is_safe(&one_line(&raw, 40)) && one_line(&raw, 40).chars().count() <= 41);
        }
    }
}
