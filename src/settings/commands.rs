//! The commands' own options in the config file: `[commands.logs]`, `limit = 50`.
//!
//! They are those of the command line that a variable of the environment can set too, by the same names and checked by
//! the same rules: what the file says becomes the default of the flag.

use super::{File, Layer, SettingsError, config_file};
use crate::cli::{self, Cli};
use refreshtop_connect::environment::Environment;
use std::{collections::BTreeSet, ffi::OsString};

/// Commands that have such options.
pub fn names() -> Vec<&'static str> {
    // The commands that only show the screen, or print what the program itself says, have none.
    vec![
        "check", "cleanup", "demo", "doctor", "job", "logs", "metrics", "migrate", "schedule", "stats", "status",
        "trigger",
    ]
}

/// Names of a command's own options, those of its subcommands included; `None` for an unknown command.
pub fn options(command: &str) -> Option<BTreeSet<String>> {
    if !names().contains(&command) {
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

/// Reads the command line once more with the config file's words as defaults; `None` where it has none.
///
/// # Errors
/// The file can't be read, or one of its values may not be.
pub fn over_file(
    options: &Layer,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Option<Cli>, SettingsError> {
    let variables = Layer::from_environment(environment).map_err(|error| SettingsError(error.to_string()))?;
    let Some(file) = config_file(options, &variables)?.filter(|file| !file.commands().is_empty()) else {
        return Ok(None);
    };
    Cli::read_by(definition(&file), arguments).map(Some).map_err(|error| mistake(&file, &error))
}

/// Tries every value of the file.
pub fn check(options: &Layer, environment: &Environment) -> Result<(), SettingsError> {
    let variables = Layer::from_environment(environment).map_err(|error| SettingsError(error.to_string()))?;
    let Some(file) = config_file(options, &variables)? else { return Ok(()) };
    for name in file.commands().keys() {
        let program = cli::command();
        let Some(command) = program.find_subcommand(name) else { continue };
        let mut lines = vec![vec![name.as_str()]];
        let complete = |child: &&clap::Command| child.get_positionals().next().is_none();
        lines.extend(command.get_subcommands().filter(complete).map(|child| vec![name.as_str(), child.get_name()]));
        for line in lines {
            Cli::read_by(definition(&file), std::iter::once("refreshtop").chain(line))
                .map_err(|error| mistake(&file, &error))?;
        }
    }
    Ok(())
}

fn mistake(file: &File, error: &clap::Error) -> SettingsError {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    SettingsError(format!("{}, in [commands]: {first}", file.path().display()))
}

fn definition(file: &File) -> clap::Command {
    file.commands().iter().fold(cli::command(), |program, (command, values)| {
        program.mut_subcommand(command, |command| {
            let children: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
            let command = with_defaults(command, values);
            children
                .iter()
                .fold(command, |command, child| command.mut_subcommand(child, |child| with_defaults(child, values)))
        })
    })
}

fn with_defaults(command: clap::Command, values: &super::file::Options) -> clap::Command {
    let here: Vec<String> = settable(&command).map(name).filter(|name| values.contains_key(name)).collect();
    here.into_iter().fold(command, |command, option| {
        let words = values[&option].clone();
        command.mut_arg(option, |arg| arg.default_values(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, arguments::Logs};
    use std::path::Path;

    fn read(text: &str, line: &str) -> Result<Cli, String> {
        let file = File::parse(Path::new("c.toml"), text)?;
        let line = std::iter::once("refreshtop").chain(line.split_whitespace());
        Cli::read_by(definition(&file), line).map_err(|error| mistake(&file, &error).to_string())
    }

    fn logs(text: &str, line: &str) -> Logs {
        match read(text, line).unwrap().command() {
            Command::Logs(logs) => logs,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_file_gives_defaults_and_flags_are_stronger() {
        let file = "[commands.logs]\nlimit = 50\nsince = '6h'\njson = true";
        let from_file = logs(file, "logs");
        assert_eq!((from_file.limit, from_file.since.map(|since| since.as_secs())), (50, Some(21_600)));
        assert!(from_file.answer.json);
        assert_eq!(logs(file, "logs --limit 7").limit, 7);
        assert_eq!(logs("", "logs").limit, 20);
    }

    #[test]
    fn lists_and_subcommands_are_reached() {
        let Command::Check(check) =
            read("[commands.check]\nwarning = ['age=10m', 'rate=99:']", "check").unwrap().command()
        else {
            panic!("not a check")
        };
        assert_eq!(check.warning.len(), 2);
        assert!(read("[commands.job]\njson = true", "job pause").unwrap().json());
    }

    #[test]
    fn figures_go_where_the_stronger_layer_says() {
        let metrics = |file: &str, line: &str| match read(file, line)?.command() {
            Command::Metrics(metrics) => Ok((metrics.textfile.is_some(), metrics.listen.is_some())),
            other => panic!("{other:?}"),
        };
        let (listen, textfile) = ("[commands.metrics]\nlisten = ':9'", "[commands.metrics]\ntextfile = 'f'");
        assert_eq!(metrics(listen, "metrics"), Ok((false, true)));
        assert_eq!(metrics(listen, "metrics --textfile f"), Ok((true, false)));
        assert_eq!(metrics(textfile, "metrics --listen"), Ok((false, true)));
        assert_eq!(metrics(&format!("{listen}\ntextfile = 'f'"), "metrics --listen"), Ok((false, true)));
        for (file, line) in [("", "metrics --listen --textfile f"), (&format!("{listen}\ntextfile = 'f'"), "metrics")] {
            let why: Result<_, String> = metrics(file, line);
            assert!(why.unwrap_err().contains("--textfile and --listen exclude each other"), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (file, line, wanted) in [
            ("[commands.log]\n", "logs", "unknown command `log`: did you mean `logs`?"),
            ("[commands.logs]\nlimits = 1", "logs", "line 2, column 1: unknown key `limits`: did you mean `limit`?"),
            ("[commands.logs]\nlimit = 0", "logs", "c.toml, in [commands]: invalid value '0' for '--limit <N>'"),
            ("[commands.logs]\nlimit = {}", "logs", "this must be a string, a number"),
            ("[commands.trigger]\ntimeout = 'postgres://bob:hunter2@h/a'", "trigger", "in [commands]: invalid value"),
        ] {
            let error = read(file, line).unwrap_err();
            assert!(error.contains(wanted) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn every_command_with_options_is_listed() {
        let program = cli::command();
        let with_options = |command: &&clap::Command| {
            std::iter::once(*command).chain(command.get_subcommands()).any(|command| settable(command).next().is_some())
        };
        let mut wanted: Vec<&str> =
            program.get_subcommands().filter(with_options).map(clap::Command::get_name).collect();
        wanted.sort_unstable();
        assert_eq!(names(), wanted);
    }
}
