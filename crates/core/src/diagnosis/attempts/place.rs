//! Where in the code a refresh failed, from PostgreSQL's CONTEXT.

/// The innermost function that is not refreshtop's, and the line in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name as the context has it: with schema and types if it is PL/pgSQL, the bare name if it is SQL.
    pub function: String,
    /// `line 3` or `statement 1`.
    pub position: Option<String>,
}

/// Reads it; `None` if no line names a function. The words are PostgreSQL's English ones.
pub fn place(context: &str) -> Option<Place> {
    context.lines().take(50).find_map(of_line).filter(|place| !is_ours(&place.function))
}

fn of_line(line: &str) -> Option<Place> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("PL/pgSQL function ") {
        // Names may have blanks in them, and the line comes last.
        let (function, position) = match rest.rfind(" line ").map(|at| rest.split_at(at)) {
            Some((function, rest)) => {
                let number: String = rest[" line ".len()..].chars().take_while(char::is_ascii_digit).collect();
                (function, (!number.is_empty()).then(|| format!("line {number}")))
            }
            None => (rest.rfind(')').map_or(rest, |end| &rest[..=end]), None),
        };
        return Some(Place { function: function.to_owned(), position });
    }
    let rest = line.strip_prefix("SQL function \"")?;
    let (function, rest) = rest.rsplit_once('"')?;
    let position = rest.trim().strip_prefix("statement ").map(|number| format!("statement {number}"));
    Some(Place { function: function.to_owned(), position })
}

/// The lines inside the refresh: what called it is always the same.
pub fn of_others(context: &str) -> impl Iterator<Item = &str> {
    let ours = |line: &str| {
        line.starts_with("SQL statement \"REFRESH MATERIALIZED VIEW ")
            || of_line(line).is_some_and(|place| is_ours(&place.function))
    };
    context.lines().take_while(move |line| !ours(line))
}

fn is_ours(function: &str) -> bool {
    function.starts_with("refreshtop.") || function.starts_with("refreshtop_definers.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(context: &str) -> Option<(String, Option<String>)> {
        place(context).map(|place| (place.function, place.position))
    }

    #[test]
    fn the_innermost_function_is_named() {
        let ours = "PL/pgSQL function refreshtop_definers.refresh_1(boolean,jsonb) line 30 at SQL statement";
        let context = format!(
            "SQL expression \"1/0\"\nPL/pgSQL function public.\"a line 3\"(integer) line 12 at RETURN\nSQL statement \"x\"\n{ours}"
        );
        assert_eq!(found(&context), Some(("public.\"a line 3\"(integer)".into(), Some("line 12".into()))));
        assert_eq!(found("SQL function \"rate\" statement 1"), Some(("rate".into(), Some("statement 1".into()))));
        assert_eq!(found("SQL function \"rate\" during inlining"), Some(("rate".into(), None)));
        assert_eq!(
            found("PL/pgSQL function public.f() while casting return value to function's return type"),
            Some(("public.f()".into(), None))
        );
        assert_eq!(of_others(&context).count(), 3);
        assert_eq!(of_others("SQL statement \"REFRESH MATERIALIZED VIEW public.v\"\nx").count(), 0);
        assert_eq!(found(ours), None);
        assert_eq!(found(""), None);
    }
}
