//! What reaches the terminal beside text: sizes, colours, bytes.

use super::{REFRESH, live};
use crate::support::{
    client, cluster, execute, migrate, migrated_app,
    session::Session,
    small_app_in,
    terminal::{Asked, Launch, TerminalProgram},
    unique,
};
use std::time::{Duration, Instant};

/// A success and a failure, old enough that no label counts seconds.
const OLD_RUNS: &str = "
    REFRESH MATERIALIZED VIEW public.platform_metrics;
    INSERT INTO public.metrics_refresh_log
        (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at, trigger_source)
    SELECT 'platform_metrics', status, 12, message, at, at, at, 'schedule'
    FROM (VALUES ('error', 'canceling statement', now() - interval '185 s'), ('success', NULL, now() - interval '125 s'))
         AS run (status, message, at)";

/// Sizes that a window is pulled through.
const SIZES: [(u16, u16); 5] = [(200, 60), (80, 24), (40, 12), (20, 5), (120, 40)];

/// Waits until both show the same, text, colours and all; except for the row with the time of the data.
///
/// Both poll anew while they differ: what one has read a moment before the other may have changed in between, such as
/// the schedule in the cluster's own database, which other tests create and remove.
fn assert_same(one: &mut TerminalProgram, other: &mut TerminalProgram) {
    let without_clock = |program: &TerminalProgram| {
        program.rows().into_iter().map(|row| (!row.text.contains(" UTC")).then_some(row)).collect::<Vec<_>>()
    };
    let (since, mut polled) = (Instant::now(), Instant::now());
    while without_clock(one) != without_clock(other) {
        assert!(since.elapsed() < Duration::from_secs(90), "{}\n{}", one.screen_text(), other.screen_text());
        if polled.elapsed() > Duration::from_secs(1) {
            one.send("p");
            other.send("p");
            polled = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn resizing_leaves_no_debris() {
    let url = migrated_app("resized").await;
    execute(&url, OLD_RUNS).await;
    let mut monitor = live(&url);
    for (cols, rows) in SIZES {
        monitor.resize(cols, rows);
        let mut fresh = Launch::monitor(&url).size(cols, rows).start();
        fresh.wait_text("LIVE");
        assert_same(&mut monitor, &mut fresh);
    }
    // Faster than anybody draws.
    for _ in 0..5 {
        for (cols, rows) in SIZES {
            monitor.resize(cols, rows);
        }
    }
    assert_same(&mut monitor, &mut live(&url));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test]
async fn keys_answer_after_a_resize() {
    let url = migrated_app("pulled").await;
    let mut monitor = live(&url);
    for (cols, rows) in [(100, 30), (120, 40), (90, 28)] {
        // A key before and a key after: the resize in between waits in the event source until the second one.
        monitor.send("\t");
        monitor.resize(cols, rows);
        monitor.send("?");
        monitor.wait_text("KEYS");
        monitor.send("\x1b");
        monitor.wait_for("the help is closed", |screen| !screen.contains("KEYS"));
    }
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test]
async fn what_was_cut_off_swallows_no_keys() {
    let url = migrated_app("cut").await;
    for begun in ["\x1b[200~pasted", "\x1b[<0;", "\x1b]0;title"] {
        let mut monitor = live(&url);
        monitor.send(begun);
        tokio::time::sleep(Duration::from_secs(2)).await;
        monitor.send("?");
        monitor.wait_text("KEYS");
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0), "{begun:?}");
    }
}

/// Every parameter of every `CSI … m` in `raw`; colons separate as semicolons do.
fn sgr_parameters(raw: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(raw);
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    sequences.flat_map(|list| list.split([';', ':']).map(|n| n.parse().unwrap_or(0)).collect::<Vec<_>>()).collect()
}

/// Through everything that has a colour or a glyph of its own.
fn tour(monitor: &mut TerminalProgram) {
    monitor.send("\r");
    monitor.wait_text("started");
    monitor.send("\x1b");
    monitor.wait_for("the run is closed", |screen| screen.contains("RUNS") && !screen.contains("started"));
    monitor.send("?");
    monitor.wait_text("read everything again");
    monitor.send("?\t");
    monitor.send("r");
    monitor.wait_text("refreshed in");
}

fn is_colour(parameter: u16) -> bool {
    // 39 and 49 are the terminal's own, which is what is wanted.
    matches!(parameter, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107)
}

#[tokio::test]
async fn no_color_means_none() {
    let url = migrated_app("mono").await;
    execute(&url, OLD_RUNS).await;
    let mut plain = Launch::monitor(&url).env("NO_COLOR", "1").live();
    tour(&mut plain);
    let parameters = sgr_parameters(&plain.raw_bytes());
    assert!(parameters.iter().all(|parameter| !is_colour(*parameter)), "{parameters:?}");
    assert!(parameters.contains(&1) || parameters.contains(&7), "nothing stands out: {parameters:?}");

    let mut coloured = live(&url);
    tour(&mut coloured);
    assert!(sgr_parameters(&coloured.raw_bytes()).into_iter().any(is_colour), "the check sees no colours at all");
}

#[tokio::test]
async fn a_terminal_that_promises_no_256_colours_is_sent_none() {
    let url = migrated_app("sixteen").await;
    execute(&url, OLD_RUNS).await;
    for theme in ["terminal", "dark", "colorblind"] {
        let mut monitor = Launch::monitor(&url).env("TERM", "linux").env("REFRESHTOP_THEME", theme).live();
        tour(&mut monitor);
        let parameters = sgr_parameters(&monitor.raw_bytes());
        assert!(parameters.iter().all(|parameter| ![38, 48, 5, 58].contains(parameter)), "{theme}: {parameters:?}");
        assert!(parameters.iter().any(|parameter| is_colour(*parameter)), "{theme}: {parameters:?}");
    }
}

#[tokio::test]
async fn without_utf8_every_byte_is_ascii() {
    let url = migrated_app("ascii").await;
    execute(&url, &OLD_RUNS.replace("canceling", "Größe überschritten 表 ▁ canceling")).await;
    let mut monitor = Launch::monitor(&url).env("LANG", "C").live();
    tour(&mut monitor);
    let raw = monitor.raw_bytes();
    let strange: Vec<u8> = raw.into_iter().filter(|byte| !byte.is_ascii()).collect();
    assert!(strange.is_empty(), "{:?}", String::from_utf8_lossy(&strange));
}

/// Ways to a terminal's title, cursor, clipboard and reading direction.
const HOSTILE: &str = "a\u{1b}]0;pwned\u{7}b\u{1b}[2J\u{1b}[Hc\u{9d}0;pwned\u{9c}d\u{9b}2Je\u{202e}f\u{2066}g\u{200f}h\u{1b}P+q\u{1b}\\i\u{1b}c\rj\u{8}k\u{1b}]52;c;cHduZWQ=\u{7}l";

#[tokio::test]
async fn text_of_the_database_is_only_text() {
    let cluster = cluster().await;
    let name = unique("evil");
    small_app_in(cluster, &name).await;
    let hostile_name = format!("{name}\u{1b}]0;pwned\u{7}");
    execute(&cluster.url("postgres"), &format!("ALTER DATABASE {name} RENAME TO \"{hostile_name}\"")).await;
    let url = cluster.url(&hostile_name);
    // Only now: an installation that was migrated under another name counts as a copy, and refreshes nothing.
    migrate(&url).await;
    let session = client(&url).await;
    let insert = "INSERT INTO public.metrics_refresh_log
            (refresh_type, status, duration_ms, error_message, error_detail, error_hint, error_context, application_name,
             triggered_by, started_at, completed_at, sqlstate, trigger_source, black_box)
        VALUES ('platform_metrics', 'error', 5, $1, $1, $1, $1, $1, $1, now(), now(), $1, 'manual',
                jsonb_build_object('captured_at', now(), 'sessions', jsonb_build_array(jsonb_build_object('pid', 1,
                    'user', $1::text, 'application', $1::text, 'client', $1::text, 'state', $1::text, 'query', $1::text,
                    'locks', jsonb_build_array(jsonb_build_object('relation', $1::text, 'mode', $1::text, 'granted', true)),
                    'blocked_by', '[]'::jsonb))))";
    session.execute(insert, &[&HOSTILE]).await.unwrap();
    let mut monitor = live(&url);
    monitor.wait_text("pwned");
    let drawn = monitor.wait_text("1 blocker");
    monitor.send("\r");
    monitor.wait_text("BLACK BOX");
    monitor.send("\x1b[6~\x1b[6~");
    // Any role may notify, with whatever payload.
    let forged = serde_json::json!({"id": HOSTILE, "refresh_type": HOSTILE, "status": "error", "source": HOSTILE});
    session.execute("SELECT pg_notify('metrics_refresh', $1)", &[&forged.to_string()]).await.unwrap();
    session.execute("SELECT pg_notify('metrics_refresh', $1)", &[&HOSTILE]).await.unwrap();
    monitor.send("\x1b");
    monitor.wait_for("the run is closed", |screen| screen.contains("JOB") && !screen.contains("BLACK BOX"));
    monitor.send("r");
    monitor.wait_text("refreshed in");

    assert_eq!(monitor.asked(), Asked::default());
    let raw = String::from_utf8(monitor.raw_bytes()).unwrap();
    // What the program writes itself: cursor moves, colours, its screen and its updates.
    for rest in raw.split('\u{1b}').skip(1) {
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len() - 1);
        let sequence = &rest[..=end];
        let own = sequence.starts_with('[') && (sequence.ends_with(['m', 'H', 'h', 'l']) || sequence == "[2J");
        assert!(own, "{sequence:?}");
    }
    assert!(raw.matches("\u{1b}[2J").count() <= 2, "it was cleared from outside");
    let control = |c: char| c.is_control() && c != '\u{1b}' || "\u{202e}\u{2066}\u{200f}".contains(c);
    assert!(!raw.contains(control), "{:?}", raw.matches(control).collect::<Vec<_>>());
    // Nothing moved the cursor: every row is where a row belongs.
    assert!(drawn.lines().next().unwrap().contains("LIVE"), "{drawn}");
}

#[tokio::test]
async fn an_idle_screen_is_silent() {
    let url = migrated_app("idle").await;
    execute(&url, OLD_RUNS).await;
    let monitor = live(&url);
    monitor.wait_text("RUNS  2 ");
    monitor.wait_quiet(Duration::from_millis(1500));
    let before = monitor.raw_bytes().len();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let written = monitor.raw_bytes().len() - before;
    // A label of minutes may turn in that time.
    assert!(written < 600, "{written} bytes in 5 s");
}

#[tokio::test]
async fn nothing_is_read_between_polls() {
    let url = migrated_app("polls").await;
    execute(&url, REFRESH).await;
    let monitor = live(&url);
    monitor.wait_text("RUNS  1 ");
    let last = "SELECT max(query_start)::text FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'refreshtop monitor'";
    let asking = Session::open(&url).await;
    // What was first shown is read again once the monitor listens, which may be going on.
    let rests = "bool_and(state = 'idle' AND clock_timestamp() - state_change > interval '1 s') FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name LIKE 'refreshtop%'";
    asking.until(rests).await;
    let asking = asking.client;
    let first: String = asking.query_one(last, &[]).await.unwrap().get(0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(asking.query_one(last, &[]).await.unwrap().get::<_, String>(0), first);
}
