//! The sessions of a migration.

use crate::command::interrupt::Watch;
use refreshtop_connect::{Limits, Target};
use refreshtop_db::{migrate::MigrateError, schedule::Installation, session::Session};

/// Opens a session for migrating: as long as it takes, but never waiting for ever for a lock.
pub(super) async fn session(target: &Target, watch: &Watch) -> Result<Session, MigrateError> {
    let session = Session::open(target, "migrate", &Limits::WRITING).await?;
    let pid = session.pid().await?;
    watch.add(session.canceller(), Some(pid));
    Ok(session)
}

pub(super) async fn session_in(target: &Target, database: &str, watch: &Watch) -> Result<Session, MigrateError> {
    session(&Target { database: database.to_owned(), ..target.clone() }, watch).await
}

/// A session in `pg_cron`'s database, or `None` where that is the application's or nowhere to be seen.
pub(super) async fn cron_session(
    target: &Target,
    installation: &Installation,
    watch: &Watch,
) -> Result<Option<Session>, MigrateError> {
    match installation.elsewhere() {
        Some(database) => session_in(target, database, watch).await.map(Some),
        None => Ok(None),
    }
}
