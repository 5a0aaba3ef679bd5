//! Everything that talks to one database for the monitor: who listens, reads, refreshes and fixes.

use crate::{
    default_view::ShownView,
    events::Events,
    fixer, manager,
    reader::Reader,
    refresher::{self, Command},
    session_budget::SessionBudget,
    watcher::{self, Polls},
};
use refreshtop_connect::Target;
use refreshtop_core::{diagnosis::Fix, request::Request};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Commands that wait for the refresher: they come from one person.
const COMMANDS: usize = 16;

/// The tasks; they end with this.
#[derive(Debug)]
pub struct Worker {
    view: ShownView,
    polls: mpsc::Sender<()>,
    window: watch::Sender<Option<Duration>>,
    reader: Reader,
    fixer: mpsc::Sender<Fix>,
    refresher: mpsc::Sender<Command>,
    manager: mpsc::Sender<manager::Command>,
}

impl Worker {
    /// Starts to watch `view` in the database of `target`, with statistics of `window`, or of the view's own. Every event goes into `events`.
    pub fn spawn(target: &Target, view: &ShownView, window: Option<Duration>, events: &Events) -> Self {
        let (fixer, fixes) = mpsc::channel(1);
        let (refresher, commands) = mpsc::channel(COMMANDS);
        let (manager, managing) = mpsc::channel(COMMANDS);
        let budget = SessionBudget::default();
        // The state requests one poll at a time.
        let (polls, requests) = mpsc::channel(1);
        let (window, shown) = watch::channel(window);
        let wanted = Polls { requests, window: shown };
        tokio::spawn(watcher::run(target.clone(), view.clone(), budget.clone(), wanted, events.clone()));
        let reader = Reader::spawn(target.clone(), events.clone());
        tokio::spawn(refresher::run(target.clone(), budget.clone(), commands, events.clone()));
        tokio::spawn(manager::run(target.clone(), budget.clone(), managing, events.clone()));
        tokio::spawn(fixer::run(target.clone(), budget, fixes, events.clone()));
        Self { view: view.clone(), manager, polls, window, reader, fixer, refresher }
    }

    /// Sets `request` off. Nothing is waited for: a full queue means that the task already has more to do than one
    /// person requests.
    pub fn request(&self, request: Request) {
        match request {
            Request::Poll => drop(self.polls.try_send(())),
            Request::Show(view) => self.view.show(view),
            Request::ReadRun(id) => self.reader.read_run(id),
            Request::Ask(view, question) => self.reader.ask(view, question),
            Request::SetWindow(window) => drop(self.window.send_replace(Some(window))),
            Request::Fix(fix) => drop(self.fixer.try_send(*fix)),
            Request::Refresh(view) => drop(self.refresher.try_send(Command::Refresh(view))),
            Request::CancelRefresh => drop(self.refresher.try_send(Command::Cancel)),
            Request::Examine(oid) => drop(self.manager.try_send(manager::Command::Examine(oid))),
            Request::Manage(found) => drop(self.manager.try_send(manager::Command::Manage(found))),
            Request::CancelManage => drop(self.manager.try_send(manager::Command::Cancel)),
        }
    }
}
