//! The incidents that were read, and which one is selected.

use crate::{
    app::action::Action,
    screens::{context::Context, effect::ScreenEffect, loadable::Loadable, state::ScreenState},
};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_core::{
    address::ViewId,
    incident::{Incident, Record, shared::shared},
    question::Question,
    reading::Reading,
};
use std::time::Duration;

/// Age from which on an answer is read again although nothing was logged since: its window has moved on.
const OLD: TimeDelta = TimeDelta::minutes(5);

/// The state of the incidents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Incidents {
    /// What was read of the window.
    pub answer: Loadable<Record>,
    /// The same of every managed view, if there are several: what failed for the same cause.
    pub of_all: Loadable<Vec<(ViewId, Record)>>,
    /// The selected incident by its beginning; the newest if it is gone.
    pub selected: Option<DateTime<Utc>>,
}

impl Incidents {
    /// The incidents as of `now`, newest first; data is fresh up to `limit`.
    pub fn list(&self, now: Option<DateTime<Utc>>, limit: Duration) -> Vec<Incident> {
        let Some(record) = self.answer.get() else { return Vec::new() };
        record.incidents(limit, now.unwrap_or(record.read_at))
    }

    /// Index of the selected incident among `list`; `None` if there is none.
    pub fn index(&self, list: &[Incident]) -> Option<usize> {
        let found = self.selected.and_then(|began| list.iter().position(|incident| incident.began == began));
        found.or((!list.is_empty()).then_some(0))
    }

    /// The selected incident.
    pub fn selected(&self, now: Option<DateTime<Utc>>, limit: Duration) -> Option<Incident> {
        let list = self.list(now, limit);
        let index = self.index(&list)?;
        list.into_iter().nth(index)
    }

    /// The other views that have an incident of the same cause at that time.
    pub fn with_it(&self, incident: &Incident, context: &Context) -> Vec<ViewId> {
        let (Some(records), Some(all)) = (self.of_all.get(), context.all) else { return Vec::new() };
        let limit =
            |view: &ViewId| all.managed(view).map_or(context.freshness_limit, |view| view.max_age(context.overrides));
        let read_at = records.first().map(|(_, record)| record.read_at);
        let Some(now) = context.server_now.or(read_at) else { return Vec::new() };
        let is_it = |(view, one): &(ViewId, Incident)| view == context.shown && one.began == incident.began;
        let found = shared(records, limit, now).into_iter().find(|one| one.views.iter().any(is_it));
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
        self.of_all.reload(context, |window| about_all(window, context))
    }

    /// Takes in an answer.
    pub fn answered(&mut self, window: Duration, read: Reading<Record>, context: &Context) -> Vec<ScreenEffect> {
        self.answer.take(read, window, context.server_now);
        let limit = context.freshness_limit;
        self.answer.reload(context, |window| Question::Incidents { window, limit })
    }
}

/// The question about every managed view.
fn about_all(window: Duration, context: &Context) -> Question {
    let managed = context.all.into_iter().flat_map(|all| &all.views);
    let views = managed.filter_map(|view| Some((view.id()?.clone(), view.max_age(context.overrides)))).collect();
    Question::IncidentsOfAll { window, views }
}

impl ScreenState for Incidents {
    fn load(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let age = context.server_now.zip(self.answer.read_at).map(|(now, read)| now - read);
        if age.is_some_and(|age| age >= OLD) {
            self.answer.invalidate();
            self.of_all.invalidate();
        }
        let limit = context.freshness_limit;
        let mut effects = self.answer.load(context, |window| Question::Incidents { window, limit });
        if context.all.is_some_and(|all| all.managed_ids().count() > 1) {
            effects.extend(self.of_all.load(context, |window| about_all(window, context)));
        }
        effects
    }

    fn step(&mut self, by: isize, context: &Context) -> Vec<ScreenEffect> {
        let list = self.list(context.server_now, context.freshness_limit);
        if let Some(index) = self.index(&list) {
            let target = index.saturating_add_signed(by).min(list.len() - 1);
            self.selected = Some(list[target].began);
        }
        Vec::new()
    }

    /// The run that opens is the first failure of the selected incident.
    fn open(&mut self, context: &Context) -> Vec<ScreenEffect> {
        let selected = self.selected(context.server_now, context.freshness_limit);
        let run = selected.and_then(|incident| incident.first?.id);
        run.map(ScreenEffect::OpenRun).into_iter().collect()
    }

    fn selected_index(&self, context: &Context) -> Option<usize> {
        self.index(&self.list(context.server_now, context.freshness_limit))
    }

