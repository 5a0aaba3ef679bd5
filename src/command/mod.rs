//! One file for each command of the program.

pub mod demo;
pub mod migrate;
pub mod monitor;

use std::fmt;

/// A command that failed: one sentence for people, a code for scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One of [`crate::exit`].
    pub code: u8,
    message: String,
}

impl Failure {
    /// Builds one.
    #[must_use]
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
