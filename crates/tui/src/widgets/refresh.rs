//! The refresh that was triggered here, or one seen under way on the server.

use crate::{
    scene::Scene,
    screens::screen::Screen,
    widgets::{put, to_u16},
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
    refresh::{RunningRefresh, Trigger, TriggerOutcome},
};

/// Most rows that it takes: a refusal says what to do, which must not be cut off in a narrow place.
fn most(width: u16) -> u16 {
    if width < 60 { 3 } else { 2 }
}

/// Rows needed at `width` columns; none if nothing is under way and nothing was asked for.
pub fn height(scene: &Scene, width: u16) -> u16 {
    content(scene)
        .map_or(0, |(_, _, text)| to_u16(scene.clean_lines(&text, width.saturating_sub(2), most(width)).len()))
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let Some((glyph, style, text)) = content(scene) else { return };
    for (row, line) in (0..).zip(scene.clean_lines(&text, area.width.saturating_sub(2), area.height)) {
        let mark = if row == 0 { glyph } else { " " };
        put(buf, area, row, &Line::from(vec![Span::styled(mark, style), " ".into(), Span::styled(line, style)]));
    }
}

fn content(scene: &Scene) -> Option<(&'static str, Style, String)> {
    match &scene.state.database().trigger {
        Trigger::Idle if scene.state.screen == Screen::Board => None,
        Trigger::Idle => scene.state.snapshot()?.running.as_ref().map(|running| elsewhere(scene, running)),
        Trigger::Running { view, since, cancelling } => {
            let passed = age::label(scene.state.now.saturating_duration_since(*since));
            let dots = scene.glyphs.charset.ellipsis;
            let text = if *cancelling {
                format!("cancelling{dots} the refresh has run for {passed}")
            } else {
                format!("refreshing{dots} {passed}  (c cancels)")
            };
            Some((scene.glyphs.running, scene.theme.accent, named(scene, view, &text)))
        }
        Trigger::Ended { view, outcome, .. } => {
            let (glyph, style, text) = ended(scene, outcome);
            Some((glyph, style, named(scene, view, &text)))
        }
    }
}

/// With the view in front, if it could be another.
fn named(scene: &Scene, view: &ViewId, text: &str) -> String {
    if scene.state.has_many() { format!("{}: {text}", scene.clean(view.as_str(), 60)) } else { text.to_owned() }
}

/// A refresh that was started elsewhere.
fn elsewhere(scene: &Scene, running: &RunningRefresh) -> (&'static str, Style, String) {
    let passed = match (scene.state.server_now(), running.since) {
        (Some(now), Some(since)) => format!(" for {}", age::label((now - since).to_std().unwrap_or_default())),
        _ => String::new(),
    };
    let application = running.application.as_deref().filter(|name| !name.trim().is_empty());
    let by = application.map(|name| format!(", {}", scene.clean(name, 40))).unwrap_or_default();
    let was = if scene.is_old() { "was running" } else { "is running" };
    let text = format!("a refresh {was} on the server{passed} (pid {}{by})", running.pid);
    (scene.glyphs.running, scene.theme.accent, text)
}

fn ended(scene: &Scene, outcome: &TriggerOutcome) -> (&'static str, Style, String) {
    let (glyphs, theme) = (scene.glyphs, scene.theme);
    // Cut before it is joined: a megabyte is not copied for two rows.
    let clean = |message: &str| scene.clean(message, 400);
    match outcome {
        TriggerOutcome::Success { duration_ms, completed_at } => {
            let at = completed_at.format("%H:%M:%S");
            (glyphs.ok, theme.healthy, format!("refreshed in {} at {at}", age::duration_ms(*duration_ms)))
        }
        TriggerOutcome::Error { duration_ms, sqlstate, message, hint } => {
            let state = sqlstate.as_deref().map(|code| format!("{} ", scene.clean(code, 5))).unwrap_or_default();
            let after = age::duration_ms(*duration_ms);
            let hint = hint.as_deref().map(|hint| format!("; {}", clean(hint))).unwrap_or_default();
            (glyphs.failed, theme.critical, format!("refresh failed after {after}: {state}{}{hint}", clean(message)))
        }
        TriggerOutcome::AlreadyRunning { message } => {
            (glyphs.warning, theme.warning, format!("not started, one is running: {}", clean(message)))
        }
        TriggerOutcome::Refused { message } => (glyphs.failed, theme.critical, format!("refused: {}", clean(message))),
        TriggerOutcome::Lost { message } => {
            (glyphs.unknown, theme.unknown, format!("outcome unknown, see the log: {}", clean(message)))
        }
    }
}
