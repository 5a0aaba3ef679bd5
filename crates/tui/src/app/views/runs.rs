//! The view of the whole log: a piece of it that was read, the filter, and which run is selected.
//!
//! The log may have ten million rows. What is kept is one piece without gaps, which grows at the end that the selection
//! comes near and is cut at the other one; what was cut is read again when somebody comes back.

use crate::app::{
    action::Action,
    effect::Effect,
    prompt::{Prompt, Purpose},
    state::{Newest, State},
    views::View,
};
use refreshtop_core::{
    question::{Listed, OriginFilter, Place, Question, RunsFilter, RunsPage, RunsRead, Start},
    reading::{Reading, Unavailable},
    request::Request,
    run::Run,
};
use uuid::Uuid;

/// Rows of a page.
pub const PAGE: u16 = 200;
/// Rows kept, however far somebody scrolls.
pub const KEPT: usize = 2_000;
/// The next page is asked for this many rows before the end of what was read.
const AHEAD: usize = 100;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// Which rows are listed.
    pub filter: RunsFilter,
    /// The rows that were read, newest first, without gaps.
    pub rows: Vec<Listed>,
    /// Whether anything was read with this filter.
    pub read: bool,
    /// The newest row of the log that was looked at, listed or not.
    newest: Option<Place>,
    /// Whether there are newer rows than that which were not read.
    pub above: bool,
    /// The oldest row that was looked at, where older ones follow; `None` where the log ends with the last row.
    pub older: Option<Place>,
    /// Why the last page could not be read.
    pub failed: Option<Failed>,
    /// The page that is being read.
    pub loading: Option<RunsPage>,
    /// Whether what that page is for is gone: its rows are of no use.
    outdated: bool,
    /// What is to be read after it.
    wished: Option<Wish>,
    /// What was newest in the log when its newest page was asked for.
    of: Option<Newest>,
    /// What was newest when the oldest rows were last asked for.
    end_of: Option<Newest>,
    /// The selected row; the one that took its place where it is gone. `None` for whichever is newest.
    pub selected: Option<Place>,
}

/// Which page could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Where it would have begun.
    pub start: Start,
    /// Whether nobody waited for it.
    pub brief: bool,
    /// Why there is none.
    pub why: Unavailable,
}

/// What is to be read next, as seen from the piece that is there by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The newest rows; what is there gives way where it does not join them.
    Newest,
    /// More at the upper end.
    Newer,
    /// More at the lower end.
    Older,
    /// The oldest rows.
    Oldest,
}

impl Runs {
    /// Index of the selected row; `None` where there is none.
    pub fn selected_index(&self) -> Option<usize> {
        let last = self.rows.len().checked_sub(1)?;
        let Some(place) = self.selected else { return Some(0) };
        Some(self.rows.partition_point(|row| row.place > place).min(last))
    }

    /// The selected row.
    pub fn selected_row(&self) -> Option<&Listed> {
        self.rows.get(self.selected_index()?)
    }

    /// Key of the selected row.
    pub fn selected_id(&self) -> Option<Uuid> {
        self.selected_row().map(|row| row.run.id)
    }

    /// The row with this key, where it is among those that were read.
    pub fn run(&self, id: Uuid) -> Option<&Run> {
        self.rows.iter().map(|row| &row.run).find(|run| run.id == id)
    }

    /// The newest row that was looked at, where newer ones follow.
    pub fn searched_up(&self) -> Option<Place> {
        self.newest.filter(|_| self.above)
    }

    /// Whether somebody waits for a page.
    pub fn is_reading(&self) -> bool {
        self.loading.as_ref().is_some_and(|page| !page.brief || !self.read)
    }

