//! The account that the server runs as. `initdb` and `postgres` refuse root.

use crate::ClusterError;
use std::{
    fs, io,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

/// Accounts that root drops to, best first. `nobody` is for a PostgreSQL that came without an account.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Who runs the server and owns its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    gid: u32,
    /// We are root and become this account.
    drop_to: bool,
}

impl Account {
    /// Our own account, or for root the unprivileged one that it drops to.
    pub fn of_server() -> Result<Self, ClusterError> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            let gid = rustix::process::getegid().as_raw();
            return Ok(Self { uid: uid.as_raw(), gid, drop_to: false });
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(|_| ClusterError::NoAccount)?;
        UNPRIVILEGED.iter().find_map(|name| in_passwd(&passwd, name)).ok_or(ClusterError::NoAccount)
    }

    /// Lets `command` run as this account.
    ///
    /// With a uid and no groups given, the standard library also clears root's supplementary groups before
    /// `setuid`, so no `setpriv` is needed around it; `tests/net/cluster.rs` watches that.
    pub fn apply(self, command: &mut Command) {
        if self.drop_to {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives `path` to this account.
    pub fn give(self, path: &Path) -> io::Result<()> {
        if self.drop_to { chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Whether this account can get at what lies in `folder`: root's own folders are closed to the one that it
    /// drops to.
    pub fn reaches(self, folder: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let open = |folder: &Path| fs::metadata(folder).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0);
        !self.drop_to || folder.canonicalize().is_ok_and(|folder| folder.ancestors().all(open))
    }
}

fn in_passwd(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (uid != 0).then_some(Account { uid, gid, drop_to: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_account_by_its_whole_name_and_never_root() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgresx:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/v:/bin/sh\n";
        assert_eq!(in_passwd(passwd, "postgres"), Some(Account { uid: 101, gid: 104, drop_to: true }));
        assert_eq!(in_passwd(passwd, "nobody"), None);
        assert_eq!(in_passwd("postgres:x:0:0::/:", "postgres"), None);
        assert_eq!(in_passwd("postgres:x", "postgres"), None);
    }

    #[test]
    fn a_closed_folder_on_the_way_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let inner = closed.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!Account { uid: 1, gid: 1, drop_to: true }.reaches(&inner));
        assert!(Account { uid: 1, gid: 1, drop_to: false }.reaches(&inner));
    }
}
