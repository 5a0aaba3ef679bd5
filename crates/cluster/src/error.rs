//! What can go wrong with a disposable cluster. No message carries a password.

use crate::programs::ProgramsError;
use std::{io, path::PathBuf, time::Duration};

/// Why there is no cluster, in one sentence that says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The server programs aren't there.
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    /// `pg_cron` was required.
    #[error("pg_cron is not installed for PostgreSQL {major}; install it (Debian, Ubuntu: postgresql-{major}-cron)")]
    NoCron {
        /// Major version of the server that was found.
        major: u32,
    },
    /// Root without an account to drop to.
    #[error(
        "PostgreSQL refuses to run as root and /etc/passwd has neither an account postgres nor nobody; \
         run as an ordinary user"
    )]
    NoAccount,
    /// No place for the files.
    #[error("the cluster's folder {} could not be made: {source}; set TMPDIR to another place", .path.display())]
    Folder {
        /// Where it was tried.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of the cluster could not be read or written.
    #[error("{what} failed: {source}; is the disk full?")]
    Files {
        /// What was being done.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error("{} could not be started: {source}; check that this account may run it", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `initdb` gave up.
    #[error("initdb failed ({status}); its output:\n{output}")]
    Initdb {
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// The server ended instead of starting.
    #[error("PostgreSQL ended while starting ({status}), the end of its log:\n{log}")]
    Died {
        /// How it ended.
        status: String,
        /// The last lines of its log since this start.
        log: String,
    },
    /// The server runs but takes no connections.
    #[error("PostgreSQL took no connections within {} s, the end of its log:\n{log}", .waited.as_secs())]
    NotReady {
        /// How long it was waited for.
        waited: Duration,
        /// The last lines of its log since this start.
        log: String,
    },
    /// The server outlived every signal.
    #[error("PostgreSQL (pid {pid}) could not be stopped; end it by hand and remove {}", .folder.display())]
    Unstoppable {
        /// The server's process.
        pid: u32,
        /// The cluster's folder.
        folder: PathBuf,
    },
}

impl ClusterError {
    pub(super) fn files(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Files { what, source }
    }
}
