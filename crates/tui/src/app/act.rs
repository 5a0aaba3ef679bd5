//! What keys do. Which key asks for what is the screen's business.

use crate::app::{
    action::{Action, Pointed},
    copied,
    effect::Effect,
    prompt::{Edit, Prompt, Purpose},
    state::{Focus, Overlay, State},
    views::{self, View, diagnose, runs, scrolled},
};
use refreshtop_core::{
    database::Database,
    refresh::{Trigger, TriggerOutcome},
    request::Request,
};
use std::time::Duration;

/// Rows that a page key moves where nobody has told how many are in sight.
const PAGE: u16 = 10;
/// Lines that a page key scrolls what stands behind a check.
const DETAIL_PAGE: i16 = 5;
/// Lines that a page key scrolls a statement that is to be confirmed.
const FIX_PAGE: isize = 3;
/// Windows that the keys go through.
const WINDOWS: [Duration; 5] = [
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
    Duration::from_hours(7 * 24),
    Duration::from_hours(30 * 24),
];

/// A key: while a line is being typed it belongs to the line, but for the one that leaves the program.
pub fn key(state: &mut State, action: Option<Action>, edit: Option<Edit>) -> Vec<Effect> {
    match (&mut state.prompt, edit) {
        (Some(_), None) if action == Some(Action::Quit) => vec![Effect::Quit],
        (Some(_), None) => Vec::new(),
        (Some(_), Some(Edit::Accept)) => accept(state),
        (Some(_), Some(Edit::Leave)) => {
            state.prompt = None;
            Vec::new()
        }
        (Some(prompt), Some(edit)) => {
            prompt.edit(edit);
            Vec::new()
        }
        (None, _) => action.map(|action| act(state, action)).unwrap_or_default(),
    }
}

/// Takes the typed line.
fn accept(state: &mut State) -> Vec<Effect> {
    let Some(Prompt { purpose, text, .. }) = state.prompt.take() else { return Vec::new() };
    match purpose {
        Purpose::Search => runs::search(state, &text),
        Purpose::Interval => {
            if let Err(wrong) = diagnose::interval(state, &text) {
                state.prompt = Some(Prompt { wrong: Some(wrong), ..Prompt::new(purpose, &text) });
            }
            Vec::new()
        }
    }
}

/// Does what was asked for.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    state.said = None;
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Help => {
            state.overlay = match state.overlay.take() {
                Some(Overlay::Help { .. }) => None,
                _ => Some(Overlay::Help { scroll: 0 }),
            };
        }
        Action::Refresh => return trigger(state),
        Action::Cancel => return cancel(state),
        Action::Poll => return if state.paused.is_some() { state.resume() } else { state.poll() },
        Action::Pause => {
            if state.paused.is_some() {
                return state.resume();
            }
            state.pause();
        }
        Action::Wider => return show_window(state, WINDOWS.into_iter().find(|window| *window > state.options.window)),
        Action::Narrower => {
            let narrower = WINDOWS.into_iter().rev().find(|window| *window < state.options.window);
            return show_window(state, narrower);
        }
        Action::View(view) => return go_to(state, view),
        Action::Copy => return copied::copy(state),
        Action::Search => return search(state),
        Action::Fix | Action::Measure | Action::Interval | Action::Failures | Action::Origin => {
            if state.overlay.is_none() {
                return views::act(state, action);
            }
        }
        Action::FocusNext | Action::FocusPrevious => {
            if state.overlay.is_none() && state.view == View::Overview {
                state.focus = match state.focus {
                    Focus::Errors => Focus::Runs,
                    Focus::Runs => Focus::Errors,
                };
            }
        }
        Action::Up => return step(state, -1),
        Action::Down => return step(state, 1),
        Action::PageUp => return page(state, -1),
        Action::PageDown => return page(state, 1),
        Action::First => return step(state, isize::MIN),
        Action::Last => return step(state, isize::MAX),
        Action::Select(list, row) => return point(state, list, row),
        Action::Open => return open(state),
        Action::Close => return close(state),
    }
    Vec::new()
}

