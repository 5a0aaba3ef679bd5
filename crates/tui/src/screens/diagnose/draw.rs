//! The diagnosis: every check with its verdict, the worst first, and the details of the selected one.

use crate::{
    app::action::{Action, Pointed},
    scene::Scene,
    screens::diagnose::state::Diagnose,
    widgets::{put, read_or_reason, titled, to_u16, window},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};
use refreshtop_core::diagnosis::{self, ChainSession, Check, Detail, Fix, Verdict, plan::Node};

/// Width from which on the details are beside the checks.
const BESIDE: u16 = 100;
/// Fewest columns of the checks there: how many there are of each kind.
const LIST: u16 = 38;
/// Fewest columns in which what was found says anything.
const FINDING: u16 = 16;
/// Columns before a title: what is selected, and the mark.
const MARKS: u16 = 4;
/// Lines of one text that are shown.
const MOST_LINES: u16 = 100;
/// Rows of a table, sessions or steps that are shown.
const MOST_ROWS: usize = 200;

pub fn render(scene: &Scene, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let [message, list, behind] = places(scene, area);
    for (row, line) in (0..message.height).zip(last_fix(scene, message.width)) {
        put(buf, message, row, &line);
    }
    let view = &scene.state.screens.diagnose;
    let title = "DIAGNOSIS";
    let room = list.width.saturating_sub(to_u16(title.len()) + 4);
    let list = titled(scene, list, buf, title, &note(scene, view, room));
    if read_or_reason(scene, view.found.as_ref(), list, buf).is_some() {
        draw_list(scene, view, area.width < BESIDE, list, buf);
        draw_behind(scene, view, behind, buf);
    }
}

/// The furthest that the details of the selected check can be scrolled.
pub fn scroll_limit(scene: &Scene, area: Rect) -> u16 {
    let [_, _, behind] = places(scene, area);
    let Some(check) = scene.state.screens.diagnose.check() else { return 0 };
    to_u16(lines(scene, check, behind.width).len()).saturating_sub(behind.height.saturating_sub(1))
}

/// Places for the result of a fix, the list, and the details of its selected row.
fn places(scene: &Scene, area: Rect) -> [Rect; 3] {
    let message = to_u16(last_fix(scene, area.width).len()).min(area.height / 3);
    let [message, rest] = Layout::vertical([Constraint::Length(message), Constraint::Fill(1)]).areas(area);
    if area.width >= BESIDE {
        let list = (titles(&scene.state.screens.diagnose) + MARKS).clamp(LIST, area.width / 2);
        let [list, behind] = Layout::horizontal([Constraint::Length(list), Constraint::Fill(1)]).spacing(3).areas(rest);
        return [message, list, behind];
    }
    let view = &scene.state.screens.diagnose;
    let checks = to_u16(view.checks().len()) + 1 + u16::from(view.folded() > 0);
    let most = (rest.height / 2).max(3);
    let [list, behind] = Layout::vertical([Constraint::Length(checks.clamp(2, most)), Constraint::Fill(1)]).areas(rest);
    [message, list, behind]
}

/// Columns of the longest title.
fn titles(view: &Diagnose) -> u16 {
    to_u16(view.checks().iter().map(|check| check.title.len()).max().unwrap_or_default())
}

/// What is being fixed, or the result.
fn last_fix(scene: &Scene, width: u16) -> Vec<Line<'static>> {
    let view = &scene.state.screens.diagnose;
    let (glyph, style, text) = if let Some(fix) = &view.fixing {
        (scene.glyphs.running, scene.theme.accent, format!("fixing: {}", fix.label()))
    } else if view.measuring {
        let text = format!("running the view's query to measure it{}", scene.glyphs.charset.ellipsis);
        (scene.glyphs.running, scene.theme.accent, text)
    } else if let Some(fixed) = &view.fixed {
        match &fixed.outcome {
            // A text that contains the name does not need it in front.
            Ok(message) if message.contains(&fixed.label) => (scene.glyphs.ok, scene.theme.healthy, message.clone()),
            Ok(message) => (scene.glyphs.ok, scene.theme.healthy, format!("{}: {message}", fixed.label)),
            Err(why) if why.starts_with(&fixed.label) => (scene.glyphs.failed, scene.theme.critical, why.clone()),
            Err(why) => (scene.glyphs.failed, scene.theme.critical, format!("{}: {why}", fixed.label)),
        }
    } else {
        return Vec::new();
    };
    let texts = scene.clean_lines(&text, width.saturating_sub(2), 3);
    let mark = |row: usize| if row == 0 { glyph } else { " " };
    let line = |(row, text)| Line::from(vec![Span::styled(mark(row), style), " ".into(), Span::styled(text, style)]);
    texts.into_iter().enumerate().map(line).collect()
}

