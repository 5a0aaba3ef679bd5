//! What lies under the pointer. Drawing notes for each row and word what a press on it asks for, so that nothing can be
//! pressed that is not drawn, nor where it is not.

use crate::{
    app::{
        action::{Action, Pointer, PointerAct},
        state::State,
    },
    frame::render_scene,
    scene::{Appearance, Scene},
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

/// What the pointer asks for on a screen of `area`, if anything.
pub fn action(state: &State, look: &Appearance, area: Rect, pointer: Pointer) -> Option<Action> {
    match pointer.act {
        PointerAct::WheelUp => return Some(Action::Up),
        PointerAct::WheelDown => return Some(Action::Down),
        PointerAct::Press => {}
    }
    let scene = Scene::new(state, look);
    render_scene(&scene, area, &mut Buffer::empty(area));
    let at = Position::new(pointer.column, pointer.row);
    // What was drawn last lies on top.
    let noted = scene.pressed.borrow();
    let hit = noted.iter().rev().find(|(place, _)| place.contains(at));
    hit.and_then(|(_, action)| *action)
}
