//! The whole screen, looked at.

use super::{glyphs::Glyphs, keys, render, text, theme::Theme};
use crate::model::{
    fixtures,
    message::Action,
    state::{Overlay, State},
};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect};
use std::sync::LazyLock;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

fn state(name: &str) -> State {
    fixtures::ZOO.iter().find(|(known, _)| *known == name).map(|(_, state)| state()).unwrap()
}

/// Draws on a terminal, as the program does.
fn screen(state: &State, theme: &Theme, glyphs: &Glyphs, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| super::draw(state, theme, glyphs, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn plain(buf: &Buffer) -> String {
    let mut rows = Vec::new();
    for y in 0..buf.area.height {
        let mut row = String::new();
        let mut hidden = 0;
        for x in 0..buf.area.width {
            // What a wide character covers is not drawn.
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            hidden = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        rows.push(row.trim_end().to_owned());
    }
    rows.join("\n")
}

fn shown(name: &str, size: (u16, u16)) -> String {
    plain(&screen(&state(name), &Theme::terminal(), Glyphs::new(true), size))
}

fn snapshots(name: &str, sizes: &[(u16, u16)]) {
    for size in sizes {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, *size));
    }
}

#[test]
fn main_states_at_every_size() {
    for name in ["healthy", "stale", "critical", "down", "unavailable"] {
        snapshots(name, &SIZES);
    }
}

#[test]
fn other_states_at_two_sizes() {
    for name in ["slow", "connecting", "never_reached", "polling", "poll_failed", "empty", "just_notified"] {
        snapshots(name, &[(80, 24), (120, 40)]);
    }
    snapshots("runs_focused", &[(80, 24), (120, 40)]);
    snapshots("help", &[(40, 12), (80, 24), (120, 40)]);
    snapshots("detail", &SIZES);
    snapshots("detail_end", &[(40, 12), (80, 24), (120, 40)]);
}

#[test]
fn the_refresh_and_each_of_its_ends() {
    for name in ["refreshing", "cancelling", "running_elsewhere"] {
        snapshots(name, &[(80, 24)]);
    }
    for (name, _) in fixtures::ZOO.iter().filter(|(name, _)| name.starts_with("ended_")) {
        snapshots(name, &[(40, 12), (80, 24)]);
    }
}

#[test]
fn hostile_text_in_every_place() {
    for name in ["hostile", "hostile_detail", "hostile_unavailable"] {
        snapshots(name, &[(80, 24), (120, 40)]);
    }
}

#[test]
fn ascii_only() {
    for name in ["critical", "healthy", "detail", "hostile", "slow"] {
        for size in [(80, 24), (120, 40)] {
            let drawn = plain(&screen(&state(name), &Theme::mono(), Glyphs::new(false), size));
            assert!(drawn.is_ascii(), "{name}: {drawn}");
            insta::assert_snapshot!(format!("ascii_{name}_{}x{}", size.0, size.1), drawn);
        }
    }
}

/// Styles and text: the palette itself is held.
#[test]
fn styles_of_mono_and_of_the_default() {
    for theme in [Theme::mono(), Theme::terminal()] {
        let drawn = screen(&state("critical"), &theme, Glyphs::new(true), (80, 24));
        insta::assert_snapshot!(format!("styles_{}_80x24", theme.name), format!("{drawn:?}"));
    }
}

#[test]
fn mono_never_colours() {
    for (name, state) in fixtures::ZOO {
        let state = state();
        let drawn = screen(&state, &Theme::mono(), Glyphs::new(true), (120, 40));
        for cell in drawn.content() {
            use ratatui::style::Color::Reset;
            assert_eq!((cell.fg, cell.bg), (Reset, Reset), "{name}");
        }
    }
}

/// What is told by colour must be told without: no two states that differ look the same in plain text.
#[test]
fn verdicts_and_feeds_can_be_told_apart_without_colour() {
    let names = ["healthy", "stale", "critical", "connecting", "down", "polling", "poll_failed"];
    for size in [(20, 3), (40, 12), (80, 24), (120, 40)] {
        let drawn: std::collections::HashSet<String> = names.iter().map(|name| shown(name, size)).collect();
        assert_eq!(drawn.len(), names.len(), "{size:?}");
    }
}

#[test]
fn what_is_old_never_looks_healthy() {
    for name in ["down", "down_critical", "poll_failed", "never_reached", "connecting"] {
        for size in SIZES {
            let drawn = screen(&state(name), &Theme::terminal(), Glyphs::new(true), size);
            let healthy = Theme::terminal().healthy.fg.unwrap();
            let feed_is_live = name == "poll_failed";
            // Only the word for the feed itself may be green.
            let green = drawn.content().iter().filter(|cell| cell.fg == healthy).count();
            assert!(green <= if feed_is_live { "● LIVE".chars().count() } else { 0 }, "{name} {size:?}");
            let text = plain(&drawn);
            assert!(!text.contains("HEALTHY") && !text.contains("every rule"), "{text}");
        }
    }
    for size in SIZES {
        assert!(shown("down", size).contains("6m OLD"), "{size:?}");
        assert!(shown("poll_failed", size).contains("1m OLD"), "{size:?}");
    }
}

#[test]
fn always_visible_are_the_database_the_feed_and_the_age() {
    for size in SIZES {
        for (name, feed) in
            [("healthy", "LIVE"), ("polling", "POLLING"), ("down", "DOWN"), ("detail", "LIVE"), ("help", "LIVE")]
        {
            let drawn = shown(name, size);
            for part in ["production", "app@db.example.net", "oncall", feed, "03:00:30 UTC"] {
                assert!(drawn.contains(part), "{name} {size:?} {part}\n{drawn}");
            }
        }
    }
}

#[test]
fn the_nine_figures_are_there_from_80x24() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let drawn = shown("critical", size);
        for label in [
            "Total",
            "Successful",
            "Failed",
            "Success rate",
            "Average",
            "Maximum",
            "Minimum",
            "Last refresh",
            "Last success",
            "Last error",
        ] {
            assert!(drawn.contains(label), "{size:?} {label}\n{drawn}");
        }
        for title in ["DURATIONS", "ERRORS", "RUNS", "JOB", "METRICS"] {
            assert!(drawn.contains(title), "{size:?} {title}\n{drawn}");
        }
    }
}

