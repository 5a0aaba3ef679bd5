//! The history of a window: its figures, and on one time axis how long refreshes took, how they ended, whether data was
//! fresh, and how the tables grew that they read.
//!
//! ```text
//! HISTORY  last 24 h · by 1 h · read 03:00:30 UTC ────────────────────────────────
//! p50      p95      p99      max      success           fresh           sources
//! 118 ms   141 ms   142 ms   142 ms   ✓ 98.9 % (3 ✗)    ▲ 97.2 % ≥ 99 % 1.2M rows
//! ▲ p95 rose from 118 ms to 340 ms while public.assets grew 2.4x
//!
//! DURATIONS  bars p95 · ─ p50 · · max
//!  150 ms ▇▇▇ ▆▆▆ ▇▇▇
//!       0 ███ ─── ███
//!    runs ✓12 ✗2  ✓12
//!   fresh ✓   ▲87 ✓
//!         ╵02:00  ╵04:00
//! GROWTH
//! public.assets  204,377 to 490,512 rows  2.4x
//!   490.5k ▃▃▃ ▅▅▅ ███
//! ```

use super::{
    figures::{SMALL, figures},
    growth::add_growth,
    marks::{fresh_mark, outcome},
};
use crate::{
    scene::Scene,
    screens::windowed::Windowed,
    widgets::{
        being_read,
        numbers::round_up,
        put, read_or_reason,
        sheet::Sheet,
        timeline::{self, Timeline},
        titled, to_u16, verdict,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};
use refreshtop_core::{age, history::History};

/// Height of the view from which on its parts stand apart.
const ROOMY: u16 = 30;
/// Times as high as nine in ten bars that the chart is at most.
const BARS_AT_LEAST: f64 = 2.0;
/// Rows of the chart from which on p50 and the longest are marked in it.
const MARKED: u16 = 4;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let Windowed { answer, scroll } = &scene.state.screens.history;
    if let Some(history) = answer.get() {
        return sheet(scene, history, area).draw(scene, *scroll, area, buf);
    }
    let below = titled(scene, area, buf, "HISTORY", "");
    read_or_reason(scene, answer.reading.as_ref(), below, buf);
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(scene: &Scene, area: Rect) -> u16 {
    scene.state.screens.history.answer.get().map_or(0, |history| sheet(scene, history, area).limit(area.height))
}

/// Everything, from the top down.
fn sheet<'a>(scene: &'a Scene<'a>, history: &'a History, area: Rect) -> Sheet<'a> {
    let line = Timeline::new(history.slices, area.width);
    let roomy = area.height >= ROOMY;
    let small = area.width < SMALL;
    let mut sheet = Sheet::default();
    sheet.add(1, move |area, buf| head(scene, history, area, buf));
    let figures = figures(scene, history, area.width);
    sheet.add(to_u16(figures.len()), move |area, buf| {
        for (row, line) in (0..).zip(&figures) {
            put(buf, area, row, line);
        }
    });
    let heights = Heights::new(history, area, small, roomy);
    let explained = explanation(scene, history, area.width);
    if small {
        sheet.add(heights.chart, move |area, buf| durations(scene, history, line, area, buf));
        sheet.add(1, move |area, buf| line.axis(scene, area, buf));
    }
    if !explained.is_empty() {
        sheet.add(to_u16(explained.len()), move |area, buf| {
            for (row, line) in (0..).zip(&explained) {
                put(buf, area, row, line);
            }
        });
    }
    if roomy {
        sheet.gap();
    }
    if !small {
        sheet.add(1, move |area, buf| {
            titled(scene, area, buf, "DURATIONS", &legend(scene, history));
        });
        sheet.add(heights.chart, move |area, buf| durations(scene, history, line, area, buf));
    }
    sheet.add(1, move |area, buf| runs(scene, history, line, area, buf));
    sheet.add(heights.fresh + 1, move |area, buf| freshness(scene, history, line, area, buf));
    if !small {
        sheet.add(1, move |area, buf| line.axis(scene, area, buf));
    }
    if roomy {
        sheet.gap();
    }
    add_growth(scene, history, line, heights.table, &mut sheet);
    sheet
}

/// Rows of the parts whose height follows the screen's.
struct Heights {
    chart: u16,
    /// Bars of freshness, beside their row of marks.
    fresh: u16,
    /// Bars of each table.
    table: u16,
}

impl Heights {
    fn new(history: &History, area: Rect, small: bool, roomy: bool) -> Self {
        if small {
            return Self { chart: area.height.saturating_sub(6).clamp(2, 6), fresh: 0, table: 1 };
        }
        let tables = history.growth.as_ref().map_or(1, |growth| to_u16(growth.last().len().clamp(1, 8)));
        let fresh = if roomy { 2 } else { 0 };
        let rest = 9 + fresh + if roomy { 4 } else { 0 };
        let chart = area.height.saturating_sub(rest + 2 * tables).clamp(4, 20);
        let free = area.height.saturating_sub(rest + 2 * tables + chart);
        Self { chart, fresh, table: 1 + (free / tables).min(3) }
    }
}

fn head(scene: &Scene, history: &History, area: Rect, buf: &mut Buffer) {
    let asked = &scene.state.screens.history.answer;
    let slices = history.slices;
    let mut parts = Vec::new();
    if let Some(window) = asked.window {
        parts.push(format!("last {}", verdict::span(window)));
    }
    parts.push(format!("by {}", verdict::span(std::time::Duration::from_secs(slices.step))));
    if asked.window != Some(scene.state.chosen_window()) {
        parts.push(being_read(scene, &verdict::span(scene.state.chosen_window())));
    } else if area.width >= 60
        && let Some(at) = asked.read_at
    {
        parts.push(format!("read {} UTC", at.format("%H:%M:%S")));
    }
    titled(scene, area, buf, "HISTORY", &parts.join(&format!(" {} ", scene.glyphs.dot)));
}

