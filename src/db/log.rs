//! The refresh log as the command line lists it: from a moment on, with whole messages.

use crate::{
    db::{error, handmade, service::LogFilter},
    model::run::Run,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Longest error text that a list carries, characters.
const LONGEST_ERROR: i32 = 20_000;

/// The columns of a [`Run`] and the condition that all lists share.
macro_rules! runs_since {
    ($condition:literal) => {
        concat!(
            "SELECT id, status, trigger_source, duration_ms::float8, coalesce(started_at, created_at) AS started_at,
                    completed_at, sqlstate, left(error_message, $1) AS error_message,
                    coalesce(jsonb_array_length(black_box -> 'sessions'), 0) AS blockers
             FROM public.metrics_refresh_log
             WHERE refresh_type = $2 AND created_at >= coalesce($3, '-infinity'::timestamptz)",
            $condition,
            " ORDER BY created_at DESC LIMIT $4"
        )
    };
}

/// The newest `limit` runs that were logged at `since` or later, newest first.
///
/// # Errors
/// The server's: not permitted, not migrated, connection lost.
pub async fn runs_since(
    connection: &mut PgConnection,
    refresh_type: &str,
    filter: LogFilter,
    since: Option<DateTime<Utc>>,
    limit: u16,
) -> sqlx::Result<Vec<Run>> {
    // Two texts, not one with a parameter: the planner must see the condition of the partial index.
    let query = match filter {
        LogFilter::All => sqlx::query_as(runs_since!("")),
        LogFilter::Errors => sqlx::query_as(runs_since!(" AND status = 'error'")),
    };
    let query = query.bind(LONGEST_ERROR).bind(refresh_type).bind(since).bind(i64::from(limit));
    let missing = match query.fetch_all(&mut *connection).await {
        Err(failure) if error::is_missing(&failure) => failure,
        answer => return answer,
    };
    // A log that was made by hand has fewer columns.
    let survey = handmade::survey(connection).await?;
    let runs = handmade::runs(connection, &survey, "", refresh_type, filter, since, limit).await?;
    // Where that can't be read either, migrating is what mends it.
    runs.map_err(|_| missing)
}

/// Deletes rows that are older than they are kept, in batches; returns how many went.
///
/// # Errors
/// The server's: not permitted, not migrated, read-only, connection lost.
pub async fn clean_up(connection: &mut PgConnection) -> sqlx::Result<u64> {
    let deleted: i64 = sqlx::query_scalar("SELECT public.cleanup_old_metrics_logs()").fetch_one(connection).await?;
    Ok(deleted.unsigned_abs())
}
