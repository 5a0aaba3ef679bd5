//! What actions and typed lines change.

use super::{
    navigate::{go_to, neighbour, open_screen, show},
    refresh::{cancel, trigger},
};
use crate::{
    app::{
        action::{Action, Pointed},
        clipboard,
        effect::Effect,
        overlay::{FixDialog, ManageDialog, ManageStep, Overlay},
        prompt::{Edit, Prompt, Purpose},
        state::State,
    },
    screens::{
        context::Context, effect::ScreenEffect, overview::state::Focus, screen::Screen, scroll::scrolled,
        state::ScreenState,
    },
};
use refreshtop_core::{refresh::Trigger, request::Request};
use std::time::Duration;

/// Rows that a page key moves if it is not known how many are in sight.
const PAGE: u16 = 10;
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
        Purpose::Search => {
            let effects = state.with_screens(|screens, context| screens.runs.search(&text, context));
            apply(state, effects)
        }
        Purpose::Filter => {
            let effects = state.with_screens(|screens, context| screens.board.filter(&text, context));
            apply(state, effects)
        }
        Purpose::Interval => match state.screens.diagnose.interval(&text) {
            Ok(effects) => apply(state, effects),
            Err(wrong) => {
                state.prompt = Some(Prompt { wrong: Some(wrong), ..Prompt::new(purpose, &text) });
                Vec::new()
            }
        },
    }
}

/// Does what a screen wants.
pub fn apply(state: &mut State, effects: Vec<ScreenEffect>) -> Vec<Effect> {
    let mut outside = Vec::new();
    for effect in effects {
        match effect {
            ScreenEffect::Ask(question) => outside.push(state.request(Request::Ask(state.shown.clone(), question))),
            ScreenEffect::Show(view, screen) => {
                outside.extend(show(state, view));
                outside.extend(go_to(state, screen));
            }
            ScreenEffect::Examine(oid, name) => {
                let step = ManageStep::Examining;
                state.overlay = Some(Overlay::Manage(ManageDialog { oid, name, step, scroll: 0 }));
                outside.push(state.request(Request::Examine(oid)));
            }
            ScreenEffect::OpenRun(id) => {
                state.overlay = Some(Overlay::Run { id, detail: None, scroll: 0 });
                outside.push(state.request(Request::ReadRun(id)));
            }
            ScreenEffect::ChooseFix(fixes) => state.overlay = Some(Overlay::Fix(FixDialog::new(fixes))),
            ScreenEffect::Type(prompt) => state.prompt = Some(prompt),
            ScreenEffect::Toast(text) => state.show_toast(text),
        }
    }
    outside
}

/// Lets the open screen change itself.
fn in_screen(
    state: &mut State,
    change: impl FnOnce(&mut dyn ScreenState, &Context) -> Vec<ScreenEffect>,
) -> Vec<Effect> {
    let screen = state.screen;
    let effects = state.with_screens(|screens, context| change(screens.get_mut(screen), context));
    apply(state, effects)
}

/// Asks for what the open screen shows beside the snapshot.
pub fn load(state: &mut State) -> Vec<Effect> {
    in_screen(state, |screen, context| screen.load(context))
}

/// Does what an action asks for.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    state.toast = None;
    match action {
        Action::Quit => vec![Effect::Quit],
        Action::Help => {
            state.overlay = match state.overlay.take() {
                Some(Overlay::Help { .. }) => None,
                _ => Some(Overlay::Help { scroll: 0 }),
            };
            Vec::new()
        }
        Action::Refresh => trigger(state),
        Action::Cancel => cancel(state),
        Action::Poll if state.paused.is_none() => state.poll(),
        Action::Pause if state.paused.is_none() => {
            state.pause();
            Vec::new()
        }
        Action::Poll | Action::Pause => state.resume(),
        Action::Wider => show_window(state, WINDOWS.into_iter().find(|window| *window > state.chosen_window())),
        Action::Narrower => {
            show_window(state, WINDOWS.into_iter().rev().find(|window| *window < state.chosen_window()))
        }
        Action::Screen(screen) => open_screen(state, screen),
        Action::Copy => clipboard::copy(state),
        Action::Search => search(state),
        Action::PreviousView => neighbour(state, -1),
        Action::NextView => neighbour(state, 1),
        Action::Fix
        | Action::Measure
        | Action::Interval
        | Action::Failures
        | Action::Origin
        | Action::FocusNext
        | Action::FocusPrevious => {
            if state.overlay.is_some() {
                return Vec::new();
            }
            in_screen(state, |screen, context| screen.act(action, context))
        }
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::PageUp => page(state, false),
        Action::PageDown => page(state, true),
        Action::First => step(state, isize::MIN),
        Action::Last => step(state, isize::MAX),
        Action::Select(list, row) => select(state, list, row),
        Action::Open => open(state),
        Action::Close => close(state),
    }
}

