//! Executes what fixes a check, one statement at a time, on sessions that are gone afterwards.

use crate::{diagnosis::Sessions, events::Events, session_budget::SessionBudget};
use refreshtop_connect::Target;
use refreshtop_core::{diagnosis::Fix, event::Event};
use tokio::sync::mpsc;

/// Works until `fixes` is closed. Every outcome goes into `events`.
pub async fn run(target: Target, budget: SessionBudget, mut fixes: mpsc::Receiver<Fix>, events: Events) {
    while let Some(fix) = fixes.recv().await {
        let third = budget.wait().await;
        let outcome = match Sessions::to_fix(&target).await {
            Ok(mut sessions) => sessions.fix(&fix).await.map_err(|failure| failure.to_string()),
            Err(failure) => Err(format!("nothing was done: {failure}")),
        };
        drop(third);
        if events.send(Event::Fixed(outcome)).await.is_err() {
            return;
        }
    }
}
