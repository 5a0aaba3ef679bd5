//! The screen: a pure function of the state, the palette, the glyphs and the area.
//!
//! At 120x40 and up (see [`layout`] for the other sizes):
//!
//! ```text
//! production · app@db.example.net · role oncall · PostgreSQL 15.18      ● LIVE  data of 03:00:30 UTC   header
//! ▒ ○ POLLING every 30s: PgBouncer in transaction mode can't LISTEN ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   banner
//!
//! █  █ █▀▀▀ ▄▀▀▄ █   ▀▀█▀▀ █  █ ▀▄ ▄▀                                                                  verdict
//! █▀▀█ █▀▀  █▀▀█ █     █   █▀▀█   █      ✓ every rule is kept over the last 24 h
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
//! JOB ─────────────────────────────────────────────   METRICS ────────────────────────────────         job, metrics
//! */5 * * * *  active                                 accounts   10,482  +412 in 30 d  +4.1 %
//! r refresh  ? help  q quit                                                                            footer
//! ```

pub mod glyphs;
pub mod keys;
pub mod layout;
mod letters;
mod panes;
pub mod pointer;
pub mod text;
pub mod theme;
mod views;

#[cfg(test)]
mod tests;

use crate::app::{
    action::Action,
    state::{Focus, Overlay, State},
    views::View,
};
use glyphs::Glyphs;
use keys::KeyMap;
use layout::{Class, Places, ViewPlaces};
use ratatui::{Frame, buffer::Buffer, layout::Rect};
use refreshtop_core::health::{Health, Verdict};
use std::cell::RefCell;
use theme::Theme;

/// How the screen looks, and what its keys are.
#[derive(Debug, Clone)]
pub struct Appearance {
    /// Colours.
    pub theme: Theme,
    /// Glyphs that the terminal can show.
    pub glyphs: &'static Glyphs,
    /// Which key asks for what.
    pub keys: KeyMap,
    /// Whether the mouse is used.
    pub mouse: bool,
}

impl Appearance {
    /// This palette and these glyphs, with the default keys.
    pub fn new(theme: Theme, glyphs: &'static Glyphs) -> Self {
        Self { theme, glyphs, keys: KeyMap::default(), mouse: false }
    }
}

/// Draws `state` on the whole frame.
pub fn draw(state: &State, look: &Appearance, frame: &mut Frame) {
    let area = frame.area();
    render(state, look, area, frame.buffer_mut());
}

/// Draws `state` into `area` of a buffer.
pub fn render(state: &State, look: &Appearance, area: Rect, buf: &mut Buffer) {
    render_scene(&Scene::new(state, look), area, buf);
}

fn render_scene(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    buf.set_style(area, scene.theme.base);
    if layout::class(area) == Class::Sentence {
        panes::sentence::render(scene, area, buf);
        return;
    }
    let over = match scene.state.view {
        View::Overview => {
            let places = layout::places(area, scene.needs(area));
            render_panes(scene, &places, buf);
            places.overlay
        }
        View::Wall => {
            views::wall::render(scene, area, buf);
            area
        }
        _ => render_view(scene, layout::view_places(area, scene.needs(area)), buf),
    };
    render_overlay(scene, over, buf);
}

/// Draws a view other than the overview, and gives what overlays may cover.
fn render_view(scene: &Scene, places: ViewPlaces, buf: &mut Buffer) -> Rect {
    let body = places.body;
    match scene.state.view {
        View::Overview | View::Wall => {}
        View::Runs => views::runs::render(scene, body, buf),
        View::Incidents => views::incidents::render(scene, body, buf),
        View::History => views::history::render(scene, body, buf),
        View::Diagnose => views::diagnose::render(scene, body, buf),
        View::Metrics => views::metrics::render(scene, body, buf),
    }
    if scene.is_old() {
        buf.set_style(body, scene.theme.old);
    }
    panes::header::render(scene, places.header, buf);
    panes::banner::render(scene, places.banner, buf);
    panes::tabs::render(scene, places.tabs, buf);
    panes::refresh::render(scene, places.refresh, buf);
    panes::footer::render(scene, places.footer, buf);
    body
}

fn render_panes(scene: &Scene, places: &Places, buf: &mut Buffer) {
    panes::figures::render(scene, places.figures, buf);
    panes::last_error::render(scene, places.last_error, buf);
    panes::gauges::render(scene, places.gauges, buf);
    panes::durations::render(scene, places.durations, buf);
    panes::errors::render(scene, places.errors, buf);
    panes::runs::render(scene, places.runs, buf);
    panes::job::render(scene, places.job, buf);
    panes::metrics::render(scene, places.metrics, buf);
    if scene.is_old() {
        for part in places.parts() {
            buf.set_style(part, scene.theme.old);
        }
    }
    panes::header::render(scene, places.header, buf);
    if places.banner.is_empty() {
        panes::tabs::render_strip(scene, places.tabs, buf);
    }
    panes::banner::render(scene, places.banner, buf);
    panes::verdict::render(scene, places.verdict, buf);
    panes::refresh::render(scene, places.refresh, buf);
    panes::footer::render(scene, places.footer, buf);
}

