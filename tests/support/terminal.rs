//! A program in a real pseudo-terminal, and what its screen shows.

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
};
use std::{
    env,
    ffi::OsStr,
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The program under test.
pub const REFRESHTOP: &str = env!("CARGO_BIN_EXE_refreshtop");

/// How long a test waits for what must come: a busy machine needs some of it, and only a failing test all of it.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program's word that a frame begins, and that it is complete.
const UPDATE_BEGINS: &[u8] = b"\x1b[?2026h";
const UPDATE_ENDS: &[u8] = b"\x1b[?2026l";

/// Opening a pty and marking it close-on-exec are two steps: in between no other program may start, or it would keep
/// the terminal open that a test hangs up.
static STARTING: Mutex<()> = Mutex::new(());

/// A program that is about to be started, with nothing of this process's environment but the search path.
pub struct Launch {
    command: CommandBuilder,
    size: (u16, u16),
}

impl Launch {
    /// `program` with `args`, in a UTF-8 terminal of 120x40.
    pub fn new(program: impl AsRef<OsStr>, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.cwd("/");
        for name in ["PATH", "REFRESHTOP_PG_BIN"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let launch = Self { command, size: (120, 40) };
        launch.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("HOME", "/nonexistent")
    }

    /// `refreshtop` with `args`.
    pub fn refreshtop(args: &[&str]) -> Self {
        Self::new(REFRESHTOP, args)
    }

    /// The monitor on `url`, which polls once an hour: what is on the screen came by notification.
    pub fn monitor(url: &str) -> Self {
        Self::refreshtop(&["--poll", "1h"]).env("REFRESHTOP_URL", url)
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn size(mut self, cols: u16, rows: u16) -> Self {
        self.size = (cols, rows);
        self
    }

    /// The terminal does not become the controlling one: closing it sends no SIGHUP.
    pub fn without_control(mut self) -> Self {
        self.command.set_controlling_tty(false);
        self
    }

    /// Starts the monitor and waits for its first snapshot.
    pub fn live(self) -> TerminalProgram {
        let monitor = self.start();
        monitor.wait_for("a live screen with data", |screen| screen.contains("LIVE") && screen.contains("data of"));
        monitor
    }

    /// Starts the program.
    pub fn start(self) -> TerminalProgram {
        let (cols, rows) = self.size;
        let starting = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let pair = native_pty_system().openpty(pty_size(cols, rows)).expect("a pty");
        let sane = settings(&*pair.master);
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        drop(pair.slave);
        drop(starting);
        let terminal = Arc::new(Terminal::new(cols, rows));
        let bytes = pair.master.try_clone_reader().expect("a reader");
        let reader = thread::spawn({
            let terminal = terminal.clone();
            move || terminal.read(bytes)
        });
        let writer = pair.master.take_writer().expect("a writer");
        let pid = child.process_id().expect("a process");
        TerminalProgram {
            child,
            pid,
            terminal,
            sane,
            open: Some(Open { master: pair.master, writer, reader }),
            status: None,
        }
    }
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// The settings of the terminal (raw, echo, …), to compare.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("termios"))
}

/// A row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    /// Colours and attributes of every cell.
    pub looks: Vec<String>,
}

/// What the terminal was asked to do beside showing text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Titles and icon names.
    pub titles: Vec<String>,
    /// Bells.
    pub bells: usize,
    /// Clipboard, resizing, and operating system commands that the parser does not know.
    pub others: usize,
}

impl vt100::Callbacks for Asked {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn visual_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.titles.push(String::from_utf8_lossy(name).into());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into());
    }

    fn resize(&mut self, _: &mut vt100::Screen, _: (u16, u16)) {
        self.others += 1;
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
        self.others += 1;
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
        self.others += 1;
    }
}

/// The terminal's side: everything it was sent, and the screen that came of it.
struct Terminal {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    parser: vt100::Parser<Asked>,
    raw: Vec<u8>,
    /// When the last bytes came.
    at: Instant,
    /// The reader is to let go of the terminal.
    closing: bool,
    /// The terminal takes no more bytes.
    stalled: bool,
    /// Nothing comes any more.
    ended: bool,
    /// Of `raw`, so many bytes at the end are a frame that is not complete: the screen does not show them yet, as in a
    /// terminal that knows synchronized updates.
    held: usize,
    looks: Looks,
}

