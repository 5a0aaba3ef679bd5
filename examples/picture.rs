//! Takes pictures of the real program: `cargo build && cargo run --example picture -- FOLDER`.
//!
//! It runs `refreshtop demo` in a terminal of its own, waits for a real failure, resizes, opens the failure's black
//! box, goes through the views, and in the end stops the demo's server under the running monitor.

#[path = "support/svg.rs"]
mod svg;

use anyhow::{Context as _, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    num::NonZeroU16,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use vt100::{Parser, Screen};

/// Longest wait for anything: with other work on the machine the demo takes its time to start.
const PATIENCE: Duration = Duration::from_mins(2);
/// A screen is whole when the program has written nothing for so long.
const QUIET: Duration = Duration::from_millis(150);

/// Whether a screen shows what is wanted.
type Holds = fn(&str) -> bool;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("assets"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let take = |name: &str, screen: &Screen| {
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, svg::svg(&buffer(screen))).with_context(|| format!("writing {}", path.display()))
    };

    // If we are root, the demo's server runs as another account, which must have access.
    let temp = tempfile::tempdir()?;
    fs::set_permissions(temp.path(), Permissions::from_mode(0o711))?;
    let mut demo = Terminal::start(temp.path(), (100, 30))?;

    let made_up = failures(&demo.wait("the live screen", |text| text.contains("● LIVE") && failures(text).is_some())?);
    demo.wait("a real failure", |text| failures(text) > made_up)?;
    demo.wait("the refresh after it", last_run_succeeded)?;
    demo.press("\r")?;
    demo.wait("the black box", |text| text.contains("BLACK BOX") && text.contains("nightly-export"))?;
    take("black-box", &demo.screen()?)?;
    demo.press("\x1b")?;
    demo.wait("the overview", last_run_succeeded)?;

    for (name, size) in [("overview-80x24", (80, 24)), ("overview", (120, 40))] {
        demo.resize(size)?;
        demo.wait(name, last_run_succeeded)?;
        take(name, &demo.screen()?)?;
    }
    // Each view once it has read what it shows.
    let views: [(&str, &str, Holds); 7] = [
        ("board", "0", |text| text.contains("shop.margins") && text.contains("not managed")),
        ("runs", "2", |text| text.contains("started UTC") && text.contains("failed")),
        ("incidents", "3", |text| text.contains("first error") && text.contains("in the way")),
        ("history", "4", |text| text.contains("GROWTH") && text.contains("rows")),
        ("diagnose", "5", |text| text.contains("DIAGNOSIS") && text.contains("asked")),
        ("columns", "6", |text| text.contains("per day") && text.contains("LAST REFRESHES")),
        ("wall", "7", |text| text.contains("LIVE") && text.contains("shop.margins")),
    ];
    for (name, key, holds) in views {
        demo.press(key)?;
        demo.wait(name, holds)?;
        take(name, &demo.screen()?)?;
    }
    demo.press("1")?;
    demo.wait("the overview again", last_run_succeeded)?;
    stop_server(temp.path())?;
    demo.wait("the lost database", |text| text.contains("DOWN for 5s"))?;
    take("down", &demo.screen()?)?;
    demo.end()
}

/// How many failures the list of errors has: the figure in its title, `ERRORS  1/4`.
fn failures(text: &str) -> Option<u32> {
    let title = text.split_once("ERRORS")?.1.split_whitespace().next()?;
    title.split_once('/')?.1.parse().ok()
}

/// Whether the first row of the list of runs is a success.
fn last_run_succeeded(text: &str) -> bool {
    let newest = text.lines().skip_while(|line| !line.contains("RUNS")).nth(1);
    newest.is_some_and(|row| row.contains("✓"))
}

/// Stops the server of the demo whose folder is in `temp`, as `pg_ctl stop` would.
fn stop_server(temp: &Path) -> anyhow::Result<()> {
    let pid_file = fs::read_dir(temp)?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("data/postmaster.pid"))
        .find(|path| path.exists())
        .context("the demo's server has left no postmaster.pid")?;
    let text = fs::read_to_string(pid_file)?;
    let pid = text.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
    Ok(kill_process(pid.context("postmaster.pid holds no process")?, Signal::INT)?)
}

