//! The database of `pg_cron`, and the time zone of its schedules.

use crate::{
    error::Result,
    read_transaction::ReadTransaction,
    row::{Row, text},
    session::Session,
    trust::Thing,
};
use chrono::{FixedOffset, Offset as _, Utc};

/// The database of `pg_cron`, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSettings {
    /// Its database; `None` if it is not loaded, or its settings can't be read.
    pub database: Option<String>,
    /// Offset of the zone in which it reads schedules.
    pub offset: FixedOffset,
    /// Whether its settings could be read. If not, no database does not mean no `pg_cron`.
    pub readable: bool,
    /// Whether its launcher runs; `None` if that can't be seen.
    pub launcher: Option<bool>,
}

/// Reads the database of `pg_cron`, in a transaction of its own.
pub async fn cron_settings(connection: &mut Session) -> Result<CronSettings> {
    let tx = ReadTransaction::begin(connection).await?;
    let settings = cron_settings_in(&tx).await?;
    tx.end();
    Ok(settings)
}

/// Reads the database of `pg_cron`.
pub async fn cron_settings_in(tx: &ReadTransaction<'_>) -> Result<CronSettings> {
    let sql = "SELECT database, utc_offset, readable, launcher FROM refreshtop.cron_settings()";
    settings_from_row(&tx.one(&[Thing::Function("cron_settings")], sql, &[]).await?)
}

/// Reads the columns `database`, `utc_offset` (seconds), `readable` and `launcher`.
pub(super) fn settings_from_row(row: &Row) -> Result<CronSettings> {
    Ok(CronSettings {
        database: text(row, "database")?,
        offset: FixedOffset::east_opt(row.try_get("utc_offset")?).unwrap_or_else(|| Utc.fix()),
        readable: row.try_get("readable")?,
        launcher: row.try_get("launcher")?,
    })
}
