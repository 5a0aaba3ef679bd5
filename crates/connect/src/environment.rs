//! Environment variables as a value.
//!
//! Everything that depends on the environment takes it as an argument: what a run would do can be tested, and shown,
//! without changing the process.

use std::collections::BTreeMap;

/// Names and values of environment variables.
pub type Environment = BTreeMap<String, String>;

/// The variables of this process. What is not UTF-8 is left out: no setting of ours can hold it.
pub fn of_process() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The value of a variable; an empty one counts as unset, as for libpq.
pub fn get<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}
