//! Materialized views, for people and as JSON.

use super::{Output, clean, json};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    age,
    diagnosis::bytes,
    limits::Overrides,
    numbers::grouped,
    views::{
        Drift, Managed, Registered, View, Views,
        details::{Catalog, Function, Index, Source, clock_word},
    },
};
use serde_json::{Value, json};

/// For a value that is not known, or that does not apply.
pub const UNKNOWN: &str = "-";

/// Whether a view is managed, in a word or two.
pub fn managed(view: &View) -> &'static str {
    match (&view.managed, view.drift()) {
        (Managed::Unknown, _) => "unknown",
        (Managed::No, _) => "unmanaged",
        (Managed::Yes(_), None) => "managed",
        (Managed::Yes(_), Some(Drift::Gone)) => "gone",
        (Managed::Yes(_), Some(Drift::Replaced)) => "replaced",
        (Managed::Yes(_), Some(Drift::Renamed(_))) => "renamed",
        (Managed::Yes(_), Some(Drift::OwnerChanged(_))) => "other owner",
    }
}

/// Its state, in the colour of its verdict on a terminal.
pub fn state(view: &View, now: DateTime<Utc>, overrides: &Overrides, output: Output) -> String {
    view.health(now, overrides).map_or_else(|| UNKNOWN.into(), |health| output.judged(health.word(), health.verdict))
}

/// The age of its data.
pub fn data_age(view: &View, now: DateTime<Utc>) -> String {
    view.data_age(now).map_or_else(|| UNKNOWN.into(), age::label)
}

/// Its rows, as the planner estimates them.
pub fn rows(view: &View) -> String {
    let rows = view.relation.as_ref().and_then(|relation| relation.rows);
    rows.map_or_else(|| UNKNOWN.into(), grouped)
}

/// Its size.
pub fn size(view: &View) -> String {
    view.relation.as_ref().and_then(|relation| relation.size).map_or_else(|| UNKNOWN.into(), bytes)
}

/// Whether it can be refreshed concurrently, and why not.
pub fn concurrently(view: &View) -> String {
    let Some(relation) = &view.relation else { return UNKNOWN.into() };
    relation.not_concurrently().map_or_else(|| "yes".into(), |why| clean(&format!("no: {why}")))
}

/// A view as the list shows it.
pub fn object(view: &View, views: &Views, readers: usize, overrides: &Overrides) -> Value {
    let relation = view.relation.as_ref();
    let now = views.at;
    json!({
        "name": view.name.sql,
        "view_schema": view.name.schema,
        "view_name": view.name.name,
        "managed": match &view.managed {
            Managed::Unknown => Value::Null,
            Managed::No => false.into(),
            Managed::Yes(_) => true.into(),
        },
        "refresh_type": view.registered().map(|registered| registered.id.as_str()),
        "drift": view.drift().map(|drift| match drift {
            Drift::Gone => "gone",
            Drift::Replaced => "replaced",
            Drift::Renamed(_) => "renamed",
            Drift::OwnerChanged(_) => "owner_changed",
        }),
        "owner": relation.map(|relation| &relation.owner),
        "populated": relation.map(|relation| relation.populated),
        "rows": relation.and_then(|relation| relation.rows),
        "size_bytes": relation.and_then(|relation| relation.size),
        "last_success_at": view.stats.as_ref().and_then(|stats| stats.last_success_at).map(json::moment),
        "data_age_s": view.data_age(now).map(|age| age.as_secs()),
        "health": view.health(now, overrides).as_ref().map(json::health),
        "limits": view.registered().map(|_| json::limits(&view.limits(overrides))),
        "concurrent": relation.map(|relation| json!({
            "possible": relation.not_concurrently().is_none(),
            "index": relation.serving_index().map(|index| &index.name),
            "reason": relation.not_concurrently(),
        })),
        "reads": relation.map(|relation| relation.reads),
        "read_by": readers,
    })
}

/// What is registered about a view.
pub fn settings(registered: &Registered) -> Value {
    let settings = registered.settings.iter().map(|(name, value)| json!({"name": name, "value": value}));
    json!({
        "lock_timeout_s": registered.lock_timeout.as_secs_f64(),
        "keep_log_s": registered.keep_log.as_secs(),
        "time_limit_s": registered.limits.time_limit.map(|limit| limit.as_secs_f64()),
        "time_zone": registered.time_zone,
        "settings": settings.collect::<Vec<_>>(),
    })
}

/// The members of the details that come from the catalogs.
pub fn details(catalog: &Catalog, view: &View) -> [(&'static str, Value); 4] {
    let serving = catalog.serving_index().map(|index| &index.index.name);
    let indexes = catalog.indexes.iter().map(|index| self::index(index, Some(&index.index.name) == serving));
    let words = catalog.clock_words.iter().map(|number| {
        json!({
            "name": clock_word(*number), "language": null, "builtin": true, "volatile": false, "clock": true,
            "hidden": false, "callable": true,
        })
    });
    let functions = catalog.functions.iter().map(function).chain(words).collect();
    let warnings = catalog.warnings(view);
    let warnings = warnings.iter().map(|warning| json!({"kind": warning.kind, "reason": warning.reason})).collect();
    [
        ("sources", Value::Array(catalog.sources.iter().map(source).collect())),
        ("functions", Value::Array(functions)),
        ("indexes", Value::Array(indexes.collect())),
        ("warnings", Value::Array(warnings)),
    ]
}

fn source(source: &Source) -> Value {
    json!({
        "name": source.name,
        "type": source.kind.words(),
        "owner": source.owner,
        "through": source.through,
        "part_of": source.part_of,
        "reader": source.reader,
        "readable": source.readable,
        "rows_hidden": source.hiding,
        "server": source.server,
    })
}

fn function(function: &Function) -> Value {
    json!({
        "name": function.name,
        "language": function.language,
        "builtin": function.builtin,
        "volatile": function.volatile,
        "clock": function.clock,
        "hidden": function.hidden,
        "callable": function.callable,
    })
}

fn index(index: &Index, serving: bool) -> Value {
    let columns = index
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "not_null": column.not_null, "null_fraction": column.null_fraction}));
    json!({
        "name": index.index.name,
        "definition": index.definition,
        "unique": index.unique,
        "serves_concurrent_refresh": serving,
        "reason": unusable(index),
        "columns": columns.collect::<Vec<_>>(),
    })
}

/// Why a concurrent refresh can't use an index.
pub fn unusable(index: &Index) -> Option<&'static str> {
    if index.unique { index.index.unusable() } else { Some("is not unique") }
}
