//! Bytes of a terminal become keys.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use vte::{Params, Parser, Perform};

const ESCAPE: u8 = 0x1b;

/// Reads keys out of what a terminal sends, in whatever pieces it comes.
#[derive(Default)]
pub struct Sequences {
    parser: Parser,
    keys: Keys,
    /// The beginning of a letter of several bytes. The parser could keep it, but loses what follows.
    letter: Vec<u8>,
    /// The last byte was an escape, of which it is not known yet whether it begins something.
    escape: bool,
    /// Something came since nothing was begun.
    pending: bool,
}

impl Sequences {
    /// Takes in what came.
    pub fn take(&mut self, bytes: &[u8]) {
        self.pending = true;
        let mut whole = std::mem::take(&mut self.letter);
        whole.extend_from_slice(bytes);
        self.letter = whole.split_off(whole.len() - begun(&whole));
        let mut rest = &*whole;
        while let [first, more @ ..] = rest {
            if self.escape {
                self.escape = *first == ESCAPE;
                if self.escape {
                    // Two of them: the first one was the key.
                    self.keys.key(KeyCode::Esc, KeyModifiers::NONE);
                    rest = more;
                    continue;
                }
                self.parser.advance(&mut self.keys, &[ESCAPE]);
            }
            let plain = rest.iter().position(|byte| *byte == ESCAPE).unwrap_or(rest.len());
            self.parser.advance(&mut self.keys, &rest[..plain]);
            rest = &rest[plain..];
            if let [_, more @ ..] = rest {
                self.escape = true;
                rest = more;
            }
        }
    }

    /// Whether the last byte was an escape.
    pub fn escape(&self) -> bool {
        self.escape
    }

    /// Whether something may be incomplete.
    pub fn pending(&self) -> bool {
        self.pending
    }

    /// Nothing has come for a while: an escape was the key, and what is incomplete is forgotten.
    pub fn give_up(&mut self) {
        if self.escape {
            self.escape = false;
            self.keys.key(KeyCode::Esc, KeyModifiers::NONE);
            return;
        }
        self.pending = false;
        self.letter.clear();
        self.parser = Parser::new();
        self.keys.expects = Expects::Nothing;
    }

    /// What was complete, once.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        std::mem::take(&mut self.keys.events).into_iter()
    }
}

/// How many bytes at the end begin a letter of UTF-8 whose rest is missing.
fn begun(bytes: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(3)..];
    let Some(first) = last.iter().rposition(|byte| *byte >= 0xc0) else { return 0 };
    match std::str::from_utf8(&last[first..]) {
        Err(why) if why.error_len().is_none() => last.len() - first,
        _ => 0,
    }
}

/// What the next letter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expects {
    #[default]
    Nothing,
    /// `ESC O`
    Application,
    /// `ESC [ [`, of the Linux console.
    Console,
    /// The end of a paste. The program does not enable bracketed paste, and does not read it as keys.
    EndOfPaste,
}

#[derive(Default)]
struct Keys {
    events: Vec<Event>,
    expects: Expects,
}

impl Keys {
    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.events.push(Event::Key(KeyEvent::new(code, modifiers)));
    }

    fn letter(&mut self, c: char) {
        let code = if c == '\u{7f}' { KeyCode::Backspace } else { KeyCode::Char(c) };
        self.key(code, if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE });
    }

    fn mouse(&mut self, numbers: &[u16], released: bool) {
        let [button, column, row] = *numbers else { return };
        let kind = match button & !0b1_1100 {
            0 if released => MouseEventKind::Up(MouseButton::Left),
            0 => MouseEventKind::Down(MouseButton::Left),
            64 => MouseEventKind::ScrollUp,
            65 => MouseEventKind::ScrollDown,
            _ => return,
        };
        let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
        self.events.push(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }
}

/// Keys that end in a letter, after `ESC [` or `ESC O`.
fn lettered(letter: char) -> Option<KeyCode> {
    Some(match letter {
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'F' => KeyCode::End,
        'H' => KeyCode::Home,
        'P' => KeyCode::F(1),
        'Q' => KeyCode::F(2),
        'R' => KeyCode::F(3),
        'S' => KeyCode::F(4),
        'Z' => KeyCode::BackTab,
        _ => return None,
    })
}

