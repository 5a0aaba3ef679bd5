//! Taking the terminal over, and giving it back however the program ends.

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

/// Whether the terminal is ours: giving it back twice would garble what was printed in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse reports to us.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The terminal is ours while this lives.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Takes the terminal over: raw mode, alternate screen, hidden cursor, and the mouse if it is wanted. A panic, in whatever thread, gives it
    /// back, prints its message on a sane terminal and ends the program.
    ///
    /// # Errors
    /// Where standard input or output is not a terminal, or it refuses.
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
        // Presses and the wheel; motion alone would cost bytes for nothing.
        out.write_all(b"\x1b[?1000h\x1b[?1006h")?;
    }
    out.flush()
}

/// Gives the terminal back, stops the whole program until SIGCONT, and takes the terminal again.
pub fn suspend() -> io::Result<()> {
    let mouse = MOUSE.load(Ordering::SeqCst);
    if !give_back() {
        return Ok(());
    }
    kill_process(getpid(), Signal::STOP)?;
    // Another thread may have got the signal, and this one would take the terminal before the stop reaches it.
    std::thread::sleep(Duration::from_millis(50));
    enter(mouse)
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back; does nothing if it is not ours, and tells whether it was. Errors are of no use here: a
/// terminal that can't be written to is gone.
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

/// Gives back what takes no writing: for a terminal in which a write never returns, and holds up every further one.
pub fn abandon() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}
