//! What a job's command does, as far as its text shows.
//!
//! A command is read, never run. What is not understood for certain counts as something else: no statement of others
//! may be removed because it resembles ours.

/// A part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name or a keyword: in lower case unless it was in double quotes.
    Word(String),
    /// A string constant, without its quotes.
    Text(String),
    /// The body of a dollar-quoted constant, which commonly is code.
    Body(String),
    /// Anything else.
    Sign(char),
}

/// What a command does with the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It calls the function and does nothing else.
    Calls,
    /// It refreshes the view by itself, unlogged, and does nothing else.
    Refreshes,
    /// It does several things, and calls the function among them.
    CallsAmongOthers,
    /// It does something else, or several things, none of which is a call of the function.
    Other,
}

/// Schema of what the contract names.
const PUBLIC: &str = "public";

/// Reads `command`, in view of `function` (without parameters) and `view`. Both are in schema `public`, unless the
/// function's is written before it.
pub fn purpose(command: &str, function: &str, view: &str) -> Purpose {
    let statements = split(command);
    match statements.as_slice() {
        [only] if calls_only(only, function) => Purpose::Calls,
        [only] if refreshes_only(only, view) => Purpose::Refreshes,
        all if all.iter().any(|statement| calls(statement, function)) => Purpose::CallsAmongOthers,
        _ => Purpose::Other,
    }
}

/// What `command` does with the view `name` in `schema`, which is managed as `id`. A refresh without the schema is one of
/// schema `public` for certain only if that is the view's.
pub fn purpose_for_view(command: &str, schema: &str, name: &str, id: &str) -> Purpose {
    let mut statements = split(command);
    if statements.len() > 1 {
        statements.retain(|statement| !prepares(statement));
    }
    let alone = |statement: &[Token]| match refreshed_in(statement) {
        Some((found, view, rest)) => found == schema && view == name && (rest.is_empty() || with_data(rest)),
        None => false,
    };
    let among = |tokens: &[Token]| {
        (0..tokens.len()).any(|at| {
            calls_refresh(&tokens[at..], id)
                || refreshed_in(&tokens[at..]).is_some_and(|(found, view, _)| found == schema && view == name)
        })
    };
    match statements.as_slice() {
        [only] if only.first() == Some(&word("select")) && calls_refresh(&only[1..], id) && only.len() <= CALL => {
            Purpose::Calls
        }
        [only] if alone(only) => Purpose::Refreshes,
        all if all.iter().any(|statement| anywhere(statement, &among)) => Purpose::CallsAmongOthers,
        _ => Purpose::Other,
    }
}

/// Whether a statement does nothing by itself: it waits, or limits the time of the next one.
fn prepares(statement: &[Token]) -> bool {
    let inner = match statement {
        [select, schema, Token::Sign('.'), name, Token::Sign('('), inner @ .., Token::Sign(')')]
            if *select == word("select")
                && (*schema == word("pg_catalog") && *name == word("pg_sleep")
                    || *schema == word("refreshtop") && *name == word("limit_time")) =>
        {
            inner
        }
        _ => return false,
    };
    !inner.iter().any(|token| matches!(token, Token::Sign('(' | ')' | ',')))
}

/// Tokens of `SELECT refreshtop.refresh('view', 'source')`.
const CALL: usize = 9;

/// Whether tokens begin with `refreshtop.refresh('id'`.
fn calls_refresh(tokens: &[Token], id: &str) -> bool {
    let call = [word("refreshtop"), Token::Sign('.'), word("refresh"), Token::Sign('(')];
    match tokens.strip_prefix(&call) {
        Some([Token::Text(text), Token::Sign(')' | ','), ..]) => text == id,
        _ => false,
    }
}

fn word(word: &str) -> Token {
    Token::Word(word.to_owned())
}

/// How many statements a command has.
pub fn count(command: &str) -> usize {
    split(command).len()
}

/// Whether two commands are the same but for case, white space, comments and the final semicolon.
pub fn same(left: &str, right: &str) -> bool {
    split(left) == split(right)
}

/// Whether a command has a `REFRESH MATERIALIZED VIEW` of the view in it, in whatever company.
pub fn refreshes(command: &str, view: &str) -> bool {
    anywhere(&tokens(command), &|tokens| {
        (0..tokens.len()).any(|at| refreshed(&tokens[at..]).is_some_and(|(name, _)| name == view))
    })
}

