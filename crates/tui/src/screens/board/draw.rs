//! The board: a row a view, and what is known of the selected one.
//!
//! ```text
//! VIEWS  1 critical · 1 warning · 12 healthy · 2 not managed ──────────────── worst first ──────────────
//!   verdict   view            data age       last    success  average   p95     newest attempts  cause
//! ▸ ✗ CRITICAL sales.daily    ━━━━━━━┃━  40m  ✗ 02:55  71.5 %  1.20 s    1.9 s   ▃▃▃▄▃▃✗✗✗✗       blocked by …
//!   ✓ HEALTHY  customers      ━─────┃──   2m  ✓ 03:00  100 %   12 ms     14 ms   ▇▆▇▇▆▆▇▆▇▆
//!   –          eu.regions                                                                        not managed
//! ```

use super::cells::Row;
use crate::{
    app::action::{Action, Pointed},
    scene::Scene,
    widgets::{being_read, below, draw_title, put, put_right, read_or_reason, to_u16, window},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::views::{Managed, View, Views};

/// Widths from which on there is room for more.
const NAMED: u16 = 60;
const FIGURES: u16 = 110;
const EVERYTHING: u16 = 150;
/// Rows of what is known of the selected view.
const BEHIND: u16 = 3;
/// Rows of the whole below which the selected view gets fewer.
const TIGHT: u16 = 12;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let title = vec![Span::styled("VIEWS", scene.theme.title)];
    let area = draw_title(scene, area, buf, [title, counts(scene, area.width)].concat(), &note(scene));
    let board = scene.state.database().board.as_ref();
    let Some(views) = read_or_reason(scene, board, area, buf) else { return };
    let area = draw_refusals(scene, views, area, buf);
    let context = scene.state.context();
    let state = &scene.state.screens.board;
    let rows = state.rows(&context);
    let Some(selected) = state.index(&rows) else { return draw_nothing(scene, views, area, buf) };
    let (list, behind) = parts(area);
    draw_list(scene, &rows, selected, list, buf);
    draw_behind(scene, rows[selected], behind, buf);
}

/// Rows of the list that are in sight.
pub fn rows(scene: &Scene, area: Rect) -> u16 {
    let refused = scene.state.all().map_or(0, |views| to_u16(refusals(views).count()) + u16::from(is_unused(views)));
    let list = parts(below(area, 1 + refused)).0;
    list.height.saturating_sub(headings(list.width))
}

fn headings(width: u16) -> u16 {
    u16::from(width >= NAMED)
}

fn parts(area: Rect) -> (Rect, Rect) {
    let behind = if area.height < TIGHT { BEHIND - 1 } else { BEHIND };
    let gap = u16::from(area.height >= TIGHT);
    let [list, _, behind] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(gap), Constraint::Length(behind)]).areas(area);
    (list, behind)
}

/// How many views have which verdict.
fn counts(scene: &Scene, width: u16) -> Vec<Span<'static>> {
    let (Some(views), Some(now)) = (scene.state.all(), scene.state.server_now()) else { return Vec::new() };
    let theme = scene.theme;
    if scene.is_old() {
        return vec![Span::styled(format!("  {}", views.views.len()), theme.muted)];
    }
    let unmanaged = if views.registry.is_ok() { "not managed" } else { "not known whether managed" };
    let counts = views.counts(now, &scene.state.options.overrides);
    let parts = [
        (counts.critical, scene.glyphs.failed, "critical", theme.critical),
        (counts.unknown, scene.glyphs.unknown, "unknown", theme.unknown),
        (counts.warning, scene.glyphs.warning, "warning", theme.warning),
        (counts.healthy, scene.glyphs.ok, "healthy", theme.healthy),
        (counts.unmanaged, scene.glyphs.none, unmanaged, theme.muted),
    ];
    let shown = parts.into_iter().filter(|(count, ..)| *count > 0);
    let mut spans = Vec::new();
    for (count, mark, word, style) in shown {
        let gap = if spans.is_empty() { "  ".to_owned() } else { format!(" {} ", scene.glyphs.dot) };
        let text = if width < NAMED { format!("{mark} {count}") } else { format!("{count} {word}") };
        spans.push(Span::styled(gap, theme.muted));
        spans.push(Span::styled(text, style));
    }
    spans
}