/// The number of checks of each verdict, the worst first, as far as it fits.
fn note(scene: &Scene, view: &Diagnose, width: u16) -> String {
    let count = |verdict| view.all().iter().filter(|check| check.verdict == verdict).count();
    let plural = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let unknown = Some(count(Verdict::Unknown)).filter(|count| *count > 0).map(|count| format!("{count} unknown"));
    let counts = [plural(count(Verdict::Bad), "problem"), plural(count(Verdict::Warning), "warning"), unknown];
    let mut parts: Vec<String> = counts.into_iter().flatten().collect();
    if parts.is_empty() && matches!(view.found, Some(Ok(_))) {
        parts.push("nothing is wrong".into());
    }
    let joined = |parts: &[String]| parts.join(&format!(" {} ", scene.glyphs.dot));
    while parts.len() > 1 && Span::raw(joined(&parts)).width() > usize::from(width) {
        parts.pop();
    }
    joined(&parts)
}

fn glyph(scene: &Scene, verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Good => (scene.glyphs.ok, scene.theme.healthy),
        Verdict::Unknown => (scene.glyphs.unknown, scene.theme.unknown),
        Verdict::Warning => (scene.glyphs.warning, scene.theme.warning),
        Verdict::Bad => (scene.glyphs.failed, scene.theme.critical),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Unknown => "unknown",
        Verdict::Warning => "warning",
        Verdict::Bad => "problem",
    }
}

/// `findings` has what was found behind each title: where the details of one are not beside the list.
fn draw_list(scene: &Scene, view: &Diagnose, findings: bool, area: Rect, buf: &mut Buffer) {
    let checks = view.checks();
    let selected = view.selected_index().unwrap_or_default();
    let folded = u16::from(view.folded() > 0 && area.height > 1);
    let range = window(selected, checks.len(), area.height - folded);
    let below = to_u16(range.len());
    let room = area.width.saturating_sub(titles(view) + MARKS + 2);
    let room = if findings && room >= FINDING { room } else { 0 };
    for (row, index) in (0..).zip(range) {
        let check = checks[index];
        let (mark, style) = glyph(scene, check.verdict);
        let message = match check.verdict {
            // The selection is one even bar.
            _ if index == selected => Style::new(),
            Verdict::Good | Verdict::Unknown => scene.theme.muted,
            Verdict::Warning | Verdict::Bad => style,
        };
        let line = Line::from(vec![
            Span::styled(if index == selected { scene.glyphs.selected } else { " " }, scene.theme.accent),
            Span::styled(format!(" {mark} "), style),
            Span::raw(format!("{:<1$}", check.title, usize::from(titles(view)) + 2)),
            Span::styled(scene.clean(&check.finding, room), message),
        ]);
        put(buf, area, row, &line);
        scene.note(Rect { y: area.y + row, height: 1, ..area }, Some(Action::Select(Pointed::Screen, index)));
        if index == selected {
            buf.set_style(Rect { y: area.y + row, height: 1, ..area }, scene.theme.selected);
        }
    }
    if folded > 0 {
        let (mark, style) = glyph(scene, Verdict::Good);
        let key = scene.keys.first(Action::Origin);
        let text = format!("{} ok {} {key} shows them", view.folded(), scene.glyphs.dot);
        let line = Line::from(vec![Span::styled(format!("  {mark} "), style), Span::styled(text, scene.theme.muted)]);
        put(buf, area, below, &line);
        scene.note(Rect { y: area.y + below, height: 1, ..area }, Some(Action::Origin));
    }
}

