//! One capture file as frames: pcap or pcapng, plain or compressed, told apart by their first bytes.
//!
//! The file is read once, in chunks. What is wrong with it becomes a fault, never an error; the frames before
//! the fault are kept, and those after it where the format allows to find them again.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

use crate::captured::{
    COPY_AGAIN, FRAMES, Fault, FaultKind, FaultLog, Frame, Frames, Place, StreamDamage,
};
use crate::inflate::Chunks;
use crate::pcap::{self, PcapReader};
use crate::pcapng::{FILE_HEADER_BYTES as HEAD_BYTES, PcapngReader};
use crate::pcapng_section::SECTION_MAGIC;
use crate::posix::{error_text, path_text};
use crate::window::Window;

mod resuming;

enum Format {
    Pcap(PcapReader),
    Pcapng(PcapngReader),
}

/// What is needed as long as there may be frames: the open file, and its buffer.
struct Stream {
    window: Window,
    format: Format,
}

/// The frames of one file, in the file's order.
pub struct CaptureReader {
    stream: Option<Stream>,
    log: FaultLog,
    consumed_bytes: u64,
}

impl CaptureReader {
    /// Open a file, to be read `chunk_bytes` at a time (`window::CHUNK_BYTES` is fast). Reads its beginning.
    #[must_use]
    pub fn open(path: &Path, chunk_bytes: usize) -> Self {
        match open(path) {
            Ok(file) => Self::over(Box::new(file), path_text(path), chunk_bytes),
            Err((problem, mend)) => {
                let mut log = FaultLog::new(path_text(path));
                log.add(FaultKind::Unreadable, 0, problem, mend.to_owned());
                Self {
                    stream: None,
                    log,
                    consumed_bytes: 0,
                }
            }
        }
    }

    /// Read a capture from what gives its bytes. `name` is what the faults call it.
    #[must_use]
    pub fn over(file: Box<dyn Read + Send>, name: String, chunk_bytes: usize) -> Self {
        Self::over_window(Window::new(Chunks::new(file), chunk_bytes), name)
    }

    fn over_window(mut window: Window, name: String) -> Self {
        let mut log = FaultLog::new(name);
        window.fill(0, HEAD_BYTES);
        let head = window.data();
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        let format = PcapReader::begun_by(head)
            .map(Format::Pcap)
            .or_else(|| PcapngReader::begun_by(head).map(Format::Pcapng));
        if format.is_none() {
            let (problem, mend) = head_problem(head, window.damage());
            log.add(FaultKind::Unreadable, 0, problem, mend.to_owned());
        }
        let consumed_bytes = window.consumed_bytes();
        Self {
            stream: format.map(|format| Stream { window, format }),
            log,
            consumed_bytes,
        }
    }

    /// The next frame, lent until the one after it is asked for. At the end the file is closed.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    #[inline]
    pub fn next(&mut self) -> Option<Frame<'_>> {
        let place = self.advance()?;
        self.lend(place)
    }

    /// Go to the next frame; its place is good until the next call.
    #[inline]
    pub(crate) fn advance(&mut self) -> Option<Place> {
        let Stream { window, format } = self.stream.as_mut()?;
        let place = match format {
            Format::Pcap(reader) => reader.next(window, &mut self.log),
            Format::Pcapng(reader) => reader.next(window, &mut self.log),
        };
        if place.is_none() {
            self.close();
        }
        place
    }

    /// Lend the frame that `advance` went to.
    #[inline]
    pub(crate) fn lend(&self, place: Place) -> Option<Frame<'_>> {
        Some(self.stream.as_ref()?.window.lend(place))
    }

    /// Lend the frame that `advance` went to, and those behind it that are at hand and not later than `until_ns`.
    ///
    /// Returns the place of the first that is later, where there is one at hand.
    #[inline]
    pub(crate) fn lend_on<'w>(
        &'w mut self,
        place: Place,
        until_ns: i64,
        frames: &mut Frames<'w>,
    ) -> Option<Place> {
        let Stream { window, format } = self.stream.as_mut()?;
        let window = &*window;
        frames.push(window.lend(place));
        while frames.len() < FRAMES {
            let place = match format {
                Format::Pcap(reader) => reader.whole(window.data()),
                Format::Pcapng(reader) => reader.whole(window.data()),
            }?;
            if place.ts_ns > until_ns {
                return Some(place);
            }
            frames.push(window.lend(place));
        }
        None
    }

    /// What went wrong so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        self.log.faults()
    }

    /// What was read from the disk so far, as it is there (compressed).
    #[must_use]
    pub fn consumed_bytes(&self) -> u64 {
        self.stream
            .as_ref()
            .map_or(self.consumed_bytes, |stream| stream.window.consumed_bytes())
    }

    #[cold]
    fn close(&mut self) {
        self.consumed_bytes = self.consumed_bytes();
        self.stream = None;
    }
}

/// A problem, and its mend.
type Problem = (String, &'static str);

fn open(path: &Path) -> Result<File, Problem> {
    let file = File::open(path).map_err(|error| open_problem(&error))?;
    match file.metadata() {
        Ok(about) if about.is_dir() => Err((
            "this folder holds no capture files".to_owned(),
            "name a capture file, or a folder that holds *.pcap or *.pcapng",
        )),
        Ok(_) => Ok(file),
        Err(error) => Err(open_problem(&error)),
    }
}

/// Say why a file could not be opened, and what to do.
fn open_problem(error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => ("there is no such file".to_owned(), "check the path"),
        ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "let the user who runs this read it",
        ),
        _ => (
            format!("it cannot be opened ({})", error_text(error)),
            "check the path",
        ),
    }
}

/// Say why a stream that begins so cannot be read, and what to do.
fn head_problem(head: &[u8], damage: Option<&StreamDamage>) -> Problem {
    if let Some(damage) = damage
        && head.len() < HEAD_BYTES
    {
        return (
            format!("{} before the first packet", damage.problem),
            COPY_AGAIN,
        );
    }
    let (problem, mend) = if head.is_empty() {
        ("the file is empty", "capture again, or leave it out")
    } else if pcap::has_magic(head) || head.starts_with(&SECTION_MAGIC) {
        (
            "the file header is cut off or of an unknown version",
            COPY_AGAIN,
        )
    } else {
        let convert = "convert it with `editcap -F pcapng`, or leave it out";
        ("this is not a pcap or pcapng file", convert)
    };
    (problem.to_owned(), mend)
}

#[cfg(test)]
mod tests;