/// What is left out, and in which order the rest stands.
fn note(scene: &Scene) -> String {
    let state = &scene.state.screens.board;
    let faults = state.faults.then(|| "faults only".to_owned());
    let filter = (!state.filter.is_empty()).then(|| format!("with \"{}\"", state.filter));
    let parts: Vec<String> = faults.into_iter().chain(filter).chain([state.sort.words().to_owned()]).collect();
    parts.join(", ")
}

/// Parts that could not be read.
fn refusals(views: &Views) -> impl Iterator<Item = &refreshtop_core::reading::Unavailable> {
    let registry = views.registry.as_ref().err();
    registry.or(views.statistics.as_ref().err()).into_iter()
}

/// Whether it is known that no view is managed.
fn is_unused(views: &Views) -> bool {
    views.registry.is_ok() && views.managed_ids().next().is_none()
}

fn draw_refusals(scene: &Scene, views: &Views, area: Rect, buf: &mut Buffer) -> Rect {
    let mut taken = 0;
    for missing in refusals(views) {
        put(buf, area, taken, &crate::widgets::unavailable_line(scene, missing, area.width));
        taken += 1;
    }
    if is_unused(views) {
        let text = "no view is managed in this database yet: refreshtop views add NAME";
        put(buf, area, taken, &Line::styled(scene.clean(text, area.width), scene.theme.warning));
        taken += 1;
    }
    below(area, taken)
}

/// There is no view, or none is listed.
fn draw_nothing(scene: &Scene, views: &Views, area: Rect, buf: &mut Buffer) {
    let key = scene.keys.first(Action::Close);
    let text = match (views.views.is_empty(), scene.state.server_now()) {
        (true, _) => "there is no materialized view in this database".to_owned(),
        (false, None) => being_read(scene, "the time of the server"),
        (false, Some(_)) => format!("no view is listed: {key} shows all"),
    };
    put(buf, area, 0, &Line::styled(scene.clean(&text, area.width), scene.theme.muted));
}

/// The columns, and where each begins.
struct Columns {
    word: u16,
    name: u16,
    bar: u16,
    age: u16,
    limit: u16,
    last: u16,
    success: u16,
    average: u16,
    p95: u16,
    next: u16,
    spark: u16,
    cause: u16,
}

impl Columns {
    fn new(rows: &[&View], width: u16) -> Self {
        let trouble = rows.iter().any(|view| view.job.trouble().is_some());
        let at_least = |from: u16, columns: u16| if width >= from { columns } else { 0 };
        let mut columns = Self {
            word: at_least(EVERYTHING, 9),
            name: 0,
            bar: at_least(NAMED, 8),
            age: 5,
            limit: at_least(EVERYTHING, 6),
            last: 7,
            success: at_least(NAMED, 6),
            average: at_least(FIGURES, 7),
            p95: at_least(FIGURES, 7),
            // What keeps the schedule from firing is worth more room than the time of the next run.
            next: if trouble { at_least(FIGURES, 8) } else { at_least(EVERYTHING, 5) },
            spark: if width >= EVERYTHING { 20 } else { at_least(FIGURES, 10) },
            cause: 0,
        };
        let longest = rows.iter().map(|view| Span::raw(view.name.sql.as_str()).width()).max().unwrap_or_default();
        let left = width.saturating_sub(columns.taken());
        // A narrow place has the cause below the list.
        let most = if width >= NAMED { (left / 2).max(16).min(left) } else { left };
        columns.name = to_u16(longest).max(4).min(most);
        if width < NAMED {
            columns.name = most;
        }
        columns.cause = if width >= NAMED { width.saturating_sub(columns.taken()) } else { 0 };
        columns
    }

    fn widths(&self) -> [u16; 12] {
        [
            self.word,
            self.name,
            self.bar,
            self.age,
            self.limit,
            self.last,
            self.success,
            self.average,
            self.p95,
            self.next,
            self.spark,
            self.cause,
        ]
    }

    /// Columns taken with the gaps, and the marks in front.
    fn taken(&self) -> u16 {
        4 + self.widths().into_iter().filter(|width| *width > 0).map(|width| width + 1).sum::<u16>()
    }

