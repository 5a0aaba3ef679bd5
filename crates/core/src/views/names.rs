//! Names of views: as SQL writes them, as people type them, and patterns.

/// The name of a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewName {
    /// As SQL writes it: with quotes if needed, and with the schema unless that is `public`.
    pub sql: String,
    /// The schema, without quotes.
    pub schema: String,
    /// The name, without quotes.
    pub name: String,
}

/// Why a name means no view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound<'a> {
    /// There is none.
    Missing,
    /// It could be any of these.
    Ambiguous(Vec<&'a ViewName>),
}

impl ViewName {
    /// Schema and name without quotes.
    fn raw(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether the name matches `pattern`, in which `*` stands for any text and `?` for one character. The name counts as
    /// SQL writes it, and without quotes, with and without the schema.
    pub fn matches(&self, pattern: &str) -> bool {
        [&self.sql, &self.name, &self.raw()].into_iter().any(|name| matches(pattern, name))
    }
}

/// The places of the names that `wanted` means: as SQL writes it, or without schema or quotes. Several if it could be any of
/// these.
pub fn meant(names: &[&ViewName], wanted: &str) -> Vec<usize> {
    let parsed = parse(wanted);
    let folded = wanted.to_lowercase();
    let schema_and_name = |name: &ViewName| match parsed.as_deref() {
        Some([schema, view]) => *schema == name.schema && *view == name.name,
        _ => false,
    };
    let name_alone = |name: &ViewName| matches!(parsed.as_deref(), Some([view]) if *view == name.name);
    // What is meant more literally counts first.
    let ways: [&dyn Fn(&ViewName) -> bool; 6] = [
        &|name| name.sql == wanted,
        &schema_and_name,
        &name_alone,
        &|name| name.raw() == wanted,
        &|name| name.name == wanted,
        &|name| name.raw().to_lowercase() == folded || name.name.to_lowercase() == folded,
    ];
    let places = |way: &dyn Fn(&ViewName) -> bool| -> Vec<usize> {
        (0..names.len()).filter(|place| way(names[*place])).collect()
    };
    ways.into_iter().map(places).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Compares without recursion, so that no pattern takes more than length times length steps.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The last `*`, and up to where it stands for text.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, upto)) = star else { return false };
                star = Some((at, upto + 1));
                p = at + 1;
                t = upto + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The parts of a name as SQL reads them: without quotes, and folded to lower case if they had none. `None` if SQL would
/// not accept it.
fn parse(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let part = if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next()? {
                    (_, '"') if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                        chars.next();
                        part.push('"');
                    }
                    (at, '"') => break at,
                    (_, c) => part.push(c),
                }
            };
            rest = &quoted[end + 1..];
            part
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            rest = after;
            if part.contains('"') {
                return None;
            }
            part.to_lowercase()
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(parts),
        }
    }
}

/// A command about a view, as a shell reads it.
pub fn command(words: &str, view: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if !view.is_empty() && view.chars().all(plain) {
        return format!("refreshtop {words} {view}");
    }
    format!("refreshtop {words} '{}'", view.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        let name = ViewName { sql: "\"Sales\".\"Top 10\"".into(), schema: "Sales".into(), name: "Top 10".into() };
        for (pattern, wanted) in [
            ("*", true),
            ("Top*", true),
            ("Sales.*", true),
            ("Top ??", true),
            ("Top ?", false),
            ("\"Sales\".*", true),
            ("*10", true),
            ("*1*0*", true),
            ("top*", false),
            ("", false),
            ("%", false),
        ] {
            assert_eq!(name.matches(pattern), wanted, "{pattern}");
        }
        let long = ViewName { sql: "a".repeat(63), schema: "s".into(), name: "a".repeat(63) };
        assert!(!long.matches(&"*a".repeat(40).replace("aa", "a*a").chars().chain("b".chars()).collect::<String>()));
    }

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let parts = |text: &str| parse(text);
        assert_eq!(parts("a.B"), Some(vec!["a".into(), "b".into()]));
        assert_eq!(parts("\"A.b\".\"c\"\"d\""), Some(vec!["A.b".into(), "c\"d".into()]));
        for wrong in ["", ".", "a.", "a..b", "\"a", "a\"b", "\"a\"b", "\"\""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
