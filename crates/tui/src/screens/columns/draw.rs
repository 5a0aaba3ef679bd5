//! The view's columns of numbers if it has one row, else its rows and its size: how they moved in the window, and what
//! each of the recent refreshes changed.
//!
//! ```text
//! COLUMNS  of 03:00:00 · moves in the last 24 h ──────────────────────────────────
//!                   now        new in 30 d        in 24 h      per day
//! accounts       10,482     +412   +4.1 %             +35          +37  ▁▂▂▃▄▅▆▇█
//! users          48,113   +2,071   +4.5 %            +120         +126  ▁▁▂▃▃▅▆▇█
//!
//! LAST REFRESHES ──────────────────────────────────────────────────────────────────
//!             took    accounts     users    assets
//! 03:00:00  118 ms          +1        +3         0
//! ```

use crate::{
    scene::Scene,
    screens::windowed::Windowed,
    widgets::{
        being_read, moment,
        numbers::{grouped_u64, number, whole},
        put, read_or_reason,
        sheet::Sheet,
        timeline::eighths_of,
        titled, to_u16, unavailable, verdict,
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
    figures::{Changed, growth_30d},
    movement::{Measured, Move, Movement, SIZE},
    reading::Unavailable,
};

/// Width from which on a figure is one row of a table.
const TABLE: u16 = 76;
/// Recent refreshes that are listed.
const MOST_REFRESHES: usize = 60;
/// Columns of the moment and the duration of a refresh.
const WHEN: usize = 22;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let Windowed { answer, scroll } = &scene.state.screens.columns;
    if let Some(movement) = answer.get() {
        return sheet(scene, movement, area).draw(scene, *scroll, area, buf);
    }
    let below = titled(scene, area, buf, "COLUMNS", "");
    read_or_reason(scene, answer.reading.as_ref(), below, buf);
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(scene: &Scene, area: Rect) -> u16 {
    scene.state.screens.columns.answer.get().map_or(0, |movement| sheet(scene, movement, area).limit(area.height))
}

fn sheet<'a>(scene: &'a Scene<'a>, movement: &'a Movement, area: Rect) -> Sheet<'a> {
    let roomy = area.height >= 30;
    let mut sheet = Sheet::default();
    sheet.add(1, move |area, buf| {
        titled(scene, area, buf, "COLUMNS", &note(scene, movement, area.width));
    });
    match &movement.now {
        Err(missing) => add_missing(scene, missing, &mut sheet),
        Ok(_) if area.width >= TABLE => add_table(scene, movement, area.width, roomy, &mut sheet),
        Ok(_) => add_list(scene, movement, &mut sheet),
    }
    if area.width >= TABLE {
        sheet.gap();
    }
    match &movement.measured {
        Err(missing) => {
            sheet.add(1, move |area, buf| {
                titled(scene, area, buf, "LAST REFRESHES", "");
            });
            add_missing(scene, missing, &mut sheet);
        }
        Ok(measured) => add_refreshes(scene, movement, measured, area.width, &mut sheet),
    }
    sheet
}

fn add_missing<'a>(scene: &'a Scene<'a>, missing: &'a Unavailable, sheet: &mut Sheet<'a>) {
    sheet.add(3, move |area, buf| unavailable(scene, missing, area, buf));
}

fn note(scene: &Scene, movement: &Movement, width: u16) -> String {
    let asked = &scene.state.screens.columns.answer;
    let snapshot = scene.state.snapshot();
    let updated = snapshot.and_then(|snapshot| match &snapshot.measured {
        Some(last) => Some(last.at),
        None => snapshot.figures.as_ref().ok()?.last_updated,
    });
    let mut parts: Vec<String> = updated.map(|at| format!("of {}", moment(scene, at))).into_iter().collect();
    if asked.window == Some(scene.state.chosen_window()) {
        parts.extend(asked.window.map(|window| format!("moves in {}", verdict::span(window))));
    } else {
        parts.push(being_read(scene, &verdict::span(scene.state.chosen_window())));
    }
    if movement.of_rows && width >= 76 {
        parts.push("it has many rows, so these are counted".into());
    } else if width >= 100 {
        parts.push("each curve from its lowest to its highest value".into());
    }
    parts.join(&format!(" {} ", scene.glyphs.dot))
}

