//! One run in full: its times, who started it, PostgreSQL's message, and the black box.

use crate::{
    scene::Scene,
    widgets::{
        being_read,
        help::{popup, popup_inside},
        moment,
        numbers::{bytes, grouped_u64},
        origin, put, to_u16,
    },
};
use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};
use refreshtop_core::{
    age,
    question::LogRow,
    reading::Reading,
    run::{BlackBox, BlockingSession, HeldLock, Run, RunDetail, RunStatus},
};
use std::time::Duration;
use uuid::Uuid;

/// Columns of the labels.
const LABEL: u16 = 12;
/// Lines of one text that are shown; the log has the rest.
const MOST_LINES: u16 = 200;
/// Sessions that are shown.
const MOST_SESSIONS: usize = 50;
/// Locks of one session that are shown.
const MOST_LOCKS: usize = 20;

pub fn render(scene: &Scene, id: Uuid, read: Option<&Reading<RunDetail>>, scroll: u16, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let inner = popup(scene, "RUN", area.width, area.height, area, buf);
    let lines = lines(scene, id, read, inner.width);
    show(scene, &lines, scroll, inner, area, buf);
}

/// What a list knows of a run, for a place beside it.
pub fn preview(scene: &Scene, row: &LogRow, width: u16) -> Vec<Line<'static>> {
    let mut sheet = Sheet { scene, width, lines: Vec::new() };
    sheet.summary(&row.run);
    sheet.optional("role", row.by.as_deref(), scene.theme.value);
    sheet.optional("session", row.application.as_deref(), scene.theme.value);
    if row.run.blockers > 0 {
        sheet.text("in the way", &sessions(row.run.blockers), scene.theme.warning);
    }
    if let Some(error) = &row.run.error {
        sheet.gap();
        sheet.text("message", error, scene.theme.critical);
    }
    sheet.lines
}

fn sessions(count: u32) -> String {
    if count == 1 { "1 session".into() } else { format!("{count} sessions") }
}

/// The furthest that it can be scrolled.
pub fn scroll_limit(scene: &Scene, id: Uuid, read: Option<&Reading<RunDetail>>, area: Rect) -> u16 {
    let inner = popup_inside(area.width, area.height, area);
    to_u16(lines(scene, id, read, inner.width).len()).saturating_sub(inner.height)
}

fn lines(scene: &Scene, id: Uuid, read: Option<&Reading<RunDetail>>, width: u16) -> Vec<Line<'static>> {
    let mut sheet = Sheet { scene, width, lines: Vec::new() };
    match read {
        Some(Ok(detail)) => sheet.detail(detail),
        Some(Err(missing)) => {
            sheet.known(id);
            sheet.text("not read", &missing.reason, scene.theme.critical);
            sheet.text("", &missing.fix, scene.theme.muted);
        }
        None => {
            sheet.known(id);
            sheet.lines.push(Line::styled(being_read(scene, ""), scene.theme.muted));
        }
    }
    sheet.lines
}

/// Draws the lines from `scroll` on. The state does not know how many there are, so the end is found here.
fn show(scene: &Scene, lines: &[Line], scroll: u16, inner: Rect, frame: Rect, buf: &mut Buffer) {
    let last = to_u16(lines.len()).saturating_sub(inner.height);
    let scroll = scroll.min(last);
    for (row, line) in (0..inner.height).zip(lines.iter().skip(usize::from(scroll))) {
        put(buf, inner, row, line);
    }
    if last > 0 {
        let shown = format!(" {}-{} of {} ", scroll + 1, (scroll + inner.height).min(to_u16(lines.len())), lines.len());
        let place = Rect { width: frame.width.saturating_sub(2), ..frame };
        // On the lower border, or beside the title if there is none.
        let row = if inner.bottom() < frame.bottom() { frame.height - 1 } else { 0 };
        crate::widgets::put_right(
            buf,
            place,
            row,
            &Line::styled(shown, scene.theme.accent.remove_modifier(Modifier::DIM)),
        );
    }
}

