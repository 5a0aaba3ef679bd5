//! The monitor on a real terminal and a real database.

use crate::connect::Target;
use crate::db::{feed, reader, refresher, spare::Spare};
use crate::model::{
    message::{Effect, Message},
    state::{Options, State},
};
use crate::runtime::{
    event_loop::{self, Effects, Ended, Screen},
    signals,
};
use crate::screen::{self, glyphs::Glyphs, theme::Theme};
use crate::terminal::{
    backend::CalmBackend,
    guard::{self, TerminalGuard},
    input::{self, Input},
};
use ratatui::{
    Terminal,
    layout::{Position, Rect},
};
use std::{io, time::Instant};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// News that wait for the loop. A full queue slows the reader down; the feed drops what it can't place, and the
/// read that every notification leads to makes up for it.
const NEWS: usize = 1024;
/// Keys and signals that wait for the loop.
const INPUTS: usize = 64;
/// Commands that wait for a database task: they come from one person, and each kind once at a time.
const COMMANDS: usize = 16;

/// How the screen looks.
#[derive(Debug, Clone)]
pub struct Appearance {
    /// Colours.
    pub theme: Theme,
    /// Glyphs that the terminal can show.
    pub glyphs: &'static Glyphs,
}

/// Opens the monitor and stays until it is left.
///
/// # Errors
/// Where the terminal can't be taken over. Losing it later is a way to end, not an error.
pub async fn run(target: Target, options: Options, appearance: Appearance) -> io::Result<Ended> {
    let (input_sender, mut inputs) = mpsc::channel(INPUTS);
    let (news_sender, mut news) = mpsc::channel(NEWS);
    let guard = TerminalGuard::take()?;
    let mut screen = TerminalScreen { terminal: Terminal::new(CalmBackend::new(io::stdout()))?, appearance };
    let signals = signals::listen(input_sender.clone(), || {
        guard::abandon();
        std::process::exit(crate::exit::TERMINAL_STUCK.into());
    })?;
    forward_keys(input_sender)?;
    let mut tasks = Tasks::spawn(&target, &options, &news_sender);
    let state = State::new(options, Instant::now());
    let ended = event_loop::run(state, &mut screen, &mut tasks, &mut inputs, &mut news).await;
    drop(signals);
    drop(guard);
    Ok(ended)
}

/// Turns keys into actions by the screen's key map.
fn forward_keys(inputs: mpsc::Sender<Message>) -> io::Result<()> {
    let (sender, mut keys) = mpsc::channel(INPUTS);
    input::spawn(sender)?;
    tokio::spawn(async move {
        while let Some(input) = keys.recv().await {
            let message = match input {
                Input::Event(event) => match screen::keys::action(&event) {
                    Some(action) => Message::Action(action),
                    None => continue,
                },
                Input::Closed => Message::Terminate,
            };
            if inputs.send(message).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// The tasks that talk to the database; they end with the queues to them.
struct Tasks {
    polls: mpsc::Sender<()>,
    run: watch::Sender<Option<Uuid>>,
    refresher: mpsc::Sender<refresher::Command>,
}

impl Tasks {
    fn spawn(target: &Target, options: &Options, news: &mpsc::Sender<Message>) -> Self {
        // The state asks for one poll at a time.
        let (polls, poll_requests) = mpsc::channel(1);
        let (run, run_requests) = watch::channel(None);
        let requests = reader::Requests { polls: poll_requests, run: run_requests };
        let (refresher, triggers) = mpsc::channel(COMMANDS);
        let spare = Spare::default();
        tokio::spawn(feed::run(target.clone(), spare.clone(), news.clone()));
        tokio::spawn(reader::run(target.clone(), options.window, requests, news.clone()));
        tokio::spawn(refresher::run(target.clone(), spare, triggers, news.clone()));
        Self { polls, run, refresher }
    }
}

impl Effects for Tasks {
    fn start(&mut self, effect: Effect) {
        // A full queue means that the task has as much to do as a person can have asked for; nothing is lost by
        // asking no further.
        match effect {
            Effect::Poll => drop(self.polls.try_send(())),
            Effect::ReadRun(id) => drop(self.run.send_replace(Some(id))),
            Effect::Trigger => drop(self.refresher.try_send(refresher::Command::Trigger)),
            Effect::CancelTrigger => drop(self.refresher.try_send(refresher::Command::Cancel)),
            Effect::Quit => {}
        }
    }
}

struct TerminalScreen {
    terminal: Terminal<CalmBackend<io::Stdout>>,
    appearance: Appearance,
}

impl Screen for TerminalScreen {
    fn draw(&mut self, state: &State) -> io::Result<()> {
        let Appearance { theme, glyphs } = &self.appearance;
        self.terminal.draw(|frame| screen::draw(state, theme, glyphs, frame)).map(|_| ())
    }

    fn scroll_limit(&self, state: &State) -> Option<u16> {
        let size = self.terminal.size().ok()?;
        let Appearance { theme, glyphs } = &self.appearance;
        screen::scroll_limit(state, theme, glyphs, Rect::from((Position::ORIGIN, size)))
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.terminal.autoresize()?;
        self.terminal.clear()
    }
}
