//! All keys, from the key map.

use crate::{
    app::action::Action,
    keys::Binding,
    scene::Scene,
    widgets::{put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Flex, Layout, Rect},
    style::Modifier,
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Padding, Widget},
};
use unicode_width::UnicodeWidthStr as _;

/// Rows and columns that the border takes, with a blank beside it.
const FRAME: (u16, u16) = (4, 2);

pub fn render(scene: &Scene, scroll: u16, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let sheet = sheet(scene, area);
    let rows = sheet.rows();
    let (width, height) = sheet.size(area);
    let inner = popup(scene, "KEYS", width, height, area, buf);
    let columns = Layout::horizontal(sheet.columns.iter().map(|column| Constraint::Length(widest(column))))
        .spacing(GAP)
        .split(inner);
    let last = rows.saturating_sub(inner.height);
    let scroll = scroll.min(last);
    for (column, place) in sheet.columns.iter().zip(columns.iter()) {
        draw(scene, column, scroll, *place, buf);
    }
    if last > 0 {
        let more = format!(" {}-{} of {rows} ", scroll + 1, scroll + inner.height);
        let frame = popup_place(width, height, area);
        let place = Rect { width: frame.width.saturating_sub(2), ..frame };
        crate::widgets::put_right(
            buf,
            place,
            0,
            &Line::styled(more, scene.theme.accent.remove_modifier(Modifier::DIM)),
        );
    }
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(scene: &Scene, area: Rect) -> u16 {
    let sheet = sheet(scene, area);
    let (width, height) = sheet.size(area);
    let inner = popup_inside(width, height, area);
    sheet.rows().saturating_sub(inner.height)
}

/// Columns between two columns.
const GAP: u16 = 3;

/// What is drawn, in columns.
struct Sheet {
    columns: Vec<Vec<Entry>>,
    width: u16,
}

impl Sheet {
    fn new(entries: &[Entry], columns: usize) -> Self {
        let rows = entries.len().div_ceil(columns.max(1)).max(1);
        let columns: Vec<Vec<Entry>> = entries.chunks(rows).map(<[Entry]>::to_vec).collect();
        let gaps = GAP * to_u16(columns.len().saturating_sub(1));
        let width = columns.iter().map(|column| widest(column)).sum::<u16>() + gaps;
        Self { columns, width }
    }

    /// Columns and rows that it takes with its frame; where not all of it fits, everything.
    fn size(&self, area: Rect) -> (u16, u16) {
        let height = self.rows().saturating_add(FRAME.1);
        if height > area.height { (area.width, area.height) } else { (self.width + FRAME.0, height) }
    }

    fn rows(&self) -> u16 {
        self.columns.iter().map(|column| to_u16(column.len())).max().unwrap_or_default()
    }
}

/// Sentences if there is room for them, else a word for each; in as few columns as it takes.
fn sheet(scene: &Scene, area: Rect) -> Sheet {
    let sentences = entries(scene, |binding| binding.help);
    let words = entries(scene, |binding| binding.word);
    let candidates = [
        Sheet::new(&sentences, 1),
        Sheet::new(&sentences, 2),
        Sheet::new(&words, 2),
        Sheet::new(&words, 3),
        Sheet::new(&words, 4),
    ];
    let fits =
        |sheet: &Sheet| sheet.width + FRAME.0 <= area.width && sheet.rows().saturating_add(FRAME.1) <= area.height;
    candidates.into_iter().find(fits).unwrap_or_else(|| {
        let two = Sheet::new(&words, 2);
        if two.width + FRAME.0 <= area.width { two } else { Sheet::new(&words, 1) }
    })
}

type Entry = (String, &'static str);

fn entries(scene: &Scene, description: fn(&Binding) -> &'static str) -> Vec<Entry> {
    let names = |binding: &Binding| binding.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ");
    let bound = scene.keys.bindings().iter().filter(|binding| !binding.keys.is_empty());
    bound.map(|binding| (names(binding), description(binding))).collect()
}

fn key_width(entries: &[Entry]) -> usize {
    entries.iter().map(|(keys, _)| keys.len()).max().unwrap_or_default()
}

fn widest(entries: &[Entry]) -> u16 {
    let description = entries.iter().map(|(_, description)| description.len()).max().unwrap_or_default();
    to_u16(key_width(entries) + 2 + description)
}

fn draw(scene: &Scene, entries: &[Entry], scroll: u16, area: Rect, buf: &mut Buffer) {
    let width = key_width(entries) + 2;
    for (row, (keys, description)) in (0..).zip(entries.iter().skip(usize::from(scroll))) {
        let keys = Span::styled(format!("{keys:<width$}"), scene.theme.accent);
        put(buf, area, row, &Line::from(vec![keys, Span::raw(*description)]));
    }
}

/// Clears a place in the middle of `area`, draws its border, and gives its inside.
pub fn popup(scene: &Scene, title: &str, width: u16, height: u16, area: Rect, buf: &mut Buffer) -> Rect {
    let place = popup_place(width, height, area);
    // The border under the title is muted, which the title must not become.
    let title = Line::styled(format!(" {title} "), scene.theme.accent.remove_modifier(Modifier::DIM));
    let block = block(place, area).border_set(scene.glyphs.border).border_style(scene.theme.muted);
    // A press beside it closes it; a press on it does nothing of what lies below.
    scene.note(area, Some(Action::Close));
    scene.note(place, None);
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
    block(place, area).inner(place)
}

fn popup_place(width: u16, height: u16, area: Rect) -> Rect {
    let [place] = Layout::horizontal([Constraint::Max(width)]).flex(Flex::Center).areas(area);
    let [place] = Layout::vertical([Constraint::Max(height)]).flex(Flex::Center).areas(place);
    place
}

/// In a low place the sides are left out, and if it fills the whole area, everything but the title's row: the text
/// needs the room more than the border does.
fn block(place: Rect, area: Rect) -> Block<'static> {
    if place.height >= 12 {
        Block::bordered().padding(Padding::horizontal(1))
    } else if place.height < area.height {
        Block::new().borders(Borders::TOP | Borders::BOTTOM)
    } else {
        Block::new().borders(Borders::TOP)
    }
}
