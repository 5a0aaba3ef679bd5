//! Snapshots and properties of the whole screen.

mod board;
mod diagnose;
mod incidents;
mod log;
mod wall;

use crate::{
    app::{action::Action, fixtures, overlay::Overlay, state::State},
    glyphs::Glyphs,
    keys::{self, KeyMap},
    scene::Appearance,
    screens::overview::state::Focus,
    theme::Theme,
};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect};
use refreshtop_core::{
    diagnosis::{Fix, JobRef},
    link::Link,
    reading::Unavailable,
    refresh::{Trigger, TriggerOutcome},
    run::{RunDetail, RunStatus},
    sanitize::is_safe,
    snapshot::Snapshot,
};
use std::sync::LazyLock;
use unicode_width::UnicodeWidthStr;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

/// This palette and these glyphs, with the default keys.
fn look(theme: &Theme, glyphs: &'static Glyphs) -> Appearance {
    Appearance::new(theme.clone(), glyphs)
}

fn render(state: &State, theme: &Theme, glyphs: &'static Glyphs, area: Rect, buf: &mut Buffer) {
    crate::frame::render(state, &look(theme, glyphs), area, buf);
}

fn state(name: &str) -> State {
    fixtures::named(name).unwrap()
}

/// Draws on a terminal, as the program does.
fn screen(state: &State, theme: &Theme, glyphs: &'static Glyphs, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| crate::frame::draw(state, &look(theme, glyphs), frame)).unwrap();
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
            hidden = UnicodeWidthStr::width(symbol).saturating_sub(1);
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
    for name in ["healthy", "stale", "failing", "critical", "down", "unavailable"] {
        snapshots(name, &SIZES);
    }
}

#[test]
fn other_states_at_two_sizes() {
    for name in ["slow", "connecting", "never_reached", "polling", "poll_failed", "empty", "just_notified"] {
        snapshots(name, &[(80, 24), (120, 40)]);
    }
    snapshots("job_gone", &[(40, 12), (80, 24), (120, 40)]);
    snapshots("own_limits", &[(80, 24), (120, 40)]);
    snapshots("runs_focused", &[(80, 24), (120, 40)]);
    snapshots("help", &[(40, 12), (80, 24), (120, 40)]);
    snapshots("detail", &SIZES);
    snapshots("detail_end", &[(40, 12), (80, 24), (120, 40)]);
}

