//! Exit codes of every command, in one place.
//!
//! 0 to 3 are what Nagios and similar systems read from a check: healthy, warning, critical, unknown; a diagnosis ends
//! with the same, by its worst finding. No other outcome uses them, so a failure can't pass for a verdict: not even a
//! wrong command line, for which clap's own number would be 2. The others are those of BSD's `sysexits.h`, which
//! service managers and scripts know.

/// Done; for a check: healthy.
pub const OK: u8 = 0;
/// A check says: warning.
pub const WARNING: u8 = 1;
/// A check says: critical.
pub const CRITICAL: u8 = 2;
/// A check says: unknown. A check that is called wrongly ends with this too, never with [`USAGE`].
pub const UNKNOWN: u8 = 3;

/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// The database is reached, but what refreshtop needs is not in it: migrate first (`EX_NOINPUT`).
pub const NOT_MIGRATED: u8 = 66;
/// The database can't be reached, or refuses the session (`EX_UNAVAILABLE`).
pub const CANNOT_CONNECT: u8 = 69;
/// Something failed that none of the others names (`EX_SOFTWARE`).
pub const FAILURE: u8 = 70;
/// A signal asked the monitor to end, and the terminal took no more bytes (`EX_IOERR`).
pub const TERMINAL_STUCK: u8 = 74;
/// Refused because a refresh is running; trying again later can succeed (`EX_TEMPFAIL`).
pub const ALREADY_RUNNING: u8 = 75;
/// The role may not do this (`EX_NOPERM`).
pub const NOT_PERMITTED: u8 = 77;
/// The settings are wrong: config file, environment, or the three together (`EX_CONFIG`).
pub const SETTINGS: u8 = 78;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_failure_passes_for_a_verdict() {
        let failures =
            [USAGE, NOT_MIGRATED, CANNOT_CONNECT, FAILURE, TERMINAL_STUCK, ALREADY_RUNNING, NOT_PERMITTED, SETTINGS];
        assert!(failures.iter().all(|code| *code > UNKNOWN && *code < 126), "126 and above belong to shells");
        assert_eq!(failures.iter().collect::<BTreeSet<_>>().len(), failures.len());
    }
}
