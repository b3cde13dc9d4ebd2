//! The head of an HTTP/1.x request (RFC 9112): whom it is for, and where a CONNECT tunnel begins.
//!
//! Fields other than Host are checked for their form and forgotten. What RFC 9112 allows a lenient server
//! to accept is accepted, so that no request reaches a server under a name that was not seen here.

mod line;

use crate::http::line::{Authority, Request, authority, host_field, request_line};
use crate::wire::Malformed;

/// The longest head that is read.
pub const MAX_HEAD_BYTES: usize = 16_384;

const METHODS: [&[u8]; 19] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
    b"PRI ", // HTTP/2 with prior knowledge (RFC 9113 section 3.4)
];

/// Why a client's bytes hold no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No HTTP/1.x request: another protocol, HTTP/2 included. Unknown, not malformed.
    NotHttp,
    /// They break the rules of HTTP/1.x.
    Malformed(Malformed),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// What one request's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'d> {
    /// Where the client asks to go, without port and brackets.
    ///
    /// It comes from the target where that names an authority, else from the Host field (RFC 9112 section 3.3).
    pub host: Option<String>,
    /// The port beside the host.
    pub port: Option<u16>,
    /// Whether the request opens a tunnel.
    pub is_connect: bool,
    /// What followed the head in the bytes fed.
    pub rest: &'d [u8],
}

/// Tell whether a stream begins with a known method and a space; `None` when more bytes are needed.
///
/// One empty line may come before it (RFC 9112 section 2.2).
#[must_use]
pub fn looks_like_http(first_bytes: &[u8]) -> Option<bool> {
    let begin = match first_bytes {
        [b'\r', b'\n', begin @ ..] | [b'\n', begin @ ..] => begin,
        _ => first_bytes,
    };
    if METHODS.iter().any(|method| begin.starts_with(method)) {
        return Some(true);
    }
    let may_become = first_bytes == b"\r" || METHODS.iter().any(|method| method.starts_with(begin));
    if may_become { None } else { Some(false) }
}

/// Reads a client's bytes up to the end of a request's head. After that, or a refusal, it is spent.
#[derive(Debug, Default)]
pub struct RequestHeadReader {
    kept: Vec<u8>, // the head so far, while it is not whole
    lines: Lines,
    spent: bool,
}

impl RequestHeadReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take the next bytes in order; return the head when they complete it.
    pub fn feed<'d>(&mut self, data: &'d [u8]) -> Result<Option<RequestHead<'d>>, Refusal> {
        if self.spent {
            return Ok(None);
        }
        let before = self.kept.len();
        let outcome = if before == 0 {
            self.lines.read(data)
        } else {
            self.kept.extend_from_slice(data);
            self.lines.read(&self.kept)
        };
        if let Ok(None) = outcome {
            if before == 0 {
                self.kept.extend_from_slice(data);
            }
            return Ok(None);
        }
        self.spent = true;
        self.kept = Vec::new();
        let lines = std::mem::take(&mut self.lines);
        match outcome? {
            Some(end) => Ok(Some(
                lines.head(data.get(end - before..).unwrap_or_default())?,
            )),
            None => Ok(None),
        }
    }
}

/// What the lines of a head have said so far. Offsets are those in the head.
#[derive(Debug, Default)]
struct Lines {
    line_at: usize, // where the current line begins
    scanned: usize, // no line ends before
    request: Option<Request>,
    host: Option<Result<Authority, Malformed>>, // of the Host field
}

impl Lines {
    /// Read on in a head, of which `bytes` is all so far and more; return where it ends.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.request.is_none() && looks_like_http(bytes) == Some(false) {
            return Err(Refusal::NotHttp);
        }
        let head = bytes.get(..MAX_HEAD_BYTES).unwrap_or(bytes);
        while let Some(length) = line_length(head, self.scanned) {
            let end = self.scanned + length;
            let line = head.get(self.line_at..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.line_at = end + 1; // a bare LF ends a line too (RFC 9112 section 2.2)
            self.scanned = end + 1;
            if !line.is_empty() {
                self.line(line)?;
            } else if self.request.is_some() {
                return Ok(Some(end + 1));
            }
        }
        if bytes.len() >= MAX_HEAD_BYTES {
            return Err(Malformed("http-head-too-long").into());
        }
        self.scanned = bytes.len();
        Ok(None)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if self.request.is_none() {
            self.request = Some(request_line(line)?);
        } else if let Some(value) = host_field(line)? {
            if self.host.is_some() {
                return Err(Malformed("http-two-hosts").into());
            }
            self.host = Some(authority(value, "http-host"));
        }
        Ok(())
    }

    /// Put the head together; the target's authority goes before the Host field (RFC 9112 section 3.2.2).
    fn head(self, rest: &[u8]) -> Result<RequestHead<'_>, Malformed> {
        let host_field = self.host.transpose()?.unwrap_or_default();
        let request = self.request.unwrap_or_default();
        let authority = request.authority.transpose()?.unwrap_or(host_field);
        Ok(RequestHead {
            host: authority.host,
            port: authority.port,
            is_connect: request.is_connect,
            rest,
        })
    }
}

/// How many bytes stand between `from` and the next line's end.
fn line_length(head: &[u8], from: usize) -> Option<usize> {
    head.get(from..)?.iter().position(|&byte| byte == b'\n')
}
