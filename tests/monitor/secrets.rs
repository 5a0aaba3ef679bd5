//! Passwords stay where they belong.

use crate::support::{
    fresh_role, migrated_app,
    terminal::{Launch, TerminalProgram},
};
use std::fs;

/// Everything that a neighbour on the machine, or behind the person, could see of the program.
fn seen(program: &TerminalProgram) -> String {
    let line = fs::read(format!("/proc/{}/cmdline", program.pid())).unwrap_or_default();
    String::from_utf8_lossy(&[program.raw_bytes(), line].concat()).into_owned()
}

#[tokio::test]
async fn a_password_is_neither_shown_nor_listed() {
    let url = migrated_app("secret").await;
    let (name, role_url) = fresh_role(&url, "keeper", "IN ROLE refreshtop_admin").await;
    let password = format!("secret-of-{name}");
    let wrong = role_url.replace(&password, "not-the-secret");
    let log = tempfile::tempdir().unwrap();
    for (url, sign, secret) in [(&role_url, "LIVE", &*password), (&wrong, "DOWN", "not-the-secret")] {
        let file = log.path().join(sign);
        let log = file.to_str().unwrap();
        let mut monitor = Launch::monitor(url).arg("--log-level=trace").arg("--log-file").arg(log).start();
        monitor.wait_text(sign);
        monitor.send("r?");
        monitor.wait_text("read everything again");
        assert!(!seen(&monitor).contains(secret), "{sign}");
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
        assert!(!seen(&monitor).contains(secret), "{sign}");
        assert!(!fs::read_to_string(&file).unwrap().contains(secret), "{sign}");
    }
}
