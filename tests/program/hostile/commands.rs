//! What commands print, for terminals and pipes alike.

use crate::support::{self, cluster, execute, terminal::REFRESHTOP};
use refreshtop_core::sanitize::is_safe;
use std::process::{Command, Stdio};

/// Runs it without a terminal; both outputs.
fn output(url: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(REFRESHTOP);
    command.env_clear().env("REFRESHTOP_URL", url).env("HOME", "/nonexistent").args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
}

fn assert_plain(printed: &str) {
    assert!(!printed.is_empty() && printed.lines().all(is_safe), "{printed:?}");
}

#[tokio::test]
async fn answers_and_errors_do_not_steer_the_terminal() {
    let url = support::fresh_app("printed").await;
    // The role is named in the refusal; so is the view's column, in the words of its owner.
    let role = support::unique("\x1b]0;pwned\x07\u{202e}\u{9b}2J\nrefreshtop: all is well");
    execute(&url, &format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'x'")).await;
    let database = url.rsplit_once('/').unwrap().1;
    let role_url = cluster().await.url_of(&role, "x", database);
    for arguments in [&["migrate"][..], &["migrate", "status"], &["migrate", "down", "--yes"], &["doctor"]] {
        let printed = output(&role_url, arguments);
        assert_plain(&printed);
        assert!(!printed.contains("\nrefreshtop: all"), "{printed:?}");
    }
    let nowhere = cluster().await.url("\x1b]0;pwned\x07\u{202e}");
    assert_plain(&output(&nowhere, &["migrate"]));
    assert_plain(&output("postgres://h/\x1b]0;pwned\x07?nonsense\x1b[2J=1", &["migrate"]));
    assert_plain(&output(&url, &["--profile", "\x1b]0;pwned\x07", "migrate"]));
    assert_plain(&output(&url, &["--config", "/\x1b]0;pwned\x07\u{9b}", "migrate"]));
    assert_plain(&output(&url, &["--log-file", "/proc/\x1b]0;pwned\x07/x", "--log-level", "info", "migrate"]));
    assert_plain(&output(&url, &["\x1b]0;pwned\x07"]));
}
