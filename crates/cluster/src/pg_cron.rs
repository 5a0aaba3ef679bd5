//! Whether `pg_cron` is installed for a server.

use crate::programs::{Programs, first_line};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Whether both the library and the extension's control file are in the folders of this server. A library that is
/// preloaded but missing keeps the server from starting, so it's worth knowing before.
pub fn is_installed(programs: &Programs) -> bool {
    let library =
        |folder: &PathBuf| ["so", "dylib"].iter().any(|ext| folder.join("pg_cron").with_extension(ext).is_file());
    let control = |folder: &PathBuf| folder.join("extension/pg_cron.control").is_file();
    let (libraries, shares) = configured(programs.bin()).unwrap_or_else(|| derived(programs.bin()));
    libraries.iter().any(library) && shares.iter().any(control)
}

/// Folders of libraries and of shared files.
type Folders = (Vec<PathBuf>, Vec<PathBuf>);

/// From the server's own `pg_config`, or from the one in `PATH` if that belongs to this server.
fn configured(bin: &Path) -> Option<Folders> {
    let print = |program: &Path, what: &str| first_line(Command::new(program).arg(what)).map(PathBuf::from);
    let programs = [bin.join("pg_config"), PathBuf::from("pg_config")];
    let program = programs.iter().find(|program| print(program, "--bindir").as_deref() == Some(bin))?;
    Some((vec![print(program, "--pkglibdir")?], vec![print(program, "--sharedir")?]))
}

/// Without `pg_config`: the layouts that builds and packages use, relative to the bin folder.
fn derived(bin: &Path) -> Folders {
    let prefix = bin.parent().unwrap_or(bin);
    let mut shares = vec![prefix.join("share"), prefix.join("share/postgresql")];
    // Debian splits one version over /usr/lib/postgresql/15 and /usr/share/postgresql/15.
    if let Ok(version) = prefix.strip_prefix("/usr/lib/postgresql") {
        shares.push(Path::new("/usr/share/postgresql").join(version));
    }
    (vec![prefix.join("lib"), prefix.join("lib/postgresql")], shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_layout_of_debian_and_of_a_build_from_source() {
        let (libraries, shares) = derived(Path::new("/usr/lib/postgresql/15/bin"));
        assert!(libraries.contains(&PathBuf::from("/usr/lib/postgresql/15/lib")));
        assert!(shares.contains(&PathBuf::from("/usr/share/postgresql/15")));
        let (libraries, shares) = derived(Path::new("/usr/local/pgsql/bin"));
        assert!(libraries.contains(&PathBuf::from("/usr/local/pgsql/lib")));
        assert!(shares.contains(&PathBuf::from("/usr/local/pgsql/share")));
    }
}
