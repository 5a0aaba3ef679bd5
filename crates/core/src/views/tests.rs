//! What the views of a database come to.

use super::{
    Drift, Edge, Managed, OwnLimits, Registered, Relation, UniqueIndex, View, Views,
    names::{NotFound, ViewName},
};
use crate::health::Rule;
use crate::{
    address::ViewId, health::Verdict, limits::Overrides, reading::Unavailable, snapshot::Server, stats::RefreshStats,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::BTreeMap, time::Duration};

fn now() -> DateTime<Utc> {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

fn name(schema: &str, view: &str) -> ViewName {
    let quoted = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if plain { part.to_owned() } else { format!("\"{part}\"") }
    };
    let sql = if schema == "public" { quoted(view) } else { format!("{}.{}", quoted(schema), quoted(view)) };
    ViewName { sql, schema: schema.into(), name: view.into() }
}

fn index(name: &str) -> UniqueIndex {
    UniqueIndex { name: name.into(), valid: true, ready: true, immediate: true, partial: false, expressions: false }
}

fn relation(oid: i64, reads: &[i64]) -> Relation {
    Relation {
        oid,
        owner: "app".into(),
        populated: true,
        rows: Some(1),
        size: Some(8192),
        unique_indexes: vec![index("key")],
        reads: 1,
        reads_views: reads.iter().map(|oid| Edge { oid: *oid, through: None }).collect(),
    }
}

fn registered(view: &ViewName, oid: i64) -> Registered {
    Registered {
        id: ViewId::new(&view.sql),
        name: view.clone(),
        oid: Some(oid),
        owner: Some("app".into()),
        lock_timeout: Duration::from_secs(5),
        keep_log: Duration::from_hours(720),
        time_zone: "UTC".into(),
        settings: BTreeMap::new(),
        blocking: false,
        by_migration: false,
        schedule: None,
        limits: OwnLimits::default(),
    }
}

fn views(relations: Vec<(ViewName, Relation)>, registry: Vec<Registered>, stats: &[(&str, RefreshStats)]) -> Views {
    let server =
        Server { database: "app".into(), role: "app".into(), version: "15".into(), standby: false, behind: None };
    let stats = stats.iter().map(|(id, stats)| (ViewId::new(id), stats.clone())).collect();
    Views::assemble((now(), server, None), relations, Ok(registry), Ok(stats), BTreeMap::new())
}

fn fresh(minutes: i64) -> RefreshStats {
    RefreshStats {
        total: 10,
        successful: 10,
        last_success_at: Some(now() - TimeDelta::minutes(minutes)),
        ..RefreshStats::default()
    }
}

fn found<'a>(views: &'a Views, wanted: &str) -> Result<&'a str, NotFound<'a>> {
    views.find(wanted).map(|view| &*view.name.sql)
}

#[test]
fn the_worst_is_first() {
    let (a, b, c, d) = (name("public", "a"), name("public", "b"), name("public", "c"), name("public", "d"));
    let mut empty = relation(4, &[]);
    empty.populated = false;
    let relations =
        vec![(a.clone(), relation(1, &[])), (b.clone(), relation(2, &[])), (c.clone(), relation(3, &[])), (d, empty)];
    let gone = name("public", "gone");
    let registry = vec![registered(&a, 1), registered(&b, 2), registered(&gone, 9)];
    let views = views(relations, registry, &[("a", fresh(1)), ("b", fresh(20))]);
    let order: Vec<&str> = views.worst_first(&Overrides::default()).iter().map(|view| &*view.name.sql).collect();
    assert_eq!(order, ["gone", "b", "d", "a", "c"]);
}

