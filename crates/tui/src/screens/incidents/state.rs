//! The incidents that were read, and which one is selected.

use crate::{
    app::action::Action,
    screens::{
        context::{Context, Newest},
        effect::ScreenEffect,
        loadable::Loadable,
        screen::Screen,
        state::ScreenState,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_core::{
    address::ViewId,
    incident::{
        Incident, Record,
        shared::{self, Shared, shared},
    },
    question::Question,
    reading::Reading,
};
use std::time::Duration;

/// Age from which on an answer is read again although nothing was logged since: its window has moved on.
const OLD: TimeDelta = TimeDelta::minutes(5);

/// Whose incidents are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those of the view that is shown.
    #[default]
    Shown,
    /// Those of all managed views.
    All,
}

/// An incident of the list: when it began, and the first of its views.
pub type Key = (DateTime<Utc>, ViewId);

/// The state of the incidents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Incidents {
    /// Whose are listed.
    pub scope: Scope,
    /// What was read of the view that is shown.
    pub answer: Loadable<Record>,
    /// The same of every managed view, if there are several.
    pub of_all: Loadable<Vec<(ViewId, Record)>>,
    /// The selected incident; the first one if it is gone.
    pub selected: Option<Key>,
}

impl Incidents {
    /// Whether those of all views are listed.
    pub fn is_of_all(&self) -> bool {
        self.scope == Scope::All
    }

    /// The incidents that are listed, newest first; those that go on in front.
    pub fn list(&self, context: &Context) -> Vec<Shared> {
        match self.scope {
            Scope::All => self.list_of_all(context),
            Scope::Shown => {
                let Some(record) = self.answer.get() else { return Vec::new() };
                let incidents = record.incidents(context.freshness_limit, context.server_now.unwrap_or(record.read_at));
                incidents.into_iter().map(|incident| Shared::of_one(context.shown.clone(), incident)).collect()
            }
        }
    }

    /// The incidents of all views, those of one cause together.
    fn list_of_all(&self, context: &Context) -> Vec<Shared> {
        let Some(records) = self.of_all.get() else { return Vec::new() };
        let Some(now) = now(records, context) else { return Vec::new() };
        shared(records, |view| limit(view, context), now)
    }

    /// What the incidents of all views come to.
    pub fn sums(&self, list: &[Shared], context: &Context) -> Option<shared::Sums> {
        let records = self.of_all.get()?;
        shared::sums(records, list, |view| limit(view, context), now(records, context)?)
    }

    /// Index of the selected incident among `list`; `None` if there is none.
    pub fn index(&self, list: &[Shared]) -> Option<usize> {
        let found =
            self.selected.as_ref().and_then(|wanted| list.iter().position(|one| key(one).as_ref() == Some(wanted)));
        found.or((!list.is_empty()).then_some(0))
    }

    /// The selected incident.
    pub fn selected(&self, context: &Context) -> Option<Shared> {
        let list = self.list(context);
        let index = self.index(&list)?;
        list.into_iter().nth(index)
    }

    /// The first view of the selected incident.
    pub fn selected_view(&self, context: &Context) -> Option<ViewId> {
        key(&self.selected(context)?).map(|(_, view)| view)
    }

    /// The other views that have an incident of the same cause at that time.
    pub fn with_it(&self, incident: &Shared, context: &Context) -> Vec<ViewId> {
        let is_it = |(view, one): &(ViewId, Incident)| view == context.shown && one.began == incident.began();
        let found = self.list_of_all(context).into_iter().find(|one| one.views.iter().any(is_it));
        let views = found.into_iter().flat_map(|one| one.views).map(|(view, _)| view);
        views.filter(|view| view != context.shown).collect()
    }

    /// Takes in an answer about all views.
    pub fn answered_of_all(
        &mut self,
        window: Duration,
        read: Reading<Vec<(ViewId, Record)>>,
        context: &Context,
    ) -> Vec<ScreenEffect> {
        self.of_all.take(read, window, context.server_now);
        self.of_all.reload(&of_all(context), |window| about_all(window, context))
    }

