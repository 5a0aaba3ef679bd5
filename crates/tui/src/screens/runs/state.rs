//! A piece of the log that was read, the filter, and which run is selected.
//!
//! The log may have ten million rows. What is kept is one piece without gaps, which grows at the end that the selection
//! comes near and is cut at the other one; what was cut is read again when it is needed.

use crate::{
    app::{
        action::Action,
        prompt::{Prompt, Purpose},
    },
    screens::{
        context::{Context, Newest},
        effect::ScreenEffect,
        screen::Screen,
        state::ScreenState,
    },
};
use refreshtop_core::{
    question::{LogCursor, LogRow, OriginFilter, PageStart, Question, RunsFilter, RunsPage, RunsRead},
    reading::{Reading, Unavailable},
    run::Run,
};
use uuid::Uuid;

/// Rows of a page.
pub const PAGE: u16 = 200;
/// Rows kept, however far somebody scrolls.
pub const KEPT: usize = 2_000;
/// The next page is asked for this many rows before the end of what was read.
const AHEAD: usize = 100;

/// The state of the log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// Which rows are listed.
    pub filter: RunsFilter,
    /// The rows that were read, newest first, without gaps.
    pub rows: Vec<LogRow>,
    /// Whether anything was read with this filter.
    pub read: bool,
    /// The newest row of the log that was examined, listed or not.
    newest: Option<LogCursor>,
    /// Whether there are newer rows than that which were not read.
    pub above: bool,
    /// The oldest row that was examined, if older ones follow; `None` if the log ends with the last row.
    pub older: Option<LogCursor>,
    /// Why the last page could not be read.
    pub failed: Option<Failed>,
    /// The page that is being read.
    pub loading: Option<RunsPage>,
    /// Whether that page is obsolete, and its rows are of no use.
    outdated: bool,
    /// What is to be read after it.
    next: Option<Next>,
    /// What was newest in the log when its newest page was asked for.
    of: Option<Newest>,
    /// What was newest when the oldest rows were last asked for.
    end_of: Option<Newest>,
    /// The selected row; the one that took its cursor if it is gone. `None` for whichever is newest.
    pub selected: Option<LogCursor>,
}

/// Which page could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Where it would have begun.
    pub start: PageStart,
    /// Whether it was read in the background.
    pub background: bool,
    /// Why there is none.
    pub why: Unavailable,
}

/// What is to be read next, as seen from the piece that is there by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The newest rows; the piece is replaced if it does not join them.
    Newest,
    /// More at the upper end.
    Newer,
    /// More at the lower end.
    Older,
    /// The oldest rows.
    Oldest,
}

impl Runs {
    /// Index of the selected row; `None` if there is none.
    pub fn selected_index(&self) -> Option<usize> {
        let last = self.rows.len().checked_sub(1)?;
        let Some(cursor) = self.selected else { return Some(0) };
        Some(self.rows.partition_point(|row| row.cursor > cursor).min(last))
    }

    /// The selected row.
    pub fn selected_row(&self) -> Option<&LogRow> {
        self.rows.get(self.selected_index()?)
    }

    /// The row with this key, if it is among those that were read.
    pub fn run(&self, id: Uuid) -> Option<&Run> {
        self.rows.iter().map(|row| &row.run).find(|run| run.id == id)
    }

    /// The newest row that was examined, if newer ones follow.
    pub fn searched_up(&self) -> Option<LogCursor> {
        self.newest.filter(|_| self.above)
    }

    /// Whether a page is read that a key asked for.
    pub fn is_reading(&self) -> bool {
        self.loading.as_ref().is_some_and(|page| !page.background || !self.read)
    }

    /// Takes a page in.
    fn merge(&mut self, start: PageStart, background: bool, read: RunsRead) {
        match start {
            PageStart::Newest => self.merge_newest(read),
            PageStart::Before(cursor) => {
                let lower = read.next.map(|end| self.rows.split_off(self.first_older(end)));
                self.rows.truncate(self.rows.partition_point(|row| row.cursor >= cursor));
                self.rows.extend(read.runs);
                self.rows.extend(lower.unwrap_or_default());
                self.older = read.next.zip(self.older).map(|(end, older)| end.min(older));
            }
            PageStart::After(cursor) => {
                let kept = self.rows.split_off(self.rows.partition_point(|row| row.cursor > cursor));
                self.rows = read.runs;
                self.rows.extend(kept);
                (self.above, self.newest) = (read.next.is_some(), read.next.or(read.newest).or(self.newest));
            }
            PageStart::Oldest => {
                if self.older.is_some() || read.next.is_none_or(|end| self.newest < Some(end)) {
                    (self.above, self.newest) = (read.next.is_some(), read.next.or(read.newest));
                    self.rows.clear();
                }
                self.older = None;
                self.rows.truncate(self.rows.partition_point(|row| read.next.is_some_and(|end| row.cursor > end)));
                self.rows.extend(read.runs);
                if !background {
                    self.selected = self.rows.last().map(|row| row.cursor);
                }
            }
        }
        // A log without keys may have identical rows.
        self.rows.dedup_by_key(|row| row.cursor);
        self.read = true;
        self.cut();
    }

