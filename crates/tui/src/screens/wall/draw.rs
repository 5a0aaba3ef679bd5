//! The wall display: readable from five metres, on for weeks.
//!
//! ```text
//! production · app@db.example.net                                          ● LIVE
//!
//! ╭─────────────────────────────────────────────────────────────────────────────╮
//! │ █   █ ▄▀▀▄ █▀▀▄ █▄  █ ▀█▀ █▄  █ ▄▀▀▀                                        │  as large as it fits
//! ╰─────────────────────────────────────────────────────────────────────────────╯
//! last successful refresh 15m ago, more than 10m                                   the one worst reason
//!
//! ▄▀▀ ▀█▀ ▄▀▄ █   █▀▀   ▄█ █▀ █▄▀▄█                                                how old the figures are
//!
//! LAST 3 FAILED                                                                    or the success rate
//!
//! success 98.9 % over 24 h · average 130 ms · next run 03:05 UTC
//! r refresh  ? help  q quit  1 overview
//! ```
//!
//! Verdicts differ by word, by mark and by what is around them: nothing (healthy), an open frame (warning), a solid block
//! (critical), broken lines above and below (unknown). Nothing counts seconds. The picture is a little smaller than the
//! screen and wanders over it, a cell at a time ([`crate::screens::wall::drift::STEP`]), so that nothing burns in.

use super::many;
use crate::{
    app::{action::Action, state::State},
    scene::Scene,
    screens::wall::drift::{label, steps},
    widgets::{self as panes, fitting, letters, put, put_right, to_u16, verdict, width_of},
};
use ratatui::{
    buffer::Buffer,
    layout::{Margin, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
};
use refreshtop_core::{
    health::{Health, Now, Verdict},
    link::Link,
};
use std::time::Duration;

/// Rows from which on blank ones keep the parts apart.
const ROOMY: u16 = 18;
/// Rows from which on names and reasons are spelt in letters as well.
const LARGE: u16 = 60;
/// Gaps between the parts of the body, with the one above.
const GAPS: u16 = 5;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let picture = picture(area, steps(scene.state));
    if picture.is_empty() {
        return;
    }
    let banner = banner(scene);
    let width = picture.width.saturating_sub(2);
    let banner_rows = banner.as_ref().map_or(0, |(text, _)| to_u16(scene.clean_lines(text, width, 2).len()));
    let refresh_rows = panes::refresh::height(scene, picture.width).min(2);
    let mut rows = Rows { left: picture };
    let header_rows = if picture.height >= LARGE { letters::height(1, scene.glyphs) } else { 1 };
    draw_header(scene, rows.top(header_rows), buf);
    if let Some((text, style)) = banner {
        draw_banner(scene, &text, style, rows.top(banner_rows), buf);
    }
    panes::footer::render(scene, rows.bottom(1), buf);
    panes::refresh::render(scene, rows.bottom(refresh_rows), buf);
    if scene.state.has_many() {
        return many::draw_body(scene, rows.left, buf);
    }
    draw_body(scene, rows.left, banner_rows > 0, buf);
}

/// Where the picture is after so many steps: it moves to and fro over the free columns and rows.
fn picture(area: Rect, steps: u64) -> Rect {
    let (columns, rows) = ((area.width / 20).clamp(2, 16), (area.height / 12).min(6));
    let rows = if area.height < 16 { 0 } else { rows };
    let swing = |free: u16, steps: u64| {
        let free = u64::from(free);
        let at = if free == 0 { 0 } else { steps % (2 * free) };
        u16::try_from(at.min(2 * free - at)).unwrap_or_default()
    };
    // A row further for each time across, so that it comes to every place.
    let across = steps / u64::from(columns).max(1);
    Rect {
        x: area.x + swing(columns, steps).min(area.width),
        y: area.y + swing(rows, across).min(area.height),
        width: area.width.saturating_sub(columns),
        height: area.height.saturating_sub(rows),
    }
}

/// Rows that are handed out from both ends.
struct Rows {
    left: Rect,
}

impl Rows {
    fn top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        let taken = Rect { height: rows, ..self.left };
        self.left = Rect { y: self.left.y + rows, height: self.left.height - rows, ..self.left };
        taken
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        self.left.height -= rows;
        Rect { y: self.left.bottom(), height: rows, ..self.left }
    }
}

