//! Incidents: what they come to in all, each with its cause, the open one in front, and what is known of the selected one.

use crate::{
    app::action::{Action, Pointed},
    scene::Scene,
    widgets::{
        being_read, below, draw_title, fitting, labelled, moment, put, read_or_reason, to_u16, verdict::span, width_of,
        window,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
};
use refreshtop_core::{
    address::ViewId,
    age,
    incident::{Incident, Record, Summary, stale_label},
};
use std::time::Duration;

/// Width from which on what is known of the selected one stands beside the list.
const BESIDE: u16 = 130;
/// Width below which words and labels give way.
const NARROW: u16 = 70;
/// Height below which titles do.
const TIGHT: u16 = 10;
/// Columns of the labels of a single incident.
const LABEL: u16 = 11;
/// Views that are named.
const NAMED: usize = 5;
/// Lines of one text that are shown.
const MOST_LINES: u16 = 60;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let view = &scene.state.screens.incidents;
    let reading = view.answer.reading.as_ref();
    let note = view.answer.get().map(|record| note(scene, record)).unwrap_or_default();
    let area = draw_title(scene, area, buf, vec![Span::styled("INCIDENTS", scene.theme.title)], &note);
    let Some(record) = read_or_reason(scene, reading, area, buf) else { return };
    let list = list(scene);
    let summary = record.summary(limit(scene), scene.state.server_now().unwrap_or(record.read_at));
    match summary {
        Some(summary) if !list.is_empty() => draw_record(scene, &summary, &list, area, buf),
        summary => draw_none(scene, summary.is_some(), area, buf),
    }
}

fn shown_window(scene: &Scene) -> String {
    span(scene.state.screens.incidents.answer.window.unwrap_or(scene.state.chosen_window()))
}

fn note(scene: &Scene, record: &Record) -> String {
    let asked = &scene.state.screens.incidents.answer;
    let shown = format!("the last {}", shown_window(scene));
    let cut = if record.cut { ", as far as they are listed" } else { "" };
    if asked.window == Some(scene.state.chosen_window()) {
        return format!("{shown}{cut}");
    }
    format!("{shown}{cut}, {}", being_read(scene, &span(scene.state.chosen_window())))
}

/// Nothing happened, or nothing is known.
fn draw_none(scene: &Scene, known: bool, area: Rect, buf: &mut Buffer) {
    let window = shown_window(scene);
    let limit = age::label(limit(scene));
    let (mark, style, text) = if known {
        let text = format!(
            "no incident in the last {window}: every attempt succeeded, and the figures were never older than {limit}"
        );
        (scene.glyphs.ok, scene.theme.healthy, text)
    } else {
        let text = format!(
            "no attempt is on record, neither in the last {window} nor before: so it is not known whether there was an incident"
        );
        (scene.glyphs.unknown, scene.theme.unknown, text)
    };
    for (row, text) in (0..).zip(scene.clean_lines(&text, area.width.saturating_sub(2), area.height)) {
        let mark = if row == 0 { mark } else { " " };
        put(buf, area, row, &Line::from(vec![Span::styled(mark, style), " ".into(), text.into()]));
    }
}

/// How old data may be.
fn limit(scene: &Scene) -> Duration {
    scene.state.limits().max_age.value
}

fn list(scene: &Scene) -> Vec<Incident> {
    scene.state.screens.incidents.list(scene.state.server_now(), limit(scene))
}

/// Incidents of the list that are in sight; none if there is no list.
pub fn rows(scene: &Scene, area: Rect) -> u16 {
    let listed = list(scene).len();
    let list = parts(below(area, 1), listed).1;
    let headings = u16::from(list.width >= NARROW);
    if listed == 0 { 0 } else { list.height.saturating_sub(headings) }
}

