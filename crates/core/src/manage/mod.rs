//! Managing views: which are meant, what stands in the way, and what became of each.

pub mod key;

use crate::{
    address::ViewId,
    views::names::{self, ViewName},
};
use std::collections::{BTreeSet, VecDeque};

/// A materialized view, managed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Under which name it is, or would be, managed: as SQL writes it, without schema `public`.
    pub id: ViewId,
    /// Its schema, without quotes.
    pub schema: String,
    /// Its name, without quotes.
    pub name: String,
    /// Its oid; `None` if it is registered and gone.
    pub oid: Option<i64>,
    /// Its owner.
    pub owner: String,
    /// Whether it is registered, and by whom.
    pub registered: Registered,
    /// The oids of the materialized views that it reads.
    pub reads: Vec<i64>,
}

impl Candidate {
    /// Its name, under which it is managed or would be.
    fn view_name(&self) -> ViewName {
        ViewName { sql: self.id.to_string(), schema: self.schema.clone(), name: self.name.clone() }
    }
}

/// Whether a view is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is not.
    No,
    /// A person manages it.
    Managed,
    /// A migration made it.
    ByMigration,
}

/// Something that keeps a view from being managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is wrong, a sentence.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

/// What was found about a view before it is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// The view.
    pub view: Candidate,
    /// Everything that keeps it from being managed; the most serious first.
    pub obstacles: Vec<Obstacle>,
    /// What to know about it, a sentence each.
    pub notes: Vec<String>,
    /// A statement that would make the unique index that it lacks.
    pub proposal: Option<String>,
    /// Whether the query itself guarantees a unique key. Otherwise its rows must be counted.
    pub has_sure_key: bool,
}

/// What became of a view.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is managed, and was refreshed.
    Managed {
        /// How long that took.
        duration_ms: f64,
        /// Whether it was concurrent.
        concurrently: bool,
        /// The search path that its query needed.
        search_path: Option<String>,
    },
    /// It would be.
    Possible,
    /// It was already.
    Already,
    /// It is not.
    Refused {
        /// Why, a sentence.
        reason: String,
    },
}

/// Why a name means no view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// No view has it, or matches it.
    Missing(String),
    /// Several have it.
    Ambiguous(String, Vec<ViewId>),
}

