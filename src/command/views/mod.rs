//! `refreshtop views`: the materialized views of a database, managed or not.

mod add;
mod jobs;
mod list;
mod managing;
mod remove;
mod set;
mod show;
mod tree;

pub(super) use managing::not_found;

use crate::{
    cli::views::{Views as Arguments, ViewsAction},
    command::{Failure, session},
    output::{Output, clean},
    settings::Settings,
};
use refreshtop_connect::{Target, secret::looks_secret};
use refreshtop_core::{
    exit,
    reading::Reading,
    views::{
        View, Views,
        names::{NotFound, ViewName},
    },
};
use refreshtop_db::{error::Error, snapshot::Kept};
use std::time::Duration;

/// The most names that a message lists.
const MOST_NAMES: usize = 5;

/// Runs one subcommand.
pub async fn run(views: &Arguments, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    match views.action() {
        ViewsAction::List(list) => list::run(&list, settings, target, output).await,
        ViewsAction::Show(show) => show::run(&show, settings, target, output).await,
        ViewsAction::Tree(tree) => tree::run(&tree, settings, target, output).await,
        ViewsAction::Add(add) => add::run(&add, target, output).await,
        ViewsAction::Remove(remove) => remove::run(&remove, target, output).await,
        ViewsAction::Set(set) => set::run(&set, target, output).await,
    }
}

fn failed(target: &Target) -> impl Fn(Error) -> Failure {
    |failure| session::failure("read the materialized views", target, &failure)
}

/// Reads all of them, with statistics over `window`, or over each view's own.
async fn read(target: &Target, window: Option<Duration>) -> Result<Views, Failure> {
    let mut app = Kept::open(target, "views").await?;
    let views = refreshtop_db::views::read(&mut app, window).await.map_err(failed(target));
    session::close(app.session).await;
    views
}

/// The view that `name` means.
fn wanted<'a>(views: &'a Views, name: &str) -> Result<&'a View, Failure> {
    let why = match views.find(name) {
        Ok(view) => return Ok(view),
        Err(NotFound::Ambiguous(several)) => {
            let names: Vec<String> = several.iter().take(MOST_NAMES).map(|name| name.sql.clone()).collect();
            format!("{} could be any of {}: give one of these names", quoted(name), listed(&names, several.len()))
        }
        Err(NotFound::Missing) => {
            missing(views, &format!("there is no materialized view {} in this database", quoted(name)), name)
        }
    };
    Err(Failure::new(exit::FAILURE, clean(&why)))
}

/// What was typed, unless it may be a connection string in the wrong place.
fn quoted(typed: &str) -> String {
    if looks_secret(typed) { "of that name".into() } else { format!("\"{typed}\"") }
}

/// `what`, with the names that were probably meant.
fn missing(views: &Views, what: &str, wanted: &str) -> String {
    let names = closest(views, wanted);
    if names.is_empty() { what.to_owned() } else { format!("{what}; the closest names are {}", names.join(", ")) }
}

/// The names that are most like `wanted`, the closest first.
fn closest(views: &Views, wanted: &str) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let likeness = |name: &ViewName| {
        let like = |text: &str| strsim::jaro_winkler(&text.to_lowercase(), &wanted);
        like(&name.sql).max(like(&name.name))
    };
    let mut names: Vec<(f64, &ViewName)> = views.views.iter().map(|view| (likeness(&view.name), &view.name)).collect();
    names.retain(|(likeness, _)| *likeness > 0.7);
    names.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    names.into_iter().take(MOST_NAMES).map(|(_, name)| name.sql.clone()).collect()
}

/// Names with commas, and how many more there are.
fn listed(names: &[String], all: usize) -> String {
    match all.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Lines on what could not be read.
fn notes(views: &Views) -> Vec<String> {
    let note = |reading: &Reading<()>| {
        let missing = reading.as_ref().err()?;
        let fix = if missing.fix.is_empty() { String::new() } else { format!("; {}", missing.fix) };
        Some(clean(&format!("Not known: {}{fix}", missing.reason)))
    };
    let mut notes: Vec<String> = [&views.registry, &views.statistics].into_iter().filter_map(note).collect();
    notes.dedup();
    notes
}
