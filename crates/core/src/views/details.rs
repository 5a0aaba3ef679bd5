//! One view in detail: what it reads, its indexes, and what could be wrong with it.

use super::{Drift, Managed, UniqueIndex, View};
use crate::{reading::Reading, run::Run};
use serde::Deserialize;

/// What the catalogs and the log tell about one view.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// What the catalogs tell.
    pub catalog: Catalog,
    /// Its newest attempts, newest first; none for a view that is not managed.
    pub runs: Reading<Vec<Run>>,
}

/// What the catalogs tell about one view.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Catalog {
    /// The relations that its query reads, with what is behind plain views, and their partitions.
    pub sources: Vec<Source>,
    /// The functions in its query that do more than compute from their arguments, or that could.
    pub functions: Vec<Function>,
    /// Numbers of the SQL words in its query that ask for the time, such as `CURRENT_DATE`.
    pub clock_words: Vec<i32>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

/// A relation that the query reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Its name as SQL writes it, with the schema.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Its owner.
    pub owner: String,
    /// The plain view through which it is read.
    pub through: Option<String>,
    /// The table whose partition, or child, it is.
    pub part_of: Option<String>,
    /// The role with whose rights it is read.
    pub reader: Option<String>,
    /// Whether that role may read what the query reads of it.
    pub readable: bool,
    /// Whether row security hides rows from that role.
    pub hiding: bool,
    /// Its foreign server.
    pub server: Option<String>,
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SourceKind {
    /// A table.
    #[serde(rename = "r")]
    Table,
    /// A partitioned table.
    #[serde(rename = "p")]
    Partitioned,
    /// A foreign table.
    #[serde(rename = "f")]
    Foreign,
    /// A plain view.
    #[serde(rename = "v")]
    View,
    /// A materialized view.
    #[serde(rename = "m")]
    Materialized,
    /// Something else.
    #[serde(other)]
    Other,
}

impl SourceKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Partitioned => "partitioned table",
            Self::Foreign => "foreign table",
            Self::View => "view",
            Self::Materialized => "materialized view",
            Self::Other => "relation",
        }
    }
}

/// A function that the query calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the catalog's own facts")]
pub struct Function {
    /// Its name and arguments as SQL writes them.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Whether it came with the server.
    pub builtin: bool,
    /// Whether two calls can give different results.
    pub volatile: bool,
    /// Whether it asks for the time.
    pub clock: bool,
    /// Whether it runs a query that is a string, its body or an argument, so that nobody knows what it reads.
    pub hidden: bool,
    /// Whether it turns `row_security` on for itself.
    pub row_security: bool,
    /// Whether the view's owner may call it.
    pub callable: bool,
}

/// An index of the view.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Index {
    /// What a concurrent refresh asks of it.
    #[serde(flatten)]
    pub index: UniqueIndex,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether two rows with NULL count as equal.
    pub nulls_not_distinct: bool,
    /// The statement that makes it; `None` while somebody holds the view locked exclusively.
    pub definition: Option<String>,
    /// Its key columns; one that is an expression is missing.
    pub columns: Vec<KeyColumn>,
}

/// A key column of an index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KeyColumn {
    /// Its name as SQL writes it.
    pub name: String,
    /// Whether it can't be NULL: it comes from a column that can't, and nothing in the query can make it so.
    pub not_null: bool,
    /// The share of NULLs, from the statistics; `None` if there are none, or this role may not see them.
    pub null_fraction: Option<f64>,
}

/// Something that could be wrong with a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is, as JSON names it.
    pub kind: &'static str,
    /// One sentence for people.
    pub reason: String,
}

fn warning(kind: &'static str, reason: impl Into<String>) -> Warning {
    Warning { kind, reason: reason.into() }
}

/// The words that ask for the time, by their numbers in a stored query.
pub fn clock_word(number: i32) -> &'static str {
    match number {
        0 => "CURRENT_DATE",
        1 | 2 => "CURRENT_TIME",
        3 | 4 => "CURRENT_TIMESTAMP",
        5 | 6 => "LOCALTIME",
        _ => "LOCALTIMESTAMP",
    }
}