/// Who looks at the screen.
#[derive(Default)]
struct Looks {
    /// Number of the state that the screen is in, and of the newest one that somebody who waits has looked at.
    state: u64,
    seen: u64,
    /// So many wait: the screen goes on when they have looked.
    waiting: usize,
    /// Somebody will wait.
    expected: bool,
}

impl Looks {
    /// Somebody waits, and has not seen this state.
    fn are_missing(&self) -> bool {
        (self.waiting > 0 || self.expected) && self.seen < self.state
    }
}

/// Bytes at the beginning of `bytes` that lead to the next state of the screen: up to a frame, or a whole one; 0 where
/// there must be more to tell.
fn next_state(bytes: &[u8]) -> usize {
    let find = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark);
    match find(UPDATE_BEGINS) {
        Some(0) => find(UPDATE_ENDS).map_or(0, |at| at + UPDATE_ENDS.len()),
        Some(at) => at,
        // The mark itself may have come in part.
        None => {
            let cut = (1..UPDATE_BEGINS.len()).rev().find(|length| bytes.ends_with(&UPDATE_BEGINS[..*length]));
            bytes.len() - cut.unwrap_or(0)
        }
    }
}

impl Terminal {
    fn new(cols: u16, rows: u16) -> Self {
        let (rows, cols) = non_zero(cols, rows);
        let parser = vt100::Parser::new_with_callbacks(rows, cols, 0, Asked::default());
        let seen = Seen {
            parser,
            raw: Vec::new(),
            at: Instant::now(),
            closing: false,
            stalled: false,
            ended: false,
            held: 0,
            looks: Looks::default(),
        };
        Self { seen: Mutex::new(seen), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in what the program writes, until there is no more (`EIO`: nobody has the other side open) or the
    /// terminal is closed.
    fn read(&self, mut bytes: impl Read) {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = bytes.read(&mut buffer) {
            let seen = self.lock();
            let going_on = |seen: &mut Seen| seen.stalled && !seen.closing;
            let mut seen = self.changed.wait_while(seen, going_on).unwrap_or_else(std::sync::PoisonError::into_inner);
            if seen.closing {
                break;
            }
            seen.at = Instant::now();
            seen.raw.extend_from_slice(&buffer[..count]);
            let mut rest = seen.raw[seen.raw.len() - seen.held - count..].to_vec();
            seen.held = rest.len();
            loop {
                let length = next_state(&rest);
                seen.parser.process(&rest[..length]);
                rest.drain(..length);
                seen.held = rest.len();
                seen = self.tell(seen);
                if length == 0 || rest.is_empty() {
                    break;
                }
            }
        }
        let mut seen = self.lock();
        let rest = seen.raw[seen.raw.len() - seen.held..].to_vec();
        seen.parser.process(&rest);
        seen.held = 0;
        seen.ended = true;
        self.changed.notify_all();
    }

    /// Tells those who wait of another state, and lets each of them look: one that lasts for a moment is seen as well,
    /// however busy the machine is.
    fn tell<'a>(&'a self, mut seen: MutexGuard<'a, Seen>) -> MutexGuard<'a, Seen> {
        seen.looks.state += 1;
        self.changed.notify_all();
        let unseen = |seen: &mut Seen| seen.looks.are_missing() && !seen.closing;
        self.changed.wait_while(seen, unseen).unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn non_zero(cols: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).expect("rows"), NonZeroU16::new(cols).expect("columns"))
}

/// Our end of the terminal.
struct Open {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    reader: JoinHandle<()>,
}

/// A program in a terminal of its own. Dropping it kills the program.
pub struct TerminalProgram {
    child: Box<dyn Child + Send + Sync>,
    pid: u32,
    terminal: Arc<Terminal>,
    sane: String,
    open: Option<Open>,
    status: Option<ExitStatus>,
}

impl TerminalProgram {
    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The text on the screen, without trailing blanks.
    pub fn screen_text(&self) -> String {
        self.terminal.lock().parser.screen().contents()
    }

    /// The screen row by row.
    pub fn rows(&self) -> Vec<Row> {
        let seen = self.terminal.lock();
        let screen = seen.parser.screen();
        let (rows, cols) = screen.size();
        let looks = |cell: &vt100::Cell| {
            let flags = [cell.bold(), cell.italic(), cell.underline(), cell.inverse()].map(u8::from);
            format!("{:?}{:?}{flags:?}", cell.fgcolor(), cell.bgcolor())
        };
        let row = |row| {
            let cells = (0..cols.get()).filter_map(|col| screen.cell(row, col));
            // A cell that was never drawn looks like a blank.
            let text = |cell: &vt100::Cell| if cell.has_contents() { cell.contents().to_owned() } else { " ".into() };
            Row { text: cells.clone().map(text).collect(), looks: cells.map(looks).collect() }
        };
        (0..rows.get()).map(row).collect()
    }

    /// Everything that was written to the terminal so far.
    pub fn raw_bytes(&self) -> Vec<u8> {
        self.terminal.lock().raw.clone()
    }

    /// The same, without the frame that may not be complete.
    pub fn whole_frames(&self) -> Vec<u8> {
        let seen = self.terminal.lock();
        seen.raw[..seen.raw.len() - seen.held].to_vec()
    }

    /// What the terminal was asked to do beside showing text.
    pub fn asked(&self) -> Asked {
        self.terminal.lock().parser.callbacks().clone()
    }

    /// Waits until the screen's text satisfies `seen`.
    pub fn wait_for(&self, what: &str, seen: impl Fn(&str) -> bool) -> String {
        let (text, _) = self.wait_for_bytes(what, |_, text| seen(text));
        text
    }

    /// Waits until `text` is on the screen, wherever its lines are broken.
    pub fn wait_text(&self, text: &str) -> String {
        let wanted = unbroken(text);
        self.wait_for(text, |screen| unbroken(screen).contains(&wanted))
    }

    /// Waits until what was written, or the screen's text, satisfies `seen`; tells that text, and when the last bytes
    /// came.
    pub fn wait_for_bytes(&self, what: &str, seen: impl Fn(&[u8], &str) -> bool) -> (String, Instant) {
        let since = Instant::now();
        let mut now = self.terminal.lock();
        now.looks.waiting += 1;
        let (text, found) = loop {
            let text = now.parser.screen().contents();
            now.looks.seen = now.looks.state;
            if seen(&now.raw, &text) {
                break (text, Ok(now.at));
            }
            let left = PATIENCE.saturating_sub(since.elapsed());
            if left.is_zero() || now.ended {
                break (text, Err(if now.ended { "the program let go of the terminal" } else { "waited long enough" }));
            }
            self.terminal.changed.notify_all();
            // What is waited for may show elsewhere than on the screen.
            let left = left.min(Duration::from_millis(100));
            now = self.terminal.changed.wait_timeout(now, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        };
        now.looks.waiting -= 1;
        now.looks.expected = false;
        drop(now);
        self.terminal.changed.notify_all();
        match found {
            Ok(at) => (text, at),
            Err(why) => panic!("{why} for: {what}\n{text}"),
        }
    }

    /// Whoever waits next misses nothing that is shown from now on, however short, and however late that is.
    pub fn miss_nothing(&self) {
        let mut seen = self.terminal.lock();
        seen.looks.expected = true;
        seen.looks.seen = seen.looks.state;
    }

    /// Waits until nothing has been written for `quiet`.
    pub fn wait_quiet(&self, quiet: Duration) {
        let since = Instant::now();
        loop {
            let still = self.terminal.lock().at.elapsed();
            if still >= quiet {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "never quiet:\n{}", self.screen_text());
            thread::sleep(quiet.saturating_sub(still));
        }
    }

    /// Types `keys`.
    pub fn send(&mut self, keys: &str) {
        let open = self.open.as_mut().expect("an open terminal");
        open.writer.write_all(keys.as_bytes()).and_then(|()| open.writer.flush()).expect("the terminal takes keys");
    }

    /// Changes the window's size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (some_rows, some_cols) = non_zero(cols, rows);
        let open = self.open.as_ref().expect("an open terminal");
        self.terminal.lock().parser.set_size(some_rows, some_cols);
        open.master.resize(pty_size(cols, rows)).expect("the terminal takes a size");
    }

    /// From now on the terminal takes no more bytes, as a link that stalls.
    pub fn stall(&self) {
        self.terminal.lock().stalled = true;
    }

    /// The terminal takes bytes again.
    pub fn unstall(&self) {
        self.terminal.lock().stalled = false;
        self.terminal.changed.notify_all();
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid.cast_signed()).expect("a pid"), signal).expect("the program lives");
    }

