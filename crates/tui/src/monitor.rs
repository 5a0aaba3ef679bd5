//! The monitor on a real terminal.

use crate::{
    app::{
        action::{Action, Pointer, PointerAct},
        message::Message,
        state::State,
    },
    event_loop::{self, Effects, Ended, Surface},
    frame,
    keys::{self, KeyMap},
    pointer,
    scene::Appearance,
    signals,
    terminal::{
        backend::QuietBackend,
        colours::Depth,
        guard::{self, TerminalGuard},
        input::{self, Input},
    },
};
use crossterm::{
    clipboard::CopyToClipboard,
    event::{Event as TerminalEvent, MouseButton, MouseEventKind},
    execute,
};
use ratatui::{
    Terminal,
    layout::{Position, Rect},
};
use refreshtop_core::{address::DatabaseId, event::Event, exit};
use std::io;
use tokio::sync::mpsc;

/// Events that wait for the loop. A full queue slows the reader down; the watcher drops what it can't place, and the
/// read that every notification leads to makes up for it.
const EVENTS: usize = 1024;
/// Keys and signals that wait for the loop.
const INPUTS: usize = 4096;

/// Opens the monitor with `state` and stays until it is left. `connect` starts what carries effects out; its answers
/// go into the queue that it is given.
///
/// # Errors The terminal can't be set up. Losing it later ends the monitor, and is not an error.
pub async fn run<E: Effects>(
    state: State,
    appearance: Appearance,
    depth: Depth,
    connect: impl FnOnce(mpsc::Sender<(DatabaseId, Event)>) -> E,
) -> io::Result<Ended> {
    let (input_sender, mut inputs) = mpsc::channel(INPUTS);
    let (event_sender, mut events) = mpsc::channel(EVENTS);
    let guard = TerminalGuard::take(appearance.mouse)?;
    let keys = appearance.keys.clone();
    let mut screen =
        TerminalSurface { terminal: Terminal::new(QuietBackend::new(io::stdout()).with(depth))?, appearance };
    let signals = signals::listen(input_sender.clone(), || {
        guard::abandon();
        std::process::exit(exit::TERMINAL_STUCK.into());
    })?;
    forward_keys(keys, input_sender)?;
    let mut effects = connect(event_sender);
    let ended = event_loop::run(state, &mut screen, &mut effects, &mut inputs, &mut events).await;
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
fn message(map: &KeyMap, event: &TerminalEvent) -> Option<Message> {
    if let TerminalEvent::Mouse(mouse) = event {
        let act = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => PointerAct::Press,
            MouseEventKind::ScrollUp => PointerAct::WheelUp,
            MouseEventKind::ScrollDown => PointerAct::WheelDown,
            _ => return None,
        };
        return Some(Message::Pointer(Pointer { column: mouse.column, row: mouse.row, act }));
    }
    let (action, edit) = (map.action(event), keys::edit(event));
    (action.is_some() || edit.is_some()).then_some(Message::Key { action, edit })
}

struct TerminalSurface {
    terminal: Terminal<QuietBackend<io::Stdout>>,
    appearance: Appearance,
}

impl TerminalSurface {
    fn area(&self) -> Option<Rect> {
        self.terminal.size().ok().map(|size| Rect::from((Position::ORIGIN, size)))
    }
}

impl Surface for TerminalSurface {
    fn draw(&mut self, state: &State) -> io::Result<()> {
        self.terminal.draw(|frame| frame::draw(state, &self.appearance, frame)).map(|_| ())
    }

    fn scroll_limit(&self, state: &State) -> Option<u16> {
        frame::scroll_limit(state, &self.appearance, self.area()?)
    }

    fn page(&self, state: &State) -> Option<u16> {
        frame::page(state, &self.appearance, self.area()?)
    }

    fn pointed(&self, state: &State, pointer: Pointer) -> Option<Action> {
        pointer::action(state, &self.appearance, self.area()?, pointer)
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
