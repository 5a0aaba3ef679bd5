//! The running server process.

use crate::{ClusterError, Programs, account::Account, folder::Folder, watcher::Watcher};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it accepts connections; after a crash it has to recover first.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Signals that end a server, each with the time that it gets: fast shutdown, immediate shutdown, no choice.
const SHUTDOWN: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(8)),
    (Signal::QUIT, Duration::from_secs(4)),
    (Signal::KILL, Duration::from_secs(4)),
];

/// Why there is no server after a start.
pub(super) enum StartError {
    /// Another program has the port.
    PortTaken(ClusterError),
    /// Processes of the server that ran before are still on their way out.
    StillEnding(ClusterError),
    /// Trying again would change nothing.
    Final(ClusterError),
}

impl From<StartError> for ClusterError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::PortTaken(error) | StartError::StillEnding(error) | StartError::Final(error) => error,
        }
    }
}

/// A running `postgres`, our direct child. Dropping stops it.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
    pub async fn start(
        programs: &Programs,
        folder: &Folder,
        account: Account,
        watcher: &Watcher,
        port: u16,
    ) -> Result<Self, StartError> {
        let (log, logged) = open_log(&folder.log(), account)
            .map_err(ClusterError::files("opening the server's log"))
            .map_err(StartError::Final)?;
        let mut command = Command::new(programs.postgres());
        command.arg("-D").arg(folder.data()).arg("-p").arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        prepare(&mut command, account, watcher);
        let spawned = command.spawn().map_err(|source| ClusterError::Spawn { program: programs.postgres(), source });
        let child = spawned.map_err(StartError::Final)?;
        let mut server = Self { child, folder: folder.path().to_owned() };
        server.until_ready(folder, logged).await?;
        Ok(server)
    }

    async fn until_ready(&mut self, folder: &Folder, logged: u64) -> Result<(), StartError> {
        let pid_file = folder.data().join("postmaster.pid");
        let since = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return Err(died(status, &log_since(&folder.log(), logged)));
            }
            if fs::read_to_string(&pid_file).is_ok_and(|content| is_ready(&content, self.pid())) {
                return Ok(());
            }
            if since.elapsed() > START_LIMIT {
                let log = last_lines(&log_since(&folder.log(), logged), 8);
                return Err(StartError::Final(ClusterError::NotReady { waited: START_LIMIT, log }));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Stops the server and blocks until it is gone.
    pub fn stop(&mut self) -> Result<(), ClusterError> {
        for (signal, limit) in SHUTDOWN {
            if self.signal_and_wait(signal, limit) {
                return Ok(());
            }
        }
        Err(ClusterError::Unstoppable { pid: self.pid(), folder: self.folder.clone() })
    }

    /// Ends the server process as a crash would.
    pub fn kill(&mut self) {
        self.signal_and_wait(Signal::KILL, SHUTDOWN[2].1);
    }

    /// The child isn't reaped before it is seen to have ended, so its pid can't be another's here.
    fn signal_and_wait(&mut self, signal: Signal, limit: Duration) -> bool {
        let since = Instant::now();
        if self.exited().is_some() {
            return true;
        }
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, signal).ok();
        }
        while since.elapsed() < limit {
            if self.exited().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!("{error}");
        }
    }
}

/// What `initdb` and `postgres` have in common: account, process group, and an environment in which nobody's
/// `PGDATA`, `PGPORT` or `PGOPTIONS` counts and messages are in English.
pub(super) fn prepare(command: &mut Command, account: Account, watcher: &Watcher) {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").current_dir("/");
    account.apply(command);
    watcher.watch(command);
}

/// The pid file's first line is the server's pid, its eighth the state that `pg_ctl` waits for as well.
fn is_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    let ours = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    ours && lines.nth(6).is_some_and(|state| matches!(state.trim(), "ready" | "standby"))
}

/// Its state line names the process; kept here since both files are the server's.
pub(super) fn recorded_pid(data: &Path) -> Option<Pid> {
    let content = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    content.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)
}

fn died(status: ExitStatus, log: &str) -> StartError {
    let error = ClusterError::Died { status: status.to_string(), log: last_lines(log, 8) };
    if log.contains("Address already in use") {
        StartError::PortTaken(error)
    } else if log.contains("pre-existing shared memory block") || log.contains("\"postmaster.pid\" already exists") {
        StartError::StillEnding(error)
    } else {
        StartError::Final(error)
    }
}

/// The log, to be appended to, and its length so far.
fn open_log(path: &Path, account: Account) -> io::Result<(File, u64)> {
    let log = File::options().create(true).append(true).open(path)?;
    account.give(path)?;
    let length = log.metadata()?.len();
    Ok((log, length))
}

/// The log beyond its first `from` bytes, as far as it can be read.
fn log_since(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(64 * 1024).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// The last `count` lines of `text`.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_our_pid_and_the_state() {
        let file = |state: &str| format!("4711\n/data\n1700000000\n5432\n/tmp\n127.0.0.1\n  1 2\n{state}\n");
        assert!(is_ready(&file("ready   "), 4711));
        assert!(is_ready(&file("standby "), 4711));
        assert!(!is_ready(&file("starting"), 4711));
        assert!(!is_ready(&file("ready   "), 4712), "another server's file");
        assert!(!is_ready("4711\n", 4711), "half written");
    }

    #[test]
    fn the_end_of_a_log_is_kept() {
        assert_eq!(last_lines("a\nb\nc\n\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
