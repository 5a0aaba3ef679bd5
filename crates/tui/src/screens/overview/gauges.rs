//! Freshness, success rate and average duration, each against its threshold.

use crate::{
    layout::SIDE_BY_SIDE,
    scene::Scene,
    widgets::{put, put_right, read_or_reason},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{LineGauge, Widget},
};
use refreshtop_core::{
    age,
    health::{Rule, Verdict},
};
use std::time::Duration;

/// Where the threshold of a figure that should stay low lies on its gauge.
const LIMIT_AT: f64 = 2.0 / 3.0;

struct Gauge {
    name: &'static str,
    short: &'static str,
    value: String,
    /// `None` if there is no value.
    ratio: Option<f64>,
    limit: String,
    limit_at: f64,
    verdict: Verdict,
}

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let reading = scene.state.snapshot().map(|snapshot| &snapshot.stats);
    if read_or_reason(scene, reading, area, buf).is_none() {
        return;
    }
    let gauges = [freshness(scene), success_rate(scene), average_duration(scene)];
    if area.width >= SIDE_BY_SIDE && area.height >= 2 {
        let gap = if area.width >= 110 { 4 } else { 2 };
        let columns: [Rect; 3] = Layout::horizontal([Constraint::Fill(1); 3]).spacing(gap).areas(area);
        for (gauge, column) in gauges.iter().zip(columns) {
            two_rows(scene, gauge, column, buf);
        }
    } else {
        for (gauge, y) in gauges.iter().zip(area.top()..area.bottom()) {
            one_row(scene, gauge, Rect { y, height: 1, ..area }, buf);
        }
    }
}

fn two_rows(scene: &Scene, gauge: &Gauge, area: Rect, buf: &mut Buffer) {
    let style = scene.theme.verdict(gauge.verdict);
    // The longer name if it leaves room for the rest.
    let rest = gauge.value.chars().count() + gauge.limit.chars().count() + 5;
    let name = if gauge.name.len() + rest <= usize::from(area.width) { gauge.name } else { gauge.short };
    let value = Span::styled(gauge.value.clone(), style.add_modifier(Modifier::BOLD));
    put(buf, area, 0, &Line::from(vec![Span::styled(name, scene.theme.muted), " ".into(), value]));
    let mark = Span::styled(scene.glyphs.verdict(gauge.verdict), style);
    let limit = Span::styled(format!(" {}", gauge.limit), scene.theme.muted);
    put_right(buf, area, 0, &Line::from(vec![mark, limit]));
    bar(scene, gauge, style, Rect { y: area.y + 1, height: 1, ..area }, buf);
}

fn one_row(scene: &Scene, gauge: &Gauge, area: Rect, buf: &mut Buffer) {
    let style = scene.theme.verdict(gauge.verdict);
    let value = Span::styled(format!("{:<9}", gauge.value), style.add_modifier(Modifier::BOLD));
    put(buf, area, 0, &Line::from(vec![Span::styled(format!("{:<6} ", gauge.short), scene.theme.muted), value]));
    let mark = Line::from(vec![
        Span::styled(scene.glyphs.verdict(gauge.verdict), style),
        Span::styled(format!(" {:<8}", gauge.limit), scene.theme.muted),
    ]);
    put_right(buf, area, 0, &mark);
    let taken = 17.min(area.width);
    let width = area.width.saturating_sub(taken + 11);
    bar(scene, gauge, style, Rect { x: area.x + taken, width, ..area }, buf);
}

fn bar(scene: &Scene, gauge: &Gauge, style: Style, area: Rect, buf: &mut Buffer) {
    if area.width < 4 {
        return;
    }
    // The widget leaves a column after its label, which is empty here.
    let place = Rect { x: area.x.saturating_sub(1), width: area.width + 1, ..area };
    LineGauge::default()
        .label("")
        .ratio(gauge.ratio.unwrap_or(0.0).clamp(0.0, 1.0))
        .filled_symbol(scene.glyphs.gauge_filled)
        .unfilled_symbol(scene.glyphs.gauge_rest)
        .filled_style(style)
        .unfilled_style(scene.theme.muted)
        .render(place, buf);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a width")]
    let limit = (f64::from(area.width) * gauge.limit_at.clamp(0.0, 1.0)) as u16;
    let x = area.x + limit.min(area.width - 1);
    buf[(x, area.y)].set_symbol(scene.glyphs.gauge_limit).set_style(scene.theme.title);
}

/// The verdict of the rules on a figure.
fn judged(scene: &Scene, rule: Rule, has_value: bool) -> Verdict {
    if scene.is_unknown() {
        return Verdict::Unknown;
    }
    let found = scene.health.findings.iter().find(|finding| finding.rule == rule).map(|finding| finding.verdict);
    found.unwrap_or(if has_value { Verdict::Healthy } else { Verdict::Unknown })
}

fn freshness(scene: &Scene) -> Gauge {
    let age = scene.state.freshness();
    let limit = scene.state.limits().max_age.value;
    Gauge {
        name: "Freshness",
        short: "Fresh",
        value: age.map_or_else(|| scene.glyphs.none.into(), age::coarse),
        // In the steps of the label: the bar must not move while the label holds.
        ratio: age.map(|age| {
            LIMIT_AT * Duration::from_secs(age::coarse_seconds(age)).as_secs_f64() / limit.as_secs_f64().max(0.001)
        }),
        limit: format!("{} {}", scene.glyphs.at_most, age::label(limit)),
        limit_at: LIMIT_AT,
        verdict: judged(scene, Rule::Freshness, age.is_some()),
    }
}

fn success_rate(scene: &Scene) -> Gauge {
    let rate = scene.state.stats().and_then(crate::screens::overview::figures::rate);
    let limit = scene.state.limits().success_warning.value;
    Gauge {
        name: "Success rate",
        short: "Rate",
        value: crate::screens::overview::figures::per_cent(scene, rate),
        ratio: rate.map(|rate| rate / 100.0),
        limit: format!("{} {limit} %", scene.glyphs.at_least),
        limit_at: limit / 100.0,
        verdict: judged(scene, Rule::SuccessRate, rate.is_some()),
    }
}

fn average_duration(scene: &Scene) -> Gauge {
    let average = scene.state.stats().and_then(|stats| stats.avg_duration_ms);
    let limit = scene.state.limits().max_duration.value.as_secs_f64() * 1000.0;
    Gauge {
        name: "Average duration",
        short: "Avg",
        value: average.map_or_else(|| scene.glyphs.none.into(), age::duration_ms),
        ratio: average.map(|average| LIMIT_AT * average / limit.max(0.001)),
        limit: format!("{} {}", scene.glyphs.at_most, age::duration_ms(limit)),
        limit_at: LIMIT_AT,
        verdict: judged(scene, Rule::AverageDuration, average.is_some()),
    }
}
