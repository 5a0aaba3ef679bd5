//! `refreshtop incidents`: those of one view, or of all, what has one cause together.

use crate::{
    cli::arguments::Incidents,
    command::{Failure, session},
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{
    address::ViewId,
    age, exit,
    incident::{
        Blocker, Incident,
        shared::{Shared, shared},
        stale_label,
    },
    limits::window_of,
    numbers::length,
    views::OwnLimits,
};
use refreshtop_db::{
    error::Error,
    managed_incidents::{self, Found, Wanted},
    snapshot::Kept,
    statistics,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Views that a row names.
const NAMED: usize = 2;

/// Lists the incidents, those that go on in front, then the newest.
///
/// # Errors
/// The database can't be reached, or its log can't be read.
pub async fn run(wanted: &Incidents, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let failed = |failure: &Error| session::failure("read the incidents", target, failure);
    let mut app = Kept::open(target, "incidents").await?;
    let one = settings.view_named.then(|| settings.view.clone());
    if let Some(view) = &one {
        statistics::check_view(&mut app.session, view).await.map_err(|failure| failed(&failure))?;
    }
    let usual = window_of(&OwnLimits::default(), settings.overrides.window);
    let question = Wanted {
        only: one.clone(),
        otherwise: settings.view.clone(),
        window: wanted.since.unwrap_or(usual),
        overrides: settings.overrides.clone(),
    };
    let found = managed_incidents::read(&mut app, &question).await.map_err(|failure| failed(&failure))?;
    session::close(app.session).await;
    let found = found.map_err(|missing| {
        let fix = if missing.fix.is_empty() { String::new() } else { format!("; {}", missing.fix) };
        Failure::new(exit::NOT_PERMITTED, format!("{}{fix}", missing.reason))
    })?;
    let list = shared(&found.records, |view| found.limit(view), found.at);
    if output.json {
        return output.object("incidents", object(target, one.as_ref(), &question, &found, &list));
    }
    output.print(&text(&list, question.window, is_cut(&found), output))
}

/// Whether there were more, older ones.
fn is_cut(found: &Found) -> bool {
    found.records.iter().any(|(_, record)| record.cut)
}

fn text(list: &[Shared], window: Duration, cut: bool, output: Output) -> String {
    let window = length(window);
    if list.is_empty() {
        return format!("No incident in the last {window}.");
    }
    let open = list.iter().filter(|one| one.is_open()).count();
    let incidents = if list.len() == 1 { "1 incident".to_owned() } else { format!("{} incidents", list.len()) };
    let open = if open == 0 { "none of them open".to_owned() } else { format!("{open} open") };
    let cut = if cut { "; older ones are left out" } else { "" };
    let heading = ["state", "began (UTC)", "lasted", "stale", "failed", "views", "cause"];
    let mut table = Table::new(&heading);
    for one in list {
        table.row([
            if one.is_open() { "OPEN".into() } else { "over".to_owned() },
            moment(one.began()),
            age::label(one.lasted()),
            one.stale_since().map_or_else(|| "-".into(), |_| stale_label(one.stale_for())),
            one.failures().to_string(),
            clean(&named(one)),
            clean(&one.cause()),
        ]);
    }
    format!("{incidents} in the last {window}, {open}{cut}.\n\n{}", table.render(output))
}

/// `shop.sales, shop.towns and 4 more`.
fn named(incident: &Shared) -> String {
    let names: Vec<&str> = incident.views.iter().take(NAMED).map(|(view, _)| view.as_str()).collect();
    match incident.views.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names.join(", ")),
        None => names.join(", "),
    }
}

fn object(target: &Target, one: Option<&ViewId>, wanted: &Wanted, found: &Found, list: &[Shared]) -> Value {
    let mut object = json::of_database(
        &target.id(),
        json!({
            "at": json::moment(found.at),
            "window_s": wanted.window.as_secs(),
            "count": list.len(),
            "cut": is_cut(found),
            "incidents": list.iter().map(incident).collect::<Vec<_>>(),
        }),
    );
    object["view"] = one.map_or(Value::Null, |view| view.as_str().into());
    object
}

fn incident(one: &Shared) -> Value {
    let first = one.first().map(|(_, failure)| failure);
    json!({
        "open": one.is_open(),
        "began_at": json::moment(one.began()),
        "ended_at": one.ended().map(|recovery| json::moment(recovery.at)),
        "ended_by": one.ended().map(|recovery| recovery.origin.name()),
        "lasted_s": one.lasted().as_secs_f64(),
        "stale_s": one.stale_for().as_secs_f64(),
        "failures": one.failures(),
        "cause": one.cause(),
        "sqlstate": first.and_then(|failure| failure.sqlstate.as_deref()),
        "error": first.and_then(|failure| failure.message.as_deref()),
        "first_run": one.first_run().map(|id| id.to_string()),
        "blockers": one.blockers().into_iter().map(blocker).collect::<Vec<_>>(),
        "views": one.views.iter().map(|(view, one)| of_view(view, one)).collect::<Vec<_>>(),
    })
}

fn of_view(view: &ViewId, one: &Incident) -> Value {
    json!({
        "view": view.as_str(),
        "began_at": json::moment(one.began),
        "ended_at": one.ended.map(|recovery| json::moment(recovery.at)),
        "stale_s": one.stale_for.as_secs_f64(),
        "failures": one.failures,
    })
}

fn blocker(blocker: &Blocker) -> Value {
    json!({
        "pid": blocker.pid,
        "role": blocker.user,
        "application": blocker.application,
        "mode": blocker.mode,
        "relation": blocker.relation,
    })
}
