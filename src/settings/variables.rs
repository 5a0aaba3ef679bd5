//! Variables of the environment that are nobody's: a misspelt one would be ignored without a word.

use super::{layer::variable, mistake};
use crate::cli;
use refreshtop_cluster::programs::OVERRIDE;
use refreshtop_connect::environment::Environment;
use std::collections::BTreeSet;

/// What all of ours begin with.
const PREFIX: &str = "REFRESHTOP_";

/// A sentence for each variable whose name is nearly one of ours. One that resembles none may be somebody else's.
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

    fn said(name: &str) -> Vec<String> {
        misspelt(&Environment::from([(name.to_owned(), "x".to_owned())]))
    }

    #[test]
    fn what_is_nearly_ours_is_corrected() {
        for (wrong, right) in [
            ("REFRESHTOP_WINDO", "REFRESHTOP_WINDOW"),
            ("REFRESHTOP_PROFIL", "REFRESHTOP_PROFILE"),
            ("REFRESHTOP_CHECK_WARNINGS", "REFRESHTOP_CHECK_WARNING"),
            ("REFRESHTOP_CORN", "REFRESHTOP_CRON"),
            ("REFRESHTOP_url", "REFRESHTOP_URL"),
        ] {
            assert_eq!(said(wrong), [format!("{wrong} is ignored: did you mean {right}?")]);
        }
    }

    #[test]
    fn what_is_ours_or_nothing_like_it_is_left_in_peace() {
        for name in known() {
            assert!(said(&name).is_empty(), "{name}");
        }
        assert!(known().contains("REFRESHTOP_LIMIT") && known().contains("REFRESHTOP_URL"));
        for name in
            ["REFRESHTOP_SERVERS", "REFRESHTOP_BLESS", "REFRESHTOP_TEST_OWNER", "REFRESHTOP_WRITE_DOCS", "WINDO"]
        {
            assert!(said(name).is_empty(), "{name}");
        }
    }
}
