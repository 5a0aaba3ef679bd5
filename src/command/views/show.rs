//! `refreshtop views show`: one page about one view.

use super::{failed, notes, wanted};
use crate::{
    cli::views::ViewsShow,
    command::{Failure, session},
    output::{
        Output, clean, json, moment, outcome,
        table::Table,
        views::{self as shown, UNKNOWN},
    },
    settings::Settings,
};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    age,
    diagnosis::bytes,
    limits::{Sourced, ViewLimits},
    numbers::{counted, grouped_u64, length},
    run::Run,
    views::{
        Registered, View, Views,
        details::{Catalog, Details, Index, Source},
    },
};
use refreshtop_db::{read_transaction::ReadTransaction, views};
use serde_json::{Value, json};
use std::time::Duration;

/// Runs that the page lists.
const RUNS: u16 = 5;
/// Sources and partitions that the page lists; JSON has all of them.
const MOST_SOURCES: usize = 40;

/// Reads and prints it.
pub async fn run(show: &ViewsShow, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut session = session::open(target, "views", &Limits::READING).await?;
    let read = async {
        let tx = ReadTransaction::begin(&mut session).await.map_err(failed(target))?;
        let views = views::views(&tx, settings.overrides.window).await.map_err(failed(target))?;
        let view = wanted(&views, &show.name)?.clone();
        let details = views::details(&tx, &view, RUNS).await.map_err(failed(target))?;
        tx.end();
        Ok((views, view, details))
    };
    let read: Result<_, Failure> = read.await;
    session::close(session).await;
    let (views, view, details) = read?;
    if output.json {
        let object = object(&views, &view, &details, settings);
        return output.object("views_show", json::of_database(&target.id(), object));
    }
    output.print(&text(&views, &view, &details, settings, output))
}

/// The views that read `view`.
fn readers<'a>(views: &'a Views, view: &View) -> Vec<&'a str> {
    let oid = view.relation.as_ref().map(|relation| relation.oid);
    let of = oid.and_then(|oid| views.readers().remove(&oid)).unwrap_or_default();
    of.into_iter().map(|name| &*name.sql).collect()
}

