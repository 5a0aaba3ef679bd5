//! Masks passwords in the process list.
//!
//! Every user of a machine can read a process's arguments. A program can't change its own without `unsafe`, but it can
//! replace itself by another start of itself: with the passwords masked, and the real arguments in a pipe.

use refreshtop_connect::secret::ConnectionUrl;
use rustix::{
    fd::{AsRawFd as _, OwnedFd},
    io::{FdFlags, fcntl_setfd},
    pipe::{PipeFlags, pipe_with},
};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Write as _},
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        process::CommandExt as _,
    },
    process::Command,
};

/// Process id and file descriptor of the pipe, separated by a colon.
const VARIABLE: &str = "REFRESHTOP_ARGUMENTS_PIPE";

/// Bytes that every pipe holds before anybody reads.
const PIPE: usize = 4096;

/// The real arguments of this process. If one of them holds a password, the process first replaces itself by one that has
/// it masked; the password was visible until then, for about a millisecond. If that fails, it stays visible.
pub fn arguments() -> Vec<OsString> {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some(real) = from_pipe() {
        return real;
    }
    let masked: Vec<OsString> = given.iter().map(|argument| mask(argument)).collect();
    if masked != given {
        // Returns only if it failed.
        let _ = start_again(&given, &masked);
    }
    given
}

/// The arguments that this process left for itself.
fn from_pipe() -> Option<Vec<OsString>> {
    let value = std::env::var(VARIABLE).ok()?;
    let (process, pipe) = value.split_once(':')?;
    // Children inherit the variable, but not the pipe.
    if process != std::process::id().to_string() {
        return None;
    }
    let pipe: u32 = pipe.parse().ok()?;
    let mut bytes = fs::read(format!("/dev/fd/{pipe}")).ok()?;
    // Each argument ends with a zero.
    (bytes.pop() == Some(0))
        .then(|| bytes.split(|byte| *byte == 0).map(|part| OsStr::from_bytes(part).into()).collect())
}

fn start_again(given: &[OsString], masked: &[OsString]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for argument in given {
        bytes.extend_from_slice(argument.as_bytes());
        bytes.push(0);
    }
    if bytes.len() > PIPE {
        return Err(io::ErrorKind::ArgumentListTooLong.into());
    }
    let (reader, writer): (OwnedFd, OwnedFd) = pipe_with(PipeFlags::CLOEXEC)?;
    File::from(writer).write_all(&bytes)?;
    fcntl_setfd(&reader, FdFlags::empty())?;
    let [name, rest @ ..] = masked else { return Ok(()) };
    let handle = format!("{}:{}", std::process::id(), reader.as_raw_fd());
    Err(Command::new(std::env::current_exe()?).arg0(name).args(rest).env(VARIABLE, handle).exec())
}

/// An argument as everybody may see it.
fn mask(argument: &OsStr) -> OsString {
    let Some(text) = argument.to_str() else { return argument.to_owned() };
    let (name, value) = match text.split_once('=') {
        Some((name, value)) if name.starts_with('-') => (Some(name), value),
        _ => (None, text),
    };
    let connection = value.contains("://") || value.contains('=');
    let url = ConnectionUrl::new(value);
    if !connection || !url.may_hold_password() {
        return argument.to_owned();
    }
    OsString::from_vec(name.map_or_else(|| url.to_string(), |name| format!("{name}={url}")).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_all_else_stays() {
        for (argument, wanted) in [
            ("postgres://bob:hunter2@h/app", "postgres://bob:***@h/app"),
            ("--url=postgres://bob:hunter2@h/app", "--url=postgres://bob:***@h/app"),
            ("--url=host=h password=hunter2", "--url=host=h password=***"),
            ("host=h password=hunter2", "host=h password=***"),
            ("postgres://bob:hun@ter2@h/app", "<connection string>"),
            ("postgres://bob@h/app", "postgres://bob@h/app"),
            ("--window=6h", "--window=6h"),
            ("--log-file=/tmp/password", "--log-file=/tmp/password"),
            ("*/10 * * * *", "*/10 * * * *"),
            ("monitor", "monitor"),
        ] {
            assert_eq!(mask(OsStr::new(argument)), wanted, "{argument}");
        }
    }
}
