//! Texts that must not be shown: they have no way to print themselves, so no log line, error or panic can.

use crate::conninfo;
use std::{convert::Infallible, fmt, str::FromStr};

/// The text that replaces a password.
const COVER: &str = "***";

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for a driver and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COVER)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COVER)
    }
}

/// A connection string: a `postgres://` URL or libpq's keywords. It prints with its password covered, and as
/// `<connection string>` if it is not certain which part is the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionUrl(String);

impl ConnectionUrl {
    /// Wraps a connection string; whether it is a good one shows when it is resolved.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The real text, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it holds a password; true as well if that is not certain.
    pub fn may_hold_password(&self) -> bool {
        conninfo::parse(&self.0).map_or(true, |params| params.iter().any(|param| is_secret(&param.key)))
    }
}

impl FromStr for ConnectionUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl fmt::Debug for ConnectionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ConnectionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0).unwrap_or_else(|| "<connection string>".into()))
    }
}

/// Whether a keyword's value is a password.
fn is_secret(key: &str) -> bool {
    matches!(key, "password" | "sslpassword" | "oauth_client_secret" | "scram_client_key" | "scram_server_key")
}

/// The text with its passwords covered; `None` if one could be in another part: a keyword that libpq does not know may
/// be the second half of a password that was not quoted, an @ in a value the end of one that was not encoded.
fn redacted(text: &str) -> Option<String> {
    let mut params = conninfo::parse(text).ok()?;
    params.sort_by_key(|param| param.place.start);
    let (mut shown, mut at) = (String::new(), 0);
    for param in &params {
        if is_secret(&param.key) {
            shown.push_str(text.get(at..param.place.start)?);
            shown.push_str(COVER);
            at = param.place.end;
        } else if !conninfo::is_keyword(&param.key) || text.get(param.place.clone())?.contains('@') {
            return None;
        }
    }
    shown.push_str(text.get(at..)?);
    Some(shown)
}

/// Whether a text may hold a password, judged by what connection strings look like. For texts of which nothing else
/// is known: rejected arguments, lines of a config file.
pub fn looks_secret(text: &str) -> bool {
    let lower = without_harmless_signs(text).to_ascii_lowercase();
    ["://", "@", "url", "pass", "pwd", "secret", "token", "dsn"].iter().any(|mark| lower.contains(mark))
}

/// The text without an @ that can't be the end of a password: one before which there is nothing (`@reboot`), and one
/// that begins the range of a limit (`rate=@10:20`).
fn without_harmless_signs(text: &str) -> String {
    if let Some(rest) = text.strip_prefix('@') {
        return rest.to_owned();
    }
    let figure = text.split_once("=@").filter(|(figure, range)| {
        matches!(*figure, "age" | "duration" | "rate")
            && range.bytes().all(|byte| byte.is_ascii_digit() || b".:~%-msh".contains(&byte))
    });
    figure.map_or_else(|| text.to_owned(), |(figure, range)| format!("{figure}={range}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let url = ConnectionUrl::new(text);
        assert_eq!(format!("{url:?}"), url.to_string());
        url.to_string()
    }

    #[test]
    fn passwords_are_covered_and_the_rest_stays() {
        for (text, wanted) in [
            ("postgres://bob:hunter2@h:5433/app?sslmode=require", "postgres://bob:***@h:5433/app?sslmode=require"),
            ("postgresql://h/app?password=hunter2&user=bob", "postgresql://h/app?password=***&user=bob"),
            ("postgres://h/app?pass%77ord=hunter2", "postgres://h/app?pass%77ord=***"),
            ("postgres://bob@h/app", "postgres://bob@h/app"),
            ("host=h password=hunter2 user=bob", "host=h password=*** user=bob"),
            (r"host=h password='hun\'ter 2' user=bob", "host=h password=*** user=bob"),
            ("password = hunter2", "password = ***"),
            ("host=h password=hunter2 password=hunter3", "host=h password=*** password=***"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn doubtful_texts_are_covered_whole() {
        for text in [
            "hunter2",
            "postgres://bob:hun@ter2@h/app",
            "postgres://bob:12/hunter2@h/app",
            "mysql://bob:hunter2@h/app",
            "postgres://h/app?pasword=hunter2",
            "host=h pasword=hunter2",
            "host=h password=two hunter2=x",
            "password='hunter2",
            "postgres://bob:%zzhunter2@h",
        ] {
            assert_eq!(shown(text), "<connection string>", "{text}");
        }
    }

    #[test]
    fn secrets_print_stars() {
        let secret = Secret::new("hunter2");
        assert_eq!((format!("{secret:?}"), secret.to_string()), ("***".into(), "***".into()));
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn only_an_at_that_may_end_a_password_looks_like_one() {
        for text in ["@reboot", "rate=@20:10", "age=@1h:30m", "duration=@~:5", "*/5 * * * *"] {
            assert!(!looks_secret(text), "{text}");
        }
        for text in ["bob:hunter2@h", "x=@h", "rate=@hunter2", "rate=x@10", "@h://x", "@bob:hunter2@h", "date=@1"] {
            assert!(looks_secret(text), "{text}");
        }
    }

    fn covered(text: &str, password: &str, encoded: &str) -> Result<(), TestCaseError> {
        let printed = [shown(text), format!("{:#?}", ConnectionUrl::new(text))];
        for printed in printed {
            prop_assert!(!printed.contains(password), "{printed}");
            prop_assert!(!printed.contains(encoded), "{printed}");
        }
        Ok(())
    }

    /// Any characters; and, which is harder, mostly those that mean something in a connection string.
    fn password() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{4,20}", "[ab12/@?:#&=%,'+ \\[\\]\\\\]{4,20}"]
    }

    proptest! {
        #[test]
        fn an_encoded_password_never_shows(password in password()) {
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string();
            prop_assume!(!"postgresql://bob@db.example:5433/app?sslmode=require&password=***".contains(&password));
            covered(&format!("postgres://bob:{encoded}@db.example:5433/app?sslmode=require"), &password, &encoded)?;
            covered(&format!("postgresql://db.example/app?password={encoded}"), &password, &encoded)?;
        }

        #[test]
        fn a_quoted_password_never_shows(password in password()) {
            let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
            prop_assume!(!"host=h password=*** user=bob<connection string>".contains(&password));
            covered(&format!("host=h password='{quoted}' user=bob"), &password, &quoted)?;
        }

        #[test]
        fn neither_does_one_that_was_not_encoded(password in password()) {
            let whole = "postgres://bob:***@db.example:5433/app?sslmode=require host=h password=*** user=bob";
            prop_assume!(!whole.contains(&password) && !"<connection string>".contains(&password));
            covered(&format!("postgres://bob:{password}@db.example:5433/app?sslmode=require"), &password, &password)?;
        }

        #[test]
        fn any_text_prints(text in "\\PC{0,60}") {
            shown(&text);
        }
    }
}
