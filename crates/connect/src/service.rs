//! Services: named sets of connection parameters in `pg_service.conf`, read by libpq's rules.

use super::conninfo;
use crate::environment::{self, Environment};
use std::path::{Path, PathBuf};

/// Folder of the system-wide file in PostgreSQL's packages for Debian and its derivatives.
const SYSTEM_FOLDER: &str = "/etc/postgresql-common";

/// Keywords and their values.
type Pairs = Vec<(String, String)>;

/// Looks a service up: in the user's file, then in the system's. The first value of a keyword counts, as for libpq;
/// an empty one counts too, as the default.
///
/// # Errors No file has the service, or one can't be read. Names file and line, never the text there, which may be a
/// password.
pub(super) fn look_up(
    service: &str,
    own: Option<&str>,
    home: Option<&Path>,
    environment: &Environment,
) -> Result<Pairs, String> {
    let named = own.or_else(|| environment::get(environment, "PGSERVICEFILE")).map(PathBuf::from);
    let usual = home.map(|home| home.join(".pg_service.conf")).filter(|path| path.exists());
    let folder = environment::get(environment, "PGSYSCONFDIR").unwrap_or(SYSTEM_FOLDER);
    let system = Some(Path::new(folder).join("pg_service.conf")).filter(|path| path.exists());
    for path in [named.or(usual), system].into_iter().flatten() {
        // Bytes, since another service's line may hold anything.
        let bytes = std::fs::read(&path)
            .map_err(|error| format!("the service file {} can't be read: {error}", path.display()))?;
        let found = find(&String::from_utf8_lossy(&bytes), service);
        if let Some(values) = found.map_err(|(line, why)| format!("{}, line {line}: {why}", path.display()))? {
            return Ok(values);
        }
    }
    Err("no service of that name is in the service files: see PGSERVICEFILE, ~/.pg_service.conf and PGSYSCONFDIR"
        .into())
}

/// The values below the first heading that fits; an error is the number of a line and what is wrong with it.
fn find(text: &str, service: &str) -> Result<Option<Pairs>, (usize, &'static str)> {
    let mut found: Option<Pairs> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            let fits = heading.strip_prefix(service).is_some_and(|rest| rest.starts_with(']'));
            found = fits.then(Vec::new);
            continue;
        }
        let Some(values) = &mut found else { continue };
        let number = index + 1;
        if line.starts_with("ldap") {
            return Err((number, "services kept in LDAP are not supported: write the parameters into the file"));
        }
        let (key, value) = line.split_once('=').ok_or((number, "a line of a service is written keyword=value"))?;
        if key == "service" || key == "servicefile" {
            return Err((number, "a service can't name another service"));
        }
        if !conninfo::is_keyword(key) {
            return Err((number, "the keyword is unknown (no spaces around the =)"));
        }
        if !values.iter().any(|(known, _)| known == key) {
            values.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_heading_that_fits_counts() {
        let text =
            "junk\n[b]\nhost=other\n\n[a] # x\n  host=h \n# c\nhost=second\nport=\npassword=a=b\n[a]\nuser=late\n";
        let wanted = [("host", "h"), ("port", ""), ("password", "a=b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(find(text, "a"), Ok(Some(wanted.to_vec())));
        assert_eq!(find(text, "c"), Ok(None));
        assert_eq!(find("[ab]\nhost=h", "a"), Ok(None));
    }

    #[test]
    fn mistakes_name_the_line_and_only_in_the_service_that_is_wanted() {
        for (line, wanted) in [
            ("hunter2", "keyword=value"),
            ("pass=hunter2", "unknown"),
            ("host = h", "spaces"),
            ("service=x", "another service"),
            ("ldap://hunter2", "LDAP"),
        ] {
            let text = format!("[other]\n{line}\n[a]\nhost=h\n{line}\n");
            let (number, why) = find(&text, "a").unwrap_err();
            assert_eq!(number, 5, "{line}");
            assert!(why.contains(wanted) && !why.contains("hunter2"), "{why}");
            assert!(find(&format!("[other]\n{line}\n[a]\nhost=h\n"), "a").is_ok(), "{line}");
        }
    }
}
