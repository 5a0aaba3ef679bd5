//! `refreshtop views list`: every materialized view of the database, worst first.

use super::{missing, notes, quoted, read};
use crate::{
    cli::views::ViewsList,
    command::Failure,
    output::{
        Output, clean, json,
        table::Table,
        views::{self as shown, UNKNOWN},
    },
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{
    exit,
    views::{Managed, View, Views},
};
use serde_json::{Value, json};

/// Reads and prints them.
pub async fn run(list: &ViewsList, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let views = read(target, settings.overrides.window).await?;
    for pattern in &list.names {
        if !views.views.iter().any(|view| view.name.matches(pattern)) {
            let what = format!("there is no materialized view {} in this database", quoted(pattern));
            return Err(Failure::new(exit::FAILURE, clean(&missing(&views, &what, pattern))));
        }
    }
    let chosen: Vec<&View> = views
        .worst_first(&settings.overrides)
        .into_iter()
        .filter(|view| is_chosen(view, list) && (!list.faults || view.has_fault(views.at, &settings.overrides)))
        .collect();
    if output.json {
        return output.object("views", json::of_database(&target.id(), object(&views, &chosen, settings)));
    }
    output.print(&text(&views, &chosen, settings, output))
}

fn is_chosen(view: &View, list: &ViewsList) -> bool {
    let named = list.names.is_empty() || list.names.iter().any(|pattern| view.name.matches(pattern));
    let all = list.managed == list.unmanaged;
    let is_managed = matches!(view.managed, Managed::Yes(_));
    named && (all || list.managed == is_managed)
}

/// How many views read each view.
fn readers(views: &Views) -> impl Fn(&View) -> usize {
    let readers = views.readers();
    move |view| {
        let of = view.relation.as_ref().and_then(|relation| readers.get(&relation.oid));
        of.map_or(0, std::collections::BTreeSet::len)
    }
}

fn object(views: &Views, chosen: &[&View], settings: &Settings) -> Value {
    let readers = readers(views);
    let objects: Vec<Value> =
        chosen.iter().map(|view| shown::object(view, views, readers(view), &settings.overrides)).collect();
    json!({
        "at": json::moment(views.at),
        "window_s": settings.overrides.window.map(|window| window.as_secs()),
        "overridden": settings.overrides.names(),
        "registry": json::reading(&views.registry, |()| Value::Null),
        "statistics": json::reading(&views.statistics, |()| Value::Null),
        "count": objects.len(),
        "views": objects,
    })
}

fn text(views: &Views, chosen: &[&View], settings: &Settings, output: Output) -> String {
    if chosen.is_empty() {
        let none = if views.views.is_empty() {
            "There is no materialized view in this database."
        } else {
            "No materialized view is left by these filters."
        };
        return std::iter::once(none.to_owned()).chain(notes(views)).collect::<Vec<_>>().join("\n");
    }
    let readers = readers(views);
    let mut table = Table::new(&[
        "view",
        "managed",
        "state",
        "data age",
        "populated",
        "rows",
        "size",
        "reads",
        "read by",
        "concurrently",
    ]);
    for view in chosen {
        let relation = view.relation.as_ref();
        let populated = relation.map_or(UNKNOWN, |relation| if relation.populated { "yes" } else { "no" });
        table.row([
            clean(&view.name.sql),
            shown::managed(view).to_owned(),
            shown::state(view, views.at, &settings.overrides, output),
            shown::data_age(view, views.at),
            populated.to_owned(),
            shown::rows(view),
            shown::size(view),
            relation.map_or_else(|| UNKNOWN.into(), |relation| relation.reads.to_string()),
            readers(view).to_string(),
            shown::concurrently(view),
        ]);
    }
    table.render(output) + &notes(views).join("\n")
}