fn object(views: &Views, view: &View, details: &Details, settings: &Settings) -> Value {
    let readers = readers(views, view);
    let mut object = shown::object(view, views, readers.len(), &settings.overrides);
    let more = [
        ("at", json::moment(views.at)),
        ("window_s", view.limits(&settings.overrides).window.value.as_secs().into()),
        ("registry", json::reading(&views.registry, |()| Value::Null)),
        ("statistics", json::reading(&views.statistics, |()| Value::Null)),
        ("stats", view.stats.as_ref().map_or(Value::Null, json::stats)),
        ("readers", json!(readers)),
        ("settings", view.registered().map_or(Value::Null, shown::settings)),
        ("runs", json::reading(&details.runs, |runs| runs.iter().map(json::run).collect())),
    ];
    if let Some(members) = object.as_object_mut() {
        let all = more.into_iter().chain(shown::details(&details.catalog, view));
        members.extend(all.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

fn text(views: &Views, view: &View, details: &Details, settings: &Settings, output: Output) -> String {
    let mut table = Table::bare();
    table.row(["view", &clean(&view.name.sql)]);
    head(&mut table, views, view, settings, output);
    sources(&mut table, &details.catalog);
    let readers = readers(views, view);
    let readers = if readers.is_empty() { "no materialized view".to_owned() } else { readers.join(", ") };
    table.row(["read by", &clean(&readers)]);
    indexes(&mut table, &details.catalog);
    if let Some(registered) = view.registered() {
        limits(&mut table, &view.limits(&settings.overrides));
        registry(&mut table, registered);
        runs(&mut table, details);
    }
    let warnings = details.catalog.warnings(view);
    let none = warnings.is_empty().then(|| "nothing that the catalogs tell".to_owned());
    let warnings = warnings.into_iter().map(|warning| warning.reason).chain(none);
    lines(&mut table, "could be wrong", warnings);
    table.render(output) + &notes(views).join("\n")
}

/// A name, and a line for each of several values.
fn lines(table: &mut Table, name: &str, values: impl Iterator<Item = String>) {
    for (number, value) in values.enumerate() {
        table.row([if number == 0 { name } else { "" }, &clean(&value)]);
    }
}

fn head(table: &mut Table, views: &Views, view: &View, settings: &Settings, output: Output) {
    let managed = match view.registered() {
        Some(registered) => format!("{}, as {}", shown::managed(view), registered.id),
        None => shown::managed(view).to_owned(),
    };
    table.row(["managed", &clean(&managed)]);
    table.row(["state", &shown::state(view, views.at, &settings.overrides, output)]);
    if let Some(health) = view.health(views.at, &settings.overrides) {
        lines(table, "", health.findings.into_iter().map(|finding| finding.reason));
    }
    table.row(["data age", &shown::data_age(view, views.at)]);
    if let Some(stats) = &view.stats {
        let window = length(view.limits(&settings.overrides).window.value);
        table.row([
            "runs",
            &format!("{} of {} ok in {window}", grouped_u64(stats.successful), grouped_u64(stats.total)),
        ]);
    }
    if let Some(relation) = &view.relation {
        table.row(["owner", &clean(&relation.owner)]);
        table.row(["populated", if relation.populated { "yes" } else { "no" }]);
    }
    table.row(["rows", &shown::rows(view)]);
    table.row(["size", &shown::size(view)]);
    table.row(["concurrently", &shown::concurrently(view)]);
}

fn sources(table: &mut Table, catalog: &Catalog) {
    let all = catalog.sources.len();
    let more = (all > MOST_SOURCES).then(|| format!("… and {} more", all - MOST_SOURCES));
    let none = (all == 0).then(|| "nothing that is recorded".to_owned());
    lines(table, "reads", catalog.sources.iter().take(MOST_SOURCES).map(source).chain(more).chain(none));
    lines(table, "functions", catalog.functions.iter().map(|function| function.name.clone()));
}

fn source(source: &Source) -> String {
    let on = source.server.as_ref().map(|server| format!(" on server {server}")).unwrap_or_default();
    let through = source.through.as_ref().map(|view| format!(", through {view}")).unwrap_or_default();
    let part_of = source.part_of.as_ref().map(|parent| format!(", part of {parent}")).unwrap_or_default();
    format!("{} ({}{on} of {}{through}{part_of})", source.name, source.kind.words(), source.owner)
}

fn indexes(table: &mut Table, catalog: &Catalog) {
    let serving = catalog.serving_index().map(|index| &index.index.name);
    let none = catalog.indexes.is_empty().then(|| "none".to_owned());
    let line = |index: &Index| {
        let note = match shown::unusable(index) {
            None if Some(&index.index.name) == serving => "serves the concurrent refresh".to_owned(),
            None => "could serve the concurrent refresh".to_owned(),
            Some(why) => format!("can't serve a concurrent refresh: it {why}"),
        };
        format!("{} ({note})", index.definition.as_ref().unwrap_or(&index.index.name))
    };
    lines(table, "indexes", catalog.indexes.iter().map(line).chain(none));
}

/// Each limit that the view is judged by, and where it comes from.
fn limits(table: &mut Table, limits: &ViewLimits) {
    let long = |limit: Sourced<Duration>| format!("{} ({})", length(whole(limit.value)), limit.source.words());
    let rate = |limit: Sourced<f64>| format!("{} % ({})", limit.value, limit.source.words());
    table.row(["max age", &long(limits.max_age)]);
    table.row(["max duration", &long(limits.max_duration)]);
    table.row(["success warning", &rate(limits.success_warning)]);
    table.row(["success critical", &rate(limits.success_critical)]);
    table.row(["window", &long(limits.window)]);
}

/// To the second, if that leaves anything: a tenth of an odd time has fractions that tell nothing.
fn whole(length: Duration) -> Duration {
    if length < Duration::from_mins(1) { length } else { Duration::from_secs(length.as_secs()) }
}

fn registry(table: &mut Table, registered: &Registered) {
    table.row(["time limit", &registered.limits.time_limit.map_or_else(|| "none".into(), length)]);
    table.row(["lock timeout", &length(registered.lock_timeout)]);
    table.row(["keep log", &length(registered.keep_log)]);
    table.row(["time zone", &clean(&registered.time_zone)]);
    let settings = registered.settings.iter().map(|(name, value)| format!("{name} = {value}"));
    lines(table, "settings", settings);
}

fn runs(table: &mut Table, details: &Details) {
    match &details.runs {
        Ok(runs) if runs.is_empty() => table.row(["last runs", "none"]),
        Ok(runs) => lines(table, "last runs", runs.iter().map(line)),
        Err(missing) => table.row(["last runs", &clean(&missing.reason)]),
    }
}

fn line(run: &Run) -> String {
    let outcome = outcome(run.status);
    let duration = run.duration_ms.map_or_else(|| UNKNOWN.into(), age::duration_ms);
    let error = run.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let rows = |count: Option<u64>, way: &str| count.map(|count| format!(", {} {way}", counted(count, "row")));
    let wal = run.work.server_wal_bytes.and_then(|wal| i64::try_from(wal).ok());
    let work: String = [
        rows(run.work.rows_inserted, "in"),
        rows(run.work.rows_deleted, "out"),
        wal.map(|wal| format!(", at most {} of WAL", bytes(wal))),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{} UTC {outcome} in {duration}{work}{error}", moment(run.started_at))
}
