//! The whole frame: a pure function of the state, the palette, the glyphs and the area.
//!
//! At 120x40 and up (see [`layout`] for the other sizes):
//!
//! ```text
//! production · app@db.example.net · role oncall · PostgreSQL 15.18      ● LIVE  data of 03:00:30 UTC   header
//! ▒ ○ POLLING every 30s: PgBouncer in transaction mode can't LISTEN ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   banner
//!
//! █  █ █▀▀▀ ▄▀▀▄ █   ▀▀█▀▀ █  █ ▀▄ ▄▀                                                                  verdict
//! █▀▀█ █▀▀  █▀▀█ █     █   █▀▀█   █      ✓ all checks pass over the last 24 h
//! ▀  ▀ ▀▀▀▀ ▀  ▀ ▀▀▀   ▀   ▀  ▀   ▀
//! » refreshing 12s                                                                                     refresh
//! Freshness 30s ✓ ≤ 10m       Success rate 100.0 % ✓ ≥ 95 %     Average duration 130 ms ✓ ≤ 5.00 s     gauges
//! ━━━━─────────────┃──────    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┃    ━──────────────────────┃────────
//!
//! Total  Successful  Failed  Success rate  Average  Maximum  Minimum  Last refresh  Last success       figures
//! 288    288         0       100.0 %       130 ms   142 ms   118 ms   03:00:00      03:00:00
//! Last error  none in the window                                                                       last error
//!
//! DURATIONS ────────────────────────────────────────────────────────────────────────────────────       durations
//!  150 ms ▆▆▇▆▇▇▆▇┊▆▇▆▆▇▆▇▇▆▇
//!       0 ████████✗██████████
//!         ╵21:05      ╵02:35
//!
//! ▸ ERRORS ────────────────────────────────────────   RUNS ───────────────────────────────────         errors, runs
//! 02:20:00 55P03 canceling statement due to lock…     03:00:00 scheduled ✓ ok       118 ms
//!
//! JOB ─────────────────────────────────────────────   COLUMNS ────────────────────────────────         job, columns
//! */5 * * * *  active                                 accounts   10,482  +412 in 30 d  +4.1 %
//! r refresh  ? help  q quit                                                                            footer
//! ```

use crate::{
    app::{overlay::Overlay, state::State},
    layout::{self, Class},
    scene::{Appearance, Scene},
    screens::registry::{self, Drawing},
    widgets,
};
use ratatui::{Frame, buffer::Buffer, layout::Rect};

/// Draws `state` on the whole frame.
pub fn draw(state: &State, appearance: &Appearance, frame: &mut Frame) {
    let area = frame.area();
    render(state, appearance, area, frame.buffer_mut());
}

/// Draws `state` into `area` of a buffer.
pub fn render(state: &State, appearance: &Appearance, area: Rect, buf: &mut Buffer) {
    render_scene(&Scene::new(state, appearance), area, buf);
}

/// Draws `scene` into `area` of a buffer.
pub fn render_scene(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    buf.set_style(area, scene.theme.base);
    if layout::class(area) == Class::Sentence {
        widgets::sentence::render(scene, area, buf);
        return;
    }
    let drawing = registry::drawing(scene.state.screen);
    if drawing.whole_frame.is_some() {
        (drawing.render)(scene, area, buf);
    } else {
        render_framed(scene, &drawing, area, buf);
    }
    if let Some(overlay) = &scene.state.overlay {
        render_overlay(scene, overlay, beneath(scene, &drawing, area), buf);
    }
}

/// Draws a screen between header, tabs and footer.
fn render_framed(scene: &Scene, drawing: &Drawing, area: Rect, buf: &mut Buffer) {
    let places = layout::framed(area, widgets::needs(scene, area));
    (drawing.render)(scene, places.body, buf);
    if scene.is_old() {
        buf.set_style(places.body, scene.theme.old);
    }
    widgets::header::render(scene, places.header, buf);
    widgets::banner::render(scene, places.banner, buf);
    widgets::tabs::render(scene, places.tabs, buf);
    widgets::refresh::render(scene, places.refresh, buf);
    widgets::footer::render(scene, places.footer, buf);
}

fn render_overlay(scene: &Scene, overlay: &Overlay, area: Rect, buf: &mut Buffer) {
    match overlay {
        Overlay::Help { scroll } => widgets::help::render(scene, *scroll, area, buf),
        Overlay::Run { id, detail, scroll } => {
            widgets::run_detail::render(scene, *id, detail.as_deref(), *scroll, area, buf);
        }
        Overlay::Fix(dialog) => widgets::fix::render(scene, dialog, area, buf),
        Overlay::Manage(dialog) => widgets::manage::render(scene, dialog, area, buf),
    }
}

/// What overlays may cover, and a framed screen fills.
fn beneath(scene: &Scene, drawing: &Drawing, area: Rect) -> Rect {
    match drawing.whole_frame {
        Some(beneath) => beneath(scene, area),
        None => layout::framed(area, widgets::needs(scene, area)).body,
    }
}

/// The furthest that what is open can be scrolled on a screen of `area`: an overlay, or a screen; `None` if nothing can.
/// Drawing stops there by itself; the state stops there too, so that the way back is no longer.
pub fn scroll_limit(state: &State, appearance: &Appearance, area: Rect) -> Option<u16> {
    let scene = Scene::new(state, appearance);
    let drawing = registry::drawing(state.screen);
    if state.overlay.is_none() && drawing.scroll_limit.is_none() {
        return None;
    }
    if layout::class(area) == Class::Sentence {
        return Some(0);
    }
    let over = beneath(&scene, &drawing, area);
    match &state.overlay {
        Some(Overlay::Help { .. }) => Some(widgets::help::scroll_limit(&scene, over)),
        Some(Overlay::Fix(dialog)) => Some(widgets::fix::scroll_limit(&scene, dialog, over)),
        Some(Overlay::Manage(dialog)) => Some(widgets::manage::scroll_limit(&scene, dialog, over)),
        Some(Overlay::Run { id, detail, .. }) => {
            Some(widgets::run_detail::scroll_limit(&scene, *id, detail.as_deref(), over))
        }
        None => drawing.scroll_limit.map(|limit| limit(&scene, over)),
    }
}

/// How many rows of what has the keys are in sight on a screen of `area`, less one that stays in sight when a page is
/// turned; `None` if there are no pages.
pub fn page(state: &State, appearance: &Appearance, area: Rect) -> Option<u16> {
    let scene = Scene::new(state, appearance);
    if layout::class(area) == Class::Sentence {
        return None;
    }
    let drawing = registry::drawing(state.screen);
    let over = beneath(&scene, &drawing, area);
    let rows = match &state.overlay {
        Some(Overlay::Run { .. }) => widgets::help::popup_inside(over.width, over.height, over).height,
        Some(Overlay::Help { .. } | Overlay::Manage(_)) => over.height.saturating_sub(2),
        Some(Overlay::Fix(_)) => return None,
        None => (drawing.rows?)(&scene, if drawing.whole_frame.is_some() { area } else { over }),
    };
    Some(rows.saturating_sub(1).max(1))
}