#[test]
fn help_names_every_key() {
    let drawn = shown("help", (80, 24));
    for binding in keys::BINDINGS {
        assert!(drawn.contains(binding.help), "{}\n{drawn}", binding.help);
        for key in binding.keys {
            assert!(drawn.contains(&key.name()), "{}\n{drawn}", key.name());
        }
    }
}

#[test]
fn the_footer_hints_at_keys_that_exist() {
    let drawn = shown("healthy", (120, 40));
    let footer = drawn.lines().last().unwrap();
    // The arrow keys share one hint.
    for action in keys::hints(&state("healthy")).into_iter().filter(|action| *action != Action::Down) {
        assert!(footer.contains(keys::binding(action).unwrap().word), "{footer}");
    }
    for size in SIZES {
        for name in ["healthy", "refreshing", "ended_error", "detail"] {
            let drawn = shown(name, size);
            let footer = drawn.lines().last().unwrap();
            assert!(footer.contains("q quit") && footer.contains("? help"), "{name} {size:?} {footer}");
        }
    }
}

#[test]
fn drawing_twice_draws_the_same() {
    for (name, state) in fixtures::ZOO {
        let state = state();
        let once = screen(&state, &Theme::terminal(), Glyphs::new(true), (120, 40));
        let again = screen(&state, &Theme::terminal(), Glyphs::new(true), (120, 40));
        assert_eq!(once, again, "{name}");
    }
}

/// Over SSH every cell costs: a second that passes may change a label, and nothing else.
#[test]
fn a_second_costs_a_few_cells() {
    for name in ["healthy", "critical", "refreshing", "down", "poll_failed"] {
        let before = state(name);
        let mut after = before.clone();
        after.now += std::time::Duration::from_secs(1);
        for size in SIZES {
            let drawn = |state: &State| screen(state, &Theme::terminal(), Glyphs::new(true), size);
            let (before, after) = (drawn(&before), drawn(&after));
            let changed = before.diff(&after).len();
            assert!(changed <= 12, "{name} {size:?}: {changed} cells");
        }
    }
}

