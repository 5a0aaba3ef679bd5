//! Passwords from `~/.pgpass`.

use crate::secret::Secret;
use std::path::Path;

/// What a password is for.
pub(super) struct Key<'a> {
    /// Host as written, or `localhost` for a socket in a default folder.
    pub host: &'a str,
    pub port: u16,
    pub database: &'a str,
    pub user: &'a str,
}

/// Looks a password up in a file. `Err` is a warning: the file is there, but is not used.
pub(super) fn look_up(path: &Path, key: &Key<'_>) -> Result<Option<Secret>, String> {
    // A missing file is the usual case, and libpq says nothing about one that can't be reached.
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
    if !metadata.is_file() {
        return Err(format!("the password file {} is not a plain file, so it is not used", path.display()));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0 {
        return Err(format!(
            "the password file {0} can be read by others, so it is not used: run chmod 600 {0}",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the password file {} is not used: {error}", path.display()))?;
    Ok(find(&text, key))
}

/// The password of the first line that fits.
fn find(text: &str, key: &Key<'_>) -> Option<Secret> {
    let port = key.port.to_string();
    let fields = [key.host, &port, key.database, key.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in fields {
            let (field, after) = field(rest);
            if field != "*" && unescape(field) != wanted {
                return None;
            }
            rest = after?;
        }
        let password = unescape(field(rest).0);
        (!password.is_empty()).then(|| Secret::new(password))
    })
}

/// The text up to the next colon without a backslash before it, and the text after that colon.
fn field(text: &str) -> (&str, Option<&str>) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            ':' if !escaped => return (&text[..at], Some(&text[at + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (text, None)
}

fn unescape(field: &str) -> String {
    let mut text = String::new();
    let mut characters = field.chars();
    while let Some(c) = characters.next() {
        // A backslash at the end is literal.
        text.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let key = Key { host: "db.example", port: 5432, database: "a:p", user: "bob" };
        find(text, &key).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        for (text, wanted) in [
            ("", None),
            ("db.example:5432:a\\:p:bob:pw", Some("pw")),
            ("*:*:*:*:pw", Some("pw")),
            ("*:*:*:bob:first\n*:*:*:*:second", Some("first")),
            ("*:*:*:eve:first\n*:*:*:bob:second", Some("second")),
            ("# *:*:*:*:pw\r\n*:*:*:*:real\r\n", Some("real")),
            ("*:*:*:*:a\\:b\\\\c", Some("a:b\\c")),
            ("*:*:*:*:pw:more", Some("pw")),
            ("*:*:*:*:", None),
            ("*:*:*:*", None),
            ("other:*:*:*:pw", None),
            ("*:5433:*:*:pw", None),
            ("\\*:*:*:*:pw", None),
            ("*:*:a:p:bob:pw", None),
        ] {
            assert_eq!(found(text).as_deref(), wanted, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        let key = Key { host: "h", port: 1, database: "d", user: "u" };
        assert_eq!(look_up(&path, &key), Ok(None));
        std::fs::write(&path, "*:*:*:*:pw").unwrap();
        for (mode, used) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let result = look_up(&path, &key);
            assert_eq!(result.is_ok(), used, "{mode:o}");
            if let Err(warning) = result {
                assert!(warning.contains("chmod 600") && !warning.contains("pw\""), "{warning}");
            }
        }
        assert!(look_up(folder.path(), &key).unwrap_err().contains("not a plain file"));
    }
}
