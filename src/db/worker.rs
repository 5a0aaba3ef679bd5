//! Everything that talks to one database for the monitor: who listens, reads, refreshes and fixes.

use crate::connect::Target;
use crate::db::{
    events::Events,
    feed, fixer,
    reader::Reader,
    refresher::{self, Command},
    session_budget::SessionBudget,
};
use crate::model::{diagnosis::Fix, request::Request};
use std::time::Duration;
use tokio::sync::mpsc;

/// Commands that wait for the refresher: they come from one person.
const COMMANDS: usize = 16;

/// The tasks; they end with this.
#[derive(Debug)]
pub struct Worker {
    reader: Reader,
    fixer: mpsc::Sender<Fix>,
    refresher: mpsc::Sender<Command>,
}

impl Worker {
    /// Starts to watch `target`, with statistics of `window`. Everything that is heard goes into `events`.
    #[must_use]
    pub fn spawn(target: &Target, window: Duration, events: &Events) -> Self {
        let (fixer, fixes) = mpsc::channel(1);
        let (refresher, commands) = mpsc::channel(COMMANDS);
        let budget = SessionBudget::default();
        tokio::spawn(feed::run(target.clone(), budget.clone(), events.clone()));
        let reader = Reader::spawn(target.clone(), window, events.clone());
        tokio::spawn(refresher::run(target.clone(), budget.clone(), commands, events.clone()));
        tokio::spawn(fixer::run(target.clone(), budget, fixes, events.clone()));
        Self { reader, fixer, refresher }
    }

    /// Sets `request` off. Nothing is waited for: a full queue means that the task has as much to do as a person can
    /// have asked for.
    pub fn request(&self, request: Request) {
        match request {
            Request::Poll => self.reader.poll(),
            Request::ReadRun(id) => self.reader.read_run(id),
            Request::Ask(question) => self.reader.ask(question),
            Request::SetWindow(window) => self.reader.set_window(window),
            Request::Fix(fix) => drop(self.fixer.try_send(*fix)),
            Request::Refresh(view) => drop(self.refresher.try_send(Command::Refresh(view))),
            Request::CancelRefresh => drop(self.refresher.try_send(Command::Cancel)),
        }
    }
}
