//! Asks the person at the terminal for the password where the server wants one and nothing gave it.

use crate::command::{Failure, signals::StopSignals};
use refreshtop_connect::{ConnectError, Connected, Kind, Limits, Target, connect, secret::Secret};
use refreshtop_core::{exit, sanitize::printable};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    time::Duration,
};

/// Longest wait for a server to say whether it wants a password: a monitor must open where there is none as well.
const PATIENCE: Duration = Duration::from_secs(3);

/// Passwords that may be typed, as with ssh: servers lock accounts that knock too often.
const TRIES: usize = 3;

/// `target`, with a password typed at the terminal where its server wants one and none is known. As psql does, it
/// tries without one first. Where there is no terminal nobody is asked.
///
/// # Errors
/// Nothing was typed, or thrice a wrong password.
pub async fn ask(target: Target) -> Result<Target, Failure> {
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
                // A terminal that is gone shows at the next question.
                let _ = writeln!(terminal, "refreshtop: {}", printable(&error.to_string()));
            }
            Err(error) if error.kind == Kind::PasswordWrong => return Err(error.into()),
            // Whatever else is wrong, the command meets it again and says so.
            _ => return Ok(given),
        }
    }
}

async fn log_in(target: &Target) -> Result<Connected, ConnectError> {
    connect(target, "log-in", &Limits::READING).await
}

/// What is typed, unseen.
async fn typed(terminal: &File, target: &Target) -> Result<Secret, Failure> {
    let missing = |why: &str| {
        let fix = "put it into ~/.pgpass or PGPASSWORD where nobody can type it";
        Failure::new(exit::CANNOT_CONNECT, format!("{target} wants a password and {why}; {fix}"))
    };
    let mut signals = StopSignals::listen()?;
    // Before the question: who answers at once is not shown either, and Ctrl-D means what it means later.
    let _unseen = Unseen::on(terminal).map_err(|_| missing("the terminal can't be asked"))?;
    let question = printable(&format!("Password for {target}: "));
    // A thread that nobody waits for: while it reads, a signal must still end the program.
    let (tell, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || tell.send(rpassword::prompt_password(question).map(Secret::new)));
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(secret)) if !secret.expose().is_empty() => Ok(secret),
            Ok(Err(error)) if error.kind() != ErrorKind::Interrupted => Err(missing("the terminal can't be asked")),
            _ => Err(missing("none was typed")),
        },
        () = signals.recv() => Err(missing("a signal came first")),
    }
}

/// While it lives the terminal does not show what is typed. Afterwards it is as it was, however that ends.
struct Unseen<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Unseen<'a> {
    fn on(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut unseen = before.clone();
        // As the reader wants it: the end of the input, typed while lines are still collected, would reach it as a
        // character like any other.
        unseen.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        unseen.special_codes[SpecialCodeIndex::VMIN] = 1;
        unseen.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &unseen)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
