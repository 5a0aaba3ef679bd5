//! One file for each command of the program.

pub mod check;
pub mod cleanup;
pub mod complete;
pub mod config;
pub mod confirm;
mod connect_failure;
pub mod default_view;
pub mod definitions;
pub mod demo;
pub mod doctor;
pub mod incidents;
pub mod interrupt;
pub mod job;
pub mod metrics;
pub mod migrate;
pub mod monitor;
pub mod password;
pub mod report;
pub mod runs;
pub mod schedule;
pub mod session;
pub mod signals;
pub mod stats;
pub mod status;
pub mod stdout_closed;
pub mod trigger;
pub mod views;

use refreshtop_core::{exit, sanitize::printable};
use std::fmt;

/// A command that failed: one sentence for people, a code for scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One of [`refreshtop_core::exit`].
    pub code: u8,
    message: String,
    answered: bool,
}

impl Failure {
    /// A failure with a sentence.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), answered: false }
    }

    /// Ends a command that has printed its answer already: only the exit code is left.
    pub fn silent(code: u8) -> Self {
        Self { code, message: String::new(), answered: true }
    }

    /// A failure whose JSON was printed already; the sentence is still to be printed.
    pub fn answered(self) -> Self {
        Self { answered: true, ..self }
    }

    /// Whether there is nothing to print.
    pub fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    /// Whether the JSON is still to be printed.
    pub fn wants_answer(&self) -> bool {
        !self.answered
    }

    /// Its code's name in JSON.
    pub fn name(&self) -> &'static str {
        match self.code {
            exit::USAGE => "usage",
            exit::NOT_MIGRATED => "not_migrated",
            exit::CANNOT_CONNECT => "cannot_connect",
            exit::ALREADY_RUNNING => "already_running",
            exit::NOT_PERMITTED => "not_permitted",
            exit::SETTINGS => "settings",
            _ => "failed",
        }
    }
}

/// The sentence may quote a server, a file or a name: it prints as [`printable`] text only.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.message))
    }
}

impl std::error::Error for Failure {}
