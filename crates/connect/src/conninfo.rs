//! Connection strings, in the two forms that libpq takes: `postgres://…` URLs and `host=… port=…` keywords.
//!
//! This only takes them apart; what the parts mean is for [`super::target`]. Each value keeps its place in the text, so
//! that a password can be masked without rewriting the text.

use percent_encoding::percent_decode_str;
use std::ops::Range;

/// Keywords that are understood.
pub(crate) const SUPPORTED: [&str; 34] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "passfile",
    "password",
    "port",
    "service",
    "servicefile",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Keywords that libpq knows and this program does not yet. They are refused, not ignored: most of them say where a
/// session may go or how it must be protected.
pub(crate) const UNSUPPORTED: [&str; 19] = [
    "gssdelegation",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_ca_file",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "sslcertmode",
    "sslcrldir",
    "sslkeylogfile",
    "sslpassword",
];

/// Whether libpq knows this keyword.
pub(crate) fn is_keyword(key: &str) -> bool {
    SUPPORTED.contains(&key) || UNSUPPORTED.contains(&key)
}

/// One `keyword=value` of a connection string, whichever form it had.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Param {
    /// libpq's keyword, as written.
    pub key: String,
    /// The value, decoded.
    pub value: String,
    /// The position of the value in the text.
    pub place: Range<usize>,
}

/// Why a text is no connection string. No variant holds any of the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("an escape in it is wrong: % needs two hexadecimal digits after it, and a plain % is written %25")]
    Percent,
    #[error(
        "it has an @ in a place that could belong to a password: inside user, password and database, write %40 for @, \
         %2F for /, %3A for :"
    )]
    StrayAt,
    #[error("an IPv6 address in it has no closing ], or something other than : / ? follows that")]
    Ipv6,
    #[error(
        "every parameter after ? is written name=value, joined with &; a plain = or & in a value is written %3D, %26"
    )]
    QueryShape,
    #[error("every keyword needs = and a value; put single quotes around a value with spaces: password='two words'")]
    KeywordShape,
    #[error("a quoted value in it has no closing quote; inside quotes write \\' for ' and \\\\ for \\")]
    Quote,
}

/// Takes a connection string apart. Empty parts are left out, as if they were not there.
pub(crate) fn parse(text: &str) -> Result<Vec<Param>, ParseError> {
    let mut params = match scheme(text) {
        Some(length) => Url { text, at: length }.parse()?,
        None => keywords(text)?,
    };
    params.retain(|param| !param.value.is_empty());
    Ok(params)
}

/// Length of the scheme of a connection URL, with its slashes; `None` if the text is no such URL.
pub(crate) fn scheme(text: &str) -> Option<usize> {
    ["postgres://", "postgresql://"].iter().find(|scheme| text.starts_with(**scheme)).map(|scheme| scheme.len())
}

/// A reader of a URL. A general URL parser would not do: it rejects several hosts, and drops what follows a # that is
/// part of a password.
struct Url<'a> {
    text: &'a str,
    at: usize,
}