#[test]
fn a_view_is_known_by_its_name_and_then_by_its_oid() {
    let (old, new) = (name("public", "old"), name("public", "new"));
    let drift = |relations, registry| views(relations, registry, &[]).views[0].drift();
    assert_eq!(drift(vec![(old.clone(), relation(1, &[]))], vec![registered(&old, 1)]), None);
    assert_eq!(drift(vec![(new, relation(1, &[]))], vec![registered(&old, 1)]), Some(Drift::Renamed(old.clone())));
    assert_eq!(drift(vec![(old.clone(), relation(2, &[]))], vec![registered(&old, 1)]), Some(Drift::Replaced));
    assert_eq!(drift(vec![], vec![registered(&old, 1)]), Some(Drift::Gone));
    // A release made a new one and kept the old one under another name: the next refresh takes the new one.
    let kept = vec![(name("public", "backup"), relation(1, &[])), (old.clone(), relation(2, &[]))];
    let swapped = views(kept, vec![registered(&old, 1)], &[]);
    assert_eq!((&swapped.views[0].managed, swapped.views.len()), (&Managed::No, 2));
    assert_eq!(swapped.views[1].drift(), Some(Drift::Replaced));
    // Two views that have changed names are both refreshed under the names that they have.
    let (a, b) = (name("public", "a"), name("public", "b"));
    let crossed = vec![(a.clone(), relation(2, &[])), (b.clone(), relation(1, &[]))];
    let crossed = views(crossed, vec![registered(&a, 1), registered(&b, 2)], &[]);
    assert_eq!(crossed.views.iter().map(View::drift).collect::<Vec<_>>(), [const { Some(Drift::Replaced) }; 2]);
    // One took the name of another one, which is gone.
    let taken = views(vec![(b.clone(), relation(1, &[]))], vec![registered(&a, 1), registered(&b, 2)], &[]);
    assert_eq!(taken.views.iter().map(View::drift).collect::<Vec<_>>(), [Some(Drift::Replaced), Some(Drift::Gone)]);
    // The same view, and one that another role made in its place: neither is refreshed.
    for oid in [1, 2] {
        let mut owner = relation(oid, &[]);
        owner.owner = "other".into();
        let found = drift(vec![(old.clone(), owner)], vec![registered(&old, 1)]);
        assert_eq!(found, Some(Drift::OwnerChanged("app".into())));
    }
}

#[test]
fn what_keeps_a_view_from_being_refreshed_is_said_with_the_command_that_helps() {
    let limit = Duration::from_mins(10);
    let found = |change: &dyn Fn(&mut Relation, &mut Registered), age| {
        let sales = name("public", "Top Ten");
        let (mut relation, mut registered) = (relation(1, &[]), registered(&sales, 1));
        change(&mut relation, &mut registered);
        let all = views(vec![(sales.clone(), relation)], vec![registered], &[(&sales.sql, fresh(age))]);
        let overrides = Overrides { max_age: Some(limit), ..Overrides::default() };
        let health = all.views[0].health(now(), &overrides)?;
        health.finding(Rule::NothingRefreshes).map(|finding| (finding.verdict, finding.reason.clone()))
    };
    assert_eq!(found(&|_, _| {}, 1), None);
    let lost: &dyn Fn(&mut Relation, &mut Registered) = &|relation, _| relation.unique_indexes.clear();
    let why = "no unique index, so every refresh fails: refreshtop views add '\"Top Ten\"' proposes one".to_owned();
    assert_eq!(found(lost, 1), Some((Verdict::Warning, why.clone())));
    assert_eq!(found(lost, 11), Some((Verdict::Critical, why)));
    let readers_wait: &dyn Fn(&mut Relation, &mut Registered) = &|relation, registered| {
        relation.unique_indexes.clear();
        registered.blocking = true;
    };
    assert_eq!(found(readers_wait, 1), None);
    let empty = found(&|relation, _| relation.populated = false, 1);
    let why = "it has no data, so nobody can read it: refreshtop refresh '\"Top Ten\"'".to_owned();
    assert_eq!(empty, Some((Verdict::Warning, why)));
    let other = found(&|relation, _| relation.owner = "other".into(), 1);
    let why = "its owner was app, and it is not refreshed: refreshtop views add '\"Top Ten\"'".to_owned();
    assert_eq!(other, Some((Verdict::Warning, why)));
    let own = found(&|relation, registered| (relation.owner, registered.by_migration) = ("other".into(), true), 1);
    assert_eq!(own.unwrap().1, "its owner was app, and it is not refreshed: refreshtop migrate");
}