fn draw_behind(scene: &Scene, view: &Diagnose, area: Rect, buf: &mut Buffer) {
    let Some(check) = view.check() else { return };
    let lines = lines(scene, check, area.width);
    let room = area.height.saturating_sub(1);
    let last = to_u16(lines.len()).saturating_sub(room);
    let scroll = view.scroll.min(last);
    let at = view.found_at.map(|at| format!("asked {} UTC", at.format("%H:%M:%S")));
    let place =
        (last > 0).then(|| format!("{}-{} of {}", scroll + 1, (scroll + room).min(to_u16(lines.len())), lines.len()));
    let parts: Vec<String> = [Some(word(check.verdict).to_owned()), place, at].into_iter().flatten().collect();
    let area = titled(scene, area, buf, check.title, &parts.join(&format!(" {} ", scene.glyphs.dot)));
    for (row, line) in (0..area.height).zip(lines.iter().skip(usize::from(scroll))) {
        put(buf, area, row, line);
    }
}

/// The details of a check.
fn lines(scene: &Scene, check: &Check, width: u16) -> Vec<Line<'static>> {
    let mut sheet = Sheet { scene, width, lines: Vec::new() };
    let (_, style) = glyph(scene, check.verdict);
    sheet.text("", &check.finding, if check.verdict == Verdict::Good { scene.theme.value } else { style });
    sheet.text("", &check.advice, scene.theme.value);
    for fix in &check.fixes {
        sheet.fix(fix);
    }
    sheet.detail(&check.detail);
    sheet.lines
}

