//! The whole log: a row for each run and, if there is room, the selected one beside them.

use crate::{
    app::action::{Action, Pointed},
    scene::Scene,
    screens::runs::state::{Failed, Runs},
    widgets::{
        being_read, below, draw_title, note_rows, origin, put, run_detail, to_u16, unavailable, waiting, width_of,
        window,
    },
};
use chrono::{DateTime, Datelike as _, Utc};
use ratatui::{
    buffer::Buffer,
    layout::{Alignment, Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Cell, Row, Table, Widget},
};
use refreshtop_core::{
    age,
    question::{LogCursor, LogRow, OriginFilter, PageStart, RunsFilter},
    run::{Origin, Run, RunStatus},
};

/// Width from which on the selected run is shown beside the list.
const BESIDE: u16 = 150;
/// Columns of that.
const PREVIEW: u16 = 56;
/// Width from which on a row says who triggered the run, and has a bar for its duration.
const ROOMY: u16 = 110;
/// Width from which on most roles are shown in full.
const ROOMIER: u16 = 130;
/// Width from which on the outcome and the origin have columns of their own.
const COLUMNS: u16 = 60;
/// Columns of the bar.
const BAR: u16 = 10;
/// Height from which on the columns have headings.
const HEADED: u16 = 9;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let view = &scene.state.screens.runs;
    let places = places(scene, area);
    title(scene, view, &places, buf);
    match (&view.failed, view.read) {
        (Some(failed), false) => unavailable(scene, &failed.why, below(places.all, 1), buf),
        (None, false) => waiting(scene, below(places.all, 1), buf),
        (_, true) if view.rows.is_empty() => nothing(scene, view, places.list, buf),
        (_, true) => {
            list(scene, view, &places, buf);
            preview(scene, view, places.preview, buf);
        }
    }
    for (row, line) in (0..).zip(foot(scene, view, places.foot.width)) {
        put(buf, places.foot, row, &line);
    }
}

/// Rows of the list that are in sight.
pub fn rows(scene: &Scene, area: Rect) -> u16 {
    places(scene, area).list.height
}

struct ViewPlaces {
    /// All but what is beside.
    all: Rect,
    heading: Rect,
    list: Rect,
    foot: Rect,
    preview: Rect,
}

fn places(scene: &Scene, area: Rect) -> ViewPlaces {
    let beside = if area.width >= BESIDE { PREVIEW } else { 0 };
    let [all, preview] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(beside)])
        .spacing(if beside > 0 { 3 } else { 0 })
        .areas(area);
    let message = to_u16(foot(scene, &scene.state.screens.runs, all.width).len());
    let filtered = !scene.state.screens.runs.filter.is_empty();
    let headed = u16::from(if all.width < COLUMNS { filtered } else { area.height >= HEADED });
    let [_, heading, list, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(headed),
        Constraint::Fill(1),
        Constraint::Length(message.min(area.height.saturating_sub(2))),
    ])
    .areas(all);
    ViewPlaces { all, heading, list, foot, preview }
}

/// Which rows are listed, where in the log they are, whether more are being read.
fn title(scene: &Scene, view: &Runs, places: &ViewPlaces, buf: &mut Buffer) {
    let mut notes = vec![position(view, places.list.height)];
    if view.is_reading() && view.read {
        notes.push(being_read(scene, ""));
    }
    notes.retain(|note| !note.is_empty());
    let note = notes.join(&format!(" {} ", scene.glyphs.dot));
    let mut spans = vec![Span::styled("RUNS", scene.theme.title)];
    let close = scene.keys.first(Action::Close);
    let narrow = places.all.width < COLUMNS;
    if narrow && !view.filter.is_empty() {
        // What is listed has a row of its own.
        spans.push(Span::styled(format!("  filtered, {close}: all"), scene.theme.accent));
        let listed = filter(scene, &view.filter, places.heading.width);
        put(buf, places.heading, 0, &Line::styled(listed, scene.theme.accent));
    } else if !view.filter.is_empty() {
        let all = format!(" ({close}: all)");
        let room = places.all.width.saturating_sub(to_u16(note.chars().count() + all.len() + 10));
        spans.push(Span::styled(format!("  {}{all}", filter(scene, &view.filter, room)), scene.theme.accent));
    }
    let room = places.all.width.saturating_sub(width_of(&Line::from(spans.clone())) + 3);
    let note = scene.clean(&note, room);
    draw_title(scene, Rect { height: 1, ..places.all }, buf, spans, &note);
}

