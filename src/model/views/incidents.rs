//! The view of incidents: what was read, and which one is selected.

use super::asked::{self, Asked};
use crate::model::{incident::Incident, message::Effect, question::Question, reading::Reading, state::State};
use std::time::Duration;
use uuid::Uuid;

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Incidents {
    /// The incidents of the window, newest first.
    pub asked: Asked<Vec<Incident>>,
}

impl Incidents {
    /// Moves the selection.
    pub fn step(&mut self, _by: isize) {}

    /// Index of the selected incident; `None` where there is none.
    #[must_use]
    pub fn selected_index(&self) -> Option<usize> {
        None
    }

    /// The run that opening the selected incident shows.
    #[must_use]
    pub fn opens(&self) -> Option<Uuid> {
        None
    }
}

/// Asks for the incidents of the window.
pub fn ask(state: &mut State) -> Vec<Effect> {
    asked::ask(state, |state| &mut state.incidents.asked, |window| Question::Incidents { window })
}

/// Takes them in.
pub fn answered(state: &mut State, window: Duration, read: Reading<Vec<Incident>>) -> Vec<Effect> {
    let now = state.server_now();
    state.incidents.asked.take(read, window, now);
    asked::again(state, |state| &mut state.incidents.asked, |window| Question::Incidents { window })
}
