//! Charts over the slices of a window. All charts of a screen share their columns, so that one time is one column.

use crate::{
    scene::Scene,
    widgets::{put, to_u16, width_of},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::slices::Slices;

/// Columns of the scale at the left.
pub const SCALE: u16 = 9;
/// Least columns of a slice from which on its bars are separate.
const APART: u16 = 4;

/// The place of each slice.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    slices: Slices,
    /// First column of the charts.
    left: u16,
    /// Their columns.
    width: u16,
    /// The oldest slice that is shown: on a narrow screen the newest ones count.
    first: usize,
    count: usize,
}

impl Timeline {
    /// Lays the slices out over the columns of an area that is `width` columns wide and begins with the scale.
    pub fn new(slices: Slices, width: u16) -> Self {
        let plot = width.saturating_sub(SCALE);
        let count = slices.len().min(usize::from(plot));
        Self { slices, left: width - plot, width: plot, first: slices.len() - count, count }
    }

    /// Index and columns of every slice that is shown, the oldest first.
    pub fn columns(self) -> impl Iterator<Item = (usize, u16, u16)> {
        let edge = move |place: usize| {
            let share = usize::from(self.width) * place / self.count.max(1);
            self.left.saturating_add(to_u16(share))
        };
        (0..self.count).map(move |place| (self.first + place, edge(place), edge(place + 1)))
    }

    /// Columns that the bar of a slice takes.
    fn bar(from: u16, to: u16) -> std::ops::Range<u16> {
        from..if to - from >= APART { to - 1 } else { to }
    }

    /// Times under some of the slices: where they begin.
    pub fn axis(self, scene: &Scene, area: Rect, buf: &mut Buffer) {
        let long = self.slices.until - self.slices.since > chrono::TimeDelta::hours(36);
        let format = match (long, self.slices.step >= 86_400) {
            (_, true) => "%m-%d",
            (true, false) => "%m-%d %H:%M",
            (false, false) => "%H:%M",
        };
        let label = |index: usize| format!("{}{}", scene.glyphs.tick, self.slices.get(index).0.format(format));
        let mut free = 0;
        for (index, from, _) in self.columns() {
            // The first slice begins wherever the window does.
            if index == 0 && self.slices.len() > 1 {
                continue;
            }
            let line = Line::styled(label(index), scene.theme.muted);
            let width = width_of(&line);
            if from >= free && from.saturating_add(width) <= area.width {
                put(buf, Rect { x: area.x + from, width, ..area }, 0, &line);
                free = from.saturating_add(width).saturating_add(2);
            }
        }
    }

    /// Bars from the foot of `area`; `share` is how much of the height a slice takes, from 0 to 1, and `None` if it has
    /// no value.
    pub fn bars(self, scene: &Scene, area: Rect, buf: &mut Buffer, share: impl Fn(usize) -> Option<(f64, Style)>) {
        for (index, from, to) in self.columns() {
            let Some((share, style)) = share(index) else { continue };
            let height = eighths_of(share, area.height);
            for row in 0..area.height {
                let level = height.saturating_sub(row * 8).min(8);
                for x in Self::bar(from, to) {
                    if level > 0 && x < area.width {
                        let cell = &mut buf[(area.x + x, area.bottom() - 1 - row)];
                        cell.set_symbol(scene.glyphs.eighths(level)).set_style(style);
                    }
                }
            }
        }
    }

    /// A mark across a slice's columns, as high as a bar of `share` would be; nothing if a bar ends there, which would
    /// be hidden.
    pub fn mark(self, index: usize, share: f64, symbol: &str, style: Style, area: Rect, buf: &mut Buffer) {
        let Some((_, from, to)) = self.columns().find(|(at, ..)| *at == index) else { return };
        let row = eighths_of(share, area.height).saturating_sub(1) / 8;
        for x in Self::bar(from, to).filter(|x| *x < area.width) {
            buf[(area.x + x, area.bottom() - 1 - row)].set_symbol(symbol).set_style(style);
        }
    }

    /// Words under the slices, given how many columns they may take: one if slices are not separate.
    pub fn words<'a>(self, area: Rect, buf: &mut Buffer, word: impl Fn(usize, u16) -> Option<Span<'a>>) {
        for (index, from, to) in self.columns() {
            let width = if to - from >= APART { to - from - 1 } else { 1 };
            if let Some(word) = word(index, width) {
                let place = Rect { x: area.x + from, width, ..area };
                put(buf, place, 0, &Line::from(word));
            }
        }
    }
}

/// Eighths of rows that a share of `rows` rows takes; what is there is never nothing.
pub fn eighths_of(share: f64, rows: u16) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and eight heights")]
    let eighths = (share.clamp(0.0, 1.0) * f64::from(rows) * 8.0).round() as u16;
    eighths.max(1)
}

/// A label beside a chart, at the right end of the scale.
pub fn label(scene: &Scene, text: &str, row: u16, area: Rect, buf: &mut Buffer) {
    let text = scene.clean(text, SCALE - 1);
    let width = usize::from(SCALE - 1);
    put(
        buf,
        Rect { width: SCALE.min(area.width), ..area },
        row,
        &Line::styled(format!("{text:>width$}"), scene.theme.muted),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixtures;
    use std::time::Duration;

    #[test]
    fn the_slices_fill_the_columns_and_the_newest_ones_stay() {
        let until = fixtures::server_time();
        let slices = Slices { since: until - Duration::from_hours(24), until, step: 3_600 };
        for width in [9, 12, 38, 78, 118, 298] {
            let columns: Vec<_> = Timeline::new(slices, width).columns().collect();
            assert_eq!(columns.len(), slices.len().min(usize::from(width - 9)));
            assert!(columns.first().is_none_or(|(_, from, _)| *from == 9));
            assert!(columns.last().is_none_or(|(index, _, to)| (*index, *to) == (24, width)));
            assert!(columns.windows(2).all(|pair| pair[0].2 == pair[1].1));
            assert!(columns.iter().all(|(_, from, to)| from < to));
        }
    }

    #[test]
    fn what_is_there_is_never_nothing() {
        assert_eq!([eighths_of(0.0, 4), eighths_of(0.5, 4), eighths_of(1.0, 4), eighths_of(9.0, 1)], [1, 16, 32, 8]);
    }
}
