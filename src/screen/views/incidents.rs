//! Placeholder.

use crate::screen::{
    Scene,
    panes::{titled, waiting},
};
use ratatui::{buffer::Buffer, layout::Rect};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let inner = titled(scene, area, buf, "INCIDENTS", "");
    waiting(scene, inner, buf);
}
