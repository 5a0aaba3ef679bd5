//! The wall display, readable from five metres.

use crate::{
    app::{next_redraw::next_redraw, overlay::Overlay, state::State},
    glyphs::Glyphs,
    screens::wall::drift::STEP,
    tests::screens::{Theme, fixtures, plain, screen, shown, state},
};
use ratatui::{
    backend::{Backend as _, CrosstermBackend},
    buffer::Buffer,
    style::Modifier,
};
use refreshtop_core::clock::ServerClock;
use std::{collections::HashSet, time::Duration};

const SIZES: [(u16, u16); 6] = [(40, 12), (80, 24), (120, 40), (160, 48), (200, 60), (300, 100)];
const NAMES: [&str; 15] = [
    "wall_healthy",
    "wall_stale",
    "wall_critical",
    "wall_down",
    "wall_never_reached",
    "wall_connecting",
    "wall_poll_failed",
    "wall_paused",
    "wall_refreshing",
    "wall_refused",
    "wall_empty",
    "wall_unavailable",
    "wall_hostile",
    "wall_down_critical",
    "wall_slow",
];

fn wall(name: &str) -> State {
    match name {
        "wall_down_critical" => fixtures::on_wall(fixtures::lost(fixtures::critical())),
        "wall_slow" => fixtures::on_wall(fixtures::slow()),
        _ => state(name),
    }
}

fn drawn(state: &State, size: (u16, u16)) -> Buffer {
    screen(state, &Theme::terminal(), Glyphs::new(true), size)
}

#[test]
fn the_wall_at_every_size() {
    for name in ["wall_healthy", "wall_stale", "wall_critical", "wall_down"] {
        for size in [(40, 12), (80, 24), (160, 48), (300, 100)] {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, size));
        }
    }
    for name in [
        "wall_poll_failed",
        "wall_paused",
        "wall_refreshing",
        "wall_refused",
        "wall_empty",
        "wall_unavailable",
        "wall_never_reached",
        "wall_hostile",
        "wall_job_gone",
    ] {
        for size in [(40, 12), (120, 40)] {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown(name, size));
        }
    }
}

#[test]
fn the_wall_in_ascii() {
    for name in ["wall_healthy", "wall_stale", "wall_critical", "wall_down"] {
        for size in [(40, 12), (120, 40)] {
            let drawn = plain(&screen(&state(name), &Theme::mono(), Glyphs::new(false), size));
            assert!(drawn.is_ascii(), "{drawn}");
            insta::assert_snapshot!(format!("ascii_{name}_{}x{}", size.0, size.1), drawn);
        }
    }
}

/// The shape around the word, without the letters themselves: frame, block, broken lines, nothing.
#[test]
fn states_differ_by_shape_and_not_by_colour_alone() {
    for size in SIZES {
        let shape = |name: &str| {
            let buf = screen(&wall(name), &Theme::mono(), Glyphs::new(true), size);
            let text = plain(&buf);
            let solid = buf.content().iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
            let bars = text.lines().any(|line| line.trim().len() > 60 && line.trim().chars().all(|c| c == '█'));
            (text.contains('╭'), text.contains("╌╌╌╌"), solid > usize::from(size.0) * 3 || bars)
        };
        assert_eq!(shape("wall_healthy"), (false, false, false), "{size:?}");
        assert_eq!(shape("wall_stale"), (true, false, false), "{size:?}");
        assert_eq!(shape("wall_critical"), (false, false, true), "{size:?}");
        assert!(matches!(shape("wall_unavailable"), (false, true, false)), "{size:?}");
    }
}

