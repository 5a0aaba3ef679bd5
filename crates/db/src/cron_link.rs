//! The session in the database of `pg_cron`, if that is not the application's. It is opened when it is first needed,
//! and kept.

use crate::snapshot::Kept;
use refreshtop_connect::{ConnectError, Target};

/// The way to that session.
#[derive(Debug)]
pub(super) struct CronLink {
    /// Leads to the application's database.
    target: Target,
    /// With the name of its database.
    kept: Option<(String, Kept)>,
}

impl CronLink {
    pub(super) fn new(target: Target) -> Self {
        Self { target, kept: None }
    }

    /// Whether a session in `database` is open.
    pub(super) fn is_open(&self, database: &str) -> bool {
        self.kept.as_ref().is_some_and(|(known, kept)| known == database && !kept.session.is_closed())
    }

    /// The session in `database`.
    pub(super) async fn open(&mut self, database: &str) -> Result<&mut Kept, ConnectError> {
        let known = if self.is_open(database) { self.kept.take() } else { None };
        let link = if let Some(known) = known {
            known
        } else {
            self.kept = None;
            let target = Target { database: database.to_owned(), ..self.target.clone() };
            (database.to_owned(), Kept::open(&target, "schedule").await?)
        };
        Ok(&mut self.kept.insert(link).1)
    }
}