fn draw_header(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let link = Line::from(panes::header::link(scene));
    put_right(buf, area, 0, &link);
    let left = Rect { width: area.width.saturating_sub(width_of(&link) + 2), ..area };
    let name = scene.state.database().profile.as_deref().map(str::to_uppercase).unwrap_or_default();
    let width = letters::width(&name, 1);
    // Spelt in large letters if that leaves room for the rest.
    if area.height < 3 || !letters::spells(&name) || width == 0 || width > area.width / 2 {
        return put(buf, left, 0, &Line::from(place(scene, left.width)));
    }
    for (row, line) in (0..area.height).zip(letters::scaled(&name, 1, scene.glyphs)) {
        put(buf, left, row, &Line::styled(line, scene.theme.muted));
    }
    let rest = Rect { x: left.x + width + 3, width: left.width.saturating_sub(width + 3), ..left };
    put(buf, rest, 0, &Line::from(place(scene, rest.width)));
}

/// Which database: the profile, then the database and its host.
fn place(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut left = width;
    if let Some(profile) = &scene.state.database().profile {
        let name = scene.clean(profile, width / 2);
        left = left.saturating_sub(to_u16(Span::raw(&name).width()) + 3);
        spans.push(Span::styled(name, scene.theme.title));
        spans.push(Span::styled(format!(" {} ", scene.glyphs.dot), scene.theme.muted));
    }
    let host = &scene.state.database().host;
    let text = match scene.state.snapshot() {
        Some(snapshot) => {
            let database = scene.clean(&snapshot.server.database, left / 2);
            format!("{database}@{host}")
        }
        None => host.clone(),
    };
    spans.push(Span::styled(scene.clean(&text, left), scene.theme.muted));
    spans
}

/// Why what is shown may no longer be true, and how old it is. No countdown: a wall may be without a database for weeks.
fn banner(scene: &Scene) -> Option<(String, Style)> {
    let (state, glyphs, theme) = (scene.state, scene.glyphs, scene.theme);
    let dot = glyphs.dot;
    let old = match state.data_age() {
        Some(age) => format!("ALL BELOW IS {} OLD", label(age)),
        None => "NOTHING HAS BEEN READ YET".into(),
    };
    match (&state.database().link, state.paused) {
        (Link::Connecting, _) => Some((format!("{} CONNECTING", glyphs.polling), theme.unknown)),
        (Link::Down { reason, since, .. }, _) => {
            let lost = label(state.now.saturating_duration_since(*since));
            let why = scene.clean(reason, 120);
            Some((format!("{} NO CONNECTION for {lost} {dot} {old} {dot} {why}", glyphs.failed), theme.critical))
        }
        (_, Some(_)) => {
            let key = scene.keys.first(Action::Pause);
            Some((
                format!("{} PAUSED {dot} all of this is as it was then {dot} {key} goes on", glyphs.paused),
                theme.warning,
            ))
        }
        (_, None) => state.database().poll_error.as_ref().map(|error| {
            let why = scene.clean(&error.reason, 120);
            (format!("{} READING FAILS {dot} {old} {dot} {why}", glyphs.failed), theme.critical)
        }),
    }
}

fn draw_banner(scene: &Scene, text: &str, style: Style, area: Rect, buf: &mut Buffer) {
    let style = style.add_modifier(Modifier::REVERSED);
    buf.set_style(area, style);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    for (row, line) in (0..).zip(scene.clean_lines(text, inner.width, inner.height)) {
        put(buf, inner, row, &Line::styled(line, style));
    }
}

/// A line in large letters.
struct Large {
    text: String,
    /// The same in fewer letters, for where that makes them larger.
    short: String,
    style: Style,
    /// Drawn as a solid block.
    solid: bool,
}

impl Large {
    fn new(text: &str, short: &str, style: Style) -> Self {
        Self { text: text.to_uppercase(), short: short.to_uppercase(), style, solid: false }
    }

    /// Whether it is drawn as a block at this scale: letters can be cut out of one where there are pixels for it.
    fn is_solid(&self, scene: &Scene, scale: u16) -> bool {
        self.solid && scale != 1 && !scene.glyphs.charset.ascii_only
    }

    /// Rows that it takes; a block has one above and below.
    fn rows(&self, scene: &Scene, scale: u16) -> u16 {
        match scale {
            0 => 1,
            _ => letters::height(scale, scene.glyphs) + if self.is_solid(scene, scale) { 2 } else { 0 },
        }
    }
}

/// How large each part is; 0 stands for plain text.
#[derive(Clone, Copy)]
struct Sizes {
    verdict: u16,
    age: u16,
    more: Option<u16>,
    gap: u16,
    sentence: u16,
    facts: u16,
}

