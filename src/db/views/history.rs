//! Placeholder.

use crate::model::{
    history::History,
    reading::{Reading, Unavailable},
};
use sqlx::PgConnection;
use std::time::Duration;

/// Placeholder.
pub async fn read(_look: &mut PgConnection, _window: Duration) -> sqlx::Result<Reading<History>> {
    Ok(Err(Unavailable::new("not yet", "")))
}