/// The furthest that what is open can be scrolled on a screen of `area`: an overlay, or a view; `None` where nothing can.
/// Drawing stops there by itself; whoever keeps the scroll position can stop there too, so that the way back is no
/// longer.
pub fn scroll_limit(state: &State, look: &Appearance, area: Rect) -> Option<u16> {
    let scene = Scene::new(state, look);
    let scrolls = matches!(state.overlay, Some(Overlay::Run { .. } | Overlay::Help { .. } | Overlay::Fix(_)))
        || (state.overlay.is_none() && matches!(state.view, View::Diagnose | View::History | View::Metrics));
    if !scrolls {
        return None;
    }
    if layout::class(area) == Class::Sentence {
        return Some(0);
    }
    let over = beneath(&scene, area);
    Some(match (&state.overlay, state.view) {
        (Some(Overlay::Help { .. }), _) => panes::help::scroll_limit(&scene, over),
        (Some(Overlay::Fix(choice)), _) => panes::fix::scroll_limit(&scene, choice, over),
        (Some(Overlay::Run { id, detail, .. }), _) => {
            panes::run_detail::scroll_limit(&scene, *id, detail.as_deref(), over)
        }
        (_, View::Diagnose) => views::diagnose::scroll_limit(&scene, over),
        (_, View::History) => views::history::scroll_limit(&scene, over),
        (_, View::Metrics) => views::metrics::scroll_limit(&scene, over),
        _ => 0,
    })
}

/// What overlays may cover, and a view other than the overview fills.
fn beneath(scene: &Scene, area: Rect) -> Rect {
    match scene.state.view {
        View::Overview => layout::places(area, scene.needs(area)).overlay,
        View::Wall => area,
        _ => layout::view_places(area, scene.needs(area)).body,
    }
}

/// How many rows of what has the keys are in sight on a screen of `area`, less one that stays in sight when somebody
/// turns a page; `None` where nothing is turned.
pub fn page(state: &State, look: &Appearance, area: Rect) -> Option<u16> {
    let scene = Scene::new(state, look);
    if layout::class(area) == Class::Sentence {
        return None;
    }
    let over = beneath(&scene, area);
    let rows = match (&state.overlay, state.view) {
        (Some(Overlay::Run { .. }), _) => panes::help::popup_inside(over.width, over.height, over).height,
        (Some(Overlay::Help { .. }), _) => over.height.saturating_sub(2),
        (None, View::Runs) => views::runs::rows(&scene, over),
        (None, View::Incidents) => views::incidents::rows(&scene, over),
        (None, View::Overview) => {
            let places = layout::places(area, scene.needs(area));
            let list = if state.focus == Focus::Errors { places.errors } else { places.runs };
            list.height.saturating_sub(1)
        }
        (Some(Overlay::Fix(_)), _) | (None, View::History | View::Diagnose | View::Metrics | View::Wall) => {
            return None;
        }
    };
    Some(rows.saturating_sub(1).max(1))
}

fn render_overlay(scene: &Scene, area: Rect, buf: &mut Buffer) {
    match &scene.state.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => panes::help::render(scene, *scroll, area, buf),
        Some(Overlay::Run { id, detail, scroll }) => {
            panes::run_detail::render(scene, *id, detail.as_deref(), *scroll, area, buf);
        }
        Some(Overlay::Fix(choice)) => panes::fix::render(scene, choice, area, buf),
    }
}

/// What every pane draws from.
struct Scene<'a> {
    state: &'a State,
    theme: &'a Theme,
    glyphs: &'a Glyphs,
    keys: &'a KeyMap,
    /// Judged once per frame.
    health: Health,
    /// What a press on a place asks for, in the order in which it was drawn; `None` where it asks for nothing.
    pressed: RefCell<Vec<(Rect, Option<Action>)>>,
}

impl<'a> Scene<'a> {
    fn new(state: &'a State, look: &'a Appearance) -> Self {
        Self {
            state,
            theme: &look.theme,
            glyphs: look.glyphs,
            keys: &look.keys,
            health: state.health(),
            pressed: RefCell::default(),
        }
    }
}

impl Scene<'_> {
    /// Notes what a press on `place` asks for.
    fn note(&self, place: Rect, action: Option<Action>) {
        self.pressed.borrow_mut().push((place, action));
    }

    /// Text from elsewhere as one line of at most `width` columns.
    fn clean(&self, raw: &str, width: u16) -> String {
        text::line(raw, usize::from(width), self.glyphs.charset)
    }

    /// Text from elsewhere wrapped to `width` columns and at most `most` lines.
    fn clean_lines(&self, raw: &str, width: u16, most: u16) -> Vec<String> {
        text::lines(raw, usize::from(width), usize::from(most), self.glyphs.charset)
    }

    /// Whether what is known may no longer be true: nothing of it may look healthy.
    fn is_old(&self) -> bool {
        !self.state.connected() || self.state.database().poll_error.is_some()
    }

    fn is_unknown(&self) -> bool {
        self.health.verdict == Verdict::Unknown
    }

    fn needs(&self, area: Rect) -> layout::Needs {
        let width = area.width.saturating_sub(2);
        layout::Needs {
            banner: panes::banner::height(self, width),
            findings: panes::verdict::height(self),
            refresh: panes::refresh::height(self, width),
            last_error: panes::last_error::height(self),
            job: panes::job::height(self),
        }
    }
}
