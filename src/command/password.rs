//! Prompts for the password if the server wants one and none is set.

use crate::command::{Failure, signals::StopSignals};
use refreshtop_connect::{ConnectError, Connected, Kind, Limits, Target, connect, secret::Secret};
use refreshtop_core::{exit, sanitize::printable};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    time::Duration,
};

/// Longest wait to learn whether the server wants a password: a monitor must open without a server too.
const PATIENCE: Duration = Duration::from_secs(3);

/// Passwords that may be typed, as with ssh: servers lock accounts after repeated failures.
const TRIES: usize = 3;

/// `target`, with a password from the terminal if its server wants one and none is set. Like psql, it tries without one
/// first. Without a terminal there is no prompt.
///
/// # Errors
/// Nothing was typed, or thrice a wrong password.
pub async fn complete(target: Target) -> Result<Target, Failure> {
    if target.has_password() {
        return Ok(target);
    }
    let Ok(mut terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(target) };
    match tokio::time::timeout(PATIENCE, log_in(&target)).await {
        Ok(Err(ConnectError { kind: Kind::PasswordMissing, .. })) => {}
        _ => return Ok(target),
    }
    let mut tries = 1;
    loop {
        let given = target.clone().with_password(&typed(&terminal, &target).await?);
        match log_in(&given).await {
            Err(error) if error.kind == Kind::PasswordWrong && tries < TRIES => {
                tries += 1;
                // If the terminal is gone, the next prompt fails.
                let _ = writeln!(terminal, "refreshtop: {}", printable(&error.to_string()));
            }
            Err(error) if error.kind == Kind::PasswordWrong => return Err(error.into()),
            // The command fails for any other reason as well, and reports it.
            _ => return Ok(given),
        }
    }
}

async fn log_in(target: &Target) -> Result<Connected, ConnectError> {
    connect(target, "log-in", &Limits::READING).await
}

/// Reads a password without echo.
async fn typed(terminal: &File, target: &Target) -> Result<Secret, Failure> {
    let missing = |why: &str| {
        let fix = "put it into ~/.pgpass or PGPASSWORD if nobody can type it";
        Failure::new(exit::CANNOT_CONNECT, format!("{target} wants a password and {why}; {fix}"))
    };
    let mut signals = StopSignals::listen()?;
    // Before the prompt, so that early keys are not echoed, and Ctrl-D has the same meaning from the start.
    let _hidden = NoEcho::on(terminal).map_err(|_| missing("the terminal can't be read"))?;
    let prompt = printable(&format!("Password for {target}: "));
    // On a thread that nothing joins: while it reads, a signal must still end the program.
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(rpassword::prompt_password(prompt).map(Secret::new)));
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(secret)) if !secret.expose().is_empty() => Ok(secret),
            Ok(Err(error)) if error.kind() != ErrorKind::Interrupted => Err(missing("the terminal can't be read")),
            _ => Err(missing("none was typed")),
        },
        () = signals.recv() => Err(missing("a signal came first")),
    }
}

/// Switches echo off, and restores the terminal when it is dropped.
struct NoEcho<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> NoEcho<'a> {
    fn on(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        // As rpassword sets it: Ctrl-D that is typed while the terminal still collects lines would otherwise become an
        // ordinary character.
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for NoEcho<'_> {
    fn drop(&mut self) {
        // Ignore the error: the terminal may be gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
