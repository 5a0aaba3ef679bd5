//! Asks a database as the monitor does, in a session of its own.

use super::target;
use refreshtop_core::{
    address::{DatabaseId, ViewId},
    event::Event,
    question::{Answer, Question},
};
use refreshtop_db::{contract::PLATFORM_METRICS, events::Events, reader::Reader};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};

/// A reader, and what it answers.
pub struct Asking {
    pub reader: Reader,
    view: ViewId,
    events: mpsc::Receiver<(DatabaseId, Event)>,
}

impl Asking {
    /// One for the application's own view.
    pub fn new(url: &str) -> Self {
        Self::about(url, ViewId::new(PLATFORM_METRICS))
    }

    pub fn about(url: &str, view: ViewId) -> Self {
        let (queue, events) = mpsc::channel(64);
        let of = Events::of(DatabaseId::new("test"), queue);
        Self { reader: Reader::spawn(target(url), of), view, events }
    }

    pub async fn event(&mut self) -> Event {
        timeout(Duration::from_mins(1), self.events.recv()).await.expect("an answer in time").expect("a reader").1
    }

    pub async fn ask(&mut self, question: Question) -> Answer {
        self.reader.ask(self.view.clone(), question);
        match self.event().await {
            Event::Answered(_, answer) => *answer,
            other => panic!("{other:?}"),
        }
    }
}
