//! The log is scrolled, filtered and read again; the list is a piece of it without gaps.

use super::*;
use crate::app::{
    effect::Effect,
    fixtures::{
        self,
        runs::{answer_all, fresh, listed, page, pressed},
    },
    message::Message,
    state::State,
    update::update,
};
use refreshtop_core::{event::Event, link::LinkEvent, question::Answer, request::Request};
use std::time::Duration;

fn rows(count: u32) -> Vec<LogRow> {
    (0..count).map(listed).collect()
}

fn open(log: &[LogRow]) -> State {
    let mut state = fixtures::live();
    pressed(&mut state, log, &[Action::Screen(Screen::Runs)]);
    state
}

fn send(state: &mut State, message: Message) -> Vec<Effect> {
    let now = state.now;
    update(state, message, now)
}

fn search(state: &mut State, text: &str) -> Vec<Effect> {
    let effects = state.with_screens(|screens, context| screens.runs.search(text, context));
    effects
        .into_iter()
        .map(|effect| match effect {
            ScreenEffect::Ask(question) => state.request(Request::Ask(fixtures::view(), question)),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn press(state: &mut State, action: Action) -> Vec<Effect> {
    send(state, Message::Action(action))
}

/// The page that was asked for.
fn asked(effects: &[Effect]) -> RunsPage {
    match effects {
        [Effect::Database(_, Request::Ask(_, Question::Runs(page)))] => page.clone(),
        other => panic!("{other:?}"),
    }
}

fn answer(state: &mut State, page: &RunsPage, read: Reading<RunsRead>) -> Vec<Effect> {
    send(state, fixtures::event(Event::Answered(fixtures::view(), Box::new(Answer::Runs(page.clone(), read)))))
}

/// A poll that brings `run` as the newest one, and the questions that follow.
fn polled(state: &mut State, log: &[LogRow], run: u128) {
    let mut snapshot = fixtures::snapshot(&[]);
    if let Ok(runs) = &mut snapshot.runs {
        runs[0].id = Uuid::from_u128(run);
    }
    let effects = send(state, fixtures::event(Event::Polled(Box::new(snapshot), None)));
    answer_all(state, log, effects);
}

/// What is listed is a piece of `log` as it is now.
fn assert_piece(state: &State, log: &[LogRow]) {
    let view = &state.screens.runs;
    let Some(first) = view.rows.first() else { return };
    let start = log.iter().position(|row| row.cursor == first.cursor).expect("a row of the log");
    assert_eq!(view.rows, log[start..start + view.rows.len()]);
    assert!(view.rows.len() <= KEPT + usize::from(PAGE));
}

#[test]
fn every_row_is_seen_once_on_the_way_down_and_on_the_way_up() {
    let log = rows(7_000);
    let mut state = open(&log);
    for cursor in log.iter().map(|row| row.cursor) {
        assert_eq!(state.screens.runs.selected_row().map(|row| row.cursor), Some(cursor));
        assert!(state.screens.runs.rows.len() <= KEPT);
        pressed(&mut state, &log, &[Action::Down]);
    }
    assert_piece(&state, &log);
    assert_eq!(state.screens.runs.older, None);
    for cursor in log.iter().rev().map(|row| row.cursor) {
        assert_eq!(state.screens.runs.selected_row().map(|row| row.cursor), Some(cursor));
        pressed(&mut state, &log, &[Action::Up]);
    }
    assert_piece(&state, &log);
    assert!(!state.screens.runs.above);
}

#[test]
fn the_ends_of_the_log_are_one_page_away() {
    let log = rows(50_000);
    let mut state = open(&log);
    let page = asked(&press(&mut state, Action::Last));
    assert_eq!(page.start, PageStart::Oldest);
    let read = fixtures::runs::page(&log, &page, 1_000);
    answer(&mut state, &page, Ok(read));
    assert_eq!(state.screens.runs.selected_row(), log.last());
    assert_piece(&state, &log);
    pressed(&mut state, &log, &[Action::Up; 150]);
    assert_piece(&state, &log);
    assert!(state.screens.runs.rows.len() > usize::from(PAGE), "more was read on the way up");
    pressed(&mut state, &log, &[Action::First]);
    assert_eq!((state.screens.runs.selected_row(), state.screens.runs.above), (log.first(), false));
    assert_piece(&state, &log);
}

#[test]
fn new_rows_move_nothing_but_at_the_top() {
    let mut log = rows(600);
    let mut state = open(&log);
    log.insert(0, fresh(1));
    polled(&mut state, &log, 1 << 70);
    assert_eq!(state.screens.runs.selected_row(), log.first(), "the newest appear by themselves");
    pressed(&mut state, &log, &[Action::Down; 120]);
    let selected = state.screens.runs.selected_row().cloned();
    log.insert(0, fresh(2));
    polled(&mut state, &log, 2 << 70);
    assert_eq!((state.screens.runs.selected_row().cloned(), &state.screens.runs.rows[0]), (selected, &log[0]));
    assert!(state.screens.runs.rows.len() > usize::from(PAGE), "pages below are kept");
    assert_piece(&state, &log);
}

#[test]
fn rows_that_the_clean_up_deletes_go() {
    let mut log = rows(500);
    let mut state = open(&log);
    log.remove(20);
    polled(&mut state, &log, 1 << 70);
    assert_piece(&state, &log);
    pressed(&mut state, &log, &[Action::Last]);
    log.truncate(480);
    polled(&mut state, &log, 2 << 70);
    assert_piece(&state, &log);
    assert_eq!(state.screens.runs.selected_row(), log.last(), "where the selected one was");
    log.clear();
    pressed(&mut state, &log, &[Action::First]);
    polled(&mut state, &log, 3 << 70);
    assert_eq!((state.screens.runs.rows.len(), state.screens.runs.selected_index()), (0, None));
}

#[test]
fn more_than_a_page_of_new_rows_leaves_no_gap() {
    let mut log = rows(900);
    let mut state = open(&log);
    pressed(&mut state, &log, &[Action::Down; 150]);
    let selected = state.screens.runs.selected_row().cloned();
    for minutes in 1..=700 {
        log.insert(0, fresh(minutes));
    }
    polled(&mut state, &log, 1 << 70);
    assert_eq!(state.screens.runs.selected_row().cloned(), selected);
    assert_piece(&state, &log);
    assert!(state.screens.runs.above);
    pressed(&mut state, &log, &[Action::Up; 900]);
    assert_eq!(state.screens.runs.selected_row(), log.first());
    assert_piece(&state, &log);
    // If the newest row is selected, the selection follows it.
    let mut state = open(&rows(900));
    polled(&mut state, &log, 1 << 70);
    assert_eq!(state.screens.runs.selected_row(), log.first());
    assert_piece(&state, &log);
}

#[test]
fn nothing_is_asked_while_nothing_changes() {
    let log = rows(600);
    let mut state = open(&log);
    let same = || fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[])), None));
    assert_eq!(send(&mut state, same()), []);
    pressed(&mut state, &log, &[Action::Down; 300]);
    pressed(&mut state, &log, &[Action::Last]);
    polled(&mut state, &log, 1 << 70);
    let mut snapshot = fixtures::snapshot(&[]);
    snapshot.runs.as_mut().unwrap()[0].id = Uuid::from_u128(1 << 70);
    assert_eq!(send(&mut state, fixtures::event(Event::Polled(Box::new(snapshot), None))), []);
}

