//! The sessions of a migration.

use crate::command::interrupt::Watch;
use refreshtop_connect::{Limits, Target};
use refreshtop_db::{migrate::MigrateError, schedule::Installation, session::Session};

/// Opens a session for migrating: without a time limit, but with one for locks.
pub(in crate::command) async fn session(target: &Target, watch: &Watch) -> Result<Session, MigrateError> {
    let session = Session::open(target, "migrate", &Limits::WRITING).await?;
    let pid = session.pid().await?;
    watch.add(session.canceller(), Some(pid));
    Ok(session)
}

/// A session in `pg_cron`'s database, or `None` if that is the application's, or not known.
pub(super) async fn cron_session(
    target: &Target,
    installation: &Installation,
    watch: &Watch,
) -> Result<Option<Session>, MigrateError> {
    let Some(database) = installation.elsewhere() else { return Ok(None) };
    session(&Target { database: database.to_owned(), ..target.clone() }, watch).await.map(Some)
}
