//! The figures of the window. The last attempt and the last success are separate: a failed attempt does not make the
//! data fresh.

use crate::{
    scene::Scene,
    widgets::{fitting, labelled, moment, put, verdict},
};
use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Flex, Layout, Rect},
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{age, stats::RefreshStats};

/// Width from which on each figure has a column of its own.
const COLUMNS: u16 = 112;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    // Without statistics the gauges above say why.
    let Some(stats) = scene.state.stats() else { return };
    let cells = cells(scene, stats);
    if area.width >= COLUMNS && area.height >= 2 {
        let widths = cells.each_ref().map(|(label, value, _)| {
            Constraint::Length(crate::widgets::to_u16(label.len().max(value.chars().count())))
        });
        let columns: [Rect; 9] = Layout::horizontal(widths).flex(Flex::SpaceBetween).areas(area);
        for ((label, value, style), column) in cells.into_iter().zip(columns) {
            put(buf, column, 0, &Line::styled(label, scene.theme.muted));
            put(buf, column, 1, &Line::styled(value, style));
        }
    } else {
        flow(scene, cells, area, buf);
    }
}

type Cell = (&'static str, String, Style);

/// Fills row after row.
fn flow(scene: &Scene, cells: [Cell; 9], area: Rect, buf: &mut Buffer) {
    let mut parts: Vec<Vec<Span<'static>>> =
        cells.into_iter().map(|(label, value, style)| labelled(scene, label, value, style)).collect();
    for row in 0..area.height {
        let line = fitting(parts.clone(), "  ", area.width);
        let taken = line.spans.len().div_ceil(4);
        put(buf, area, row, &line);
        parts.drain(..taken.min(parts.len()));
    }
}

fn cells(scene: &Scene, stats: &RefreshStats) -> [Cell; 9] {
    let value = scene.theme.title;
    let duration = |ms: Option<f64>| ms.map_or_else(|| scene.glyphs.none.into(), age::duration_ms);
    let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| scene.glyphs.none.into(), |at| moment(scene, at));
    let failed = if stats.failed > 0 { scene.theme.critical } else { value };
    let behind = scene.state.failing_streak() > 0;
    let success = if behind { scene.theme.warning } else { value };
    let attempt = match stats.last_refresh_at {
        Some(last) if behind => format!("{} {}", scene.glyphs.failed, moment(scene, last)),
        last => at(last),
    };
    [
        ("Total", stats.total.to_string(), value),
        ("Successful", stats.successful.to_string(), value),
        ("Failed", stats.failed.to_string(), failed),
        ("Success rate", per_cent(scene, rate(stats)), value),
        ("Average", duration(stats.avg_duration_ms), value),
        ("Maximum", duration(stats.max_duration_ms), value),
        ("Minimum", duration(stats.min_duration_ms), value),
        ("Last refresh", attempt, value),
        ("Last success", at(stats.last_success_at), success),
    ]
}

/// The success rate from the counts, as the rules compute it.
pub fn rate(stats: &RefreshStats) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
    let rate = stats.successful as f64 * 100.0 / stats.total as f64;
    (stats.total > 0).then_some(rate)
}

/// Rounded down, so that a rate just below a limit never reads like the limit.
pub fn per_cent(scene: &Scene, rate: Option<f64>) -> String {
    rate.map_or_else(|| scene.glyphs.none.into(), |rate| format!("{:.1} %", (rate * 10.0).floor() / 10.0))
}

/// The time that the figures are about.
pub fn window(scene: &Scene) -> String {
    verdict::span(scene.state.window())
}
