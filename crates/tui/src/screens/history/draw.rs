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

use crate::{
    scene::Scene,
    widgets::{
        being_read, fitting, labelled, moment,
        numbers::{grouped, round_up},
        put,
        sheet::Sheet,
        timeline::{self, Timeline},
        titled, to_u16, unavailable, verdict, waiting,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    age, diagnosis,
    history::{FRESH_TARGET, Grown, Growth, History, Part, Size, times},
};

/// Width from which on each figure has a column of its own.
const COLUMNS: u16 = 110;
/// Width below which there is one column, and the tables come last.
const SMALL: u16 = 72;
/// Height of the view from which on its parts stand apart.
const ROOMY: u16 = 30;
/// Times as high as nine in ten bars that the chart is at most.
const BARS_AT_LEAST: f64 = 2.0;
/// Rows of the chart from which on p50 and the longest are marked in it.
const MARKED: u16 = 4;
/// Tables whose growth is drawn.
const MOST_TABLES: usize = 50;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let asked = &scene.state.screens.history.answer;
    match &asked.reading {
        None => waiting(scene, titled(scene, area, buf, "HISTORY", ""), buf),
        Some(Err(missing)) => unavailable(scene, missing, titled(scene, area, buf, "HISTORY", ""), buf),
        Some(Ok(history)) => sheet(scene, history, area).draw(scene, scene.state.screens.history.scroll, area, buf),
    }
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
    if asked.window != Some(scene.state.options.window) {
        parts.push(being_read(scene, &verdict::span(scene.state.options.window)));
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

/// Label, value and style of each figure of the whole window.
fn cells(scene: &Scene, history: &History) -> Vec<(&'static str, String, Style)> {
    let (whole, theme, glyphs) = (&history.whole, scene.theme, scene.glyphs);
    let duration = |ms: Option<f64>| ms.map_or_else(|| glyphs.none.into(), age::duration_ms);
    // By the same limits as the health rules: a day with a failure need not be a bad one.
    let limits = &scene.state.options.thresholds;
    let (mark, style) = match whole.success_rate() {
        Some(rate) if rate < limits.success_critical => (glyphs.failed, theme.critical),
        Some(rate) if rate < limits.success_warning => (glyphs.warning, theme.warning),
        Some(_) => (glyphs.ok, theme.healthy),
        None => outcome(scene, whole),
    };
    let failed = if whole.failures > 0 { format!(" ({} failed)", grouped_u64(whole.failures)) } else { String::new() };
    let success = match whole.success_rate() {
        None => mark.to_owned(),
        rate => format!("{mark} {}{failed}", per_cent(scene, rate)),
    };
    let (fresh_mark, fresh_style) = fresh_mark(scene, whole);
    let fresh = match whole.fresh_share() {
        None => format!("{fresh_mark} unknown"),
        share => format!("{fresh_mark} {} ({} {FRESH_TARGET:.0} %)", per_cent(scene, share), glyphs.at_least),
    };
    let mut cells = vec![
        ("p50", duration(whole.p50), theme.title),
        ("p95", duration(whole.p95), theme.title),
        ("p99", duration(whole.p99), theme.title),
        ("max", duration(whole.max), theme.title),
        ("success", success, style),
        ("fresh", fresh, fresh_style),
    ];
    if let Ok(growth) = &history.growth {
        let total = growth.total();
        let grew = |from: u64, to: u64| change(Some(from), to).map(|grew| format!(" {grew}")).unwrap_or_default();
        let from = total.from.unwrap_or_default();
        if let Some(rows) = total.to.rows {
            let grown = from.rows.map(|from| grew(from, rows)).unwrap_or_default();
            cells.push(("source rows", format!("{}{grown}", short(rows)), theme.title));
        }
        let bytes = format!("{}{}", bytes(total.to.bytes), grew(from.bytes, total.to.bytes));
        cells.push(("source bytes", bytes, theme.title));
    }
    cells
}

fn figures(scene: &Scene, history: &History, width: u16) -> Vec<Line<'static>> {
    let mut cells = cells(scene, history);
    if width < SMALL {
        cells.truncate(6);
    }
    if width >= COLUMNS {
        let (mut labels, mut values) = (Vec::new(), Vec::new());
        for (label, value, style) in cells {
            let columns = label.len().max(Span::raw(value.as_str()).width()) + if width >= 160 { 5 } else { 3 };
            let pad = |text: &str| format!("{text}{}", " ".repeat(columns.saturating_sub(Span::raw(text).width())));
            labels.push(Span::styled(pad(label), scene.theme.muted));
            values.push(Span::styled(pad(&value), style));
        }
        return vec![Line::from(labels), Line::from(values)];
    }
    let mut parts: Vec<Vec<Span<'static>>> =
        cells.into_iter().map(|(label, value, style)| labelled(scene, label, value, style)).collect();
    let mut lines = Vec::new();
    while !parts.is_empty() {
        let line = fitting(parts.clone(), "  ", width);
        // Each part has three spans, and a gap before it.
        let taken = line.spans.len().div_ceil(4).clamp(1, parts.len());
        parts.drain(..taken);
        lines.push(line);
    }
    lines
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

fn outcome(scene: &Scene, part: &Part) -> (&'static str, Style) {
    match (part.failures, part.successes) {
        (0, 0) => (scene.glyphs.none, scene.theme.muted),
        (0, _) => (scene.glyphs.ok, scene.theme.healthy),
        _ => (scene.glyphs.failed, scene.theme.critical),
    }
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

fn fresh_mark(scene: &Scene, part: &Part) -> (&'static str, Style) {
    match part.is_fresh_enough() {
        Some(true) => (scene.glyphs.ok, scene.theme.healthy),
        Some(false) => (scene.glyphs.warning, scene.theme.warning),
        None => (scene.glyphs.unknown, scene.theme.unknown),
    }
}

fn add_growth<'a>(scene: &'a Scene<'a>, history: &'a History, line: Timeline, bars: u16, sheet: &mut Sheet<'a>) {
    sheet.add(1, move |area, buf| {
        let late = history.growth.as_ref().ok().filter(|growth| !history.is_measured_throughout(growth));
        let note = late.map(|growth| format!("measured since {} UTC only", moment(scene, growth.since)));
        titled(
            scene,
            area,
            buf,
            "GROWTH",
            note.as_deref().unwrap_or("the tables that a refresh reads, the largest first"),
        );
    });
    let growth = match &history.growth {
        Err(missing) => return sheet.add(3, move |area, buf| unavailable(scene, missing, area, buf)),
        Ok(growth) => growth,
    };
    for grown in growth.grown().into_iter().take(MOST_TABLES) {
        sheet.add(bars + 1, move |area, buf| {
            put(buf, area, 0, &grown_line(scene, &grown, area.width));
            let bars = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
            draw_growth(scene, growth, &grown, line, bars, buf);
        });
    }
}

/// What it was, what it is, and how many times as much.
fn grown_line(scene: &Scene, grown: &Grown<'_>, width: u16) -> Line<'static> {
    let theme = scene.theme;
    let to = grown.to;
    let factor = grown.factor().map(|factor| match factor {
        factor if factor >= 1.005 => (format!("grew {}", times(factor)), theme.title),
        factor if factor <= 0.995 => (format!("shrank {}", times(factor)), theme.title),
        _ => match grown.swollen() {
            Some(factor) => (format!("bytes grew {}", times(factor)), theme.title),
            None => ("unchanged".to_owned(), theme.muted),
        },
    });
    let rows = to.rows.map(|rows| match grown.from.and_then(|from| from.rows) {
        Some(from) if from != rows => {
            format!("{} to {} rows", grouped_u64(from), grouped_u64(rows))
        }
        _ => format!("{} rows", grouped_u64(rows)),
    });
    let bytes = match grown.from {
        Some(from) if bytes(from.bytes) != bytes(to.bytes) => format!("{} to {}", bytes(from.bytes), bytes(to.bytes)),
        _ => bytes(to.bytes),
    };
    let name = scene.clean(grown.name, (width / 2).max(16).min(width));
    let mut parts = vec![vec![Span::styled(name, theme.value)]];
    parts.extend(factor.map(|(text, style)| vec![Span::styled(text, style)]));
    parts.extend(rows.map(|rows| vec![Span::styled(rows, theme.muted)]));
    parts.push(vec![Span::styled(bytes, theme.muted)]);
    fitting(parts, "  ", width)
}

/// Its size at the end of each slice, from nothing upwards: rows if they are known throughout and tell what grew, else bytes.
fn draw_growth(scene: &Scene, growth: &Growth, grown: &Grown<'_>, line: Timeline, area: Rect, buf: &mut Buffer) {
    let sizes: Vec<Option<Size>> = growth.at_ends.iter().map(|end| end.as_ref()?.get(grown.name).copied()).collect();
    let known = sizes.iter().flatten().all(|size| size.rows.is_some()) && grown.to.rows.is_some();
    let by_rows = known && grown.swollen().is_none();
    let value = |size: Size| if by_rows { size.rows.unwrap_or_default() } else { size.bytes };
    let most = sizes.iter().flatten().map(|size| value(*size)).max().unwrap_or_default();
    timeline::label(scene, &if by_rows { short(most) } else { bytes(most) }, 0, area, buf);
    line.bars(scene, area, buf, |index| {
        #[expect(clippy::cast_precision_loss, reason = "estimates")]
        let share = value((*sizes.get(index)?)?) as f64 / most.max(1) as f64;
        Some((share, scene.theme.bar))
    });
}

/// Rounded down, so that a share just below its target never reads like it.
fn per_cent(scene: &Scene, share: Option<f64>) -> String {
    share.map_or_else(|| scene.glyphs.none.into(), |share| format!("{:.1} %", (share * 10.0).floor() / 10.0))
}

/// By how much it changed, per cent; nothing if that is nothing, or there was nothing before.
fn change(from: Option<u64>, to: u64) -> Option<String> {
    #[expect(clippy::cast_precision_loss, reason = "estimates")]
    let change = from.filter(|from| *from > 0).map(|from| (to as f64 / from as f64 - 1.0) * 100.0)?;
    (change.abs() >= 0.05).then(|| format!("{change:+.1} %"))
}

fn bytes(count: u64) -> String {
    diagnosis::bytes(i64::try_from(count).unwrap_or(i64::MAX))
}

pub fn grouped_u64(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count in few columns: `999`, `20.4k`, `1.2M`.
pub fn short(count: u64) -> String {
    if count < 10_000 {
        return grouped_u64(count);
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut left = count as f64 / 1_000.0;
    for unit in ["k", "M", "G"] {
        if left < 999.95 {
            return format!("{left:.1}{unit}");
        }
        left /= 1_000.0;
    }
    format!("{left:.1}T")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_few_columns() {
        let cases = [
            (0, "0"),
            (9_999, "9,999"),
            (10_000, "10.0k"),
            (999_949, "999.9k"),
            (999_950, "1.0M"),
            (u64::MAX, "18446744.1T"),
        ];
        for (count, wanted) in cases {
            assert_eq!(short(count), wanted);
        }
    }

    #[test]
    fn a_change_is_shown_if_there_is_one() {
        assert_eq!(change(Some(100), 112), Some("+12.0 %".into()));
        assert_eq!(change(Some(100_000), 100_001), None);
        assert_eq!(change(Some(0), 5), None);
    }
}
