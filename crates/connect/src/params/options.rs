//! libpq's `options`, which carry settings of a session to the server.

use std::fmt::Write as _;

/// Reads libpq's `options`, of which `-c name=value` and `--name=value` are understood; `None` for anything else.
pub(crate) fn parse(options: &str) -> Option<Vec<(String, String)>> {
    let mut words = words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next()?,
            Some(rest) => rest.to_owned(),
            None => return None,
        };
        let (name, value) = setting.split_once('=')?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

/// Splits at white space; a backslash takes the next character as it is.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            if inside {
                words.push(std::mem::take(&mut word));
            }
            inside = false;
            continue;
        }
        inside = true;
        word.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    if inside {
        words.push(word);
    }
    words
}

/// Writes `-c name=value …`; `None` if there are no settings, since some poolers refuse even empty options.
pub(crate) fn write(settings: impl IntoIterator<Item = (String, String)>) -> Option<String> {
    let mut text = String::new();
    for (name, value) in settings {
        let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
        let separator = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{separator}-c {name}={value}");
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn options_survive_the_way_there_and_back() {
        let settings = parse(r"-c geqo=off --work-mem=4MB -csearch_path=a,\ b\\c").unwrap();
        assert_eq!(settings, [pair("geqo", "off"), pair("work_mem", "4MB"), pair("search_path", r"a, b\c")]);
        let text = write(settings.clone()).unwrap();
        assert_eq!(text, r"-c geqo=off -c work_mem=4MB -c search_path=a,\ b\\c");
        assert_eq!(parse(&text), Some(settings));
        assert_eq!((parse("  "), write([])), (Some(Vec::new()), None));
    }

    #[test]
    fn other_switches_are_refused() {
        for text in ["-c", "-c geqo", "-S 4", "geqo=off", "--geqo"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
