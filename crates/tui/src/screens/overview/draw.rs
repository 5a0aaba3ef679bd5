//! The overview: every pane at once, as many as fit.

use super::{columns, durations, errors, figures, gauges, job, last_error, runs, state::Focus};
use crate::{
    layout::{self, Needs, Places},
    scene::Scene,
    widgets::{self, banner, footer, header, refresh, tabs, verdict},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Draws the whole frame.
pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let places = places(scene, area);
    figures::render(scene, places.figures, buf);
    last_error::render(scene, places.last_error, buf);
    gauges::render(scene, places.gauges, buf);
    durations::render(scene, places.durations, buf);
    errors::render(scene, places.errors, buf);
    runs::render(scene, places.runs, buf);
    job::render(scene, places.job, buf);
    columns::render(scene, places.columns, buf);
    if scene.is_old() {
        for part in places.parts() {
            buf.set_style(part, scene.theme.old);
        }
    }
    header::render(scene, places.header, buf);
    if places.banner.is_empty() {
        tabs::render_strip(scene, places.tabs, buf);
    }
    banner::render(scene, places.banner, buf);
    verdict::render(scene, places.verdict, buf);
    refresh::render(scene, places.refresh, buf);
    footer::render(scene, places.footer, buf);
}

/// What overlays may cover.
pub fn beneath(scene: &Scene, area: Rect) -> Rect {
    places(scene, area).overlay
}

/// Rows in sight of the list that has the keys.
pub fn rows(scene: &Scene, area: Rect) -> u16 {
    let places = places(scene, area);
    let focus = scene.state.screens.overview.focus;
    let list = if focus == Focus::Errors { places.errors } else { places.runs };
    list.height.saturating_sub(1)
}

fn places(scene: &Scene, area: Rect) -> Places {
    let needs = Needs { last_error: last_error::height(scene), job: job::height(scene), ..widgets::needs(scene, area) };
    layout::places(area, needs)
}