/// Whether a command calls a function of this name, in whatever company.
pub fn calls_function(command: &str, function: &str) -> bool {
    calls(&tokens(command), function)
}

/// Whether a command names the view in a string constant or as a word.
pub fn names(command: &str, view: &str) -> bool {
    let in_text = |text: &str| text.rsplit('.').next().unwrap_or_default().trim_matches('"') == view;
    anywhere(&tokens(command), &|tokens| {
        tokens.iter().any(|token| match token {
            Token::Word(word) => word == view,
            Token::Text(text) => in_text(text.trim()),
            Token::Body(_) | Token::Sign(_) => false,
        })
    })
}

fn calls(statement: &[Token], function: &str) -> bool {
    let (schema, function) = parts(function);
    if schema != PUBLIC {
        return anywhere(statement, &|tokens| {
            let name =
                [Token::Word(schema.to_owned()), Token::Sign('.'), Token::Word(function.to_owned()), Token::Sign('(')];
            tokens.windows(name.len()).any(|found| *found == name)
        });
    }
    anywhere(statement, &|tokens| {
        tokens.windows(2).any(|pair| pair[0] == Token::Word(function.to_owned()) && pair[1] == Token::Sign('('))
    })
}

/// Asks here and in every body below; a body may have bodies.
fn anywhere(statement: &[Token], holds: &dyn Fn(&[Token]) -> bool) -> bool {
    let inside = |token: &Token| matches!(token, Token::Body(body) if anywhere(&tokens(body), holds));
    holds(statement) || statement.iter().any(inside)
}

fn calls_only(statement: &[Token], function: &str) -> bool {
    let (schema, function) = parts(function);
    let called = [word(function), Token::Sign('('), Token::Sign(')')];
    match statement {
        [select, theirs, Token::Sign('.'), rest @ ..] if *select == word("select") && *theirs == word(schema) => {
            *rest == called
        }
        [select, rest @ ..] if *select == word("select") && schema == PUBLIC => *rest == called,
        _ => false,
    }
}

/// The schema of a function and its name.
fn parts(function: &str) -> (&str, &str) {
    function.split_once('.').unwrap_or((PUBLIC, function))
}

fn refreshes_only(statement: &[Token], view: &str) -> bool {
    refreshed(statement).is_some_and(|(name, rest)| name == view && (rest.is_empty() || with_data(rest)))
}

fn with_data(rest: &[Token]) -> bool {
    *rest == [word("with"), word("data")]
}

/// The view of schema `public` that a statement refreshes, and what comes behind its name.
fn refreshed(statement: &[Token]) -> Option<(&str, &[Token])> {
    refreshed_in(statement).filter(|(schema, ..)| *schema == PUBLIC).map(|(_, name, rest)| (name, rest))
}

/// The schema of the view that a statement refreshes, its name, and what comes behind that.
fn refreshed_in(statement: &[Token]) -> Option<(&str, &str, &[Token])> {
    let mut rest = statement;
    for wanted in ["refresh", "materialized", "view"] {
        match rest {
            [Token::Word(word), next @ ..] if word == wanted => rest = next,
            _ => return None,
        }
    }
    if let [Token::Word(word), next @ ..] = rest
        && word == "concurrently"
    {
        rest = next;
    }
    let mut schema = PUBLIC;
    if let [Token::Word(written), Token::Sign('.'), next @ ..] = rest {
        schema = written;
        rest = next;
    }
    match rest {
        [Token::Word(name), rest @ ..] => Some((schema, name, rest)),
        _ => None,
    }
}

/// The statements, without those that are empty.
fn split(command: &str) -> Vec<Vec<Token>> {
    let tokens = tokens(command);
    let statements = tokens.split(|token| *token == Token::Sign(';'));
    statements.filter(|statement| !statement.is_empty()).map(<[Token]>::to_vec).collect()
}