fn draw_body(scene: &Scene, area: Rect, banner: bool, buf: &mut Buffer) {
    let (age, more) = (age_line(scene), more_line(scene));
    let Some(sizes) = sizes(scene, area, banner, &age, more.as_ref()) else {
        // Not even small letters: a bar with the word, and the age beside it.
        put(buf, area, 0, &Line::from(vec![verdict::block(scene), "  ".into(), Span::styled(age.text, age.style)]));
        return;
    };
    // What is left over keeps the parts apart.
    let free = area.height.saturating_sub(sizes.rows(scene, &age, more.as_ref())) / GAPS;
    let gap = sizes.gap + if sizes.gap > 0 { free.min(3.max(area.height / 16)) } else { 0 };
    let mut rows = Rows { left: area };
    rows.top(gap);
    draw_verdict(scene, sizes.verdict, rows.top(verdict_rows(scene, sizes.verdict)), buf);
    rows.top(gap);
    draw_sentence(scene, rows.top(sizes.sentence), buf);
    rows.top(if sizes.sentence > 0 { gap } else { 0 });
    draw_large(scene, &age, sizes.age, rows.top(age.rows(scene, sizes.age)), buf);
    rows.top(gap);
    if let Some((more, scale)) = more.zip(sizes.more) {
        draw_large(scene, &more, scale, rows.top(more.rows(scene, scale)), buf);
        rows.top(gap);
    }
    draw_facts(scene, rows.top(sizes.facts), buf);
}

/// Rows of the verdict with what is around it.
pub(super) fn verdict_rows(scene: &Scene, scale: u16) -> u16 {
    letters::height(scale, scene.glyphs) + if scene.health.verdict == Verdict::Healthy { 0 } else { 2 }
}

impl Sizes {
    /// Rows that all of it takes.
    fn rows(&self, scene: &Scene, age: &Large, more: Option<&Large>) -> u16 {
        let more = more.zip(self.more).map_or(0, |(more, scale)| more.rows(scene, scale));
        let parts = verdict_rows(scene, self.verdict) + age.rows(scene, self.age) + more;
        parts + self.sentence + self.facts + GAPS * self.gap
    }
}

/// The largest scale at which `text` fits into `width`; 0 if none does.
pub(super) fn most(text: &str, width: u16) -> u16 {
    if letters::spells(text) { width / letters::width(text, 1).max(1) } else { 0 }
}

/// The largest scale of the word. A short one is not larger than others: there would be cells that it never leaves dark.
pub(super) fn widest(scene: &Scene, width: u16) -> u16 {
    most(&verdict::word(&scene.health), width).min(most("HEALTHY", width))
}

/// The largest letters that fit: first the verdict's, then the age's, then the rest.
fn sizes(scene: &Scene, area: Rect, banner: bool, age: &Large, more: Option<&Large>) -> Option<Sizes> {
    let verdict = scene.health.verdict;
    // A frame has a column on each side.
    let beside = if verdict == Verdict::Warning { 2 } else { 0 };
    let gap = u16::from(area.height >= ROOMY);
    let share = if area.height >= ROOMY { area.height / 2 } else { area.height };
    // On a very large screen the reason is spelt in letters as well.
    let letters = area.height >= LARGE && most(&reason(scene).to_uppercase(), area.width) > 0;
    let message = if letters { letters::height(1, scene.glyphs) } else { 1 };
    let fitting = |large: &Large, cap: u16| most(&large.text, area.width).max(most(&large.short, area.width)).min(cap);
    let widest = widest(scene, area.width.saturating_sub(beside));
    for verdict in (1..=widest).rev().filter(|scale| verdict_rows(scene, *scale) <= share) {
        for age_scale in (0..=fitting(age, if age.solid { verdict } else { (verdict - 1).max(1) })).rev() {
            let most_more = more.map_or(0, |more| fitting(more, age_scale.min((verdict / 2).max(1))));
            // The reason is not dropped to make other letters larger.
            for places in [&[(message, 1), (1, 1), (1, 0)][..], &[(0, 1), (0, 0)]] {
                for more_scale in (0..=most_more).rev() {
                    for (sentence, facts) in places {
                        let sentence = if banner { 0 } else { *sentence };
                        let more_of = more.map(|_| more_scale);
                        let sizes = Sizes { verdict, age: age_scale, more: more_of, gap, sentence, facts: *facts };
                        if sizes.rows(scene, age, more) <= area.height {
                            return Some(sizes);
                        }
                    }
                }
            }
        }
    }
    None
}

/// The mark beside the word, if there is room for it.
fn spelt(health: &Health, scale: u16, width: u16) -> String {
    let word = verdict::word(health);
    let mark = match health.verdict {
        Verdict::Healthy => "✓",
        Verdict::Warning => "▲",
        Verdict::Critical => "✗",
        Verdict::Unknown => "?",
    };
    let marked = format!("{mark} {word}");
    // On a small screen the picture moves less than this mark is wide, and the frame is a shape already.
    let burns = health.verdict == Verdict::Warning && width < 120;
    if !burns && letters::width(&marked, scale) + 4 <= width { marked } else { word }
}

