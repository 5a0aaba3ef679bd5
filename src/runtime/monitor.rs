//! The monitor on a real terminal and a real database.

use crate::connect::Target;
use crate::db::{feed, fixer, reader, refresher, session_budget::SessionBudget};
use crate::model::{
    diagnosis::Fix,
    message::{Action, Effect, Message, Pointer, PointerAct},
    question::Question,
    state::{Options, State},
};
use crate::runtime::{
    event_loop::{self, Effects, Ended, Screen},
    signals,
};
use crate::screen::{self, Appearance, keys::KeyMap};
use crate::terminal::{
    backend::QuietBackend,
    colours::Depth,
    guard::{self, TerminalGuard},
    input::{self, Input},
};
use crossterm::{
    clipboard::CopyToClipboard,
    event::{Event, MouseButton, MouseEventKind},
    execute,
};
use ratatui::{
    Terminal,
    layout::{Position, Rect},
};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// News that wait for the loop. A full queue slows the reader down; the feed drops what it can't place, and the
/// read that every notification leads to makes up for it.
const NEWS: usize = 1024;
/// Keys and signals that wait for the loop.
const INPUTS: usize = 4096;
/// Commands that wait for a database task: they come from one person, and each kind once at a time.
const COMMANDS: usize = 16;

/// Opens the monitor and stays until it is left.
///
/// # Errors
/// Where the terminal can't be taken over. Losing it later is a way to end, not an error.
pub async fn run(target: Target, options: Options, appearance: Appearance, depth: Depth) -> io::Result<Ended> {
    let (input_sender, mut inputs) = mpsc::channel(INPUTS);
    let (news_sender, mut news) = mpsc::channel(NEWS);
    let guard = TerminalGuard::take(appearance.mouse)?;
    let keys = appearance.keys.clone();
    let mut screen =
        TerminalScreen { terminal: Terminal::new(QuietBackend::new(io::stdout()).with(depth))?, appearance };
    let signals = signals::listen(input_sender.clone(), || {
        guard::abandon();
        std::process::exit(crate::exit::TERMINAL_STUCK.into());
    })?;
    forward_keys(keys, input_sender)?;
    let mut tasks = Tasks::spawn(&target, &options, &news_sender);
    let state = State::new(options, Instant::now());
    let ended = event_loop::run(state, &mut screen, &mut tasks, &mut inputs, &mut news).await;
    drop(signals);
    drop(guard);
    Ok(ended)
}

/// Turns keys into actions by the screen's key map.
fn forward_keys(map: KeyMap, inputs: mpsc::Sender<Message>) -> io::Result<()> {
    let (sender, mut keys) = mpsc::channel(INPUTS);
    input::spawn(sender)?;
    tokio::spawn(async move {
        while let Some(input) = keys.recv().await {
            let message = match input {
                Input::Event(event) => match message(&map, &event) {
                    Some(message) => message,
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

/// What a terminal event means; the state decides whether a key is a command or a letter.
fn message(map: &KeyMap, event: &Event) -> Option<Message> {
    if let Event::Mouse(mouse) = event {
        let act = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => PointerAct::Press,
            MouseEventKind::ScrollUp => PointerAct::WheelUp,
            MouseEventKind::ScrollDown => PointerAct::WheelDown,
            _ => return None,
        };
        return Some(Message::Pointer(Pointer { column: mouse.column, row: mouse.row, act }));
    }
    let (action, edit) = (map.action(event), screen::keys::edit(event));
    (action.is_some() || edit.is_some()).then_some(Message::Key { action, edit })
}

/// The tasks that talk to the database; they end with the queues to them.
struct Tasks {
    polls: mpsc::Sender<()>,
    run: watch::Sender<Option<Uuid>>,
    questions: mpsc::Sender<Question>,
    window: watch::Sender<Duration>,
    fixer: mpsc::Sender<Fix>,
    refresher: mpsc::Sender<refresher::Command>,
}

impl Tasks {
    fn spawn(target: &Target, options: &Options, news: &mpsc::Sender<Message>) -> Self {
        // The state asks for one poll at a time.
        let (polls, poll_requests) = mpsc::channel(1);
        let (run, run_requests) = watch::channel(None);
        // Each view asks one question at a time.
        let (questions, asked) = mpsc::channel(COMMANDS);
        let (window, shown) = watch::channel(options.window);
        let requests = reader::Requests { polls: poll_requests, run: run_requests, questions: asked, window: shown };
        let (fixer, fixes) = mpsc::channel(1);
        let (refresher, triggers) = mpsc::channel(COMMANDS);
        let budget = SessionBudget::default();
        tokio::spawn(feed::run(target.clone(), budget.clone(), news.clone()));
        tokio::spawn(reader::run(target.clone(), requests, news.clone()));
        tokio::spawn(refresher::run(target.clone(), budget.clone(), triggers, news.clone()));
        tokio::spawn(fixer::run(target.clone(), budget, fixes, news.clone()));
        Self { polls, run, questions, window, fixer, refresher }
    }
}

impl Effects for Tasks {
    fn start(&mut self, effect: Effect) {
        // A full queue means that the task has as much to do as a person can have asked for; nothing is lost by
        // asking no further.
        match effect {
            Effect::Poll => drop(self.polls.try_send(())),
            Effect::ReadRun(id) => drop(self.run.send_replace(Some(id))),
            Effect::Ask(question) => drop(self.questions.try_send(question)),
            Effect::SetWindow(window) => drop(self.window.send_replace(window)),
            Effect::Fix(fix) => drop(self.fixer.try_send(*fix)),
            Effect::Trigger => drop(self.refresher.try_send(refresher::Command::Trigger)),
            Effect::CancelTrigger => drop(self.refresher.try_send(refresher::Command::Cancel)),
            // The loop's own.
            Effect::Copy(_) | Effect::Quit => {}
        }
    }
}

struct TerminalScreen {
    terminal: Terminal<QuietBackend<io::Stdout>>,
    appearance: Appearance,
}

impl TerminalScreen {
    fn area(&self) -> Option<Rect> {
        self.terminal.size().ok().map(|size| Rect::from((Position::ORIGIN, size)))
    }
}

impl Screen for TerminalScreen {
    fn draw(&mut self, state: &State) -> io::Result<()> {
        self.terminal.draw(|frame| screen::draw(state, &self.appearance, frame)).map(|_| ())
    }

    fn scroll_limit(&self, state: &State) -> Option<u16> {
        screen::scroll_limit(state, &self.appearance, self.area()?)
    }

    fn page(&self, state: &State) -> Option<u16> {
        screen::page(state, &self.appearance, self.area()?)
    }

    fn pointed(&self, state: &State, pointer: Pointer) -> Option<Action> {
        screen::pointer::action(state, &self.appearance, self.area()?, pointer)
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    fn suspend(&mut self) -> io::Result<()> {
        guard::suspend()
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.terminal.autoresize()?;
        self.terminal.clear()
    }
}
