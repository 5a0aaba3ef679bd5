//! Parts stacked on top of each other, scrolled if they are higher than the screen.

use crate::scene::Scene;
use ratatui::{buffer::Buffer, layout::Rect};

/// Draws one part into its own area.
type Draw<'a> = Box<dyn Fn(Rect, &mut Buffer) + 'a>;

/// Parts of fixed height.
#[derive(Default)]
pub struct Sheet<'a> {
    parts: Vec<(u16, Draw<'a>)>,
}

impl<'a> Sheet<'a> {
    /// Adds a part of `height` rows.
    pub fn add(&mut self, height: u16, draw: impl Fn(Rect, &mut Buffer) + 'a) {
        self.parts.push((height, Box::new(draw)));
    }

    /// Adds an empty row.
    pub fn gap(&mut self) {
        self.add(1, |_, _| {});
    }

    /// Rows of all parts.
    pub fn height(&self) -> u16 {
        self.parts.iter().fold(0, |sum, (height, _)| sum.saturating_add(*height))
    }

    /// How far it can be scrolled on `rows` rows.
    pub fn limit(&self, rows: u16) -> u16 {
        self.height().saturating_sub(rows)
    }

    /// Draws what of it is in sight, `scroll` rows down.
    pub fn draw(&self, scene: &Scene, scroll: u16, area: Rect, buf: &mut Buffer) {
        let scroll = scroll.min(self.limit(area.height));
        let (first, end) = (scroll, scroll.saturating_add(area.height));
        let mut top = 0_u16;
        for (height, draw) in &self.parts {
            let bottom = top.saturating_add(*height);
            if bottom > first && top < end {
                let own = Rect::new(0, 0, area.width, *height);
                // A part that is cut draws as if it were not.
                let mut whole = Buffer::empty(own);
                whole.set_style(own, scene.theme.base);
                draw(own, &mut whole);
                for y in top.max(first)..bottom.min(end) {
                    for x in 0..area.width {
                        buf[(area.x + x, area.y + y - first)] = whole[(x, y - top)].clone();
                    }
                }
            }
            top = bottom;
        }
    }
}
