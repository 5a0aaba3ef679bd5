//! Parsers of single values.
//!
//! One function per kind, used by flags, environment and config file. No message repeats the value: it may be a password
//! that slipped into the wrong place.

use super::mistake;
pub use refreshtop_core::schedule::{cron, job as job_schedule};
use refreshtop_core::{address::ViewId, health::Switch, numbers::length};
use refreshtop_tui::screens::screen::Screen;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::ParseIntError,
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

/// How many refreshes may run side by side.
pub fn jobs(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=64).contains(count)).ok_or_else(|| "a number from 1 to 64".to_owned())
}

/// A schedule as `pg_cron` knows them, or `none`.
pub fn schedule_or_none(text: &str) -> Result<String, String> {
    if text == "none" { Ok(text.to_owned()) } else { job_schedule(text) }
}
use tracing::Level;

/// Characters that the log has for the name of a view.
const LONGEST_VIEW: usize = 100;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 366);

/// Names of the themes, the default one first.
pub const THEMES: [&str; 5] = ["terminal", "light", "dark", "colorblind", "mono"];

/// Names of the log levels, from few lines to many.
const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Time between two polls: from 1 second (each costs the server a few queries) to a day.
pub fn poll(text: &str) -> Result<Duration, String> {
    duration(text, SECOND..=DAY)
}

/// Window of the statistics: from a minute to 366 days.
pub fn window(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_mins(1)..=YEAR)
}

/// A limit of a health rule: above zero, at most 366 days.
pub fn limit(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_millis(1)..=YEAR)
}

/// The same, but a plain number is in seconds, as in monitoring plugins.
pub fn limit_in_seconds(text: &str) -> Result<Duration, String> {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    limit(&if number { format!("{text}s") } else { text.to_owned() })
}

/// How long something may continue after a stop signal: up to an hour, or not at all.
pub fn grace(text: &str) -> Result<Duration, String> {
    duration(text, Duration::ZERO..=Duration::from_hours(1))
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// An address or a name.
    pub host: String,
    /// The port; 0 for any that is free.
    pub port: u16,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A host and a port to listen on; a port alone is on the loopback address.
pub fn listen(text: &str) -> Result<Listen, String> {
    let name = |text: &str| {
        let (host, port) = text.rsplit_once(':')?;
        let letters = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        (letters && !host.is_empty()).then_some(Listen { host: host.to_owned(), port: port.parse().ok()? })
    };
    let address = |address: SocketAddr| Listen { host: address.ip().to_string(), port: address.port() };
    let loopback = |port: u16| Listen { host: Ipv4Addr::LOCALHOST.to_string(), port };
    let wrong = "not an address to listen on: write HOST:PORT, such as 127.0.0.1:9899 or [::1]:9899, or a port";
    text.parse().map(address).ok().or_else(|| name(text)).map_or_else(
        || text.trim_start_matches(':').parse().map(loopback).map_err(|_: ParseIntError| wrong.to_owned()),
        Ok,
    )
}

/// How long runs are kept at least: from an hour to 366 days.
pub fn keep(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_hours(1)..=YEAR)
}

/// A SQLSTATE, or the two characters of its class.
pub fn sqlstate(text: &str) -> Result<String, String> {
    let state = text.to_ascii_uppercase();
    let known = matches!(state.len(), 2 | 5) && state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if known {
        Ok(state)
    } else {
        Err("not a SQLSTATE: five letters and digits, such as 55P03, or two for a class".into())
    }
}

fn duration(text: &str, allowed: RangeInclusive<Duration>) -> Result<Duration, String> {
    let value = humantime::parse_duration(text).map_err(|_| {
        "not a duration: write numbers with units, such as 30s, 10m or \"1h 30m\" (units: ms, s, m, h, d)".to_owned()
    })?;
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(format!("out of range: at least {}, at most {}", length(*allowed.start()), length(*allowed.end())))
}

/// A share, from 0 to 100 per cent; the sign may be left out.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let value: f64 =
        number.parse().map_err(|_| "not a percentage: write a number from 0 to 100, such as 95".to_owned())?;
    // NaN is in no range.
    if (0.0..=100.0).contains(&value) {
        Ok(value)
    } else {
        Err("out of range: a percentage goes from 0 to 100".to_owned())
    }
}

/// The name of a theme.
pub fn theme(text: &str) -> Result<String, String> {
    let known = THEMES.iter().find(|name| name.eq_ignore_ascii_case(text));
    known.map(|name| (*name).to_owned()).ok_or_else(|| {
        let hint = mistake::close(text, &THEMES).map(|name| format!("did you mean {name}? ")).unwrap_or_default();
        format!("no such theme: {hint}there are {}", THEMES.join(", "))
    })
}

