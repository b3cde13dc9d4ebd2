//! Reading from the middle of a file: what has to be known for that, and a reader that knows it.

use std::io::Read;

use super::{CaptureReader, Format, Stream};
use crate::captured::Mark;
use crate::inflate::Chunks;
use crate::window::Window;

impl CaptureReader {
    /// Read on from a mark. `file` gives the bytes that the mark says are read first, then those from it on.
    ///
    /// Offsets and numbers of packets in faults are the file's.
    #[must_use]
    pub fn over_rest(
        file: Box<dyn Read + Send>,
        name: String,
        chunk_bytes: usize,
        mark: &Mark,
    ) -> Self {
        let start = mark.offset.saturating_sub(mark.head_bytes());
        let window = Window::new(Chunks::new(file), chunk_bytes).counted_from(start);
        let mut reader = Self::over_window(window, name);
        match reader.stream.as_mut().map(|stream| &mut stream.format) {
            Some(Format::Pcap(reader)) => reader.go_on_from(mark),
            Some(Format::Pcapng(reader)) => reader.go_on_from(mark),
            None => {}
        }
        reader
    }

    /// Where the next frame is looked for; none at the end, and where the file is compressed.
    #[inline]
    pub(crate) fn offset(&self) -> Option<u64> {
        let Stream { window, format } = self.stream.as_ref().filter(|it| it.window.is_plain())?;
        Some(window.offset(match format {
            Format::Pcap(reader) => reader.at(),
            Format::Pcapng(reader) => reader.at(),
        }))
    }

    /// What a reader has to know that goes on there. It is right as long as there was no fault.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let Stream { window, format } = self.stream.as_ref()?;
        Some(match format {
            Format::Pcap(reader) => reader.mark(window),
            Format::Pcapng(reader) => reader.mark(window),
        })
    }
}