/// The columns of the table: their widths.
struct Widths {
    name: usize,
    now: usize,
    new: usize,
    change: usize,
    day: usize,
}

impl Widths {
    fn new(width: u16) -> Self {
        match width {
            150.. => Self { name: 26, now: 20, new: 24, change: 18, day: 18 },
            100.. => Self { name: 20, now: 15, new: 20, change: 13, day: 13 },
            _ => Self { name: 18, now: 13, new: 19, change: 10, day: 0 },
        }
    }

    fn sum(&self) -> u16 {
        to_u16(self.name + self.now + self.new + self.change + self.day)
    }
}

fn add_table<'a>(scene: &'a Scene<'a>, movement: &'a Movement, width: u16, roomy: bool, sheet: &mut Sheet<'a>) {
    let window = scene
        .state
        .screens
        .columns
        .answer
        .window
        .map_or_else(|| "change".into(), |window| format!("in {}", verdict::span(window)));
    sheet.add(1, move |area, buf| {
        let widths = Widths::new(width);
        let day = if widths.day > 0 { "per day" } else { "" };
        let cells = [
            ("", widths.name),
            ("now", widths.now),
            (if movement.of_rows { "" } else { "new in 30 d" }, widths.new),
            (window.as_str(), widths.change),
            (day, widths.day),
        ];
        let spans: Vec<Span> =
            cells.into_iter().map(|(text, width)| Span::styled(right(text, width), scene.theme.muted)).collect();
        put(buf, area, 0, &Line::from(spans));
    });
    for row in movement.moves() {
        // What tells how much others grew stands back.
        let main = !is_new(row.name);
        let height = if roomy && main { 2 } else { 1 };
        let unit = Unit::of(movement, row.name);
        sheet.add(height, move |area, buf| table_row(scene, &row, unit, &Widths::new(width), area, buf));
    }
}

fn table_row(scene: &Scene, row: &Move<'_>, unit: Unit, widths: &Widths, area: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let main = !is_new(row.name);
    let name = left(&shown_name(scene, row.name, widths.name - 1), widths.name);
    let now = row.now.map_or_else(|| scene.glyphs.none.into(), |now| unit.number(now));
    let (change, style) = change(scene, row.change, unit);
    let day = row.per_day.filter(|day| widths.day > 0 && *day != 0.0).map(|day| unit.signed(day)).unwrap_or_default();
    let line = Line::from(vec![
        Span::styled(name, if main { theme.value } else { theme.muted }),
        Span::styled(right(&now, widths.now), if main { theme.title } else { theme.value }),
        Span::styled(right(&new_in_30d(row), widths.new), theme.muted),
        Span::styled(right(&change, widths.change), style),
        Span::styled(right(&day, widths.day), theme.muted),
    ]);
    put(buf, area, 0, &line);
    let taken = widths.sum().saturating_add(2).min(area.width);
    curve(scene, row, Rect { x: area.x + taken, width: area.width - taken, height: area.height.min(1), ..area }, buf);
}

/// One figure on two rows.
fn add_list<'a>(scene: &'a Scene<'a>, movement: &'a Movement, sheet: &mut Sheet<'a>) {
    for row in movement.moves() {
        let main = !is_new(row.name);
        let moved = row.change.is_some() || row.new_30d.is_some();
        let unit = Unit::of(movement, row.name);
        sheet.add(if main && moved { 2 } else { 1 }, move |area, buf| list_rows(scene, &row, unit, area, buf));
    }
}

