//! Reaching the database: what a connection string, the environment and `~/.pgpass` say, and how to get there.

pub(crate) mod conninfo;
