//! Makes the files of a new cluster.

use crate::{ClusterError, Programs, account::Account, folder::Folder, server, watcher::Watcher};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    process::{Command, Stdio},
};

/// The superuser of every disposable cluster.
pub(super) const SUPERUSER: &str = "postgres";

/// Makes the data directory, with `password` for the superuser: a loopback port is open to every local account,
/// so nobody is trusted.
pub(super) async fn run(
    programs: &Programs,
    folder: &Folder,
    account: Account,
    watcher: &Watcher,
    password: &str,
) -> Result<(), ClusterError> {
    // In a file, since a process list shows arguments to everybody. It goes once initdb has read it.
    let pwfile = folder.path().join("password");
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&pwfile);
    let written = file.and_then(|mut file| writeln!(file, "{password}")).and_then(|()| account.give(&pwfile));
    written.map_err(ClusterError::files("writing the new cluster's password file"))?;

    let mut command = Command::new(programs.initdb());
    command.arg("-D").arg(folder.data()).arg("--pwfile").arg(&pwfile);
    command.args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]);
    command.stdin(Stdio::null());
    server::prepare(&mut command, account, watcher);
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output().await;
    let output = output.map_err(|source| ClusterError::Spawn { program: programs.initdb(), source })?;
    if !output.status.success() {
        let output_text = String::from_utf8_lossy(&output.stderr);
        return Err(ClusterError::Initdb {
            status: output.status.to_string(),
            output: server::last_lines(&output_text, 8),
        });
    }
    fs::remove_file(&pwfile).map_err(ClusterError::files("removing the new cluster's password file"))
}
