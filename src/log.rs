//! The program's own log: a file, never the terminal, which shows the screen.
//!
//! Off by default. Connection strings and passwords have no way to print themselves ([`refreshtop_connect::secret`]), and
//! the drivers' own lines are left out below warnings, since they repeat statements and their parameters.

use crate::settings::Log;
use refreshtop_core::sanitize::printable;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _};

/// Size in bytes at which the file is renamed and a new one begun; together they take twice that.
const LIMIT: u64 = 10 * 1024 * 1024;

/// Flushes the log when it is dropped: keep it until the program ends.
pub struct Guard {
    _worker: WorkerGuard,
}

/// Starts the log for the whole process.
///
/// # Errors
/// The file can't be written, or a log was started before.
pub fn start(log: &Log) -> io::Result<Guard> {
    let (writer, worker) = open(log)?;
    tracing::subscriber::set_global_default(subscriber(writer, log.level)).map_err(io::Error::other)?;
    Ok(Guard { _worker: worker })
}

fn open(log: &Log) -> io::Result<(NonBlocking, WorkerGuard)> {
    // The user's state folder may be missing. If the user named the file, a missing folder is a mistake.
    if log.usual
        && let Some(folder) = log.file.parent()
    {
        std::fs::create_dir_all(folder).map_err(|error| failed(&log.file, &error))?;
    }
    writer(&log.file)
}

fn writer(path: &Path) -> io::Result<(NonBlocking, WorkerGuard)> {
    let file = Bounded::open(path, LIMIT).map_err(|error| failed(path, &error))?;
    Ok(tracing_appender::non_blocking(file))
}

fn failed(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write the log {}: {error}", path.display()))
}

fn subscriber(writer: NonBlocking, level: Level) -> impl tracing::Subscriber + Send + Sync {
    let targets = Targets::new().with_default(level.min(Level::WARN)).with_target("refreshtop", level);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// A file that does not grow without end: at the limit it is renamed to `NAME.old`, over the one before it.
struct Bounded {
    path: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl Bounded {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, written, limit })
    }

    fn renew(&mut self) -> io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".old");
        std::fs::rename(&self.path, aside)?;
        self.file = append_to(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

/// Opens for appending; a new file is for its owner alone, since error messages can quote the application's data.
fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // If the file can't be renamed (such as a device), it grows rather than lose lines.
        if self.written >= self.limit && self.renew().is_err() {
            self.written = 0;
        }
        // One event is one write. It may quote hostile text, which must not control the terminal of a reader or look like
        // another event.
        let line = printable(&String::from_utf8_lossy(bytes)) + "\n";
        self.file.write_all(line.as_bytes())?;
        self.written += line.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refreshtop_connect::secret::{ConnectionUrl, Secret};

    #[test]
    fn lines_go_to_the_file_and_hold_nothing_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refreshtop.log");
        let (writer, worker) = writer(&path).unwrap();
        tracing::subscriber::with_default(subscriber(writer, Level::DEBUG), || {
            let url = ConnectionUrl::new("postgres://bob:hunter2@h/app");
            tracing::info!(target: "refreshtop_db", %url, password = ?Secret::new("hunter2"), "connecting\x1b[31m");
            tracing::info!(target: "refreshtop_db", "forged\n2026-01-01T00:00:00Z ERROR x: \u{9b}2J\u{202e}y");
            tracing::debug!(target: "tokio_postgres::query", "executing with hunter2");
            tracing::trace!(target: "refreshtop_db", "too fine");
        });
        drop(worker);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("postgres://bob:***@h/app"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains('\x1b') && !text.contains("too fine"), "{text}");
        // A second line of an event is moved in.
        assert_eq!(text.lines().filter(|line| !line.starts_with("  ")).count(), 2, "{text}");
        assert!(text.lines().all(refreshtop_core::sanitize::is_safe), "{text:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn it_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut file = Bounded::open(&path, 100).unwrap();
        for _ in 0..50 {
            file.write_all(b"012345678\n").unwrap();
        }
        let sizes: u64 = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(sizes <= 200, "{sizes}");
        assert!(folder.path().join("x.log.old").exists());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = writer(Path::new("/proc/nowhere/x.log")).err().unwrap().to_string();
        assert!(error.contains("cannot write the log /proc/nowhere/x.log"), "{error}");
    }

    #[test]
    fn a_folder_that_a_person_named_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("misspelt/x.log");
        let log = Log { file, level: Level::INFO, usual: false };
        let error = open(&log).err().unwrap().to_string();
        assert!(error.contains("misspelt/x.log: No such file or directory"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(open(&Log { usual: true, ..log }).unwrap());
        assert!(folder.path().join("misspelt/x.log").exists());
    }
}