/// An idle screen redraws when `wake::next` says so; until then every label must hold.
#[test]
fn nothing_changes_before_the_moment_that_wake_names() {
    for (name, state) in fixtures::ZOO {
        let state = state();
        let drawn = |state: &State| screen(state, &Theme::terminal(), Glyphs::new(true), (120, 40));
        let before = drawn(&state);
        let next = crate::model::wake::next(&state);
        let mut later = state.clone();
        later.now = match next {
            Some(moment) => moment.checked_sub(std::time::Duration::from_millis(1)).unwrap().max(state.now),
            None => state.now + std::time::Duration::from_hours(1),
        };
        assert_eq!(plain(&drawn(&later)), plain(&before), "{name}");
    }
}

/// The edges of every class, for every state; sizes between them are drawn at random further down.
#[test]
fn no_size_is_too_small_or_too_large() {
    let theme = Theme::terminal();
    for (name, state) in fixtures::ZOO.iter().filter(|(name, _)| !name.starts_with("hostile")) {
        let state = state();
        for width in [1, 2, 13, 39, 40, 79, 80, 119, 120, 200] {
            for height in [1, 3, 11, 12, 18, 23, 24, 39, 60] {
                let area = Rect::new(0, 0, width, height);
                let mut buf = Buffer::empty(area);
                render(&state, &theme, Glyphs::new(true), area, &mut buf);
                assert!(buf.content().iter().any(|cell| cell.symbol() != " "), "{name} {width}x{height}");
            }
        }
    }
}

#[test]
fn the_smallest_screens_still_show_the_verdict() {
    assert_eq!(shown("critical", (1, 1)), "✗");
    assert!(shown("critical", (12, 2)).contains("CRITICAL"));
    assert!(shown("down", (39, 11)).contains("UNKNOWN, data 6m OLD"));
    insta::assert_snapshot!("critical_39x11", shown("critical", (39, 11)));
}

/// Built once: there are megabytes in them.
static HOSTILE: LazyLock<[State; 3]> =
    LazyLock::new(|| [fixtures::hostile(), fixtures::hostile_detail(), fixtures::hostile_unavailable()]);

#[test]
fn the_end_of_a_run_is_found() {
    let (theme, glyphs) = (Theme::terminal(), Glyphs::new(true));
    for (width, height) in SIZES {
        let area = Rect::new(0, 0, width, height);
        let mut state = state("detail_end");
        let limit = super::scroll_limit(&state, &theme, glyphs, area).unwrap();
        let at_end = shown("detail_end", (width, height));
        for (scroll, same) in [(limit, true), (limit.saturating_sub(1), limit == 0)] {
            if let Some(Overlay::Run { scroll: at, .. }) = &mut state.overlay {
                *at = scroll;
            }
            assert_eq!(plain(&screen(&state, &theme, glyphs, (width, height))) == at_end, same, "{width} {scroll}");
        }
    }
    assert_eq!(super::scroll_limit(&state("healthy"), &theme, glyphs, Rect::new(0, 0, 80, 24)), None);
}

fn assert_safe(buf: &Buffer) {
    for cell in buf.content() {
        assert!(text::is_safe(cell.symbol()), "{:?}", cell.symbol());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_hostile_reaches_the_terminal_at_any_size(width in 1_u16..260, height in 1_u16..80, ascii: bool) {
        for state in HOSTILE.iter() {
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            render(state, &Theme::terminal(), Glyphs::new(!ascii), area, &mut buf);
            assert_safe(&buf);
            prop_assert!(!ascii || buf.content().iter().all(|cell| cell.symbol().is_ascii()));
        }
    }

    #[test]
    fn any_size(width in 1_u16..400, height in 1_u16..120, index in 0_usize..100, ascii: bool) {
        let (_, state) = fixtures::ZOO[index % fixtures::ZOO.len()];
        let area = Rect::new(0, 0, width, height);
        render(&state(), &Theme::light(), Glyphs::new(!ascii), area, &mut Buffer::empty(area));
    }

    #[test]
    fn any_area_of_a_buffer(x in 0_u16..50, y in 0_u16..50, width in 0_u16..300, height in 0_u16..100, state in 0_usize..20) {
        let (_, state) = fixtures::ZOO[state % fixtures::ZOO.len()];
        let state = &state();
        let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
        render(state, &Theme::dark(), Glyphs::new(true), Rect::new(x, y, width, height), &mut buf);
    }
}
