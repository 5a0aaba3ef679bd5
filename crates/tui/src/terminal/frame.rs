//! One write per frame.

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

/// Begin and end of a synchronized update: terminals that know it show the frame at once, others ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects what a frame writes, and sends it in one write between the marks of a synchronized update. A frame
/// in which nothing changed sends nothing.
///
/// Clones share the frame: one belongs to the backend that writes it, one to the code that sends it.
#[derive(Debug, Clone, Default)]
pub struct FrameWriter(Rc<RefCell<Vec<u8>>>);

impl FrameWriter {
    /// Transforms what was collected.
    pub fn recode(&self, way: impl FnOnce(&[u8]) -> Vec<u8>) {
        let mut frame = self.0.borrow_mut();
        *frame = way(&frame);
    }

    /// Sends what was collected to `out`.
    ///
    /// # Errors
    /// The terminal's: whatever it is, the terminal is gone.
    pub fn present(&self, out: &mut impl Write) -> io::Result<()> {
        let mut frame = self.0.borrow_mut();
        if frame.is_empty() {
            return Ok(());
        }
        let bytes = [BEGIN, frame.as_slice(), END].concat();
        frame.clear();
        // A screen painted once from top to bottom must not hold its memory for weeks.
        frame.shrink_to(16 * 1024);
        out.write_all(&bytes)?;
        out.flush()
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
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
        impl Write for Counting {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Counting(Vec::new());
        let mut frames = FrameWriter::default();
        frames.present(&mut out).unwrap();
        frames.write_all(b"one").unwrap();
        frames.flush().unwrap();
        frames.write_all(b" two").unwrap();
        frames.present(&mut out).unwrap();
        frames.present(&mut out).unwrap();
        assert_eq!(out.0, [b"\x1b[?2026hone two\x1b[?2026l".to_vec()]);
    }
}
