//! Snapshots of the log's screen, and what can be pressed on it.

use super::*;
use crate::{
    app::{
        action::{Pointed, Pointer, PointerAct},
        message::Message,
        overlay::FixDialog,
        update::update,
    },
    pointer,
    screens::screen::Screen,
};

#[test]
fn the_log_at_every_size() {
    for name in ["log", "log_filtered", "log_failed", "log_empty"] {
        snapshots(name, &SIZES);
    }
    for name in ["log_selected", "log_nothing_yet", "log_nothing", "log_deep", "log_oldest", "log_unread", "log_copied"]
    {
        snapshots(name, &[(40, 12), (80, 24), (120, 40)]);
    }
    snapshots("hostile_log", &[(40, 12), (80, 24), (200, 60)]);
    for name in ["log_filtered", "hostile_log"] {
        let drawn = plain(&screen(&state(name), &Theme::mono(), Glyphs::new(false), (120, 40)));
        assert!(drawn.is_ascii(), "{drawn}");
        insta::assert_snapshot!(format!("ascii_{name}_120x40"), drawn);
    }
}

/// Presses on the cell where `text` begins, as a word of its own if it is one.
fn press(state: &State, text: &str, size: (u16, u16)) -> Option<Action> {
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let drawn = plain(&screen(state, &look.theme, look.glyphs, size));
    let find = |wanted: &str| {
        let found = (0_u16..).zip(drawn.lines()).find(|(_, line)| line.contains(wanted));
        found.map(|(row, line)| (row, line[..line.find(wanted).unwrap() + wanted.len() - text.len()].to_owned()))
    };
    let (row, before) = find(&format!(" {text}")).or_else(|| find(text)).expect(text);
    let column = u16::try_from(UnicodeWidthStr::width(before.as_str())).unwrap();
    pointer::action(state, &look, Rect::new(0, 0, size.0, size.1), Pointer { column, row, act: PointerAct::Press })
}

#[test]
fn a_press_on_a_row_of_a_scrolled_list_selects_that_very_row() {
    for size in SIZES {
        let mut state = state("log_deep");
        let selected = state.screens.runs.selected_index().unwrap();
        let wanted = state.screens.runs.rows[selected + 2].clone();
        let format = if size.0 < 60 { "%m-%d %H:%M" } else { "%m-%d %H:%M:%S" };
        let shown = wanted.run.started_at.format(format).to_string();
        let action = press(&state, &shown, size).unwrap();
        assert_eq!(action, Action::Select(Pointed::Screen, selected + 2), "{size:?}");
        let now = state.now;
        update(&mut state, Message::Action(action), now);
        assert_eq!(state.screens.runs.selected_row(), Some(&wanted), "{size:?}");
        // Pressed again, it opens.
        let again = press(&state, &shown, size).unwrap();
        let opened = update(&mut state, Message::Action(again), now);
        assert_eq!(opened, [fixtures::request(refreshtop_core::request::Request::ReadRun(wanted.run.id))]);
    }
}

#[test]
fn the_lists_of_the_overview_can_be_pressed() {
    let mut state = state("runs_focused");
    let run = state.runs()[42].clone();
    let shown = run.started_at.format("%m-%d %H:%M").to_string();
    let action = press(&state, &format!("{shown} {}", "scheduled"), (120, 40)).unwrap();
    let now = state.now;
    update(&mut state, Message::Action(action), now);
    assert_eq!((state.screen, state.screens.overview.selected_run), (Screen::Overview, Some(run.id)));
    let action = press(&state, "57014", (120, 40)).unwrap();
    assert_eq!(action, Action::Select(Pointed::Errors, 1));
    update(&mut state, Message::Action(action), now);
    assert_eq!(
        (state.screens.overview.focus, state.screens.overview.selected_error),
        (Focus::Errors, Some(state.errors()[1].id))
    );
}

#[test]
fn a_press_on_a_statement_chooses_it_and_one_beside_the_frame_closes_it() {
    let job = JobRef { id: 7, database: "postgres".into(), schedule: "@daily".into() };
    let fix = |schedule: &str| Fix::reschedule(&job, schedule);
    let mut state = state("healthy");
    state.screen = Screen::Diagnose;
    let fixes = vec![fix("*/5 * * * *"), fix("*/7 * * * *")];
    state.overlay = Some(Overlay::Fix(FixDialog { fixes, selected: 0, below: 0, confirming: false }));
    for size in [(80, 24), (120, 40)] {
        assert_eq!(press(&state, "*/7 *", size), Some(Action::Select(Pointed::Fixes, 1)), "{size:?}");
        assert_eq!(press(&state, "DIAGNOSIS", size), Some(Action::Close), "{size:?}");
        // Never by one press: Enter executes.
        assert_eq!(press(&state, "Enter executes", size), None, "{size:?}");
    }
    let now = state.now;
    update(&mut state, Message::Action(Action::Select(Pointed::Fixes, 1)), now);
    assert!(matches!(&state.overlay, Some(Overlay::Fix(choice)) if choice.selected == 1));
}

#[test]
fn the_hints_and_the_tabs_can_be_pressed() {
    let state = state("log");
    assert_eq!(press(&state, "incidents", (120, 40)), Some(Action::Screen(Screen::Incidents)));
    assert_eq!(press(&state, "/ search", (120, 40)), Some(Action::Search));
    let at = |act| Pointer { column: 1, row: 1, act };
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let asked = |act| pointer::action(&state, &look, Rect::new(0, 0, 80, 24), at(act));
    assert_eq!((asked(PointerAct::WheelUp), asked(PointerAct::WheelDown)), (Some(Action::Up), Some(Action::Down)));
}

#[test]
fn a_page_is_what_is_in_sight() {
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let page = |name: &str, (width, height)| crate::frame::page(&state(name), &look, Rect::new(0, 0, width, height));
    assert_eq!(page("log", (120, 40)), Some(33));
    assert_eq!(page("log", (40, 12)), Some(6));
    assert_eq!(page("detail", (80, 24)), Some(19));
    assert_eq!(page("log", (20, 3)), None);
    assert!(page("critical", (80, 24)).unwrap() < page("critical", (200, 60)).unwrap());
}
