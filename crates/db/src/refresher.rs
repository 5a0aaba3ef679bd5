//! A refresh on a session of its own, which can be cancelled.

use crate::{error, events::Events, session::SEARCH_PATH, session_budget::SessionBudget, trigger, trust::Trust};
use futures_util::StreamExt as _;
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, event::Event, refresh::TriggerOutcome};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_postgres::SimpleQueryMessage;

/// Longest request to cancel, connection included.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

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
            let outcome = refresh(&target, &view, &mut commands).await;
            drop(third);
            if events.send(Event::TriggerEnded(outcome)).await.is_err() {
                return;
            }
        }
    }
}

async fn refresh(target: &Target, view: &ViewId, commands: &mut mpsc::Receiver<Command>) -> TriggerOutcome {
    // The function bounds its own lock wait; how long the refresh itself may take is the server's to say.
    let connected = match refreshtop_connect::connect(target, "refresh", &Limits::WRITING).await {
        Ok(connected) => connected,
        Err(failure) => return TriggerOutcome::Refused { message: failure.to_string() },
    };
    let (client, canceller, mut session) = (connected.client, connected.canceller, connected.messages);
    let driver = tokio::spawn(async move { while session.next().await.is_some() {} });
    match Trust::of_client(&client).await.map(|trust| trust.allow(trigger::REFRESH)) {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => {
            driver.abort();
            return TriggerOutcome::Refused { message: trigger::kept_from(&refusal) };
        }
        Err(failure) => {
            driver.abort();
            return TriggerOutcome::Refused { message: error::driver_sentence(&failure) };
        }
    }
    // A simple query: a prepared statement may be gone behind a pooler when it is executed.
    let sql = format!("{SEARCH_PATH}; {}", trigger::refresh_statement(view));
    let query = client.simple_query(&sql);
    tokio::pin!(query);
    let answer = loop {
        tokio::select! {
            answer = &mut query => break answer,
            Some(command) = commands.recv() => {
                if command == Command::Cancel {
                    // Beside the query, which must go on being read. Its answer tells whether the request came in time;
                    // one that fails changes nothing, and can be repeated.
                    let canceller = canceller.clone();
                    tokio::spawn(async move { timeout(CANCEL_LIMIT, canceller.cancel()).await });
                }
            }
        }
    };
    driver.abort();
    match answer {
        Ok(answer) => {
            let row = answer.iter().find_map(|part| match part {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            trigger::trigger_answer(row.and_then(|row| row.get(0)))
        }
        Err(failure) => match failure.as_db_error() {
            // Class 57P: the session was ended from outside; what became of the refresh is in the log, or will be.
            Some(server) if !server.code().code().starts_with("57P") => {
                trigger::refused(server.code().code(), server.message(), server.hint())
            }
            _ => TriggerOutcome::Lost {
                message: format!("the connection was lost during the refresh: {}", error::driver_sentence(&failure)),
            },
        },
    }
}
