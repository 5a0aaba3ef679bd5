//! Which database, how events arrive, and when the data is from.

use crate::{
    scene::Scene,
    widgets::{put, put_right, width_of},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::link::Link;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    if area.height == 1 { one_row(scene, area, buf) } else { two_rows(scene, area, buf) }
}

fn one_row(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let status = Line::from([link(scene), data_time(scene)].concat());
    put_right(buf, area, 0, &status);
    let width = area.width.saturating_sub(width_of(&status) + 2);
    // The least important part is left out first, then names are cut.
    let tight = width.saturating_sub(if standby(scene).is_empty() { 30 } else { 40 });
    // The view is named before the role.
    let narrow = match view(scene, 30) {
        view if view.is_empty() => [profile(scene, 10), place(scene, tight), role(scene, 14), standby(scene)].concat(),
        view => {
            let rest = [standby(scene), profile(scene, 10)].concat();
            let taken = view.iter().chain(&rest).map(|span| span.width() + 3).sum::<usize>();
            [view, rest, place(scene, width.saturating_sub(u16::try_from(taken).unwrap_or(width)))].concat()
        }
    };
    let candidates = [
        [profile(scene, 24), place(scene, width), view(scene, 63), role(scene, 32), standby(scene), version(scene)]
            .concat(),
        [profile(scene, 24), place(scene, width), view(scene, 63), role(scene, 32), standby(scene)].concat(),
        [profile(scene, 24), place(scene, width), view(scene, 63), standby(scene)].concat(),
        narrow,
    ];
    let mut lines = candidates.into_iter().map(|parts| Line::from(separated(scene, parts)));
    let last = lines.next_back();
    if let Some(line) = lines.find(|line| width_of(line) <= width).or(last) {
        put(buf, Rect { width, ..area }, 0, &line);
    }
}

fn two_rows(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let status = Line::from(link(scene));
    put_right(buf, area, 0, &status);
    let width = area.width.saturating_sub(width_of(&status) + 1);
    let who = match view(scene, width) {
        view if view.is_empty() => [standby(scene), profile(scene, width / 2), role(scene, width / 2)].concat(),
        view => [standby(scene), view].concat(),
    };
    put(buf, Rect { width, ..area }, 0, &Line::from(separated(scene, who)));
    let time = Line::from(short_time(scene));
    put_right(buf, area, 1, &time);
    let width = area.width.saturating_sub(width_of(&time) + 1);
    put(buf, Rect { width, ..area }, 1, &Line::from(place(scene, width)));
}

fn separated(scene: &Scene, parts: Vec<Span<'static>>) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for part in parts {
        if !spans.is_empty() {
            spans.push(Span::styled(format!(" {} ", scene.glyphs.dot), scene.theme.muted));
        }
        spans.push(part);
    }
    spans
}

fn profile(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let profile = scene.state.database().profile.as_deref();
    profile.map(|name| Span::styled(scene.clean(name, width), scene.theme.accent)).into_iter().collect()
}

fn place(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let host = &scene.state.database().host;
    let text = match scene.state.snapshot() {
        // The database is cut first, so that a long name never hides the host.
        Some(snapshot) => {
            let database = scene.clean(&snapshot.server.database, width.saturating_sub(2) / 2);
            let left =
                width.saturating_sub(Span::raw(&database).width().try_into().unwrap_or(u16::MAX)).saturating_sub(1);
            format!("{database}@{}", scene.clean(host, left))
        }
        None => host.clone(),
    };
    vec![Span::styled(scene.clean(&text, width), scene.theme.title)]
}

fn role(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let Some(snapshot) = scene.state.snapshot() else { return Vec::new() };
    vec![Span::raw(format!("role {}", scene.clean(&snapshot.server.role, width.saturating_sub(5))))]
}

/// Which view is shown, if there are several.
fn view(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let shown = (!scene.state.is_about_all() && scene.state.has_many()).then_some(&scene.state.shown);
    shown.map(|view| Span::styled(scene.clean(view.as_str(), width), scene.theme.accent)).into_iter().collect()
}

fn version(scene: &Scene) -> Vec<Span<'static>> {
    let Some(snapshot) = scene.state.snapshot() else { return Vec::new() };
    vec![Span::styled(format!("PostgreSQL {}", scene.clean(&snapshot.server.version, 12)), scene.theme.muted)]
}

fn standby(scene: &Scene) -> Vec<Span<'static>> {
    let standby = scene.state.snapshot().is_some_and(|snapshot| snapshot.server.standby);
    standby.then(|| Span::styled("STANDBY", scene.theme.warning)).into_iter().collect()
}

/// How events arrive.
pub fn link(scene: &Scene) -> Vec<Span<'static>> {
    let paused = scene.state.paused.is_some() && scene.state.connected();
    let (glyph, word, style) = match &scene.state.database().link {
        _ if paused => (scene.glyphs.paused, "PAUSED", scene.theme.warning),
        Link::Connecting => (scene.glyphs.polling, "CONNECTING", scene.theme.unknown),
        Link::Connected => (scene.glyphs.polling, "CONNECTED", scene.theme.muted),
        Link::Live => (scene.glyphs.live, "LIVE", scene.theme.healthy),
        Link::Polling { .. } => (scene.glyphs.polling, "POLLING", scene.theme.warning),
        Link::Down { .. } => (scene.glyphs.failed, "DOWN", scene.theme.critical),
    };
    vec![Span::styled(format!("{glyph} {word}"), style)]
}

/// The server's time of the data: an absolute one, which no idle screen has to count up.
fn data_time(scene: &Scene) -> Vec<Span<'static>> {
    let words = if scene.state.database().updated_at.is_some() { "  data of " } else { "  " };
    let mut spans = short_time(scene);
    spans.insert(0, Span::styled(words, time_style(scene)));
    spans
}

fn short_time(scene: &Scene) -> Vec<Span<'static>> {
    let text = match (scene.state.database().clock, scene.state.database().updated_at) {
        (Some(clock), Some(updated)) => format!("{} UTC", clock.at(updated).format("%H:%M:%S")),
        _ => "no data yet".into(),
    };
    vec![Span::styled(text, time_style(scene))]
}

fn time_style(scene: &Scene) -> Style {
    if scene.is_old() { scene.theme.critical } else { scene.theme.muted }
}
