//! A ratatui backend that stays silent while nothing changes.

use crate::terminal::{
    colours::{self, Depth},
    frame::FrameWriter,
};
use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};
use std::io::{self, Write};

/// [`CrosstermBackend`] without what it writes for a frame in which no cell changed (attribute resets, hiding the
/// hidden cursor again). At one label a minute that would be most of the traffic.
#[derive(Debug)]
pub struct QuietBackend<W: Write> {
    inner: CrosstermBackend<FrameWriter>,
    frame: FrameWriter,
    depth: Depth,
    out: W,
}

impl<W: Write> QuietBackend<W> {
    /// Writes to `out`. The terminal guard hides the cursor.
    pub fn new(out: W) -> Self {
        let frame = FrameWriter::default();
        Self { inner: CrosstermBackend::new(frame.clone()), frame, depth: Depth::Many, out }
    }

    /// Sends no more colours than these.
    pub fn with(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }
}

impl<W: Write> Backend for QuietBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() { Ok(()) } else { self.inner.draw(content) }
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Asking the terminal would mean waiting for its answer; the screen is always painted from the origin.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.depth == Depth::Sixteen {
            self.frame.recode(colours::sixteen);
        }
        self.frame.present(&mut self.out)
    }
}
