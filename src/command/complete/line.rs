//! A command line that is being typed.

use crate::cli;
use clap::{Arg, ArgAction, Command};
use std::path::Path;

/// Which names fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those of every materialized view.
    Any,
    /// Those of the views that are managed.
    Managed,
    /// Those of the views that are not.
    Unmanaged,
    /// Ids of runs.
    Run,
}

/// A word as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Word {
    /// What the shell makes of it.
    text: String,
    /// The quote that it begins with.
    quote: Option<char>,
    /// Whether the shell would put something else in its place.
    expands: bool,
}

/// The line up to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The finished words after the program's name.
    words: Vec<Word>,
    /// The word at the cursor.
    last: Word,
}

impl Line {
    /// Reads a line as a shell splits it.
    pub(super) fn parse(text: &str) -> Self {
        // fish ends it.
        let mut words = split(text.strip_suffix('\n').unwrap_or(text));
        let last = words.pop().unwrap_or_default();
        let program =
            words.iter().rposition(|word| Path::new(&word.text).file_name().is_some_and(|name| name == "refreshtop"));
        // Whatever the program is called, the line begins with it.
        let words = words.split_off(program.map_or(words.len().min(1), |at| at + 1));
        Self { words, last }
    }

    /// Which names fit at the cursor; `None` if none does.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let mut program = cli::command();
        program.build();
        let place = Place::after(&program, &self.words);
        if let Some(option) = place.option {
            return (option.get_id() == "view").then_some(Wanted::Managed);
        }
        if self.last.text.starts_with("--view=") {
            return Some(Wanted::Managed);
        }
        if self.last.text.starts_with('-') {
            return None;
        }
        match (place.path.as_slice(), place.positional) {
            (["views", "show" | "tree"], 0) | (["views", "list"], _) => Some(Wanted::Any),
            (["runs", "show"], 0) => Some(Wanted::Run),
            (["views", "add"], _) => Some(Wanted::Unmanaged),
            (["views", "set"], 0) | (["views", "remove"] | ["refresh"], _) => Some(Wanted::Managed),
            _ => None,
        }
    }

    /// The options that say which database; `None` if only the shell knows what they are.
    pub(super) fn connection(&self) -> Option<Vec<&str>> {
        let mut kept = Vec::new();
        let mut words = self.words.iter().peekable();
        while let Some(word) = words.next() {
            let (name, value) = word.text.split_once('=').map_or((&*word.text, false), |(name, _)| (name, true));
            if !matches!(name, "--url" | "--profile" | "--config") {
                continue;
            }
            let given = if value { vec![word] } else { vec![word, words.next()?] };
            if given.iter().any(|word| word.expands) {
                return None;
            }
            kept.extend(given.into_iter().map(|word| &*word.text));
        }
        Some(kept)
    }

    /// The names that begin with the word at the cursor, as bash must put them into the line. Of names that SQL writes
    /// with quotes, these may be left out.
    pub(super) fn for_bash<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        // bash takes = for the end of a word.
        let typed = self.last.text.strip_prefix("--view=").unwrap_or(&self.last.text);
        let names: Vec<&str> = names.collect();
        let mut fit: Vec<&&str> = names.iter().filter(|name| name.starts_with(typed)).collect();
        if fit.is_empty() {
            fit = names.iter().filter(|name| name.replace('"', "").starts_with(typed)).collect();
        }
        fit.into_iter().map(|name| self.quoted(name) + "\n").collect()
    }

    fn quoted(&self, name: &str) -> String {
        let escaped = |special: &dyn Fn(char) -> bool| -> String {
            name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
        };
        match self.last.quote {
            Some('\'') => name.replace('\'', "'\\''"),
            Some(_) => escaped(&|c| matches!(c, '"' | '\\' | '$' | '`')),
            None => escaped(&|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-' | '/')),
        }
    }
}

/// Where in the program's definition the cursor is.
#[derive(Default)]
struct Place<'a> {
    /// Names of the commands.
    path: Vec<&'a str>,
    /// How many values without an option came.
    positional: usize,
    /// The option whose value the next word is.
    option: Option<&'a Arg>,
}

impl<'a> Place<'a> {
    fn after(program: &'a Command, words: &[Word]) -> Self {
        let mut place = Self::default();
        let mut command = program;
        for word in words {
            let text = word.text.as_str();
            if place.option.take().is_some() {
                continue;
            }
            if text.starts_with('-') && text.len() > 1 {
                place.option = command.get_arguments().find(|arg| takes_next(arg, text));
                continue;
            }
            match command.find_subcommand(text).filter(|_| place.positional == 0) {
                Some(child) => {
                    place.path.push(child.get_name());
                    command = child;
                }
                None => place.positional += 1,
            }
        }
        place
    }
}

