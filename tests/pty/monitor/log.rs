//! The whole log: scrolled from end to end, filtered, searched, one run opened, and its text in the clipboard.

use super::REFRESH;
use crate::support::{
    execute, migrated_app,
    terminal::{Launch, TerminalProgram},
    value,
};

/// Three thousand rows, an hour between them; every tenth failed, one of them in its own way.
const ROWS: &str = "
    INSERT INTO public.metrics_refresh_log (id, refresh_type, status, duration_ms, error_message, error_detail,
        error_hint, sqlstate, trigger_source, triggered_by, application_name, started_at, completed_at, created_at, black_box)
    SELECT CASE WHEN n = 1230 THEN 'deadbeef-0000-4000-8000-000000000000' ELSE gen_random_uuid() END, 'platform_metrics',
           CASE WHEN n % 10 = 0 THEN 'error' ELSE 'success' END, 100 + n % 50,
           CASE WHEN n = 1230 THEN E'disk \\x1b[31mfull\\nat 100%' WHEN n % 10 = 0 THEN 'lock timeout' END,
           CASE WHEN n = 1230 THEN 'nothing is left' END, CASE WHEN n = 1230 THEN 'make room' END,
           CASE WHEN n = 1230 THEN '53100' WHEN n % 10 = 0 THEN '55P03' END,
           CASE WHEN n % 100 = 5 THEN 'manual' ELSE 'schedule' END, 'postgres', 'pg_cron', at, at, at,
           CASE WHEN n = 1230 THEN jsonb_build_object('captured_at', at, 'sessions', jsonb_build_array(jsonb_build_object(
               'pid', 4711, 'user', 'deploy', 'application', 'month end', 'query', 'LOCK TABLE public.accounts'))) END
    FROM generate_series(1, 3000) n
    CROSS JOIN LATERAL (SELECT timestamptz '2026-06-01 00:00+00' - n * interval '1 hour' AS at) t";

/// What text number `number` is that was put into the clipboard; the server knows base64.
async fn copied(monitor: &TerminalProgram, url: &str, number: usize) -> String {
    let mark = b"\x1b]52;c;";
    let begin = |raw: &[u8]| {
        let mut marks = raw.windows(mark.len()).enumerate().filter(|(_, bytes)| bytes == mark);
        marks.nth(number - 1).map(|(at, _)| at + mark.len())
    };
    let ended = |raw: &[u8]| begin(raw).is_some_and(|at| raw[at..].iter().any(|byte| matches!(byte, 0x1b | 0x07)));
    monitor.wait_for_bytes("a text for the clipboard", |raw, _| ended(raw));
    let raw = monitor.raw_bytes();
    let encoded = raw[begin(&raw).unwrap()..].iter().take_while(|byte| !matches!(**byte, 0x1b | 0x07));
    let encoded: String = encoded.map(|byte| char::from(*byte)).collect();
    value(url, &format!("SELECT convert_from(decode('{encoded}', 'base64'), 'UTF8')")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_log_is_scrolled_filtered_searched_and_copied_from() {
    let url = migrated_app("log").await;
    execute(&url, ROWS).await;
    execute(&url, REFRESH).await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.send("2");
    monitor.wait_text("1-34 of 200+");

    monitor.send("G");
    monitor.wait_for("the oldest row", |screen| screen.contains("the oldest") && screen.contains("01-27 00:00:00"));
    monitor.send("\x1b[5~\x1b[5~");
    monitor.wait_text("66 older");
    monitor.send("g");
    monitor.wait_text("1-34 of 200+");

    monitor.send("e");
    let only_failures = |screen: &str| screen.contains("failures only (Esc: all)") && !screen.contains("✓ ok");
    monitor.wait_for("only failures", |screen| only_failures(screen) && screen.contains("of 200+"));
    monitor.send("/100% z");
    monitor.wait_text("runs that contain: 100% z");
    monitor.send("\x7f\x7f\r");
    let found = |screen: &str| screen.contains("\"100%\"") && screen.contains("1-1 of 1");
    monitor.wait_for("the one", |screen| found(screen) && screen.contains("53100") && !screen.contains("55P03"));

    monitor.send("\r");
    monitor.wait_for("the whole run", |screen| screen.contains("BLACK BOX") && screen.contains("month end"));
    monitor.send("y");
    monitor.wait_text("by OSC 52: your terminal must allow it");
    let text = copied(&monitor, &url, 1).await;
    let lines = [
        "### Refresh of `platform_metrics` failed: SQLSTATE `53100`, blocked by `month end`, pid 4711",
        "- **started**: 2026-04-10 18:00:00 UTC",
        "Message:\n\n```text\ndisk \u{fffd}[31mfull\nat 100%\n```",
        "Detail:\n\n```text\nnothing is left\n```",
        "Hint:\n\n```text\nmake room\n```",
    ];
    assert!(lines.iter().all(|line| text.contains(&format!("{line}\n"))), "{text}");

    // Esc closes the run, then lists all rows again, then leaves the view.
    monitor.send("\x1b");
    monitor.wait_text("1-1 of 1");
    monitor.send("\x1b");
    monitor.wait_text("1-34 of 200+");
    monitor.send("jy");
    monitor.wait_for("a note on a row", |screen| screen.contains("copied") && screen.contains("by OSC 52"));
    let row = copied(&monitor, &url, 2).await;
    assert!(row.contains("started: 2026-05-31 23:00:00.000 UTC\n") && row.contains("role: postgres\n"), "{row}");
    monitor.wait_for("no note any more", |screen| !screen.contains("OSC 52"));

    // At the top the newest appear by themselves.
    monitor.send("g");
    execute(&url, "UPDATE public.accounts SET created_at = now()").await;
    execute(&url, REFRESH).await;
    monitor.wait_text("1-34 of 201+");
    monitor.send("\x1b");
    monitor.wait_text("DURATIONS");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
