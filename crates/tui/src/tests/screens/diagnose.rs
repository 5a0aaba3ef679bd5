//! The view that diagnoses.

use crate::tests::screens::{Glyphs, SIZES, Theme, look, plain, screen, shown, state};
use ratatui::layout::Rect;

#[test]
fn diagnoses_at_every_size() {
    for name in ["diagnose", "diagnose_plan", "diagnose_fix"] {
        for size in SIZES {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, size));
        }
    }
    for name in [
        "diagnose_job",
        "diagnose_really",
        "diagnose_undo",
        "diagnose_fixed",
        "diagnose_not_fixed",
        "diagnose_unavailable",
        "diagnose_down",
        "diagnose_hostile",
    ] {
        for size in [(80, 24), (120, 40)] {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, size));
        }
    }
}

#[test]
fn diagnoses_in_ascii() {
    for name in ["diagnose", "diagnose_plan", "diagnose_fix"] {
        let drawn = plain(&screen(&state(name), &Theme::mono(), Glyphs::new(false), (80, 24)));
        assert!(drawn.is_ascii(), "{drawn}");
        insta::assert_snapshot!(format!("ascii_{name}_80x24"), drawn);
    }
}

/// A statement that can't be read in full can't be confirmed.
#[test]
fn the_statement_and_the_question_are_whole_at_every_size() {
    for size in SIZES {
        let mut drawn = shown("diagnose_fix", size);
        // In a low place it is scrolled to its end, which has the question.
        let mut state = state("diagnose_fix");
        let look = look(&Theme::terminal(), Glyphs::new(true));
        let limit = crate::frame::scroll_limit(&state, &look, Rect::new(0, 0, size.0, size.1)).unwrap();
        assert_eq!(drawn.contains("PgDn shows the rest"), limit > 0, "{size:?}\n{drawn}");
        *state.scroll_mut().unwrap() = limit;
        drawn += &plain(&screen(&state, &look.theme, look.glyphs, size));
        let joined: String = drawn.chars().filter(|c| c.is_alphanumeric()).collect();
        for part in ["pgterminatebackend", "pid4711", "backendstart20261123T0241005", "Enter"] {
            assert!(joined.contains(part), "{size:?} {part}\n{drawn}");
        }
        assert!(drawn.contains("Enter asks once more"), "{size:?}\n{drawn}");
        assert!(size == (40, 12) || shown("diagnose_really", size).contains("Really?"), "{size:?}");
    }
}

#[test]
fn the_worst_comes_first_and_is_selected() {
    for size in SIZES {
        let drawn = shown("diagnose", size);
        assert!(drawn.contains("▸ ✗ Last refreshes"), "{size:?}\n{drawn}");
    }
}

#[test]
fn what_was_done_is_named_once() {
    let mut state = state("diagnose_fixed");
    let fixed = state.screens.diagnose.fixed.as_mut().unwrap();
    (fixed.label, fixed.outcome) = ("pause job 3".into(), Ok("Done: pause job 3.".into()));
    let drawn = plain(&screen(&state, &Theme::terminal(), Glyphs::new(true), (80, 24)));
    assert_eq!(drawn.matches("pause job 3").count(), 1, "{drawn}");
    assert!(shown("diagnose_fixed", (80, 24)).contains("end session 4711: The session was asked"));
}
