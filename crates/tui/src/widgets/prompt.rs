//! The line that is being typed, in place of the hints.

use crate::{
    app::prompt::{Prompt, Purpose},
    scene::Scene,
    widgets::{put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr as _;

pub fn render(scene: &Scene, prompt: &Prompt, area: Rect, buf: &mut Buffer) {
    let (label, style) = match (&prompt.wrong, prompt.purpose) {
        // What was typed stays beside what is wrong with it.
        (Some(wrong), _) => (format!("{}: ", scene.clean(wrong, area.width / 2)), scene.theme.critical),
        (None, Purpose::Search) => ("runs that contain: ".to_owned(), scene.theme.accent),
        (None, Purpose::Filter) => ("views that contain: ".to_owned(), scene.theme.accent),
        (None, Purpose::Interval) => ("interval (cron): ".to_owned(), scene.theme.accent),
    };
    let room = area.width.saturating_sub(to_u16(label.width()) + 1);
    let before: String = prompt.text.chars().take(prompt.cursor).collect();
    let after: String = prompt.text.chars().skip(prompt.cursor).collect();
    // What is typed now stays in sight, however long the line is.
    let (before, after) = (tail(scene, &before, room), scene.clean(&after, room));
    let mut rest = after.chars();
    let at = rest.next().map_or_else(|| " ".to_owned(), |c| c.to_string());
    let line = Line::from(vec![
        Span::styled(label, style),
        Span::styled(before, scene.theme.value),
        Span::styled(at, scene.theme.value.add_modifier(Modifier::REVERSED)),
        Span::styled(rest.collect::<String>(), scene.theme.value),
    ]);
    put(buf, area, 0, &line);
}

/// The end of a text, as much of it as fits.
fn tail(scene: &Scene, text: &str, room: u16) -> String {
    let mut start = text.char_indices().map(|(at, _)| at);
    let mut shown = scene.clean(text, u16::MAX);
    while shown.width() > usize::from(room) {
        let Some(at) = start.next() else { return String::new() };
        shown = scene.clean(text.get(at..).unwrap_or_default(), u16::MAX);
    }
    shown
}