impl Url<'_> {
    fn parse(mut self) -> Result<Vec<Param>, ParseError> {
        let mut params = Vec::new();
        let known = self.credentials(&mut params)?;
        self.hosts(&mut params)?;
        if self.skip('/') {
            let place = self.until(&['?']);
            if self.text[place.clone()].contains('@') {
                return Err(ParseError::StrayAt);
            }
            params.push(self.param("dbname", place)?);
        }
        if self.skip('?') {
            // Without credentials an @ this late means that the ? was part of a password.
            if !known && self.text[self.at..].contains('@') {
                return Err(ParseError::StrayAt);
            }
            self.query(&mut params)?;
        }
        Ok(params)
    }

    /// Reads `user:password@`; whether it was there.
    fn credentials(&mut self, params: &mut Vec<Param>) -> Result<bool, ParseError> {
        let start = self.at;
        let end = self.until(&['@', '/']).end;
        if !self.skip('@') {
            self.at = start;
            return Ok(false);
        }
        let colon = self.text[start..end].find(':').map(|offset| start + offset);
        params.push(self.param("user", start..colon.unwrap_or(end))?);
        if let Some(colon) = colon {
            params.push(self.param("password", colon + 1..end)?);
        }
        Ok(true)
    }

    /// Reads `host:port,host:port`; several are joined with commas, as libpq does.
    fn hosts(&mut self, params: &mut Vec<Param>) -> Result<(), ParseError> {
        let start = self.at;
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        loop {
            hosts.push(self.host()?);
            ports.push(if self.skip(':') { self.until(&['/', '?', ',']) } else { self.at..self.at });
            if !self.skip(',') {
                break;
            }
        }
        if self.text[start..self.at].contains('@') {
            return Err(ParseError::StrayAt);
        }
        for (key, places) in [("host", hosts), ("port", ports)] {
            let values: Vec<String> =
                places.iter().map(|place| decode(&self.text[place.clone()])).collect::<Result<_, _>>()?;
            let place = places[0].start..places[places.len() - 1].end;
            // Ports that are all missing are no ports.
            let value = if values.iter().all(String::is_empty) { String::new() } else { values.join(",") };
            params.push(Param { key: key.into(), value, place });
        }
        Ok(())
    }

    fn host(&mut self) -> Result<Range<usize>, ParseError> {
        if !self.skip('[') {
            return Ok(self.until(&[':', '/', '?', ',']));
        }
        let place = self.until(&[']']);
        let closed = self.skip(']');
        let next = self.text[self.at..].chars().next();
        if closed && next.is_none_or(|next| ":/?,".contains(next)) { Ok(place) } else { Err(ParseError::Ipv6) }
    }

    fn query(&mut self, params: &mut Vec<Param>) -> Result<(), ParseError> {
        while self.at < self.text.len() {
            let key = self.until(&['=', '&']);
            if !self.skip('=') {
                return Err(ParseError::QueryShape);
            }
            let value = self.until(&['&', '=']);
            if self.skip('=') {
                return Err(ParseError::QueryShape);
            }
            self.skip('&');
            let key = decode(&self.text[key])?;
            params.push(self.param(&key, value)?);
        }
        Ok(())
    }

    fn param(&self, key: &str, place: Range<usize>) -> Result<Param, ParseError> {
        Ok(Param { key: key.into(), value: decode(&self.text[place.clone()])?, place })
    }

    fn until(&mut self, ends: &[char]) -> Range<usize> {
        let start = self.at;
        self.at = self.text[start..].find(ends).map_or(self.text.len(), |offset| start + offset);
        start..self.at
    }

    fn skip(&mut self, wanted: char) -> bool {
        let found = self.text[self.at..].starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }
}

/// Percent-decoding as strict as libpq's: a broken escape and an encoded NUL are errors, not text.
fn decode(text: &str) -> Result<String, ParseError> {
    let broken = text.match_indices('%').any(|(at, _)| {
        let digits = text.as_bytes().get(at + 1..at + 3);
        digits.is_none_or(|digits| !digits.iter().all(u8::is_ascii_hexdigit) || digits == b"00")
    });
    if broken {
        return Err(ParseError::Percent);
    }
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| ParseError::Percent)
}

/// `keyword = value` pairs between white space; values may be in single quotes, a backslash takes the next character
/// as it is.
fn keywords(text: &str) -> Result<Vec<Param>, ParseError> {
    let mut params = Vec::new();
    let mut rest = text.char_indices().peekable();
    loop {
        while rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(params);
        }
        let mut key = String::new();
        while let Some((_, c)) = rest.next_if(|(_, c)| *c != '=' && !c.is_ascii_whitespace()) {
            key.push(c);
        }
        while rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        if key.is_empty() || rest.next_if(|(_, c)| *c == '=').is_none() {
            return Err(ParseError::KeywordShape);
        }
        while rest.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        let start = rest.peek().map_or(text.len(), |(at, _)| *at);
        let value = keyword_value(&mut rest)?;
        let end = rest.peek().map_or(text.len(), |(at, _)| *at);
        params.push(Param { key, value, place: start..end });
    }
}