/// Whether the word after `option` is its value.
fn takes_next(arg: &Arg, option: &str) -> bool {
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !arg.is_require_equals_set();
    let long = arg.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long));
    let short = arg.get_short().is_some_and(|short| option.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])));
    takes_value && (long || short)
}

/// The words of the last command of a line; the last one may be empty or unfinished.
fn split(text: &str) -> Vec<Word> {
    let mut words = vec![Word::default()];
    let mut begun = false;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        // There is always one.
        let Some(word) = words.last_mut() else { return words };
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                if !begun {
                    word.quote = Some(c);
                }
                (begun, quote) = (true, Some(c));
            }
            (None | Some('"'), '\\') => {
                begun = true;
                word.text.extend(chars.next());
            }
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(Word::default());
                }
                begun = false;
            }
            (None, ';' | '|' | '&') => {
                words = vec![Word::default()];
                begun = false;
            }
            (_, c) => {
                begun = true;
                word.expands |= quote != Some('\'') && matches!(c, '$' | '`');
                word.text.push(c);
            }
        }
    }
    // A closed quote is no longer open at the cursor.
    if let Some(last) = words.last_mut().filter(|_| quote.is_none()) {
        last.quote = None;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(line: &str) -> Option<Wanted> {
        Line::parse(line).wanted()
    }

    #[test]
    fn a_view_is_wanted_where_the_command_line_takes_one() {
        for (line, views) in [
            ("refreshtop views show ", Some(Wanted::Any)),
            ("refreshtop views show --json sa", Some(Wanted::Any)),
            ("refreshtop views show sales ", None),
            ("refreshtop views show sales\n", Some(Wanted::Any)),
            ("refreshtop views tree '\"To", Some(Wanted::Any)),
            ("refreshtop views list a b", Some(Wanted::Any)),
            ("refreshtop views add a ", Some(Wanted::Unmanaged)),
            ("refreshtop --profile views views add ", Some(Wanted::Unmanaged)),
            ("refreshtop views remove ", Some(Wanted::Managed)),
            ("refreshtop views set ", Some(Wanted::Managed)),
            ("refreshtop views set a ", None),
            ("refreshtop runs show ", Some(Wanted::Run)),
            ("refreshtop logs show --markdown 0123", Some(Wanted::Run)),
            ("refreshtop runs show 0123 ", None),
            ("refreshtop refresh ", Some(Wanted::Managed)),
            ("refreshtop trigger a", Some(Wanted::Managed)),
            ("refreshtop refresh --timeout ", None),
            ("refreshtop refresh --timeout 5s ", Some(Wanted::Managed)),
            ("refreshtop refresh --", None),
            ("refreshtop status --view ", Some(Wanted::Managed)),
            ("refreshtop --view=sa", Some(Wanted::Managed)),
            ("refreshtop --view sales ", None),
            ("refreshtop --ascii refresh ", Some(Wanted::Managed)),
            ("ls; PGHOST=x ./target/debug/refreshtop refresh ", Some(Wanted::Managed)),
            ("rt refresh ", Some(Wanted::Managed)),
            ("refreshtop views ", None),
            ("refreshtop ", None),
            ("refreshtop", None),
            ("", None),
        ] {
            assert_eq!(wanted(line), views, "{line}");
        }
    }

    #[test]
    fn the_line_says_which_database() {
        let line =
            Line::parse("refreshtop --profile 'the one' --url=\"host=h dbname=d\" refresh --config x --view y z");
        assert_eq!(line.connection().unwrap(), ["--profile", "the one", "--url=host=h dbname=d", "--config", "x"]);
        assert_eq!(Line::parse("refreshtop --url \"$URL\" refresh ").connection(), None);
        assert_eq!(Line::parse("refreshtop --url '$URL' refresh ").connection().unwrap(), ["--url", "$URL"]);
    }

    #[test]
    fn names_reach_bash_as_they_are() {
        let names = ["\"Top 'Ten'\"", "\"$(touch x)`\"", "sales.daily", "\"ä\""];
        for (word, wanted) in [
            ("sa", "sales.daily\n"),
            ("\\\"To", "\\\"Top\\ \\'Ten\\'\\\"\n"),
            ("To", "\\\"Top\\ \\'Ten\\'\\\"\n"),
            ("'\"To", "\"Top '\\''Ten'\\''\"\n"),
            ("\"\\\"\\$", "\\\"\\$(touch x)\\`\\\"\n"),
            ("\\\"\\$", "\\\"\\$\\(touch\\ x\\)\\`\\\"\n"),
            ("\\\"ä", "\\\"ä\\\"\n"),
            ("--view=sa", "sales.daily\n"),
            ("x", ""),
        ] {
            let line = Line::parse(&format!("refreshtop refresh {word}"));
            assert_eq!(line.for_bash(names.into_iter()), wanted, "{word}");
        }
    }
}