#[test]
fn an_answer_for_an_older_filter_is_dropped() {
    let log = rows(600);
    let mut state = open(&log);
    let failures = asked(&press(&mut state, Action::Failures));
    assert!(failures.filter.failures && !failures.background);
    // Changed there and back while it is under way.
    assert_eq!(press(&mut state, Action::Failures), []);
    let read = page(&log, &failures, 1_000);
    let all = asked(&answer(&mut state, &failures, Ok(read)));
    assert_eq!((all.filter.failures, state.screens.runs.rows.len()), (false, 0));
    assert_eq!(press(&mut state, Action::Failures), []);
    assert_eq!(press(&mut state, Action::Failures), []);
    // The same question, but asked before the list was emptied.
    let read = page(&log, &all, 1_000);
    let again = asked(&answer(&mut state, &all, Ok(read)));
    answer(&mut state, &again, Ok(page(&log, &again, 1_000)));
    assert_piece(&state, &log);
    assert_eq!(state.screens.runs.rows.len(), 200);
}

#[test]
fn filters_are_taken_away_by_one_key_and_the_next_leaves_the_view() {
    let log = rows(600);
    let mut state = open(&log);
    pressed(&mut state, &log, &[Action::Failures, Action::Origin, Action::Origin]);
    assert!(state.screens.runs.rows.iter().all(|row| row.run.origin == refreshtop_core::run::Origin::Manual));
    let effects = search(&mut state, " NO space ");
    answer_all(&mut state, &log, effects);
    assert!(!state.screens.runs.rows.is_empty());
    assert_eq!(state.screens.runs.filter.text, "NO space");
    assert_eq!(search(&mut state, "NO space"), [], "nothing has changed");
    pressed(&mut state, &log, &[Action::Close]);
    assert_eq!((state.screen, state.screens.runs.rows.len()), (Screen::Runs, 200));
    pressed(&mut state, &log, &[Action::Close]);
    assert_eq!(state.screen, Screen::Overview);
}

