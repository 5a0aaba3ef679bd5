//! Incidents: what they come to in all, each with its cause, the open one in front, and what is known of the selected one.

use super::behind;
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
    age,
    incident::{
        Summary,
        shared::{Shared, Sums},
        stale_label,
    },
};
use std::time::Duration;

/// Width from which on what is known of the selected one stands beside the list.
const BESIDE: u16 = 130;
/// Width below which words and labels give way.
pub(super) const NARROW: u16 = 70;
/// Height below which titles do.
pub(super) const TIGHT: u16 = 10;
/// The longest name of a view that is shown whole in the list.
const LONGEST: u16 = 24;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let incidents = &scene.state.screens.incidents;
    let title = vec![Span::styled("INCIDENTS", scene.theme.title), Span::styled(whose(scene), scene.theme.muted)];
    let area = draw_title(scene, area, buf, title, &note(scene));
    let summary = if incidents.is_of_all() {
        let Some(_) = read_or_reason(scene, incidents.of_all.reading.as_ref(), area, buf) else { return };
        let list = list(scene);
        let sums = incidents.sums(&list, &scene.state.context());
        (sums.map(|sums| summary_of_all(scene, &sums)), list)
    } else {
        let Some(record) = read_or_reason(scene, incidents.answer.reading.as_ref(), area, buf) else { return };
        let summary = record.summary(limit(scene), scene.state.server_now().unwrap_or(record.read_at));
        (summary.map(|summary| summary_of_one(scene, &summary)), list(scene))
    };
    match summary {
        (Some(summary), list) if !list.is_empty() => draw_record(scene, summary, &list, area, buf),
        (summary, _) => draw_none(scene, summary.is_some(), area, buf),
    }
}

/// Whose they are, where there are several views.
fn whose(scene: &Scene) -> &'static str {
    match (scene.state.is_about_all(), scene.state.has_many()) {
        (true, _) => " of all views",
        (false, true) => " of this view",
        (false, false) => "",
    }
}

fn shown_window(scene: &Scene) -> String {
    let incidents = &scene.state.screens.incidents;
    let read = if incidents.is_of_all() { incidents.of_all.window } else { incidents.answer.window };
    span(read.unwrap_or(scene.state.chosen_window()))
}

fn note(scene: &Scene) -> String {
    let incidents = &scene.state.screens.incidents;
    let (window, cut) = if incidents.is_of_all() {
        let Some(records) = incidents.of_all.get() else { return String::new() };
        (incidents.of_all.window, records.iter().any(|(_, record)| record.cut))
    } else {
        let Some(record) = incidents.answer.get() else { return String::new() };
        (incidents.answer.window, record.cut)
    };
    let shown = format!("the last {}", shown_window(scene));
    let cut = if cut { ", as far as they are listed" } else { "" };
    if window == Some(scene.state.chosen_window()) {
        return format!("{shown}{cut}");
    }
    format!("{shown}{cut}, {}", being_read(scene, &span(scene.state.chosen_window())))
}

