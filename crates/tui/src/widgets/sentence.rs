//! What is left on a terminal too small for panes: a sentence that begins with the verdict.

use crate::{
    scene::Scene,
    widgets::{put, verdict},
};
use ratatui::{buffer::Buffer, layout::Rect, style::Modifier, text::Line};
use refreshtop_core::{age, link::Link};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let lines = scene.clean_lines(&sentence(scene), area.width, area.height);
    for (row, line) in (0..).zip(lines) {
        put(buf, area, row, &Line::raw(line));
    }
    // Also if not even the first word fits.
    buf[(area.x, area.y)].set_symbol(scene.glyphs.verdict(scene.health.verdict));
    let style = scene.theme.verdict(scene.health.verdict).add_modifier(Modifier::REVERSED);
    buf.set_style(Rect { height: 1, ..area }, style);
}

fn sentence(scene: &Scene) -> String {
    let verdict = scene.health.verdict;
    let word = format!("{} {}", scene.glyphs.verdict(verdict), verdict::word(&scene.health));
    let age = match (scene.is_old(), scene.state.data_age(), scene.state.freshness()) {
        (true, Some(old), _) => format!("data {} OLD", age::label(old)),
        (true, None, _) => "no data".into(),
        (false, _, Some(fresh)) => format!("fresh {}", age::coarse(fresh)),
        (false, _, None) => "freshness unknown".into(),
    };
    let feed = match &scene.state.database().link {
        Link::Connecting => "CONNECTING",
        Link::Connected => "CONNECTED",
        Link::Live => "LIVE",
        Link::Polling { .. } => "POLLING",
        Link::Down { .. } => "DOWN",
    };
    let host = scene.clean(&scene.state.database().host, 60);
    let place = match scene.state.snapshot() {
        Some(snapshot) => format!("{}@{host}", scene.clean(&snapshot.server.database, 40)),
        None => host,
    };
    let mut parts = vec![format!("{word}, {age}. {feed} {place}.")];
    parts.extend(scene.health.findings.iter().map(|finding| format!("{}.", scene.clean(&finding.reason, 120))));
    parts.push("q quits".into());
    parts.join(" ")
}