/// Reads the figures of another window, where there is one.
fn show_window(state: &mut State, window: Option<Duration>) -> Vec<Effect> {
    let Some(window) = window else { return Vec::new() };
    state.options.window = window;
    state.paused = None;
    let mut effects = vec![state.request(Request::SetWindow(window))];
    effects.extend(state.poll());
    effects.extend(views::ask(state));
    effects
}

/// The log can be searched from everywhere.
fn search(state: &mut State) -> Vec<Effect> {
    let effects = if state.view == View::Runs { Vec::new() } else { go_to(state, View::Runs) };
    state.overlay = None;
    effects.into_iter().chain(views::act(state, Action::Search)).collect()
}

fn trigger(state: &mut State) -> Vec<Effect> {
    if matches!(state.database().trigger, Trigger::Running { .. }) {
        return Vec::new();
    }
    let busy = state.diagnose.fixing.as_ref().map(|fix| format!("a fix is under way: {}; wait for it", fix.label()));
    if let Some(message) = busy.or_else(|| refusal(state.database())) {
        let ended = Trigger::Ended { outcome: TriggerOutcome::Refused { message }, at: state.now };
        state.database_mut().trigger = ended;
        return Vec::new();
    }
    // Whoever refreshes wants to see what comes of it.
    state.paused = None;
    state.database_mut().trigger = Trigger::Running { since: state.now, cancelling: false };
    vec![state.request(Request::Refresh(state.shown.clone()))]
}

/// What is known to make a refresh impossible, without asking the server.
fn refusal(database: &Database) -> Option<String> {
    if !database.connected() {
        return Some("not connected: a refresh needs the database; wait until the feed is back".into());
    }
    database.is_standby().then(|| "this server is a read-only standby: trigger the refresh on its primary".into())
}

fn cancel(state: &mut State) -> Vec<Effect> {
    match &mut state.database_mut().trigger {
        // Asked again, it is sent again: the first request may have come before the statement did.
        Trigger::Running { cancelling, .. } => {
            *cancelling = true;
            vec![state.request(Request::CancelRefresh)]
        }
        _ => Vec::new(),
    }
}

/// Goes to another view; what it shows is asked for.
fn go_to(state: &mut State, view: View) -> Vec<Effect> {
    state.overlay = None;
    state.view = view;
    views::ask(state)
}

/// Closes what lies on top: an overlay, then what was said, then what keeps rows from the list, then the view.
fn close(state: &mut State) -> Vec<Effect> {
    if state.overlay.take().is_some() {
        return Vec::new();
    }
    if matches!(state.database().trigger, Trigger::Ended { .. }) {
        state.database_mut().trigger = Trigger::Idle;
    } else if state.view == View::Diagnose && state.diagnose.fixed.take().is_some() {
        // The next one leaves the view.
    } else if let Some(effects) = (state.view == View::Runs).then(|| runs::unfilter(state)).flatten() {
        return effects;
    } else {
        state.view = View::Overview;
    }
    Vec::new()
}

/// Moves by a page, up or down; in the diagnosis it is what stands behind a check that is long.
fn page(state: &mut State, direction: isize) -> Vec<Effect> {
    if state.view == View::Diagnose && state.overlay.is_none() {
        state.diagnose.scroll(if direction < 0 { -DETAIL_PAGE } else { DETAIL_PAGE });
        return Vec::new();
    }
    if let Some(Overlay::Fix(choice)) = &mut state.overlay {
        choice.below = scrolled(choice.below, if direction < 0 { -FIX_PAGE } else { FIX_PAGE });
        return Vec::new();
    }
    let rows = state.page.unwrap_or(PAGE).max(1);
    step(state, direction.saturating_mul(isize::try_from(rows).unwrap_or(isize::MAX)))
}

fn step(state: &mut State, by: isize) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Run { scroll, .. } | Overlay::Help { scroll }) => *scroll = scrolled(*scroll, by),
        Some(Overlay::Fix(choice)) => {
            let last = choice.fixes.len().saturating_sub(1);
            choice.selected = choice.selected.saturating_add_signed(by).min(last);
            (choice.below, choice.confirming) = (0, false);
        }
        None if state.view == View::Overview => select(state, by),
        None => return views::step(state, by),
    }
    Vec::new()
}

