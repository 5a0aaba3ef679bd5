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

fn list(state: &State) -> Vec<Shared> {
    state.screens.incidents.list(&state.context())
}

fn selected(state: &State) -> Option<Shared> {
    state.screens.incidents.selected(&state.context())
}

fn answer(state: &mut State, read: Reading<Record>) -> Vec<Effect> {
    let (window, now) = (state.chosen_window(), state.now);
    update(state, fixtures::event(Event::Answered(fixtures::view(), Box::new(Answer::Incidents(window, read)))), now)
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
    assert_eq!(selected(&state).unwrap().began(), all[1].began());
    // A newer one comes in above.
    let mut record = fixtures::incident_record();
    let newest = record.gaps.remove(0);
    state.screens.incidents.answer.reading = Some(Ok(record));
    assert_eq!((state.screens.incidents.selected_index(&state.context()), newest.until), (Some(0), None));
    assert_eq!(selected(&state).unwrap().began(), all[1].began());
    let id = all[1].first_run().unwrap();
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
    assert_eq!(list(&state).first().map(Shared::is_open), Some(false));
    assert_eq!(state.screens.incidents.stable_for(&state.context()), Some(Duration::from_nanos(1)));
}

fn asked(effects: &[Effect]) -> Vec<&Question> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Database(_, Request::Ask(_, question)) => Some(question),
            _ => None,
        })
        .collect()
}

#[test]
fn from_the_board_they_are_those_of_all_views_and_escape_leads_back() {
    let mut state = fixtures::board::faults();
    press(&mut state, Action::Down);
    let on_board = |state: &State| state.screens.board.selected(&state.context()).map(|view| view.name.sql.clone());
    let (shown, selected) = (state.shown.clone(), on_board(&state));
    let effects = press(&mut state, Action::Screen(Screen::Incidents));
    assert!(matches!(asked(&effects)[..], [Question::IncidentsOfAll { .. }]), "{effects:?}");
    assert_eq!((&state.shown, state.screens.incidents.scope), (&shown, Scope::All), "no view was chosen");
    assert_eq!(press(&mut state, Action::Screen(Screen::Incidents)), []);
    press(&mut state, Action::Close);
    assert_eq!((state.screen, on_board(&state)), (Screen::Board, selected));
}

#[test]
fn what_six_views_share_is_one_incident_and_leads_to_its_first_run() {
    let mut state = fixtures::incidents_of_all();
    let one = selected(&state).unwrap();
    assert_eq!((one.views.len(), one.is_open()), (8, true), "{one:?}");
    let shared = list(&state).iter().filter(|one| one.views.len() == 8).count();
    assert_eq!(shared, 3, "the other two are timeouts and cancels of which nobody knows the cause");
    let run = one.first_run().unwrap();
    assert_eq!(press(&mut state, Action::Open), [fixtures::request(Request::ReadRun(run))]);
    press(&mut state, Action::Close);
    assert_eq!((state.overlay.as_ref(), state.screen), (None, Screen::Incidents));
    // A refresh needs one view, and none of the eight is meant.
    assert_eq!(press(&mut state, Action::Refresh), []);
    assert!(state.toast.is_some());
    // Another screen is about the first of them.
    press(&mut state, Action::Screen(Screen::Runs));
    assert_eq!(state.shown, one.views[0].0);
}

#[test]
fn a_key_changes_between_all_views_and_one() {
    let mut state = fixtures::incidents_of_all();
    let first = selected(&state).unwrap().views[0].0.clone();
    press(&mut state, Action::Origin);
    assert_eq!((state.screens.incidents.scope, &state.shown, state.screen), (Scope::Shown, &first, Screen::Incidents));
    press(&mut state, Action::Origin);
    assert_eq!(state.screens.incidents.scope, Scope::All);
    assert!(!list(&state).is_empty(), "what was read of all views is still there");
    press(&mut state, Action::Close);
    assert_eq!(state.screen, Screen::Board);
    // Where there is one view, there is nothing to change to.
    let mut state = fixtures::incidents();
    press(&mut state, Action::Origin);
    assert_eq!(state.screens.incidents.scope, Scope::Shown);
}