/// Places for the summary, the list, and what is known of one incident.
fn parts(area: Rect, listed: usize) -> (Rect, Rect, Rect) {
    let (roomy, tight) = (area.height >= 18, area.height < TIGHT);
    let [head, _, rest] = Layout::vertical([
        Constraint::Length(if area.width < NARROW && !tight { 2 } else { 1 }),
        Constraint::Length(u16::from(roomy)),
        Constraint::Fill(1),
    ])
    .areas(area);
    if area.width >= BESIDE {
        let [rows, behind] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Percentage(45)]).spacing(3).areas(rest);
        return (head, rows, behind);
    }
    // The list takes what it needs, and leaves what is known of one incident at least half.
    let headings = u16::from(area.width >= NARROW);
    let wanted = to_u16(listed)
        .saturating_add(headings)
        .min(if roomy { rest.height / 2 } else { rest.height / 3 })
        .max(1 + headings);
    let [rows, _, behind] =
        Layout::vertical([Constraint::Length(wanted), Constraint::Length(u16::from(roomy)), Constraint::Fill(1)])
            .areas(rest);
    (head, rows, behind)
}

fn draw_record(scene: &Scene, summary: &Summary, list: &[Incident], area: Rect, buf: &mut Buffer) {
    let (head, rows, behind) = parts(area, list.len());
    draw_summary(scene, summary, head, buf);
    let selected = scene.state.screens.incidents.index(list).unwrap_or_default();
    draw_list(scene, list, selected, rows, buf);
    if let Some(incident) = list.get(selected) {
        draw_behind(scene, incident, (selected + 1, list.len()), behind, buf);
    }
}

/// What it comes to in all; what matters least goes first if there is no room.
fn draw_summary(scene: &Scene, summary: &Summary, area: Rect, buf: &mut Buffer) {
    let (theme, dot) = (scene.theme, scene.glyphs.dot);
    let count = match summary.count {
        1 => "1 incident".into(),
        n => format!("{n} incidents"),
    };
    let recovery = summary.mean_recovery.zip(summary.longest_recovery).map(|(mean, longest)| {
        let text = format!("mean {} {dot} longest {}", age::label(mean), age::label(longest));
        labelled(scene, "recovery", text, theme.value)
    });
    let fresh = labelled(scene, "fresh", format!("{} of the time", per_cent(summary.fresh)), theme.value);
    let stale = labelled(scene, "stale", format!("{} in all", stale_label(summary.stale)), theme.value);
    let count = vec![Span::styled(count, theme.title)];
    if area.height >= 2 {
        put(buf, area, 0, &fitting(vec![count, fresh], "   ", area.width));
        let second = [stale].into_iter().chain(recovery).collect();
        put(buf, area, 1, &fitting(second, "   ", area.width));
    } else if area.width < NARROW {
        put(buf, area, 0, &fitting(vec![count, fresh], "  ", area.width));
    } else {
        let parts = [count, stale, fresh].into_iter().chain(recovery).collect();
        put(buf, area, 0, &fitting(parts, "   ", area.width));
    }
}

/// Rounded down: what was ever stale is never shown as fresh throughout.
fn per_cent(share: f64) -> String {
    format!("{:.1} %", (share * 10.0).floor() / 10.0)
}

/// The mark, the word and their style: the open one stands out by all three.
fn mark(scene: &Scene, incident: &Incident) -> (&'static str, &'static str, Style) {
    match (incident.is_open(), scene.is_old()) {
        (true, true) => (scene.glyphs.unknown, "WAS OPEN", scene.theme.unknown),
        (true, false) => (scene.glyphs.failed, "OPEN", scene.theme.critical.add_modifier(Modifier::REVERSED)),
        (false, _) => (scene.glyphs.ok, "over", scene.theme.muted),
    }
}

/// What stands in which column.
const HEADINGS: &str = "           began         lasted    stale  failed  cause";

fn draw_list(scene: &Scene, list: &[Incident], selected: usize, area: Rect, buf: &mut Buffer) {
    let area = if area.width < NARROW {
        area
    } else {
        put(buf, area, 0, &Line::styled(HEADINGS, scene.theme.muted));
        below(area, 1)
    };
    for (row, index) in (0..).zip(window(selected, list.len(), area.height)) {
        let place = Rect { y: area.y + row, height: 1, ..area };
        let line = row_of(scene, &list[index], index == selected, area.width);
        put(buf, area, row, &line);
        scene.note(place, Some(Action::Select(Pointed::Screen, index)));
        if index == selected {
            buf.set_style(place, scene.theme.selected);
        }
    }
}

