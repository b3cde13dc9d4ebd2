//! Where a stream's bytes are put, one chunk behind the other; its memory is reused.

/// The bytes of some chunks.
#[derive(Default)]
pub struct Output {
    bytes: Vec<u8>,
    end: usize,
}

impl Output {
    /// What was put here.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or_default()
    }

    /// Drop what stands before a position, and memory beyond `spare_bytes` where that much is not in use.
    pub fn keep_from(&mut self, at: usize, spare_bytes: usize) {
        let at = at.min(self.end);
        self.bytes.copy_within(at..self.end, 0);
        self.end -= at;
        if self.bytes.len() > spare_bytes && self.end < spare_bytes / 4 {
            self.bytes.truncate(spare_bytes);
            self.bytes.shrink_to_fit();
        }
    }

    /// Room for `bytes` more. What of it is used is told to `grow`.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        let wanted = self.end + bytes;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        self.bytes.get_mut(self.end..wanted).unwrap_or_default()
    }

    /// Take so many bytes of the room as put here.
    pub fn grow(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.bytes.len());
    }

    /// Take back all that was put here after the first `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        self.end = self.end.min(bytes);
    }

    #[cfg(test)]
    pub(crate) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}
