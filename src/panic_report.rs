//! The report of a panic: enough to find the bug, and no text from elsewhere that was not checked.

use refreshtop_connect::secret;
use refreshtop_core::sanitize;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::Write as _,
    panic::PanicHookInfo,
};

/// Characters of a panic's message that are shown.
const LONGEST: usize = 400;

/// From now on a panic of any thread is reported on standard error ([`report`]), and no signal leaves a core dump: it would
/// contain the passwords that are in memory.
pub fn install() {
    // Ignore the error: the system's own limit applies then.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) });
    std::panic::set_hook(Box::new(|panic| {
        // Ignore the error: stderr may be closed.
        let _ = write!(std::io::stderr(), "{}", report(panic));
    }));
}

fn report(panic: &PanicHookInfo) -> String {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("{trace}"),
        _ => "RUST_BACKTRACE=1 shows the backtrace\n".into(),
    };
    format!(
        "refreshtop: a bug ended the program{place}: {}; please report it\n{trace}",
        message(panic.payload_as_str())
    )
}

/// A message of the standard library can quote the program's data: a text that was cut in the middle of a character, an
/// unexpected value.
fn message(payload: Option<&str>) -> String {
    match payload {
        None => "without a message".into(),
        Some(text) if secret::looks_secret(text) => "its message may hold a password and is not shown".into(),
        Some(text) => sanitize::one_line(text, LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_message_is_one_harmless_line_without_a_password() {
        assert_eq!(message(Some("index 7\n\u{1b}]0;x\u{7}")), "index 7 \u{fffd}]0;x\u{fffd}");
        assert_eq!(message(Some(&"x".repeat(1 << 20))).chars().count(), 401);
        let cut = "byte index 5 is not a char boundary; it is inside 'ü' of `postgres://bob:hünter2@h/app`";
        assert!(!message(Some(cut)).contains("nter2"));
        assert_eq!(message(None), "without a message");
    }
}
