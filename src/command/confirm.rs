//! Confirmation on the terminal before something is changed.

use crate::command::Failure;
use refreshtop_core::{exit, sanitize::printable};
use std::io::{self, IsTerminal as _, Write as _};

/// Whether standard input is a terminal.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Prints what will be done, and reads whether to continue.
pub fn confirmed(announced: &str) -> Result<bool, Failure> {
    let failure = |error: io::Error| Failure::new(exit::FAILURE, error.to_string());
    write!(io::stderr(), "{} Continue? [y/N] ", printable(announced)).map_err(failure)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failure)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
