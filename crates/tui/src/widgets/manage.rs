//! A view that a person wants managed: what was found about it, to be confirmed, and what became of it.

use crate::{
    app::{
        action::Action,
        overlay::{ManageDialog, ManageStep},
    },
    scene::Scene,
    widgets::{
        below,
        help::{popup, popup_inside},
        put, to_u16,
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};
use refreshtop_core::{
    age,
    manage::{Examination, Outcome},
};

/// Lines of one text that are shown.
const MOST_LINES: u16 = 40;

pub fn render(scene: &Scene, dialog: &ManageDialog, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let sheet = Sheet::new(scene, dialog, area);
    let inner = popup(scene, "MANAGE", area.width, sheet.height, area, buf);
    let skipped = dialog.scroll.min(sheet.last);
    for (row, line) in (0..sheet.room).zip(sheet.lines.iter().skip(usize::from(skipped))) {
        put(buf, inner, row, line);
    }
    let bottom = below(inner, sheet.room.min(to_u16(sheet.lines.len())));
    if skipped < sheet.last {
        let text = format!("{} shows the rest", scene.glyphs.arrows);
        return put(buf, bottom, 0, &Line::styled(text, scene.theme.warning));
    }
    for (row, line) in (0..).zip(&sheet.asked) {
        put(buf, bottom, row, line);
    }
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(scene: &Scene, dialog: &ManageDialog, area: Rect) -> u16 {
    Sheet::new(scene, dialog, area).last
}

/// What is drawn, and how much of it there is room for.
struct Sheet {
    lines: Vec<Line<'static>>,
    asked: Vec<Line<'static>>,
    height: u16,
    /// Rows for the lines.
    room: u16,
    last: u16,
}

impl Sheet {
    fn new(scene: &Scene, dialog: &ManageDialog, area: Rect) -> Self {
        let width = area.width.saturating_sub(4);
        let wrapped = |(text, style): (String, Style)| -> Vec<Line<'static>> {
            let lines = scene.clean_lines(&text, width, MOST_LINES);
            lines.into_iter().map(|line| Line::styled(line, style)).collect()
        };
        let lines: Vec<Line> = texts(scene, dialog).into_iter().flat_map(wrapped).collect();
        let asked = wrapped(question(scene, dialog));
        let height = to_u16(lines.len() + asked.len()).saturating_add(2);
        let room = popup_inside(area.width, height, area).height.saturating_sub(to_u16(asked.len()));
        let last = to_u16(lines.len()).saturating_sub(room);
        Self { lines, asked, height, room, last }
    }
}

fn texts(scene: &Scene, dialog: &ManageDialog) -> Vec<(String, Style)> {
    let theme = scene.theme;
    let mut texts = vec![(dialog.name.clone(), theme.title)];
    match &dialog.step {
        ManageStep::Examining => {
            texts.push((format!("is being examined{}", scene.glyphs.charset.ellipsis), theme.muted));
        }
        ManageStep::NotExamined(why) => {
            texts.push((format!("{} can't be examined: {why}", scene.glyphs.failed), theme.critical));
        }
        ManageStep::Examined(found) => texts.extend(found_texts(scene, found)),
        ManageStep::Managing { since, cancelling } => {
            let passed = age::label(scene.state.now.saturating_duration_since(*since));
            let what = if *cancelling { "cancelling its first refresh" } else { "being refreshed for the first time" };
            texts.push((format!("{} {what}, {passed}", scene.glyphs.running), theme.accent));
        }
        ManageStep::Ended(ended) => texts.push(outcome(scene, ended)),
    }
    texts
}

fn found_texts(scene: &Scene, found: &Examination) -> Vec<(String, Style)> {
    let (theme, glyphs) = (scene.theme, scene.glyphs);
    let mut texts = vec![(format!("owner {}", found.view.owner), theme.muted)];
    if found.obstacles.is_empty() {
        texts.push((format!("{} can be managed", glyphs.ok), theme.healthy));
    }
    for obstacle in &found.obstacles {
        texts.push((format!("{} can't be managed: {}", glyphs.failed, obstacle.problem), theme.critical));
        texts.push((obstacle.fix.clone(), theme.value));
    }
    texts.extend(found.proposal.iter().map(|proposal| (format!("proposal: {proposal}"), theme.value)));
    texts.extend(found.notes.iter().map(|note| (format!("{} {note}", glyphs.dot), theme.value)));
    texts
}

fn outcome(scene: &Scene, ended: &Result<Outcome, String>) -> (String, Style) {
    let (theme, glyphs) = (scene.theme, scene.glyphs);
    match ended {
        Ok(Outcome::Managed { duration_ms, concurrently, search_path }) => {
            let how = if *concurrently { "concurrently" } else { "plainly" };
            let path = search_path.as_ref().map(|path| format!(", with search path {path}")).unwrap_or_default();
            let took = age::duration_ms(*duration_ms);
            (format!("{} managed, and refreshed {how} in {took}{path}", glyphs.ok), theme.healthy)
        }
        Ok(Outcome::Already) => (format!("{} it is managed already", glyphs.ok), theme.healthy),
        Ok(Outcome::Possible) => (format!("{} it can be managed", glyphs.ok), theme.healthy),
        Ok(Outcome::Refused { reason }) | Err(reason) => {
            (format!("{} not managed: {reason}", glyphs.failed), theme.critical)
        }
    }
}

/// What `Enter` does next.
fn question(scene: &Scene, dialog: &ManageDialog) -> (String, Style) {
    let key = |action| scene.keys.first(action);
    let (open, close) = (key(Action::Open), key(Action::Close));
    match &dialog.step {
        ManageStep::Examined(found) if found.obstacles.is_empty() => {
            (format!("{open} manages it, and refreshes it once, as its owner. {close} leaves it."), scene.theme.warning)
        }
        ManageStep::Managing { .. } => {
            (format!("{} cancels it, {close} closes this.", key(Action::Cancel)), scene.theme.muted)
        }
        _ => (format!("{close} closes this."), scene.theme.muted),
    }
}
