//! One tick of one view: connects, refreshes, and stops if that is wanted.

use super::{
    Tick,
    attempt::{self, Attempt},
    report::Report,
};
use crate::command::Failure;
use chrono::{DateTime, Utc};
use futures_util::stream;
use refreshtop_connect::{ConnectError, Connected, Limits};
use refreshtop_core::{address::ViewId, clock::ServerClock};
use refreshtop_db::{
    cancellable::cancellable,
    reconnect,
    trigger::{self, Ended},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{sync::watch, time::sleep};
use tokio_postgres::Client;

/// A tick that is due.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    pub(super) view: ViewId,
    pub(super) tick: DateTime<Utc>,
    /// The tick after it.
    pub(super) next: Option<DateTime<Utc>>,
}

/// Whether signals came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    #[default]
    No,
    /// What runs may go on for a while.
    Soon,
    /// What runs is cancelled.
    Now,
}

impl Stop {
    pub(super) fn again(&mut self) {
        *self = if *self == Self::No { Self::Soon } else { Self::Now };
    }
}

/// Waits until a signal came that means at least `stop`.
async fn signalled(stops: &mut watch::Receiver<Stop>, stop: Stop) {
    if stops.wait_for(|now| *now >= stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Refreshes for a tick; keeps trying to connect until the next one is due.
pub(super) async fn run(
    due: Due,
    report: Report<'_>,
    grace: Duration,
    mut stops: watch::Receiver<Stop>,
    clock: ServerClock,
) -> Result<(Due, Tick, Option<ServerClock>), Failure> {
    let connected = match connect(&due, report, &mut stops, clock).await? {
        Ok(connected) => connected,
        Err(ended) => return Ok((due, ended, None)),
    };
    let cancel = async {
        signalled(&mut stops, Stop::Soon).await;
        tokio::select! {
            () = sleep(grace) => {}
            () = signalled(&mut stops, Stop::Now) => {}
        }
    };
    let work = async |client: &Client| attempt::refresh(client, &due.view, due.tick).await;
    let (ended, clock) = match cancellable(connected, work, stream::once(cancel)).await {
        Ok(Attempt { clock, reply }) => {
            let ended = reply.map_or(Tick::Elsewhere, |reply| Tick::Ended(trigger::ended(Ok(reply))));
            (ended, Some(clock))
        }
        Err(lost) => (Tick::Ended(trigger::ended(Err(lost))), None),
    };
    Ok((due, ended, clock))
}

async fn connect(
    due: &Due,
    report: Report<'_>,
    stops: &mut watch::Receiver<Stop>,
    clock: ServerClock,
) -> Result<Result<Connected, Tick>, Failure> {
    let mut reported = false;
    let failed = |failure: ConnectError| {
        if !reported {
            let message = failure.to_string();
            let members = json!({"message": message});
            report.event(&due.view, due.tick, "unreachable", members, &message).map_err(Err)?;
            reported = true;
        }
        if due.next.is_some_and(|next| clock.at(Instant::now()) >= next) {
            let why = "the database could not be reached until the next tick";
            return Err(Ok(Tick::Ended(Ended::Lost(why.into()))));
        }
        Ok(())
    };
    tokio::select! {
        connected = reconnect::connect(report.target, "schedule", &Limits::WRITING, failed) => {
            connected.map_or_else(|gave_up| gave_up.map(Err), |connected| Ok(Ok(connected)))
        }
        () = signalled(stops, Stop::Soon) => Ok(Err(Tick::Stopped)),
    }
}