    /// Closes the terminal, as a window that is closed or a connection that is lost.
    pub fn hang_up(&mut self) {
        let Some(Open { master, writer, reader }) = self.open.take() else { return };
        self.terminal.lock().closing = true;
        self.terminal.changed.notify_all();
        // The reader has the terminal open as well and may wait in it; a byte from the other side wakes it.
        if let Some(name) = master.tty_name()
            && let Ok(other) = rustix::fs::open(name, OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty())
        {
            rustix::io::write(&other, b".").ok();
        }
        reader.join().expect("the reader ends");
        drop(writer);
        drop(master);
    }

    /// The terminal is in raw mode, so that keys arrive one by one and unechoed.
    pub fn is_raw(&self) -> bool {
        settings(&*self.open.as_ref().expect("an open terminal").master) != self.sane
    }

    /// How the program ended, if it has.
    pub fn try_exit(&mut self) -> Option<&ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child");
        }
        self.status.as_ref()
    }

    /// Waits for the program's end and all its output; returns its exit code, or the signal that ended it.
    pub fn wait_exit(&mut self) -> Result<u32, String> {
        let since = Instant::now();
        while self.try_exit().is_none() {
            assert!(since.elapsed() < PATIENCE, "it goes on:\n{}", self.screen_text());
            thread::sleep(Duration::from_millis(5));
        }
        while self.open.is_some() && !self.terminal.lock().ended {
            assert!(since.elapsed() < PATIENCE, "somebody has kept the terminal:\n{}", self.screen_text());
            thread::sleep(Duration::from_millis(5));
        }
        let status = self.status.as_ref().expect("it ended");
        status.signal().map_or(Ok(status.exit_code()), |signal| Err(signal.to_owned()))
    }

    /// The shell can go on: no alternate screen, a cursor, plain text, and the settings from before.
    pub fn assert_given_back(&self) {
        let raw = self.raw_bytes();
        {
            let seen = self.terminal.lock();
            let screen = seen.parser.screen();
            assert!(!screen.alternate_screen(), "the alternate screen is still there");
            assert!(!screen.hide_cursor(), "the cursor is still hidden");
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
            assert!(!screen.bracketed_paste() && !screen.application_cursor() && !screen.application_keypad());
            assert_eq!((screen.fgcolor(), screen.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
            assert!(!screen.bold() && !screen.inverse() && !screen.underline());
        }
        assert!(!self.is_raw(), "the terminal is still raw");
        // The parser does not know synchronized updates.
        let last = |mark: &[u8]| raw.windows(mark.len()).rposition(|bytes| bytes == mark);
        assert!(last(UPDATE_ENDS) >= last(UPDATE_BEGINS), "an update was left open");
    }
}

/// Every run of blanks and line ends as one blank: words are found wherever a line was broken.
pub fn unbroken(text: &str) -> String {
    let mut last = ' ';
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    text.chars().map(blank).filter(|c| std::mem::replace(&mut last, *c) != ' ' || *c != ' ').collect()
}

impl Drop for TerminalProgram {
    fn drop(&mut self) {
        if self.try_exit().is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        self.hang_up();
    }
}