/// The program in a terminal of its own.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
}

/// What it has written so far.
struct Seen {
    parser: Parser,
    last: Instant,
}

impl Terminal {
    fn start(temp: &Path, size: (u16, u16)) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let program = own.ancestors().nth(2).unwrap_or(&own).join("refreshtop");
        if !program.exists() {
            bail!("{} is missing: run cargo build", program.display());
        }
        let mut command = CommandBuilder::new(program);
        // Of several views the monitor would open on the board.
        command.args(["demo", "--view", "platform_metrics"]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFRESHTOP_") || name == "NO_COLOR") {
            command.env_remove(name);
        }
        // A config file of the person who takes the pictures must not show in them.
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("XDG_CONFIG_HOME", "/nonexistent")] {
            command.env(name, value);
        }
        command.env("TMPDIR", temp);
        let pair = native_pty_system().openpty(pty_size(size))?;
        let child = pair.slave.spawn_command(command)?;
        let (rows, columns) = rows_and_columns(size)?;
        let seen = Arc::new(Mutex::new(Seen { parser: Parser::new(rows, columns, 0), last: Instant::now() }));
        let mut output = pair.master.try_clone_reader()?;
        let writing = Arc::clone(&seen);
        thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let mut seen = lock(&writing);
                seen.parser.process(&bytes[..count]);
                seen.last = Instant::now();
            }
        });
        let keys = pair.master.take_writer()?;
        Ok(Self { master: pair.master, keys, child, seen })
    }

    fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    fn resize(&self, size: (u16, u16)) -> anyhow::Result<()> {
        let (rows, columns) = rows_and_columns(size)?;
        let mut seen = lock(&self.seen);
        seen.parser.screen_mut().set_size(rows, columns);
        // Until the program has painted again, the old picture does not count.
        seen.parser.process(b"\x1b[2J");
        seen.last = Instant::now();
        self.master.resize(pty_size(size))
    }

    /// Waits until the text on a whole screen is as wanted, and gives it.
    fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let since = Instant::now();
        loop {
            let text = self.screen()?.contents();
            if holds(&text) {
                return Ok(text);
            }
            if since.elapsed() > PATIENCE {
                bail!("waited in vain for {what}; the screen shows:\n{text}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The screen, once it is whole.
    fn screen(&self) -> anyhow::Result<Screen> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let seen = lock(&self.seen);
            if seen.last.elapsed() >= QUIET {
                return Ok(seen.parser.screen().clone());
            }
            drop(seen);
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the program never stops writing")
    }

    /// Asks the program to end, and waits until it has.
    fn end(mut self) -> anyhow::Result<()> {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.context("the program has no process")?, Signal::TERM)?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the program ended badly: {status}");
                }
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("the program does not end")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where it has ended this does nothing; else the demo's watcher takes its server away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn rows_and_columns((columns, rows): (u16, u16)) -> anyhow::Result<(NonZeroU16, NonZeroU16)> {
    Ok((NonZeroU16::try_from(rows)?, NonZeroU16::try_from(columns)?))
}

/// The terminal's cells as those that the screen is drawn on.
fn buffer(screen: &Screen) -> Buffer {
    let (rows, columns) = screen.size();
    let mut buf = Buffer::empty(Rect::new(0, 0, columns.get(), rows.get()));
    for y in 0..rows.get() {
        for x in 0..columns.get() {
            let Some(cell) = screen.cell(y, x).filter(|cell| !cell.is_wide_continuation()) else { continue };
            let mut style = Style::new().fg(colour(cell.fgcolor())).bg(colour(cell.bgcolor()));
            for (is_set, modifier) in [
                (cell.bold(), Modifier::BOLD),
                (cell.dim(), Modifier::DIM),
                (cell.underline(), Modifier::UNDERLINED),
                (cell.inverse(), Modifier::REVERSED),
            ] {
                if is_set {
                    style = style.add_modifier(modifier);
                }
            }
            let symbol = if cell.has_contents() { cell.contents() } else { " " };
            buf[(x, y)].set_symbol(symbol).set_style(style);
        }
    }
    buf
}

fn colour(colour: vt100::Color) -> Color {
    match colour {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
