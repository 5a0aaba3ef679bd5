//! The figures of the whole window.

use super::marks::{fresh_mark, outcome};
use crate::{
    scene::Scene,
    widgets::{
        fitting, labelled,
        numbers::{bytes, grouped_u64, short},
    },
};
use ratatui::{
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::{
    age,
    history::{FRESH_TARGET, History},
};

/// Width from which on each figure has a column of its own.
const COLUMNS: u16 = 110;
/// Width below which there is one column, and the tables come last.
pub(super) const SMALL: u16 = 72;

/// Label, value and style of each figure of the whole window.
fn cells(scene: &Scene, history: &History) -> Vec<(&'static str, String, Style)> {
    let (whole, theme, glyphs) = (&history.whole, scene.theme, scene.glyphs);
    let duration = |ms: Option<f64>| ms.map_or_else(|| glyphs.none.into(), age::duration_ms);
    // By the same limits as the health rules: a day with a failure need not be a bad one.
    let limits = scene.state.limits().thresholds();
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

pub(super) fn figures(scene: &Scene, history: &History, width: u16) -> Vec<Line<'static>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_if_there_is_one() {
        assert_eq!(change(Some(100), 112), Some("+12.0 %".into()));
        assert_eq!(change(Some(100_000), 100_001), None);
        assert_eq!(change(Some(0), 5), None);
    }
}