struct Sheet<'a> {
    scene: &'a Scene<'a>,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl Sheet<'_> {
    /// A text from elsewhere, wrapped; nothing for an empty one.
    fn text(&mut self, indent: &'static str, raw: &str, style: Style) {
        if raw.is_empty() {
            return;
        }
        let width = self.width.saturating_sub(to_u16(indent.len()));
        for text in self.scene.clean_lines(raw, width, MOST_LINES) {
            self.lines.push(Line::from(vec![Span::raw(indent), Span::styled(text, style)]));
        }
    }

    fn fix(&mut self, fix: &Fix) {
        self.lines.push(Line::default());
        let key = self.scene.keys.first(Action::Fix);
        let label = format!("{}, in database {}", fix.label(), fix.database);
        let width = self.width.saturating_sub(to_u16(key.len()) + 1);
        self.lines.push(Line::from(vec![
            Span::styled(format!("{key} "), self.scene.theme.accent),
            Span::styled(self.scene.clean(&label, width), self.scene.theme.title),
        ]));
        self.text("  ", &fix.sql(), self.scene.theme.muted);
    }

    fn detail(&mut self, detail: &Detail) {
        if *detail != Detail::None {
            self.lines.push(Line::default());
        }
        match detail {
            Detail::None => {}
            Detail::Lines(lines) => {
                for line in lines.iter().take(MOST_ROWS) {
                    self.text("", line, self.scene.theme.value);
                }
            }
            Detail::Table(table) => self.table(&table.columns, &table.rows),
            Detail::Chain(sessions) => {
                for session in sessions.iter().take(MOST_ROWS) {
                    self.session(session);
                }
            }
            Detail::Plan(root) => self.plan(root, 0),
        }
    }

    fn table(&mut self, columns: &[&'static str], rows: &[Vec<String>]) {
        if self.table_width(columns, rows) > usize::from(self.width) {
            return self.facts(columns, rows);
        }
        let shown: Vec<Vec<String>> = rows
            .iter()
            .take(MOST_ROWS)
            .map(|row| row.iter().map(|cell| self.scene.clean(cell, 60)).collect())
            .collect();
        let width_of = |at: usize| {
            let cells = shown.iter().filter_map(|row| row.get(at)).map(|cell| Span::raw(cell).width());
            cells.chain(std::iter::once(columns[at].len())).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns.len()).map(width_of).collect();
        let padded = |cells: &mut dyn Iterator<Item = &str>| {
            let pad = |(cell, width): (&str, &usize)| {
                format!("{cell}{}  ", " ".repeat(width.saturating_sub(Span::raw(cell).width())))
            };
            cells.zip(&widths).map(pad).collect::<String>()
        };
        self.lines.push(Line::styled(padded(&mut columns.iter().copied()), self.scene.theme.muted));
        for row in &shown {
            self.lines.push(Line::styled(padded(&mut row.iter().map(String::as_str)), self.scene.theme.value));
        }
    }

    /// Columns that a table takes.
    fn table_width(&self, columns: &[&'static str], rows: &[Vec<String>]) -> usize {
        let cell =
            |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| Span::raw(self.scene.clean(cell, 60)).width());
        let shown = rows.iter().take(MOST_ROWS);
        let width =
            |(at, name): (usize, &&'static str)| shown.clone().map(|row| cell(row, at)).fold(name.len(), usize::max);
        columns.iter().enumerate().map(width).map(|width| width + 2).sum::<usize>().saturating_sub(2)
    }

    /// A table that is too wide for the place, a fact a line: nothing of it is cut.
    fn facts(&mut self, columns: &[&'static str], rows: &[Vec<String>]) {
        for (at, row) in rows.iter().take(MOST_ROWS).enumerate() {
            if at > 0 {
                self.lines.push(Line::default());
            }
            for (name, cell) in columns.iter().zip(row) {
                self.text("", &format!("{name}: {cell}"), self.scene.theme.value);
            }
        }
    }

    fn session(&mut self, session: &ChainSession) {
        let theme = self.scene.theme;
        let some = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
        let mut head = vec![format!("pid {}", session.pid)];
        head.extend(some(&session.user).map(|user| format!("user {user}")));
        head.extend(some(&session.application).map(|name| format!("application {name}")));
        head.extend(some(&session.state));
        head.extend(session.xact_age_s.map(|age| format!("transaction open for {}", diagnosis::span(age))));
        let waits: Vec<String> = session.blocked_by.iter().map(ToString::to_string).collect();
        head.push(if waits.is_empty() { "waits for nobody".into() } else { format!("waits for {}", waits.join(", ")) });
        // The session that all others wait for also has a mark.
        let (mark, style) = if session.root { (self.scene.glyphs.failed, theme.critical) } else { (" ", theme.value) };
        for (row, text) in
            self.scene.clean_lines(&head.join(", "), self.width.saturating_sub(2), 4).into_iter().enumerate()
        {
            let mark = if row == 0 { mark } else { " " };
            self.lines.push(Line::from(vec![Span::styled(format!("{mark} "), style), Span::styled(text, style)]));
        }
        if let Some(query) = &session.query {
            self.text("    ", query, theme.muted);
        }
    }

    fn plan(&mut self, node: &Node, depth: usize) {
        if self.lines.len() >= MOST_ROWS * 2 {
            return;
        }
        let notes = [(node.costly, "costs most"), (node.spilled, "wrote to disk")];
        let notes: Vec<&str> = notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        let took = node.total_ms.map(|ms| format!("{ms:.1} ms ")).unwrap_or_default();
        let (mark, style) = if node.costly {
            (self.scene.glyphs.warning, self.scene.theme.warning)
        } else {
            (" ", self.scene.theme.value)
        };
        let indent = "  ".repeat(depth.min(12));
        // Cleaned separately: the text before it must keep its blanks.
        let head = format!("{mark} {:>3.0} % {took}{indent}", node.share * 100.0);
        let width = self.width.saturating_sub(to_u16(Span::raw(&head).width()));
        let label = self.scene.clean(&format!("{}{notes}", node.label), width);
        self.lines.push(Line::styled(format!("{head}{label}"), style));
        for child in &node.children {
            self.plan(child, depth + 1);
        }
    }
}