    /// Draws a line in each column.
    fn put(&self, buf: &mut Buffer, area: Rect, row: u16, cells: [Line; 12]) {
        let mut x = 4;
        for (width, (place, line)) in self.widths().into_iter().zip(cells.into_iter().enumerate()) {
            if width == 0 || x >= area.width {
                continue;
            }
            let cell = Rect { x: area.x + x, width: width.min(area.width - x), ..area };
            // Figures stand to the right.
            if matches!(place, 3 | 6..=8) {
                put_right(buf, cell, row, &line);
            } else {
                put(buf, cell, row, &line);
            }
            x += width + 1;
        }
    }
}

const HEADINGS: [&str; 12] =
    ["", "view", "data age", "", "limit", "last", "succ.", "average", "p95", "next", "newest", "cause"];

fn draw_list(scene: &Scene, rows: &[&View], selected: usize, area: Rect, buf: &mut Buffer) {
    let columns = Columns::new(rows, area.width);
    let top = headings(area.width);
    if top > 0 {
        let style = scene.theme.muted;
        columns.put(buf, area, 0, HEADINGS.map(|text| Line::styled(text, style)));
    }
    let area = below(area, top);
    for (at, index) in (0..).zip(window(selected, rows.len(), area.height)) {
        let place = Rect { y: area.y + at, height: 1, ..area };
        draw_row(scene, &columns, rows[index], index == selected, place, buf);
        scene.note(place, Some(Action::Select(Pointed::Screen, index)));
    }
}

fn draw_row(scene: &Scene, columns: &Columns, view: &View, selected: bool, place: Rect, buf: &mut Buffer) {
    let row = Row::new(scene, view);
    let name_style = if row.health.is_some() { scene.theme.value } else { scene.theme.muted };
    let (cause, cause_style) = row.cause(scene);
    let mark = if selected { scene.glyphs.selected } else { " " };
    put(buf, place, 0, &Line::from(vec![Span::styled(mark, scene.theme.accent), " ".into(), row.mark(scene)]));
    let cells = [
        row.word(scene).into(),
        Line::styled(scene.clean(&view.name.sql, columns.name), name_style),
        row.bar(scene, columns.bar),
        row.age_label(scene).into(),
        row.limit(scene).into(),
        row.attempt(scene),
        row.success(scene).into(),
        row.average(scene).into(),
        row.p95(scene).into(),
        row.next(scene).into(),
        row.spark(scene, columns.spark),
        Line::styled(scene.clean(&cause, columns.cause), cause_style),
    ];
    columns.put(buf, place, 0, cells);
    if selected {
        buf.set_style(place, scene.theme.selected);
    }
}

/// What is known of the selected view: its name, what is wrong, and what can be done.
fn draw_behind(scene: &Scene, view: &View, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let row = Row::new(scene, view);
    let owner = view.relation.as_ref().map(|relation| format!(", owner {}", relation.owner)).unwrap_or_default();
    let name = Span::styled(scene.clean(&format!("{}{owner}", view.name.sql), area.width), scene.theme.title);
    put(buf, area, 0, &Line::from(vec![row.mark(scene), " ".into(), name]));
    let area = below(area, 1);
    let mut at = 0;
    for (text, style) in behind(scene, &row) {
        for line in scene.clean_lines(&text, area.width, area.height.saturating_sub(at)) {
            put(buf, area, at, &Line::styled(line, style));
            at += 1;
        }
    }
}

fn behind(scene: &Scene, row: &Row) -> Vec<(String, Style)> {
    let theme = scene.theme;
    let Some(health) = &row.health else {
        let key = scene.keys.first(Action::Measure);
        let what = match row.view.managed {
            Managed::Unknown => "it is not known whether it is managed".to_owned(),
            Managed::No | Managed::Yes(_) => format!("not managed: {key} examines it, and offers to manage it"),
        };
        return vec![(what, theme.muted)];
    };
    let last = row.view.recent.as_ref().and_then(|recent| recent.last.as_ref());
    let failure = row.failure().map(|cause| {
        let message = last.and_then(|last| last.error.as_deref()).filter(|error| !cause.contains(error));
        let message = message.map(|error| format!(": {error}")).unwrap_or_default();
        (format!("{cause}{message}"), theme.critical)
    });
    let findings = health.findings.iter().map(|finding| (finding.reason.clone(), theme.verdict(finding.verdict)));
    let mut lines: Vec<(String, Style)> = failure.into_iter().chain(findings).collect();
    if lines.is_empty() {
        let (cause, style) = row.cause(scene);
        lines.push(if cause.is_empty() { ("all checks pass".to_owned(), theme.muted) } else { (cause, style) });
    }
    lines
}
