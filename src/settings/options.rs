//! The options that environment and config file can set, as defaults of the command line's flags: a flag that is given is
//! stronger, and all are checked by the same rules.
//!
//! Those of single commands are the ones that have a variable: `[commands.logs]`, `limit = 50`.

use super::layer::Words;
use crate::cli;
use std::collections::{BTreeMap, BTreeSet};

/// Commands that have options of their own.
pub fn commands() -> Vec<&'static str> {
    // The monitor, and the commands that only print what is built in, have none.
    vec![
        "check",
        "cleanup",
        "doctor",
        "incidents",
        "job",
        "metrics",
        "migrate",
        "refresh",
        "runs",
        "schedule",
        "stats",
        "status",
        "views",
    ]
}

/// Names of a command's own options, those of its subcommands included; `None` for an unknown command.
pub fn of(command: &str) -> Option<BTreeSet<String>> {
    if !commands().contains(&command) {
        return None;
    }
    let program = cli::command();
    let command = program.find_subcommand(command)?;
    Some(std::iter::once(command).chain(command.get_subcommands()).flat_map(settable).map(name).collect())
}

fn settable(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().filter(|arg| arg.get_env().is_some())
}

fn name(arg: &clap::Arg) -> String {
    arg.get_id().as_str().to_owned()
}

/// The command line's definition with `global` as the defaults of every command's options, and `commands` as those of the
/// single commands.
pub fn definition(global: &Words, commands: &BTreeMap<String, Words>) -> clap::Command {
    commands.iter().fold(with_defaults(cli::command(), global, &|_| true), |program, (command, values)| {
        program.mut_subcommand(command, |command| {
            let children: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
            let own = |arg: &clap::Arg| arg.get_env().is_some();
            let command = with_defaults(command, values, &own);
            children.iter().fold(command, |command, child| {
                command.mut_subcommand(child, |child| with_defaults(child, values, &own))
            })
        })
    })
}

fn with_defaults(command: clap::Command, values: &Words, own: &dyn Fn(&clap::Arg) -> bool) -> clap::Command {
    let here: Vec<String> =
        command.get_arguments().filter(|arg| own(arg)).map(name).filter(|name| values.contains_key(name)).collect();
    here.into_iter().fold(command, |command, option| {
        let words = values[&option].clone();
        command.mut_arg(option, |arg| arg.default_values(words))
    })
}

/// A command line for a command and for each of its subcommands that needs no argument, to check the file's values.
pub fn lines(name: &str) -> Vec<Vec<String>> {
    let program = cli::command();
    let Some(command) = program.find_subcommand(name) else { return Vec::new() };
    let complete = command.get_subcommands().filter(|child| child.get_positionals().next().is_none());
    let children = complete.map(|child| vec![name.to_owned(), child.get_name().to_owned()]);
    std::iter::once(vec![name.to_owned()]).chain(children).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_with_options_is_listed() {
        let program = cli::command();
        let with_options = |command: &&clap::Command| {
            std::iter::once(*command).chain(command.get_subcommands()).any(|command| settable(command).next().is_some())
        };
        let mut wanted: Vec<&str> =
            program.get_subcommands().filter(with_options).map(clap::Command::get_name).collect();
        wanted.sort_unstable();
        assert_eq!(commands(), wanted);
    }
}
