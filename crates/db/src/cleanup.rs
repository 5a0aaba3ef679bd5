//! Deleting old rows of the refresh log.

use crate::{
    error::Result,
    parameter::Parameter,
    row::{moment, some_text},
    session::Session,
    trust::{Thing, Trust},
};
use chrono::{DateTime, Utc};
use refreshtop_core::address::ViewId;
use std::time::Duration;

/// Rows of a view that a cleanup would delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastKeeping {
    /// The view.
    pub view: ViewId,
    /// How many.
    pub rows: u64,
    /// When the oldest of them was logged.
    pub oldest: Option<DateTime<Utc>>,
}

/// What a cleanup would delete: rows that are older than `older_than`, or than each view keeps them.
pub async fn past_keeping(connection: &mut Session, older_than: Option<Duration>) -> Result<Vec<PastKeeping>> {
    Trust::of(connection).await?.allow(Thing::Function("past_keeping"))?;
    let sql = "SELECT left(refresh_type, 200) AS refresh_type, log_rows, oldest FROM refreshtop.past_keeping($1)";
    let rows = connection.query(sql, &[Parameter::OptionalInterval(older_than)]).await?;
    let read = |row| {
        Ok(PastKeeping {
            view: ViewId::new(&some_text(row, "refresh_type")?),
            rows: row.try_get::<i64, _>("log_rows")?.unsigned_abs(),
            oldest: moment(row, "oldest")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Deletes these rows, in batches; returns how many went.
pub async fn clean_up(connection: &mut Session, older_than: Option<Duration>) -> Result<u64> {
    let trust = Trust::of(connection).await?;
    // Not the function in public: the owner of that schema can replace it.
    let (function, sql, parameters) = match older_than {
        None => ("cleanup_logs", "SELECT refreshtop.cleanup_logs()", &[][..]),
        Some(age) => {
            ("cleanup_logs_older", "SELECT refreshtop.cleanup_logs_older($1)", &[Parameter::Interval(age)][..])
        }
    };
    trust.allow(Thing::Function(function))?;
    let deleted: i64 = connection.one(sql, parameters).await?.try_get(0)?;
    Ok(deleted.unsigned_abs())
}
