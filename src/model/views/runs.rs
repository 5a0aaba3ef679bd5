//! The view of the whole log: the pages that were read, the filter, and which run is selected.

use crate::model::{
    message::{Action, Effect},
    prompt::{Prompt, Purpose},
    question::{OriginFilter, Question, RunsFilter, RunsPage, RunsRead},
    reading::{Reading, Unavailable},
    run::Run,
    state::State,
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Rows of a page.
pub const PAGE: u16 = 200;
/// The next page is asked for this many rows before the end of what was read.
const AHEAD: usize = 60;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// Which rows are listed.
    pub filter: RunsFilter,
    /// The rows that were read, newest first.
    pub rows: Vec<Run>,
    /// Why the newest page could not be read.
    pub failed: Option<Unavailable>,
    /// Where the next page begins; `None` where the log ends, or nothing was read.
    pub next: Option<(DateTime<Utc>, Uuid)>,
    /// Whether anything was read with this filter.
    pub read: bool,
    /// The page that is being read.
    pub asking: Option<RunsPage>,
    /// The selected row; the newest where it is gone.
    pub selected: Option<Uuid>,
}

impl Runs {
    /// Index of the selected row; `None` where there is none.
    #[must_use]
    pub fn selected_index(&self) -> Option<usize> {
        let found = self.selected.and_then(|id| self.rows.iter().position(|run| run.id == id));
        found.or((!self.rows.is_empty()).then_some(0))
    }

    /// Key of the selected row.
    #[must_use]
    pub fn selected_id(&self) -> Option<Uuid> {
        self.rows.get(self.selected_index()?).map(|run| run.id)
    }
}

/// Asks for the newest page.
pub fn ask(state: &mut State) -> Vec<Effect> {
    ask_page(state, None)
}

fn ask_page(state: &mut State, before: Option<(DateTime<Utc>, Uuid)>) -> Vec<Effect> {
    if !state.connected() || state.paused.is_some() || state.runs_view.asking.is_some() {
        return Vec::new();
    }
    let page = RunsPage { filter: state.runs_view.filter.clone(), before, limit: PAGE };
    state.runs_view.asking = Some(page.clone());
    vec![Effect::Ask(Question::Runs(page))]
}

/// Takes a page in.
pub fn answered(state: &mut State, page: &RunsPage, read: Reading<RunsRead>) -> Vec<Effect> {
    let view = &mut state.runs_view;
    view.asking = None;
    if page.filter != view.filter {
        return ask(state);
    }
    match read {
        Err(why) => view.failed = Some(why),
        Ok(read) => {
            view.failed = None;
            if page.before.is_none() {
                view.rows = read.runs;
            } else {
                view.rows.extend(read.runs);
            }
            view.next = read.next;
            view.read = true;
        }
    }
    Vec::new()
}

/// Moves the selection; near the end of what was read the next page is asked for.
pub fn step(state: &mut State, by: isize) -> Vec<Effect> {
    let view = &mut state.runs_view;
    let Some(index) = view.selected_index() else { return Vec::new() };
    let target = index.saturating_add_signed(by).min(view.rows.len() - 1);
    view.selected = Some(view.rows[target].id);
    match view.next {
        Some(next) if target + AHEAD >= view.rows.len() => ask_page(state, Some(next)),
        _ => Vec::new(),
    }
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
    text.trim().clone_into(&mut state.runs_view.filter.text);
    filtered(state)
}

/// Reads anew after a change of the filter.
fn filtered(state: &mut State) -> Vec<Effect> {
    let view = &mut state.runs_view;
    (view.rows, view.next, view.read, view.failed, view.selected) = (Vec::new(), None, false, None, None);
    ask(state)
}
