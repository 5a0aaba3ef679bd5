//! A file for `node_exporter`'s textfile collector.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

/// Writes a file beside the wanted one and renames it, so that no reader sees half of it.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    // A rename replaces a link, a pipe or a device: root could lose /dev/stdout.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let why = "it is no ordinary file; without --textfile the figures go to standard output";
        return Err(io::Error::other(why));
    }
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The collector takes every *.prom, so this one has another ending.
    let mut file = tempfile::Builder::new().prefix(".refreshtop-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    // The account that reads it is not the one that writes it.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
