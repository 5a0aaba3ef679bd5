//! Cleans up after runs that were killed together with their watcher.
//!
//! A folder is ours to clean only if its name, its account and the owner file in it say so, and only if nobody holds a
//! lock on it: a living owner has the lock.

use crate::{
    ClusterError,
    account::Account,
    folder::{self, OWNER, PREFIX},
    server,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

/// Stops and removes every abandoned cluster in `temp_dir`, or in the default folder, and returns the folders that it
/// removed. Blocks while it waits for a server to end.
///
/// # Errors
/// There is no account to run a server as; a folder that can't be removed is left and only logged.
pub fn clean(temp_dir: Option<&Path>) -> Result<Vec<PathBuf>, ClusterError> {
    let account = Account::of_server()?;
    let base = folder::base(temp_dir, account);
    let entries = fs::read_dir(&base).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| is_ours(path, account));
    Ok(folders.filter(|folder| remove_abandoned(folder)).collect())
}

/// By name and account. `symlink_metadata` and a folder: a link must not lead us elsewhere.
fn is_ours(path: &Path, account: Account) -> bool {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    named && fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == account.uid)
}

fn remove_abandoned(folder: &Path) -> bool {
    // Held until the end, so that two runs don't clean the same folder.
    let Ok(Some(_lock)) = lock_of_abandoned(folder) else { return false };
    end_server(&folder.join("data"));
    match folder::remove(folder) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "an abandoned cluster could not be removed");
            false
        }
    }
}

/// The lock on a marked folder; `None` while its owner is alive.
fn lock_of_abandoned(folder: &Path) -> io::Result<Option<File>> {
    if !fs::symlink_metadata(folder.join(OWNER))?.is_file() {
        return Ok(None);
    }
    let lock = File::open(folder)?;
    Ok(lock.try_lock().is_ok().then_some(lock))
}

/// Ends the server on this data directory, if the recorded pid really is one: pids are reused. Immediate
/// shutdown, since nothing of the data is kept.
fn end_server(data: &Path) {
    let Some(pid) = server::recorded_pid(data) else { return };
    for signal in [Signal::QUIT, Signal::KILL] {
        for attempt in 0..100 {
            // An ended process that nobody has collected yet serves nothing, so it isn't waited for.
            if !serves(pid, data) {
                return;
            }
            if attempt == 0 {
                kill_process(pid, signal).ok();
            }
            thread::sleep(Duration::from_millis(30));
        }
    }
}

fn serves(pid: Pid, data: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    if Path::new("/proc/self").exists() {
        // A server's working directory is its data directory.
        let is_postgres = fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("postgres"));
        return is_postgres && fs::read_link(process.join("cwd")).is_ok_and(|cwd| same(&cwd, data));
    }
    // Elsewhere its command line shows it: we start it with the data directory as an argument.
    let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    let line = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    line.contains("postgres") && line.contains(&*data.to_string_lossy())
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || b.canonicalize().is_ok_and(|b| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_in(base: &Path, name: &str, owner: bool) -> PathBuf {
        let folder = base.join(name);
        fs::create_dir_all(folder.join("data")).unwrap();
        if owner {
            fs::write(folder.join(OWNER), "1\n").unwrap();
        }
        let account = Account::of_server().unwrap();
        account.give(&folder).unwrap();
        folder
    }

    #[test]
    fn takes_only_what_is_ours_and_abandoned() {
        let base = tempfile::tempdir().unwrap();
        let abandoned = folder_in(base.path(), "refreshtop-abandoned", true);
        let unmarked = folder_in(base.path(), "refreshtop-unmarked", false);
        let other = folder_in(base.path(), "somebody-elses", true);
        let living = folder_in(base.path(), "refreshtop-living", true);
        let lock = File::open(&living).unwrap();
        lock.try_lock().unwrap();
        let linked = base.path().join("refreshtop-link");
        std::os::unix::fs::symlink(&other, &linked).unwrap();

        assert_eq!(clean(Some(base.path())).unwrap(), [abandoned]);
        assert!(unmarked.exists() && other.exists() && living.exists() && linked.exists());
        drop(lock);
        // A child that another test starts at this moment holds the lock as well until it runs its own program.
        let mut removals = (0..500).map(|_| {
            thread::sleep(Duration::from_millis(10));
            clean(Some(base.path())).unwrap()
        });
        assert_eq!(removals.find(|removed| !removed.is_empty()), Some(vec![living]));
    }

    #[test]
    fn a_reused_pid_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let folder = folder_in(base.path(), "refreshtop-reused", true);
        let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(folder.join("data/postmaster.pid"), format!("{}\n", bystander.id())).unwrap();
        assert_eq!(clean(Some(base.path())).unwrap(), [folder]);
        assert!(bystander.try_wait().unwrap().is_none(), "it still sleeps");
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }

    #[test]
    fn another_accounts_folder_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let folder = folder_in(base.path(), "refreshtop-foreign", true);
        // Only root can give a folder away; an ordinary user has no foreign folder to try with.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&folder, Some(12_345), None).unwrap();
            assert!(clean(Some(base.path())).unwrap().is_empty());
            assert!(folder.exists());
        }
    }
}
