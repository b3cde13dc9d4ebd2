//! DNS: bounded answers in printable names, the same from a reader that has read before.

use super::choices::{Choices, pieces};
use super::said::assert_printable;
use crate::dns::{Answer, ResponseReader};
use crate::dns_chain::{MAX_ADDRESSES, MAX_CHAIN, MAX_PUBLIC_NAMES};
use crate::dns_names::MAX_NAME_BYTES;
use crate::dns_tcp::TcpMessages;
use crate::wire::Malformed;

const MOST_UNFINISHED_BYTES: usize = 65_536;

/// Input: where to cut the message, a list of piece sizes, then the message.
pub fn dns(input: &[u8]) {
    let mut choices = Choices::new(input);
    let cut: usize = choices.short().into();
    let sizes = choices.list();
    let message = choices.rest();
    let mut used = ResponseReader::default();
    let whole = said(&mut used, message, true);
    let cut = &message[..cut.min(message.len())];
    let part = said(&mut used, cut, false);
    assert_eq!(part, said(&mut ResponseReader::default(), cut, false));
    assert_eq!(whole, said(&mut used, message, true));
    if whole.is_ok() {
        assert!(part.is_ok(), "the beginning of a good message is malformed");
    }
    over_tcp(sizes, message);
}

/// What an answer says, in a form to compare.
fn said(
    reader: &mut ResponseReader,
    message: &[u8],
    complete: bool,
) -> Result<Option<String>, Malformed> {
    let answer = reader.parse_response(message, complete)?;
    Ok(answer.map(|answer| {
        check(&answer, message.len());
        let (cnames, public_names): (Vec<_>, Vec<_>) = (
            answer.cnames.iter().collect(),
            answer.ech_public_names.iter().collect(),
        );
        let Answer {
            transaction,
            qname,
            qtype,
            rcode,
            addresses,
            ttl,
            ..
        } = answer;
        format!(
            "{transaction} {qname} {qtype} {rcode} {cnames:?} {addresses:?} {ttl} {public_names:?}"
        )
    }))
}

fn check(answer: &Answer<'_>, message_bytes: usize) {
    let names = answer.cnames.iter().chain(answer.ech_public_names.iter());
    for name in names.chain([answer.qname]) {
        assert_printable(name);
        assert!(!name.is_empty() && name.len() <= 4 * MAX_NAME_BYTES);
    }
    assert!(answer.cnames.len() <= MAX_CHAIN);
    assert!(answer.addresses.len() <= MAX_ADDRESSES);
    assert!(answer.ech_public_names.len() <= MAX_PUBLIC_NAMES);
    assert!(answer.unrelated <= message_bytes);
    assert!(answer.rcode < 16);
}

/// A stream gives the same messages however it is cut, and keeps one of them at most.
fn over_tcp(sizes: &[u8], stream: &[u8]) {
    let mut whole = Vec::new();
    TcpMessages::default().feed(stream, |message| whole.push(message.to_vec()));
    let mut cut = Vec::new();
    let mut reader = TcpMessages::default();
    for (_, piece) in pieces(sizes, stream) {
        reader.feed(piece, |message| cut.push(message.to_vec()));
        assert!(reader.unfinished_bytes() <= MOST_UNFINISHED_BYTES);
    }
    assert_eq!(cut, whole);
    let message_bytes: usize = whole.iter().map(|message| 2 + message.len()).sum();
    assert_eq!(message_bytes + reader.unfinished_bytes(), stream.len());
}
