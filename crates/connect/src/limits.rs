//! Limits of a session.

use std::time::Duration;

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

    /// For work that writes and may take its time: the server, or the function that is called, decides how long. Set
    /// explicitly, since a role may have other defaults.
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

    /// A session that sets nothing else leaves this alone as well.
    fn access(&self) -> Option<&'static str> {
        match (self.read_only, self.statement_timeout) {
            (true, _) => Some("on"),
            (false, Some(_)) => Some("off"),
            (false, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_parameters() {
        assert!(Limits::default().parameters().is_empty());
        let limits = Limits { lock_timeout: Some(Duration::from_millis(1500)), ..Limits::default() };
        assert_eq!(limits.parameters(), [("lock_timeout", "1500ms".to_owned())]);
    }
}
