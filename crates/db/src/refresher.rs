//! The refreshes of the monitor, each on a session of its own.

use crate::{
    cancellable::{call, cancellable},
    events::Events,
    session_budget::SessionBudget,
    trigger,
};
use futures_util::{Stream, StreamExt as _, stream};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, event::Event, refresh::TriggerOutcome};
use tokio::sync::mpsc;
use tokio_postgres::Client;

/// What the refresher can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Refresh this view; ignored while a refresh is under way.
    Refresh(ViewId),
    /// Cancel the one that is running; ignored if there is none.
    Cancel,
}

/// Works until `commands` is closed. Every outcome goes into `events`.
pub async fn run(target: Target, budget: SessionBudget, mut commands: mpsc::Receiver<Command>, events: Events) {
    while let Some(command) = commands.recv().await {
        if let Command::Refresh(view) = command {
            let third = budget.wait().await;
            let cancels = stream::poll_fn(|context| commands.poll_recv(context))
                .filter_map(async |command| (command == Command::Cancel).then_some(()));
            let outcome = refresh(&target, &view, cancels).await;
            drop(third);
            if events.send(Event::TriggerEnded(outcome)).await.is_err() {
                return;
            }
        }
    }
}

/// Refreshes `view` on a new session; each item of `cancels` requests the cancel on the server.
pub async fn refresh(target: &Target, view: &ViewId, cancels: impl Stream<Item = ()>) -> TriggerOutcome {
    // The function bounds its own lock wait; how long the refresh itself may take is the server's to say.
    let connected = match refreshtop_connect::connect(target, "refresh", &Limits::WRITING).await {
        Ok(connected) => connected,
        Err(failure) => return TriggerOutcome::Refused { message: failure.to_string() },
    };
    let statement = trigger::refresh_statement(view);
    let work = async |client: &Client| call(client, trigger::REFRESH, &statement).await;
    trigger::ended(cancellable(connected, work, cancels).await).into()
}