impl Catalog {
    /// The index that a concurrent refresh uses.
    pub fn serving_index(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.unique && index.index.unusable().is_none())
    }

    /// Everything that could be wrong with `view`.
    pub fn warnings(&self, view: &View) -> Vec<Warning> {
        let mut warnings = Vec::new();
        warnings.extend(view.drift().map(of_drift));
        if let Some(relation) = &view.relation {
            warnings.extend(of_concurrency(view, relation.populated, self.serving_index().is_some()));
        }
        self.nullable_keys(&mut warnings);
        self.of_sources(view, &mut warnings);
        self.of_functions(view, &mut warnings);
        warnings
    }

    fn nullable_keys(&self, warnings: &mut Vec<Warning>) {
        let Some(index) = self.serving_index() else { return };
        for column in index.columns.iter().filter(|column| !column.not_null) {
            let holds = match column.null_fraction {
                Some(share) if share > 0.0 => "holds NULLs",
                _ => "could hold NULLs",
            };
            let lost = if index.nulls_not_distinct {
                "rows with NULL in it are written anew by each refresh"
            } else {
                "rows with NULL in it escape the check for duplicates, and are written anew by each refresh"
            };
            warnings.push(warning(
                "nullable_key",
                format!("column {} of the unique index {} {holds}: {lost}", column.name, index.index.name),
            ));
        }
    }

    fn of_sources(&self, view: &View, warnings: &mut Vec<Warning>) {
        for source in &self.sources {
            let reader = source.reader.as_deref().unwrap_or("the owner");
            if source.hiding {
                warnings.push(warning(
                    "row_security",
                    format!("row security of {} hides rows from role {reader}, as whom it is read", source.name),
                ));
            }
            if !source.readable {
                let through = source.through.as_ref().map(|view| format!(" (through {view})")).unwrap_or_default();
                warnings.push(warning(
                    "no_select",
                    format!("role {reader} may not SELECT from {}{through}, so every refresh fails", source.name),
                ));
            }
            if source.kind == SourceKind::Foreign {
                let server = source.server.as_ref().map(|server| format!(" on server {server}")).unwrap_or_default();
                warnings.push(warning(
                    "foreign_table",
                    format!(
                        "{} is a foreign table{server}: a refresh depends on that server, and changes there can't be seen",
                        source.name
                    ),
                ));
            }
        }
        if self.sources.is_empty() && view.relation.is_some() {
            warnings.push(warning("no_sources", "its query reads no table or view of this database that is recorded"));
        }
    }

    fn of_functions(&self, view: &View, warnings: &mut Vec<Warning>) {
        let owner = view.relation.as_ref().map_or("", |relation| &*relation.owner);
        for function in &self.functions {
            let name = &function.name;
            if !function.callable {
                let why = format!("role {owner} may not EXECUTE {name}, so every refresh fails");
                warnings.push(warning("no_execute", why));
            }
            if function.hidden {
                let string = if matches!(&*function.language, "internal" | "c") {
                    "runs a query that it is given as a string"
                } else {
                    "has its body as a string"
                };
                let why = format!("{name} {string}: what it reads is not recorded, and may be missing here");
                warnings.push(warning("hidden_sources", why));
            }
            if function.row_security {
                let why = format!("{name} sets row_security for itself, and can leave out rows without an error");
                warnings.push(warning("row_security_setting", why));
            }
            if function.clock {
                let why = format!("{name} asks for the time: the data changes even if nothing in its sources does");
                warnings.push(warning("clock", why));
            } else if function.volatile {
                let why = format!("{name} is volatile: two refreshes can differ even if nothing in its sources does");
                warnings.push(warning("volatile", why));
            }
        }
        let mut words: Vec<&str> = self.clock_words.iter().map(|number| clock_word(*number)).collect();
        words.sort_unstable();
        words.dedup();
        warnings.extend(words.into_iter().map(|word| {
            let why = format!("{word} asks for the time: the data changes even if nothing in its sources does");
            warning("clock", why)
        }));
    }
}

/// What it means that a view is not the registered one any more.
pub fn of_drift(drift: Drift) -> Warning {
    match drift {
        Drift::Gone => warning("gone", "it is registered, and there is no such materialized view any more"),
        Drift::Replaced => warning(
            "replaced",
            "it was dropped and made again since it was registered; the next refresh registers the new one",
        ),
        Drift::Renamed(before) => warning(
            "renamed",
            format!("it was registered as {}, and is not refreshed until it is registered again", before.sql),
        ),
        Drift::OwnerChanged(before) => warning(
            "owner_changed",
            format!("it belonged to role {before} when it was registered, and is not refreshed until it is again"),
        ),
    }
}

fn of_concurrency(view: &View, populated: bool, has_index: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !populated {
        let first = if matches!(view.managed, Managed::Yes(_)) {
            "nobody can read it before its first refresh"
        } else {
            "nobody can read it before it is refreshed for the first time"
        };
        warnings.push(warning("not_populated", format!("it has no data: {first}")));
    }
    if !has_index {
        let effect = match &view.managed {
            Managed::Yes(registered) if !registered.blocking => "so every refresh fails",
            _ => "so each refresh blocks those who read it",
        };
        warnings.push(warning("not_concurrently", format!("no unique index serves a concurrent refresh, {effect}")));
    }
    warnings
}