/// The `views` that `names` mean, each once, those that others read first. A name is written as SQL does it or, if that
/// is not ambiguous, without quotes or schema; `*` stands for any text and `?` for one character.
pub fn chosen(views: &[Candidate], names: &[String]) -> Result<Vec<Candidate>, NotFound> {
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    for name in names {
        let found = meant(views, name);
        match found.as_slice() {
            [] => return Err(NotFound::Missing(name.clone())),
            [_, _, ..] if !is_pattern(name) => {
                let ids = found.iter().map(|place| views[*place].id.clone()).collect();
                return Err(NotFound::Ambiguous(name.clone(), ids));
            }
            _ => wanted.extend(found),
        }
    }
    Ok(in_order(wanted.into_iter().map(|place| views[place].clone()).collect()))
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// The places of the views that a name or a pattern means.
fn meant(views: &[Candidate], wanted: &str) -> Vec<usize> {
    let names: Vec<ViewName> = views.iter().map(Candidate::view_name).collect();
    // A view may be named `*`: without quotes that is a pattern all the same, or it would keep others from being chosen.
    if is_pattern(wanted) && !wanted.contains('"') {
        return matching(&names, wanted);
    }
    let found = names::meant(&names.iter().collect::<Vec<_>>(), wanted);
    if found.is_empty() && is_pattern(wanted) { matching(&names, wanted) } else { found }
}

fn matching(names: &[ViewName], pattern: &str) -> Vec<usize> {
    (0..names.len()).filter(|place| names[*place].matches(pattern)).collect()
}

/// Those that others read come before these: a view without data can't be read.
fn in_order(views: Vec<Candidate>) -> Vec<Candidate> {
    let mut waiting: VecDeque<Candidate> = views.into();
    let mut done = Vec::new();
    let mut put_off = 0;
    while let Some(view) = waiting.pop_front() {
        let is_read_first = waiting.iter().any(|other| other.oid.is_some_and(|oid| view.reads.contains(&oid)));
        // There are no circles among views; if there were, the order would not matter.
        if is_read_first && put_off < waiting.len() {
            put_off += 1;
            waiting.push_back(view);
        } else {
            put_off = 0;
            done.push(view);
        }
    }
    done
}

/// The function of others in which a query failed, by the error's context.
pub fn function_of(context: &str) -> Option<&str> {
    let line = context.lines().find(|line| line.contains(" function ") && !line.contains("refreshtop"))?;
    let (_, rest) = line.split_once(" function ")?;
    if let Some(quoted) = rest.strip_prefix('"') {
        return quoted.split('"').next();
    }
    Some(rest.split(" line ").next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(schema: &str, name: &str, oid: i64, reads: &[i64]) -> Candidate {
        let quoted = |word: &str| {
            if word.chars().all(|c| c.is_ascii_lowercase() || c == '_') { word.to_owned() } else { format!("{word:?}") }
        };
        let id = if schema == "public" { quoted(name) } else { format!("{}.{}", quoted(schema), quoted(name)) };
        Candidate {
            id: ViewId::new(&id),
            schema: schema.into(),
            name: name.into(),
            oid: Some(oid),
            owner: "shop".into(),
            registered: Registered::No,
            reads: reads.to_vec(),
        }
    }

    fn ids(views: &[Candidate], names: &[&str]) -> Result<Vec<String>, NotFound> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        chosen(views, &names).map(|found| found.iter().map(|view| view.id.to_string()).collect())
    }

    #[test]
    fn names_are_found_as_sql_writes_them_or_without_quotes_and_schema() {
        let views = [
            view("public", "sales", 1, &[]),
            view("Shop", "Top Ten", 2, &[]),
            view("old", "sales", 3, &[]),
            view("old", "towns", 4, &[]),
        ];
        for (name, wanted) in [
            ("sales", "sales"),
            ("public.sales", "sales"),
            ("old.sales", "old.sales"),
            ("\"Shop\".\"Top Ten\"", "\"Shop\".\"Top Ten\""),
            ("Shop.Top Ten", "\"Shop\".\"Top Ten\""),
            ("top ten", "\"Shop\".\"Top Ten\""),
            ("towns", "old.towns"),
        ] {
            assert_eq!(ids(&views, &[name]), Ok(vec![wanted.to_owned()]), "{name}");
        }
        assert_eq!(ids(&views, &["old.*", "towns"]), Ok(vec!["old.sales".into(), "old.towns".into()]));
        assert_eq!(ids(&views, &["none"]), Err(NotFound::Missing("none".into())));
        assert!(matches!(ids(&views[1..], &["SALES"]), Ok(found) if found == ["old.sales"]));
        let twice = [view("a", "sales", 1, &[]), view("b", "sales", 2, &[])];
        assert!(matches!(ids(&twice, &["sales"]), Err(NotFound::Ambiguous(_, ids)) if ids.len() == 2));
        assert_eq!(ids(&twice, &["s?les"]).unwrap().len(), 2);
    }

    #[test]
    fn a_view_with_the_name_of_a_pattern_hides_no_other_view() {
        let views = [view("public", "*", 1, &[]), view("public", "sales", 2, &[]), view("public", "Top", 3, &[])];
        assert_eq!(ids(&views, &["*"]).unwrap(), ["\"*\"", "sales", "\"Top\""]);
        assert_eq!(ids(&views, &["\"*\""]).unwrap(), ["\"*\""]);
        assert_eq!(ids(&views[1..], &["\"*\""]).unwrap(), ["\"Top\""]);
    }

    #[test]
    fn what_others_read_comes_first() {
        let views = [view("public", "c", 3, &[2, 1]), view("public", "b", 2, &[1]), view("public", "a", 1, &[])];
        assert_eq!(ids(&views, &["*"]).unwrap(), ["a", "b", "c"]);
        let circle = [view("public", "a", 1, &[2]), view("public", "b", 2, &[1])];
        assert_eq!(ids(&circle, &["*"]).unwrap().len(), 2);
    }

    #[test]
    fn the_function_in_which_a_query_failed_is_named() {
        let context = "PL/pgSQL function shop.tot() line 1 at RETURN\nSQL statement \"REFRESH\"\n\
                       PL/pgSQL function refreshtop.run_refresh(text,text) line 3";
        assert_eq!(function_of(context), Some("shop.tot()"));
        assert_eq!(function_of("SQL function \"up\" during inlining"), Some("up"));
        assert_eq!(function_of("PL/pgSQL function refreshtop.refresh(text,text) line 1"), None);
    }
}
