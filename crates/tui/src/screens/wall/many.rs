//! The wall if several views are managed: the worst verdict with its view and reason, then every view with its mark and the
//! age of its data, the worst first.

use super::draw::{draw_verdict, verdict_rows, widest};
use crate::{
    scene::Scene,
    screens::board::{cells::Row, state::Board},
    widgets::{below, letters, put, to_u16, verdict},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};
use refreshtop_core::{health::Verdict, views::View};

/// Columns between two columns of views.
const GAP: u16 = 3;
/// Columns of an age.
const AGE: u16 = 5;
/// The longest name that is shown whole.
const LONGEST: u16 = 40;
/// Rows from which on blank ones keep the parts apart.
const ROOMY: u16 = 16;

pub fn draw_body(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let verdict = scene.health.verdict;
    let gap = u16::from(area.height >= ROOMY);
    let beside = if verdict == Verdict::Warning { 2 } else { 0 };
    let widest = widest(scene, area.width.saturating_sub(beside));
    let scale = (1..=widest).rev().find(|scale| verdict_rows(scene, *scale) <= area.height / 3);
    let mut rest = below(area, gap);
    if let Some(scale) = scale {
        let rows = verdict_rows(scene, scale);
        draw_verdict(scene, scale, Rect { height: rows.min(rest.height), ..rest }, buf);
        rest = below(rest, rows + gap);
    } else {
        put(buf, rest, 0, &Line::from(verdict::block(scene)));
        rest = below(rest, 1);
    }
    rest = draw_sentence(scene, rest, buf);
    draw_views(scene, below(rest, gap), buf);
}

/// The worst view with its worst reason; in letters on a very large screen.
fn draw_sentence(scene: &Scene, area: Rect, buf: &mut Buffer) -> Rect {
    let state = scene.state;
    let (health, worst) = state.worst();
    let style = if health.verdict == Verdict::Healthy { scene.theme.muted } else { scene.theme.title };
    let text = match (health.findings.first(), worst) {
        (Some(finding), Some(view)) => format!("{}: {}", view.name.sql, finding.reason),
        (Some(finding), None) => finding.reason.clone(),
        (None, _) => format!("all checks pass for {} views", state.managed_count()),
    };
    let text = scene.clean(&text, area.width.saturating_sub(2));
    let spelt = text.to_uppercase();
    if area.height >= 30 && letters::spells(&spelt) && letters::width(&spelt, 1) <= area.width {
        let lines = letters::scaled(&spelt, 1, scene.glyphs);
        let rows = to_u16(lines.len());
        for (row, line) in (0..).zip(lines) {
            put(buf, area, row, &Line::styled(line, style));
        }
        return below(area, rows);
    }
    let mark = Span::styled(scene.glyphs.verdict(health.verdict), scene.theme.verdict(health.verdict));
    put(buf, area, 0, &Line::from(vec![mark, " ".into(), Span::styled(text, style)]));
    below(area, 1)
}

/// Every managed view, column by column.
fn draw_views(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let order = Board::default();
    let views: Vec<&View> = order.rows(&scene.state.context()).into_iter().filter(|view| view.id().is_some()).collect();
    let longest = views.iter().map(|view| to_u16(Span::raw(view.name.sql.as_str()).width())).max().unwrap_or_default();
    let name = longest.min(LONGEST).min(area.width.saturating_sub(AGE + 3));
    let width = 2 + name + 1 + AGE;
    let columns = usize::from(((area.width + GAP) / (width + GAP)).max(1));
    let room = columns * usize::from(area.height);
    // The last place says how many are left out.
    let shown = if views.len() > room { room.saturating_sub(1) } else { views.len() };
    // No more columns than needed: a list is read more easily than a grid.
    let needed = shown.div_ceil(usize::from(area.height).max(1)).clamp(1, columns);
    let rows = if views.len() > room { usize::from(area.height) } else { shown.div_ceil(needed).max(1) };
    let place = |index: usize| Rect {
        x: area.x + to_u16(index / rows) * (width + GAP),
        y: area.y + to_u16(index % rows),
        width,
        height: 1,
    };
    for (index, view) in views.iter().take(shown).enumerate() {
        draw_view(scene, view, name, place(index).intersection(area), buf);
    }
    if views.len() > shown {
        let more = format!("and {} more", views.len() - shown);
        put(buf, place(shown).intersection(area), 0, &Line::styled(more, scene.theme.muted));
    }
}

fn draw_view(scene: &Scene, view: &View, name: u16, place: Rect, buf: &mut Buffer) {
    let row = Row::new(scene, view);
    let is_healthy = row.health.as_ref().is_some_and(|health| health.verdict == Verdict::Healthy);
    let style = if is_healthy { scene.theme.value } else { row.style(scene).add_modifier(Modifier::BOLD) };
    let style = if scene.is_old() { scene.theme.old } else { style };
    let text = scene.clean(&view.name.sql, name);
    put(buf, place, 0, &Line::from(vec![row.mark(scene), " ".into(), Span::styled(text, style)]));
    let age = row.age_label(scene);
    let old = if scene.is_old() { scene.theme.old } else { Style::new() };
    let cell = Rect { x: place.x + 2 + name + 1, width: AGE, ..place };
    crate::widgets::put_right(buf, cell.intersection(place), 0, &Line::from(age).patch_style(old));
}
