//! DNS over TCP (RFC 1035 section 4.2.2, RFC 7766 section 8): one direction of a stream, cut into messages.

const LENGTH_BYTES: usize = 2; // before each message, which so has 65,535 bytes at most

/// Cuts one direction of a TCP stream into DNS messages.
///
/// Keeps one unfinished message at most, which is less than 65,537 bytes.
#[derive(Debug, Default)]
pub struct TcpMessages {
    unfinished: Vec<u8>, // from its length on
}

impl TcpMessages {
    /// How much is kept of a message that is not whole.
    #[must_use]
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished.len()
    }

    /// Take the next bytes of the stream, split in any way; hand the messages that became whole to `each`.
    ///
    /// A length too small for a DNS message gives that short message, for its parser to refuse.
    pub fn feed(&mut self, mut data: &[u8], mut each: impl FnMut(&[u8])) {
        while !self.unfinished.is_empty() && !data.is_empty() {
            let missing = bytes_missing(&self.unfinished);
            let (next, rest) = data.split_at_checked(missing).unwrap_or((data, &[]));
            self.unfinished.extend_from_slice(next);
            data = rest;
            if let Some((message, _)) = split_message(&self.unfinished) {
                each(message);
                self.unfinished = Vec::new();
            }
        }
        while let Some((message, rest)) = split_message(data) {
            each(message);
            data = rest;
        }
        self.unfinished.extend_from_slice(data);
    }
}

/// Split off the message whose length stands first, if it is whole.
fn split_message(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = stream.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length)))
}

/// How many bytes an unfinished message lacks; those of its length come first.
fn bytes_missing(unfinished: &[u8]) -> usize {
    match unfinished.split_first_chunk::<LENGTH_BYTES>() {
        Some((&length, rest)) => usize::from(u16::from_be_bytes(length)).saturating_sub(rest.len()),
        None => LENGTH_BYTES - unfinished.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::TcpMessages;
    use proptest::prelude::*;

    fn fed(reader: &mut TcpMessages, data: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        reader.feed(data, |message| messages.push(message.to_vec()));
        messages
    }

    #[test]
    fn an_unfinished_message_waits() {
        let mut reader = TcpMessages::default();
        assert!(fed(&mut reader, &[0xff]).is_empty());
        assert!(fed(&mut reader, &[&[0xff][..], &vec![b'x'; 65_534]].concat()).is_empty());
        assert_eq!(reader.unfinished.len(), 65_536);
        let whole = fed(&mut reader, b"x\x00\x01yz");
        assert_eq!(whole, [vec![b'x'; 65_535], vec![b'y']]);
        assert!(fed(&mut reader, b"").is_empty());
        assert!(fed(&mut reader, b"\x00").is_empty());
        assert_eq!(reader.unfinished, b"z\x00");
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_the_stream_is_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            sizes in prop::collection::vec(0_usize..60, 0..20),
        ) {
            let with_length = |message: &Vec<u8>| [&(message.len() as u16).to_be_bytes(), &message[..]].concat();
            let stream: Vec<u8> = messages.iter().flat_map(with_length).collect();
            let mut rest = &stream[..];
            let mut reader = TcpMessages::default();
            let mut got = Vec::new();
            for size in sizes {
                let (part, after) = rest.split_at(size.min(rest.len()));
                got.extend(fed(&mut reader, part));
                rest = after;
            }
            got.extend(fed(&mut reader, rest));
            prop_assert_eq!(got, messages);
            prop_assert!(reader.unfinished.is_empty());
        }
    }
}
