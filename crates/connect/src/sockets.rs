//! Where a server on this machine has its socket.

use super::params::Host;
use std::path::Path;

/// Folders in which the server's socket is looked for: that of Debian and its kin, and that of PostgreSQL itself.
pub(super) const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// The first folder with a socket for this port, else TCP to this machine.
pub(super) fn default_host(port: u16, folders: &[&Path]) -> Host {
    let socket = format!(".s.PGSQL.{port}");
    let folder = folders.iter().find(|folder| folder.join(&socket).exists());
    folder.map_or_else(|| Host::Tcp("localhost".to_owned()), |folder| Host::Unix(folder.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_their_port() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Path::new("/nonexistent");
        assert_eq!(default_host(5432, &[nothing, folder.path()]), Host::Tcp("localhost".into()));
        std::fs::write(folder.path().join(".s.PGSQL.5432"), "").unwrap();
        assert_eq!(default_host(5432, &[nothing, folder.path()]), Host::Unix(folder.path().into()));
        assert_eq!(default_host(5433, &[nothing, folder.path()]), Host::Tcp("localhost".into()));
    }
}