/// What keeps rows from the list; the text that they contain gives way if there is little room.
fn filter(scene: &Scene, filter: &RunsFilter, room: u16) -> String {
    let failures = filter.failures.then_some("failures only");
    let origin = match filter.origin {
        OriginFilter::Any => None,
        OriginFilter::Scheduled => Some("scheduled only"),
        OriginFilter::Manual => Some("not scheduled"),
    };
    let mut parts: Vec<String> = failures.into_iter().chain(origin).map(str::to_owned).collect();
    if !filter.text.is_empty() {
        let taken: usize = parts.iter().map(|part| part.len() + 3).sum::<usize>() + 2;
        let text = scene.clean(&filter.text, room.saturating_sub(to_u16(taken)).max(6));
        parts.push(format!("\"{text}\""));
    }
    parts.join(&format!(" {} ", scene.glyphs.dot))
}

/// Which rows are in sight. The log is not counted for it: what was not read is not known.
fn position(view: &Runs, height: u16) -> String {
    let Some(selected) = view.selected_index() else { return String::new() };
    let len = view.rows.len();
    let range = window(selected, len, height);
    match (view.above, view.older) {
        (false, None) => format!("{}-{} of {len}", range.start + 1, range.end),
        (false, Some(_)) => format!("{}-{} of {len}+", range.start + 1, range.end),
        (true, None) => match len - 1 - selected {
            0 => "the oldest".into(),
            older => format!("{older} older"),
        },
        (true, Some(_)) => String::new(),
    }
}

/// Why the list is empty.
fn nothing(scene: &Scene, view: &Runs, area: Rect, buf: &mut Buffer) {
    let message = if view.filter.is_empty() {
        "no runs yet".to_owned()
    } else if view.older.is_some() || view.above {
        "nothing found yet".to_owned()
    } else {
        let close = scene.keys.first(Action::Close);
        format!("no run in the log is like that; {close} lists all")
    };
    for (row, text) in (0..).zip(scene.clean_lines(&message, area.width, area.height)) {
        put(buf, area, row, &Line::styled(text, scene.theme.muted));
    }
}

/// What is to be known about the ends of the list.
fn foot(scene: &Scene, view: &Runs, width: u16) -> Vec<Line<'static>> {
    if let Some(failed) = view.failed.as_ref().filter(|_| view.read) {
        return failure(scene, failed, width);
    }
    // Failures are found by an index, if the log has one.
    let searches = view.filter.is_sparse() || (view.rows.is_empty() && !view.filter.is_empty());
    if !view.read || !searches {
        return Vec::new();
    }
    let ellipsis = scene.glyphs.charset.ellipsis;
    let key = |action| scene.keys.first(action);
    let message = match (view.older, view.is_reading(), view.searched_up()) {
        (Some(end), true, _) if !scene.state.connected() => {
            format!("searched back to {}, and no further: no connection", dated(end))
        }
        (Some(end), true, _) => format!("searching further back than {}{ellipsis}", dated(end)),
        (Some(end), false, _) => {
            let key = key(Action::PageDown);
            format!("searched back to {}; {key} searches on", dated(end))
        }
        (None, _, Some(end)) => {
            let key = key(Action::First);
            format!("searched from the oldest up to {}; {key} begins with the newest", dated(end))
        }
        (None, _, None) => return Vec::new(),
    };
    let lines = scene.clean_lines(&message, width, 2);
    lines.into_iter().map(|text| Line::styled(text, scene.theme.muted)).collect()
}

fn dated(cursor: LogCursor) -> String {
    cursor.at.format("%Y-%m-%d %H:%M").to_string()
}

fn failure(scene: &Scene, failed: &Failed, width: u16) -> Vec<Line<'static>> {
    let what = match failed.start {
        PageStart::Newest => "the newest rows",
        PageStart::Before(_) => "older rows",
        PageStart::After(_) => "newer rows",
        PageStart::Oldest => "the oldest rows",
    };
    let reason = failed.why.reason.strip_prefix("runs: ").unwrap_or(&failed.why.reason);
    let parts = [format!("{what} were not read: {}", scene.clean(reason, 300)), scene.clean(&failed.why.fix, 300)];
    let message = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>();
    let lines = scene.clean_lines(&message.join("; "), width.saturating_sub(2), 2);
    let mark = |row| if row == 0 { scene.glyphs.warning } else { " " };
    let line = |(row, text): (usize, String)| {
        Line::from(vec![Span::styled(mark(row), scene.theme.warning), " ".into(), text.into()])
    };
    lines.into_iter().enumerate().map(line).collect()
}

