//! The wall selects and reads nothing of its own.

use crate::{
    app::action::Action,
    screens::{screen::Screen, state::ScreenState},
};

/// The state of the wall.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wall;

impl ScreenState for Wall {
    fn hints(&self) -> Vec<Action> {
        vec![Action::Screen(Screen::Overview)]
    }
}
