//! What a terminal without synchronized updates shows while a frame arrives over a slow link: each cell shows its old
//! or its new content, and nothing else.

use crate::{
    app::fixtures, frame as screen, glyphs::Glyphs, scene::Appearance, terminal::backend::QuietBackend, theme::Theme,
};
use ratatui::{Terminal, TerminalOptions, Viewport, layout::Rect};
use std::{cell::RefCell, io, num::NonZeroU16, rc::Rc};

/// What was sent.
#[derive(Clone, Default)]
struct Link(Rc<RefCell<Vec<u8>>>);

impl io::Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes after which the screen is looked at: what a link of 25 KB/s carries in 2 ms.
const LOOK: usize = 50;
/// What that link carries in a second.
const SECOND: usize = 25_000;

/// The bytes of each frame.
fn frames(names: &[&'static str], (width, height): (u16, u16)) -> Vec<(&'static str, Vec<u8>)> {
    let link = Link::default();
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(QuietBackend::new(link.clone()), options).unwrap();
    let look = Appearance::new(Theme::terminal(), Glyphs::new(true));
    let mut sent = Vec::new();
    for name in names {
        let state = fixtures::named(name).expect("a state of that name");
        terminal.draw(|frame| screen::draw(&state, &look, frame)).unwrap();
        sent.push((*name, std::mem::take(&mut *link.0.borrow_mut())));
    }
    sent
}

fn terminal((width, height): (u16, u16)) -> vt100::Parser {
    let size = |length| NonZeroU16::new(length).expect("no terminal is empty");
    vt100::Parser::new(size(height), size(width), 0)
}

/// Each cell in turn: its text and how it looks.
fn cells(screen: &vt100::Screen, (width, height): (u16, u16)) -> Vec<vt100::Cell> {
    let at = |row, col| screen.cell(row, col).cloned().expect("within the screen");
    (0..height).flat_map(|row| (0..width).map(move |col| (row, col))).map(|(row, col)| at(row, col)).collect()
}

/// Wherever a frame is cut, each cell of the screen is of the frame before it or of itself.
fn assert_nothing_in_between(frames: &[(&str, Vec<u8>)], size: (u16, u16)) {
    let (mut slow, mut fast) = (terminal(size), terminal(size));
    for (name, frame) in frames {
        println!("{name} at {size:?}: {} bytes", frame.len());
        assert!(frame.len() <= SECOND, "{name}: {} bytes are more than a second's", frame.len());
        let before = cells(slow.screen(), size);
        fast.process(frame);
        let after = cells(fast.screen(), size);
        for part in frame.chunks(LOOK) {
            slow.process(part);
            for (at, cell) in cells(slow.screen(), size).iter().enumerate() {
                let (x, y) = (at % usize::from(size.0), at / usize::from(size.0));
                assert!(*cell == before[at] || *cell == after[at], "{name}: {cell:?} was in between at {x},{y}");
            }
        }
        assert!(cells(slow.screen(), size) == after, "{name}: it is the same in the end");
    }
}

#[test]
fn a_frame_that_arrives_slowly_never_flickers() {
    let views = [
        "healthy",
        "just_notified",
        "critical",
        "log",
        "incidents",
        "history",
        "diagnose",
        "diagnose_fix",
        "columns",
        "healthy",
    ];
    let walls = ["wall_healthy", "wall_critical", "wall_down", "wall_stale"];
    for size in [(80, 24), (160, 48)] {
        assert_nothing_in_between(&frames(&views, size), size);
        assert_nothing_in_between(&frames(&walls, size), size);
    }
}

#[test]
#[should_panic(expected = "was in between")]
fn a_frame_that_wipes_the_screen_first_would_be_noticed() {
    let wiped = format!("\x1b[2J{}\x1b[HHEALTHY", " ".repeat(LOOK));
    assert_nothing_in_between(&[("painted", b"\x1b[HHEALTHY".to_vec()), ("wiped", wiped.into())], (80, 24));
}