pub(super) fn draw_verdict(scene: &Scene, scale: u16, area: Rect, buf: &mut Buffer) {
    let verdict = scene.health.verdict;
    // What is frozen may no longer be true.
    let paused = scene.state.paused.is_some();
    let style = if paused { scene.theme.old } else { scene.theme.verdict(verdict) };
    let text = spelt(&scene.health, scale, area.width);
    let left = area.width.saturating_sub(letters::width(&text, scale));
    let indent = if verdict == Verdict::Healthy { 0 } else { (left / 2).min(2) };
    let ascii = scene.glyphs.charset.ascii_only;
    // Letters made of characters can't be cut out of a block, nor can those that reach its edge.
    let solid = verdict == Verdict::Critical && !ascii && left >= 2;
    match verdict {
        Verdict::Healthy => {}
        Verdict::Warning => frame(scene, style, area, buf),
        Verdict::Critical if solid => buf.set_style(area, style.add_modifier(Modifier::REVERSED)),
        Verdict::Critical if ascii => bars(scene.glyphs.failed, style, area, buf),
        Verdict::Critical => bars(scene.glyphs.pixels[2], style, area, buf),
        Verdict::Unknown => bars(scene.glyphs.limit_line, style, area, buf),
    }
    let style = if solid { style.add_modifier(Modifier::REVERSED) } else { style };
    let inner = Rect {
        x: area.x + indent,
        width: area.width.saturating_sub(indent),
        y: area.y + u16::from(verdict != Verdict::Healthy),
        ..area
    };
    for (row, line) in (0..area.height).zip(letters::scaled(&text, scale, scene.glyphs)) {
        put(buf, inner, row, &Line::styled(line, style));
    }
}

/// Bars above and below.
fn bars(glyph: &str, style: Style, area: Rect, buf: &mut Buffer) {
    let bar = glyph.repeat(usize::from(area.width));
    put(buf, area, 0, &Line::styled(bar.clone(), style));
    put(buf, area, area.height.saturating_sub(1), &Line::styled(bar, style));
}

fn frame(scene: &Scene, style: Style, area: Rect, buf: &mut Buffer) {
    let set = scene.glyphs.border;
    let inside = usize::from(area.width.saturating_sub(2));
    let across = |left: &str, line: &str, right: &str| format!("{left}{}{right}", line.repeat(inside));
    put(buf, area, 0, &Line::styled(across(set.top_left, set.horizontal_top, set.top_right), style));
    let last = area.height.saturating_sub(1);
    put(buf, area, last, &Line::styled(across(set.bottom_left, set.horizontal_bottom, set.bottom_right), style));
    for row in 1..last {
        put(buf, area, row, &Line::styled(set.vertical_left, style));
        put_right(buf, area, row, &Line::styled(set.vertical_right, style));
    }
}

/// The one worst reason, or that there is none.
fn reason(scene: &Scene) -> String {
    match scene.health.findings.first() {
        Some(worst) => worst.reason.clone(),
        None => format!("all checks pass over the last {}", verdict::span(scene.state.window())),
    }
}

fn draw_sentence(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let (verdict, message) = (scene.health.verdict, reason(scene));
    let style = if verdict == Verdict::Healthy { scene.theme.muted } else { scene.theme.title };
    if area.height > 1 {
        for (row, line) in (0..area.height).zip(letters::scaled(&message.to_uppercase(), 1, scene.glyphs)) {
            put(buf, area, row, &Line::styled(line, style));
        }
        return;
    }
    let mark = Span::styled(scene.glyphs.verdict(verdict), scene.theme.verdict(verdict));
    let text = Span::styled(scene.clean(&message, area.width.saturating_sub(2)), style);
    put(buf, area, 0, &Line::from(vec![mark, " ".into(), text]));
}

