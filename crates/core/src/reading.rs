//! A part of the system that could be read, or the reason why not.

/// Why a part of the screen has no value, and what would fix it. Both are one sentence, without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What is missing, e.g. `role app may not read metrics_refresh_log`.
    pub reason: String,
    /// What to do about it, e.g. `GRANT refreshtop_admin TO app`. Empty if nothing is known to help.
    pub fix: String,
    /// Whether it is known not to exist; otherwise it could not be read.
    pub missing: bool,
}

impl Unavailable {
    /// Builds one from a reason and a fix.
    pub fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into(), missing: false }
    }

    /// The same, of something that does not exist.
    pub fn missing(self) -> Self {
        Self { missing: true, ..self }
    }
}

/// The value of one part, or why it can't be read. Each part of the screen fails by itself.
pub type Reading<T> = Result<T, Unavailable>;
