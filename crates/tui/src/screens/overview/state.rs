//! Which list of the overview has the arrow keys, and what is selected in each.

use crate::{
    app::action::Action,
    screens::{context::Context, effect::ScreenEffect, screen::Screen, state::ScreenState},
};
use refreshtop_core::run::Run;
use uuid::Uuid;

/// Which list the arrow keys move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// Recent errors.
    #[default]
    Errors,
    /// Recent runs.
    Runs,
}

/// The state of the overview.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// Which list has the arrow keys.
    pub focus: Focus,
    /// Selected run in the errors list; the newest if it is gone.
    pub selected_error: Option<Uuid>,
    /// Selected run in the runs list.
    pub selected_run: Option<Uuid>,
}

impl Overview {
    /// Index of the selected row of the list `focus`, which is `list`; `None` if that is empty.
    pub fn index(&self, focus: Focus, list: &[Run]) -> Option<usize> {
        let selected = match focus {
            Focus::Errors => self.selected_error,
            Focus::Runs => self.selected_run,
        };
        let found = selected.and_then(|id| list.iter().position(|run| run.id == id));
        found.or((!list.is_empty()).then_some(0))
    }

    fn list<'a>(&self, context: &Context<'a>) -> &'a [Run] {
        match self.focus {
            Focus::Errors => context.errors,
            Focus::Runs => context.runs,
        }
    }
}

impl ScreenState for Overview {
    fn act(&mut self, action: Action, _: &Context) -> Vec<ScreenEffect> {
        if matches!(action, Action::FocusNext | Action::FocusPrevious) {
            self.focus = match self.focus {
                Focus::Errors => Focus::Runs,
                Focus::Runs => Focus::Errors,
            };
        }
        Vec::new()
    }

    fn step(&mut self, by: isize, context: &Context) -> Vec<ScreenEffect> {
        let list = self.list(context);
        if let Some(index) = self.index(self.focus, list) {
            let target = index.saturating_add_signed(by).min(list.len().saturating_sub(1));
            let id = list.get(target).map(|run| run.id);
            match self.focus {
                Focus::Errors => self.selected_error = id,
                Focus::Runs => self.selected_run = id,
            }
        }
        Vec::new()
    }

    fn open(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let selected = self.selected_index(context).and_then(|index| self.list(context).get(index));
        selected.map(|run| ScreenEffect::OpenRun(run.id)).into_iter().collect()
    }

    fn selected_index(&self, context: &Context) -> Option<usize> {
        self.index(self.focus, self.list(context))
    }

    fn hints(&self) -> Vec<Action> {
        let runs = Action::Screen(Screen::Runs);
        vec![Action::Open, Action::Down, Action::Wider, Action::FocusNext, runs, Action::Pause, Action::Poll]
    }
}