/// Reads the figures of another window, if there is one.
fn show_window(state: &mut State, window: Option<Duration>) -> Vec<Effect> {
    let Some(window) = window else { return Vec::new() };
    state.options.overrides.window = Some(window);
    state.paused = None;
    let mut effects = vec![state.request(Request::SetWindow(window))];
    effects.extend(state.poll());
    effects.extend(load(state));
    effects
}

/// The log can be searched from everywhere, but on the board its own rows are.
fn search(state: &mut State) -> Vec<Effect> {
    let stays = matches!(state.screen, Screen::Runs | Screen::Board);
    let mut effects = if stays { Vec::new() } else { go_to(state, Screen::Runs) };
    state.overlay = None;
    effects.extend(in_screen(state, |screen, context| screen.act(Action::Search, context)));
    effects
}

/// Closes what lies on top: an overlay, then a result, then what the screen itself can close, then the screen.
fn close(state: &mut State) -> Vec<Effect> {
    if state.overlay.take().is_some() {
        return Vec::new();
    }
    if matches!(state.database().trigger, Trigger::Ended { .. }) {
        state.database_mut().trigger = Trigger::Idle;
        return Vec::new();
    }
    let screen = state.screen;
    let closed = state.with_screens(|screens, context| screens.get_mut(screen).close(context));
    let Some(effects) = closed else {
        return match screen {
            Screen::Overview | Screen::Wall if state.has_board() => open_screen(state, Screen::Board),
            Screen::Incidents if state.is_about_all() => open_screen(state, Screen::Board),
            Screen::Board => Vec::new(),
            _ => go_to(state, Screen::Overview),
        };
    };
    apply(state, effects)
}

/// Moves by a page.
fn page(state: &mut State, down: bool) -> Vec<Effect> {
    if let Some(Overlay::Fix(dialog)) = &mut state.overlay {
        dialog.page(down);
        return Vec::new();
    }
    let screen = state.screen;
    if state.overlay.is_none() && state.screens.get_mut(screen).page(down).is_some() {
        return Vec::new();
    }
    let rows = isize::try_from(state.page.unwrap_or(PAGE).max(1)).unwrap_or(isize::MAX);
    step(state, if down { rows } else { -rows })
}

pub fn step(state: &mut State, by: isize) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Run { scroll, .. } | Overlay::Help { scroll } | Overlay::Manage(ManageDialog { scroll, .. })) => {
            *scroll = scrolled(*scroll, by);
        }
        Some(Overlay::Fix(dialog)) => dialog.step(by),
        None => return in_screen(state, |screen, context| screen.step(by, context)),
    }
    Vec::new()
}

/// Selects the row under the pointer, or opens it if it was selected before.
fn select(state: &mut State, list: Pointed, row: usize) -> Vec<Effect> {
    if list == Pointed::Fixes {
        step(state, isize::MIN);
        return step(state, isize::try_from(row).unwrap_or(isize::MAX));
    }
    let before = selection(state);
    match list {
        Pointed::Errors => state.screens.overview.focus = Focus::Errors,
        Pointed::Runs => state.screens.overview.focus = Focus::Runs,
        Pointed::Screen | Pointed::Fixes => {}
    }
    let effects = in_screen(state, |screen, context| screen.select(row, context));
    if selection(state) == before { open(state) } else { effects }
}

/// What has the selection, and which row is selected.
fn selection(state: &State) -> (Focus, Option<usize>) {
    (state.screens.overview.focus, state.screens.get(state.screen).selected_index(&state.context()))
}

