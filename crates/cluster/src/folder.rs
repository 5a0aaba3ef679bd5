//! The folder that holds everything of one cluster, marked by its owner.

use crate::{ClusterError, account::Account};
use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use uuid::Uuid;

/// Every folder's name begins so.
pub(super) const PREFIX: &str = "refreshtop-";

/// File that marks a folder as a cluster's. It holds the owner's pid, for people.
///
/// The lock on the folder shows whether the owner is alive, not that pid: the kernel releases a lock with the process,
/// reused pids and pids of other containers on a shared `/tmp` don't matter, two clean-ups exclude each other, and
/// systemd-tmpfiles leaves a locked folder alone.
pub(super) const OWNER: &str = "owner.pid";

/// Longest path of a Unix socket, in bytes, less the `/.s.PGSQL.65535` that the server appends.
const SOCKET_FOLDER_LIMIT: usize = 107 - 15;

/// A folder of mode 0700 that belongs to the server's account. Dropping removes it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The folder, open; closed on exec, so no child keeps the lock.
    _lock: File,
}

impl Folder {
    /// Makes the folder `path`, which must not exist yet.
    pub fn create(path: PathBuf, account: Account) -> Result<Self, ClusterError> {
        let make = || {
            DirBuilder::new().mode(0o700).create(&path)?;
            let lock = mark(&path)?;
            account.give(&path)?;
            Ok(lock)
        };
        match make() {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(source) => Err(ClusterError::Folder { path, source }),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The folder of the Unix socket; `None` if the path is too long for one.
    pub fn sockets(&self) -> Option<&Path> {
        Some(self.path()).filter(|path| path.as_os_str().len() <= SOCKET_FOLDER_LIMIT)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "the cluster's folder is left behind");
        }
    }
}

/// The lock comes before the mark, so that nobody sees a marked folder that is not locked yet.
fn mark(folder: &Path) -> io::Result<File> {
    let lock = File::open(folder)?;
    lock.try_lock()?;
    fs::write(folder.join(OWNER), format!("{}\n", std::process::id()))?;
    Ok(lock)
}

/// Removes a folder and all that is in it, the owner's mark last: a removal that is cut short can be taken up
/// again. A folder that is gone already counts as removed.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    // A process of the cluster that ends at this moment may still add a file.
    for _ in 0..40 {
        match remove_once(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => thread::sleep(Duration::from_millis(50)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
    remove_once(folder)
}

fn remove_once(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == OWNER {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    fs::remove_dir_all(folder)
}

/// A path in `base` that nobody else has.
pub(super) fn fresh_path(base: &Path) -> PathBuf {
    let random = Uuid::new_v4().simple().to_string();
    base.join(format!("{PREFIX}{}", &random[..12]))
}

/// Where folders go: `wanted`, else the system's folder for temporary files, else one that the server's account
/// can reach.
pub(super) fn base(wanted: Option<&Path>, account: Account) -> PathBuf {
    let system = env::temp_dir();
    let usual = [system.as_path(), Path::new("/tmp"), Path::new("/var/tmp")];
    let reachable = usual.into_iter().find(|base| account.reaches(base));
    wanted.or(reachable).unwrap_or(&system).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_locked_and_gone_after_use() {
        use std::os::unix::fs::PermissionsExt;
        let base = tempfile::tempdir().unwrap();
        let account = Account::of_server().unwrap();
        let folder = Folder::create(fresh_path(base.path()), account).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(path.join(OWNER).is_file());
        let second = File::open(&path).unwrap();
        assert!(matches!(second.try_lock(), Err(fs::TryLockError::WouldBlock)));
        fs::create_dir_all(path.join("data/base")).unwrap();
        drop(folder);
        assert!(!path.exists());
        assert!(remove(&path).is_ok(), "removed twice is removed");
        fs::create_dir(&path).unwrap();
        assert!(Folder::create(path, account).is_err(), "somebody else's folder is not taken over");
    }

    #[test]
    fn a_long_path_means_no_socket() {
        let base = tempfile::tempdir().unwrap();
        let long = base.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        let account = Account::of_server().unwrap();
        assert!(Folder::create(fresh_path(&long), account).unwrap().sockets().is_none());
        assert!(Folder::create(fresh_path(base.path()), account).unwrap().sockets().is_some());
    }
}