    /// Takes in an answer.
    pub fn answered(&mut self, window: Duration, read: Reading<Record>, context: &Context) -> Vec<ScreenEffect> {
        self.answer.take(read, window, context.server_now);
        let limit = context.freshness_limit;
        self.answer.reload(context, |window| Question::Incidents { window, limit })
    }

    /// Lists those of all views, or those of the first view of the selected one.
    fn switch(&mut self, context: &Context) -> Vec<ScreenEffect> {
        if !has_several(context) {
            return vec![ScreenEffect::Toast("no other view is managed")];
        }
        let view = if self.is_of_all() { self.selected_view(context) } else { None };
        self.selected = None;
        self.scope = if self.is_of_all() { Scope::Shown } else { Scope::All };
        match view {
            Some(view) => vec![ScreenEffect::Show(view, Screen::Incidents)],
            None => self.load(context),
        }
    }
}

fn key(incident: &Shared) -> Option<Key> {
    Some((incident.began(), incident.views.first()?.0.clone()))
}

fn has_several(context: &Context) -> bool {
    context.all.is_some_and(|all| all.managed_ids().nth(1).is_some())
}

/// Age from which on the figures of `view` are stale.
fn limit(view: &ViewId, context: &Context) -> Duration {
    let known = context.all.and_then(|all| all.managed(view));
    known.map_or(context.freshness_limit, |view| view.max_age(context.overrides))
}

/// The server's time, or else when the first record was read.
fn now(records: &[(ViewId, Record)], context: &Context) -> Option<DateTime<Utc>> {
    context.server_now.or(records.first().map(|(_, record)| record.read_at))
}

/// The same context with what is newest in the log of all views.
fn of_all<'a>(context: &Context<'a>) -> Context<'a> {
    Context { newest: context.all.map_or(context.newest, Newest::of_all), ..*context }
}

/// The question about every managed view.
fn about_all(window: Duration, context: &Context) -> Question {
    let managed = context.all.into_iter().flat_map(|all| &all.views);
    let views = managed.filter_map(|view| Some((view.id()?.clone(), view.max_age(context.overrides)))).collect();
    Question::IncidentsOfAll { window, views }
}

impl ScreenState for Incidents {
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let is_old = |read_at: Option<DateTime<Utc>>| {
            context.server_now.zip(read_at).is_some_and(|(now, read)| now - read >= OLD)
        };
        if is_old(self.answer.read_at) {
            self.answer.invalidate();
        }
        if is_old(self.of_all.read_at) {
            self.of_all.invalidate();
        }
        let mut effects = match self.scope {
            Scope::All => Vec::new(),
            Scope::Shown => {
                let limit = context.freshness_limit;
                self.answer.load(context, |window| Question::Incidents { window, limit })
            }
        };
        if self.is_of_all() && context.all.is_some() || has_several(context) {
            effects.extend(self.of_all.load(&of_all(context), |window| about_all(window, context)));
        }
        effects
    }

    fn act(&mut self, action: Action, context: &Context) -> Vec<ScreenEffect> {
        if action == Action::Origin { self.switch(context) } else { Vec::new() }
    }

    fn step(&mut self, by: isize, context: &Context) -> Vec<ScreenEffect> {
        let list = self.list(context);
        if let Some(index) = self.index(&list) {
            let target = index.saturating_add_signed(by).min(list.len() - 1);
            self.selected = key(&list[target]);
        }
        Vec::new()
    }

    /// The run that opens is the first failure of the selected incident.
    fn open(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let run = self.selected(context).and_then(|incident| incident.first_run());
        run.map(ScreenEffect::OpenRun).into_iter().collect()
    }

    fn selected_index(&self, context: &Context) -> Option<usize> {
        self.index(&self.list(context))
    }

    /// An open incident lasts, and one that nobody notices begins.
    fn stable_for(&self, context: &Context) -> Option<Duration> {
        match self.scope {
            Scope::All => {
                let records = self.of_all.get()?;
                shared::holds(records, |view| limit(view, context), now(records, context)?)
            }
            Scope::Shown => {
                let record = self.answer.get()?;
                record.holds(context.freshness_limit, context.server_now.unwrap_or(record.read_at))
            }
        }
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Open, Action::Down, Action::Origin, Action::Wider, Action::Copy]
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