/// Keys with a number before `~`.
fn numbered(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(u8::try_from(number - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(number - 11).ok()?),
        23 | 24 => KeyCode::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

/// Keys by their character, as kitty's protocol has them.
fn coded(number: u16, shift: bool) -> Option<KeyCode> {
    Some(match number {
        9 if shift => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        _ => {
            let c = char::from_u32(number.into()).filter(|c| !c.is_control())?;
            KeyCode::Char(if shift { c.to_ascii_uppercase() } else { c })
        }
    })
}

impl Perform for Keys {
    fn print(&mut self, c: char) {
        let expects = self.expects;
        // Bytes that are no text, and the control characters of Unicode, are no keys.
        let strange = c == char::REPLACEMENT_CHARACTER || c.is_control() && c != '\u{7f}';
        if expects == Expects::EndOfPaste || strange {
            return;
        }
        self.expects = Expects::Nothing;
        let code = match (expects, c) {
            (Expects::Application, _) => lettered(c),
            (Expects::Console, 'A'..='E') => u8::try_from(c).ok().map(|letter| KeyCode::F(letter - b'A' + 1)),
            _ => return self.letter(c),
        };
        if let Some(code) = code {
            self.key(code, KeyModifiers::NONE);
        }
    }

    fn execute(&mut self, byte: u8) {
        // Always leaves the program.
        if self.expects == Expects::EndOfPaste && byte != 3 {
            return;
        }
        self.expects = Expects::Nothing;
        match byte {
            b'\r' => self.key(KeyCode::Enter, KeyModifiers::NONE),
            b'\t' => self.key(KeyCode::Tab, KeyModifiers::NONE),
            0 => self.key(KeyCode::Char(' '), KeyModifiers::CONTROL),
            1..=26 => self.key(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let numbers: Vec<u16> = params.iter().map(|param| param.first().copied().unwrap_or_default()).collect();
        if self.expects == Expects::EndOfPaste {
            if (numbers.as_slice(), action) == (&[201], '~') {
                self.expects = Expects::Nothing;
            }
            return;
        }
        self.expects = Expects::Nothing;
        if ignore {
            return;
        }
        match (intermediates, action) {
            (b"<", 'M' | 'm') => return self.mouse(&numbers, action == 'm'),
            ([], '[') => {
                self.expects = Expects::Console;
                return;
            }
            ([], '~') if numbers == [200] => {
                self.expects = Expects::EndOfPaste;
                return;
            }
            ([], _) => {}
            _ => return,
        }
        // Modifiers, and after a colon whether the key was pressed, held, or let go.
        let second: Vec<u16> = params.iter().nth(1).map(<[u16]>::to_vec).unwrap_or_default();
        if second.get(1) == Some(&3) {
            return;
        }
        let bits = second.first().map_or(0, |number| number.saturating_sub(1));
        let mut modifiers = KeyModifiers::NONE;
        for (bit, modifier) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
            modifiers.set(modifier, bits & bit != 0);
        }
        let first = numbers.first().copied().unwrap_or_default();
        let code = match action {
            '~' => numbered(first),
            'u' => coded(first, modifiers.contains(KeyModifiers::SHIFT)),
            _ => lettered(action),
        };
        if let Some(code) = code {
            self.key(code, if code == KeyCode::BackTab { modifiers | KeyModifiers::SHIFT } else { modifiers });
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        if self.expects == Expects::EndOfPaste {
            return;
        }
        self.expects = Expects::Nothing;
        match (intermediates, byte) {
            ([], b'O') => self.expects = Expects::Application,
            // The end of a string, which is no key.
            ([], b'\\') => {}
            ([], _) => self.key(KeyCode::Char(char::from(byte)), KeyModifiers::ALT),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The names of the keys in `bytes`, of which nothing more comes.
    fn keys(bytes: &[u8]) -> String {
        let mut sequences = Sequences::default();
        sequences.take(bytes);
        if sequences.escape() {
            sequences.give_up();
        }
        named(&mut sequences)
    }

    fn named(sequences: &mut Sequences) -> String {
        let name = |event| match event {
            Event::Key(KeyEvent { code, modifiers, .. }) => {
                let marks = [(KeyModifiers::SHIFT, "S-"), (KeyModifiers::ALT, "A-"), (KeyModifiers::CONTROL, "C-")];
                let marks = marks.into_iter().filter(|(mark, _)| modifiers.contains(*mark));
                let name = code.as_char().map_or_else(|| format!("{code:?}"), String::from);
                marks.map(|(_, name)| name).collect::<String>() + &name
            }
            Event::Mouse(mouse) => format!("{:?} {} {}", mouse.kind, mouse.column, mouse.row),
            other => format!("{other:?}"),
        };
        sequences.events().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_are_distinguished() {
        for (bytes, wanted) in [
            ("qG\u{e9}\u{8868}", "q S-G \u{e9} \u{8868}"),
            ("\r\t\x7f\x03\x01\x08", "Enter Tab Backspace C-c C-a C-h"),
            ("\x1b", "Esc"),
            ("\x1b\x1b", "Esc Esc"),
            ("\x1b\x1b[A", "Esc Up"),
            ("\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", "Up Down Right Left Home End"),
            ("\x1bOA\x1bOH\x1bOP\x1b[[A\x1b[15~\x1b[24~", "Up Home F(1) F(1) F(5) F(12)"),
            ("\x1b[1~\x1b[2~\x1b[3~\x1b[4~\x1b[5~\x1b[6~", "Home Insert Delete End PageUp PageDown"),
            ("\x1b[Z\x1b[1;5A\x1bx", "S-BackTab C-Up A-x"),
            ("\x1b[113u\x1b[99;5u\x1b[27u\x1b[103;2u\x1b[113;1:3u", "q C-c Esc S-G"),
            ("\x1b[<0;5;7M\x1b[<0;5;7m\x1b[<64;1;1M\x1b[<35;2;2M", "Down(Left) 4 6 Up(Left) 4 6 ScrollUp 0 0"),
            ("\x1b]11;rgb:0/0/0\x1b\\q\x1bP1$r0m\x1b\\q\x1b[?62;4cq", "q q q"),
            ("\x1b[200~qr\r\x1b[A\x1b[201~q", "q"),
        ] {
            assert_eq!(keys(bytes.as_bytes()), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn what_was_cut_off_is_forgotten_when_nothing_more_comes() {
        for begun in ["\x1b[200~pasted", "\x1b[<0;", "\x1b[", "\x1bO", "\x1b]0;title", "\x1bPq", "\x1b[?", "\x1b[1;"] {
            let mut sequences = Sequences::default();
            sequences.take(begun.as_bytes());
            sequences.give_up();
            named(&mut sequences);
            sequences.take(b"q\x03");
            assert_eq!(named(&mut sequences), "q C-c", "{begun:?}");
        }
        assert_eq!(keys(b"\x1b[200~pasted\x03q"), "C-c q", "there is a way out at once");
        assert!(keys(b"\x1b[<0;\x03").contains("C-c"));
    }

    /// Text with escapes. Terminals send no control characters beyond ASCII.
    fn typed() -> impl Strategy<Value = String> {
        let letter = prop_oneof![(0..128_u8).prop_map(char::from), any::<char>(), Just('\x1b'), Just('[')];
        let letter = letter.prop_filter("a C1 control", |c| c.is_ascii() || !c.is_control());
        proptest::collection::vec(letter, 0..40).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in typed(), cut in 0..100_usize) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let mut sequences = Sequences::default();
            sequences.take(&bytes[..cut]);
            sequences.take(&bytes[cut..]);
            if sequences.escape() {
                sequences.give_up();
            }
            prop_assert_eq!(named(&mut sequences), keys(bytes));
        }

        #[test]
        fn bytes_that_are_no_text_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut sequences = Sequences::default();
            sequences.take(&bytes);
            sequences.give_up();
            sequences.give_up();
            named(&mut sequences);
            sequences.take(b"q");
            prop_assert_eq!(named(&mut sequences), "q");
        }
    }
}