/// A screen of the monitor, by its name.
pub fn screen(text: &str) -> Result<Screen, String> {
    let names = Screen::ALL.map(Screen::name);
    Screen::from_name(&text.to_ascii_lowercase()).ok_or_else(|| {
        let hint = mistake::close(text, &names).map(|name| format!("did you mean {name}? ")).unwrap_or_default();
        format!("no such screen: {hint}there are {}", names.join(", "))
    })
}

/// A check of the state of now, by its name.
pub fn switch(text: &str) -> Result<Switch, String> {
    let names = Switch::ALL.map(Switch::name);
    Switch::ALL.into_iter().find(|switch| switch.name() == text.trim()).ok_or_else(|| {
        let hint = mistake::close(text, &names).map(|name| format!("did you mean {name}? ")).unwrap_or_default();
        format!("no such check: {hint}there are {}", names.join(", "))
    })
}

/// A materialized view, as it is named in `refreshtop.views`.
pub fn view(text: &str) -> Result<ViewId, String> {
    if text.is_empty() || text.chars().count() > LONGEST_VIEW || text.chars().any(char::is_control) {
        return Err(format!("not the name of a view: 1 to {LONGEST_VIEW} characters, as in refreshtop.views"));
    }
    Ok(ViewId::new(text))
}

/// How much goes to the log.
pub fn log_level(text: &str) -> Result<Level, String> {
    let known = LOG_LEVELS.iter().find(|name| name.eq_ignore_ascii_case(text));
    known
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| format!("no such level: there are {}", LOG_LEVELS.join(", ")))
}

/// A file to write. Only the shell expands ~, and not in config files or after a =.
pub fn path(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("no file is named".to_owned()),
        _ if text.starts_with('~') => Err("~ is not expanded here: write out the folder".to_owned()),
        _ => Ok(text.into()),
    }
}

/// Yes or no, as people write it in the environment.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_limits() {
        assert_eq!(poll("1s"), Ok(SECOND));
        assert_eq!(poll("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(window("366d"), Ok(YEAR));
        assert_eq!(limit("1500ms"), Ok(Duration::from_millis(1500)));
        for wrong in ["999ms", "25h", "0s"] {
            assert_eq!(poll(wrong), Err("out of range: at least 1 s, at most 24 h".into()), "{wrong}");
        }
        for wrong in ["59s", "367d"] {
            assert_eq!(window(wrong), Err("out of range: at least 1 min, at most 366 days".into()), "{wrong}");
        }
        for wrong in ["", "30", "soon", "-5s", "5 parsecs", "99999999999999999999s"] {
            assert!(poll(wrong).unwrap_err().starts_with("not a duration"), "{wrong}");
        }
    }

    #[test]
    fn percentages_end_at_0_and_100() {
        assert_eq!(percent("95"), Ok(95.0));
        assert_eq!(percent("99.9 %"), Ok(99.9));
        assert_eq!(percent("0"), Ok(0.0));
        assert_eq!(percent("100"), Ok(100.0));
        for wrong in ["-0.1", "100.1", "NaN", "inf", "most"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_alone_is_on_the_loopback_address() {
        for (text, wanted) in
            [("9899", "127.0.0.1:9899"), (":1", "127.0.0.1:1"), ("0.0.0.0:80", "0.0.0.0:80"), ("[::1]:5", "[::1]:5")]
        {
            assert_eq!(listen(text).unwrap().to_string(), wanted);
        }
        assert_eq!(listen("db.example:80"), Ok(Listen { host: "db.example".into(), port: 80 }));
        for wrong in ["localhost", "70000", "localhost:70000", "::1:", "a/b:1", "evil@h:1"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(theme("Dark"), Ok("dark".into()));
        assert_eq!(theme("pink"), Err("no such theme: there are terminal, light, dark, colorblind, mono".into()));
        assert_eq!(log_level("debug"), Ok(Level::DEBUG));
        assert_eq!(log_level("all"), Err("no such level: there are error, warn, info, debug, trace".into()));
        assert_eq!(path("/x"), Ok("/x".into()));
        assert!(path("~/x").unwrap_err().contains("write out the folder"));
        assert_eq!(yes_or_no("YES"), Ok(true));
        assert_eq!(yes_or_no("0"), Ok(false));
        assert!(yes_or_no("maybe").is_err());
    }

    #[test]
    fn no_message_repeats_the_value() {
        let messages = [
            poll("hunter2").err(),
            percent("hunter2").err(),
            theme("hunter2").err(),
            log_level("hunter2").err(),
            yes_or_no("hunter2").err(),
        ];
        for message in messages {
            assert!(!message.unwrap().contains("hunter2"));
        }
    }
}