/// The columns of the list.
struct Columns {
    time: &'static str,
    time_width: u16,
    /// `false` if only a glyph shows the outcome.
    words: bool,
    /// Whether a column shows how many sessions blocked the refresh.
    blockers: bool,
    /// Duration of the longest bar, milliseconds; `None` if there are no bars.
    longest: Option<f64>,
    /// Columns of the role; none if it is not shown.
    by: u16,
    /// Columns of the error or the application.
    message: u16,
}

const STATE: u16 = 5;
const DURATION: u16 = 9;

impl Columns {
    fn new(scene: &Scene, view: &Runs, visible: &[LogRow], width: u16) -> Self {
        let now = scene.state.server_now();
        let this_year = |row: &LogRow| now.is_none_or(|now| now.year() == row.run.started_at.year());
        let today = |row: &LogRow| now.is_some_and(|now| now.date_naive() == row.run.started_at.date_naive());
        let (words, roomy) = (width >= COLUMNS, width >= ROOMY);
        let (time, time_width) = match (words, visible.iter().all(this_year), visible.iter().all(today)) {
            (true, true, _) => ("%m-%d %H:%M:%S", 14),
            (true, false, _) => ("%Y-%m-%d %H:%M", 16),
            (false, _, true) => ("%H:%M:%S", 8),
            (false, true, false) => ("%m-%d %H:%M", 11),
            (false, false, false) => ("%Y-%m-%d", 10),
        };
        let longest = || view.rows.iter().filter_map(|row| row.run.duration_ms).fold(0.0, f64::max);
        let mut columns = Self {
            time,
            time_width,
            words,
            blockers: words && view.rows.iter().any(|row| row.run.blockers > 0),
            longest: roomy.then(longest),
            by: match (roomy, width >= ROOMIER) {
                (false, _) => 0,
                (true, false) => 12,
                (true, true) => 18,
            },
            message: 0,
        };
        let taken: u16 = columns.widths().iter().map(|width| if *width > 0 { width + 1 } else { 0 }).sum();
        columns.message = width.saturating_sub(taken);
        columns
    }

    /// Columns of each, in the order of a row; none for those that are not shown.
    fn widths(&self) -> [u16; 9] {
        let bar = if self.longest.is_some() { BAR } else { 0 };
        let origin = if self.words { 9 } else { 0 };
        let outcome = if self.words { 8 } else { 1 };
        let (state, blockers) = (if self.words { STATE } else { 0 }, if self.blockers { 3 } else { 0 });
        [self.time_width, origin, outcome, DURATION, bar, self.by, state, blockers, self.message]
    }

    /// A row of those cells that are shown.
    fn row(&self, cells: [Cell<'static>; 9]) -> Row<'static> {
        let shown = self.widths().map(|width| width > 0);
        Row::new(cells.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(cell, _)| cell))
    }

    fn table(&self, rows: Vec<Row<'static>>, area: Rect, buf: &mut Buffer) {
        let widths = self.widths().into_iter().filter(|width| *width > 0).map(Constraint::Length);
        Table::new(rows, widths).column_spacing(1).render(area, buf);
    }

    fn heading(&self, scene: &Scene) -> Row<'static> {
        let right = |text: &'static str| Cell::new(Line::from(text).alignment(Alignment::Right));
        let cells = [
            Cell::new("started UTC"),
            Cell::new("origin"),
            Cell::new("outcome"),
            right("duration"),
            Cell::new(""),
            Cell::new("role"),
            Cell::new("code"),
            right("blk"),
            Cell::new("error, or application"),
        ];
        self.row(cells).style(scene.theme.muted)
    }
}