#[test]
fn what_is_rare_is_searched_for_only_on_request() {
    let log = rows(9_000);
    let mut state = open(&log);
    let page_of = |state: &mut State, effects: &[Effect]| {
        let asked = asked(effects);
        let read = page(&log, &asked, 10);
        answer(state, &asked, Ok(read))
    };
    let effects = search(&mut state, "nothing says this");
    assert_eq!(page_of(&mut state, &effects), [], "it is not searched for on and on");
    assert_eq!((state.screens.runs.rows.len(), state.screens.runs.older.is_some()), (0, true));
    let effects = press(&mut state, Action::PageDown);
    let before = state.screens.runs.older;
    page_of(&mut state, &effects);
    assert!(state.screens.runs.older < before, "it goes on where it stopped");
    assert_eq!(press(&mut state, Action::Up), []);
    // What is known about the searched piece stays when its newest rows are read again.
    let end = state.screens.runs.older;
    let background = ask_brief(&mut state);
    let read = page(&log, &background, 10);
    answer(&mut state, &background, Ok(read));
    assert_eq!(state.screens.runs.older, end);
}

/// The question that follows a poll with a new run.
fn ask_brief(state: &mut State) -> RunsPage {
    let mut snapshot = fixtures::snapshot(&[]);
    snapshot.runs.as_mut().unwrap()[0].id = Uuid::from_u128(1 << 71);
    let page = asked(&send(state, fixtures::event(Event::Polled(Box::new(snapshot), None))));
    assert!(page.background);
    page
}

#[test]
fn a_page_that_fails_says_so_and_is_read_when_somebody_moves_on() {
    let log = rows(900);
    let mut state = open(&log);
    let mut effects = Vec::new();
    while effects.is_empty() {
        effects = press(&mut state, Action::Down);
    }
    let below = asked(&effects);
    let why = Unavailable::new("statement timeout", "");
    assert_eq!(answer(&mut state, &below, Err(why.clone())), []);
    assert_eq!(state.screens.runs.failed.as_ref().map(|failed| &failed.why), Some(&why));
    assert_eq!(state.screens.runs.rows.len(), 200, "what was read stays");
    polled(&mut state, &log, 1 << 70);
    assert!(state.screens.runs.failed.is_some(), "another page says nothing about it");
    let again = asked(&press(&mut state, Action::Down));
    assert_eq!(again.start, below.start);
    let read = page(&log, &again, 1_000);
    answer(&mut state, &again, Ok(read));
    assert_eq!(state.screens.runs.failed, None);
    assert_piece(&state, &log);
}

#[test]
fn what_nobody_could_read_is_tried_again_with_each_poll() {
    let mut state = fixtures::live();
    let first = asked(&press(&mut state, Action::Screen(Screen::Runs)));
    answer(&mut state, &first, Err(Unavailable::new("permission denied", "")));
    assert!(state.screens.runs.failed.is_some() && !state.screens.runs.read);
    let log = rows(10);
    polled(&mut state, &log, 1);
    assert_eq!((state.screens.runs.failed.is_some(), state.screens.runs.rows.len()), (false, 10));
}

#[test]
fn a_paused_screen_can_be_scrolled_and_moves_by_nothing_else() {
    let mut log = rows(900);
    let mut state = open(&log);
    let background = ask_brief(&mut state);
    press(&mut state, Action::Pause);
    log.insert(0, fresh(1));
    answer(&mut state, &background, Ok(page(&log, &background, 1_000)));
    assert_ne!(state.screens.runs.rows[0], log[0]);
    pressed(&mut state, &log, &[Action::Down; 400]);
    assert!(state.screens.runs.rows.len() > 400);
    press(&mut state, Action::Pause);
    polled(&mut state, &log, 1 << 71);
    assert_piece(&state, &log);
    assert_eq!(state.screens.runs.rows[0], log[0]);
}

#[test]
fn a_lost_database_is_asked_nothing() {
    let log = rows(900);
    let mut state = open(&log);
    let down = LinkEvent::Down { reason: "gone".into(), retry_in: Duration::from_secs(1) };
    send(&mut state, fixtures::event(Event::Link(down)));
    for _ in 0..300 {
        assert_eq!(press(&mut state, Action::Down), []);
    }
    assert_eq!(state.screens.runs.selected_index(), Some(199));
    send(&mut state, fixtures::event(Event::Link(LinkEvent::Live)));
    pressed(&mut state, &log, &[Action::Down]);
    assert_eq!(state.screens.runs.selected_index(), Some(199));
    pressed(&mut state, &log, &[Action::Down]);
    assert_eq!(state.screens.runs.selected_index(), Some(200));
}

#[test]
fn rows_that_nobody_can_tell_apart_are_one() {
    let mut log = rows(300);
    log[5] = log[4].clone();
    let mut state = open(&log);
    pressed(&mut state, &log, &[Action::Down; 299]);
    assert_eq!(state.screens.runs.selected_row(), log.last());
}
