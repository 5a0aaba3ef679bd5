//! Rows of the log that nobody sane would write.

use super::bytes::{assert_framed, assert_tame};
use crate::support::{
    SMALL_APP, cluster, execute, migrate, migrated_app,
    terminal::{Launch, REFRESHTOP},
    unique,
};
use serde_json::Value;
use std::process::{Command, Stdio};

const INSERT: &str = "INSERT INTO public.metrics_refresh_log
    (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at, sqlstate, error_detail,
     error_hint, error_context, triggered_by, application_name, black_box)";

/// A text with everything in it, as SQL.
const HOSTILE: &str = "E'\\x1b]0;pwned\\x07\\x1b]52;c;cHduZWQ=\\x1b\\\\\\u009b2J\\u202e\\u2066\\u200b\\ufeff\\u00ad日本 \\r\\n\\t\\x0b\\x0c\\u0085\\u2028' \
                       || 'Z' || repeat(E'\\u0301', 1000) || E'👩\\u200d👩👍\\U0001f3fd\\U0001f1e9\\U0001f1ea\\U000e0041שלום مرحبا\\ue000 '";

/// A failed run, `text` in each of its places, the moments and the duration as given.
fn row(text: &str, duration: &str, moment: &str, black_box: &str) -> String {
    format!(
        "{INSERT} SELECT 'platform_metrics', 'error', {duration}, t, {moment}, {moment}, now(), left(t, 5), t, t, t,
         left(t, 60), left(t, 60), {black_box} FROM (SELECT {text}) x(t)"
    )
}

fn black_box(text: &str) -> String {
    let session = format!(
        "jsonb_build_object('pid', 1, 'user', {text}, 'application', {text}, 'client', {text}, 'state', {text},
         'query', {text}, 'blocked_by', jsonb_build_array(7), 'locks', jsonb_build_array(jsonb_build_object('relation', {text}, 'mode', {text}, 'granted', true)))"
    );
    format!("jsonb_build_object('captured_at', now(), 'sessions', jsonb_build_array({session}))")
}

#[tokio::test]
async fn hostile_texts_are_shown_and_do_nothing() {
    let url = migrated_app("texts").await;
    execute(&url, &row(HOSTILE, "5", "now()", &black_box(HOSTILE))).await;
    for (cols, rows) in [(120, 40), (80, 24)] {
        let mut monitor = Launch::monitor(&url).size(cols, rows).live();
        monitor.wait_text("]0;pwned");
        monitor.send("\r");
        monitor.wait_text("session ");
        assert_framed(&monitor, cols, rows);
        monitor.send("G");
        monitor.wait_text("waits for");
        assert_framed(&monitor, cols, rows);
        for size in [(200, 60), (41, 13), (13, 4), (1, 1), (cols, rows)] {
            monitor.resize(size.0, size.1);
            monitor.send("jG");
        }
        monitor.send("?");
        monitor.wait_text("Shift-Tab");
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
        assert_tame(&monitor);
    }
    let mut ascii = Launch::monitor(&url).arg("--ascii").live();
    ascii.send("\r");
    ascii.wait_text("session ");
    ascii.send("q");
    assert_eq!(ascii.wait_exit(), Ok(0));
    assert_tame(&ascii);
    assert!(ascii.raw_bytes().is_ascii());
}

/// Values that no calendar, number or record of ours has: each costs its own place, and no other row's.
#[tokio::test]
async fn odd_values_cost_no_list() {
    let url = migrated_app("odd").await;
    execute(&url, &row("'plain'", "5", "now()", "NULL")).await;
    let deep = "(repeat('{\"a\":', 500) || '1' || repeat('}', 500))::jsonb";
    for (duration, moment, black_box) in [
        ("1e300::numeric * 1e300::numeric", "now()", "NULL"),
        ("'NaN'", "now()", "NULL"),
        ("-1", "now()", "NULL"),
        ("5", "'infinity'", "NULL"),
        ("5", "'-infinity'", "NULL"),
        ("5", "'294276-12-31'", "NULL"),
        ("5", "'4713-01-01 BC'", "NULL"),
        ("NULL", "now()", "NULL"),
        ("5", "now()", "'{\"sessions\": 7}'"),
        ("5", "now()", "'[1]'"),
        ("5", "now()", "'{\"captured_at\": \"never\", \"sessions\": [null]}'"),
        ("5", "now()", deep),
    ] {
        execute(&url, &row("'odd'", duration, moment, black_box)).await;
    }
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_for("both lists", |screen| screen.contains("ERRORS  1/13") && screen.contains("RUNS  13"));
    // Each of them can be opened.
    for _ in 0..13 {
        monitor.send("\r");
        monitor.wait_text("started");
        monitor.wait_for("the rest of it", |screen| !screen.contains("reading…"));
        assert!(!monitor.screen_text().contains("not read"), "{}", monitor.screen_text());
        monitor.send("\x1b[B");
        monitor.send("\x1b");
        monitor.wait_for("the list", |screen| !screen.contains(" RUN "));
        monitor.send("j");
    }
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert_tame(&monitor);
    // The same rows without a screen, and from a log of which no function of ours can be asked.
    for _ in 0..2 {
        assert_eq!(output(&url, "runs").lines().count(), 14);
        for line in ["runs --json", "runs --failed --since 6h --json"] {
            let printed: Value = serde_json::from_str(&output(&url, line)).unwrap();
            assert_eq!(printed["runs"].as_array().unwrap().len(), 13, "{printed}");
        }
        assert!(output(&url, "status").contains("0 of 13 ok"));
        execute(&url, "DROP SCHEMA IF EXISTS refreshtop CASCADE").await;
    }
}