/// Attempts come and go every few seconds, for weeks perhaps: only the words about them change.
#[test]
fn nothing_moves_while_attempts_come_and_go() {
    for width in 40..=200 {
        let below = |retry_in: Option<u64>| {
            let mut state = state("down");
            let now = state.now;
            if let Link::Down { retry_at, .. } = &mut state.database_mut().link {
                *retry_at = retry_in.map(|seconds| now + std::time::Duration::from_secs(seconds));
            }
            let drawn = plain(&screen(&state, &Theme::terminal(), Glyphs::new(true), (width, 40)));
            let lines: Vec<&str> = drawn.lines().collect();
            let verdict = lines.iter().position(|line| line.contains("UNKNOWN") || line.contains('█'));
            verdict.expect("a verdict")
        };
        let found = [Some(3), Some(30), Some(55), None].map(below);
        assert!(found.iter().all(|row| *row == found[0]), "{width}: {found:?}");
    }
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

#[test]
fn history_and_columns() {
    for name in ["history", "columns", "columns_of_rows", "of_rows"] {
        snapshots(name, &SIZES);
    }
    for name in ["history_sparse", "history_spike", "history_empty", "columns_unmeasured", "columns_first"] {
        snapshots(name, &[(40, 12), (80, 24), (120, 40)]);
    }
    snapshots("history_missing", &[(40, 12), (80, 24)]);
    for name in ["history_hostile", "columns_hostile", "of_columns"] {
        snapshots(name, &[(80, 24), (120, 40)]);
    }
    for name in ["history", "columns", "history_hostile", "columns_hostile"] {
        let drawn = plain(&screen(&state(name), &Theme::mono(), Glyphs::new(false), (120, 40)));
        assert!(drawn.is_ascii(), "{name}: {drawn}");
        insta::assert_snapshot!(format!("{name}_ascii_120x40"), drawn);
    }
}

/// Scrolled to the reported end, they show the end; a line less shows something else.
#[test]
fn the_end_of_history_and_columns_is_found() {
    let (theme, glyphs) = (Theme::terminal(), Glyphs::new(true));
    for name in ["history", "columns", "history_hostile", "columns_hostile"] {
        for (width, height) in SIZES {
            let mut state = state(name);
            let area = Rect::new(0, 0, width, height);
            let limit = crate::frame::scroll_limit(&state, &look(&theme, glyphs), area).unwrap();
            let mut at = |scroll: u16| {
                *state.scroll_mut().unwrap() = scroll;
                plain(&screen(&state, &theme, glyphs, (width, height)))
            };
            let end = at(u16::MAX);
            assert_eq!(at(limit), end, "{name} {width}x{height}");
            assert_eq!(at(limit.saturating_sub(1)) == end, limit == 0, "{name} {width}x{height}");
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

/// Each view in each palette, text and styles.
#[test]
fn every_view_in_every_palette() {
    for view in ["critical", "log", "incidents", "history", "diagnose", "columns", "wall_critical"] {
        for name in Theme::NAMES {
            let drawn = screen(&state(view), &Theme::from_name(name).unwrap(), Glyphs::new(true), (80, 24));
            insta::assert_snapshot!(format!("palette_{name}_{view}"), format!("{drawn:?}"));
        }
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

/// The meaning of colours must be clear without them: different states differ in plain text.
#[test]
fn verdicts_and_link_states_differ_without_colour() {
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
            // Only the word for the connection itself may be green.
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
        for (name, link) in
            [("healthy", "LIVE"), ("polling", "POLLING"), ("down", "DOWN"), ("detail", "LIVE"), ("help", "LIVE")]
        {
            let drawn = shown(name, size);
            for part in ["production", "app@db.example.net", "oncall", link, "03:00:30 UTC"] {
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
        for title in ["DURATIONS", "ERRORS", "RUNS", "JOB", "COLUMNS"] {
            assert!(drawn.contains(title), "{size:?} {title}\n{drawn}");
        }
    }
}

#[test]
fn help_names_every_key() {
    let (sentences, words) = (shown("help", (120, 40)), shown("help", (80, 24)));
    for binding in KeyMap::default().bindings() {
        assert!(sentences.contains(binding.help), "{}\n{sentences}", binding.help);
        assert!(words.contains(binding.word), "{}\n{words}", binding.word);
        for key in &binding.keys {
            assert!(sentences.contains(&key.name()) && words.contains(&key.name()), "{}\n{words}", key.name());
        }
    }
    // If not even the words fit, they scroll.
    let (mut state, area) = (state("help"), Rect::new(0, 0, 40, 12));
    let look = look(&Theme::terminal(), Glyphs::new(true));
    let last = crate::frame::scroll_limit(&state, &look, area).unwrap();
    let mut seen = String::new();
    for scroll in 0..=last {
        state.overlay = Some(Overlay::Help { scroll });
        seen += &plain(&screen(&state, &look.theme, look.glyphs, (40, 12)));
    }
    for binding in KeyMap::default().bindings() {
        assert!(seen.contains(binding.word), "{}\n{seen}", binding.word);
    }
}

#[test]
fn the_footer_hints_at_keys_that_exist() {
    let drawn = shown("healthy", (120, 40));
    let footer = drawn.lines().last().unwrap();
    // The arrow keys share one hint.
    for action in keys::hints(&state("healthy")).into_iter().filter(|action| *action != Action::Down) {
        assert!(footer.contains(KeyMap::default().binding(action).unwrap().word), "{footer}");
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

/// An idle screen redraws when `next_redraw` says so; until then every label must hold.
#[test]
fn nothing_changes_before_the_moment_of_the_next_redraw() {
    for (name, state) in fixtures::ZOO {
        let state = state();
        let drawn = |state: &State| screen(state, &Theme::terminal(), Glyphs::new(true), (120, 40));
        let before = drawn(&state);
        let next = crate::app::next_redraw::next_redraw(&state);
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
    assert!(shown("critical", (12, 2)).contains("FAILING"));
    assert!(shown("down", (39, 11)).contains("UNKNOWN, data 6m OLD"));
    insta::assert_snapshot!("critical_39x11", shown("critical", (39, 11)));
}

/// Built once: there are megabytes in them.
static HOSTILE: LazyLock<[State; 4]> = LazyLock::new(|| {
    [fixtures::hostile(), fixtures::hostile_detail(), fixtures::hostile_unavailable(), fixtures::runs::hostile()]
});

#[test]
fn the_end_of_a_run_is_found() {
    let (theme, glyphs) = (Theme::terminal(), Glyphs::new(true));
    for (width, height) in SIZES {
        let area = Rect::new(0, 0, width, height);
        let mut state = state("detail_end");
        let limit = crate::frame::scroll_limit(&state, &look(&theme, glyphs), area).unwrap();
        let at_end = shown("detail_end", (width, height));
        for (scroll, same) in [(limit, true), (limit.saturating_sub(1), limit == 0)] {
            if let Some(Overlay::Run { scroll: at, .. }) = &mut state.overlay {
                *at = scroll;
            }
            assert_eq!(plain(&screen(&state, &theme, glyphs, (width, height))) == at_end, same, "{width} {scroll}");
        }
    }
    assert_eq!(crate::frame::scroll_limit(&state("healthy"), &look(&theme, glyphs), Rect::new(0, 0, 80, 24)), None);
}

/// What a terminal makes of a buffer: nothing that steers it, nothing wider than its place, no half characters.
fn assert_safe(buf: &Buffer) {
    for y in buf.area.top()..buf.area.bottom() {
        let mut covered = 0;
        for x in buf.area.left()..buf.area.right() {
            let symbol = buf[(x, y)].symbol();
            assert!(is_safe(symbol), "{symbol:?} at {x},{y} of {:?}", buf.area);
            if covered > 0 {
                assert_eq!(symbol, " ", "half covered at {x},{y} of {:?}", buf.area);
                covered -= 1;
                continue;
            }
            let width = UnicodeWidthStr::width(symbol);
            assert!(width >= 1 && x as usize + width <= buf.area.right() as usize, "{symbol:?} at {x},{y}");
            covered = width - 1;
        }
    }
}

/// The frame around an overlay is complete, whatever is in it and behind it.
fn assert_frame(state: &State, buf: &Buffer, glyphs: &Glyphs) {
    if state.overlay.is_none() {
        return;
    }
    let symbols: Vec<Vec<&str>> =
        (0..buf.area.height).map(|y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect()).collect();
    let title = |row: &Vec<&str>| row.concat().contains(" RUN ") || row.concat().contains(" KEYS ");
    let Some(top) = symbols.iter().position(title) else { return };
    let set = glyphs.border;
    let Some(left) = symbols[top].iter().position(|symbol| *symbol == set.top_left) else { return };
    let bottom = (top + 1..symbols.len()).find(|y| symbols[*y][left] == set.bottom_left).expect("a lower corner");
    let right = symbols[top].iter().rposition(|symbol| *symbol == set.top_right).expect("a right corner");
    assert_eq!(symbols[bottom][right], set.bottom_right, "{:?}", buf.area);
    for row in &symbols[top + 1..bottom] {
        assert_eq!((row[left], row[right]), (set.vertical_left, set.vertical_right), "{:?}", buf.area);
    }
}

fn drawn(state: &State, theme: &Theme, ascii: bool, (width, height): (u16, u16)) -> Buffer {
    let (area, glyphs) = (Rect::new(0, 0, width, height), Glyphs::new(!ascii));
    let mut buf = Buffer::empty(area);
    render(state, theme, glyphs, area, &mut buf);
    assert_safe(&buf);
    // In ASCII its corners are characters that occur in texts as well.
    if !ascii {
        assert_frame(state, &buf, glyphs);
    }
    assert!(!ascii || buf.content().iter().all(|cell| cell.symbol().is_ascii()), "{area:?}");
    buf
}

/// The bytes that the program would send for `buf`, read by a terminal: it shows what was meant, cell by cell.
fn assert_shown_by_a_terminal(buf: &Buffer) {
    use ratatui::backend::{Backend as _, CrosstermBackend};
    use std::num::NonZeroU16;
    let mut bytes = Vec::new();
    let blank = Buffer::empty(buf.area);
    CrosstermBackend::new(&mut bytes).draw(blank.diff(buf).into_iter()).unwrap();
    let size = |n| NonZeroU16::new(n).unwrap();
    let mut terminal = vt100::Parser::new(size(buf.area.height), size(buf.area.width), 0);
    // The parser drops this one, which terminals show: it takes it for the mark of bytes that are no character.
    terminal.process(String::from_utf8(bytes).unwrap().replace('\u{fffd}', "?").as_bytes());
    for y in 0..buf.area.height {
        let mut hidden = 0;
        for x in 0..buf.area.width {
            let cell = terminal.screen().cell(y, x).unwrap();
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let meant = &buf[(x, y)].symbol().replace('\u{fffd}', "?");
            hidden = UnicodeWidthStr::width(meant.as_str()).saturating_sub(1);
            let shows = if cell.has_contents() { cell.contents() } else { " " };
            // A cell of that terminal holds a few characters only.
            assert!(meant.starts_with(shows), "{meant:?} shows as {shows:?} at {x},{y} of {:?}", buf.area);
        }
    }
}

/// Every size of a terminal that anybody has: all up to 60x60, and between them and 400x120 the edges of the classes
/// and a few more. With `EVERY_SIZE` in the environment, all 48,000.
#[test]
fn every_size_holds_hostile_text() {
    let every = std::env::var_os("EVERY_SIZE").is_some();
    let edges = [79, 80, 109, 110, 111, 112, 119, 120, 159, 160, 400];
    let mut walked = 0;
    for width in 1..=400_u16 {
        for height in 1..=120_u16 {
            let small = width <= 60 && height <= 60;
            let chosen = (edges.contains(&width) || width % 49 == 0) && (height % 17 == 0 || height == 120);
            if every || small || chosen {
                // One state and one set of glyphs for each size; neighbours have the others.
                let state = &HOSTILE[usize::from(width + height) % HOSTILE.len()];
                drawn(state, &Theme::terminal(), width / 3 % 2 == 0, (width, height));
                walked += 1;
            }
        }
    }
    assert!(walked >= if every { 48_000 } else { 3_600 });
}

/// Texts as attackers write them.
pub mod hostile {
    use proptest::prelude::*;

    /// Any characters, most of them from problematic ranges; at most `longest` pieces.
    pub fn text(longest: usize) -> impl Strategy<Value = String> {
        let trouble = [
            "\u{1b}]0;pwned\u{7}",
            "\u{1b}]52;c;cHduZWQ=\u{1b}\\",
            "\u{1b}]8;;http://x\u{1b}\\",
            "\u{1b}P+q\u{1b}\\",
            "\u{1b}[2J",
            "\u{1b}[?1049l",
            "\u{9b}31m",
            "\u{9d}0;x\u{9c}",
            "\u{90}x\u{9c}",
            "\u{7}",
            "\u{8}",
            "\u{0}",
            "\u{7f}",
            "\r",
            "\n",
            "\r\n",
            "\t",
            "\u{b}",
            "\u{c}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\u{a0}",
            "\u{3000}",
            "\u{ad}",
            "\u{202a}",
            "\u{202e}",
            "\u{2066}",
            "\u{2067}",
            "\u{2069}",
            "\u{200e}",
            "\u{200f}",
            "\u{61c}",
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{feff}",
            "\u{2060}",
            "\u{fe0f}",
            "\u{fe0e}",
            "\u{e0100}",
            "\u{e0041}\u{e007f}",
            "\u{fff9}",
            "שלום",
            "مرحبا",
            "\u{644}\u{627}",
            "\u{600}",
            "\u{6dd}",
            "日本語",
            "ｆｕｌｌ",
            "한글",
            "\u{1100}\u{1161}\u{11a8}",
            "\u{1160}",
            "क्ष",
            "क्क्क्क्क्क्",
            "\u{0e33}",
            "ที่",
            "\u{dd2}",
            "👩\u{200d}👩\u{200d}👧",
            "👍\u{1f3fd}",
            "🇩🇪",
            "🇩",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "é",
            "e\u{301}\u{302}\u{303}\u{304}",
            "\u{301}",
            "\u{e000}",
            "\u{f0000}",
            "\u{10ffff}",
            "\u{fffe}",
            "\u{2800}",
            "\u{fdfd}",
            "α",
            "Ж",
            "…",
            "─",
            "│",
            "┌",
            "■",
            "\u{1f1e6}",
            "  ",
            "x",
            "word ",
            "12:34",
        ];
        let zalgo = (1_usize..1_000, 0x300_u32..0x36f).prop_map(|(count, mark)| {
            format!("Z{}", char::from_u32(mark).unwrap_or('\u{301}').to_string().repeat(count))
        });
        let piece = prop_oneof![
            12 => proptest::sample::select(trouble.to_vec()).prop_map(str::to_owned),
            4 => any::<char>().prop_map(String::from),
            4 => "[ -~]{1,12}",
            2 => "\\PC{1,6}",
            1 => zalgo,
        ];
        proptest::collection::vec(piece, 0..longest.div_ceil(4)).prop_map(|pieces| pieces.concat())
    }
}

/// Puts foreign texts wherever the state has room for one, in turn.
fn poison(state: &mut State, texts: &[String]) {
    let mut at = 0;
    let mut next = || {
        at += 1;
        texts[at % texts.len()].clone()
    };
    state.database_mut().profile = Some(next());
    state.database_mut().host = next();
    match &mut state.database_mut().link {
        Link::Polling { reason } | Link::Down { reason, .. } => *reason = next(),
        Link::Connecting | Link::Connected | Link::Live => {}
    }
    if let Some(error) = &mut state.database_mut().poll_error {
        *error = Unavailable::new(next(), next());
    }
    if let Trigger::Ended { outcome, .. } = &mut state.database_mut().trigger {
        match outcome {
            TriggerOutcome::Success { .. } => {}
            TriggerOutcome::Error { sqlstate, message, hint, .. } => {
                (*sqlstate, *message, *hint) = (Some(next()), next(), Some(next()));
            }
            TriggerOutcome::AlreadyRunning { message }
            | TriggerOutcome::Refused { message }
            | TriggerOutcome::Lost { message } => *message = next(),
        }
    }
    if let Some(snapshot) = state.snapshot_mut() {
        let server = &mut snapshot.server;
        (server.database, server.role, server.version) = (next(), next(), next());
        poison_parts(snapshot, &mut next);
    }
    if !state.screens.runs.filter.text.is_empty() {
        state.screens.runs.filter.text = next();
    }
    for row in state.screens.runs.rows.iter_mut().rev().take(300) {
        (row.by, row.application, row.run.sqlstate, row.run.error) =
            (Some(next()), Some(next()), Some(next()), Some(next()));
    }
    if let Some(failed) = &mut state.screens.runs.failed {
        failed.why = Unavailable::new(next(), next());
    }
    if let Some(said) = &mut state.toast {
        said.text = next();
    }
    if let Some(Overlay::Run { detail: Some(detail), .. }) = &mut state.overlay {
        match &mut **detail {
            Err(missing) => *missing = Unavailable::new(next(), next()),
            Ok(detail) => poison_detail(detail, &mut next),
        }
    }
}

fn poison_parts(snapshot: &mut Snapshot, next: &mut impl FnMut() -> String) {
    for missing in [
        snapshot.stats.as_mut().err(),
        snapshot.runs.as_mut().err(),
        snapshot.errors.as_mut().err(),
        snapshot.job.as_mut().err(),
        snapshot.figures.as_mut().err(),
    ]
    .into_iter()
    .flatten()
    {
        *missing = Unavailable::new(next(), next());
    }
    let lists = [&mut snapshot.runs, &mut snapshot.errors];
    for run in lists.into_iter().flatten().flatten().filter(|run| run.status == RunStatus::Error) {
        (run.sqlstate, run.error) = (Some(next()), Some(next()));
    }
    if let Ok(stats) = &mut snapshot.stats {
        stats.last_error = Some(next());
    }
    if let Ok(job) = &mut snapshot.job {
        (job.cron_database, job.schedule) = (next(), next());
        job.last.iter_mut().for_each(|last| (last.status, last.message) = (next(), Some(next())));
    }
    snapshot.running.iter_mut().for_each(|running| running.application = Some(next()));
}

fn poison_detail(detail: &mut RunDetail, next: &mut impl FnMut() -> String) {
    (detail.message, detail.detail, detail.hint, detail.context) =
        (Some(next()), Some(next()), Some(next()), Some(next()));
    (detail.triggered_by, detail.application, detail.run.sqlstate) = (Some(next()), Some(next()), Some(next()));
    for session in detail.black_box.iter_mut().flat_map(|black_box| &mut black_box.sessions) {
        (session.user, session.application, session.client) = (Some(next()), Some(next()), Some(next()));
        (session.state, session.query) = (Some(next()), Some(next()));
        session.locks.iter_mut().for_each(|lock| (lock.relation, lock.mode) = (next(), next()));
    }
}

/// Any of the fixtures, but for those with megabytes in them, which have a test of their own. Chosen, not rejected: a
/// run of many cases gives up over rejections.
fn small_state() -> impl Strategy<Value = fn() -> State> {
    let small: Vec<_> = fixtures::ZOO.iter().filter(|(name, _)| !name.starts_with("hostile")).collect();
    proptest::sample::select(small).prop_map(|(_, state)| *state)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_state_at_any_size(
        texts in proptest::collection::vec(hostile::text(60), 1..8),
        width in prop_oneof![3 => 1_u16..200, 1 => 1_u16..=400],
        height in prop_oneof![3 => 1_u16..60, 1 => 1_u16..=120],
        state in small_state(),
        theme in 0_usize..5,
        ascii: bool,
    ) {
        let mut state = state();
        poison(&mut state, &texts);
        let theme = [Theme::terminal(), Theme::mono(), Theme::light(), Theme::dark(), Theme::colorblind()][theme].clone();
        let buf = drawn(&state, &theme, ascii, (width, height));
        assert_shown_by_a_terminal(&buf);
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal_at_any_size(width in 1_u16..260, height in 1_u16..80, ascii: bool) {
        for state in HOSTILE.iter() {
            assert_shown_by_a_terminal(&drawn(state, &Theme::terminal(), ascii, (width, height)));
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

/// A thousand wide characters behind the keys and the run: their frames cut none of them in two.
#[test]
fn wide_characters_never_reach_into_a_frame() {
    for overlay in [Some(Overlay::Help { scroll: 0 }), fixtures::opened(3).overlay] {
        for shift in 0..2 {
            let mut state = fixtures::critical();
            poison(&mut state, &[format!("{}{}", "x".repeat(shift), "日本".repeat(500))]);
            state.overlay.clone_from(&overlay);
            for size in (40..200).step_by(3).flat_map(|width| [(width, 14), (width, 40)]) {
                drawn(&state, &Theme::terminal(), false, size);
            }
        }
    }
}

/// How often a property is tried here, unless the environment (`PROPTEST_CASES`) says how often.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}