fn open(state: &mut State) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Fix(dialog)) => {
            let Some(fix) = dialog.confirm() else { return Vec::new() };
            state.overlay = None;
            let begun = state.with_screens(|screens, context| screens.diagnose.begin(fix, context));
            begun.map(|fix| state.request(Request::Fix(fix))).into_iter().collect()
        }
        Some(Overlay::Manage(dialog)) => {
            let ManageStep::Examined(found) = &dialog.step else { return Vec::new() };
            if !found.obstacles.is_empty() {
                return Vec::new();
            }
            let found = found.clone();
            dialog.step = ManageStep::Managing { since: state.now, cancelling: false };
            vec![state.request(Request::Manage(found))]
        }
        Some(_) => Vec::new(),
        None => in_screen(state, |screen, context| screen.open(context)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{fixtures, message::Message, next_redraw::next_redraw, shown_for::PAUSE_LIMIT, update::update};
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
        for view in Screen::ALL {
            let mut state = fixtures::live();
            let asked = send(&mut state, Action::Screen(view));
            let wanted = usize::from(!matches!(view, Screen::Board | Screen::Overview | Screen::Wall));
            assert_eq!(
                asked.iter().filter(|effect| matches!(effect, Effect::Database(_, Request::Ask(..)))).count(),
                wanted,
                "{view:?}"
            );
            if !matches!(view, Screen::Diagnose) {
                assert_eq!(send(&mut state, Action::Screen(view)), [], "{view:?}");
            }
            send(&mut state, Action::Close);
            let left = if view == Screen::Board { Screen::Board } else { Screen::Overview };
            assert_eq!(state.screen, left);
        }
    }

    #[test]
    fn letters_belong_to_the_line_that_is_being_typed() {
        let mut state = fixtures::live();
        send(&mut state, Action::Search);
        assert_eq!(state.screen, Screen::Runs);
        type_in(&mut state, "qrx");
        assert_eq!(press(&mut state, None, Some(Edit::Backspace)), []);
        press(&mut state, Some(Action::Open), Some(Edit::Accept));
        assert_eq!((state.prompt.as_ref(), state.screens.runs.filter.text.as_str()), (None, "qr"));
        send(&mut state, Action::Search);
        type_in(&mut state, "zzz");
        press(&mut state, Some(Action::Close), Some(Edit::Leave));
        assert_eq!((state.screen, state.screens.runs.filter.text.as_str()), (Screen::Runs, "qr"));
        // A key that is no letter still leaves the program.
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
        assert_eq!((state.chosen_window(), state.window()), (week, Duration::from_hours(24)), "not yet read");
        send(&mut state, Action::Wider);
        assert_eq!(send(&mut state, Action::Wider), []);
        for _ in 0..4 {
            send(&mut state, Action::Narrower);
        }
        assert_eq!(state.chosen_window(), Duration::from_hours(1));
        assert_eq!(send(&mut state, Action::Narrower), []);
        // A window of one's own lies between two of them.
        state.options.overrides.window = Some(Duration::from_hours(12));
        send(&mut state, Action::Narrower);
        assert_eq!(state.chosen_window(), Duration::from_hours(6));
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
            update(&mut state, fixtures::event(Event::Polled(Box::new(fixtures::snapshot(&[0, 1, 2])), None)), later),
            []
        );
        assert_eq!(state.errors().len(), 0);
        assert_eq!(state.database().polling.due, None);
        // The person may have left.
        let mut effects = Vec::new();
        while state.paused.is_some() {
            let at = next_redraw(&state).unwrap();
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
        send(&mut state, Action::Screen(Screen::Runs));
        let page = state.screens.runs.loading.clone().unwrap();
        update(
            &mut state,
            fixtures::event(Event::Answered(
                fixtures::view(),
                Box::new(Question::Runs(page).unanswered(refreshtop_core::reading::Unavailable::new("x", ""))),
            )),
            Instant::now(),
        );
        assert!(matches!(
            send(&mut state, Action::Failures)[..],
            [Effect::Database(_, Request::Ask(_, Question::Runs(_)))]
        ));
        assert!(state.screens.runs.filter.failures);
        for wanted in [OriginFilter::Scheduled, OriginFilter::Manual, OriginFilter::Any] {
            send(&mut state, Action::Origin);
            assert_eq!(state.screens.runs.filter.origin, wanted);
        }
    }

    #[test]
    fn a_press_selects_and_a_second_one_opens() {
        let mut state = fixtures::with(fixtures::snapshot(&[3, 50, 100]));
        assert_eq!(send(&mut state, Action::Select(Pointed::Runs, 2)), []);
        assert_eq!((state.screens.overview.focus, state.selected_index(Focus::Runs)), (Focus::Runs, Some(2)));
        let id = state.runs()[2].id;
        assert_eq!(send(&mut state, Action::Select(Pointed::Runs, 2)), [fixtures::request(Request::ReadRun(id))]);
    }
}
