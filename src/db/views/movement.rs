//! Placeholder.

use crate::model::{
    movement::Movement,
    reading::{Reading, Unavailable},
};
use sqlx::PgConnection;
use std::time::Duration;

/// Placeholder.
pub async fn read(_look: &mut PgConnection, _window: Duration) -> sqlx::Result<Reading<Movement>> {
    Ok(Err(Unavailable::new("not yet", "")))
}
