//! Names and values in statements that can't take parameters, and in those that are shown to a person.

pub(crate) use refreshtop_core::diagnosis::{identifier as quoted, literal};

/// `name` as written in a statement: in quotes unless it is a plain word.
pub fn identifier(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(plain);
    if word { name.to_owned() } else { quoted(name) }
}