/// How old the figures are. If nothing new arrives, how old all of it is.
fn age_line(scene: &Scene) -> Large {
    let (state, theme) = (scene.state, scene.theme);
    if scene.is_old() {
        let text = state.data_age().map_or_else(|| "no data".into(), |age| format!("{} old", label(age)));
        return Large { solid: true, ..Large::new(&text, &text, theme.critical) };
    }
    if state.paused.is_some() {
        return Large { solid: true, ..Large::new("paused", "paused", theme.warning) };
    }
    match (state.freshness(), state.stats()) {
        (Some(age), _) if age > state.limits().max_age.value => {
            Large::new(&format!("stale {}", label(age)), &format!("{} old", label(age)), theme.warning)
        }
        (Some(age), _) => {
            let fresh = format!("fresh {}", label(age));
            let short = if age < Duration::from_mins(1) { "fresh" } else { &fresh };
            Large::new(&format!("{fresh} ago"), short, theme.healthy)
        }
        (None, Some(_)) => Large::new("never fresh", "never", theme.critical),
        (None, None) => Large::new("no data", "no data", theme.unknown),
    }
}

/// What else can be read from afar: failures that go on, or the success rate. Nothing of what is old.
fn more_line(scene: &Scene) -> Option<Large> {
    if scene.is_old() {
        return None;
    }
    match scene.state.failing_streak() {
        0 if let Some(trouble) = no_schedule(scene.state) => Some(Large::new(trouble, trouble, scene.theme.warning)),
        // The rate of what is too old is no news.
        0 if scene.health.now == Now::Stale => None,
        0 => {
            let rate = rate(scene.state)?;
            let healthy = scene.health.verdict == Verdict::Healthy;
            let style = if healthy { scene.theme.muted } else { scene.theme.value };
            Some(Large::new(&format!("success {rate}"), &rate, style))
        }
        1 => Some(Large::new("last one failed", "1 failed", scene.theme.critical)),
        n => Some(Large::new(&format!("last {n} failed"), &format!("{n} failed"), scene.theme.critical)),
    }
}

/// Nothing refreshes the view any more, although it is fresh for now.
fn no_schedule(state: &State) -> Option<&'static str> {
    match &state.snapshot()?.job {
        Ok(job) => (!job.active).then_some("job paused"),
        Err(missing) => missing.missing.then_some("no job"),
    }
}

/// The success rate, rounded down: it is 100 % only if nothing failed.
fn rate(state: &State) -> Option<String> {
    let rate = state.stats()?.success_rate?;
    Some(format!("{:.1} %", (rate * 10.0).floor() / 10.0))
}

fn draw_large(scene: &Scene, large: &Large, scale: u16, area: Rect, buf: &mut Buffer) {
    let solid = large.is_solid(scene, scale);
    let style = if solid { large.style.add_modifier(Modifier::REVERSED) } else { large.style };
    if scale == 0 {
        let text = if solid { format!(" {} ", large.text) } else { large.text.clone() };
        return put(buf, area, 0, &Line::styled(text, style.add_modifier(Modifier::BOLD)));
    }
    let text = if letters::width(&large.text, scale) <= area.width { &large.text } else { &large.short };
    let width = letters::width(text, scale);
    let inner = if solid {
        let block = Rect { width: (width + 2 * scale).min(area.width), ..area };
        buf.set_style(block, style);
        block.inner(Margin::new(block.width.saturating_sub(width) / 2, 1))
    } else {
        area
    };
    for (row, line) in (0..inner.height).zip(letters::scaled(text, scale, scene.glyphs)) {
        put(buf, inner, row, &Line::styled(line, style));
    }
}

/// What is read from nearby.
fn draw_facts(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let state = scene.state;
    let old = scene.is_old();
    let style = if old { scene.theme.old } else { scene.theme.muted };
    let rate = rate(state).map(|rate| format!("success {rate} over {}", verdict::span(state.window())));
    let average = state.stats().and_then(|stats| stats.avg_duration_ms);
    let average = average.map(|ms| format!("average {}", refreshtop_core::age::duration_ms(ms)));
    let facts: Vec<String> = [next_run(state), rate, average].into_iter().flatten().collect();
    let parts = facts.into_iter().map(|fact| vec![Span::styled(fact, style)]).collect();
    let gap = if scene.glyphs.charset.ascii_only { " - " } else { " · " };
    let was = if old {
        Line::styled(fitting(parts, gap, area.width).to_string(), style)
    } else {
        fitting(parts, gap, area.width)
    };
    put(buf, area, 0, &was);
}

/// The next run by its time, which stays until it has come.
fn next_run(state: &State) -> Option<String> {
    let job = state.snapshot()?.job.as_ref().ok();
    Some(match (job, state.server_now()) {
        (Some(job), _) if !job.active => "the job is paused".into(),
        (Some(job), Some(now)) => match job.next_run(now) {
            Some(next) => format!("next run {} UTC", next.format("%H:%M")),
            None => "next run unknown".into(),
        },
        (None, _) => match &state.snapshot()?.job {
            Err(missing) if missing.missing => "no job".into(),
            _ => return None,
        },
        (Some(_), None) => return None,
    })
}
