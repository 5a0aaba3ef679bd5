//! Whether the view is the one that was registered, and whether it may be refreshed.

use super::{Check, Detail, Fix, FixAction, Verdict};
use crate::{
    reading::Unavailable,
    views::details::{Catalog, SourceKind},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the registry tells about one view.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Registry {
    /// Whether refreshtop is installed.
    pub installed: bool,
    /// Whether this role may see which views are managed.
    pub readable: bool,
    /// What is registered; `None` if the view is not managed.
    pub view: Option<Registration>,
}

/// A managed view.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Registration {
    pub schema: String,
    pub name: String,
    /// Both as SQL writes them.
    pub sql: String,
    /// Its oid when it was registered or last refreshed.
    pub oid: Option<i64>,
    /// Its owner at that time.
    pub owner: Option<String>,
    /// Whether a migration made it.
    pub came_with_migration: bool,
    pub blocking: bool,
    /// The name of its job.
    pub job: String,
    pub schedule: Option<String>,
    pub lock_timeout_s: f64,
    pub time_limit_s: Option<f64>,
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// What has its name now.
    pub now: Option<Standing>,
    /// Where the view with that oid is now, if not there.
    pub moved: Option<Moved>,
    /// Whether the installation may refresh it; `None` if there is nothing to refresh.
    pub may_refresh: Option<bool>,
}

/// A relation that has the view's name.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Standing {
    pub oid: i64,
    pub kind: Option<SourceKind>,
    pub owner: String,
}

/// Another place of the registered view.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Moved {
    pub schema: String,
    pub name: String,
    /// Both as SQL writes them.
    pub sql: String,
}

const TITLE: &str = "The view itself";

fn new(verdict: Verdict, finding: impl Into<String>) -> Check {
    Check::new("view", TITLE, verdict, finding)
}

/// A check of a view of which the registry can't be read.
pub fn unknown(why: &Unavailable) -> Check {
    Check::unknown("view", TITLE, why)
}

/// Whether view `id` is there, and the registered one; `own` if a migration makes it.
pub fn check(registry: &Registry, id: &str, own: bool, database: &str) -> Check {
    let Some(view) = &registry.view else { return unmanaged(registry, id, own) };
    let again = if view.came_with_migration { "refreshtop migrate".to_owned() } else { command("views add", id) };
    let sql = &view.sql;
    match &view.now {
        None => missing(view, id, database),
        Some(now) if now.kind != Some(SourceKind::Materialized) => {
            let kind = now.kind.map_or("relation", SourceKind::words);
            let mut check =
                new(Verdict::Bad, format!("{sql} is a {kind} now, so nothing is refreshed{}.", beside(view)));
            check.advice = "Give that another name, and the materialized view its own.".into();
            check
        }
        Some(now) if view.owner.as_ref().is_some_and(|owner| *owner != now.owner) => {
            let owner = view.owner.as_deref().unwrap_or_default();
            let finding = format!(
                "{sql} belongs to role {}, and was registered with owner {owner}, so it is not refreshed.",
                now.owner
            );
            new(Verdict::Bad, finding).advise(format!("If that is meant, run: {again}."))
        }
        Some(_) if view.may_refresh == Some(false) => {
            new(Verdict::Bad, format!("refreshtop has lost the right to refresh {sql}."))
                .advise(format!("Run: {again}, which grants it again."))
        }
        Some(now) if view.oid.is_some_and(|oid| oid != now.oid) => {
            let finding = format!(
                "{sql} was dropped and made again since it was registered{}: the next refresh registers the new one.",
                beside(view)
            );
            new(Verdict::Good, finding)
        }
        Some(now) => new(Verdict::Good, format!("{sql} of owner {} is the view that was registered.", now.owner)),
    }
}

fn unmanaged(registry: &Registry, id: &str, own: bool) -> Check {
    match registry {
        Registry { installed: false, .. } => {
            new(Verdict::Bad, format!("{id} is not managed: refreshtop is not installed in this database."))
                .advise("Run: refreshtop migrate.")
        }
        Registry { readable: false, .. } => new(Verdict::Unknown, "This role may not see which views are managed.")
            .advise("GRANT refreshtop_admin TO this role, or ask as a superuser."),
        _ if own => new(Verdict::Bad, format!("{id} is not registered, so it is not refreshed."))
            .advise("Run: refreshtop migrate, which registers it."),
        _ => new(Verdict::Bad, format!("No view is managed as {id}."))
            .advise(format!("refreshtop views lists them; {} manages it.", command("views add", id))),
    }
}

/// Where the registered view is, for the end of a sentence.
fn beside(view: &Registration) -> String {
    view.moved
        .as_ref()
        .map(|moved| format!(", and the one that was registered is {} now", moved.sql))
        .unwrap_or_default()
}

