//! What is under the pointer. Drawing records the action of a press on each row and word, so only what is drawn can be
//! pressed.

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

/// The pointer's action on a screen of `area`, if there is one.
pub fn action(state: &State, look: &Appearance, area: Rect, pointer: Pointer) -> Option<Action> {
    match pointer.act {
        PointerAct::WheelUp => return Some(Action::Up),
        PointerAct::WheelDown => return Some(Action::Down),
        PointerAct::Press => {}
    }
    let scene = Scene::new(state, look);
    render_scene(&scene, area, &mut Buffer::empty(area));
    let at = Position::new(pointer.column, pointer.row);
    // What was drawn last is on top.
    let noted = scene.pressed.borrow();
    let hit = noted.iter().rev().find(|(place, _)| place.contains(at));
    hit.and_then(|(_, action)| *action)
}