/// A database in `SQL_ASCII` keeps whatever bytes it was given, and sends them as they are.
#[tokio::test]
async fn bytes_that_are_not_text_are_replaced_and_nothing_else_is_lost() {
    let (cluster, name) = (cluster().await, unique("bytes"));
    let create = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    execute(&cluster.url("postgres"), &create).await;
    let url = cluster.url(&name);
    execute(&url, SMALL_APP).await;
    migrate(&url).await;
    let bytes = "E'caf\\xe9 \\xff'";
    execute(&url, &row(bytes, "5", "now()", &black_box(bytes))).await;
    for line in ["runs", "runs --json", "runs --failed --since 6h --json", "status --json", "stats"] {
        let printed = output(&url, line);
        assert!(!line.starts_with("runs") || printed.contains("caf\u{fffd} \u{fffd}"), "{line}: {printed}");
        execute(&url, &format!("NOTIFY metrics_refresh, {bytes}")).await;
    }
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_for("the run", |screen| screen.contains("RUNS  1 ") && screen.contains("caf"));
    monitor.send("\r");
    let open = monitor.wait_text("BLACK BOX");
    assert!(!open.contains("not read") && open.contains("user caf"), "{open}");
    monitor.send("\x1b");
    // A message that nobody can read ends the session that listens, which the driver gives up; another one follows.
    execute(&url, &format!("NOTIFY metrics_refresh, {bytes}")).await;
    monitor.wait_text("LIVE");
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    monitor.wait_for("the next run", |screen| screen.contains("RUNS  2 ") && screen.contains("LIVE"));
    for (key, title) in [("2", "RUNS"), ("3", "INCIDENTS"), ("4", "HISTORY"), ("5", "DIAGNOSIS"), ("6", "COLUMNS")] {
        monitor.send(key);
        let shown =
            monitor.wait_for(title, |screen| screen.contains(&format!(" {title}")) && !screen.contains("reading"));
        assert!(!shown.contains("stream did not contain") && !shown.contains("invalid utf-8"), "{shown}");
    }
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert_tame(&monitor);
}

/// What a command says that does its work.
fn output(url: &str, line: &str) -> String {
    let mut command = Command::new(REFRESHTOP);
    command.args(line.split(' ')).env_clear().env("REFRESHTOP_URL", url).env("HOME", "/nonexistent");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_megabyte_of_error_and_a_long_log_leave_the_keys_alive() {
    let url = migrated_app("bulk").await;
    let many = format!(
        "{INSERT} SELECT 'platform_metrics', 'error', n, 'number ' || n, now(), now(), now() - n * interval '0.1 s', '55P03',
         NULL, NULL, NULL, NULL, NULL, NULL FROM generate_series(1, 100000) n"
    );
    execute(&url, &many).await;
    let megabyte = format!("repeat({HOSTILE}, 800)");
    execute(&url, &row(&megabyte, "5", "now()", &black_box(&format!("repeat({HOSTILE}, 100)")))).await;
    let refusing = format!(
        "CREATE OR REPLACE FUNCTION refreshtop.refresh(p_refresh_type text, p_source text DEFAULT NULL) RETURNS jsonb
         LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = {megabyte}, HINT = {megabyte}, DETAIL = {megabyte}; END $$"
    );
    execute(&url, &refusing).await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_text("100001");
    monitor.send("\r");
    monitor.wait_text("session ");
    monitor.wait_text("1-31 of");
    monitor.send("G");
    monitor.wait_for("the end", |screen| !screen.contains("1-31 of"));
    monitor.send("\x1b");
    monitor.wait_for("the panes", |screen| !screen.contains(" RUN "));
    monitor.send("r");
    monitor.wait_text("refused:");
    monitor.send("?");
    monitor.wait_text("Shift-Tab");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert_tame(&monitor);
    assert!(monitor.raw_bytes().len() < 1 << 20, "{} bytes for a few frames", monitor.raw_bytes().len());
}

/// Without a blank at which it could be wrapped, and without an end.
#[tokio::test]
async fn a_megabyte_in_one_line_is_one_row_of_a_list() {
    let url = migrated_app("line").await;
    execute(&url, &row("repeat(E'x\\x1b[31m\\u9577', 120000)", "5", "now()", "NULL")).await;
    execute(&url, &row("'the next one'", "5", "now()", "NULL")).await;
    for (cols, rows) in [(120, 40), (80, 24)] {
        let mut monitor = Launch::monitor(&url).size(cols, rows).live();
        monitor.wait_for("both rows", |screen| screen.contains("the next one") && screen.contains("ERRORS  1/2"));
        // The older one, which is the second.
        monitor.send("j\r");
        // The parser of these tests drops the sign for what must not be seen.
        monitor.wait_text("[31m長");
        monitor.wait_for("the whole run", |screen| screen.contains(" of ") && !screen.contains("reading…"));
        assert_framed(&monitor, cols, rows);
        monitor.send("G");
        assert_framed(&monitor, cols, rows);
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
        assert_tame(&monitor);
        assert!(monitor.raw_bytes().len() < 1 << 18, "{} bytes for a few frames", monitor.raw_bytes().len());
    }
}
