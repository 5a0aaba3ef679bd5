//! Durations of the recent runs, one column each, the newest at the right. A failed run is a cross on a stem, not a
//! bar: its duration says how long it waited, not how long a refresh takes, so it has no part in the scale.

use crate::{
    scene::Scene,
    widgets::{numbers::round_up, put, read_or_reason, titled},
};
use chrono::TimeDelta;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{RenderDirection, Sparkline, SparklineBar, Widget},
};
use refreshtop_core::{
    age,
    run::{Run, RunStatus},
};

/// Columns of the scale at the left.
const SCALE: u16 = 9;
/// Columns between two times on the axis.
const AXIS_STEP: u16 = 20;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let runs = scene.state.runs();
    let plot_width = area.width.saturating_sub(SCALE);
    let shown = &runs[..runs.len().min(usize::from(plot_width))];
    let inner = titled(scene, area, buf, "DURATIONS", &note(scene, shown));
    let reading = scene.state.snapshot().map(|snapshot| &snapshot.runs);
    if read_or_reason(scene, reading, inner, buf).is_none() {
        return;
    }
    if shown.is_empty() {
        return put(buf, inner, 0, &Line::styled("no runs yet", scene.theme.muted));
    }
    let plot = Rect {
        x: inner.x + SCALE.min(inner.width),
        width: plot_width,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    let top = scale_top(scene, shown);
    bars(scene, shown, top, plot, buf);
    limit_line(scene, top, plot, buf);
    scale(scene, top, inner, buf);
    axis(scene, shown, plot, Rect { y: plot.bottom(), height: inner.height.min(1), ..plot }, buf);
}

/// What the title says: how many runs, and how many of them failed.
fn note(scene: &Scene, shown: &[Run]) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let failed = shown.iter().filter(|run| run.status == RunStatus::Error).count();
    let glyphs = scene.glyphs;
    let count = shown.len();
    let runs = if count == 1 { "run" } else { "runs" };
    match failed {
        0 => format!("last {count} {runs}, none failed"),
        _ => format!("last {count} {runs}, {} {failed} failed", glyphs.failed),
    }
}

/// Milliseconds at the upper edge. The threshold is in sight once a run comes near it.
fn scale_top(scene: &Scene, shown: &[Run]) -> f64 {
    let limit = limit_ms(scene);
    let longest = shown.iter().filter_map(measured).fold(0.0, f64::max);
    if longest > limit / 2.0 { round_up(longest.max(limit * 1.1)) } else { round_up(longest) }
}

fn limit_ms(scene: &Scene) -> f64 {
    scene.state.limits().max_duration.value.as_secs_f64() * 1000.0
}

/// The duration of a run that refreshed the view.
fn measured(run: &Run) -> Option<f64> {
    run.duration_ms.filter(|ms| run.status == RunStatus::Success && ms.is_finite() && *ms >= 0.0)
}

fn bars(scene: &Scene, shown: &[Run], top: f64, plot: Rect, buf: &mut Buffer) {
    const STEPS: f64 = 10_000.0;
    // A measured run always shows at least the lowest bar.
    let least = STEPS / 8.0 / f64::from(plot.height.max(1));
    let limit = limit_ms(scene);
    let bar = |run: &Run| {
        if run.status == RunStatus::Error {
            return SparklineBar::from(None::<u64>);
        }
        let ms = measured(run);
        let share = ms.map_or(0.0, |ms| if top > 0.0 { (ms / top * STEPS).clamp(least, STEPS) } else { least });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and STEPS")]
        let bar = SparklineBar::from(Some(share.ceil() as u64));
        bar.style(ms.filter(|ms| *ms > limit).map(|_| scene.theme.warning))
    };
    Sparkline::default()
        .data(shown.iter().map(bar))
        .max(10_000)
        .direction(RenderDirection::RightToLeft)
        .bar_set(scene.glyphs.bars.clone())
        .style(scene.theme.bar)
        .absent_value_symbol(scene.glyphs.stem)
        .absent_value_style(scene.theme.critical)
        .render(plot, buf);
    if plot.height == 0 {
        return;
    }
    for (run, x) in shown.iter().zip((plot.left()..plot.right()).rev()) {
        let foot = &mut buf[(x, plot.bottom() - 1)];
        if run.status == RunStatus::Error {
            foot.set_symbol(scene.glyphs.failed);
        } else if measured(run).is_none() {
            foot.set_symbol(scene.glyphs.unmeasured).set_style(scene.theme.muted);
        }
    }
}

/// The threshold, if no bar stands.
fn limit_line(scene: &Scene, top: f64, plot: Rect, buf: &mut Buffer) {
    let limit = limit_ms(scene);
    if top < limit || plot.height < 2 {
        return;
    }
    let y = row_of(limit, top, plot);
    for x in plot.left()..plot.right() {
        let cell = &mut buf[(x, y)];
        if cell.symbol() == " " {
            cell.set_symbol(scene.glyphs.limit_line).set_style(scene.theme.warning);
        }
    }
}

fn row_of(ms: f64, top: f64, plot: Rect) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a height")]
    let up = (f64::from(plot.height) * (ms / top).clamp(0.0, 1.0)) as u16;
    plot.bottom().saturating_sub(1 + up.min(plot.height.saturating_sub(1)))
}

fn scale(scene: &Scene, top: f64, inner: Rect, buf: &mut Buffer) {
    let rows = inner.height.saturating_sub(1);
    let label = |ms: f64| Line::styled(format!("{:>8}", age::duration_ms(ms)), scene.theme.muted);
    let column = Rect { width: SCALE.min(inner.width), ..inner };
    if rows >= 1 && top > 0.0 {
        put(buf, column, 0, &label(top));
    }
    if rows >= 3 {
        put(buf, column, rows - 1, &Line::styled(format!("{:>8}", "0"), scene.theme.muted));
    }
    let limit = limit_ms(scene);
    let plot = Rect { height: rows, ..column };
    if top >= limit && rows >= 4 {
        let y = row_of(limit, top, plot);
        if y > column.y && y + 1 < plot.bottom() {
            put(
                buf,
                column,
                y - column.y,
                &Line::styled(format!("{:>8}", age::duration_ms(limit)), scene.theme.warning),
            );
        }
    }
}

/// Times of some of the runs, each under its own column.
fn axis(scene: &Scene, shown: &[Run], plot: Rect, area: Rect, buf: &mut Buffer) {
    let span = shown.first().zip(shown.last()).map(|(newest, oldest)| newest.started_at - oldest.started_at);
    let days = span.is_some_and(|span| span > TimeDelta::hours(36));
    let format = if days { "%m-%d %H:%M" } else { "%H:%M" };
    let label_width = if days { 12 } else { 6 };
    // From the right, so that the newest label is always near the newest run.
    let oldest = plot.right().saturating_sub(crate::widgets::to_u16(shown.len()));
    let newest = plot.right().saturating_sub(label_width).max(oldest);
    let columns = std::iter::successors(Some(newest), |x| x.checked_sub(AXIS_STEP)).take_while(|x| *x >= oldest);
    for x in columns {
        let Some(run) = shown.get(usize::from(plot.right().saturating_sub(1 + x))) else { break };
        let text = format!("{}{}", scene.glyphs.tick, run.started_at.format(format));
        put(buf, Rect { x, width: plot.right() - x, ..area }, 0, &Line::styled(text, scene.theme.muted));
    }
}
