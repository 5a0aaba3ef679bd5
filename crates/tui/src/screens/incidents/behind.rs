//! What is known of the selected incident.

use super::draw::{NARROW, TIGHT, limit, mark};
use crate::{
    app::action::Action,
    scene::Scene,
    widgets::{draw_title, moment, put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    address::ViewId,
    age,
    incident::{shared::Shared, stale_label},
};

/// Columns of the labels.
const LABEL: u16 = 11;
/// Views that are named in a sentence.
const NAMED: usize = 5;
/// Views that have a line each.
const LISTED: usize = 20;
/// Sessions in the way that are shown.
const BLOCKERS: usize = 5;
/// Lines of one text that are shown.
const MOST_LINES: u16 = 60;

/// What is known of one incident.
pub fn render(scene: &Scene, incident: &Shared, (place, of): (usize, usize), area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    if area.height < TIGHT && area.width < NARROW {
        return draw_lines(scene, incident, area, buf);
    }
    let (glyph, word, style) = mark(scene, incident);
    let title = vec![Span::styled(format!("{glyph} {word}"), style)];
    let area = draw_title(scene, area, buf, title, &format!("{place} of {of}"));
    draw_lines(scene, incident, area, buf);
}

fn draw_lines(scene: &Scene, incident: &Shared, area: Rect, buf: &mut Buffer) {
    for (row, line) in (0..area.height).zip(lines(scene, incident, area.width)) {
        put(buf, area, row, &line);
    }
}

fn lines(scene: &Scene, incident: &Shared, width: u16) -> Vec<Line<'static>> {
    let mut sheet = Sheet { scene, width, lines: Vec::new() };
    let (value, critical) = (scene.theme.value, scene.theme.critical);
    let lasted = age::label(incident.lasted());
    if let Some((_, first)) = incident.first() {
        let code = first.sqlstate.as_deref().map(|code| format!("{} ", scene.clean(code, 5))).unwrap_or_default();
        let message = first.message.as_deref().unwrap_or("without a message");
        sheet.text("first error", &format!("{code}{message}"), critical);
    } else {
        sheet.text("no error", "no attempt was made: the job did not run", critical);
    }
    for (index, blocker) in incident.blockers().into_iter().take(BLOCKERS).enumerate() {
        sheet.text(if index == 0 { "in the way" } else { "" }, &blocker.sentence(), value);
    }
    if scene.state.is_about_all() {
        sheet.views(incident);
    } else {
        let with_it = scene.state.screens.incidents.with_it(incident, &scene.state.context());
        if !with_it.is_empty() {
            sheet.text("same cause", &named(&with_it), value);
        }
    }
    match incident.ended() {
        None if scene.is_old() => {
            sheet.text("went on", &format!("for {lasted}, if nothing has succeeded since"), value);
        }
        None => sheet.text("open", &format!("for {lasted}, nothing has succeeded since"), critical),
        Some(recovery) => {
            let text = format!("{} at {}", recovery.sentence(), moment(scene, recovery.at));
            sheet.text("ended", &text, value);
            sheet.text("to recover", &lasted, value);
        }
    }
    sheet.text("stale", &stale(scene, incident), value);
    sheet.text("began", &began(scene, incident), value);
    let failures = incident.failures();
    sheet.text("failures", &if failures == 0 { "none".into() } else { failures.to_string() }, value);
    if let Some(open) = scene.keys.binding(Action::Open).and_then(|binding| binding.keys.first())
        && incident.first_run().is_some()
    {
        let hint = format!("{} opens the first failed run, with its black box", open.name());
        sheet.lines.push(Line::default());
        sheet.text("", &hint, scene.theme.muted);
    }
    sheet.lines
}

/// `shop.sales, shop.towns and 4 more`.
fn named(views: &[ViewId]) -> String {
    let more = views.len().saturating_sub(NAMED);
    let names = views.iter().take(NAMED).map(ViewId::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

fn stale(scene: &Scene, incident: &Shared) -> String {
    let limit = if scene.state.is_about_all() { "its limit".to_owned() } else { age::label(limit(scene)) };
    match incident.stale_since() {
        Some(since) => {
            let longest = if incident.views.len() > 1 { " at most" } else { "" };
            format!("for {}{longest}, from {} UTC on", stale_label(incident.stale_for()), moment(scene, since))
        }
        None if incident.is_open() && scene.state.is_about_all() => "not yet: the data is within its limit".into(),
        None if incident.is_open() => format!("not yet: the last success is less than {limit} old"),
        None => format!("never: the next success came within {limit}"),
    }
}

fn began(scene: &Scene, incident: &Shared) -> String {
    let how = match incident.first() {
        Some((_, first)) if first.at <= incident.began() => "with the first failure",
        Some(_) => "when the figures became stale, before the first failure",
        None => "when the figures became stale",
    };
    format!("{} UTC, {how}", moment(scene, incident.began()))
}

struct Sheet<'a> {
    scene: &'a Scene<'a>,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl Sheet<'_> {
    /// Its views, a line each: how it stands with each of them.
    fn views(&mut self, incident: &Shared) {
        let (value, muted) = (self.scene.theme.value, self.scene.theme.muted);
        let longest = incident.views.iter().take(LISTED).map(|(view, _)| Span::raw(view.as_str()).width()).max();
        let name = to_u16(longest.unwrap_or_default()).min(self.width / 2);
        for (index, (view, one)) in incident.views.iter().take(LISTED).enumerate() {
            let shown = self.scene.clean(view.as_str(), name);
            let pad = usize::from(name).saturating_sub(Span::raw(&shown).width());
            let state = match one.ended {
                None if self.scene.is_old() => "was open".to_owned(),
                None => "open".to_owned(),
                Some(recovery) => format!("over at {}", moment(self.scene, recovery.at)),
            };
            let stale = one.stale_since.map(|_| format!(", stale {}", stale_label(one.stale_for))).unwrap_or_default();
            let text = format!("{shown}{}  {state}{stale}, {} failed", " ".repeat(pad), one.failures);
            self.put(if index == 0 { "views" } else { "" }, text, value);
        }
        if let Some(more) = incident.views.len().checked_sub(LISTED).filter(|more| *more > 0) {
            self.put("", format!("and {more} more"), muted);
        }
    }

    /// A line that is fit to be shown.
    fn put(&mut self, label: &'static str, text: String, style: Style) {
        let indent = if self.width < 50 { 0 } else { LABEL + 1 };
        let label = if indent == 0 { "" } else { label };
        let label = format!("{label:<width$}", width = usize::from(indent));
        self.lines.push(Line::from(vec![Span::styled(label, self.scene.theme.muted), Span::styled(text, style)]));
    }

    /// A label and a text from elsewhere, wrapped beside it. In a narrow place the text stands alone if it can.
    fn text(&mut self, label: &'static str, raw: &str, style: Style) {
        let indent = if self.width < 50 { 0 } else { LABEL + 1 };
        let alone = matches!(label, "first error" | "no error" | "in the way" | "");
        let joined = (indent == 0 && !alone).then(|| format!("{label} {raw}"));
        let raw = joined.as_deref().unwrap_or(raw);
        let texts = self.scene.clean_lines(raw, self.width.saturating_sub(indent), MOST_LINES);
        for (row, text) in texts.into_iter().enumerate() {
            let label = if row == 0 && indent > 0 { label } else { "" };
            let label = format!("{label:<width$}", width = usize::from(indent));
            self.lines.push(Line::from(vec![Span::styled(label, self.scene.theme.muted), Span::styled(text, style)]));
        }
    }
}
