//! Where the PostgreSQL server programs are.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Environment variable that names the folder of the server programs, for messages; reading it is the command
/// line's business.
pub const OVERRIDE: &str = "REFRESHTOP_PG_BIN";

/// Folders where packages put the programs; `*` stands for a version, of which the newest is taken.
const USUAL: [&str; 5] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
];

/// Why no server programs can be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// None anywhere.
    #[error(
        "no PostgreSQL server was found (initdb and postgres); install it (Debian, Ubuntu: apt install postgresql; \
         Fedora: dnf install postgresql-server; macOS: brew install postgresql@17) or set {OVERRIDE} to its bin folder"
    )]
    Missing,
    /// None in the folder that the override names.
    #[error("{OVERRIDE} is {} but initdb and postgres are not there; name the bin folder of a PostgreSQL server", .0.display())]
    NotThere(PathBuf),
    /// Found, but it does not print a version.
    #[error("{} does not report its version; name another PostgreSQL server in {OVERRIDE}", .0.display())]
    Version(PathBuf),
}

/// The server programs of one PostgreSQL installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    bin: PathBuf,
    major: u32,
}

impl Programs {
    /// Searches `wanted` and nowhere else if it is given; otherwise asks `pg_config`, then searches `PATH`
    /// and the folders that packages use. Starts programs, so it blocks for some milliseconds.
    ///
    /// # Errors
    /// None are found, or those in `wanted` are incomplete.
    pub fn find(wanted: Option<&Path>) -> Result<Self, ProgramsError> {
        match wanted {
            Some(bin) if is_server(bin) => Self::at(bin.to_owned()),
            Some(bin) => Err(ProgramsError::NotThere(bin.to_owned())),
            None => candidates().find(|bin| is_server(bin)).ok_or(ProgramsError::Missing).and_then(Self::at),
        }
    }

    fn at(bin: PathBuf) -> Result<Self, ProgramsError> {
        let postgres = bin.join("postgres");
        let major = first_line(Command::new(&postgres).arg("--version")).as_deref().and_then(major);
        let major = major.ok_or(ProgramsError::Version(postgres))?;
        Ok(Self { bin, major })
    }

    /// The folder of the programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Major version of the server, such as 15.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The program that makes a cluster.
    pub fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    /// The server.
    pub fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }
}

/// `pg_config` comes with the client library's headers, so its presence means nothing for the server.
fn is_server(bin: &Path) -> bool {
    bin.join("initdb").is_file() && bin.join("postgres").is_file()
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let configured = first_line(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<PathBuf> = env::split_paths(&path).collect();
    configured.into_iter().chain(in_path).chain(USUAL.iter().flat_map(|pattern| newest_first(pattern)))
}

/// The matches of `pattern`, highest version first.
fn newest_first(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = fs::read_dir(Path::new(parent)) else { return Vec::new() };
    let version = |name: &str| name.strip_prefix(prefix)?.split('.').next()?.parse::<u32>().ok();
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<(u32, String)> = names.filter_map(|name| Some((version(&name)?, name))).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, name)| PathBuf::from(format!("{parent}/{name}{after}"))).collect()
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 18beta1` and similar.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once(") ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// First line of what a program prints, if it prints something and succeeds.
pub(super) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_a_version_is_written() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major("BusyBox"), None);
    }

    #[test]
    fn takes_the_newest_of_several_versions() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "old", "17"] {
            fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let found = newest_first(&format!("{}/*/bin", root.path().display()));
        let expected: Vec<PathBuf> = ["17/bin", "15/bin", "9/bin"].map(|name| root.path().join(name)).into();
        assert_eq!(found, expected);
        assert!(newest_first("/no/such/folder/*/bin").is_empty());
    }

    #[test]
    fn an_override_without_a_server_is_an_error_and_not_a_hint() {
        let empty = tempfile::tempdir().unwrap();
        let error = Programs::find(Some(empty.path())).unwrap_err().to_string();
        assert!(error.contains(&*empty.path().to_string_lossy()), "{error}");
    }
}