fn list_rows(scene: &Scene, row: &Move<'_>, unit: Unit, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width);
    let now = row.now.map_or_else(|| scene.glyphs.none.into(), |now| unit.number(now));
    let name = shown_name(scene, row.name, width.saturating_sub(now.len() + 1));
    let pad = width.saturating_sub(Span::raw(name.as_str()).width());
    put(
        buf,
        area,
        0,
        &Line::from(vec![Span::styled(name, scene.theme.value), Span::styled(right(&now, pad), scene.theme.title)]),
    );
    let mut text = Vec::new();
    text.extend(row.change.map(|change| {
        let window = scene.state.screens.columns.answer.window.map(verdict::span).unwrap_or_default();
        format!("{} in {window}", unit.signed(change))
    }));
    text.extend(row.new_30d.map(|_| format!("{} in 30 d", new_in_30d(row))));
    // A figure that has not moved for ever needs no second number.
    put(buf, area, 1, &Line::styled(right(&text.join(", "), width), scene.theme.muted));
}

/// How it went, from its lowest to its highest value.
fn curve(scene: &Scene, row: &Move<'_>, area: Rect, buf: &mut Buffer) {
    let known = || row.points.iter().flatten().copied();
    let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    if row.points.is_empty() || least > most {
        return;
    }
    // Several columns for each point, or several points for each column, of which the newest is shown.
    let all = row.points.len();
    let count = all.min(usize::from(area.width));
    let columns = (usize::from(area.width) / count.max(1)).clamp(1, 3);
    for place in 0..count {
        let group = &row.points[all * place / count..all * (place + 1) / count];
        let Some(value) = group.iter().rev().flatten().next() else { continue };
        let share = if most > least { (value - least) / (most - least) } else { 0.0 };
        let symbol = scene.glyphs.eighths(eighths_of(share, 1));
        for column in 0..columns {
            let x = area.x + to_u16(place * columns + column);
            if x < area.right() && area.height > 0 {
                buf[(x, area.y)].set_symbol(symbol).set_style(scene.theme.bar);
            }
        }
    }
}

/// What each of the recent refreshes changed.
fn add_refreshes<'a>(
    scene: &'a Scene<'a>,
    movement: &'a Movement,
    measured: &'a Measured,
    width: u16,
    sheet: &mut Sheet<'a>,
) {
    let compared = measured.recent.len().saturating_sub(1).min(MOST_REFRESHES);
    sheet.add(1, move |area, buf| {
        let note = match compared {
            0 => "the next one can be compared with this one".to_owned(),
            count => format!("{count} compared, each with the one before it"),
        };
        titled(scene, area, buf, "LAST REFRESHES", &note);
    });
    if compared == 0 {
        return;
    }
    let names = compared_names(movement, width);
    let deltas: Vec<Vec<Option<f64>>> =
        names.iter().map(|name| measured.deltas(name).take(MOST_REFRESHES).collect()).collect();
    let units: Vec<Unit> = names.iter().map(|name| Unit::of(movement, name)).collect();
    let cell = cell_width(width);
    let mut heads: Vec<String> = names.iter().map(|name| right(&shown_name(scene, name, cell - 1), cell)).collect();
    if movement.of_rows {
        heads.extend(["inserted", "deleted"].map(|head| right(head, cell)));
    }
    sheet.add(1, move |area, buf| {
        let head = format!("{:<12}{:>10}{}", "logged", "took", heads.concat());
        put(buf, area, 0, &Line::styled(head, scene.theme.muted));
    });
    for (place, sample) in measured.recent.iter().take(compared).enumerate() {
        let deltas: Vec<(Option<f64>, Unit)> =
            deltas.iter().map(|column| column.get(place).copied().flatten()).zip(units.iter().copied()).collect();
        sheet.add(1, move |area, buf| {
            let took = sample.duration_ms.map_or_else(|| scene.glyphs.none.into(), age::duration_ms);
            let mut spans =
                vec![Span::styled(format!("{:<12}{took:>10}", moment(scene, sample.at)), scene.theme.value)];
            spans.extend(deltas.iter().map(|(delta, unit)| {
                let (text, style) = change(scene, *delta, *unit);
                Span::styled(right(&text, cell), style)
            }));
            if movement.of_rows {
                spans.extend(changed(scene, sample.changed, cell));
            }
            put(buf, area, 0, &Line::from(spans));
        });
    }
}

