//! Settings of a session, and the `options` of a connection, which carry them to the server.

use std::{fmt::Write as _, time::Duration};

/// Limits that the server enforces on a session; `None` leaves one as the server has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Longest statement (`statement_timeout`).
    pub statement_timeout: Option<Duration>,
    /// Longest wait for a lock (`lock_timeout`).
    pub lock_timeout: Option<Duration>,
    /// Longest pause inside a transaction (`idle_in_transaction_session_timeout`).
    pub idle_in_transaction_timeout: Option<Duration>,
    /// Whether its transactions only read, unless one says otherwise (`default_transaction_read_only`).
    pub read_only: bool,
}

impl Limits {
    /// For short reads: a monitor must not burden a server that is in trouble.
    pub const READING: Self = Self {
        statement_timeout: Some(Duration::from_secs(10)),
        lock_timeout: Some(Duration::from_secs(2)),
        idle_in_transaction_timeout: Some(Duration::from_secs(30)),
        read_only: true,
    };

    /// For work that writes and may take its time: the server, or the function that is called, says how long. Said, not
    /// left out: a role may have been given other defaults.
    pub const WRITING: Self = Self {
        statement_timeout: Some(Duration::ZERO),
        lock_timeout: Some(Duration::from_secs(30)),
        idle_in_transaction_timeout: Some(Duration::from_mins(5)),
        read_only: false,
    };

    /// Names and values of what is set, as PostgreSQL writes them.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        [
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            ("idle_in_transaction_session_timeout", self.idle_in_transaction_timeout),
        ]
        .into_iter()
        .filter_map(|(name, limit)| Some((name, format!("{}ms", limit?.as_millis()))))
        .chain(self.access().map(|access| ("default_transaction_read_only", access.to_owned())))
        .collect()
    }

    /// A session that sets nothing else says nothing of this either.
    fn access(&self) -> Option<&'static str> {
        match (self.read_only, self.statement_timeout) {
            (true, _) => Some("on"),
            (false, Some(_)) => Some("off"),
            (false, None) => None,
        }
    }
}

/// Reads libpq's `options`, of which `-c name=value` and `--name=value` are understood: the drivers can pass on no
/// others. `None` for anything else.
pub(super) fn parse(options: &str) -> Option<Vec<(String, String)>> {
    let mut words = words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next()?,
            Some(rest) => rest.to_owned(),
            None => return None,
        };
        let (name, value) = setting.split_once('=')?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

/// Splits at white space; a backslash takes the next character as it is.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            if inside {
                words.push(std::mem::take(&mut word));
            }
            inside = false;
            continue;
        }
        inside = true;
        word.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    if inside {
        words.push(word);
    }
    words
}

/// Writes `-c name=value …`; `None` where there is nothing to say, since some poolers refuse even empty options.
pub(super) fn write(settings: impl IntoIterator<Item = (String, String)>) -> Option<String> {
    let mut text = String::new();
    for (name, value) in settings {
        let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
        let separator = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{separator}-c {name}={value}");
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn options_survive_the_way_there_and_back() {
        let settings = parse(r"-c geqo=off --work-mem=4MB -csearch_path=a,\ b\\c").unwrap();
        assert_eq!(settings, [pair("geqo", "off"), pair("work_mem", "4MB"), pair("search_path", r"a, b\c")]);
        let text = write(settings.clone()).unwrap();
        assert_eq!(text, r"-c geqo=off -c work_mem=4MB -c search_path=a,\ b\\c");
        assert_eq!(parse(&text), Some(settings));
        assert_eq!((parse("  "), write([])), (Some(Vec::new()), None));
    }

    #[test]
    fn other_switches_are_refused() {
        for text in ["-c", "-c geqo", "-S 4", "geqo=off", "--geqo"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn limits_become_parameters() {
        assert!(Limits::default().parameters().is_empty());
        let limits = Limits { lock_timeout: Some(Duration::from_millis(1500)), ..Limits::default() };
        assert_eq!(limits.parameters(), [("lock_timeout", "1500ms".to_owned())]);
    }
}
