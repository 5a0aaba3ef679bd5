//! The role, database and server of a session, and what it may read.

use crate::{
    error::{Error, Result},
    row::{Row, some_text},
    session::Session,
    trust::{QUESTION, Trust},
};
use chrono::{DateTime, Utc};
use refreshtop_core::snapshot::Server;
use std::time::Duration;

/// The facts of a session, read in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The part that the screen shows.
    pub server: Server,
    /// The server's clock.
    pub time: DateTime<Utc>,
    /// What may be read and called.
    pub trust: Trust,
}

/// Reads them.
pub async fn server_facts(connection: &Session) -> Result<ServerFacts> {
    server_facts_of(connection.ask(&server_facts_query(QUESTION), &[]).await?)
}

/// The query for them, with a question of [`Trust`].
pub(super) fn server_facts_query(question: &str) -> String {
    // A receiver that has nothing left to replay is not behind, however long its primary has been idle.
    format!(
        "SELECT clock_timestamp() AS time, current_database()::text AS database, current_user::text AS role,
                split_part(current_setting('server_version'), ' ', 1) AS version, pg_is_in_recovery() AS standby,
                CASE WHEN pg_is_in_recovery()
                     AND NOT (EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)
                              AND pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn())
                THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS behind,
                ({question}) AS trust"
    )
}

/// Reads the answer.
pub(super) fn server_facts_of(rows: Vec<Row>) -> Result<ServerFacts> {
    let row = rows.into_iter().next().ok_or(Error::NoRow)?;
    Ok(ServerFacts {
        server: Server {
            database: some_text(&row, "database")?,
            role: some_text(&row, "role")?,
            version: some_text(&row, "version")?,
            standby: row.try_get("standby")?,
            behind: row
                .try_get::<Option<f64>, _>("behind")?
                .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok()),
        },
        time: row.try_get("time")?,
        trust: Trust::from_row(&row)?,
    })
}
