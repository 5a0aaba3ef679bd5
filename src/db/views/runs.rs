//! Pages of the log.

use crate::model::{
    question::{RunsPage, RunsRead},
    reading::{Reading, Unavailable},
};
use sqlx::PgConnection;

/// Placeholder.
pub async fn read(_look: &mut PgConnection, _page: &RunsPage) -> sqlx::Result<Reading<RunsRead>> {
    Ok(Err(Unavailable::new("not yet", "")))
}