fn select(state: &mut State, by: isize) {
    let Some(index) = state.selected_index(state.focus) else { return };
    let list = state.focused_list();
    let target = index.saturating_add_signed(by).min(list.len().saturating_sub(1));
    let id = list.get(target).map(|run| run.id);
    match state.focus {
        Focus::Errors => state.selected_error = id,
        Focus::Runs => state.selected_run = id,
    }
}

/// Selects the row under the pointer; where it was selected before, it is opened.
fn point(state: &mut State, list: Pointed, row: usize) -> Vec<Effect> {
    let before = (state.focus, selection(state));
    match list {
        Pointed::Errors | Pointed::Runs => {
            state.focus = if list == Pointed::Errors { Focus::Errors } else { Focus::Runs };
            select(state, isize::MIN);
            select(state, isize::try_from(row).unwrap_or(isize::MAX));
        }
        Pointed::View => {
            let effects = views::select(state, row);
            return if (state.focus, selection(state)) == before { open(state) } else { effects };
        }
        Pointed::Fixes => {
            step(state, isize::MIN);
            return step(state, isize::try_from(row).unwrap_or(isize::MAX));
        }
    }
    if (state.focus, selection(state)) == before { open(state) } else { Vec::new() }
}

/// What tells whether the selection has moved.
fn selection(state: &State) -> Option<usize> {
    match state.view {
        View::Overview => state.selected_index(state.focus),
        View::Runs => state.runs_view.selected_index(),
        View::Incidents => views::incidents::selected_index(state),
        View::Diagnose => state.diagnose.selected_index(),
        View::History | View::Metrics | View::Wall => None,
    }
}

