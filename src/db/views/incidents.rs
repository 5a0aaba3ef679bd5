//! Placeholder.

use crate::model::{
    incident::Incident,
    reading::{Reading, Unavailable},
};
use sqlx::PgConnection;
use std::time::Duration;

/// Placeholder.
pub async fn read(_look: &mut PgConnection, _window: Duration) -> sqlx::Result<Reading<Vec<Incident>>> {
    Ok(Err(Unavailable::new("not yet", "")))
}
