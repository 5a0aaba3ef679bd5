use super::state::*;
use crate::{
    app::{
        action::Action,
        effect::Effect,
        fixtures::{self, board as states},
        message::Message,
        overlay::{ManageStep, Overlay},
        prompt::Edit,
        state::State,
        update::update,
    },
    screens::{screen::Screen, state::ScreenState as _},
};
use chrono::TimeDelta;
use refreshtop_core::{
    address::ViewId,
    event::Event,
    fixtures::board,
    health::Verdict,
    link::LinkEvent,
    manage::Outcome,
    notification::Notification,
    question::{Answer, Question},
    reading::Unavailable,
    refresh::{Trigger, TriggerOutcome},
    request::Request,
    snapshot::{Deployment, Snapshot},
    views::Views,
};
use std::time::{Duration, Instant};

fn send(state: &mut State, message: Message) -> Vec<Effect> {
    let now = state.now;
    update(state, message, now)
}

fn press(state: &mut State, action: Action) -> Vec<Effect> {
    send(state, Message::Action(action))
}

fn event(state: &mut State, event: Event) -> Vec<Effect> {
    send(state, fixtures::event(event))
}

fn polled(state: &mut State, snapshot: Snapshot, views: Views) -> Vec<Effect> {
    event(state, Event::Polled(Box::new(snapshot), Some(Box::new(Ok(views)))))
}

fn of_view(view: &str) -> Snapshot {
    Snapshot { view: ViewId::new(view), ..fixtures::snapshot(&[]) }
}

/// What a poll reads of a view that is not registered.
fn unregistered() -> Snapshot {
    Snapshot { stats: Err(Unavailable::new("no such view", "")), ..fixtures::snapshot(&[]) }
}

/// What a poll reads where nothing of refreshtop is, and the log can't be read.
fn by_hand(why: Unavailable) -> Snapshot {
    Snapshot { deployment: Deployment::Unmanaged, stats: Err(why), ..fixtures::snapshot(&[]) }
}

fn rows(state: &State) -> Vec<&str> {
    state.screens.board.rows(&state.context()).into_iter().map(|view| &*view.name.sql).collect()
}

fn selected(state: &State) -> &str {
    state.screens.board.selected(&state.context()).map_or("", |view| &view.name.sql)
}

/// A monitor that has just connected.
fn started(named: bool, screen: Option<Screen>) -> State {
    let mut options = fixtures::options();
    (options.view_named, options.screen) = (named, screen);
    let mut state = fixtures::state(options, Instant::now());
    event(&mut state, Event::Link(LinkEvent::Connected));
    state
}

/// Whether a view and which screen was named, what is read, and where that opens.
type Case = (bool, Option<Screen>, Snapshot, Views, Screen);

#[test]
fn it_opens_on_the_board_unless_there_is_one_view_or_one_is_named() {
    let one = || board::views(vec![board::managed(1, "platform_metrics", Duration::ZERO, &[])]);
    let none = || board::views(vec![board::unmanaged(1, "sales")]);
    let refused = Unavailable::new("not looked at", "");
    let cases: Vec<Case> = vec![
        (false, None, unregistered(), board::faults(), Screen::Board),
        (false, None, fixtures::snapshot(&[]), board::faults(), Screen::Board),
        (false, None, fixtures::snapshot(&[]), one(), Screen::Overview),
        (false, None, unregistered(), none(), Screen::Board),
        // Set up by hand, and read without an installation.
        (false, None, fixtures::snapshot(&[]), none(), Screen::Overview),
        (false, None, by_hand(refused.clone()), none(), Screen::Overview),
        (false, None, by_hand(refused.missing()), none(), Screen::Board),
        (true, None, fixtures::snapshot(&[]), board::faults(), Screen::Overview),
        (false, Some(Screen::Overview), unregistered(), board::faults(), Screen::Overview),
        (false, Some(Screen::Wall), unregistered(), board::faults(), Screen::Wall),
        (false, Some(Screen::Board), fixtures::snapshot(&[]), one(), Screen::Board),
    ];
    for (number, (named, screen, snapshot, views, wanted)) in cases.into_iter().enumerate() {
        let mut state = started(named, screen);
        polled(&mut state, snapshot, views);
        assert_eq!(state.screen, wanted, "{number}");
    }
}

