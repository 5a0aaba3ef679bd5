//! `refreshtop logs`: the latest attempts, once or as they end.

mod follow;

use crate::{
    cli::arguments::Logs,
    command::{Failure, default_view::meant, session},
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{
    address::ViewId,
    age,
    run::{Run, RunStatus},
};
use refreshtop_db::{
    default_view,
    error::{Error, Result},
    log,
    read_transaction::ReadTransaction,
    recent_runs::LogFilter,
    server_facts,
    session::Session,
    statistics,
};
use serde_json::json;

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
    let mut settings = settings.clone();
    if logs.follow {
        if !settings.view_named {
            choose(&mut app, &mut settings).await?;
        }
        let settings = &settings;
        return follow::follow(logs, settings, target, output, app, since).await;
    }
    let mut runs = read(&mut app, logs, &settings, since).await.map_err(|error| failed(target, &error))?;
    // Of a view that is not there, there are none.
    if runs.is_empty() && !settings.view_named && choose(&mut app, &mut settings).await? {
        runs = read(&mut app, logs, &settings, since).await.map_err(|error| failed(target, &error))?;
    }
    session::close(app).await;
    if output.json {
        let object = json!({"count": runs.len(), "runs": runs.iter().map(json::run).collect::<Vec<_>>()});
        return output.object("logs", json::of_view(&target.id(), settings.view.as_str(), object));
    }
    output.print(&table(&runs, output))
}

async fn read(app: &mut Session, logs: &Logs, settings: &Settings, since: Option<DateTime<Utc>>) -> Result<Vec<Run>> {
    let tx = ReadTransaction::begin(app).await?;
    let runs = log::runs_since(&tx, &settings.view, filter(logs), since, logs.newest.limit).await?;
    tx.end();
    Ok(runs)
}

/// Lets `settings` name the view that is meant; whether that is another one.
async fn choose(app: &mut Session, settings: &mut Settings) -> Result<bool, Failure> {
    let Some(view) = meant(default_view::choose(app).await)? else { return Ok(false) };
    let other = view != settings.view;
    settings.view = view;
    Ok(other)
}

fn filter(logs: &Logs) -> LogFilter {
    if logs.errors { LogFilter::Errors } else { LogFilter::All }
}

fn failed(target: &Target, error: &Error) -> Failure {
    session::failure("read the refresh log", target, error)
}

fn table(runs: &[Run], output: Output) -> String {
    let mut table = Table::new(&["started (UTC)", "status", "source", "duration", "sqlstate", "error"]);
    for run in runs {
        table.row(cells(run, output));
    }
    table.render(output)
}

fn cells(run: &Run, output: Output) -> [String; 6] {
    [
        moment(run.started_at),
        output.outcome(run.status == RunStatus::Success),
        json::origin(run.origin).to_owned(),
        run.duration_ms.map_or_else(|| "-".into(), age::duration_ms),
        run.sqlstate.as_deref().map_or_else(|| "-".into(), clean),
        run.error.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// Prints the attempts of a follower: an object each, or lines with columns of fixed width.
fn print(database: &str, view: &ViewId, runs: &[Run], output: Output) -> Result<(), Failure> {
    for run in runs {
        if output.json {
            output.object("run", json::of_view(database, view.as_str(), json::run(run)))?;
            continue;
        }
        let [started, status, source, duration, sqlstate, error] = cells(run, output);
        let pad = " ".repeat(usize::from(run.status == RunStatus::Error) * 2);
        let line = format!("{started}  {status}{pad}  {source:<8}  {duration:>8}  {sqlstate:<5}  {error}");
        output.print(line.trim_end())?;
    }
    Ok(())
}
