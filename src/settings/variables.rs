//! Misspelt environment variables, which would otherwise be ignored silently.

use super::{layer::variable, mistake};
use crate::cli;
use refreshtop_cluster::programs::OVERRIDE;
use refreshtop_connect::environment::Environment;
use std::collections::BTreeSet;

/// The prefix of our variables.
const PREFIX: &str = "REFRESHTOP_";

/// A warning for each variable whose name is close to one of ours. Others may belong to another program.
pub fn misspelt(environment: &Environment) -> Vec<String> {
    let named = environment.keys().filter_map(|name| name.strip_prefix(PREFIX));
    let named: Vec<&str> = named.collect();
    if named.is_empty() {
        return Vec::new();
    }
    let known = known();
    let suffixes: Vec<&str> = known.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    let unknown = named.into_iter().filter(|name| !suffixes.contains(name));
    unknown
        .filter_map(|name| {
            let close = mistake::close(name, &suffixes)?;
            Some(format!("{PREFIX}{name} is ignored: did you mean {PREFIX}{close}?"))
        })
        .collect()
}

/// Every variable that some command reads.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::from([OVERRIDE.to_owned()]);
    let mut program = cli::command();
    known.extend(program.get_arguments().filter_map(clap::Arg::get_long).map(variable));
    program.build();
    add(&program, &mut known);
    known
}

fn add(command: &clap::Command, known: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    known.extend(variables.map(|name| name.to_string_lossy().into_owned()));
    command.get_subcommands().for_each(|child| add(child, known));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(name: &str) -> Vec<String> {
        misspelt(&Environment::from([(name.to_owned(), "x".to_owned())]))
    }

    #[test]
    fn a_name_close_to_ours_is_corrected() {
        for (wrong, right) in [
            ("REFRESHTOP_WINDO", "REFRESHTOP_WINDOW"),
            ("REFRESHTOP_PROFIL", "REFRESHTOP_PROFILE"),
            ("REFRESHTOP_CHECK_WARNINGS", "REFRESHTOP_CHECK_WARNING"),
            ("REFRESHTOP_CORN", "REFRESHTOP_CRON"),
            ("REFRESHTOP_url", "REFRESHTOP_URL"),
        ] {
            assert_eq!(warnings(wrong), [format!("{wrong} is ignored: did you mean {right}?")]);
        }
    }

    #[test]
    fn our_names_and_unlike_ones_give_no_warning() {
        for name in known() {
            assert!(warnings(&name).is_empty(), "{name}");
        }
        assert!(known().contains("REFRESHTOP_LIMIT") && known().contains("REFRESHTOP_URL"));
        for name in [
            "REFRESHTOP_ARGUMENTS_PIPE",
            "REFRESHTOP_SERVERS",
            "REFRESHTOP_BLESS",
            "REFRESHTOP_TEST_OWNER",
            "REFRESHTOP_WRITE_DOCS",
            "WINDO",
        ] {
            assert!(warnings(name).is_empty(), "{name}");
        }
    }
}
