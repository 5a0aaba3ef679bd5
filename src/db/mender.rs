//! Executes what mends a check, one statement at a time, on sessions that are gone afterwards.

use crate::connect::Target;
use crate::db::{diagnosis::Sessions, spare::Spare};
use crate::model::{diagnosis::Mend, message::Message};
use tokio::sync::mpsc;

/// Works until `mends` is closed. Every outcome goes into `messages`.
pub async fn run(target: Target, spare: Spare, mut mends: mpsc::Receiver<Mend>, messages: mpsc::Sender<Message>) {
    while let Some(mend) = mends.recv().await {
        let third = spare.wait().await;
        let outcome = match Sessions::to_mend(&target).await {
            Ok(mut sessions) => sessions.mend(&mend).await.map_err(|failure| failure.to_string()),
            Err(failure) => Err(format!("nothing was done: {failure}")),
        };
        drop(third);
        if messages.send(Message::Mended(outcome)).await.is_err() {
            return;
        }
    }
}
