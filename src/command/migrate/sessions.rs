//! The sessions of a migration.

use crate::{
    command::interrupt::Watch,
    connect::{self, Session, Target},
    db::{jobs, migrate::MigrateError, schedule::Look},
};
use sqlx::PgConnection;

/// Opens a session for migrating: as long as it takes, but never waiting for ever for a lock.
pub(super) async fn session(target: &Target, watch: &Watch) -> Result<PgConnection, MigrateError> {
    let opened = connect::bridge::session(target, "migrate", &Session::WRITING).await?;
    let mut session = opened.session;
    let pid = jobs::pid(&mut session).await?;
    watch.add(opened.canceller, Some(pid));
    Ok(session)
}

pub(super) async fn session_in(target: &Target, database: &str, watch: &Watch) -> Result<PgConnection, MigrateError> {
    session(&Target { database: database.to_owned(), ..target.clone() }, watch).await
}

/// A session in `pg_cron`'s database, or `None` where that is the application's or nowhere to be seen.
pub(super) async fn cron_session(
    target: &Target,
    look: &Look,
    watch: &Watch,
) -> Result<Option<PgConnection>, MigrateError> {
    match look.elsewhere() {
        Some(database) => session_in(target, database, watch).await.map(Some),
        None => Ok(None),
    }
}