#[test]
fn without_a_view_of_its_own_it_shows_the_worst_one() {
    let mut state = started(false, None);
    let effects = polled(&mut state, unregistered(), board::faults());
    let worst = state.shown.clone();
    assert_eq!(state.worst().1.unwrap().id(), Some(&worst));
    assert!(effects.contains(&fixtures::request(Request::Show(worst))), "{effects:?}");
    // A person who goes elsewhere stays there.
    press(&mut state, Action::Screen(Screen::Wall));
    polled(&mut state, unregistered(), board::faults());
    assert_eq!(state.screen, Screen::Wall);
}

#[test]
fn enter_goes_into_a_view_and_escape_back_to_its_row() {
    let mut state = states::healthy();
    press(&mut state, Action::Down);
    let wanted = selected(&state).to_owned();
    let effects = press(&mut state, Action::Open);
    assert_eq!(effects[0], fixtures::request(Request::Show(ViewId::new(&wanted))));
    assert!(effects.contains(&fixtures::request(Request::Poll)), "{effects:?}");
    assert_eq!((state.screen, state.shown.as_str()), (Screen::Overview, &*wanted));
    // Known from the board until it has been read.
    assert_eq!(state.health().verdict, Verdict::Healthy);
    assert!(state.runs().is_empty());
    press(&mut state, Action::NextView);
    assert_ne!(state.shown.as_str(), wanted);
    let next = state.shown.to_string();
    press(&mut state, Action::Close);
    assert_eq!((state.screen, selected(&state)), (Screen::Board, &*next));
    press(&mut state, Action::Close);
    assert_eq!(state.screen, Screen::Board);
}

#[test]
fn neighbours_end_with_the_managed_views() {
    let mut state = states::overview();
    state.shown = ViewId::new(rows(&state)[0]);
    let first = state.shown.clone();
    assert_eq!(press(&mut state, Action::PreviousView), []);
    assert_eq!(state.shown, first);
    for _ in 0..50 {
        press(&mut state, Action::NextView);
    }
    assert_eq!(
        state.shown.as_str(),
        *rows(&state).iter().rfind(|name| !["clocked", "eu.regions"].contains(name)).unwrap()
    );
}

#[test]
fn other_screens_are_about_the_selected_view() {
    let mut state = states::healthy();
    press(&mut state, Action::Last);
    let wanted = ViewId::new(selected(&state));
    let effects = press(&mut state, Action::Screen(Screen::History));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Database(_, Request::Ask(view, Question::History { .. })) => Some(view.clone()),
        _ => None,
    });
    assert_eq!(asked, Some(wanted));
}

#[test]
fn what_was_read_of_another_view_is_not_taken_for_this_one() {
    let mut state = states::healthy();
    state.screen = Screen::History;
    press(&mut state, Action::NextView);
    let shown = state.shown.clone();
    // A poll that was under way, and an answer that came late.
    state.database_mut().polling.running = true;
    let effects = polled(&mut state, of_view("another"), board::healthy());
    assert!(effects.contains(&fixtures::request(Request::Poll)), "{effects:?}");
    assert_eq!((&state.shown, state.snapshot().unwrap().view.clone()), (&shown, shown.clone()));
    let answer = || Box::new(Answer::History(state_window(), Ok(fixtures::history_read())));
    event(&mut state, Event::Answered(ViewId::new("another"), answer()));
    assert!(state.screens.history.answer.get().is_none());
    event(&mut state, Event::Answered(shown, answer()));
    assert!(state.screens.history.answer.get().is_some());
}

fn state_window() -> Duration {
    refreshtop_core::limits::USUAL_WINDOW
}