fn open(state: &mut State) -> Vec<Effect> {
    if matches!(state.overlay, Some(Overlay::Fix(_))) {
        return diagnose::confirm(state);
    }
    if state.overlay.is_some() {
        return Vec::new();
    }
    if state.view != View::Overview {
        return views::open(state);
    }
    let Some(id) = state.selected_index(state.focus).and_then(|i| state.focused_list().get(i)).map(|run| run.id) else {
        return Vec::new();
    };
    state.overlay = Some(Overlay::Run { id, detail: None, scroll: 0 });
    vec![state.request(Request::ReadRun(id))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        fixtures,
        message::Message,
        update::update,
        wake::{self, PAUSE_LIMIT},
    };
    use refreshtop_core::{
        event::Event,
        question::{OriginFilter, Question},
    };
    use std::time::Instant;

    fn send(state: &mut State, action: Action) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Action(action), now)
    }

    fn press(state: &mut State, action: Option<Action>, edit: Option<Edit>) -> Vec<Effect> {
        let now = state.now;
        update(state, Message::Key { action, edit }, now)
    }

    fn type_in(state: &mut State, text: &str) {
        for c in text.chars() {
            // Every letter here is a command as well.
            assert_eq!(press(state, Some(Action::Refresh), Some(Edit::Insert(c))), []);
        }
    }

    #[test]
    fn every_view_asks_for_what_it_shows_once() {
        for view in View::ALL {
            let mut state = fixtures::live();
            let asked = send(&mut state, Action::View(view));
            let wanted = usize::from(!matches!(view, View::Overview | View::Wall));
            assert_eq!(
                asked.iter().filter(|effect| matches!(effect, Effect::Database(_, Request::Ask(_)))).count(),
                wanted,
                "{view:?}"
            );
            if !matches!(view, View::Diagnose) {
                assert_eq!(send(&mut state, Action::View(view)), [], "{view:?}");
            }
            send(&mut state, Action::Close);
            assert_eq!(state.view, View::Overview);
        }
    }

    #[test]
    fn letters_belong_to_the_line_that_is_being_typed() {
        let mut state = fixtures::live();
        send(&mut state, Action::Search);
        assert_eq!(state.view, View::Runs);
        type_in(&mut state, "qrx");
        assert_eq!(press(&mut state, None, Some(Edit::Backspace)), []);
        press(&mut state, Some(Action::Open), Some(Edit::Accept));
        assert_eq!((state.prompt.as_ref(), state.runs_view.filter.text.as_str()), (None, "qr"));
        send(&mut state, Action::Search);
        type_in(&mut state, "zzz");
        press(&mut state, Some(Action::Close), Some(Edit::Leave));
        assert_eq!((state.view, state.runs_view.filter.text.as_str()), (View::Runs, "qr"));
        // What is no letter still leaves the program.
        send(&mut state, Action::Search);
        assert_eq!(press(&mut state, Some(Action::Quit), None), [Effect::Quit]);
    }

    #[test]
    fn the_window_goes_through_its_lengths_and_is_read_anew() {
        let mut state = fixtures::live();
        let week = Duration::from_hours(7 * 24);
        assert_eq!(
            send(&mut state, Action::Wider),
            [fixtures::request(Request::SetWindow(week)), fixtures::request(Request::Poll)]
        );
        assert_eq!((state.options.window, state.window()), (week, Duration::from_hours(24)), "not yet read");
        send(&mut state, Action::Wider);
        assert_eq!(send(&mut state, Action::Wider), []);
        for _ in 0..4 {
            send(&mut state, Action::Narrower);
        }
        assert_eq!(state.options.window, Duration::from_hours(1));
        assert_eq!(send(&mut state, Action::Narrower), []);
        // A window of one's own lies between two of them.
        state.options.window = Duration::from_hours(12);
        send(&mut state, Action::Narrower);
        assert_eq!(state.options.window, Duration::from_hours(6));
    }

    #[test]
    fn a_screen_that_is_held_still_stays_as_it_is_and_goes_on_by_itself() {
        let mut state = fixtures::live();
        let (health, freshness) = (state.health(), state.freshness());
        assert_eq!(send(&mut state, Action::Pause), []);
        let failure = fixtures::notification(9_001, "error");
        let later = state.now + Duration::from_mins(14);
        assert_eq!(update(&mut state, fixtures::event(Event::Notified(failure)), later), []);
        assert_eq!((state.health(), state.freshness()), (health, freshness));
        assert_eq!(state.paused.map(|paused| paused.missed), Some(1));
        assert_eq!(
            update(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[0, 1, 2])))), later),
            []
        );
        assert_eq!(state.errors().len(), 0);
        assert_eq!(state.database().polling.due, None);
        // Somebody may have walked away from it.
        let mut effects = Vec::new();
        while state.paused.is_some() {
            let at = wake::next(&state).unwrap();
            assert!(at <= later + PAUSE_LIMIT);
            effects = update(&mut state, Message::Tick, at);
        }
        assert_eq!(effects, [fixtures::request(Request::Poll)]);
    }

    #[test]
    fn a_paused_screen_goes_on_with_the_same_key_and_with_a_refresh() {
        let mut state = fixtures::live();
        send(&mut state, Action::Pause);
        assert_eq!(send(&mut state, Action::Pause), [fixtures::request(Request::Poll)]);
        send(&mut state, Action::Pause);
        assert_eq!(send(&mut state, Action::Refresh), [fixtures::request(Request::Refresh(fixtures::view()))]);
        assert_eq!(state.paused, None);
    }

    #[test]
    fn filters_go_round_and_read_anew() {
        let mut state = fixtures::live();
        send(&mut state, Action::View(View::Runs));
        let page = state.runs_view.loading.clone().unwrap();
        update(
            &mut state,
            fixtures::event(Event::Answered(Box::new(
                Question::Runs(page).unanswered(refreshtop_core::reading::Unavailable::new("x", "")),
            ))),
            Instant::now(),
        );
        assert!(matches!(
            send(&mut state, Action::Failures)[..],
            [Effect::Database(_, Request::Ask(Question::Runs(_)))]
        ));
        assert!(state.runs_view.filter.failures);
        for wanted in [OriginFilter::Scheduled, OriginFilter::Manual, OriginFilter::Any] {
            send(&mut state, Action::Origin);
            assert_eq!(state.runs_view.filter.origin, wanted);
        }
    }

    #[test]
    fn a_press_selects_and_a_second_one_opens() {
        let mut state = fixtures::with(fixtures::snapshot(&[3, 50, 100]));
        assert_eq!(send(&mut state, Action::Select(Pointed::Runs, 2)), []);
        assert_eq!((state.focus, state.selected_index(Focus::Runs)), (Focus::Runs, Some(2)));
        let id = state.runs()[2].id;
        assert_eq!(send(&mut state, Action::Select(Pointed::Runs, 2)), [fixtures::request(Request::ReadRun(id))]);
    }
}
