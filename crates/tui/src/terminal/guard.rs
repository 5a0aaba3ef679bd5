//! Sets up the terminal, and restores it however the program ends.

use crossterm::{
    cursor, queue,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use refreshtop_core::exit;
use rustix::process::{Signal, getpid, kill_process};
use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Whether the terminal is set up: restoring it twice would garble what was printed in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse reports to us.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The terminal is set up until this is dropped.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Sets up the terminal: raw mode, alternate screen, hidden cursor, and the mouse if enabled. A panic in any thread
    /// restores it, prints its message and ends the program.
    ///
    /// # Errors Standard input or output is not a terminal, or it refuses.
    pub fn take(mouse: bool) -> io::Result<Self> {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Err(io::Error::other("standard input and output must be a terminal"));
        }
        let guard = Self(());
        enter(mouse)?;
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Held to the end: another thread's panic does not stop the loop, which would draw over the message.
            let _held = io::stdout().lock();
            let ours = give_back();
            previous(panic);
            if ours {
                std::process::exit(exit::FAILURE.into());
            }
        }));
        Ok(guard)
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    queue!(out, EnterAlternateScreen, cursor::Hide)?;
    if mouse {
        MOUSE.store(true, Ordering::SeqCst);
        // Presses and the wheel; reports of motion would only cost bytes.
        out.write_all(b"\x1b[?1000h\x1b[?1006h")?;
    }
    out.flush()
}

/// Restores the terminal, stops the whole program until SIGCONT, and sets the terminal up again.
pub fn suspend() -> io::Result<()> {
    let mouse = MOUSE.load(Ordering::SeqCst);
    if !give_back() {
        return Ok(());
    }
    kill_process(getpid(), Signal::STOP)?;
    // Another thread may have received the signal, and this one would set up the terminal before it is stopped.
    std::thread::sleep(Duration::from_millis(50));
    enter(mouse)
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Restores the terminal, and returns whether it was set up; otherwise does nothing. Errors are ignored: a terminal
/// that can't be written to is gone.
pub fn give_back() -> bool {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return false;
    }
    let mut out = io::stdout();
    // A frame that was cut off may have left the synchronized update open.
    let _ = out.write_all(b"\x1b[?2026l\x1b[0m");
    if MOUSE.swap(false, Ordering::SeqCst) {
        let _ = out.write_all(b"\x1b[?1006l\x1b[?1000l");
    }
    let _ = queue!(out, LeaveAlternateScreen, cursor::Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
    true
}

/// Restores what needs no writing: for a terminal on which a write blocks for ever.
pub fn abandon() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}