/// Lines being written.
struct Sheet<'a> {
    scene: &'a Scene<'a>,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl Sheet<'_> {
    /// A label with a text from elsewhere, wrapped beside it. Nothing for an empty text.
    fn text(&mut self, label: &'static str, raw: &str, style: Style) {
        let width = self.width.saturating_sub(LABEL);
        for (i, text) in self.scene.clean_lines(raw, width, MOST_LINES).into_iter().enumerate() {
            if i == 0 && text.is_empty() {
                return;
            }
            let label = if i == 0 { label } else { "" };
            let label = Span::styled(format!("{label:<width$}", width = usize::from(LABEL)), self.scene.theme.muted);
            self.lines.push(Line::from(vec![label, Span::styled(text, style)]));
        }
    }

    fn optional(&mut self, label: &'static str, raw: Option<&str>, style: Style) {
        if let Some(raw) = raw {
            self.text(label, raw, style);
        }
    }

    fn gap(&mut self) {
        self.lines.push(Line::default());
    }

    fn heading(&mut self, text: &'static str, note: &str) {
        let note = Span::styled(format!("  {note}"), self.scene.theme.muted);
        self.lines.push(Line::from(vec![Span::styled(text, self.scene.theme.title), note]));
    }

    /// What the lists know of the run.
    fn known(&mut self, id: Uuid) {
        if let Some(run) = self.scene.state.known_run(id) {
            self.summary(run);
            self.optional("message", run.error.as_deref(), self.scene.theme.critical);
        }
    }

    fn summary(&mut self, run: &Run) {
        let scene = self.scene;
        let glyph = scene.glyphs.status(run.status);
        let word = match run.status {
            RunStatus::Success => "succeeded",
            RunStatus::Error => "FAILED",
        };
        let duration = run.duration_ms.map(|ms| format!(" after {}", age::duration_ms(ms))).unwrap_or_default();
        let code =
            run.sqlstate.as_deref().map(|code| format!("  SQLSTATE {}", scene.clean(code, 5))).unwrap_or_default();
        self.lines.push(Line::from(vec![
            Span::styled(format!("{glyph} {word}{duration}"), scene.theme.status(run.status)),
            Span::styled(code, scene.theme.title),
        ]));
        let ended = run.completed_at.map(|at| format!("  ended {}", clock(at))).unwrap_or_default();
        let times = format!("{} {}{ended}  UTC", run.started_at.format("%Y-%m-%d"), clock(run.started_at));
        self.text("started", &times, scene.theme.value);
        self.text("origin", origin(run.origin), scene.theme.value);
    }

    fn detail(&mut self, detail: &RunDetail) {
        let theme = self.scene.theme;
        self.summary(&detail.run);
        self.optional("role", detail.triggered_by.as_deref(), theme.value);
        let pid = detail.pid.map(|pid| format!("pid {pid}"));
        let session: Vec<String> =
            detail.application.as_deref().map(|name| self.scene.clean(name, 80)).into_iter().chain(pid).collect();
        self.text("session", &session.join(", "), theme.value);
        let work = detail.run.work;
        if let (Some(inserted), Some(deleted)) = (work.rows_inserted, work.rows_deleted) {
            let rows = format!("{} in, {} out", grouped_u64(inserted), grouped_u64(deleted));
            self.text("rows", &rows, theme.value);
        }
        if let Some(wal) = work.server_wal_bytes {
            self.text("WAL", &format!("at most {}; others' included", bytes(wal)), theme.value);
        }
        self.text("id", &detail.run.id.to_string(), theme.muted);
        if detail.run.status == RunStatus::Error {
            self.gap();
        }
        let message = detail.message.as_deref().or(detail.run.error.as_deref());
        self.optional("message", message, theme.critical);
        self.optional("detail", detail.detail.as_deref(), theme.value);
        self.optional("hint", detail.hint.as_deref(), theme.value);
        self.optional("context", detail.context.as_deref(), theme.muted);
        match &detail.black_box {
            Some(black_box) => self.black_box(black_box),
            None if detail.run.status == RunStatus::Error => {
                self.gap();
                self.heading("BLACK BOX", "none was kept for this run");
            }
            None => {}
        }
    }

    fn black_box(&mut self, black_box: &BlackBox) {
        self.gap();
        let sessions = &black_box.sessions;
        let note = match sessions.len() {
            0 => "no session was in the way".to_owned(),
            1 => format!("1 session at {}", clock(black_box.captured_at)),
            n => format!("{n} sessions at {}", clock(black_box.captured_at)),
        };
        self.heading("BLACK BOX", &note);
        for session in sessions.iter().take(MOST_SESSIONS) {
            self.gap();
            self.session(session);
        }
        if let Some(more) = sessions.len().checked_sub(MOST_SESSIONS).filter(|more| *more > 0) {
            self.gap();
            self.lines.push(Line::styled(format!("and {more} more, in the log"), self.scene.theme.muted));
        }
    }

    fn session(&mut self, session: &BlockingSession) {
        let theme = self.scene.theme;
        let who = [("user", &session.user), ("application", &session.application)];
        let who = who.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let client = session.client.as_deref().map_or_else(|| "local".into(), |client| self.scene.clean(client, 45));
        let head: Vec<String> = std::iter::once(format!("pid {}", session.pid))
            .chain(who.map(|(name, value)| format!("{name} {}", self.scene.clean(value, 40))))
            .chain(std::iter::once(format!("client {client}")))
            .collect();
        let head = head.join("  ");
        for line in self.scene.clean_lines(&head, self.width.saturating_sub(2), 3) {
            let mark = Span::styled(format!("{} ", self.scene.glyphs.selected), theme.warning);
            self.lines.push(Line::from(vec![mark, Span::styled(line, theme.title)]));
        }
        let age = session.xact_age_s.and_then(|s| Duration::try_from_secs_f64(s).ok());
        let age = age.map(|age| format!(", transaction open for {}", age::label(age))).unwrap_or_default();
        let state = session.state.as_deref().unwrap_or("state unknown");
        self.text("  state", &format!("{}{age}", self.scene.clean(state, 40)), theme.value);
        let waits: Vec<String> = session.blocked_by.iter().take(MOST_LOCKS).map(ToString::to_string).collect();
        if !waits.is_empty() {
            self.text("  waits for", &format!("pid {}", waits.join(", ")), theme.warning);
        }
        self.locks(&session.locks);
        let started = session.query_start.map(|at| format!("at {}: ", moment(self.scene, at))).unwrap_or_default();
        if let Some(query) = &session.query {
            self.text("  query", &format!("{started}{query}"), theme.value);
        }
    }

    fn locks(&mut self, locks: &[HeldLock]) {
        let theme = self.scene.theme;
        for lock in locks.iter().take(MOST_LOCKS) {
            let (label, style) = if lock.granted { ("  holds", theme.critical) } else { ("  wants", theme.warning) };
            let mode = self.scene.clean(&lock.mode, 30);
            self.text(label, &format!("{mode} on {}", self.scene.clean(&lock.relation, 130)), style);
        }
    }
}

fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S").to_string()
}