#[test]
fn who_may_not_see_the_registry_calls_no_view_unmanaged() {
    let view = (name("public", "a"), relation(1, &[]));
    let all = views(vec![view.clone()], Vec::new(), &[]);
    assert_eq!(all.views[0].managed, Managed::No);
    let hidden = Err(Unavailable::new("hidden", ""));
    let read = (now(), all.server.clone(), all.window);
    let all = Views::assemble(read, vec![view], hidden, Ok(BTreeMap::new()), BTreeMap::new());
    assert_eq!(all.views[0].managed, Managed::Unknown);
}

#[test]
fn a_name_means_what_it_says_most_literally() {
    let names = [("public", "daily"), ("sales", "daily"), ("Sales", "Daily"), ("sales", "only"), ("a.b", "c.d")];
    let relations = names.iter().zip(1..).map(|((schema, view), oid)| (name(schema, view), relation(oid, &[])));
    let all = views(relations.collect(), Vec::new(), &[]);
    for (wanted, is) in [
        ("daily", "daily"),
        ("public.daily", "daily"),
        ("SALES.DAILY", "sales.daily"),
        ("\"Sales\".\"Daily\"", "\"Sales\".\"Daily\""),
        ("\"Daily\"", "\"Sales\".\"Daily\""),
        ("Sales.Daily", "sales.daily"),
        ("only", "sales.only"),
        ("ONLY", "sales.only"),
        ("a.b.c.d", "\"a.b\".\"c.d\""),
        ("c.d", "\"a.b\".\"c.d\""),
        ("C.D", "\"a.b\".\"c.d\""),
    ] {
        assert_eq!(found(&all, wanted), Ok(is), "{wanted}");
    }
    for missing in ["none", "", "sales.none", "daily.sales"] {
        assert_eq!(found(&all, missing), Err(NotFound::Missing), "{missing}");
    }
    let twice = [("x", "twice"), ("y", "twice")];
    let relations = twice.iter().zip(1..).map(|((schema, view), oid)| (name(schema, view), relation(oid, &[])));
    let all = views(relations.collect(), Vec::new(), &[]);
    let Err(NotFound::Ambiguous(both)) = all.find("twice") else { panic!("one was chosen") };
    assert_eq!(both.len(), 2);
}

#[test]
fn why_no_concurrent_refresh() {
    let why = |change: &dyn Fn(&mut Relation)| {
        let mut relation = relation(1, &[]);
        change(&mut relation);
        relation.not_concurrently()
    };
    assert_eq!(why(&|_| {}), None);
    assert_eq!(why(&|relation| relation.unique_indexes.clear()).as_deref(), Some("no unique index"));
    assert_eq!(why(&|relation| relation.populated = false).as_deref(), Some("not populated"));
    assert_eq!(
        why(&|relation| relation.unique_indexes[0].partial = true).as_deref(),
        Some("its unique index key has a WHERE")
    );
    assert_eq!(
        why(&|relation| {
            relation.unique_indexes[0].expressions = true;
            relation.unique_indexes.push(index("other"));
            relation.unique_indexes[1].valid = false;
        })
        .as_deref(),
        Some("key has an expression, other is invalid")
    );
}

#[test]
fn sources_come_first_and_nothing_is_followed_twice() {
    // top reads left and right, both read base.
    let all = views(
        vec![
            (name("public", "top"), relation(1, &[2, 3])),
            (name("public", "left"), relation(2, &[4])),
            (name("public", "right"), relation(3, &[4])),
            (name("public", "base"), relation(4, &[])),
            (name("public", "alone"), relation(5, &[])),
        ],
        Vec::new(),
        &[],
    );
    let tree = all.tree(None);
    let shown: Vec<(&str, usize, bool)> =
        tree.lines.iter().map(|line| (&*line.view.name.sql, line.last.len(), line.repeated)).collect();
    let wanted = [("top", 0, false), ("left", 1, false), ("base", 2, false), ("right", 1, false), ("base", 2, false)];
    assert_eq!(shown, wanted, "a view that reads nothing is not marked");
    let order = |views: &[&View]| views.iter().map(|view| view.name.sql.clone()).collect::<Vec<_>>();
    assert_eq!(order(&tree.order), ["base", "left", "right", "top"]);
    assert_eq!(tree.alone, 1);
    let below = all.tree(Some(all.find("left").unwrap()));
    assert_eq!(order(&below.order), ["base", "left"]);
}
