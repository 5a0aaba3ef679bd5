//! `refreshtop views`: the materialized views of a database, managed or not.

mod add;
mod list;
mod managing;
mod remove;
mod set;
mod show;
mod tree;

use crate::{
    cli::views::{Views, ViewsAction},
    command::Failure,
    output::Output,
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::exit;

/// Runs one subcommand.
pub async fn run(views: &Views, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    if views.action.is_some() && !views.list.names.is_empty() {
        return Err(Failure::new(exit::USAGE, "give the names after the subcommand"));
    }
    match views.action() {
        ViewsAction::List(list) => list::run(&list, settings, target, output).await,
        ViewsAction::Show(show) => show::run(&show, settings, target, output).await,
        ViewsAction::Tree(tree) => tree::run(&tree, settings, target, output).await,
        ViewsAction::Add(add) => add::run(&add, target, output).await,
        ViewsAction::Remove(remove) => remove::run(&remove, target, output).await,
        ViewsAction::Set(set) => set::run(&set, target, output).await,
    }
}