#[test]
fn what_is_old_says_its_age_and_never_looks_healthy() {
    let healthy = Theme::terminal().healthy.fg.unwrap();
    for name in ["wall_down", "wall_down_critical", "wall_poll_failed", "wall_never_reached", "wall_connecting"] {
        for size in SIZES {
            let buf = drawn(&wall(name), size);
            let green = buf.content().iter().filter(|cell| cell.fg == healthy).count();
            // Only the word for the connection itself may be green.
            let link = if name == "wall_poll_failed" { "● LIVE".chars().count() } else { 0 };
            assert!(green <= link, "{name} {size:?}");
            let text = plain(&buf);
            let expected = match name {
                "wall_down" | "wall_down_critical" => "6m OLD",
                "wall_poll_failed" => "1m OLD",
                "wall_never_reached" => "NOTHING HAS BEEN",
                _ => "CONNECTING",
            };
            let unbroken = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(unbroken.contains(expected), "{name} {size:?}\n{text}");
        }
    }
    for size in SIZES {
        assert!(shown("wall_paused", size).contains("PAUSED"), "{size:?}");
        let green = drawn(&state("wall_paused"), size).content().iter().filter(|cell| cell.fg == healthy).count();
        assert_eq!(green, 0, "what is held still is not shown as healthy now");
    }
}

/// The verdict is the largest, and as large as can be.
#[test]
fn the_verdict_fills_the_width() {
    for (width, height) in [(80, 24), (120, 40), (160, 48), (200, 60)] {
        for name in ["wall_stale", "wall_critical", "wall_down"] {
            let text = shown(name, (width, height));
            let widest = text.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
            assert!(widest * 10 >= usize::from(width) * 8, "{name} {width}x{height}: {widest}\n{text}");
            assert!(text.lines().filter(|line| line.contains('█')).count() >= usize::from(height) / 5, "{text}");
        }
    }
}

#[test]
fn keys_work_and_their_results_are_shown() {
    for size in SIZES {
        assert!(shown("wall_refused", size).contains("refused: role oncall"), "{size:?}");
        assert!(shown("wall_refreshing", size).contains("refreshing… 12s"), "{size:?}");
        let mut help = state("wall_healthy");
        help.overlay = Some(Overlay::Help { scroll: 0 });
        assert!(plain(&drawn(&help, size)).contains("KEYS"), "{size:?}");
        let footer = shown("wall_healthy", size);
        assert!(footer.contains("q quit") && footer.contains("? help"), "{size:?}\n{footer}");
    }
}

/// The moments at which the picture changes are all named, for as long as a week.
#[test]
fn nothing_moves_before_the_moment_that_is_named() {
    for name in NAMES.iter().filter(|name| **name != "wall_hostile") {
        let mut state = wall(name);
        state.database_mut().polling.due = None;
        state.database_mut().trigger = refreshtop_core::refresh::Trigger::Idle;
        for _ in 0..60 {
            let before = drawn(&state, (160, 48));
            let Some(next) = next_redraw(&state) else { break };
            let mut later = state.clone();
            later.now = next.checked_sub(Duration::from_nanos(1)).unwrap().max(state.now);
            assert_eq!(drawn(&later, (160, 48)), before, "{name}");
            state.now = next;
        }
    }
}

/// Bytes for `after` on a terminal that shows `before`.
fn bytes(before: &Buffer, after: &Buffer) -> usize {
    let mut bytes = Vec::new();
    let diff = before.diff(after);
    if diff.is_empty() {
        return 0;
    }
    CrosstermBackend::new(&mut bytes).draw(diff.into_iter()).unwrap();
    // The marks of a synchronized update.
    bytes.len() + 16
}

