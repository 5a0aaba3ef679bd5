//! The view of incidents: what was read, and which one is selected.

use super::loadable::{self, Loadable};
use crate::app::{effect::Effect, state::State};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_core::{
    incident::{Incident, Record},
    question::Question,
    reading::Reading,
};
use std::time::Duration;
use uuid::Uuid;

/// Age from which on an answer is asked for anew although nothing was logged since: its window has moved on.
const OLD: TimeDelta = TimeDelta::minutes(5);

/// What the view knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Incidents {
    /// What was read of the window.
    pub answer: Loadable<Record>,
    /// The selected incident by its beginning; the newest where it is gone.
    pub selected: Option<DateTime<Utc>>,
}

/// The incidents as of the present, newest first.
pub fn list(state: &State) -> Vec<Incident> {
    let Some(record) = state.incidents.answer.get() else { return Vec::new() };
    record.incidents(limit(state), now(state, record))
}

/// The server's time by which they are told.
pub fn now(state: &State, record: &Record) -> DateTime<Utc> {
    state.server_now().unwrap_or(record.looked_at)
}

/// How old figures may be.
pub fn limit(state: &State) -> Duration {
    state.options.thresholds.freshness
}

/// How long what the view shows reads the same; `None` where it always does.
pub fn holds(state: &State) -> Option<Duration> {
    let record = state.incidents.answer.get()?;
    record.holds(limit(state), now(state, record))
}

/// Index of the selected incident among `list`; `None` where there is none.
pub fn index(state: &State, list: &[Incident]) -> Option<usize> {
    let found = state.incidents.selected.and_then(|began| list.iter().position(|incident| incident.began == began));
    found.or((!list.is_empty()).then_some(0))
}

/// Index of the selected incident; `None` where there is none.
pub fn selected_index(state: &State) -> Option<usize> {
    index(state, &list(state))
}

/// The selected incident.
pub fn selected(state: &State) -> Option<Incident> {
    let list = list(state);
    let index = index(state, &list)?;
    list.into_iter().nth(index)
}

/// Moves the selection.
pub fn step(state: &mut State, by: isize) {
    let list = list(state);
    let Some(index) = index(state, &list) else { return };
    let target = index.saturating_add_signed(by).min(list.len() - 1);
    state.incidents.selected = Some(list[target].began);
}

/// The run that opening the selected incident shows: its first failure.
pub fn opens(state: &State) -> Option<Uuid> {
    selected(state)?.first?.id
}

/// Asks for the incidents of the window.
pub fn ask(state: &mut State) -> Vec<Effect> {
    let age = state.server_now().zip(state.incidents.answer.read_at).map(|(now, read)| now - read);
    if age.is_some_and(|age| age >= OLD) {
        state.incidents.answer.invalidate();
    }
    let limit = limit(state);
    loadable::ask(state, |state| &mut state.incidents.answer, |window| Question::Incidents { window, limit })
}

/// Takes them in.
pub fn answered(state: &mut State, window: Duration, read: Reading<Record>) -> Vec<Effect> {
    let now = state.server_now();
    state.incidents.answer.take(read, window, now);
    let limit = limit(state);
    loadable::again(state, |state| &mut state.incidents.answer, |window| Question::Incidents { window, limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{action::Action, fixtures, message::Message, state::Overlay, update::update, views::View};
    use refreshtop_core::{event::Event, question::Answer, reading::Unavailable, request::Request};

    fn press(state: &mut State, action: Action) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Action(action), now)
    }

    fn answer(state: &mut State, read: Reading<Record>) -> Vec<Effect> {
        let (window, now) = (state.options.window, state.now);
        update(state, fixtures::event(Event::Answered(Box::new(Answer::Incidents(window, read)))), now)
    }

    #[test]
    fn going_there_asks_once_with_the_window_and_the_limit() {
        let mut state = fixtures::live();
        let question = Question::Incidents { window: Duration::from_hours(24), limit: Duration::from_mins(10) };
        assert_eq!(
            press(&mut state, Action::View(View::Incidents)),
            [fixtures::request(Request::Ask(question.clone()))]
        );
        assert_eq!(press(&mut state, Action::View(View::Incidents)), []);
        assert_eq!(answer(&mut state, Ok(fixtures::incident_record())), []);
        assert_eq!(ask(&mut state), [], "nothing was logged since");
        state.now += Duration::from_mins(5);
        assert_eq!(ask(&mut state), [fixtures::request(Request::Ask(question))], "but the window has moved");
        assert_eq!(answer(&mut state, Err(Unavailable::new("gone", ""))).len(), 0, "not again until something happens");
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
        let newest = record.stretches.remove(0);
        state.incidents.answer.reading = Some(Ok(record));
        assert_eq!((selected_index(&state), newest.until), (Some(0), None));
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
        let after = state.incidents.answer.get().unwrap().stretches[0].after.unwrap();
        let limit = TimeDelta::from_std(limit(&state)).unwrap();
        let until = ((after + limit) - state.server_now().unwrap()).to_std();
        assert!(until.is_err(), "it is long past");
        state.database_mut().clock = Some(refreshtop_core::clock::ServerClock::new(after + limit, state.now));
        assert_eq!(list(&state).first().map(Incident::is_open), Some(false));
        assert_eq!(holds(&state), Some(Duration::from_nanos(1)));
    }
}
