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

/// Asks before something is taken away: `announced` is what the command does, as in "deletes 3 rows". With `yes` nobody is
/// asked.
///
/// # Errors
/// Nobody agreed, or nobody can be asked.
pub fn required(announced: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        let why = format!(
            "nothing was changed: this {announced}; it needs confirmation, and standard input is not a terminal: add --yes \
             to skip confirmation"
        );
        return Err(Failure::new(exit::USAGE, why));
    }
    if confirmed(&format!("This {announced}."))? {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, "nothing was changed"))
}
