//! How many colours the terminal has, and which codes it gets if they are few.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::PathBuf};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 256 or more.
    Many,
    /// The sixteen that have codes of their own. To others, the 5 of `38;5;n` means blink.
    Sixteen,
}

/// Parts of the names of terminals that have 256 colours at least.
const KNOWN: [&str; 9] =
    ["256color", "direct", "truecolor", "kitty", "alacritty", "foot", "ghostty", "wezterm", "contour"];

/// Where the descriptions of terminals are kept.
const FOLDERS: [&str; 5] =
    ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo", "/usr/local/share/terminfo"];

impl Depth {
    /// What the terminal promises: by `COLORTERM`, by its name, or in its description.
    pub fn of(environment: &BTreeMap<String, String>) -> Self {
        let value = |name| get(environment, name);
        let term = value("TERM").unwrap_or_default();
        let named = value("COLORTERM").is_some() || KNOWN.iter().any(|known| term.contains(known));
        if named || described(term, environment).is_some_and(|colours| colours >= 256) {
            Self::Many
        } else {
            Self::Sixteen
        }
    }
}

/// The value of a variable; an empty one counts as unset.
fn get<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// The number of colours in the terminal's description.
fn described(term: &str, environment: &BTreeMap<String, String>) -> Option<i32> {
    let first = term.chars().next().filter(|_| !term.contains('/'))?;
    let own = get(environment, "TERMINFO").map(PathBuf::from);
    let home = get(environment, "HOME").map(|home| PathBuf::from(home).join(".terminfo"));
    let folders = own.into_iter().chain(home).chain(FOLDERS.map(PathBuf::from));
    let files = folders.flat_map(|folder| {
        [first.to_string(), format!("{:x}", u32::from(first))].map(|letter| folder.join(letter).join(term))
    });
    files.filter_map(|path| File::open(path).ok()).find_map(|file| {
        let mut bytes = Vec::new();
        file.take(32 * 1024).read_to_end(&mut bytes).ok()?;
        max_colors(&bytes)
    })
}

/// `max_colors` of a compiled description (term(5)): a header of six numbers, names, booleans, and then numbers of two or
/// four bytes, of which it is the fourteenth.
fn max_colors(bytes: &[u8]) -> Option<i32> {
    let short = |at: usize| Some(i16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let width = match short(0)? {
        0o432 => 2,
        0o1036 => 4,
        _ => return None,
    };
    let size = |at| usize::try_from(short(at)?).ok();
    let (names, booleans, numbers) = (size(2)?, size(4)?, size(6)?);
    let start = (12 + names + booleans).next_multiple_of(2);
    let at = start + 13 * width;
    if numbers <= 13 {
        return None;
    }
    if width == 2 {
        short(at).map(i32::from)
    } else {
        Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    }
}

/// A frame in which no colour is one of 256.
pub fn sixteen(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(at) = rest.windows(2).position(|mark| mark == b"\x1b[") {
        out.extend_from_slice(&rest[..at + 2]);
        rest = &rest[at + 2..];
        let length = rest.iter().position(|byte| !(byte.is_ascii_digit() || *byte == b';')).unwrap_or(rest.len());
        let (list, after) = rest.split_at(length);
        match std::str::from_utf8(list) {
            Ok(list) if after.starts_with(b"m") => out.extend_from_slice(attributes(list).as_bytes()),
            _ => out.extend_from_slice(list),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

fn attributes(list: &str) -> String {
    let mut words = list.split(';');
    let mut out: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let base = match word {
            "38" => 30,
            "48" => 40,
            _ => {
                out.push(word.into());
                continue;
            }
        };
        let mut number = || words.next().and_then(|word| word.parse::<u8>().ok()).unwrap_or_default();
        let colour = match number() {
            5 => match number() {
                own @ 0..16 => own,
                other => nearest(of_256(other)),
            },
            _ => nearest([number(), number(), number()]),
        };
        // The bright eight are sixty further up.
        out.push((if colour < 8 { base + u16::from(colour) } else { base + 52 + u16::from(colour) }).to_string());
    }
    out.join(";")
}

/// Red, green and blue of the colours from 16 on: a cube, and greys.
fn of_256(index: u8) -> [u8; 3] {
    let Some(grey) = index.checked_sub(232) else {
        let cube = index.saturating_sub(16);
        let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
        return [cube / 36, cube / 6 % 6, cube % 6].map(level);
    };
    [8 + 10 * grey; 3]
}

/// Which of the sixteen comes next to a colour, as xterm has them.
fn nearest(colour: [u8; 3]) -> u8 {
    const OWN: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    let distance = |own: [u8; 3]| -> u32 {
        own.iter().zip(colour).map(|(own, wanted)| u32::from(own.abs_diff(wanted)).pow(2)).sum()
    };
    (0..16).zip(OWN).min_by_key(|(_, own)| distance(*own)).map_or(7, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(pairs: &[(&str, &str)]) -> Depth {
        Depth::of(&pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn names_and_descriptions_promise_colours() {
        for term in ["xterm-256color", "tmux-256color", "xterm-kitty", "alacritty"] {
            assert_eq!(depth(&[("TERM", term)]), Depth::Many, "{term}");
        }
        for term in ["linux", "vt52", "nosuch", "", "../x"] {
            assert_eq!(depth(&[("TERM", term)]), Depth::Sixteen, "{term}");
        }
        assert_eq!(depth(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Depth::Many);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("m")).unwrap();
        // Names, no booleans, fourteen numbers: seven bytes of names need one more.
        let mut bytes = [0o432_i16, 7, 0, 14, 0, 0].map(i16::to_le_bytes).concat();
        bytes.extend_from_slice(b"mine|x\0\0");
        bytes.extend([-1_i16; 13].map(i16::to_le_bytes).concat());
        bytes.extend(256_i16.to_le_bytes());
        std::fs::write(folder.path().join("m/mine"), &bytes).unwrap();
        let own = ("TERMINFO", folder.path().to_str().unwrap());
        assert_eq!(depth(&[("TERM", "mine"), own]), Depth::Many);
        for length in 0..bytes.len() {
            assert_eq!(max_colors(&bytes[..length]), None);
        }
    }

    #[test]
    fn colours_get_codes_of_their_own_and_all_else_stays() {
        for (given, wanted) in [
            ("\x1b[38;5;6mx", "\x1b[36mx"),
            ("\x1b[48;5;14mx", "\x1b[106mx"),
            ("\x1b[38;5;9;48;5;0m", "\x1b[91;40m"),
            ("\x1b[1;38;5;203;7m", "\x1b[1;91;7m"),
            ("\x1b[38;5;234m\x1b[38;2;250;250;250m", "\x1b[30m\x1b[97m"),
            ("\x1b[39m\x1b[49m\x1b[0m\x1b[5;38H38;5;6m", "\x1b[39m\x1b[49m\x1b[0m\x1b[5;38H38;5;6m"),
            ("\x1b[?2026h\x1b[38;5", "\x1b[?2026h\x1b[38;5"),
        ] {
            assert_eq!(String::from_utf8(sixteen(given.as_bytes())).unwrap(), wanted, "{given:?}");
        }
    }
}
