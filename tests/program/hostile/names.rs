//! Databases, roles, applications, schedules and settings with names that steer a terminal.

use super::bytes::{assert_framed, assert_tame};
use crate::support::{self, SMALL_APP, cluster, execute, session::Session, terminal::Launch};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// At most 63 bytes: what PostgreSQL lets a name be.
const NAME: &str = "\x1b]0;pwned\x07\u{9b}2J\u{202e}x\u{200b}日本\r\n\te\u{301}\u{301}\u{301}👩\u{200d}👩\u{2028}";

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// A migrated database with such a name, and the URL of a role with such a name.
async fn hostile_database() -> (String, String) {
    let cluster = cluster().await;
    let database = support::unique(NAME);
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE {}", quoted(&database))).await;
    let url = cluster.url(&database);
    execute(&url, SMALL_APP).await;
    support::migrate(&url).await;
    let role = support::unique(NAME);
    // A role that logs in must have a name that the log-in's rules allow (SASLprep); one that it becomes need not.
    let (login, _) = support::fresh_role(&cluster.url("postgres"), "login", "").await;
    let role = quoted(&role);
    let grants = format!(
        "CREATE ROLE {role} IN ROLE refreshtop_admin; GRANT {role} TO {login}; ALTER ROLE {login} SET role TO {role}"
    );
    execute(&url, &grants).await;
    (cluster.url_of(&login, &format!("secret-of-{login}"), &database), url)
}

#[tokio::test]
async fn names_do_not_steer_the_terminal() {
    let (role_url, url) = hostile_database().await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '200ms'").await;
    // A blocking session whose name and query are hostile as well: both go into the black box.
    let blocker = Session::open(&url).await;
    blocker.run("SET application_name = E'\\x1b]0;pwned\\x07 blocker'").await;
    blocker.run("CREATE TABLE public.\"\x1b]0;pwned\x07\" (id int)").await;
    blocker.run("BEGIN; LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE; -- \x1b]0;pwned\x07\u{202e}").await;
    let profile = "\u{1b}]0;pwned\u{7}";
    let settings = tempfile::tempdir().unwrap();
    let file = settings.path().join("config.toml");
    std::fs::write(&file, "[profiles.\"\\u001b]0;pwned\\u0007\\u202e\"]\n").unwrap();
    for (cols, rows) in [(120, 40), (80, 24), (40, 12)] {
        let mut monitor = Launch::monitor(&role_url).size(cols, rows).start();
        monitor.wait_for("a live screen with data", |screen| screen.contains("LIVE") && screen.contains("UTC"));
        monitor.send("r");
        // The result is there before the run is in the list, from which it is opened.
        monitor.wait_text("canceling statement due to lock timeout");
        monitor.wait_text("✗ Last error");
        monitor.send("\r");
        // What the log alone knows: from then on its end is where it will stay.
        monitor.wait_for("the whole run", |screen| {
            screen.contains(" RUN ") && screen.contains(" of ") && !screen.contains("reading…")
        });
        for _ in 0..12 {
            let before = monitor.screen_text();
            if before.contains("AccessExclusiveLock") {
                break;
            }
            monitor.send("\x1b[6~");
            monitor.wait_for("the next page", |screen| screen != before);
        }
        monitor.wait_text("AccessExclusiveLock");
        if rows > 12 {
            assert_framed(&monitor, cols, rows);
        }
        monitor.send("k?");
        monitor.wait_text(if rows > 12 { "Shift-Tab" } else { "KEYS" });
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
        assert_tame(&monitor);
    }
    let mut refused = Launch::refreshtop(&["--config", file.to_str().unwrap(), "--profile", profile]).start();
    refused.wait_exit().unwrap();
    assert!(!String::from_utf8_lossy(&refused.raw_bytes()).contains("\x1b]"), "{}", refused.screen_text());
}

/// Before anything is known of the server, and where it is never reached.
#[tokio::test]
async fn neither_do_hosts_that_nobody_has() {
    for host in ["\x1b]0;pwned\x07", "\u{202e}\u{9b}2J", "/tmp/\x1b]0;pwned\x07"] {
        let url = format!("postgres://bob@{}:1/{}", encoded(host), encoded(NAME));
        let mut monitor = Launch::monitor(&url).start();
        let shown = monitor.wait_for("a word about it", |screen| {
            screen.contains("NOTHING HAS BEEN READ YET") || screen.contains("refreshtop:")
        });
        if shown.contains("NOTHING HAS BEEN READ") {
            monitor.send("q");
        }
        monitor.wait_exit().unwrap();
        let raw = String::from_utf8_lossy(&monitor.raw_bytes()).into_owned();
        assert!(!raw.contains("\x1b]") && !raw.contains('\u{9b}') && !raw.contains('\u{202e}'), "{raw:?}");
    }
}

/// Monitoring gets the names of views as they are, a terminal does not.
#[tokio::test]
async fn metrics_do_not_steer_the_terminal() {
    let url = support::fresh_database("metrics").await;
    support::migrate(&url).await;
    let view = quoted(NAME);
    execute(&url, &format!("CREATE MATERIALIZED VIEW {view} AS SELECT 1 AS a")).await;
    execute(&url, &format!("SELECT refreshtop.manage('{}', true)", view.replace('\'', "''"))).await;
    let mut shown = Launch::refreshtop(&["metrics"]).env("REFRESHTOP_URL", &url).size(200, 60).start();
    assert_eq!(shown.wait_exit(), Ok(0));
    let raw = String::from_utf8_lossy(&shown.raw_bytes()).into_owned();
    assert!(raw.contains("refreshtop_health{"), "{raw:?}");
    assert!(!raw.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{raw:?}");
}