    /// An open incident lasts, and one that nobody notices begins.
    fn stable_for(&self, context: &Context) -> Option<Duration> {
        let record = self.answer.get()?;
        record.holds(context.freshness_limit, context.server_now.unwrap_or(record.read_at))
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Open, Action::Down, Action::Wider, Action::Copy]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{effect::Effect, fixtures, message::Message, overlay::Overlay, state::State, update::update},
        screens::screen::Screen,
    };
    use refreshtop_core::{event::Event, question::Answer, reading::Unavailable, request::Request};

    fn press(state: &mut State, action: Action) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Action(action), now)
    }

    fn load(state: &mut State) -> Vec<ScreenEffect> {
        state.with_screens(|screens, context| screens.incidents.load(context))
    }

    fn list(state: &State) -> Vec<Incident> {
        state.screens.incidents.list(state.server_now(), state.limits().max_age.value)
    }

    fn selected(state: &State) -> Option<Incident> {
        state.screens.incidents.selected(state.server_now(), state.limits().max_age.value)
    }

    fn answer(state: &mut State, read: Reading<Record>) -> Vec<Effect> {
        let (window, now) = (state.chosen_window(), state.now);
        update(
            state,
            fixtures::event(Event::Answered(fixtures::view(), Box::new(Answer::Incidents(window, read)))),
            now,
        )
    }

    #[test]
    fn going_there_asks_once_with_the_window_and_the_limit() {
        let mut state = fixtures::live();
        let question = Question::Incidents { window: Duration::from_hours(24), limit: Duration::from_mins(10) };
        assert_eq!(
            press(&mut state, Action::Screen(Screen::Incidents)),
            [fixtures::request(Request::Ask(fixtures::view(), question.clone()))]
        );
        assert_eq!(press(&mut state, Action::Screen(Screen::Incidents)), []);
        assert_eq!(answer(&mut state, Ok(fixtures::incident_record())), []);
        assert_eq!(load(&mut state), [], "nothing was logged since");
        state.now += Duration::from_mins(5);
        assert_eq!(load(&mut state), [ScreenEffect::Ask(question)], "but the window has moved");
        assert_eq!(answer(&mut state, Err(Unavailable::new("gone", ""))).len(), 0, "not again until something happens");
    }

    #[test]
    fn beside_others_what_failed_with_it_is_asked_for_and_named() {
        let mut state = fixtures::incidents_shared();
        let incident = selected(&state).unwrap();
        let with_it = state.screens.incidents.with_it(&incident, &state.context());
        assert_eq!(with_it.len(), 7, "not the one that waited for somebody else: {with_it:?}");
        state.screens = crate::screens::states::Screens::default();
        let asked = load(&mut state);
        let ScreenEffect::Ask(Question::IncidentsOfAll { window, views }) = &asked[1] else { panic!("{asked:?}") };
        assert_eq!((asked.len(), views.len(), *window), (2, 9, Duration::from_hours(24)));
        assert_eq!(load(&mut state), [], "both are under way");
        let (now, window) = (state.now, *window);
        let answer = Answer::IncidentsOfAll(window, Err(Unavailable::new("gone", "")));
        update(&mut state, fixtures::event(Event::Answered(fixtures::view(), Box::new(answer))), now);
        assert_eq!(state.screens.incidents.with_it(&incident, &state.context()), []);
    }

    #[test]
    fn the_selection_goes_by_the_beginning_and_enter_opens_the_first_failure() {
        let mut state = fixtures::incidents();
        let all = list(&state);
        assert!(all[0].is_open() && all.len() >= 4);
        press(&mut state, Action::Down);
        assert_eq!(selected(&state).unwrap().began, all[1].began);
        // A newer one comes in above.
        let mut record = fixtures::incident_record();
        let newest = record.gaps.remove(0);
        state.screens.incidents.answer.reading = Some(Ok(record));
        assert_eq!((state.screens.incidents.selected_index(&state.context()), newest.until), (Some(0), None));
        assert_eq!(selected(&state).unwrap().began, all[1].began);
        let id = all[1].first.as_ref().unwrap().id.unwrap();
        assert_eq!(press(&mut state, Action::Open), [fixtures::request(Request::ReadRun(id))]);
        assert!(matches!(state.overlay, Some(Overlay::Run { id: open, .. }) if open == id));
    }

    #[test]
    fn what_silently_stopped_has_no_run_to_open() {
        let mut state = fixtures::incidents_silent();
        assert!(list(&state)[0].is_open());
        assert_eq!(press(&mut state, Action::Open), []);
        assert_eq!(state.overlay, None);
    }

    #[test]
    fn the_moment_at_which_a_silent_job_becomes_an_incident_is_named() {
        let mut state = fixtures::incidents_silent();
        let after = state.screens.incidents.answer.get().unwrap().gaps[0].after.unwrap();
        let limit = TimeDelta::from_std(state.limits().max_age.value).unwrap();
        let until = ((after + limit) - state.server_now().unwrap()).to_std();
        assert!(until.is_err(), "it is long past");
        state.database_mut().clock = Some(refreshtop_core::clock::ServerClock::new(after + limit, state.now));
        assert_eq!(list(&state).first().map(Incident::is_open), Some(false));
        assert_eq!(state.screens.incidents.stable_for(&state.context()), Some(Duration::from_nanos(1)));
    }
}
