//! `refreshtop logs`: the latest attempts, once or as they end: of one view, or of all if several are managed.

mod follow;

use crate::{
    cli::arguments::Logs,
    command::{Failure, session},
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    address::ViewId,
    age, exit,
    run::{Run, RunStatus},
};
use refreshtop_db::{
    default_view::{self, Choice, choice_among},
    error::{Error, Result},
    log,
    read_transaction::ReadTransaction,
    recent_runs::LogFilter,
    server_facts,
    session::Session,
    statistics,
};
use serde_json::{Value, json};

/// Columns of a follower's line for the name of a view, which is not cut.
const NAME: usize = 20;

/// The attempts that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    /// Those of this view.
    One(ViewId),
    /// Those of every view.
    All,
}

/// Lists the newest attempts, newest first; with `--follow` oldest first, and until it is stopped.
///
/// # Errors
/// The database can't be reached, or its log can't be read. Once a follower has started, it keeps trying.
pub async fn run(logs: &Logs, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut app = session::open(target, "logs", &Limits::READING).await?;
    let since = match logs.since {
        Some(_) => {
            let facts = server_facts::server_facts(&app).await.map_err(|error| failed(target, &error))?;
            logs.from(facts.time)
        }
        None => None,
    };
    statistics::check_view(&mut app, &settings.view).await.map_err(|error| failed(target, &error))?;
    let managed = if settings.view_named { None } else { default_view::managed(&mut app).await.ok() };
    let mut of = match &managed {
        Some(several) if several.len() > 1 => Of::All,
        _ => Of::One(settings.view.clone()),
    };
    if logs.follow {
        if let (Of::One(_), Some(managed)) = (&of, &managed) {
            of = Of::One(the_only_one(managed)?);
        }
        return follow::follow(logs, settings, &of, target, output, app, since).await;
    }
    let mut runs = read(&mut app, logs, &of, since, logs.newest.limit).await.map_err(|error| failed(target, &error))?;
    // Of a view that is not there, there are none.
    if let (true, Of::One(view), Some(managed)) = (runs.is_empty(), &of, &managed) {
        let only = the_only_one(managed)?;
        if only != *view {
            of = Of::One(only);
            runs = read(&mut app, logs, &of, since, logs.newest.limit).await.map_err(|error| failed(target, &error))?;
        }
    }
    session::close(app).await;
    if output.json {
        return output.object("logs", object(target, &of, &runs));
    }
    output.print(&table(&runs, &of, output))
}

/// The view that is meant if none was named and at most one is managed.
fn the_only_one(managed: &[String]) -> Result<ViewId, Failure> {
    match choice_among(managed) {
        Choice::View(view) => Ok(view),
        none => Err(Failure::new(exit::NOT_MIGRATED, none.why_none().unwrap_or_default())),
    }
}

async fn read(
    app: &mut Session,
    logs: &Logs,
    of: &Of,
    since: Option<DateTime<Utc>>,
    limit: u16,
) -> Result<Vec<(ViewId, Run)>> {
    let tx = ReadTransaction::begin(app).await?;
    let runs = match of {
        Of::All => log::runs_of_all_since(&tx, filter(logs), since, limit).await?,
        Of::One(view) => {
            let runs = log::runs_since(&tx, view, filter(logs), since, limit).await?;
            runs.into_iter().map(|run| (view.clone(), run)).collect()
        }
    };
    tx.end();
    Ok(runs)
}

fn filter(logs: &Logs) -> LogFilter {
    if logs.errors { LogFilter::Errors } else { LogFilter::All }
}

fn failed(target: &Target, error: &Error) -> Failure {
    session::failure("read the refresh log", target, error)
}

/// Of several views each run names its own, and `view` is `null`.
fn object(target: &Target, of: &Of, runs: &[(ViewId, Run)]) -> Value {
    let object = |runs: Vec<Value>| json!({"count": runs.len(), "runs": runs});
    match of {
        Of::One(view) => {
            let runs = runs.iter().map(|(_, run)| json::run(run)).collect();
            json::of_view(&target.id(), view.as_str(), object(runs))
        }
        Of::All => {
            let runs = runs.iter().map(|(view, run)| named(view, run)).collect();
            let mut object = json::of_database(&target.id(), object(runs));
            object["view"] = Value::Null;
            object
        }
    }
}

fn named(view: &ViewId, run: &Run) -> Value {
    let mut object = json::run(run);
    object["view"] = view.as_str().into();
    object
}

fn table(runs: &[(ViewId, Run)], of: &Of, output: Output) -> String {
    let named = *of == Of::All;
    let heading = ["started (UTC)", "view", "status", "source", "duration", "sqlstate", "error"];
    let wanted = |column: usize| named || column != 1;
    let heading: Vec<&str> =
        heading.into_iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, name)| name).collect();
    let mut table = Table::new(&heading);
    for (view, run) in runs {
        let cells = cells(view, run, output);
        table.row(cells.into_iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, cell)| cell));
    }
    table.render(output)
}

fn cells(view: &ViewId, run: &Run, output: Output) -> [String; 7] {
    [
        moment(run.started_at),
        clean(view.as_str()),
        output.outcome(run.status == RunStatus::Success),
        json::origin(run.origin).to_owned(),
        run.duration_ms.map_or_else(|| "-".into(), age::duration_ms),
        run.sqlstate.as_deref().map_or_else(|| "-".into(), clean),
        run.error.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// Prints the attempts of a follower: an object each, or lines with columns of fixed width.
fn print(database: &str, of: &Of, runs: &[(ViewId, Run)], output: Output) -> Result<(), Failure> {
    for (view, run) in runs {
        if output.json {
            output.object("run", json::of_view(database, view.as_str(), json::run(run)))?;
            continue;
        }
        let [started, view, status, source, duration, sqlstate, error] = cells(view, run, output);
        let pad = " ".repeat(usize::from(run.status == RunStatus::Error) * 2);
        let view = if *of == Of::All { format!("{view:<NAME$}  ") } else { String::new() };
        let line = format!("{started}  {view}{status}{pad}  {source:<8}  {duration:>8}  {sqlstate:<5}  {error}");
        output.print(line.trim_end())?;
    }
    Ok(())
}