/// Splits a text as PostgreSQL's own scanner does, as far as that is needed to find where a statement ends.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            c if c.is_whitespace() => c.len_utf8(),
            '-' if rest.starts_with("--") => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '\'' => {
                let end = quoted(rest, '\'', tokens.last() == Some(&Token::Word("e".into())));
                tokens.push(Token::Text(inner(rest, end).replace("''", "'")));
                end
            }
            '"' => {
                let end = quoted(rest, '"', false);
                tokens.push(Token::Word(inner(rest, end).replace("\"\"", "\"")));
                end
            }
            '$' => {
                let (token, end) = if let Some((tag, end)) = dollar(rest) {
                    let body = rest.get(tag..end.saturating_sub(tag)).unwrap_or_default();
                    (Token::Body(body.to_owned()), end)
                } else {
                    (Token::Sign('$'), 1)
                };
                tokens.push(token);
                end
            }
            c if is_name(c) => {
                let end = rest.find(|c: char| !is_name(c) && c != '$').unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_lowercase()));
                end
            }
            c => {
                tokens.push(Token::Sign(c));
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    tokens
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Where a comment ends; those of PostgreSQL have others in them.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where what begins with `quote` ends: behind the next one that is not doubled, or not behind a backslash.
fn quoted(text: &str, quote: char, backslashes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if backslashes && c == '\\' {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The text between the quotes.
fn inner(text: &str, end: usize) -> &str {
    text.get(1..end.saturating_sub(1)).unwrap_or_default()
}

/// The length of a dollar quote's tag, and where its constant ends.
fn dollar(text: &str) -> Option<(usize, usize)> {
    let tag = 1 + text[1..].find(|c: char| !is_name(c))?;
    let plain = text[1..tag].chars().next().is_none_or(|first| !first.is_ascii_digit());
    if !plain || !text[tag..].starts_with('$') {
        return None;
    }
    let tag = tag + 1;
    let end = text[tag..].find(&text[..tag]).map_or(text.len(), |at| at + 2 * tag);
    Some((tag, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Purpose {
        purpose(command, "refresh_platform_metrics_with_logging", "platform_metrics")
    }

    #[test]
    fn one_call_and_nothing_else_is_ours() {
        for command in [
            "SELECT public.refresh_platform_metrics_with_logging();",
            "select  refresh_platform_metrics_with_logging ( ) -- every five minutes; or so",
            "/* a; /* b */ c */ SELECT \"public\".refresh_platform_metrics_with_logging();;",
        ] {
            assert_eq!(of(command), Purpose::Calls, "{command}");
        }
        for command in [
            "SELECT public.refresh_platform_metrics_with_logging() FROM generate_series(1, 2)",
            "SELECT public.refresh_platform_metrics_with_logging(), public.refresh_billing_rollup()",
            "set statement_timeout to 3600000; SELECT public.refresh_platform_metrics_with_logging(); SELECT 1;",
            "DO $do$ BEGIN PERFORM public.refresh_platform_metrics_with_logging(); PERFORM x(); END $do$",
        ] {
            assert_eq!(of(command), Purpose::CallsAmongOthers, "{command}");
        }
    }

    #[test]
    fn a_refresh_of_this_view_and_nothing_else_is_one() {
        for command in [
            "REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics",
            "refresh materialized view public.\"platform_metrics\" with data;",
            "REFRESH MATERIALIZED VIEW public.platform_metrics -- it's \\ $$",
        ] {
            assert_eq!(of(command), Purpose::Refreshes, "{command}");
        }
        for command in [
            "REFRESH MATERIALIZED VIEW platform_metrics WITH NO DATA",
            "REFRESH MATERIALIZED VIEW other.platform_metrics",
            "REFRESH MATERIALIZED VIEW \"Platform_Metrics\"",
            "REFRESH MATERIALIZED VIEW a; REFRESH MATERIALIZED VIEW platform_metrics",
            "SELECT 'REFRESH MATERIALIZED VIEW platform_metrics'",
            "SELECT safe_refresh_mv('platform_metrics')",
            "-- SELECT public.refresh_platform_metrics_with_logging()",
            "",
        ] {
            assert_eq!(of(command), Purpose::Other, "{command}");
        }
    }

    #[test]
    fn a_job_that_only_refreshes_a_view_of_any_schema_is_told_from_others() {
        let of = |command: &str| purpose_for_view(command, "shop", "Top Ten", "shop.\"Top Ten\"");
        for command in [
            "REFRESH MATERIALIZED VIEW CONCURRENTLY shop.\"Top Ten\"",
            "refresh materialized view SHOP.\"Top Ten\" with data;",
        ] {
            assert_eq!(of(command), Purpose::Refreshes, "{command}");
        }
        for command in [
            "SELECT refreshtop.refresh('shop.\"Top Ten\"')",
            "select refreshtop.refresh('shop.\"Top Ten\"', 'manual');",
            "SELECT pg_catalog.pg_sleep(2.5); SELECT refreshtop.limit_time('x'); SELECT refreshtop.refresh('shop.\"Top Ten\"');",
        ] {
            assert_eq!(of(command), Purpose::Calls, "{command}");
        }
        for command in [
            "SET statement_timeout = '1h'; REFRESH MATERIALIZED VIEW shop.\"Top Ten\"",
            "SELECT pg_catalog.pg_sleep(f()); SELECT refreshtop.refresh('shop.\"Top Ten\"');",
            "SELECT refreshtop.refresh('shop.\"Top Ten\"'), other()",
            "DO $$ BEGIN REFRESH MATERIALIZED VIEW shop.\"Top Ten\"; PERFORM f(); END $$",
        ] {
            assert_eq!(of(command), Purpose::CallsAmongOthers, "{command}");
        }
        for command in [
            "REFRESH MATERIALIZED VIEW \"Top Ten\"",
            "REFRESH MATERIALIZED VIEW shop.\"Top Ten\".x",
            "REFRESH MATERIALIZED VIEW shop.\"Top Ten\" WITH NO DATA; SELECT 'x'",
            "SELECT refreshtop.refresh('shop.other')",
            "SELECT 'REFRESH MATERIALIZED VIEW shop.\"Top Ten\"'",
        ] {
            assert_ne!(of(command), Purpose::Refreshes, "{command}");
            assert_ne!(of(command), Purpose::Calls, "{command}");
        }
        assert_eq!(purpose_for_view("REFRESH MATERIALIZED VIEW sales", "public", "sales", "sales"), Purpose::Refreshes);
    }

    #[test]
    fn what_hides_in_company_is_found_and_what_is_quoted_is_not_code() {
        let view = "platform_metrics";
        assert!(refreshes("SELECT 1; REFRESH MATERIALIZED VIEW platform_metrics;", view));
        assert!(refreshes("DO $$ BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics; END $$", view));
        assert!(!refreshes("REFRESH MATERIALIZED VIEW platform_metrics_2", view));
        assert!(!refreshes("SELECT $$REFRESH MATERIALIZED$$", view));
        assert!(names("SELECT safe_refresh_mv('platform_metrics');", view));
        assert!(names("CALL r('public.platform_metrics')", view));
        assert!(!names("SELECT 'the platform_metrics of today'", view));
        assert!(calls_function("select a(); select b ()", "b"));
        assert!(!calls_function("select 'b()'", "b"));
    }

    #[test]
    fn statements_are_counted_by_what_the_server_sees() {
        for (command, statements) in [
            ("", 0),
            (" ; -- nothing;\n ;", 0),
            ("SELECT ';'", 1),
            ("SELECT E'\\';' ; SELECT 2", 2),
            ("SELECT 'a\\'; SELECT 2", 2),
            ("DO $x$ a; $$ b; $$ c; $x$;", 1),
            ("SELECT \"a;\"\"b\"; SELECT $1", 2),
            ("SELECT 'never closed; SELECT 2", 1),
            ("SELECT $tag$ never closed; SELECT 2", 1),
            ("/* never closed; SELECT 2", 0),
            ("SELECT 'é'; SELECT 'ü' -- ö", 2),
        ] {
            assert_eq!(count(command), statements, "{command}");
        }
    }

    #[test]
    fn commands_are_compared_by_what_they_do() {
        let wanted = "SELECT public.cleanup_old_metrics_logs();";
        assert!(same("select  public.cleanup_old_metrics_logs()", wanted));
        assert!(same("SELECT public.cleanup_old_metrics_logs() ; \n -- x", wanted));
        assert!(!same("SELECT cleanup_old_metrics_logs()", wanted));
        assert!(!same("SELECT 'A'", "SELECT 'a'"));
    }
}