    /// Takes a page in.
    fn merge(&mut self, start: Start, brief: bool, read: RunsRead) {
        match start {
            Start::Newest => self.merge_newest(read),
            Start::Before(place) => {
                let lower = read.next.map(|end| self.rows.split_off(self.first_older(end)));
                self.rows.truncate(self.rows.partition_point(|row| row.place >= place));
                self.rows.extend(read.runs);
                self.rows.extend(lower.unwrap_or_default());
                self.older = read.next.zip(self.older).map(|(end, older)| end.min(older));
            }
            Start::After(place) => {
                let kept = self.rows.split_off(self.rows.partition_point(|row| row.place > place));
                self.rows = read.runs;
                self.rows.extend(kept);
                (self.above, self.newest) = (read.next.is_some(), read.next.or(read.newest).or(self.newest));
            }
            Start::Oldest => {
                if self.older.is_some() || read.next.is_none_or(|end| self.newest < Some(end)) {
                    (self.above, self.newest) = (read.next.is_some(), read.next.or(read.newest));
                    self.rows.clear();
                }
                self.older = None;
                self.rows.truncate(self.rows.partition_point(|row| read.next.is_some_and(|end| row.place > end)));
                self.rows.extend(read.runs);
                if !brief {
                    self.selected = self.rows.last().map(|row| row.place);
                }
            }
        }
        // A log without keys may have rows that nobody can tell apart.
        self.rows.dedup_by_key(|row| row.place);
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
            // So much has come that it does not join what is there: that stays, and the rest is read on the way up.
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

    /// Whether somebody looks at the last page of the log, and it is not the first one too.
    fn end_in_sight(&self) -> bool {
        let page = usize::from(PAGE);
        let near = self.selected_index().is_some_and(|index| index + page >= self.rows.len());
        near && self.older.is_none() && (self.above || self.rows.len() > page)
    }

    /// Index of the first row that is older than `end`.
    fn first_older(&self, end: Place) -> usize {
        self.rows.partition_point(|row| row.place >= end)
    }

    /// Lets go of what is furthest from the selection.
    fn cut(&mut self) {
        let Some(excess) = self.rows.len().checked_sub(KEPT).filter(|excess| *excess > 0) else { return };
        if self.selected_index().unwrap_or_default() < self.rows.len() / 2 {
            self.rows.truncate(KEPT);
            self.older = self.rows.last().map(|row| row.place);
        } else {
            self.rows.drain(..excess);
            (self.above, self.newest) = (true, self.rows.first().map(|row| row.place));
        }
    }

    /// Selects a row, and tells what should be read then. Rows that are rare are searched for only where somebody wants
    /// to go `beyond` what is there.
    fn select(&mut self, index: usize, beyond: bool) -> Option<Wish> {
        let (len, ahead) = (self.rows.len(), if self.filter.is_sparse() { 1 } else { AHEAD });
        if let Some(row) = self.rows.get(index.min(len.saturating_sub(1))) {
            self.selected = Some(row.place);
        }
        if self.older.is_some() && (beyond || (!self.filter.is_sparse() && index + ahead >= len)) {
            return Some(Wish::Older);
        }
        (self.above && index < ahead).then_some(Wish::Newer)
    }
}

/// Keeps what is there up to date: its newest rows, or its oldest where somebody looks at those. Nothing is asked where
/// nothing has changed.
pub fn ask(state: &mut State) -> Vec<Effect> {
    let newest = Some(state.newest());
    let view = &mut state.runs_view;
    if state.paused.is_some() || view.loading.is_some() {
        return Vec::new();
    }
    if !view.read {
        return wish(state, Wish::Newest);
    }
    let retry = view.failed.as_ref().is_some_and(|failed| failed.brief);
    // Where the clean-up deletes.
    if view.end_in_sight() {
        let known = view.end_of == newest && !retry;
        return if known { Vec::new() } else { ask_page(state, Start::Oldest, true) };
    }
    if view.above || (view.of == newest && !retry) { Vec::new() } else { ask_page(state, Start::Newest, true) }
}

/// Reads what was wished for, after the page that is under way.
fn wish(state: &mut State, wish: Wish) -> Vec<Effect> {
    let view = &mut state.runs_view;
    if view.loading.is_some() {
        view.wished = Some(wish);
        return Vec::new();
    }
    let start = match wish {
        Wish::Newest => Some(Start::Newest),
        Wish::Oldest => Some(Start::Oldest),
        Wish::Older => view.older.map(Start::Before),
        Wish::Newer => view.newest.filter(|_| view.above).map(Start::After),
    };
    start.map(|start| ask_page(state, start, false)).unwrap_or_default()
}

fn ask_page(state: &mut State, start: Start, brief: bool) -> Vec<Effect> {
    if !state.connected() {
        return Vec::new();
    }
    let newest = state.newest();
    let view = &mut state.runs_view;
    match start {
        Start::Newest => view.of = Some(newest),
        Start::Oldest => view.end_of = Some(newest),
        Start::Before(_) | Start::After(_) => {}
    }
    (view.wished, view.outdated) = (None, false);
    let page = RunsPage { filter: view.filter.clone(), start, limit: PAGE, brief };
    view.loading = Some(page.clone());
    vec![state.request(Request::Ask(Question::Runs(page)))]
}

/// Takes a page in, and asks for what was wished for meanwhile.
pub fn answered(state: &mut State, page: &RunsPage, read: Reading<RunsRead>) -> Vec<Effect> {
    let held = state.paused.is_some();
    let view = &mut state.runs_view;
    if view.loading.as_ref() != Some(page) {
        return Vec::new();
    }
    view.loading = None;
    let wished = view.wished.take();
    if view.outdated || page.filter != view.filter {
        return wish(state, Wish::Newest);
    }
    match read {
        // What is shown stays as it is.
        Ok(_) if held && page.brief => (view.of, view.end_of) = (None, None),
        Ok(read) => {
            view.failed.take_if(|failed| failed.brief || !page.brief);
            view.merge(page.start, page.brief, read);
        }
        Err(why) => {
            view.failed = Some(Failed { start: page.start, brief: page.brief, why });
            return Vec::new();
        }
    }
    if let Some(wished) = wished {
        return wish(state, wished);
    }
    // A run may have been heard of while the page was read.
    if state.view == View::Runs && state.runs_view.failed.is_none() { ask(state) } else { Vec::new() }
}

/// Moves the selection; near an end of what was read more is asked for. `isize::MIN` and `isize::MAX` are the ends of the
/// log itself.
pub fn step(state: &mut State, by: isize) -> Vec<Effect> {
    let newest = Some(state.newest());
    let view = &mut state.runs_view;
    let Some(index) = view.selected_index() else {
        // Nothing was found so far.
        return if by > 0 { wish(state, Wish::Older) } else { Vec::new() };
    };
    let last = view.rows.len() - 1;
    let wished = match by {
        isize::MIN => {
            view.selected = None;
            (view.above || view.of != newest).then_some(Wish::Newest)
        }
        isize::MAX => {
            view.select(last, false);
            view.older.map(|_| Wish::Oldest)
        }
        _ => {
            let beyond = by > 0 && index.saturating_add_signed(by) > last;
            view.select(index.saturating_add_signed(by).min(last), beyond)
        }
    };
    wished.map(|wished| wish(state, wished)).unwrap_or_default()
}

/// Selects a row of those that were read.
pub fn select(state: &mut State, index: usize) -> Vec<Effect> {
    let wished = state.runs_view.select(index, false);
    wished.map(|wished| wish(state, wished)).unwrap_or_default()
}

/// What only this view knows.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let filter = &mut state.runs_view.filter;
    match action {
        Action::Failures => filter.failures = !filter.failures,
        Action::Origin => {
            filter.origin = match filter.origin {
                OriginFilter::Any => OriginFilter::Scheduled,
                OriginFilter::Scheduled => OriginFilter::Manual,
                OriginFilter::Manual => OriginFilter::Any,
            }
        }
        Action::Search => {
            state.prompt = Some(Prompt::new(Purpose::Search, &filter.text));
            return Vec::new();
        }
        _ => return Vec::new(),
    }
    filtered(state)
}

/// Lists only runs that contain `text`.
pub fn search(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    if state.runs_view.filter.text == text {
        return Vec::new();
    }
    text.clone_into(&mut state.runs_view.filter.text);
    filtered(state)
}

/// Lists every run again; `None` where every run is listed.
pub fn unfilter(state: &mut State) -> Option<Vec<Effect>> {
    if state.runs_view.filter.is_empty() {
        return None;
    }
    state.runs_view.filter = RunsFilter::default();
    Some(filtered(state))
}

/// Reads anew after a change of the filter.
fn filtered(state: &mut State) -> Vec<Effect> {
    let view = &mut state.runs_view;
    let (filter, loading) = (std::mem::take(&mut view.filter), view.loading.take());
    *view = Runs { filter, outdated: loading.is_some(), loading, ..Runs::default() };
    wish(state, Wish::Newest)
}

#[cfg(test)]
mod tests;
