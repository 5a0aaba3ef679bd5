//! Ends the cluster when this process is gone, however it ended: `SIGKILL`, `exit` without dropping statics, abort.
//!
//! A `sh` waits for the end of its standard input, a pipe whose other end only this process has. It leads the
//! process group that `initdb` and `postgres` join, so it reaches them without a pid that may be reused, and
//! Ctrl-C in the terminal, which goes to the terminal's group, reaches neither.

use crate::{ClusterError, account::Account};
use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// `$1` is the cluster's folder. Signals that go to the whole group are ignored here, inherited by `sleep`.
///
/// The wait on `postmaster.pid` only takes time: a pid reused by another process only costs five seconds.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
while read -r _; do :; done
[ -d "$1" ] || exit 0
running() { pid=; read -r pid <"$1/data/postmaster.pid" && kill -0 "$pid"; }
kill -INT 0
i=0
while running "$1" && [ $i -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
kill -QUIT 0
i=0
while [ $i -lt 50 ]; do
    find "$1" -mindepth 1 -maxdepth 1 ! -name owner.pid -exec rm -rf {} +
    if ! running "$1" && rm -rf "$1"; then break; fi
    sleep 0.1; i=$((i + 1))
done
[ ! -d "$1" ] || kill -KILL 0
"#;

/// The watching process. Dropping it is the signal that it waits for.
#[derive(Debug)]
pub(super) struct Watcher {
    child: Child,
}

impl Watcher {
    /// Starts to watch over `folder`, which need not exist yet.
    pub fn start(folder: &Path, account: Account) -> Result<Self, ClusterError> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("refreshtop-watcher").arg(folder).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        account.apply(&mut command);
        let failed = |source| ClusterError::Spawn { program: PathBuf::from("/bin/sh"), source };
        Ok(Self { child: command.spawn().map_err(failed)? })
    }

    /// Lets `command` join the watched process group.
    pub fn watch(&self, command: &mut Command) {
        // A pid is a positive i32 on every system that we run on.
        command.process_group(self.child.id().cast_signed());
    }

    /// The watching process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // With the folder removed it ends at once; else it ends what is left, and that is worth waiting for.
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "the watcher was not there any more");
        }
    }
}
