//! The verdict, largest of all, with the reason of every rule that holds.

use crate::{
    scene::Scene,
    widgets::{below, letters, put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};
use refreshtop_core::{
    age,
    health::{Health, Now, Rule, Verdict},
    limits::Overrides,
    link::Link,
};
use std::time::Duration;

/// Columns of the word as a block: the longest words are STOPPED, CRITICAL and RECOVERED.
const BLOCK: u16 = 13;

/// The state in one word.
pub fn word(health: &Health) -> String {
    health.word().to_uppercase()
}

/// Rows that its reasons need.
pub fn height(scene: &Scene) -> u16 {
    to_u16(reasons(scene).len()).max(1)
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let ascii = scene.glyphs.charset.ascii_only;
    if area.height >= 5 && area.width >= 160 {
        large(scene, &letters::tall(&word(&scene.health), scene.glyphs), area, buf);
    } else if area.height >= 3 && area.width >= 110 && !ascii {
        large(scene, &letters::flat(&word(&scene.health), scene.glyphs), area, buf);
    } else if area.width >= 70 {
        beside(scene, area, buf);
    } else {
        stacked(scene, area, buf);
    }
}

fn large(scene: &Scene, letters: &[String], area: Rect, buf: &mut Buffer) {
    let style = scene.theme.verdict(scene.health.verdict);
    let mut width = 0;
    for (row, text) in (0..).zip(letters) {
        let line = Line::styled(text.as_str(), style);
        width = width.max(crate::widgets::width_of(&line));
        put(buf, area, row, &line);
    }
    let taken = (width + 4).min(area.width);
    let right = Rect { x: area.x + taken, width: area.width - taken, ..area };
    // A few reasons go beside the middle of the letters.
    let free = to_u16(letters.len()).saturating_sub(height(scene));
    draw_reasons(scene, below(right, free / 2), buf);
}

/// The verdict in a word, as a block.
pub fn block(scene: &Scene) -> Span<'static> {
    let verdict = scene.health.verdict;
    let style = scene.theme.verdict(verdict).add_modifier(Modifier::REVERSED | Modifier::BOLD);
    Span::styled(format!(" {} {:<9} ", scene.glyphs.verdict(verdict), word(&scene.health)), style)
}

fn beside(scene: &Scene, area: Rect, buf: &mut Buffer) {
    // In a high area the block grows with it.
    let bar = Rect { width: BLOCK.min(area.width), ..area };
    buf.set_style(bar, scene.theme.verdict(scene.health.verdict).add_modifier(Modifier::REVERSED));
    put(buf, area, (area.height - 1) / 2, &Line::from(block(scene)));
    let taken = (BLOCK + 2).min(area.width);
    draw_reasons(scene, Rect { x: area.x + taken, width: area.width - taken, ..area }, buf);
}

fn stacked(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let style = scene.theme.verdict(scene.health.verdict).add_modifier(Modifier::REVERSED);
    buf.set_style(Rect { height: 1, ..area }, style);
    put(buf, area, 0, &Line::from(block(scene)));
    draw_reasons(scene, below(area, 1), buf);
}

fn draw_reasons(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let reasons = reasons(scene);
    for (row, (mark, style, text)) in (0..area.height).zip(&reasons) {
        let text = scene.clean(text, area.width.saturating_sub(2));
        let text_style = if scene.health.verdict == Verdict::Healthy { scene.theme.muted } else { scene.theme.value };
        put(buf, area, row, &Line::from(vec![Span::styled(*mark, *style), " ".into(), Span::styled(text, text_style)]));
    }
}

/// Each finding, and related facts.
fn reasons(scene: &Scene) -> Vec<(&'static str, Style, String)> {
    let line = |verdict, text| (scene.glyphs.verdict(verdict), scene.theme.verdict(verdict), text);
    let findings = &scene.health.findings;
    // The sentence on these says more than a finding does.
    let (said, verdict) = match scene.health.now {
        Now::Failing { .. } => (Some(Rule::FailuresInARow), scene.health.finding(Rule::FailuresInARow)),
        _ => (None, None),
    };
    let has_sentence = matches!(scene.health.now, Now::Failing { .. } | Now::Recovered { .. });
    let sentence = has_sentence.then(|| scene.state.sentence(&scene.health)).flatten();
    let verdict = verdict.map_or(Verdict::Healthy, |finding| finding.verdict);
    let others = findings.iter().filter(|finding| Some(finding.rule) != said || sentence.is_none());
    let others: Vec<_> = others.map(|found| line(found.verdict, self::finding(scene, &found.reason))).collect();
    let mut lines: Vec<_> = sentence.into_iter().map(|sentence| line(verdict, sentence)).collect();
    lines.extend(others);
    if lines.is_empty() {
        lines.push(line(Verdict::Healthy, format!("all checks pass over the last {}", span(scene.state.window()))));
    }
    // The window is shown beside the figures, and changes with a key.
    let told = Overrides { window: None, ..scene.state.options.overrides.clone() }.names();
    if !told.is_empty() {
        let text = format!("limits overridden here: {}", told.join(", "));
        lines.push((scene.glyphs.none, scene.theme.muted, text));
    }
    lines
}

/// The findings of a lost connection would repeat the banner, so their meaning is shown beside the verdict.
fn finding(scene: &Scene, reason: &str) -> String {
    let known = scene.state.snapshot().is_some();
    match &scene.state.database().link {
        _ if !scene.is_unknown() => reason.to_owned(),
        Link::Down { .. } if known => "no connection: all that is shown is old".into(),
        Link::Down { .. } => "no connection: nothing is known".into(),
        Link::Connecting => "connecting: nothing is known yet".into(),
        Link::Connected | Link::Live | Link::Polling { .. } => reason.to_owned(),
    }
}

/// A window in words: `24 h`, `90 min`.
pub fn span(window: Duration) -> String {
    let s = window.as_secs();
    if s > 86_400 && s.is_multiple_of(86_400) {
        format!("{} d", s / 86_400)
    } else if s > 0 && s.is_multiple_of(3_600) {
        format!("{} h", s / 3_600)
    } else if s > 0 && s.is_multiple_of(60) {
        format!("{} min", s / 60)
    } else {
        age::label(window)
    }
}
