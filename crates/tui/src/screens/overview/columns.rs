//! The figures of `platform_metrics` with their growth over 30 days; of another view its columns, or its rows and its size.

use crate::{
    scene::Scene,
    widgets::{
        compact_title, moment,
        numbers::{bytes, grouped, grouped_u64, number},
        put, titled, unavailable, waiting,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Constraint, Layout, Rect},
    text::{Line, Span},
};
use refreshtop_core::figures::{LastMeasured, PlatformMetrics, growth_30d};

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let compact = area.height < 5;
    let snapshot = scene.state.snapshot();
    let as_of = snapshot.and_then(|snapshot| match &snapshot.measured {
        Some(last) => Some(format!("of {}", moment(scene, last.at))),
        None => snapshot.figures.as_ref().ok().map(|figures| as_of(scene, figures)),
    });
    let inner = if compact { area } else { titled(scene, area, buf, "COLUMNS", &as_of.unwrap_or_default()) };
    let Some(snapshot) = snapshot else {
        let rest = if compact { compact_title(scene, area, buf, "COLUMNS") } else { inner };
        return waiting(scene, rest, buf);
    };
    if let Some(last) = &snapshot.measured {
        let (place, per_row) = if compact { (compact_title(scene, area, buf, "COLUMNS"), 2) } else { (inner, 1) };
        return cells(scene, last, place, per_row, buf);
    }
    match &snapshot.figures {
        Err(missing) if compact => {
            unavailable(scene, missing, compact_title(scene, area, buf, "COLUMNS"), buf);
        }
        Err(missing) => unavailable(scene, missing, inner, buf),
        Ok(figures) if compact => grid(scene, figures, inner, buf),
        Ok(figures) => rows(scene, figures, inner, buf),
    }
}

fn as_of(scene: &Scene, figures: &PlatformMetrics) -> String {
    match figures.last_updated {
        Some(at) => format!("of {}, growth over 30 d", moment(scene, at)),
        None => "never populated".into(),
    }
}

/// What the last refresh of a view measured: name and value, as many as there is room for.
fn cells(scene: &Scene, last: &LastMeasured, area: Rect, per_row: u16, buf: &mut Buffer) {
    let [names, values] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(16)])
        .areas::<2>(Rect { width: (area.width / per_row).saturating_sub(3).min(46), ..area });
    for (index, (name, value)) in (0..area.height * per_row).zip(measured(last)) {
        let shift = |place: Rect| Rect { x: place.x + index % per_row * (area.width / per_row), ..place };
        let name = scene.clean(&name, names.width.saturating_sub(1));
        put(buf, shift(names), index / per_row, &Line::styled(name, scene.theme.muted));
        put(buf, shift(values), index / per_row, &right(Span::styled(value, scene.theme.title), values));
    }
}

/// The columns of a view of one row; else its rows, its size and what changed.
fn measured(last: &LastMeasured) -> Vec<(String, String)> {
    if !last.columns.is_empty() {
        return last.columns.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
    }
    let known = [
        ("rows", last.rows.map(grouped_u64)),
        ("size", last.bytes.map(bytes)),
        ("rows inserted", last.changed.map(|changed| grouped_u64(changed.inserted))),
        ("rows deleted", last.changed.map(|changed| grouped_u64(changed.deleted))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Name, total and what is new; licences have no date of their own.
fn all(figures: &PlatformMetrics) -> [(&'static str, i64, Option<i64>); 4] {
    [
        ("accounts", figures.total_accounts, Some(figures.new_accounts_30d)),
        ("users", figures.total_users, Some(figures.new_users_30d)),
        ("assets", figures.total_assets, Some(figures.new_assets_30d)),
        ("licenses", figures.total_licenses, None),
    ]
}

fn rows(scene: &Scene, figures: &PlatformMetrics, area: Rect, buf: &mut Buffer) {
    let [names, totals, new_rows, growths, _] = Layout::horizontal([
        Constraint::Length(9),
        Constraint::Length(15),
        Constraint::Length(13),
        Constraint::Length(10),
        Constraint::Fill(1),
    ])
    .areas(area);
    for (row, (name, total, new)) in (0..).zip(all(figures)) {
        put(buf, names, row, &Line::styled(name, scene.theme.muted));
        put(buf, totals, row, &right(Span::styled(grouped(total), scene.theme.title), totals));
        if let Some(new) = new {
            put(buf, new_rows, row, &right(Span::raw(signed(new)), new_rows));
            let growth = growth(total, new).unwrap_or_default();
            put(buf, growths, row, &right(Span::styled(growth, scene.theme.muted), growths));
        }
    }
}

fn right(span: Span<'static>, area: Rect) -> Line<'static> {
    let pad = usize::from(area.width).saturating_sub(span.width());
    Line::from(vec![Span::raw(" ".repeat(pad)), span]).alignment(Alignment::Left)
}

/// Two by two, or one below the other if that is too narrow.
fn grid(scene: &Scene, figures: &PlatformMetrics, area: Rect, buf: &mut Buffer) {
    let rest = compact_title(scene, area, buf, "COLUMNS");
    put(buf, area, 1, &Line::styled("in 30 d", scene.theme.muted));
    let per_row = if rest.width >= 62 { 2 } else { 1 };
    let cell_width = rest.width / per_row;
    for (index, (name, total, new)) in (0..).zip(all(figures)) {
        let column = index % per_row * cell_width;
        let cell = Rect { x: rest.x + column, width: cell_width, ..rest };
        let mut spans = vec![
            Span::styled(format!("{name:<8} "), scene.theme.muted),
            Span::styled(grouped(total), scene.theme.title),
        ];
        if let Some(new) = new {
            let growth = growth(total, new).map(|growth| format!("  {growth}")).unwrap_or_default();
            spans.push(Span::styled(format!("  {}{growth}", signed(new)), scene.theme.muted));
        } else if per_row == 2
            && let Some(at) = figures.last_updated
        {
            spans.push(Span::styled(format!("  of {}", moment(scene, at)), scene.theme.muted));
        }
        put(buf, cell, index / per_row, &Line::from(spans));
    }
}

fn growth(total: i64, new: i64) -> Option<String> {
    growth_30d(total, new).map(|growth| format!("{growth:+.1} %"))
}

fn signed(new: i64) -> String {
    let sign = if new < 0 { "" } else { "+" };
    format!("{sign}{}", grouped(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups() {
        let cases =
            [(0, "0"), (999, "999"), (1_000, "1,000"), (-12_345, "-12,345"), (i64::MIN, "-9,223,372,036,854,775,808")];
        for (n, want) in cases {
            assert_eq!(grouped(n), want);
        }
    }
}
