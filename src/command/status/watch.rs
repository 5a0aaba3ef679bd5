//! `refreshtop status --watch`: the status anew with every poll. On a terminal it is drawn in place, line over line in one
//! write, so that nothing flickers; elsewhere each follows the one before.

use super::answer;
use crate::{
    command::{Failure, report::Reader, signals::StopSignals, stdout_closed},
    output::{Output, clean, moment},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{exit, numbers::length};
use std::{fmt::Write as _, io::Write as _, time::Duration};
use tokio::time::timeout;

/// Longest read, with a session that may have to be opened for it.
const LONGEST_READ: Duration = Duration::from_secs(30);

/// Prints the status until a signal, or the reader of standard output, ends it.
///
/// # Errors
/// The first read failed; later ones are tried again.
pub(super) async fn run(settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let mut watch = Watch { reader: Reader::new(target, settings), settings, target, output, shown: Shown::default() };
    let ended = tokio::select! {
        () = stop.recv() => Ok(()),
        // Writing would fail only at the next poll, which may be far away.
        () = stdout_closed::wait() => Ok(()),
        ended = watch.run() => ended,
    };
    watch.reader.close().await;
    ended
}

struct Watch<'a> {
    reader: Reader<'a>,
    settings: &'a Settings,
    target: &'a Target,
    output: Output,
    shown: Shown,
}

/// What is on the terminal.
#[derive(Debug, Default)]
struct Shown {
    /// The last status that was read, and when.
    status: Option<(String, String)>,
    /// Rows that were drawn.
    rows: usize,
    /// Size of the terminal that they were drawn on.
    size: Option<(u16, u16)>,
    /// Why the last read failed.
    failure: Option<String>,
}

impl Watch<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let mut poll = tokio::time::interval(self.settings.poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            poll.tick().await;
            let read = timeout(LONGEST_READ, self.reader.read(super::RUNS)).await.unwrap_or_else(|_| {
                let why = format!("the database did not answer within {} s", LONGEST_READ.as_secs());
                Err(Failure::new(exit::CANNOT_CONNECT, why))
            });
            match read {
                Ok(found) => {
                    let now = moment(found.server_time());
                    let text = answer(&found, self.settings, self.target, self.output.fitted());
                    self.shown.failure = None;
                    self.print(text, now)?;
                }
                Err(failure) if self.shown.status.is_none() => return Err(failure),
                Err(failure) => self.failed(&failure)?,
            }
        }
    }

    fn print(&mut self, text: String, now: String) -> Result<(), Failure> {
        if self.output.is_terminal() && !self.output.json {
            self.shown.status = Some((text, now));
            return self.draw();
        }
        let gap = if self.shown.status.is_some() && !self.output.json { "\n" } else { "" };
        self.output.print(&format!("{gap}{text}"))?;
        self.shown.status = Some((String::new(), now));
        Ok(())
    }

    /// What was read stays, and a line says so.
    fn failed(&mut self, failure: &Failure) -> Result<(), Failure> {
        let why = clean(&failure.to_string());
        let known = self.shown.failure.replace(why.clone()).is_some_and(|known| known == why);
        if self.output.is_terminal() && !self.output.json {
            return self.draw();
        }
        if !known {
            // Ignore the error: stderr may be closed.
            let _ = writeln!(std::io::stderr(), "refreshtop: {why}; trying again");
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let size = Output::terminal_size();
        let Some((status, now)) = &self.shown.status else { return Ok(()) };
        let every = length(self.settings.poll);
        let note = match &self.shown.failure {
            None => format!("read at {now} UTC, every {every}; Ctrl-C ends it"),
            Some(why) => format!("NOT READ SINCE {now} UTC: {why}; trying again every {every}"),
        };
        let (columns, rows) = size.map_or((80, 24), |(columns, rows)| (usize::from(columns), usize::from(rows)));
        // The cursor stands below the last line.
        let room = rows.saturating_sub(2).max(1);
        let lines: Vec<&str> = status.lines().take(room.saturating_sub(1)).collect();
        let mut frame = String::from("\x1b[?2026h\x1b[?7l");
        let moved = size != self.shown.size;
        match self.shown.rows {
            0 => {}
            // A terminal of another size has broken the lines in its own way.
            _ if moved => frame.push_str("\x1b[H\x1b[2J"),
            drawn => {
                // Writing to a string does not fail.
                let _ = write!(frame, "\x1b[{drawn}A\r");
            }
        }
        for line in &lines {
            let _ = writeln!(frame, "{line}\x1b[K");
        }
        let _ = write!(frame, "{}\x1b[K\n\x1b[J\x1b[?7h\x1b[?2026l", crate::output::cut(&note, columns));
        self.shown.rows = lines.len() + 1;
        self.shown.size = size;
        self.output.write(&frame)
    }
}
