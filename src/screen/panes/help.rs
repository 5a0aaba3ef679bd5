//! All keys, read back from the key map.

use super::{Scene, put};
use crate::screen::keys;
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Flex, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Clear, Padding, Widget},
};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let keys: Vec<String> = keys::BINDINGS
        .iter()
        .map(|binding| binding.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", "))
        .collect();
    let keys_width = keys.iter().map(String::len).max().unwrap_or_default();
    let help_width = keys::BINDINGS.iter().map(|binding| binding.help.len()).max().unwrap_or_default();
    let lines = keys.iter().zip(keys::BINDINGS).map(|(keys, binding)| {
        let keys = Span::styled(format!("{keys:<keys_width$}  "), scene.theme.accent);
        Line::from(vec![keys, Span::raw(binding.help)])
    });
    let width = super::to_u16(keys_width + help_width + 6);
    let height = super::to_u16(keys::BINDINGS.len() + 2);
    let inner = popup(scene, "KEYS", width, height, area, buf);
    for (row, line) in (0..).zip(lines) {
        put(buf, inner, row, &line);
    }
}

/// Clears a place in the middle of `area`, draws its border, and gives its inside.
pub fn popup(scene: &Scene, title: &str, width: u16, height: u16, area: Rect, buf: &mut Buffer) -> Rect {
    let [place] = Layout::horizontal([Constraint::Max(width)]).flex(Flex::Center).areas(area);
    let [place] = Layout::vertical([Constraint::Max(height)]).flex(Flex::Center).areas(place);
    // Where it would not fit inside, the border gives way to the text.
    let block = if place.height >= 8 && place.width >= 30 {
        Block::bordered().border_set(scene.glyphs.border).padding(Padding::horizontal(1))
    } else {
        Block::new()
    };
    let title = Line::styled(format!(" {title} "), scene.theme.accent);
    let block = block.title(title).border_style(scene.theme.muted).style(scene.theme.base);
    Clear.render(place, buf);
    let inner = block.inner(place);
    block.render(place, buf);
    inner
}
