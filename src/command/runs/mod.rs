//! `refreshtop runs`: the latest runs, once or as they end: of one view, or of all if several are managed; or one of them
//! in full.

mod columns;
mod follow;
mod show;

use crate::{
    cli::runs::{Format, Runs, RunsAction, RunsList},
    command::{Failure, session},
    output::{Output, json},
    settings::Settings,
};
use columns::Lines;
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, exit, moment::Span};
use refreshtop_db::{
    default_view::{self, Choice, choice_among},
    error::Error,
    log::{self, Asked, Logged},
    read_transaction::ReadTransaction,
    session::Session,
    statistics,
};
use serde_json::{Value, json};

/// The runs that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    /// Those of this view.
    One(ViewId),
    /// Those of every view.
    All,
}

/// Lists the newest runs, the newest last, as those that follow; or shows one.
///
/// # Errors
/// The database can't be reached, or its log can't be read. Once a follower has started, it keeps trying.
pub async fn run(runs: &Runs, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    match &runs.action {
        Some(RunsAction::Show(show)) => show::run(show, target, output).await,
        None => list(&runs.list, settings, target, output).await,
    }
}

async fn list(list: &RunsList, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut app = session::open(target, "runs", &Limits::READING).await?;
    statistics::check_view(&mut app, &settings.view).await.map_err(|error| failed(target, &error))?;
    let managed = if settings.view_named { None } else { default_view::managed(&mut app).await.ok() };
    let mut of = match &managed {
        Some(several) if several.len() > 1 => Of::All,
        _ => Of::One(settings.view.clone()),
    };
    if list.follow {
        if let (Of::One(_), Some(managed)) = (&of, &managed) {
            of = Of::One(the_only_one(managed)?);
        }
        return follow::follow(list, settings, &of, target, output, app).await;
    }
    let mut runs = read(&mut app, list, &of, target).await?;
    // Of a view that is not there, there are none.
    if let (true, Of::One(view), Some(managed)) = (runs.is_empty(), &of, &managed) {
        let only = the_only_one(managed)?;
        if only != *view {
            of = Of::One(only);
            runs = read(&mut app, list, &of, target).await?;
        }
    }
    session::close(app).await;
    match list.format() {
        Format::Json => output.object("runs", object(target, &of, &runs)),
        Format::Csv => output.print(&columns::csv(&runs)),
        format => output.print(&Lines::new(format, &of).table(&runs, output)),
    }
}

/// The view that is meant if none was named and at most one is managed.
fn the_only_one(managed: &[String]) -> Result<ViewId, Failure> {
    match choice_among(managed) {
        Choice::View(view) => Ok(view),
        none => Err(Failure::new(exit::NOT_MIGRATED, none.why_none().unwrap_or_default())),
    }
}

/// The newest runs, the newest last.
async fn read(app: &mut Session, list: &RunsList, of: &Of, target: &Target) -> Result<Vec<Logged>, Failure> {
    let failed = |error: Error| failed(target, &error);
    let tx = ReadTransaction::begin(app).await.map_err(failed)?;
    let now = tx.facts().await.time;
    let span = Span::between(list.since, list.until, now).map_err(|wrong| Failure::new(exit::USAGE, wrong))?;
    let mut runs = query(&tx, of, &asked(list, span, list.newest.limit)).await.map_err(failed)?;
    tx.end();
    runs.reverse();
    Ok(runs)
}

async fn query(tx: &ReadTransaction<'_>, of: &Of, asked: &Asked) -> Result<Vec<Logged>, Error> {
    match of {
        Of::All => log::runs_of_all(tx, asked).await,
        Of::One(view) => log::runs(tx, view, asked).await,
    }
}

fn asked(list: &RunsList, span: Span, limit: u16) -> Asked {
    Asked { failed: list.failed, span, sqlstate: list.error.clone(), text: list.grep.clone(), limit }
}

fn failed(target: &Target, error: &Error) -> Failure {
    session::failure("read the refresh log", target, error)
}

/// Of several views each run names its own, and `view` is `null`.
fn object(target: &Target, of: &Of, runs: &[Logged]) -> Value {
    let object = |runs: Vec<Value>| json!({"count": runs.len(), "runs": runs});
    match of {
        Of::One(view) => json::of_view(&target.id(), view.as_str(), object(runs.iter().map(json::logged).collect())),
        Of::All => {
            let mut object = json::of_database(&target.id(), object(runs.iter().map(named).collect()));
            object["view"] = Value::Null;
            object
        }
    }
}

fn named(logged: &Logged) -> Value {
    let mut object = json::logged(logged);
    object["view"] = logged.view.as_str().into();
    object
}