    fn merge_newest(&mut self, read: RunsRead) {
        let joins = match (read.next, self.newest) {
            (Some(end), Some(newest)) => newest >= end,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if self.read && !joins && self.selected.is_some() {
            // So many rows are new that they don't join the piece: it stays, and the rest is read on the way up.
            self.above = true;
            return;
        }
        match read.next {
            Some(end) if self.read && joins => {
                let kept = self.rows.split_off(self.first_older(end));
                self.rows = read.runs;
                self.rows.extend(kept);
                self.older = self.older.map(|older| older.min(end));
            }
            end => (self.rows, self.older) = (read.runs, end),
        }
        (self.newest, self.above) = (read.newest, false);
    }

    /// Whether the last page of the log is in sight, and it is not the first one too.
    fn end_in_sight(&self) -> bool {
        let page = usize::from(PAGE);
        let near = self.selected_index().is_some_and(|index| index + page >= self.rows.len());
        near && self.older.is_none() && (self.above || self.rows.len() > page)
    }

    /// Index of the first row that is older than `end`.
    fn first_older(&self, end: LogCursor) -> usize {
        self.rows.partition_point(|row| row.cursor >= end)
    }

    /// Drops the rows that are furthest from the selection.
    fn cut(&mut self) {
        let Some(excess) = self.rows.len().checked_sub(KEPT).filter(|excess| *excess > 0) else { return };
        if self.selected_index().unwrap_or_default() < self.rows.len() / 2 {
            self.rows.truncate(KEPT);
            self.older = self.rows.last().map(|row| row.cursor);
        } else {
            self.rows.drain(..excess);
            (self.above, self.newest) = (true, self.rows.first().map(|row| row.cursor));
        }
    }

    /// Selects a row, and returns what should be read then. Rare rows are searched for only if somebody wants
    /// to go `beyond` what is there.
    fn select_row(&mut self, index: usize, beyond: bool) -> Option<Next> {
        let (len, ahead) = (self.rows.len(), if self.filter.is_sparse() { 1 } else { AHEAD });
        if let Some(row) = self.rows.get(index.min(len.saturating_sub(1))) {
            self.selected = Some(row.cursor);
        }
        if self.older.is_some() && (beyond || (!self.filter.is_sparse() && index + ahead >= len)) {
            return Some(Next::Older);
        }
        (self.above && index < ahead).then_some(Next::Newer)
    }
}

/// Reading.
impl Runs {
    /// Reads what is missing, after the page that is under way.
    fn want(&mut self, next: Next, context: &Context) -> Vec<ScreenEffect> {
        if self.loading.is_some() {
            self.next = Some(next);
            return Vec::new();
        }
        let start = match next {
            Next::Newest => Some(PageStart::Newest),
            Next::Oldest => Some(PageStart::Oldest),
            Next::Older => self.older.map(PageStart::Before),
            Next::Newer => self.newest.filter(|_| self.above).map(PageStart::After),
        };
        start.map(|start| self.read_page(start, false, context)).unwrap_or_default()
    }

    fn read_page(&mut self, start: PageStart, background: bool, context: &Context) -> Vec<ScreenEffect> {
        if !context.connected {
            return Vec::new();
        }
        match start {
            PageStart::Newest => self.of = Some(context.newest),
            PageStart::Oldest => self.end_of = Some(context.newest),
            PageStart::Before(_) | PageStart::After(_) => {}
        }
        (self.next, self.outdated) = (None, false);
        let page = RunsPage { filter: self.filter.clone(), start, limit: PAGE, background };
        self.loading = Some(page.clone());
        vec![ScreenEffect::Ask(Question::Runs(page))]
    }

