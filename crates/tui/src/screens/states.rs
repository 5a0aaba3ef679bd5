//! The states of all screens.

use super::{
    context::Context, diagnose::state::Diagnose, effect::ScreenEffect, incidents::state::Incidents,
    overview::state::Overview, runs::state::Runs, screen::Screen, state::ScreenState, wall::state::Wall,
    windowed::Windowed,
};
use refreshtop_core::{history::History, movement::Movement, question::Answer};

/// What each screen has read and selected.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Screens {
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
            Screen::Overview => &mut self.overview,
            Screen::Runs => &mut self.runs,
            Screen::Incidents => &mut self.incidents,
            Screen::History => &mut self.history,
            Screen::Diagnose => &mut self.diagnose,
            Screen::Columns => &mut self.columns,
            Screen::Wall => &mut self.wall,
        }
    }

    /// Takes in the answer to a question of one of them.
    pub fn answered(&mut self, answer: Answer, context: &Context) -> Vec<ScreenEffect> {
        match answer {
            Answer::Runs(page, read) => self.runs.answered(&page, read, context),
            Answer::Incidents(window, read) => self.incidents.answered(window, read, context),
            // No screen asks for that yet.
            Answer::IncidentsOfAll(..) => Vec::new(),
            Answer::History(window, read) => self.history.answered(window, read, context),
            Answer::Movement(window, read) => self.columns.answered(window, read, context),
            Answer::Diagnosis(read) => self.diagnose.found(read, context),
        }
    }
}
