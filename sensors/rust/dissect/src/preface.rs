//! What a client says before what it is read for: gathered until a parser can tell what it was.
//!
//! The mirror of `sensors/preface.py`. A parser of prefaces is a pure function of a stream's first bytes, and
//! refuses what it does not know within a bounded number of them. So the outcome is the same however the
//! bytes were cut, and little is kept.

use crate::wire::Malformed;

/// Why a client's bytes hold no such preface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another protocol than the one that they began like. Unknown, not malformed.
    Unknown,
    /// They break the rules of the preface.
    Malformed(Malformed),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// The outcome of a parser: what was said and where it ends, `None` for "not yet", or a refusal.
pub type Read<T> = Result<Option<(T, usize)>, Refusal>;

/// A client's bytes up to the end of a preface.
#[derive(Debug, Default)]
pub struct Gathered(Vec<u8>);

impl Gathered {
    /// These bytes are there already; they are no whole preface.
    #[must_use]
    pub fn after(before: &[u8]) -> Self {
        Self(before.to_vec())
    }

    /// Take the next bytes in order; return what they completed, and those after it.
    pub fn feed<'d, T>(
        &mut self,
        data: &'d [u8],
        parse: impl FnOnce(&[u8]) -> Read<T>,
    ) -> Result<Option<(T, &'d [u8])>, Refusal> {
        let before = self.0.len();
        let read = if before == 0 {
            parse(data)?
        } else {
            self.0.extend_from_slice(data);
            parse(&self.0)?
        };
        let Some((what, end)) = read else {
            if before == 0 {
                self.0.extend_from_slice(data);
            }
            return Ok(None);
        };
        self.0 = Vec::new();
        let rest = data.get(end.saturating_sub(before)..).unwrap_or_default();
        Ok(Some((what, rest)))
    }
}

/// Tell whether a stream begins with one of `begins`; `None` when more bytes are needed.
#[must_use]
pub fn begins_with(first_bytes: &[u8], begins: &[&[u8]]) -> Option<bool> {
    if begins.iter().any(|begin| first_bytes.starts_with(begin)) {
        return Some(true);
    }
    let may_become = begins.iter().any(|begin| begin.starts_with(first_bytes));
    if may_become { None } else { Some(false) }
}
