//! The first flight of a TLS client: the same hello however the stream is cut.

use super::choices::{Choices, Piece, pieces};
use super::said::Hello;
use crate::tls::{Refusal, TlsClientReader};

/// Input: a list of piece sizes, then the client's bytes.
pub fn client_hello(input: &[u8]) {
    let mut choices = Choices::new(input);
    let sizes = choices.list();
    let data = choices.rest();
    assert_eq!(read(&pieces(sizes, data)), read(&pieces(&[], data)));
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole(Hello),
    Refused(Refusal),
    Partial(Option<Hello>),
}

/// Feed pieces up to the first outcome; what comes after it must say nothing.
fn read(pieces: &[Piece<'_>]) -> End {
    let mut reader = TlsClientReader::new();
    let mut end = None;
    for (_, piece) in pieces {
        let outcome = reader.feed(piece);
        match (&end, outcome) {
            (None, Ok(None)) => {}
            (None, Ok(Some(hello))) => end = Some(End::Whole(Hello::from(&hello))),
            (None, Err(refusal)) => end = Some(End::Refused(refusal)),
            (Some(_), outcome) => assert!(matches!(outcome, Ok(None)), "a spent reader speaks"),
        }
    }
    let partial = reader.partial().map(|hello| Hello::from(&hello));
    match end {
        Some(end) => {
            assert_eq!(partial, None, "a spent reader keeps bytes");
            end
        }
        None => End::Partial(partial),
    }
}
