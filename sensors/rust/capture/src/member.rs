//! One gzip member or Zstandard frame as it is decompressed: what the two have in common.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use crate::output::Output;

/// As many tell which format a stream is in.
pub const MAGIC_BYTES: usize = 4;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const GZIP_WINDOW_BITS: u8 = 15;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The end of sixteen magic numbers, 0x184D2A50 to 0x184D2A5F.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// As the zstd tool accepts without being asked for more.
const ZSTD_WINDOW_LOG: u32 = 27;
const ROOM_BYTES: usize = 131_072;

/// The bytes are not what the format says.
pub struct Damaged;

enum Codec {
    Gzip(Decompress),
    /// None where there was no memory for it.
    Zstd(Option<DCtx<'static>>),
}

/// A member that is being read, or was read to its end.
pub struct Member {
    codec: Codec,
    done: bool,
}

impl Member {
    /// The member that a stream begins with; none when it is not compressed.
    pub fn begun_by(first: &[u8]) -> Option<Self> {
        let codec = if first.starts_with(&GZIP_MAGIC) {
            Codec::Gzip(Decompress::new_gzip(GZIP_WINDOW_BITS))
        } else if first.starts_with(&ZSTD_MAGIC) || is_skippable(first) {
            Codec::Zstd(zstd_context())
        } else {
            return None;
        };
        Some(Self { codec, done: false })
    }

    /// The format's name.
    pub const fn name(&self) -> &'static str {
        match self.codec {
            Codec::Gzip(_) => "gzip",
            Codec::Zstd(_) => "Zstandard",
        }
    }

    /// Whether the member was read to its end.
    pub const fn done(&self) -> bool {
        self.done
    }

    /// Begin with the next member.
    pub fn renew(&mut self) {
        self.done = false;
        if let Codec::Gzip(inflater) = &mut self.codec {
            *inflater = Decompress::new_gzip(GZIP_WINDOW_BITS);
        } // a Zstandard context begins anew by itself
    }

    /// Decompress all of `input`, or up to the member's end; return how much of it was used.
    ///
    /// After damage `output` may hold bytes that are not the stream's.
    pub fn decompress(&mut self, input: &[u8], output: &mut Output) -> Result<usize, Damaged> {
        let mut used_bytes = 0;
        loop {
            let rest = input.get(used_bytes..).unwrap_or_default();
            let room = output.room(ROOM_BYTES);
            let (read_bytes, made_bytes, done) = match &mut self.codec {
                Codec::Gzip(inflater) => inflate(inflater, rest, room)?,
                Codec::Zstd(Some(context)) => decode(context, rest, room)?,
                Codec::Zstd(None) => return Err(Damaged),
            };
            used_bytes += read_bytes;
            output.grow(made_bytes);
            self.done = done;
            if done || made_bytes < ROOM_BYTES {
                return Ok(used_bytes);
            }
        }
    }
}

/// Bytes read, bytes made, and whether the member ended.
type Step = (usize, usize, bool);

fn inflate(inflater: &mut Decompress, input: &[u8], room: &mut [u8]) -> Result<Step, Damaged> {
    let before = (inflater.total_in(), inflater.total_out());
    let status = inflater
        .decompress(input, room, FlushDecompress::None)
        .map_err(|_| Damaged)?;
    let (read_bytes, made_bytes) = (
        inflater.total_in() - before.0,
        inflater.total_out() - before.1,
    );
    Ok((
        read_bytes as usize,
        made_bytes as usize,
        status == Status::StreamEnd,
    ))
}

fn decode(context: &mut DCtx, input: &[u8], room: &mut [u8]) -> Result<Step, Damaged> {
    let (mut input, mut output) = (InBuffer::around(input), OutBuffer::around(room));
    let hint = context
        .decompress_stream(&mut output, &mut input)
        .map_err(|_| Damaged)?;
    Ok((input.pos, output.pos(), hint == 0))
}

fn zstd_context() -> Option<DCtx<'static>> {
    let mut context = DCtx::try_create()?;
    context
        .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))
        .ok()?;
    Some(context)
}

fn is_skippable(first: &[u8]) -> bool {
    matches!(first, [low, rest @ ..] if low >> 4 == 5 && rest.starts_with(&ZSTD_SKIPPABLE))
}