    /// Takes a page in, and reads what was requested meanwhile.
    pub fn answered(&mut self, page: &RunsPage, read: Reading<RunsRead>, context: &Context) -> Vec<ScreenEffect> {
        if self.loading.as_ref() != Some(page) {
            return Vec::new();
        }
        self.loading = None;
        let next = self.next.take();
        if self.outdated || page.filter != self.filter {
            return self.want(Next::Newest, context);
        }
        match read {
            // What is shown stays as it is.
            Ok(_) if context.paused && page.background => (self.of, self.end_of) = (None, None),
            Ok(read) => {
                self.failed.take_if(|failed| failed.background || !page.background);
                self.merge(page.start, page.background, read);
            }
            Err(why) => {
                self.failed = Some(Failed { start: page.start, background: page.background, why });
                return Vec::new();
            }
        }
        if let Some(next) = next {
            return self.want(next, context);
        }
        // Another run may have ended while the page was read.
        let current = context.screen == Screen::Runs && self.failed.is_none();
        if current { self.load(context) } else { Vec::new() }
    }

    /// Lists only runs that contain `text`.
    pub fn search(&mut self, text: &str, context: &Context) -> Vec<ScreenEffect> {
        let text = text.trim();
        if self.filter.text == text {
            return Vec::new();
        }
        text.clone_into(&mut self.filter.text);
        self.filtered(context)
    }

    /// Reads again after a change of the filter.
    fn filtered(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let (filter, loading) = (std::mem::take(&mut self.filter), self.loading.take());
        *self = Self { filter, outdated: loading.is_some(), loading, ..Self::default() };
        self.want(Next::Newest, context)
    }
}

impl ScreenState for Runs {
    /// Keeps what is there up to date: its newest rows, or its oldest if somebody is at that end. Nothing is read if
    /// nothing has changed.
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let newest = Some(context.newest);
        if context.paused || self.loading.is_some() {
            return Vec::new();
        }
        if !self.read {
            return self.want(Next::Newest, context);
        }
        let retry = self.failed.as_ref().is_some_and(|failed| failed.background);
        // The clean-up deletes at that end.
        if self.end_in_sight() {
            let known = self.end_of == newest && !retry;
            return if known { Vec::new() } else { self.read_page(PageStart::Oldest, true, context) };
        }
        let known = self.above || (self.of == newest && !retry);
        if known { Vec::new() } else { self.read_page(PageStart::Newest, true, context) }
    }

    fn act(&mut self, action: Action, context: &Context) -> Vec<ScreenEffect> {
        match action {
            Action::Failures => self.filter.failures = !self.filter.failures,
            Action::Origin => {
                self.filter.origin = match self.filter.origin {
                    OriginFilter::Any => OriginFilter::Scheduled,
                    OriginFilter::Scheduled => OriginFilter::Manual,
                    OriginFilter::Manual => OriginFilter::Any,
                }
            }
            Action::Search => return vec![ScreenEffect::Type(Prompt::new(Purpose::Search, &self.filter.text))],
            _ => return Vec::new(),
        }
        self.filtered(context)
    }

    /// Near an end of what was read more is read. `isize::MIN` and `isize::MAX` are the ends of the log itself.
    fn step(&mut self, by: isize, context: &Context) -> Vec<ScreenEffect> {
        let Some(index) = self.selected_index() else {
            // Nothing was found so far.
            return if by > 0 { self.want(Next::Older, context) } else { Vec::new() };
        };
        let last = self.rows.len() - 1;
        let next = match by {
            isize::MIN => {
                self.selected = None;
                (self.above || self.of != Some(context.newest)).then_some(Next::Newest)
            }
            isize::MAX => {
                self.select_row(last, false);
                self.older.map(|_| Next::Oldest)
            }
            _ => {
                let beyond = by > 0 && index.saturating_add_signed(by) > last;
                self.select_row(index.saturating_add_signed(by).min(last), beyond)
            }
        };
        next.map(|next| self.want(next, context)).unwrap_or_default()
    }

    fn select(&mut self, row: usize, context: &Context) -> Vec<ScreenEffect> {
        let next = self.select_row(row, false);
        next.map(|next| self.want(next, context)).unwrap_or_default()
    }

    fn open(&mut self, _: &Context) -> Vec<ScreenEffect> {
        self.selected_row().map(|row| ScreenEffect::OpenRun(row.run.id)).into_iter().collect()
    }

    /// Lists every run again, if some are filtered out.
    fn close(&mut self, context: &Context) -> Option<Vec<ScreenEffect>> {
        if self.filter.is_empty() {
            return None;
        }
        self.filter = RunsFilter::default();
        Some(self.filtered(context))
    }

    fn selected_index(&self, _: &Context) -> Option<usize> {
        Self::selected_index(self)
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Open, Action::Down, Action::Failures, Action::Origin, Action::Search, Action::Copy]
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
