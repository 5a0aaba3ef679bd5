//! All keys, read back from the key map.

use super::{Scene, put, to_u16};
use crate::screen::keys::{self, Binding};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Flex, Layout, Rect},
    style::Modifier,
    text::{Line, Span},
    widgets::{Block, Clear, Padding, Widget},
};
use unicode_width::UnicodeWidthStr as _;

/// Rows and columns that the border takes, with a blank beside it.
const FRAME: (u16, u16) = (4, 2);

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let sentences = entries(|binding| binding.help);
    let rows = to_u16(sentences.len());
    if area.height >= rows + FRAME.1 {
        let width = widest(&sentences) + FRAME.0;
        let inner = popup(scene, "KEYS", width, rows + FRAME.1, area, buf);
        draw(scene, &sentences, inner, buf);
        return;
    }
    // In a low area one word for each must do, in two columns.
    let words = entries(|binding| binding.word);
    let (left, right) = words.split_at(words.len().div_ceil(2));
    let inner = popup(scene, "KEYS", area.width, to_u16(left.len()) + FRAME.1, area, buf);
    let columns: [Rect; 2] =
        Layout::horizontal([Constraint::Length(widest(left) - 1), Constraint::Fill(1)]).spacing(1).areas(inner);
    draw(scene, left, columns[0], buf);
    draw(scene, right, columns[1], buf);
}

type Entry = (String, &'static str);

fn entries(said: fn(&Binding) -> &'static str) -> Vec<Entry> {
    let names = |binding: &Binding| binding.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ");
    keys::BINDINGS.iter().map(|binding| (names(binding), said(binding))).collect()
}

fn key_width(entries: &[Entry]) -> usize {
    entries.iter().map(|(keys, _)| keys.len()).max().unwrap_or_default()
}

fn widest(entries: &[Entry]) -> u16 {
    let said = entries.iter().map(|(_, said)| said.len()).max().unwrap_or_default();
    to_u16(key_width(entries) + 2 + said)
}

fn draw(scene: &Scene, entries: &[Entry], area: Rect, buf: &mut Buffer) {
    let gap = if area.width >= widest(entries) { 2 } else { 1 };
    let width = key_width(entries) + gap;
    for (row, (keys, said)) in (0..).zip(entries) {
        let keys = Span::styled(format!("{keys:<width$}"), scene.theme.accent);
        put(buf, area, row, &Line::from(vec![keys, Span::raw(*said)]));
    }
}

/// Clears a place in the middle of `area`, draws its border, and gives its inside.
pub fn popup(scene: &Scene, title: &str, width: u16, height: u16, area: Rect, buf: &mut Buffer) -> Rect {
    let place = popup_place(width, height, area);
    // The border under the title is muted, which the title must not become.
    let title = Line::styled(format!(" {title} "), scene.theme.accent.remove_modifier(Modifier::DIM));
    let block = block(place).border_set(scene.glyphs.border).border_style(scene.theme.muted);
    cut_in_two(place, buf);
    Clear.render(place, buf);
    block.title(title).style(scene.theme.base).render(place, buf);
    popup_inside(width, height, area)
}

/// Blanks the wide characters that `place` leaves only the left half of: a terminal would draw them over its border.
fn cut_in_two(place: Rect, buf: &mut Buffer) {
    let Some(x) = place.x.checked_sub(1).filter(|x| *x >= buf.area.x) else { return };
    for y in place.top()..place.bottom() {
        // The first column may lie further left, for characters that are wider still.
        for x in (buf.area.x..=x).rev() {
            let width = to_u16(buf[(x, y)].symbol().width());
            if width > 1 && x + width > place.x {
                buf[(x, y)].set_symbol(" ");
            }
            if buf[(x, y)].symbol() != " " {
                break;
            }
        }
    }
}

/// The inside of such a place.
pub fn popup_inside(width: u16, height: u16, area: Rect) -> Rect {
    let place = popup_place(width, height, area);
    block(place).inner(place)
}

fn popup_place(width: u16, height: u16, area: Rect) -> Rect {
    let [place] = Layout::horizontal([Constraint::Max(width)]).flex(Flex::Center).areas(area);
    let [place] = Layout::vertical([Constraint::Max(height)]).flex(Flex::Center).areas(place);
    place
}

/// In a low place only the title's row is kept: text needs the room more than a border does.
fn block(place: Rect) -> Block<'static> {
    if place.height >= 12 {
        Block::bordered().padding(Padding::horizontal(1))
    } else {
        Block::new().borders(ratatui::widgets::Borders::TOP)
    }
}
