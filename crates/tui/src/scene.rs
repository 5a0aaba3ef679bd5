//! What everything on the screen is drawn from.

use crate::{
    app::{action::Action, state::State},
    glyphs::Glyphs,
    keys::KeyMap,
    screens::screen::Screen,
    text,
    theme::Theme,
};
use ratatui::layout::Rect;
use refreshtop_core::health::{Health, Verdict};
use std::cell::RefCell;

/// How the screen looks, and what its keys are.
#[derive(Debug, Clone)]
pub struct Appearance {
    /// Colours.
    pub theme: Theme,
    /// Glyphs that the terminal can show.
    pub glyphs: &'static Glyphs,
    /// Which key asks for what.
    pub keys: KeyMap,
    /// Whether the mouse is used.
    pub mouse: bool,
}

impl Appearance {
    /// This palette and these glyphs, with the default keys.
    pub fn new(theme: Theme, glyphs: &'static Glyphs) -> Self {
        Self { theme, glyphs, keys: KeyMap::default(), mouse: false }
    }
}

/// What every pane draws from.
pub struct Scene<'a> {
    pub state: &'a State,
    pub theme: &'a Theme,
    pub glyphs: &'a Glyphs,
    pub keys: &'a KeyMap,
    /// Judged once per frame.
    pub health: Health,
    /// The action of a press on each place, in the order of drawing; `None` if it does nothing.
    pub pressed: RefCell<Vec<(Rect, Option<Action>)>>,
}

impl<'a> Scene<'a> {
    pub fn new(state: &'a State, appearance: &'a Appearance) -> Self {
        Self {
            state,
            theme: &appearance.theme,
            glyphs: appearance.glyphs,
            keys: &appearance.keys,
            health: match state.screen {
                Screen::Board => state.worst().0,
                Screen::Wall if state.has_many() => state.worst().0,
                Screen::Incidents if state.is_about_all() => state.worst().0,
                _ => state.health(),
            },
            pressed: RefCell::default(),
        }
    }
}

impl Scene<'_> {
    /// Records the action of a press on `place`.
    pub fn note(&self, place: Rect, action: Option<Action>) {
        self.pressed.borrow_mut().push((place, action));
    }

    /// Text from elsewhere as one line of at most `width` columns.
    pub fn clean(&self, raw: &str, width: u16) -> String {
        text::line(raw, usize::from(width), self.glyphs.charset)
    }

    /// Text from elsewhere wrapped to `width` columns and at most `most` lines.
    pub fn clean_lines(&self, raw: &str, width: u16, most: u16) -> Vec<String> {
        text::lines(raw, usize::from(width), usize::from(most), self.glyphs.charset)
    }

    /// Whether what is known may no longer be true: nothing of it may look healthy.
    pub fn is_old(&self) -> bool {
        !self.state.connected() || self.state.database().poll_error.is_some()
    }

    pub fn is_unknown(&self) -> bool {
        self.health.verdict == Verdict::Unknown
    }
}
