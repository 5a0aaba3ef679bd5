//! Why the connection is not live, and how old the data is. Across the whole width, so that nobody mistakes old figures
//! for new ones.

use crate::{
    app::{action::Action, state::Paused},
    scene::Scene,
    widgets::{put, to_u16},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::Line,
};
use refreshtop_core::{age, link::Link, snapshot::Deployment};
use std::time::Duration;

/// Most rows that it takes: the fix is at the end, and must be seen.
const MOST: u16 = 3;
/// How far a standby may be behind before it is worth a word.
const BEHIND: Duration = Duration::from_secs(5);

/// Rows needed at `width` columns; none while the feed is live and polls succeed.
pub fn height(scene: &Scene, width: u16) -> u16 {
    // What is longest at some moment decides: nothing below may move while attempts come and go.
    message(scene, true).map_or(0, |(text, _)| to_u16(scene.clean_lines(&text, width, MOST).len()))
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let Some((text, style)) = message(scene, false) else { return };
    if area.is_empty() {
        return;
    }
    buf.set_style(area, style);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    for (row, line) in (0..).zip(scene.clean_lines(&text, inner.width, inner.height)) {
        put(buf, inner, row, &Line::styled(line, style));
    }
}

/// The text; `longest` as long as it gets until the next attempt has failed.
fn message(scene: &Scene, longest: bool) -> Option<(String, Style)> {
    let glyphs = scene.glyphs;
    let bar = |style: Style| style.add_modifier(Modifier::REVERSED);
    if let (Some(paused), Link::Connected | Link::Live | Link::Polling { .. }) =
        (scene.state.paused, &scene.state.database().link)
    {
        return Some((held(scene, paused), bar(scene.theme.warning)));
    }
    match &scene.state.database().link {
        Link::Connecting => {
            let text = format!("{} CONNECTING to {}", glyphs.polling, scene.state.database().host);
            Some((text, bar(scene.theme.unknown)))
        }
        Link::Down { .. } => Some((down(scene, longest), bar(scene.theme.critical))),
        Link::Connected | Link::Live | Link::Polling { .. } if scene.state.database().poll_error.is_some() => {
            Some((poll_failed(scene), bar(scene.theme.critical)))
        }
        Link::Connected | Link::Live => {
            Some((notes(scene).join(&dot(scene)), scene.theme.muted)).filter(|(text, _)| !text.is_empty())
        }
        Link::Polling { reason } => {
            let pause = age::label(scene.state.options.poll_interval);
            let text = format!("{} POLLING every {pause}: {}", glyphs.polling, short(scene, reason));
            let parts: Vec<String> = std::iter::once(text).chain(notes(scene)).collect();
            Some((parts.join(&dot(scene)), scene.theme.warning))
        }
    }
}

/// The screen is frozen.
fn held(scene: &Scene, paused: Paused) -> String {
    let for_ = age::label(scene.state.now.saturating_duration_since(paused.at));
    let missed = match paused.missed {
        0 => String::new(),
        1 => format!("{}1 refresh since", dot(scene)),
        n => format!("{}{n} refreshes since", dot(scene)),
    };
    let key = scene.keys.first(Action::Pause);
    format!(
        "{} PAUSED for {for_}: all of this is as it was then{missed}{}{key} goes on",
        scene.glyphs.paused,
        dot(scene)
    )
}

fn dot(scene: &Scene) -> String {
    format!(" {} ", scene.glyphs.dot)
}

/// What is worth knowing about where the figures come from.
fn notes(scene: &Scene) -> Vec<String> {
    let Some(snapshot) = scene.state.snapshot() else { return Vec::new() };
    let behind = snapshot.server.behind.filter(|behind| *behind >= BEHIND);
    let behind = behind.map(|behind| format!("this standby replays what is {} old", age::label(behind)));
    let deployment = match snapshot.deployment {
        Deployment::Migrated => None,
        Deployment::Older => Some("migrated by an older version, read as it is; all of it: refreshtop migrate"),
        Deployment::Unmanaged => {
            Some("read without migrations; for error codes, black box and live updates run: refreshtop migrate")
        }
        Deployment::Missing => Some("nothing is set up in this database; run: refreshtop migrate"),
    };
    behind.into_iter().chain(deployment.map(str::to_owned)).collect()
}

/// A reason may be long; the text after it must still be seen. The header says where to already.
fn short(scene: &Scene, reason: &str) -> String {
    let where_to = format!("cannot connect to {}: ", scene.state.database().host);
    scene.clean(reason.strip_prefix(where_to.as_str()).unwrap_or(reason), 180)
}

fn how_old(scene: &Scene) -> String {
    match scene.state.data_age() {
        Some(old) => format!("ALL BELOW IS {} OLD", age::label(old)),
        None => "NOTHING HAS BEEN READ YET".into(),
    }
}

fn down(scene: &Scene, longest: bool) -> String {
    let Link::Down { reason, since, attempts, retry_at } = &scene.state.database().link else { return String::new() };
    let dot = scene.glyphs.dot;
    let now = scene.state.now;
    let lost = age::label(now.saturating_duration_since(*since));
    let next = match retry_at {
        _ if longest => "next try within 55s".into(),
        Some(at) => format!("next try within {}", age::countdown(at.saturating_duration_since(now))),
        None => "trying now".into(),
    };
    let tries = match attempts {
        0 => String::new(),
        1 => "1 try, ".into(),
        n => format!("{n} tries, "),
    };
    let why = short(scene, reason);
    format!("{} DOWN for {lost} {dot} {} {dot} {why} {dot} {tries}{next}", scene.glyphs.failed, how_old(scene))
}

fn poll_failed(scene: &Scene) -> String {
    let Some(error) = &scene.state.database().poll_error else { return String::new() };
    let dot = scene.glyphs.dot;
    let reason = short(scene, &error.reason);
    let fix = if error.fix.is_empty() { String::new() } else { format!(" {dot} {}", short(scene, &error.fix)) };
    format!("{} READING FAILS {dot} {} {dot} {reason}{fix}", scene.glyphs.failed, how_old(scene))
}
