//! The names of one DNS message, each kept once, as text.
//!
//! A name is a number here, equal for equal text, so that following aliases compares numbers. Nothing is
//! hashed: names are the attacker's choice, and a sorted list needs no luck.

use std::io::Write as _;

/// A name of the message that is being read; it means nothing in another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameId(u32);

impl NameId {
    /// The number, for tables that have one entry a name: they count from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a name's text stands in the pool.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

/// All names of one message. Text is ASCII: what else comes in is escaped.
#[derive(Debug, Default)]
pub struct NamePool {
    text: Vec<u8>,
    spans: Vec<Span>,    // by number
    sorted: Vec<NameId>, // by text
    begun: usize,        // where the text of the name being written starts
}

impl NamePool {
    /// Forget all names, keep the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.sorted.clear();
        self.begun = 0;
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The text of a name, lower-case, without the trailing dot; "." for the root.
    #[must_use]
    pub fn text(&self, name: NameId) -> &str {
        let span = self.spans.get(name.index());
        let text = span.and_then(|span| self.text.get(span.start as usize..span.end as usize));
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default() // all of it is ASCII
    }

    /// Write one label, not empty, of the name that `finish` or `abandon` ends.
    ///
    /// A dot inside a label is escaped: `["a.b"]` is another name than `["a", "b"]`.
    pub fn push_label(&mut self, label: &[u8]) {
        if self.text.len() > self.begun {
            self.text.push(b'.');
        }
        self.push(label, b'.');
    }

    /// End the name of the labels written since the last one; without any it is the root.
    pub fn finish(&mut self) -> NameId {
        if self.text.len() == self.begun {
            self.text.push(b'.');
        }
        self.keep()
    }

    /// Drop the labels written since the last name.
    pub fn abandon(&mut self) {
        self.text.truncate(self.begun);
    }

    /// Take a name that is one string on the wire, its dots among it, as `name_text` has it.
    pub fn take(&mut self, raw: &[u8]) -> NameId {
        self.push(raw, b'\\');
        self.keep()
    }

    /// Write bytes as lower-case text: printable ASCII but `odd` and the backslash as it is, the rest as `\xNN`.
    fn push(&mut self, raw: &[u8], odd: u8) {
        let plain = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'\\' && byte != odd;
        if raw.iter().fold(true, |all, &byte| all & plain(byte)) {
            self.text.extend(raw.iter().map(u8::to_ascii_lowercase));
            return;
        }
        for &byte in raw {
            if plain(byte) {
                self.text.push(byte.to_ascii_lowercase());
            } else {
                let _ = write!(self.text, "\\x{byte:02x}");
            }
        }
    }

    /// Give the text since `begun` its number: that of an equal name, if there is one.
    fn keep(&mut self) -> NameId {
        let (start, end) = (self.begun, self.text.len());
        let (before, new) = self.text.split_at(start);
        let place = self.sorted.binary_search_by(|id| {
            let span = self.spans.get(id.index());
            let old = span.and_then(|span| before.get(span.start as usize..span.end as usize));
            old.cmp(&Some(new))
        });
        match place {
            Ok(found) => {
                self.text.truncate(start);
                self.sorted.get(found).copied().unwrap_or(NameId(0))
            }
            Err(free) => {
                let id = NameId(self.spans.len() as u32);
                self.spans.push(Span {
                    start: start as u32,
                    end: end as u32,
                });
                self.sorted.insert(free, id);
                self.begun = end;
                id
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NameId, NamePool};
    use crate::wire::name_text;
    use proptest::prelude::*;

    fn written(pool: &mut NamePool, labels: &[Vec<u8>]) -> NameId {
        for label in labels {
            pool.push_label(label);
        }
        pool.finish()
    }

    fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..8), 0..4)
    }

    #[test]
    fn equal_text_has_one_number() {
        let mut pool = NamePool::default();
        assert!(pool.is_empty());
        let ids: Vec<_> = ["b.example", "A.example", "a.EXAMPLE", "c", "b.example"]
            .iter()
            .map(|name| {
                let labels: Vec<_> = name.split('.').map(Vec::from).collect();
                written(&mut pool, &labels)
            })
            .collect();
        assert_eq!(
            ids.iter().map(|id| id.index()).collect::<Vec<_>>(),
            [0, 1, 1, 2, 0]
        );
        assert_eq!(pool.text(ids[1]), "a.example");
        assert_eq!((pool.take(b"B.Example"), pool.len()), (ids[0], 3));
        let root = pool.finish();
        assert_eq!(pool.text(root), ".");
        pool.push_label(b"dropped");
        pool.abandon();
        assert_eq!(pool.finish(), root);
        pool.clear();
        assert_eq!((pool.len(), pool.text(root)), (0, ""));
    }

    proptest! {
        #[test]
        fn names_are_equal_as_their_lower_case_labels_are(names in prop::collection::vec(labels(), 1..40)) {
            let mut pool = NamePool::default();
            let ids: Vec<_> = names.iter().map(|name| written(&mut pool, name)).collect();
            let lower = |name: &Vec<Vec<u8>>| name.iter().map(|label| label.to_ascii_lowercase()).collect::<Vec<_>>();
            for (a, &a_id) in names.iter().zip(&ids) {
                for (b, &b_id) in names.iter().zip(&ids) {
                    prop_assert_eq!(a_id == b_id, lower(a) == lower(b));
                }
                let texts: Vec<_> = a.iter().map(|label| name_text(label).replace('.', "\\x2e")).collect();
                let text = if a.is_empty() { ".".to_owned() } else { texts.join(".") };
                prop_assert_eq!(pool.text(a_id), text);
            }
        }

        #[test]
        fn strings_are_written_as_name_text_does(raw in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut pool = NamePool::default();
            let id = pool.take(&raw);
            prop_assert_eq!(pool.text(id), name_text(&raw));
        }
    }
}
