//! One file for each command of the program.

pub mod demo;
pub mod migrate;
pub mod monitor;

use crate::sanitize::printable;
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

/// What it says may quote a server, a file or a name: it prints as [`printable`] text only.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.message))
    }
}

impl std::error::Error for Failure {}
