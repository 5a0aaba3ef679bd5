//! What is found about a view before it is managed.

use crate::{
    error::{Error, Result},
    parameter::Parameter,
    quote::identifier,
    read_transaction::ReadTransaction,
    row::Row,
    session::Session,
    trust::Thing,
};
use refreshtop_core::{
    address::ViewId,
    manage::{Candidate, Examination, Obstacle, Registered, key},
};
use serde::Deserialize;

/// Every materialized view of the database, and what is registered as one and gone. Between `enter.sql` and `leave.sql`.
pub async fn candidates(session: &mut Session) -> Result<Vec<Candidate>> {
    session.ask(include_str!("candidates.sql"), &[]).await?.iter().map(candidate).collect()
}

/// The registered views, for whoever may see them. Nothing is known of what they read.
pub async fn managed(session: &mut Session) -> Result<Vec<Candidate>> {
    let look = ReadTransaction::begin(session).await?;
    let sql = "SELECT v.view_oid::int8 AS oid, v.refresh_type::text AS id, v.view_schema::text AS schema,
                      v.view_name::text AS name, coalesce(v.view_owner::text, '') AS owner, true AS registered,
                      v.managed_at IS NULL AS by_migration, '{}'::int8[] AS reads
               FROM refreshtop.views v ORDER BY v.refresh_type";
    look.ask(&[Thing::Relation("refreshtop.views")], sql, &[]).await?.iter().map(candidate).collect()
}

fn candidate(row: &Row) -> Result<Candidate> {
    Ok(Candidate {
        id: ViewId::new(row.try_get("id")?),
        schema: row.try_get("schema")?,
        name: row.try_get("name")?,
        oid: row.try_get("oid")?,
        owner: row.try_get("owner")?,
        registered: match (row.try_get("registered")?, row.try_get("by_migration")?) {
            (_, true) => Registered::ByMigration,
            (true, false) => Registered::Managed,
            (false, false) => Registered::No,
        },
        reads: row.try_get("reads")?,
    })
}

/// What the catalogues tell about a view.
#[derive(Debug, Deserialize)]
struct Facts {
    tree: Option<String>,
    populated: Option<bool>,
    hidden: Vec<String>,
    pathless: Vec<String>,
    row_security: Vec<String>,
    uncallable: Vec<String>,
    volatile: Vec<String>,
    clock: bool,
    keys: Vec<Key>,
    event_triggers: Vec<String>,
    refreshers: Vec<String>,
    refresher_names: Vec<String>,
    triggers: Vec<String>,
    foreign_tables: Vec<String>,
}

/// A unique index.
#[derive(Debug, Deserialize)]
struct Key {
    name: String,
    flaw: Option<String>,
    nulls: Option<Vec<Nulls>>,
}

#[derive(Debug, Deserialize)]
struct Nulls {
    column: String,
    fraction: Option<f64>,
}

/// A job of `pg_cron` in this database.
#[derive(Debug)]
struct Job {
    title: String,
    schedule: String,
    command: String,
}

/// Examines `view`. Between `enter.sql` and `leave.sql`.
pub async fn examine(session: &mut Session, view: &Candidate, blocking: bool) -> Result<Examination> {
    let oid = Parameter::Number(view.oid.unwrap_or_default());
    let sql = "SELECT o.problem, o.fix FROM refreshtop.obstacles($1::oid, $2) o ORDER BY o.place";
    let obstacles: Result<Vec<Obstacle>> = session
        .ask(sql, &[oid, Parameter::OptionalFlag(Some(blocking))])
        .await?
        .iter()
        .map(|row| Ok(Obstacle { problem: row.try_get("problem")?, fix: row.try_get("fix")? }))
        .collect();
    let facts: Option<String> = session.one(include_str!("examine.sql"), &[oid]).await?.try_get(0)?;
    let facts: Facts =
        serde_json::from_str(&facts.unwrap_or_default()).map_err(|failure| Error::Decode(failure.to_string()))?;
    let jobs = jobs(session).await;
    let usable = facts.keys.iter().any(|key| key.flaw.is_none());
    let proposed = key::proposed(facts.tree.as_deref().unwrap_or_default());
    Ok(Examination {
        view: view.clone(),
        obstacles: obstacles?,
        has_sure_key: proposed.as_ref().is_some_and(|proposed| proposed.is_sure && is_in_use(proposed, &facts.keys)),
        proposal: proposed.filter(|_| !blocking && !usable).map(|key| proposal(view, &key)),
        notes: notes(view, &facts, &jobs, blocking),
    })
}

/// Whether a usable unique index has these columns, and maybe more.
fn is_in_use(key: &key::Key, indexes: &[Key]) -> bool {
    let has = |index: &Key, column: &String| index.nulls.iter().flatten().any(|part| part.column == identifier(column));
    indexes.iter().any(|index| index.flaw.is_none() && key.columns.iter().all(|column| has(index, column)))
}

