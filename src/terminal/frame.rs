//! One write per frame.

use std::io::{self, Write};

/// Begin and end of a synchronized update: terminals that know it show the frame at once, others ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects what a frame writes, and sends it in one write between the marks of a synchronized update. A frame
/// in which nothing changed sends nothing.
#[derive(Debug)]
pub struct FrameWriter<W: Write> {
    out: W,
    frame: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Writes frames to `out`.
    pub fn new(out: W) -> Self {
        Self { out, frame: Vec::with_capacity(16 * 1024) }
    }

    /// Sends what was collected.
    ///
    /// # Errors
    /// The terminal's: whatever it is, the terminal is gone.
    pub fn present(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(BEGIN.len() + self.frame.len() + END.len());
        bytes.extend_from_slice(BEGIN);
        bytes.append(&mut self.frame);
        bytes.extend_from_slice(END);
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: a frame goes out whole, by [`FrameWriter::present`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_write_and_an_empty_one_is_none() {
        struct Counting(Vec<Vec<u8>>);
        impl Write for &mut Counting {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Counting(Vec::new());
        let mut frames = FrameWriter::new(&mut out);
        frames.present().unwrap();
        frames.write_all(b"one").unwrap();
        frames.flush().unwrap();
        frames.write_all(b" two").unwrap();
        frames.present().unwrap();
        frames.present().unwrap();
        assert_eq!(out.0, [b"\x1b[?2026hone two\x1b[?2026l".to_vec()]);
    }
}