fn list(scene: &Scene, view: &Runs, places: &ViewPlaces, buf: &mut Buffer) {
    let area = places.list;
    let selected = view.selected_index().unwrap_or_default();
    let range = window(selected, view.rows.len(), area.height);
    let visible = view.rows.get(range.clone()).unwrap_or_default();
    let columns = Columns::new(scene, view, visible, area.width);
    if columns.words {
        columns.table(vec![columns.heading(scene)], places.heading, buf);
    }
    note_rows(scene, area, Pointed::Screen, range.clone());
    let rows = visible.iter().zip(range).map(|(listed, index)| row(scene, &columns, listed, index == selected));
    columns.table(rows.collect(), area, buf);
}

fn row(scene: &Scene, columns: &Columns, listed: &LogRow, selected: bool) -> Row<'static> {
    // The selection is one even bar: colours inside it would be hard to read.
    let style = |style: Style| if selected { Style::new() } else { style };
    let (run, theme) = (&listed.run, scene.theme);
    let by = if run.origin == Origin::Scheduled { theme.muted } else { theme.value };
    let glyph = scene.glyphs.status(run.status);
    let outcome = match (columns.words, run.status) {
        (false, _) => glyph.to_owned(),
        (true, RunStatus::Success) => format!("{glyph} ok"),
        (true, RunStatus::Error) => format!("{glyph} failed"),
    };
    let duration = run.duration_ms.map_or_else(|| scene.glyphs.none.into(), age::duration_ms);
    let role = listed.by.as_deref().map(|by| scene.clean(by, columns.by)).unwrap_or_default();
    let blockers = if run.blockers > 0 { format!("{:>3}", run.blockers.min(999)) } else { String::new() };
    let (message, message_style) = message(scene, columns, listed);
    let cells = [
        Cell::new(at(run.started_at, columns.time)).style(style(theme.muted)),
        Cell::new(origin(run.origin)).style(style(by)),
        Cell::new(outcome).style(style(theme.status(run.status))),
        Cell::new(Line::from(duration).alignment(Alignment::Right)),
        Cell::new(bar(scene, run, columns.longest)).style(style(theme.status(run.status))),
        Cell::new(role).style(style(theme.muted)),
        Cell::new(code(scene, run)).style(style(theme.critical)),
        Cell::new(blockers).style(style(theme.warning)),
        Cell::new(message).style(style(message_style)),
    ];
    columns.row(cells).style(if selected { theme.selected } else { Style::new() })
}

fn at(moment: DateTime<Utc>, format: &'static str) -> String {
    moment.format(format).to_string()
}

fn code(scene: &Scene, run: &Run) -> String {
    run.sqlstate.as_deref().map(|code| scene.clean(code, STATE)).unwrap_or_default()
}

/// The error; if there is none, the program that ran it, or what triggered it if that has no column.
fn message(scene: &Scene, columns: &Columns, listed: &LogRow) -> (String, Style) {
    let run = &listed.run;
    match &run.error {
        Some(error) if columns.words => (scene.clean(error, columns.message), scene.theme.value),
        Some(error) => {
            let code = code(scene, run);
            let room = columns.message.saturating_sub(to_u16(Span::raw(&code).width()) + 1);
            (format!("{code} {}", scene.clean(error, room)).trim_start().to_owned(), scene.theme.value)
        }
        None if !columns.words => (origin(run.origin).to_owned(), scene.theme.muted),
        None => {
            let application = listed.application.as_deref().unwrap_or_default();
            (scene.clean(application, columns.message), scene.theme.muted)
        }
    }
}

/// The duration beside the longest of those that were read.
fn bar(scene: &Scene, run: &Run, longest: Option<f64>) -> String {
    let (Some(ms), Some(longest)) = (run.duration_ms, longest.filter(|longest| *longest > 0.0)) else {
        return String::new();
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the width of the bar")]
    let cells = (ms / longest * f64::from(BAR)).ceil().clamp(0.0, f64::from(BAR)) as usize;
    scene.glyphs.gauge_filled.repeat(cells)
}

/// What is known of the selected run.
fn preview(scene: &Scene, view: &Runs, area: Rect, buf: &mut Buffer) {
    let Some(row) = view.selected_row().filter(|_| !area.is_empty()) else { return };
    let key = scene.keys.first(Action::Open);
    let note = format!("{key} opens it in full");
    let area = draw_title(scene, area, buf, vec![Span::styled("SELECTED", scene.theme.title)], &note);
    for (row, line) in (0..area.height).zip(run_detail::preview(scene, row, area.width)) {
        put(buf, area, row, &line);
    }
}