/// Nothing happened, or nothing is known.
fn draw_none(scene: &Scene, known: bool, area: Rect, buf: &mut Buffer) {
    let window = shown_window(scene);
    let older = if scene.state.is_about_all() {
        "the data of no view was ever older than its limit".to_owned()
    } else {
        format!("the figures were never older than {}", age::label(limit(scene)))
    };
    let (mark, style, text) = if known {
        let text = format!("no incident in the last {window}: every attempt succeeded, and {older}");
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
pub(super) fn limit(scene: &Scene) -> Duration {
    scene.state.limits().max_age.value
}

fn list(scene: &Scene) -> Vec<Shared> {
    scene.state.screens.incidents.list(&scene.state.context())
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

fn draw_record(scene: &Scene, summary: Vec<Part>, list: &[Shared], area: Rect, buf: &mut Buffer) {
    let (head, rows, behind) = parts(area, list.len());
    draw_summary(scene, summary, head, buf);
    let selected = scene.state.screens.incidents.index(list).unwrap_or_default();
    draw_list(scene, list, selected, rows, buf);
    if let Some(incident) = list.get(selected) {
        behind::render(scene, incident, (selected + 1, list.len()), behind, buf);
    }
}

/// A part of the summary.
type Part = Vec<Span<'static>>;

fn counted(scene: &Scene, count: usize) -> Part {
    let count = match count {
        1 => "1 incident".into(),
        n => format!("{n} incidents"),
    };
    vec![Span::styled(count, scene.theme.title)]
}

fn recovery(scene: &Scene, mean: Option<Duration>, longest: Option<Duration>) -> Option<Part> {
    let (mean, longest) = mean.zip(longest)?;
    let text = format!("mean {} {} longest {}", age::label(mean), scene.glyphs.dot, age::label(longest));
    Some(labelled(scene, "recovery", text, scene.theme.value))
}

/// What the incidents of one view come to in all.
fn summary_of_one(scene: &Scene, summary: &Summary) -> Vec<Part> {
    let fresh = format!("{} of the time", per_cent(summary.fresh));
    let stale = format!("{} in all", stale_label(summary.stale));
    let value = scene.theme.value;
    let parts =
        [counted(scene, summary.count), labelled(scene, "stale", stale, value), labelled(scene, "fresh", fresh, value)];
    parts.into_iter().chain(recovery(scene, summary.mean_recovery, summary.longest_recovery)).collect()
}

/// What the incidents of all views come to.
fn summary_of_all(scene: &Scene, sums: &Sums) -> Vec<Part> {
    let value = scene.theme.value;
    let open = if sums.open == 0 { "none".to_owned() } else { sums.open.to_string() };
    let worst = sums.least_fresh.as_ref().map(|(view, fresh)| {
        let text = format!("{} {} of the time", scene.clean(view.as_str(), LONGEST), per_cent(*fresh));
        labelled(scene, "least fresh", text, value)
    });
    let parts = [
        counted(scene, sums.count),
        labelled(scene, "open", open, if sums.open > 0 { scene.theme.critical } else { value }),
        labelled(scene, "views", sums.views.to_string(), value),
    ];
    parts.into_iter().chain(recovery(scene, sums.mean_recovery, sums.longest_recovery)).chain(worst).collect()
}

/// What matters least goes first if there is no room.
fn draw_summary(scene: &Scene, mut parts: Vec<Part>, area: Rect, buf: &mut Buffer) {
    let about_all = scene.state.is_about_all();
    if area.height >= 2 {
        // The count and one more above the rest.
        let second = if about_all { 1 } else { 2 };
        let first = vec![parts.remove(0), parts.remove(second - 1)];
        put(buf, area, 0, &fitting(first, "   ", area.width));
        put(buf, area, 1, &fitting(parts, "   ", area.width));
    } else if area.width < NARROW {
        if !about_all {
            parts.remove(1);
        }
        parts.truncate(2);
        put(buf, area, 0, &fitting(parts, "  ", area.width));
    } else {
        put(buf, area, 0, &fitting(parts, "   ", area.width));
    }
}

/// Rounded down: what was ever stale is never shown as fresh throughout.
fn per_cent(share: f64) -> String {
    format!("{:.1} %", (share * 10.0).floor() / 10.0)
}

/// The mark, the word and their style: the open one stands out by all three.
pub(super) fn mark(scene: &Scene, incident: &Shared) -> (&'static str, &'static str, Style) {
    match (incident.is_open(), scene.is_old()) {
        (true, true) => (scene.glyphs.unknown, "WAS OPEN", scene.theme.unknown),
        (true, false) => (scene.glyphs.failed, "OPEN", scene.theme.critical.add_modifier(Modifier::REVERSED)),
        (false, _) => (scene.glyphs.ok, "over", scene.theme.muted),
    }
}

/// What stands in which column; before the cause, whose it is where all views are listed.
const HEADINGS: &str = "           began         lasted    stale  failed  ";

/// Columns of the names of views.
fn names_width(scene: &Scene, list: &[Shared]) -> u16 {
    if !scene.state.is_about_all() {
        return 0;
    }
    let longest = list.iter().map(|one| Span::raw(whose_is(one)).width()).max().unwrap_or_default();
    to_u16(longest).clamp(4, LONGEST)
}

/// The view that it is of, or how many.
fn whose_is(incident: &Shared) -> String {
    match &incident.views[..] {
        [(view, _)] => view.as_str().to_owned(),
        views => format!("{} views", views.len()),
    }
}

fn draw_list(scene: &Scene, list: &[Shared], selected: usize, area: Rect, buf: &mut Buffer) {
    let names = names_width(scene, list).min(area.width / 3);
    let area = if area.width < NARROW {
        area
    } else {
        let whose = if names > 0 { format!("{:<width$}  ", "view", width = usize::from(names)) } else { String::new() };
        put(buf, area, 0, &Line::styled(format!("{HEADINGS}{whose}cause"), scene.theme.muted));
        below(area, 1)
    };
    for (row, index) in (0..).zip(window(selected, list.len(), area.height)) {
        let place = Rect { y: area.y + row, height: 1, ..area };
        draw_row(scene, &list[index], index == selected, names, place, buf);
        scene.note(place, Some(Action::Select(Pointed::Screen, index)));
        if index == selected {
            buf.set_style(place, scene.theme.selected);
        }
    }
}

fn draw_row(scene: &Scene, incident: &Shared, selected: bool, names: u16, place: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let (glyph, word, style) = mark(scene, incident);
    let narrow = place.width < NARROW;
    let word = match (narrow, incident.is_open()) {
        (true, false) => String::new(),
        (true, true) => format!(" {word}"),
        (false, _) => format!(" {word:<4}"),
    };
    let (began, lasted) = (moment(scene, incident.began()), age::label(incident.lasted()));
    let times = if narrow { format!(" {began} {lasted}") } else { format!("  {began:<11}  {lasted:>7}") };
    let mut spans = vec![
        Span::styled(if selected { scene.glyphs.selected } else { " " }, theme.accent),
        Span::raw(" "),
        Span::styled(format!("{glyph}{word}"), style),
        Span::raw(times),
    ];
    if !narrow {
        let aged = incident.stale_since().map(|_| stale_label(incident.stale_for()));
        let aged = aged.unwrap_or_else(|| scene.glyphs.none.into());
        spans.push(Span::raw(format!("  {aged:>7}  {:>6}", incident.failures())));
    }
    let gap = if narrow { 1 } else { 2 };
    let line = Line::from(spans);
    let mut x = width_of(&line) + gap;
    if names > 0 {
        let name = Span::styled(scene.clean(&whose_is(incident), names), theme.title);
        put(
            buf,
            Rect { x: place.x + x.min(place.width), width: place.width.saturating_sub(x), ..place },
            0,
            &name.into(),
        );
        x += names + gap;
    }
    let cause = Line::raw(scene.clean(&incident.cause(), place.width.saturating_sub(x)));
    put(buf, Rect { x: place.x + x.min(place.width), width: place.width.saturating_sub(x), ..place }, 0, &cause);
    put(buf, place, 0, &line);
}