fn keyword_value(rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> Result<String, ParseError> {
    let quoted = rest.next_if(|(_, c)| *c == '\'').is_some();
    let mut value = String::new();
    loop {
        match rest.peek() {
            None if quoted => return Err(ParseError::Quote),
            None => return Ok(value),
            Some((_, '\'')) if quoted => {
                rest.next();
                return Ok(value);
            }
            Some((_, c)) if !quoted && c.is_ascii_whitespace() => return Ok(value),
            Some((_, '\\')) => {
                rest.next();
                value.extend(rest.next().map(|(_, c)| c));
            }
            Some((_, c)) => {
                value.push(*c);
                rest.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|param| (param.key, param.value)).collect()
    }

    #[track_caller]
    fn check(text: &str, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(text), wanted, "{text}");
    }

    #[test]
    fn urls() {
        check("postgres://", &[]);
        check("postgresql:///app", &[("dbname", "app")]);
        check(
            "postgres://bob:s%40c@db.example:5433/app?sslmode=require&connect_timeout=3",
            &[
                ("user", "bob"),
                ("password", "s@c"),
                ("host", "db.example"),
                ("port", "5433"),
                ("dbname", "app"),
                ("sslmode", "require"),
                ("connect_timeout", "3"),
            ],
        );
        check("postgres://[::1]:5433/app", &[("host", "::1"), ("port", "5433"), ("dbname", "app")]);
        check("postgres://bob@%2Ftmp%2Fx/app", &[("user", "bob"), ("host", "/tmp/x"), ("dbname", "app")]);
        check("postgres:///app?host=/tmp&user=bob", &[("dbname", "app"), ("host", "/tmp"), ("user", "bob")]);
    }

    #[test]
    fn a_hash_belongs_to_the_password() {
        check("postgres://bob:a#b?c@h", &[("user", "bob"), ("password", "a#b?c"), ("host", "h")]);
    }

    #[test]
    fn several_hosts_are_joined() {
        check("postgres://a:1,b,c:3/x", &[("host", "a,b,c"), ("port", "1,,3"), ("dbname", "x")]);
        check("postgres://a,b/x", &[("host", "a,b"), ("dbname", "x")]);
    }

    #[test]
    fn keyword_strings() {
        check("", &[]);
        check(
            r" host=h port = 5433 password='it\'s \\ 2' user=a\ b options=''",
            &[("host", "h"), ("port", "5433"), ("password", r"it's \ 2"), ("user", "a b")],
        );
        check("dbname='a b'sslmode=disable", &[("dbname", "a b"), ("sslmode", "disable")]);
    }

    #[test]
    fn mistakes() {
        for (text, wanted) in [
            ("postgres://bob:p@ss@h/x", ParseError::StrayAt),
            ("postgres://bob:12/ss@h/x", ParseError::StrayAt),
            ("postgres://bob:12/?ss=@h/x", ParseError::StrayAt),
            ("postgres://bob:100%@h/x", ParseError::Percent),
            ("postgres://h/%00", ParseError::Percent),
            ("postgres://[::1/x", ParseError::Ipv6),
            ("postgres://h/x?sslmode", ParseError::QueryShape),
            ("postgres://h/x?a=b=c", ParseError::QueryShape),
            ("host=h password=two words", ParseError::KeywordShape),
            ("secret", ParseError::KeywordShape),
            ("password='open", ParseError::Quote),
        ] {
            assert_eq!(parse(text).err(), Some(wanted), "{text}");
        }
    }
}