/// Rows that a refresh changed; not known of one that replaced all of them.
fn changed(scene: &Scene, changed: Option<Changed>, cell: usize) -> [Span<'static>; 2] {
    let text = |count: Option<u64>| count.map_or_else(|| scene.glyphs.none.into(), grouped_u64);
    let counts = [changed.map(|changed| changed.inserted), changed.map(|changed| changed.deleted)];
    counts.map(|count| {
        let style = if count.is_some_and(|count| count > 0) { scene.theme.title } else { scene.theme.muted };
        Span::styled(right(&text(count), cell), style)
    })
}

/// Columns of one figure in that table.
fn cell_width(width: u16) -> usize {
    if width >= 100 { 15 } else { 12 }
}

/// The figures that have room there: totals before what is new.
fn compared_names(movement: &Movement, width: u16) -> Vec<&str> {
    let Ok(now) = &movement.now else { return Vec::new() };
    let of_rows = if movement.of_rows { 2 } else { 0 };
    let room = (usize::from(width).saturating_sub(WHEN) / cell_width(width)).saturating_sub(of_rows);
    let (new, main): (Vec<&str>, Vec<&str>) = now.iter().map(|(name, _)| name.as_str()).partition(|name| is_new(name));
    main.into_iter().chain(new).take(room).collect()
}

fn is_new(name: &str) -> bool {
    name.starts_with("new_") && name.ends_with("_30d")
}

/// `accounts` for `total_accounts`, `new accounts, 30 d` for `new_accounts_30d`; others as they are called.
fn shown_name(scene: &Scene, name: &str, width: usize) -> String {
    let plain = match (name.strip_prefix("total_"), name.strip_prefix("new_").and_then(|new| new.strip_suffix("_30d")))
    {
        (Some(things), _) if !things.is_empty() => things.to_owned(),
        (_, Some(things)) if !things.is_empty() => format!("new {things}"),
        _ => name.to_owned(),
    };
    scene.clean(&plain, to_u16(width))
}

/// `+412  +4.1 %`; nothing if no column says so.
fn new_in_30d(row: &Move<'_>) -> String {
    let (Some(new), Some(now)) = (row.new_30d, row.now) else { return String::new() };
    let growth = whole(now).zip(whole(new)).and_then(|(now, new)| growth_30d(now, new));
    let growth = growth.map(|growth| format!("  {growth:+.1} %")).unwrap_or_default();
    format!("{}{growth}", signed(new))
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Number,
    Bytes,
}

impl Unit {
    fn of(movement: &Movement, name: &str) -> Self {
        if movement.of_rows && name == SIZE { Self::Bytes } else { Self::Number }
    }

    fn number(self, value: f64) -> String {
        match self {
            Self::Number => number(value),
            #[expect(clippy::cast_possible_truncation, reason = "far below 2^63")]
            Self::Bytes => diagnosis::bytes(value as i64),
        }
    }

    fn signed(self, value: f64) -> String {
        match self {
            Self::Number => signed(value),
            Self::Bytes => format!("{}{}", if value < 0.0 { "-" } else { "+" }, self.number(value.abs())),
        }
    }
}

fn change(scene: &Scene, change: Option<f64>, unit: Unit) -> (String, Style) {
    match change {
        None => (scene.glyphs.none.into(), scene.theme.muted),
        Some(0.0) => ("0".into(), scene.theme.muted),
        Some(change) => (unit.signed(change), scene.theme.title),
    }
}

fn signed(value: f64) -> String {
    // A rate is no more exact than this.
    let rounded = if value.abs() >= 10.0 { value.round() } else { value };
    format!("{}{}", if rounded < 0.0 { "" } else { "+" }, number(rounded))
}

fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(Span::raw(text).width())))
}

fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(Span::raw(text).width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!([signed(35.0), signed(-3.0), signed(126.4), signed(0.25)], ["+35", "-3", "+126", "+0.25"]);
    }
}