/// An hour of a job that runs every five minutes, and polls every thirty seconds: at most 40 bytes a second on average,
/// and the process wakes a few times a minute at most.
#[test]
fn an_idle_wall_costs_next_to_nothing() {
    for name in ["wall_healthy", "wall_stale", "wall_critical", "wall_down", "wall_unavailable", "wall_never_reached"] {
        let mut state = wall(name);
        state.database_mut().polling.due = None;
        let start = state.now;
        let hours = Duration::from_hours(1);
        let (mut sent, mut wakes, mut runs) = (0, 0, 0);
        let mut shown = drawn(&state, (160, 48));
        while let Some(next) = next_redraw(&state) {
            if next > start + hours {
                break;
            }
            assert!(next > state.now, "{name}");
            state.now = next;
            // A run every five minutes makes the figures fresh again.
            let due = start + Duration::from_mins(5) * (runs + 1);
            if name == "wall_healthy" && state.now >= due {
                runs += 1;
                let now = state.server_now();
                let figures = state.snapshot_mut().unwrap().stats.as_mut().unwrap();
                figures.last_success_at = now;
            }
            let after = drawn(&state, (160, 48));
            sent += bytes(&shown, &after);
            shown = after;
            wakes += 1;
        }
        let rate = sent as u64 / hours.as_secs();
        eprintln!("{name}: {sent} bytes, {rate} a second, {wakes} wakes");
        assert!(rate <= 40, "{name}: {rate} bytes a second");
        assert!((6..=60 * 3).contains(&wakes), "{name}: {wakes} wakes");
    }
}

/// From one step to the next a second costs nothing at all.
#[test]
fn a_second_on_the_wall_costs_nothing() {
    for name in NAMES.iter().filter(|name| !["wall_hostile", "wall_refreshing"].contains(name)) {
        let before = wall(name);
        let mut after = before.clone();
        after.now += Duration::from_secs(1);
        for size in SIZES {
            assert_eq!(bytes(&drawn(&before, size), &drawn(&after, size)), 0, "{name} {size:?}");
        }
    }
}

/// Over a day of steps every cell has been dark for a while, but for the solid block of what must be acted on at once.
#[test]
fn nothing_burns_in() {
    for size in [(80, 24), (160, 48), (200, 60)] {
        for name in ["wall_healthy", "wall_stale", "wall_unavailable"] {
            let mut state = wall(name);
            let start = state.now;
            let mut always: Option<HashSet<usize>> = None;
            for step in 0..100 {
                // The age is fixed: its changing letters would hide a picture that does not move.
                state.now = start + STEP * step;
                let clock = state.server_now().unwrap();
                if let Ok(figures) = &mut state.snapshot_mut().unwrap().stats {
                    let age = if name == "wall_stale" { 15 } else { 2 };
                    figures.last_success_at = Some(clock - Duration::from_mins(age));
                }
                let buf = drawn(&state, size);
                let cells = buf.content().iter().enumerate();
                let lit = cells.filter(|(_, cell)| cell.symbol() != " ").map(|(at, _)| at).collect();
                always = Some(always.map_or_else(|| HashSet::clone(&lit), |always| &always & &lit));
            }
            assert_eq!(always.unwrap().len(), 0, "{name} {size:?}");
        }
    }
}

/// The picture is inside of the screen at every step, and whole.
#[test]
fn every_step_shows_the_same_picture_elsewhere() {
    let words = |buf: &Buffer| {
        let text = plain(buf);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for size in SIZES {
        let mut state = wall("wall_critical");
        let mut places = HashSet::new();
        let first = words(&drawn(&state, size));
        for step in 0..100 {
            // Only the clock moves: the age of the figures stays.
            let moved = fixtures::server_time() + STEP * step;
            state.database_mut().clock = Some(ServerClock::new(moved, state.now));
            let figures = state.snapshot_mut().unwrap().stats.as_mut().unwrap();
            figures.last_success_at = Some(moved - Duration::from_mins(15));
            state.snapshot_mut().unwrap().job = Err(refreshtop_core::reading::Unavailable::new("none", ""));
            let buf = drawn(&state, size);
            if step > 0 {
                assert_eq!(words(&buf).len(), first.len(), "{size:?} {step}");
            }
            places.insert(
                plain(&buf).lines().position(|line| !line.trim().is_empty()).unwrap() * 1_000
                    + plain(&buf).lines().map(|l| l.len() - l.trim_start().len()).filter(|n| *n > 0).min().unwrap_or(0),
            );
        }
        assert!(places.len() >= 2, "{size:?} {places:?}");
    }
}