fn row_of(scene: &Scene, incident: &Incident, selected: bool, width: u16) -> Line<'static> {
    let theme = scene.theme;
    let (glyph, word, style) = mark(scene, incident);
    let narrow = width < NARROW;
    let word = match (narrow, incident.is_open()) {
        (true, false) => String::new(),
        (true, true) => format!(" {word}"),
        (false, _) => format!(" {word:<4}"),
    };
    let (began, lasted) = (moment(scene, incident.began), age::label(incident.lasted));
    let times = if narrow { format!(" {began} {lasted}") } else { format!("  {began:<11}  {lasted:>7}") };
    let mut spans = vec![
        Span::styled(if selected { scene.glyphs.selected } else { " " }, theme.accent),
        Span::raw(" "),
        Span::styled(format!("{glyph}{word}"), style),
        Span::raw(times),
    ];
    if !narrow {
        let aged = incident.stale_since.map(|_| stale_label(incident.stale_for));
        let aged = aged.unwrap_or_else(|| scene.glyphs.none.into());
        spans.push(Span::raw(format!("  {aged:>7}  {:>6}", incident.failures)));
    }
    spans.push(if narrow { " " } else { "  " }.into());
    let mut line = Line::from(spans);
    let left = width.saturating_sub(width_of(&line));
    line.push_span(Span::raw(scene.clean(&incident.cause(), left)));
    line
}

/// What is known of one incident.
fn draw_behind(scene: &Scene, incident: &Incident, (place, of): (usize, usize), area: Rect, buf: &mut Buffer) {
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

fn draw_lines(scene: &Scene, incident: &Incident, area: Rect, buf: &mut Buffer) {
    for (row, line) in (0..area.height).zip(lines(scene, incident, area.width)) {
        put(buf, area, row, &line);
    }
}

fn lines(scene: &Scene, incident: &Incident, width: u16) -> Vec<Line<'static>> {
    let mut sheet = Sheet { scene, width, lines: Vec::new() };
    let (value, critical) = (scene.theme.value, scene.theme.critical);
    let lasted = age::label(incident.lasted);
    if let Some(first) = &incident.first {
        let code = first.sqlstate.as_deref().map(|code| format!("{} ", scene.clean(code, 5))).unwrap_or_default();
        let message = first.message.as_deref().unwrap_or("without a message");
        sheet.text("first error", &format!("{code}{message}"), critical);
    } else {
        sheet.text("no error", "no attempt was made: the job did not run", critical);
    }
    for (index, blocker) in incident.blockers.iter().enumerate() {
        sheet.text(if index == 0 { "in the way" } else { "" }, &blocker.sentence(), value);
    }
    let with_it = scene.state.screens.incidents.with_it(incident, &scene.state.context());
    if !with_it.is_empty() {
        sheet.text("same cause", &named(&with_it), value);
    }
    match incident.ended {
        None if scene.is_old() => {
            sheet.text("went on", &format!("for {lasted}, if nothing has succeeded since"), value);
        }
        None => sheet.text("open", &format!("for {lasted}, nothing has succeeded since"), critical),
        Some(recovery) => {
            let text = format!("{} at {}", incident.ending(), moment(scene, recovery.at));
            sheet.text("ended", &text, value);
            sheet.text("to recover", &lasted, value);
        }
    }
    sheet.text("stale", &stale(scene, incident), value);
    sheet.text("began", &began(scene, incident), value);
    let failures = incident.failures;
    sheet.text("failures", &if failures == 0 { "none".into() } else { failures.to_string() }, value);
    if let Some(open) = scene.keys.binding(Action::Open).and_then(|binding| binding.keys.first())
        && incident.first.as_ref().is_some_and(|first| first.id.is_some())
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

fn stale(scene: &Scene, incident: &Incident) -> String {
    match incident.stale_since {
        Some(since) => format!("for {}, from {} UTC on", stale_label(incident.stale_for), moment(scene, since)),
        None if incident.ended.is_none() => {
            format!("not yet: the last success is less than {} old", age::label(limit(scene)))
        }
        None => format!("never: the next success came within {}", age::label(limit(scene))),
    }
}

fn began(scene: &Scene, incident: &Incident) -> String {
    let how = match &incident.first {
        Some(first) if first.at <= incident.began => "with the first failure",
        Some(_) => "when the figures became stale, before the first failure",
        None => "when the figures became stale",
    };
    format!("{} UTC, {how}", moment(scene, incident.began))
}

struct Sheet<'a> {
    scene: &'a Scene<'a>,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl Sheet<'_> {
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