/// Nothing has the view's name.
fn missing(view: &Registration, id: &str, database: &str) -> Check {
    let sql = &view.sql;
    let Some(moved) = &view.moved else {
        let finding = format!(
            "Materialized view {sql} is missing, so nothing is refreshed: it was dropped, maybe by a DROP … CASCADE of \
             something that it reads."
        );
        let advice = if view.came_with_migration {
            "Run: refreshtop migrate, which makes it again.".to_owned()
        } else {
            format!("Make it again: it is refreshed as before; or run: {}.", command("views remove", id))
        };
        return new(Verdict::Bad, finding).advise(advice);
    };
    let finding =
        format!("Materialized view {sql} is missing, so nothing is refreshed: it is named {} now.", moved.sql);
    let back = if moved.schema == view.schema {
        let (schema, from, to) = (moved.schema.clone(), moved.name.clone(), view.name.clone());
        Some(FixAction::RenameView { schema, from, to })
    } else if moved.name == view.name {
        let (name, from, to) = (moved.name.clone(), moved.schema.clone(), view.schema.clone());
        Some(FixAction::MoveView { name, from, to })
    } else {
        None
    };
    let mut check = new(Verdict::Bad, finding);
    check.advice = if view.came_with_migration {
        "Give it its old name back.".to_owned()
    } else {
        let add = command("views add", moved.sql.strip_prefix("public.").unwrap_or(&moved.sql));
        format!("Give it its old name back; if the new one is meant, run: {add}, and it keeps its settings.")
    };
    check.fixes.extend(back.map(|back| Fix::new(back, database)));
    check
}

/// Whether the view's owner, and the owners of plain views, may read and call what the query needs.
pub fn rights(catalog: &Catalog, owner: &str) -> Check {
    let new = |verdict, finding: String| Check::new("rights", "Rights on what it reads", verdict, finding);
    let unreadable = catalog.sources.iter().filter(|source| !source.readable).map(|source| {
        let through = source.through.as_ref().map(|view| format!(" (through {view})")).unwrap_or_default();
        format!("role {} may not SELECT from {}{through}", source.reader.as_deref().unwrap_or(owner), source.name)
    });
    let uncallable = catalog.functions.iter().filter(|function| !function.callable);
    let uncallable = uncallable.map(|function| format!("role {owner} may not EXECUTE {}", function.name));
    let lines: Vec<String> = unreadable.chain(uncallable).collect();
    let Some(first) = lines.first() else {
        return new(Verdict::Good, format!("Role {owner} may read and call all that the query needs."));
    };
    let more =
        if lines.len() > 1 { format!(", and {} more rights are missing", lines.len() - 1) } else { String::new() };
    new(Verdict::Bad, format!("Every refresh fails, because {first}{more}."))
        .advise("Grant what is missing, if it was taken away by mistake.")
        .detail(Detail::Lines(lines))
}

/// A command about a view, as a shell reads it.
pub(super) fn command(words: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if !name.is_empty() && name.chars().all(plain) {
        return format!("refreshtop {words} {name}");
    }
    format!("refreshtop {words} '{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered() -> Registration {
        let now = Standing { oid: 7, kind: Some(SourceKind::Materialized), owner: "shop".into() };
        Registration {
            schema: "shop".into(),
            name: "sales".into(),
            sql: "shop.sales".into(),
            oid: Some(7),
            owner: Some("shop".into()),
            now: Some(now),
            may_refresh: Some(true),
            ..Registration::default()
        }
    }

    fn of(change: impl FnOnce(&mut Registration)) -> Check {
        let mut view = registered();
        change(&mut view);
        let registry = Registry { installed: true, readable: true, view: Some(view) };
        check(&registry, "shop.sales", false, "app")
    }

    #[test]
    fn a_renamed_view_gets_its_name_back() {
        let moved = |schema: &str, name: &str| {
            let moved = Moved { schema: schema.into(), name: name.into(), sql: format!("{schema}.{name}") };
            of(|view| (view.now, view.moved) = (None, Some(moved)))
        };
        let sql = |check: &Check| check.fixes.iter().map(Fix::sql).collect::<Vec<_>>();
        let renamed = moved("shop", "sales_old");
        assert!(renamed.verdict == Verdict::Bad && renamed.finding.contains("it is named shop.sales_old now"));
        assert!(renamed.advice.contains("refreshtop views add shop.sales_old"), "{}", renamed.advice);
        assert_eq!(sql(&renamed), [r#"ALTER MATERIALIZED VIEW "shop"."sales_old" RENAME TO "sales""#]);
        let elsewhere = moved("old", "sales");
        assert_eq!(sql(&elsewhere), [r#"ALTER MATERIALIZED VIEW "old"."sales" SET SCHEMA "shop""#]);
        assert_eq!(moved("old", "sales_old").fixes, []);
    }

    #[test]
    fn what_is_not_the_registered_view_is_not_refreshed() {
        assert_eq!(of(|_| {}).verdict, Verdict::Good);
        assert!(of(|view| view.now = None).advice.contains("refreshtop views remove shop.sales"));
        let other = |change: fn(&mut Standing)| of(|view| view.now.iter_mut().for_each(change));
        assert!(other(|now| now.kind = Some(SourceKind::Table)).finding.contains("shop.sales is a table now"));
        assert_eq!(other(|now| now.owner = "x".into()).verdict, Verdict::Bad);
        assert_eq!(other(|now| now.oid = 8).verdict, Verdict::Good);
        assert!(of(|view| view.may_refresh = Some(false)).advice.contains("refreshtop views add shop.sales"));
    }

    #[test]
    fn a_view_that_is_not_managed_says_what_to_do() {
        let of = |registry: &Registry, own| check(registry, "it's", own, "app");
        assert_eq!(of(&Registry::default(), true).advice, "Run: refreshtop migrate.");
        let seen = Registry { installed: true, readable: true, view: None };
        assert!(of(&seen, true).advice.contains("refreshtop migrate"));
        assert!(of(&seen, false).advice.contains(r"refreshtop views add 'it'\''s'"));
        assert_eq!(of(&Registry { readable: false, ..seen }, false).verdict, Verdict::Unknown);
    }
}
