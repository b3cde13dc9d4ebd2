//! The bytes of a capture file in chunks, decompressed where its first bytes say so (gzip, Zstandard).
//!
//! Several gzip members (RFC 1952 section 2.2) or Zstandard frames (RFC 8878 section 3) read as one stream.
//! Memory stays bounded whatever the input expands to; a stream that is cut gives all it held, then damage.

use std::io::{ErrorKind, Read};

use crate::captured::{FaultKind, StreamDamage};
use crate::member::{MAGIC_BYTES, Member};
use crate::output::Output;
use crate::posix::error_text;

/// Decompressed at once: a Zstandard block of 4 bytes holds 128 KiB, so 32 MiB at most. How much a damaged
/// stream still gives depends on it, so it is the reference engine's.
pub(crate) const PIECE_BYTES: usize = 1_024;

/// A file's bytes as they are on the disk.
struct Raw {
    file: Box<dyn Read + Send>,
    consumed_bytes: u64,
}

impl Raw {
    /// Read once. 0 at the end.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, StreamDamage> {
        loop {
            match self.file.read(into) {
                Ok(bytes) => {
                    self.consumed_bytes += bytes as u64;
                    return Ok(bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) => {
                    let problem = format!("reading failed ({})", error_text(&error));
                    return Err(StreamDamage {
                        kind: FaultKind::Corrupt,
                        problem,
                    });
                }
            }
        }
    }

    /// Read until there are so many bytes: a pipe gives what its writer wrote. Less at the end.
    fn read_least(&mut self, into: &mut [u8], least_bytes: usize) -> Result<usize, StreamDamage> {
        let mut bytes = 0;
        while bytes < least_bytes {
            match self.read(into.get_mut(bytes..).unwrap_or_default())? {
                0 => break,
                more => bytes += more,
            }
        }
        Ok(bytes)
    }
}

/// A compressed stream: the piece of it that is at hand, and the member that it belongs to.
struct Compressed {
    member: Member,
    input: Vec<u8>,
    input_end: usize,
    piece_end: usize,
    at: usize,
}

impl Compressed {
    /// A stream whose first bytes were read.
    fn new(member: Member, first: &[u8]) -> Self {
        Self {
            member,
            input: first.to_vec(),
            input_end: first.len(),
            piece_end: 0,
            at: 0,
        }
    }

    /// What one call gives is what the reference engine's decompressor gives at once.
    fn next_into(
        &mut self,
        raw: &mut Raw,
        output: &mut Output,
        read_bytes: usize,
    ) -> Result<usize, StreamDamage> {
        let before_bytes = output.data().len();
        while output.data().len() == before_bytes {
            if self.at == self.piece_end && !self.next_piece(raw, read_bytes)? {
                return if self.member.done() {
                    Ok(0)
                } else {
                    Err(self.damage(FaultKind::Truncated))
                };
            }
            let piece = self.input.get(self.at..self.piece_end).unwrap_or_default();
            if self.member.done() {
                // Files may be padded, as gzip(1) accepts.
                let padding_bytes = piece.iter().take_while(|byte| **byte == 0).count();
                self.at += padding_bytes;
                if padding_bytes == piece.len() {
                    continue;
                }
                self.member.renew();
            }
            let piece = self.input.get(self.at..self.piece_end).unwrap_or_default();
            let Ok(used_bytes) = self.member.decompress(piece, output) else {
                output.shrink(before_bytes);
                return Err(self.damage(FaultKind::Corrupt));
            };
            self.at += used_bytes;
        }
        Ok(output.data().len() - before_bytes)
    }

    /// Go to the next piece; false at the end of the file.
    fn next_piece(&mut self, raw: &mut Raw, read_bytes: usize) -> Result<bool, StreamDamage> {
        if self.at == self.input_end {
            self.input.resize(read_bytes, 0);
            self.at = 0;
            self.piece_end = 0;
            self.input_end = raw.read(&mut self.input)?;
        }
        self.piece_end = self.input_end.min(self.at + PIECE_BYTES);
        Ok(self.input_end > 0)
    }

    fn damage(&self, kind: FaultKind) -> StreamDamage {
        let how = if kind == FaultKind::Truncated {
            "cut off"
        } else {
            "damaged"
        };
        StreamDamage {
            kind,
            problem: format!("the {} stream is {how}", self.member.name()),
        }
    }
}

enum Form {
    Unknown,
    Plain,
    Compressed(Box<Compressed>),
}

/// The chunks of a stream, none empty.
pub struct Chunks {
    raw: Raw,
    form: Form,
}

impl Chunks {
    /// The chunks of what `file` gives.
    #[must_use]
    pub fn new(file: Box<dyn Read + Send>) -> Self {
        Self {
            raw: Raw {
                file,
                consumed_bytes: 0,
            },
            form: Form::Unknown,
        }
    }

    /// What was read from the disk so far, as it is there (compressed).
    #[must_use]
    pub const fn consumed_bytes(&self) -> u64 {
        self.raw.consumed_bytes
    }

    /// Whether the bytes are given as they are. Known when the first ones were read.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.form, Form::Plain)
    }

    /// Put the next chunk behind what `output` holds, and return its size: 0 at the end.
    ///
    /// The file is read `read_bytes` at a time. After damage there is nothing more to ask for.
    pub fn next_into(
        &mut self,
        output: &mut Output,
        read_bytes: usize,
    ) -> Result<usize, StreamDamage> {
        if let Form::Compressed(stream) = &mut self.form {
            return stream.next_into(&mut self.raw, output, read_bytes);
        }
        let least_bytes = match self.form {
            Form::Unknown => MAGIC_BYTES,
            _ => 1,
        };
        let room = output.room(read_bytes.max(least_bytes));
        let bytes = self.raw.read_least(room, least_bytes)?;
        if let Form::Unknown = self.form {
            let first = output.room(bytes);
            if let Some(member) = Member::begun_by(first) {
                self.form = Form::Compressed(Box::new(Compressed::new(member, first)));
                return self.next_into(output, read_bytes);
            }
            self.form = Form::Plain;
        }
        output.grow(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
