//! Placeholder.

use crate::screen::{
    Scene,
    panes::{titled, waiting},
};
use ratatui::{buffer::Buffer, layout::Rect};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let inner = titled(scene, area, buf, "METRICS", "");
    waiting(scene, inner, buf);
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(_scene: &Scene, _area: Rect) -> u16 {
    0
}
