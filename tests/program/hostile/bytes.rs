//! What the program wrote, byte by byte.

use crate::support::terminal::{Launch, TerminalProgram};
use refreshtop_core::sanitize::is_safe;

/// A terminal's escape sequences that the program may write: moving the cursor, colours, erasing.
const FINALS: &str = "HmJK";
/// Modes that it may switch: the cursor, the alternate screen, synchronized updates.
const MODES: [&str; 6] = ["?25h", "?25l", "?1049h", "?1049l", "?2026h", "?2026l"];

/// Fails if anything but text and the program's own sequences was written.
pub fn assert_tame(program: &TerminalProgram) {
    assert_tame_bytes(&program.raw_bytes());
    let asked = program.asked();
    assert!(asked.titles.is_empty() && asked.bells == 0 && asked.others == 0, "{asked:?}");
}

/// The same of bytes.
pub fn assert_tame_bytes(raw: &[u8]) {
    let written = std::str::from_utf8(raw).expect("UTF-8, and whole characters");
    let mut rest = written;
    while let Some(at) = rest.find('\u{1b}') {
        assert!(is_safe(&rest[..at]), "{:?}", &rest[..at]);
        let sequence = rest[at + 1..].strip_prefix('[').unwrap_or_else(|| panic!("{:.40?}", &rest[at..]));
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("an end of the sequence");
        let (parameters, last) = (&sequence[..end], &sequence[end..=end]);
        let digits = parameters.chars().all(|c| c.is_ascii_digit() || c == ';');
        let known = (FINALS.contains(last) && digits) || MODES.contains(&&sequence[..=end]);
        assert!(known, "{:.40?}", &rest[at..]);
        rest = &sequence[end + 1..];
    }
    assert!(is_safe(rest), "{rest:?}");
}

/// The frame of what is open is in the same columns on every row.
pub fn assert_framed(program: &TerminalProgram, cols: u16, rows: u16) {
    use std::{num::NonZeroU16, time::Duration};
    // What was typed last shows.
    program.wait_quiet(Duration::from_millis(300));
    // The parser drops the replacement character, which terminals show.
    let raw = String::from_utf8_lossy(&program.whole_frames()).replace('\u{fffd}', "?");
    let size = |n| NonZeroU16::new(n).expect("a size");
    let mut terminal = vt100::Parser::new(size(rows), size(cols), 0);
    terminal.process(raw.as_bytes());
    let cell = |row, col| terminal.screen().cell(row, col).map(|cell| cell.contents().to_owned()).unwrap_or_default();
    let find = |row, symbol: &str| (0..cols).find(|col| cell(row, *col) == symbol);
    let (top, left) =
        (0..rows).find_map(|row| Some((row, find(row, "┌").or_else(|| find(row, "╭"))?))).expect("a frame");
    let right = find(top, "┐").or_else(|| find(top, "╮")).expect("its right corner");
    for row in top + 1..rows {
        if ["└", "╰"].contains(&cell(row, left).as_str()) {
            assert!(["┘", "╯"].contains(&cell(row, right).as_str()), "{}", terminal.screen().contents());
            assert!(row > top + 3);
            return;
        }
        assert_eq!(
            (cell(row, left).as_str(), cell(row, right).as_str()),
            ("│", "│"),
            "{}",
            terminal.screen().contents()
        );
    }
    panic!("no end of the frame:\n{}", terminal.screen().contents());
}

#[test]
fn wild_bytes_are_found() {
    for wild in [
        &b"\x1b]0;pwned\x07"[..],
        b"\x07",
        b"\x1b[31mred\x1b[0m\x1b[c",
        b"\x1b[?1000h",
        b"\x1bPx\x1b\\",
        b"\x1b[6n",
        b"\x1b[8;1;1t",
        b"\xc2\x9b2J",
        b"\xff",
        b"a\xe2\x80\xaeb",
        b"one\rtwo",
    ] {
        assert!(std::panic::catch_unwind(|| assert_tame_bytes(wild)).is_err(), "{wild:?}");
    }
    assert_tame_bytes("\x1b[?2026h\x1b[1;31mplain\x1b[12;1H日本\u{fffd}\x1b[0m\x1b[K\x1b[?2026l".as_bytes());
}

/// What the waits of these tests are worth: half a frame is not seen, and a whole one is, however short it stands.
#[test]
fn frames_are_seen_whole_and_none_is_missed() {
    let script = r"printf '\033[?2026hone'; sleep 0.3; printf ' two\033[?2026l'; read -r _
        for n in $(seq 200); do printf '\033[?2026h\rframe %s.\033[?2026l' $n; done; sleep 60";
    let mut program = Launch::new("sh", &["-c", script]).start();
    let seen = program.wait_text("one");
    assert!(seen.contains("one two"), "{seen}");
    program.miss_nothing();
    program.send("\r");
    std::thread::sleep(std::time::Duration::from_millis(300));
    for frame in ["frame 3.", "frame 200."] {
        program.wait_text(frame);
    }
}