#[test]
fn the_selection_stays_on_its_view_while_rows_move() {
    let mut state = states::faults();
    let wanted = "sales.orders_by_day";
    while selected(&state) != wanted {
        press(&mut state, Action::Down);
    }
    let before = state.screens.board.selected_index(&state.context());
    let mut views = board::faults();
    let at = views.views.iter().position(|view| view.name.sql == wanted).unwrap();
    views.views[at] = board::managed(3, wanted, Duration::from_hours(9), &[]);
    polled(&mut state, fixtures::snapshot(&[]), views);
    assert_eq!(selected(&state), wanted);
    assert_ne!(state.screens.board.selected_index(&state.context()), before);
    // It is gone: the first row.
    polled(&mut state, fixtures::snapshot(&[]), board::views(vec![board::unmanaged(99, "other")]));
    assert_eq!(selected(&state), "other");
}

#[test]
fn rows_are_filtered_and_sorted_and_unmanaged_views_come_last() {
    let mut state = states::faults();
    let last_two = |state: &State| rows(state).into_iter().rev().take(2).map(str::to_owned).collect::<Vec<_>>();
    for _ in 0..4 {
        let mut last = last_two(&state);
        last.sort();
        assert_eq!(last, ["clocked", "eu.regions"], "{:?}", state.screens.board.sort);
        press(&mut state, Action::Origin);
    }
    assert_eq!(state.screens.board.sort, Sort::Worst);
    let worst = rows(&state);
    let place = |name: &str| worst.iter().position(|row| *row == name).unwrap();
    assert!(place("sales.gone") < place("sales.stale") && place("sales.stale") < place("customers"), "{worst:?}");
    press(&mut state, Action::Fix);
    assert!(!rows(&state).contains(&"customers") && !rows(&state).contains(&"clocked"));
    press(&mut state, Action::Search);
    for c in "NIGHTLY".chars() {
        send(&mut state, Message::Key { action: None, edit: Some(Edit::Insert(c)) });
    }
    send(&mut state, Message::Key { action: None, edit: Some(Edit::Accept) });
    assert_eq!(rows(&state), ["sales.daily"]);
    press(&mut state, Action::Close);
    assert_eq!(rows(&state).len(), 14);
}

#[test]
fn a_refresh_is_of_the_selected_view_and_says_so() {
    let mut state = states::healthy();
    press(&mut state, Action::Down);
    let wanted = ViewId::new(selected(&state));
    assert_eq!(press(&mut state, Action::Refresh), [fixtures::request(Request::Refresh(wanted.clone()))]);
    press(&mut state, Action::Down);
    assert!(matches!(&state.database().trigger, Trigger::Running { view, .. } if *view == wanted));
    assert_eq!(press(&mut state, Action::Cancel), [fixtures::request(Request::CancelRefresh)]);
    event(&mut state, Event::TriggerEnded(TriggerOutcome::Refused { message: "no".into() }));
    assert!(matches!(&state.database().trigger, Trigger::Ended { view, .. } if *view == wanted));
    let mut state = states::faults();
    press(&mut state, Action::Last);
    assert_eq!(press(&mut state, Action::Refresh), [], "it is not managed");
    assert!(state.toast.is_some());
}

fn notified(view: &str, status: &str, seconds: i64) -> Event {
    let at = (fixtures::server_time() + TimeDelta::seconds(seconds)).to_rfc3339();
    let payload = format!(
        r#"{{"id":"6f4f2b9e-6f43-4a3b-9a57-0f6f1b6f6a11","refresh_type":"{view}","status":"{status}","source":"manual",
            "duration_ms":7,"started_at":"{at}","completed_at":"{at}"}}"#,
    );
    Event::Notified(Notification::parse(&payload).unwrap())
}

