//! All views for the board, which every poll reads: of what rarely changes only whether it has changed.

use super::{LIST_OF_BOARD, Parts, REGISTRY, REGISTRY_FACTS, SETTINGS, recent_of, registered, relation};
use crate::{
    error::{Error, Result},
    parameter::Parameter,
    read_transaction::ReadTransaction,
    recent_runs::LISTED_ERROR,
    row::{FromRow as _, Row, some_text, text},
    trust::Thing,
};
use refreshtop_core::{
    address::ViewId,
    stats::RefreshStats,
    views::{Recent, Registered, Relation, Views, live::ATTEMPTS, names::ViewName},
};
use std::{collections::BTreeMap, time::Duration};

const LIST_STATE: &str = include_str!("board_state.sql");
const REGISTERED: &[Thing] = &[Thing::Relation("refreshtop.views")];
/// Every change makes another version of a row, in another place or by another transaction.
const REGISTRY_STATE: &str = "
    SELECT sha256(convert_to(concat(array_agg(v.ctid), array_agg(v.xmin)), getdatabaseencoding())) AS state
    FROM refreshtop.views v";

/// What was read for the board, to be kept for the next read through the same session.
#[derive(Debug, Clone, Default)]
pub struct Known {
    relations: Listed<(ViewName, Relation)>,
    registry: Listed<Registered>,
    statistics: Statistics,
}

/// A list, and its state on the server when it was read.
#[derive(Debug, Clone)]
struct Listed<T> {
    state: Option<Vec<u8>>,
    list: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { state: None, list: Vec::new() }
    }
}

/// Statistics and newest attempts.
#[derive(Debug, Clone, Default)]
struct Statistics {
    /// By which the server tells what has changed since.
    known: Option<String>,
    stats: BTreeMap<ViewId, RefreshStats>,
    recent: BTreeMap<ViewId, Recent>,
}

/// Reads all views, with the statistics of the managed ones over `window`, or over each view's own, and what is to be
/// kept for the next read. One round trip, or two if views or their registration have changed.
pub async fn board(tx: &ReadTransaction<'_>, window: Option<Duration>, known: &Known) -> Result<(Views, Known)> {
    // Polled together they share a round trip.
    let (relations, facts, registry, statistics) = tokio::join!(
        biased;
        listed(tx, &known.relations, &[], LIST_STATE, LIST_OF_BOARD, relation),
        tx.one(&[], REGISTRY_FACTS, &[]),
        listed(tx, &known.registry, REGISTERED, REGISTRY_STATE, REGISTRY, registered),
        statistics(tx, window, &known.statistics),
    );
    let relations = relations?;
    let mut next = Known { relations: relations.clone(), ..Known::default() };
    let registry = registry.map(|registry| {
        next.registry = registry.clone();
        registry.list
    });
    let (stats, recent) = match statistics {
        Ok(statistics) => {
            next.statistics = statistics.clone();
            (Ok(statistics.stats), Ok(statistics.recent))
        }
        Err(failure) => (Err(failure), Ok(BTreeMap::new())),
    };
    let parts = Parts { relations: relations.list, facts: facts?, registry, stats, recent };
    Ok((parts.assemble(tx, window).await?, next))
}

/// A list that is read if its state is another one than at the last time.
async fn listed<T: Clone>(
    tx: &ReadTransaction<'_>,
    known: &Listed<T>,
    things: &[Thing],
    state: &str,
    list: &str,
    of_row: fn(&Row) -> Result<T>,
) -> Result<Listed<T>> {
    let state_now = async {
        let row = tx.one(things, state, &[]).await?;
        row.try_get::<Vec<u8>, _>("state")
    };
    let list_now = async {
        let rows = tx.ask_after(SETTINGS, things, list, &[]).await?;
        rows.iter().map(of_row).collect::<Result<Vec<_>>>()
    };
    if known.state.is_none() {
        let (state, list) = tokio::join!(biased; state_now, list_now);
        return Ok(Listed { state: Some(state?), list: list? });
    }
    let state = Some(state_now.await?);
    let list = if state == known.state { known.list.clone() } else { list_now.await? };
    Ok(Listed { state, list })
}

/// Statistics and newest attempts of the managed views: of those that may have changed.
async fn statistics(tx: &ReadTransaction<'_>, window: Option<Duration>, before: &Statistics) -> Result<Statistics> {
    let sql = format!(
        "SELECT known::text AS known, is_all, refresh_type::text,
                total_refreshes, successful_refreshes, failed_refreshes, success_rate::float8,
                CASE WHEN avg_duration_ms BETWEEN 0 AND 1e15 THEN avg_duration_ms END::float8 AS avg_duration_ms,
                CASE WHEN max_duration_ms BETWEEN 0 AND 1e15 THEN max_duration_ms END::float8 AS max_duration_ms,
                CASE WHEN min_duration_ms BETWEEN 0 AND 1e15 THEN min_duration_ms END::float8 AS min_duration_ms,
                last_refresh_at, left(last_error, {LISTED_ERROR}) AS last_error, last_success_at,
                last_at, last_status, last_sqlstate, last_message, blocker_pid, blocker, durations, failed,
                streak, streak_since, usual_ms, spread_ms
         FROM refreshtop.changed_stats($1, {ATTEMPTS}, $2::jsonb)"
    );
    let parameters = [Parameter::OptionalInterval(window), Parameter::OptionalText(before.known.as_deref())];
    let rows = tx.ask(&[Thing::Function("changed_stats")], &sql, &parameters).await?;
    // The first row says what the others are.
    let (first, rows) = rows.split_first().ok_or(Error::NoRow)?;
    let mut now = if first.try_get("is_all")? { Statistics::default() } else { before.clone() };
    now.known = text(first, "known")?;
    for row in rows {
        let view = ViewId::new(&some_text(row, "refresh_type")?);
        now.recent.insert(view.clone(), recent_of(row)?);
        now.stats.insert(view, RefreshStats::from_row(row)?);
    }
    Ok(now)
}
