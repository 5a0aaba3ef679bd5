//! The view of incidents.

use crate::{
    app::{
        action::{Action, Pointed, Pointer, PointerAct},
        state::State,
    },
    glyphs::Glyphs,
    pointer,
    screens::state::ScreenState as _,
    tests::screens::{SIZES, Theme, cases, drawn, fixtures, hostile, look, plain, screen, shown, state},
};
use proptest::prelude::*;
use ratatui::layout::Rect;
use refreshtop_core::incident::{Blocker, Failure};

fn step(state: &mut State, by: isize) {
    state.with_screens(|screens, context| screens.incidents.step(by, context));
}

#[test]
fn incidents_at_every_size() {
    for size in SIZES {
        insta::assert_snapshot!(format!("incidents_{}x{}", size.0, size.1), shown("incidents", size));
    }
    for name in ["incidents_silent", "incidents_none", "incidents_empty", "incidents_unavailable", "incidents_down"] {
        for size in [(40, 12), (80, 24), (120, 40)] {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, size));
        }
    }
    insta::assert_snapshot!("incidents_hostile_120x40", shown("incidents_hostile", (120, 40)));
    for size in [(80, 24), (120, 40)] {
        insta::assert_snapshot!(format!("incidents_shared_{}x{}", size.0, size.1), shown("incidents_shared", size));
    }
}

#[test]
fn incidents_of_all_views_at_every_size() {
    for size in SIZES {
        insta::assert_snapshot!(format!("incidents_of_all_{}x{}", size.0, size.1), shown("incidents_of_all", size));
    }
    insta::assert_snapshot!("incidents_of_all_none_80x24", shown("incidents_of_all_none", (80, 24)));
    insta::assert_snapshot!("incidents_of_all_hostile_120x40", shown("incidents_of_all_hostile", (120, 40)));
}

#[test]
fn incidents_in_ascii() {
    for size in [(40, 12), (120, 40)] {
        let drawn = plain(&screen(&state("incidents"), &Theme::mono(), Glyphs::new(false), size));
        assert!(drawn.is_ascii(), "{drawn}");
        insta::assert_snapshot!(format!("ascii_incidents_{}x{}", size.0, size.1), drawn);
    }
}

#[test]
fn the_open_one_has_its_own_word_mark_and_style_unless_nothing_new_arrives() {
    for size in SIZES {
        let drawn = shown("incidents", size);
        assert!(drawn.contains("✗ OPEN"), "{size:?}\n{drawn}");
        let old = shown("incidents_down", size);
        assert!(old.contains("? WAS OPEN") && !old.contains("✗ OPEN"), "{size:?}\n{old}");
    }
}

#[test]
fn who_was_in_the_way_is_there_at_every_size() {
    for size in SIZES {
        let drawn = shown("incidents", size).replace('\n', " ");
        assert!(drawn.contains("55P03") && drawn.contains("month end report (pid 4711"), "{size:?}\n{drawn}");
    }
}

#[test]
fn a_quiet_window_says_so_and_an_empty_log_says_that_it_can_not() {
    let none = shown("incidents_none", (120, 40));
    assert!(none.contains("✓ no incident in the last 24 h: every attempt succeeded"), "{none}");
    let empty = shown("incidents_empty", (120, 40));
    assert!(!empty.contains("no incident") && empty.contains("not known whether"), "{empty}");
    assert!(shown("incidents_unavailable", (80, 24)).contains("GRANT refreshtop_admin TO oncall"));
}

#[test]
fn a_press_selects_the_row_under_it() {
    let state = state("incidents");
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let area = Rect::new(0, 0, 120, 40);
    let row = shown("incidents", (120, 40)).lines().position(|line| line.contains("57014")).unwrap();
    let press = Pointer { column: 40, row: u16::try_from(row).unwrap(), act: PointerAct::Press };
    assert_eq!(pointer::action(&state, &look, area, press), Some(Action::Select(Pointed::Screen, 1)));
}

#[test]
fn three_hundred_incidents_scroll_with_the_selection() {
    let mut state = state("incidents");
    let mut record = fixtures::incident_record();
    let oldest = record.gaps.pop().unwrap();
    for n in 0..300 {
        let mut gap = oldest.clone();
        let back = chrono::TimeDelta::days(n);
        gap.after = gap.after.map(|at| at - back);
        gap.until.iter_mut().for_each(|until| until.at -= back);
        gap.first.iter_mut().for_each(|first| first.at -= back);
        record.gaps.push(gap);
    }
    state.screens.incidents.answer.reading = Some(Ok(record));
    step(&mut state, isize::MAX);
    let drawn = plain(&screen(&state, &Theme::terminal(), Glyphs::new(true), (80, 24)));
    assert!(drawn.contains("304 of 304"), "{drawn}");
    assert_eq!(drawn.matches('▸').count(), 2, "the tab, and the row\n{drawn}");
}

fn poisoned(texts: &[String]) -> State {
    let mut state = fixtures::incidents();
    let mut at = 0;
    let mut next = || {
        at += 1;
        Some(texts[at % texts.len()].clone())
    };
    let Some(Ok(record)) = &mut state.screens.incidents.answer.reading else { panic!("a record") };
    for gap in &mut record.gaps {
        if let Some(Failure { sqlstate, message, .. }) = &mut gap.first {
            (*sqlstate, *message) = (next(), next());
        }
        for Blocker { user, application, mode, relation, .. } in &mut gap.blockers {
            (*user, *application, *mode, *relation) = (next(), next(), next(), next());
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_incidents_at_any_size(
        texts in proptest::collection::vec(hostile::text(60), 1..8),
        width in 1_u16..260,
        height in 1_u16..70,
        down in 0_usize..8,
        ascii: bool,
    ) {
        let mut state = poisoned(&texts);
        step(&mut state, isize::try_from(down).unwrap());
        crate::tests::screens::assert_shown_by_a_terminal(&drawn(&state, &Theme::terminal(), ascii, (width, height)));
    }
}