#[test]
fn a_failure_of_any_view_shows_in_its_row_at_once_and_a_success_when_the_log_has_it() {
    let mut state = states::healthy();
    let customers = |state: &State| state.all().unwrap().managed(&ViewId::new("customers")).unwrap().clone();
    let before = customers(&state);
    state.database_mut().polling.due = None;
    event(&mut state, notified("customers", "success", 1));
    assert_eq!(customers(&state), before);
    assert!(state.database().polling.due.is_some(), "it is read soon");
    for _ in 0..2 {
        event(&mut state, notified("customers", "error", 2));
    }
    let after = customers(&state);
    assert_eq!(after.stats.unwrap().failed, before.stats.unwrap().failed + 1, "each counts once");
    assert_eq!(after.recent.unwrap().attempts.last(), Some(&(true, Some(7.0))));
    state.database_mut().polling.due = None;
    event(&mut state, notified("no such view", "error", 3));
    assert_eq!(state.database().polling.due, None);
}

#[test]
fn a_failure_during_a_poll_is_not_lost_with_its_answer() {
    let mut state = states::healthy();
    press(&mut state, Action::Poll);
    event(&mut state, notified("customers", "error", 2));
    polled(&mut state, fixtures::snapshot(&[]), board::healthy());
    let view = state.all().unwrap().managed(&ViewId::new("customers")).unwrap();
    assert_eq!(view.stats.as_ref().unwrap().failed, 1);
}

#[test]
fn an_unmanaged_view_is_examined_and_then_managed() {
    let mut state = states::faults();
    press(&mut state, Action::Last);
    assert_eq!(press(&mut state, Action::Measure), [fixtures::request(Request::Examine(20))]);
    // An answer about another view.
    event(&mut state, Event::Examined(21, Box::new(Ok(states::possible()))));
    assert!(matches!(&state.overlay, Some(Overlay::Manage(dialog)) if dialog.step == ManageStep::Examining));
    event(&mut state, Event::Examined(20, Box::new(Ok(states::possible()))));
    assert_eq!(press(&mut state, Action::Open), [fixtures::request(Request::Manage(Box::new(states::possible())))]);
    assert_eq!(press(&mut state, Action::Open), [], "once");
    assert_eq!(press(&mut state, Action::Cancel), [fixtures::request(Request::CancelManage)]);
    let done = Outcome::Managed { duration_ms: 1.0, concurrently: true, search_path: None };
    assert_eq!(event(&mut state, Event::ManageEnded(Ok(done))), [fixtures::request(Request::Poll)]);
    press(&mut state, Action::Close);
    assert_eq!((&state.overlay, state.screen), (&None, Screen::Board));
}

#[test]
fn what_can_not_be_managed_is_not() {
    let mut state = states::managing(states::impossible());
    assert_eq!(press(&mut state, Action::Open), []);
    let mut state = states::healthy();
    assert_eq!(press(&mut state, Action::Measure), [], "it is managed");
    let mut state = fixtures::lost(states::unmanaged());
    assert_eq!(press(&mut state, Action::Measure), [], "there is no connection");
}

#[test]
fn ages_change_together_once_a_minute_and_a_verdict_when_it_does() {
    let mut state = states::healthy();
    let now = fixtures::server_time();
    assert_eq!(stable_for(&state.context()), Some(Duration::from_secs(30)), "{now}");
    let mut views = board::healthy();
    views.views[0] = board::managed(1, "customers", Duration::from_secs(595), &[]);
    state.database_mut().board = Some(Ok(views));
    assert_eq!(stable_for(&state.context()), Some(Duration::from_nanos(5_000_000_001)));
}

#[test]
fn the_next_run_is_reckoned_in_the_zone_of_pg_cron() {
    let state = states::healthy();
    let next = |state: &State, hours: i32| {
        let appearance = crate::scene::Appearance::new(crate::theme::Theme::mono(), crate::glyphs::Glyphs::new(true));
        let scene = crate::scene::Scene::new(state, &appearance);
        let mut view = board::managed(1, "daily", Duration::ZERO, &[]);
        if let refreshtop_core::job::JobState::Active(job) = &mut view.job {
            (job.schedule, job.offset) = ("0 6 * * *".into(), chrono::FixedOffset::east_opt(hours * 3_600).unwrap());
        }
        super::cells::Row::new(&scene, &view).next(&scene).content.into_owned()
    };
    assert_eq!((next(&state, 0), next(&state, 2)), ("06:00".into(), "04:00".into()));
}
