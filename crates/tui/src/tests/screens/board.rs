//! The board, the dialog that manages a view, and the wall of several views.

use super::*;
use crate::app::action::{Pointer, PointerAct};

#[test]
fn the_board_at_every_size() {
    for name in ["board", "board_healthy", "board_thousand", "board_hostile"] {
        snapshots(name, &SIZES);
    }
    snapshots("board_jobs", &SIZES);
    for name in ["board_unmanaged", "board_filtered", "board_refused", "board_down", "board_refreshing"] {
        snapshots(name, &[(40, 12), (80, 24), (120, 40)]);
    }
    for name in ["board_empty", "board_nothing", "board_unread", "board_overview"] {
        snapshots(name, &[(40, 12), (80, 24)]);
    }
}

#[test]
fn a_view_to_be_managed_at_every_size() {
    for name in ["manage_possible", "manage_impossible", "manage_running", "manage_refused"] {
        snapshots(name, &[(40, 12), (80, 24), (120, 40)]);
    }
    snapshots("manage_hostile", &[(80, 24)]);
}

#[test]
fn the_wall_of_several_views_at_every_size() {
    for name in ["wall_many", "wall_many_healthy", "wall_thousand"] {
        snapshots(name, &SIZES);
    }
    snapshots("wall_many_down", &[(80, 24), (120, 40)]);
}

/// Whatever the size, the worst view stands in the first row, and its cause somewhere.
#[test]
fn the_worst_view_and_its_cause_are_always_there() {
    for (width, height) in [(40, 12), (60, 14), (80, 24), (100, 30), (120, 40), (160, 48), (200, 60)] {
        let drawn = shown("board", (width, height));
        assert!(drawn.contains("sales.never") && drawn.contains("sales.daily"), "{drawn}");
        let mut state = state("board");
        state.screens.board.filter = "daily".into();
        let drawn = plain(&screen(&state, &Theme::terminal(), Glyphs::new(true), (width, height)));
        assert!(drawn.contains("blocked by nightly-export pid 812"), "{width}x{height}\n{drawn}");
    }
}

#[test]
fn a_press_on_a_row_selects_it_and_another_opens_it() {
    let mut state = state("board_healthy");
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let area = Rect::new(0, 0, 80, 24);
    let drawn = plain(&screen(&state, &Theme::terminal(), Glyphs::new(true), (80, 24)));
    let row = drawn.lines().position(|line| line.contains("sales.totals")).unwrap();
    let pointer = Pointer { column: 10, row: u16::try_from(row).unwrap(), act: PointerAct::Press };
    for _ in 0..2 {
        let action = crate::pointer::action(&state, &look, area, pointer).unwrap();
        let now = state.now;
        crate::app::update::update(&mut state, crate::app::message::Message::Action(action), now);
    }
    assert_eq!((state.screen, state.shown.as_str()), (crate::screens::screen::Screen::Overview, "sales.totals"));
}

/// Without a connection nothing may look healthy.
#[test]
fn a_lost_database_leaves_no_view_healthy() {
    for name in ["board_down", "wall_many_down"] {
        let drawn = shown(name, (120, 40));
        assert!(!drawn.contains("HEALTHY") && !drawn.contains("healthy"), "{drawn}");
    }
}