fn legend(scene: &Scene, history: &History) -> String {
    let glyphs = scene.glyphs;
    let above = if longest(history) > top(history) { format!("   {} above", glyphs.above) } else { String::new() };
    format!("bars: p95   {} p50   {} maximum   {} all failed", glyphs.gauge_rest, glyphs.unmeasured, glyphs.failed)
        + &above
}

fn explanation(scene: &Scene, history: &History, width: u16) -> Vec<Line<'static>> {
    let (mark, style, text) = match history.explanation() {
        Some(found) if found.slower => (scene.glyphs.warning, scene.theme.warning, found.text),
        Some(found) => (scene.glyphs.dot, scene.theme.muted, found.text),
        None if history.whole.successes + history.whole.failures == 0 => {
            (scene.glyphs.failed, scene.theme.critical, "no refresh in this window".into())
        }
        None => return Vec::new(),
    };
    let texts = scene.clean_lines(&text, width.saturating_sub(2), 3);
    let line = |(row, text): (usize, String)| {
        let mark = if row == 0 { mark } else { " " };
        Line::from(vec![Span::styled(mark, style), " ".into(), Span::styled(text, style)])
    };
    texts.into_iter().enumerate().map(line).collect()
}

/// The longest of all refreshes, milliseconds.
fn longest(history: &History) -> f64 {
    history.parts.iter().filter_map(|part| part.max).fold(0.0, f64::max)
}

/// Top of the chart: where a few refreshes were far slower than the rest, the bars of the rest stay large enough to
/// compare.
fn top(history: &History) -> f64 {
    let mut bars: Vec<f64> = history.parts.iter().filter_map(|part| part.p95).collect();
    bars.sort_by(f64::total_cmp);
    let high = bars.get(bars.len().saturating_sub(1) * 9 / 10).copied().unwrap_or_default();
    round_up(longest(history).min(high * BARS_AT_LEAST))
}

/// How long refreshes took: bars as high as p95, with p50 marked in them and the longest above.
fn durations(scene: &Scene, history: &History, line: Timeline, area: Rect, buf: &mut Buffer) {
    let part = |index: usize| history.parts.get(index).copied().unwrap_or_default();
    let (longest, top) = (longest(history), top(history));
    let share = |ms: f64| if top > 0.0 { ms / top } else { 0.0 };
    timeline::label(scene, &if longest > 0.0 { age::duration_ms(top) } else { String::new() }, 0, area, buf);
    if area.height >= 3 {
        timeline::label(scene, "0", area.height - 1, area, buf);
    }
    line.bars(scene, area, buf, |index| Some((share(part(index).p95?), scene.theme.bar)));
    for (index, ..) in line.columns() {
        let part = part(index);
        if part.successes == 0 && part.failures > 0 {
            line.mark(index, 0.0, scene.glyphs.failed, scene.theme.critical, area, buf);
        }
        let (Some(p50), Some(p95), Some(max)) = (part.p50, part.p95, part.max) else { continue };
        let row = |ms: f64| timeline::eighths_of(share(ms), area.height).saturating_sub(1) / 8;
        // On a few rows a notch would cut the bar in two.
        if area.height >= MARKED && row(p50) < row(p95) {
            line.mark(index, share(p50), scene.glyphs.gauge_rest, scene.theme.title, area, buf);
        }
        if area.height >= MARKED && max > top {
            line.mark(index, 1.0, scene.glyphs.above, scene.theme.warning, area, buf);
        } else if area.height >= MARKED && row(max) > row(p95) {
            line.mark(index, share(max), scene.glyphs.unmeasured, scene.theme.muted, area, buf);
        }
    }
}

/// How they ended.
fn runs(scene: &Scene, history: &History, line: Timeline, area: Rect, buf: &mut Buffer) {
    timeline::label(scene, "runs", 0, area, buf);
    line.words(area, buf, |index, width| {
        let part = history.parts.get(index)?;
        let (mark, style) = outcome(scene, part);
        let count = if part.failures > 0 { part.failures } else { part.successes };
        let numbered = format!("{mark}{count}");
        let fits = count > 0 && numbered.chars().count() <= usize::from(width);
        Some(Span::styled(if fits { numbered } else { mark.to_owned() }, style))
    });
}

/// Whether data was fresh for long enough; with bars if there is room.
fn freshness(scene: &Scene, history: &History, line: Timeline, area: Rect, buf: &mut Buffer) {
    let bars = Rect { height: area.height.saturating_sub(1), ..area };
    if bars.height > 0 {
        timeline::label(scene, "100 %", 0, bars, buf);
        line.bars(scene, bars, buf, |index| {
            let part = history.parts.get(index)?;
            let style = if part.is_fresh_enough()? { scene.theme.bar } else { scene.theme.warning };
            // Nothing of it is nothing, not the lowest bar.
            Some((part.fresh_share().filter(|share| *share > 0.0)? / 100.0, style))
        });
    }
    let marks = Rect { y: bars.bottom(), height: area.height - bars.height, ..area };
    timeline::label(scene, "fresh", 0, marks, buf);
    line.words(marks, buf, |index, width| {
        let part = history.parts.get(index)?;
        let (mark, style) = fresh_mark(scene, part);
        let share = part.fresh_share().filter(|_| part.is_fresh_enough() == Some(false));
        let text = share.map(|share| format!("{mark}{:.0}%", share.floor()));
        let text = text.filter(|text| text.chars().count() <= usize::from(width));
        Some(Span::styled(text.unwrap_or_else(|| mark.to_owned()), style))
    });
}
