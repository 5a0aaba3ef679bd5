//! The states of all screens.

use super::{
    board::state::Board, context::Context, diagnose::state::Diagnose, effect::ScreenEffect,
    incidents::state::Incidents, overview::state::Overview, runs::state::Runs, screen::Screen, state::ScreenState,
    wall::state::Wall, windowed::Windowed,
};
use refreshtop_core::{history::History, movement::Movement, question::Answer};

/// What each screen has read and selected.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Screens {
    pub board: Board,
    pub overview: Overview,
    pub runs: Runs,
    pub incidents: Incidents,
    pub history: Windowed<History>,
    pub diagnose: Diagnose,
    pub columns: Windowed<Movement>,
    pub wall: Wall,
}

impl Screens {
    /// The state of `screen`.
    pub fn get(&self, screen: Screen) -> &dyn ScreenState {
        match screen {
            Screen::Board => &self.board,
            Screen::Overview => &self.overview,
            Screen::Runs => &self.runs,
            Screen::Incidents => &self.incidents,
            Screen::History => &self.history,
            Screen::Diagnose => &self.diagnose,
            Screen::Columns => &self.columns,
            Screen::Wall => &self.wall,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, screen: Screen) -> &mut dyn ScreenState {
        match screen {
            Screen::Board => &mut self.board,
            Screen::Overview => &mut self.overview,
            Screen::Runs => &mut self.runs,
            Screen::Incidents => &mut self.incidents,
            Screen::History => &mut self.history,
            Screen::Diagnose => &mut self.diagnose,
            Screen::Columns => &mut self.columns,
            Screen::Wall => &mut self.wall,
        }
    }

    /// Forgets what is about the view that was shown until now.
    pub fn forget_view(&mut self) {
        let before = std::mem::take(self);
        (self.board, self.overview.focus) = (before.board, before.overview.focus);
        self.diagnose = before.diagnose.without_view();
        // What was read of all views is about this one, too.
        (self.incidents.of_all, self.incidents.scope) = (before.incidents.of_all, before.incidents.scope);
        if self.incidents.is_of_all() {
            self.incidents.selected = before.incidents.selected;
        }
    }

    /// Takes in the answer to a question of one of them.
    pub fn answered(&mut self, answer: Answer, context: &Context) -> Vec<ScreenEffect> {
        match answer {
            Answer::Runs(page, read) => self.runs.answered(&page, read, context),
            Answer::Incidents(window, read) => self.incidents.answered(window, read, context),
            Answer::IncidentsOfAll(window, read) => self.incidents.answered_of_all(window, read, context),
            Answer::History(window, read) => self.history.answered(window, read, context),
            Answer::Movement(window, read) => self.columns.answered(window, read, context),
            Answer::Diagnosis(read) => self.diagnose.found(read, context),
        }
    }
}