/// The statement that makes a unique index, as far as the query shows what is unique.
fn proposal(view: &Candidate, key: &key::Key) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| identifier(column)).collect();
    let (schema, name) = (identifier(&view.schema), identifier(&view.name));
    format!("CREATE UNIQUE INDEX CONCURRENTLY ON {schema}.{name} ({}); -- {}", columns.join(", "), key.because)
}

fn notes(view: &Candidate, facts: &Facts, jobs: &[Job], blocking: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if facts.populated == Some(false) {
        notes.push("it has no data yet: its first refresh is a plain one".to_owned());
    }
    if blocking {
        notes.push("each refresh keeps its readers waiting (--blocking)".to_owned());
    }
    for key in &facts.keys {
        if let Some(flaw) = &key.flaw {
            notes.push(format!("a concurrent refresh can't use unique index {}: {flaw}", key.name));
        }
    }
    if !blocking {
        notes.extend(nullable(&facts.keys));
    }
    let listed = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    notes.extend(listed("its owner may not call, so that every refresh fails", &facts.uncallable));
    notes.extend(listed("functions that find names by the search path, unless all are qualified", &facts.pathless));
    notes.extend(listed("what these functions read is not known", &facts.hidden));
    notes.extend(listed("functions that set row_security for themselves can leave out rows", &facts.row_security));
    notes.extend(listed("volatile functions: two refreshes can differ", &facts.volatile));
    if facts.clock {
        notes.push("its query asks for the time: the data changes even if nothing in its sources does".to_owned());
    }
    notes.extend(listed("it depends on other servers by foreign tables", &facts.foreign_tables));
    notes.extend(facts.event_triggers.iter().map(|trigger| format!("{trigger} at each refresh")));
    let others = facts.refreshers.iter().map(|function| format!("function {function}")).chain(facts.triggers.clone());
    let others = others.chain(jobs.iter().filter(|job| job.refreshes(view, facts)).map(Job::words));
    notes.extend(others.map(|other| format!("{other} refreshes it too")));
    notes
}

/// What a unique key with NULLs means, if every usable one could have some.
fn nullable(keys: &[Key]) -> Option<String> {
    let usable: Vec<&Key> = keys.iter().filter(|key| key.flaw.is_none()).collect();
    let fractions = |key: &Key| -> Vec<(String, Option<f64>)> {
        key.nulls.iter().flatten().map(|nulls| (nulls.column.clone(), nulls.fraction)).collect()
    };
    let is_free = |key: &&Key| fractions(key).iter().all(|(_, fraction)| *fraction == Some(0.0));
    if usable.is_empty() || usable.iter().any(is_free) {
        return None;
    }
    let key = usable[0];
    let holding: Vec<String> = fractions(key)
        .into_iter()
        .filter_map(|(column, fraction)| Some((column, fraction.filter(|fraction| *fraction > 0.0)?)))
        .map(|(column, fraction)| format!("{column} ({:.1} %)", fraction * 100.0))
        .collect();
    let name = &key.name;
    (!holding.is_empty()).then(|| {
        format!("the key of index {name} has NULLs in {}: each refresh writes these rows anew", holding.join(", "))
    })
}

/// The jobs of this database, as far as this role may see them: from `pg_cron`'s own table, or none.
async fn jobs(session: &mut Session) -> Vec<Job> {
    let known = session.one("SELECT refreshtop.has_cron()", &[]).await.and_then(|row| row.try_get::<bool, _>(0));
    if !known.unwrap_or_default() {
        return Vec::new();
    }
    let sql = "SELECT coalesce(j.jobname::text, 'number ' || j.jobid) AS title, j.schedule::text, j.command::text
               FROM cron.job j WHERE j.database = current_database() AND j.active ORDER BY j.jobid LIMIT 1000";
    let Ok(rows) = session.ask(sql, &[]).await else { return Vec::new() };
    let job = |row: &Row| -> Result<Job> {
        Ok(Job { title: row.try_get("title")?, schedule: row.try_get("schedule")?, command: row.try_get("command")? })
    };
    rows.iter().filter_map(|row| job(row).ok()).collect()
}

impl Job {
    fn words(&self) -> String {
        let command: String = self.command.chars().take(100).collect();
        format!("job {} ({}, {command})", self.title, self.schedule)
    }

    /// Whether its command names the view, or a function that refreshes it.
    fn refreshes(&self, view: &Candidate, facts: &Facts) -> bool {
        let command = self.command.to_lowercase();
        let named = |name: &str| has_word(&command, &name.to_lowercase());
        command.contains("refresh") && named(&view.name) || facts.refresher_names.iter().any(|name| named(name))
    }
}

/// Whether `word` stands in `text` by itself, not as a part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .any(|(at, _)| !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_found_in_a_longer_one() {
        assert!(has_word("refresh materialized view sales;", "sales"));
        assert!(has_word("refresh materialized view \"sales\"", "sales"));
        assert!(!has_word("refresh materialized view sales_2", "sales"));
        assert!(!has_word("refresh materialized view resales", "sales"));
    }
}
