//! Statements that help against a failure.

use super::{Around, Attempts, Class, Failure, Function};
use crate::{
    diagnosis::{
        fix::{Fix, FixAction},
        locks,
    },
    views::details::SourceKind,
};

/// Most statements of one kind.
const MOST: usize = 3;

pub fn of(
    class: Class,
    attempts: &Attempts,
    last: &Failure,
    function: Option<&Function>,
    around: &Around<'_>,
) -> Vec<Fix> {
    let database = &*attempts.database;
    match class {
        Class::Lock | Class::Deadlock => {
            let still = still_blocking(last, around);
            if still.is_empty() { vec![again(database, around)] } else { still }
        }
        // The session that stood in its way may do so again.
        Class::Cancelled | Class::Lost | Class::Conflict | Class::Connections => vec![again(database, around)],
        Class::Permission => grants(database, around),
        Class::Missing => search_path(attempts, function),
        Class::State => around.index.map(|check| check.fixes.clone()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn again(database: &str, around: &Around<'_>) -> Fix {
    Fix::new(FixAction::Refresh { view: around.id.to_owned() }, database)
}

/// What ends the sessions of the black box that are still there, with a lock on what the view reads.
fn still_blocking(last: &Failure, around: &Around<'_>) -> Vec<Fix> {
    let (Some(boxed), Some(now)) = (&last.black_box, around.locks) else { return Vec::new() };
    let was = |pid: i32| boxed.sessions.iter().any(|session| session.pid == pid && session.blocked_by.is_empty());
    let here = now.chain.iter().chain(&now.idle).chain(&now.prepared).filter(|session| {
        session.blocked_by.is_empty() && was(session.pid) && session.locks.iter().any(|lock| !lock.ends_with("(waits)"))
    });
    let mut fixes: Vec<Fix> = Vec::new();
    for fix in here.flat_map(|session| locks::end(session, &now.database)) {
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    fixes.truncate(MOST);
    fixes
}

/// The rights that the view's owner had at the last success. What else a role lacks, it may never have had: somebody could
/// have written it into a plain view, and would get it from whoever applies this.
fn grants(database: &str, around: &Around<'_>) -> Vec<Fix> {
    let (Some(catalog), Some(registered)) = (around.catalog, around.registered) else { return Vec::new() };
    let Some(owner) = registered.now.as_ref().map(|now| &now.owner) else { return Vec::new() };
    if !around.older_than_success || registered.owner.as_ref() != Some(owner) {
        return Vec::new();
    }
    let lost = catalog.sources.iter().filter(|source| {
        !source.readable
            && source.through.is_none()
            && source.part_of.is_none()
            && source.reader.as_ref() == Some(owner)
            && matches!(source.kind, SourceKind::Table | SourceKind::Partitioned | SourceKind::Materialized)
    });
    let grant = |table: &String| FixAction::GrantSelect { table: table.clone(), role: owner.clone() };
    lost.take(MOST).map(|source| Fix::new(grant(&source.name), database)).collect()
}

/// A search path for the function that missed something, if it is clear what it means, and nobody else can put other
/// things there.
fn search_path(attempts: &Attempts, function: Option<&Function>) -> Vec<Fix> {
    let (Some(function), [found]) = (function, &*attempts.candidates) else { return Vec::new() };
    let theirs = found.superuser || found.owner == function.owner;
    if function.has_search_path || !found.closed || !theirs {
        return Vec::new();
    }
    let (function, schema) = (function.identity.clone(), found.schema.clone());
    vec![Fix::new(FixAction::SetSearchPath { function, schema }, &attempts.database)]
}
