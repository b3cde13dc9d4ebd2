//! The client's side of a TCP connection: the same greetings however its segments are cut and ordered.

use super::choices::{Choices, Piece, pieces, reordered};
use super::said::{Greeted, Said};
use crate::direction::{Direction, Event, MIDSTREAM_SEGMENTS, Reader};
use crate::streams::{ClientReader, Outcome};

/// Input: a sequence number, a limit, lists of piece sizes and of keys to order them by, the client's bytes.
pub fn stream(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (initial_seq, limit) = (choices.word(), choices.short());
    let (sizes, keys) = (choices.list(), choices.list());
    let data = choices.rest();
    let whole = read(&pieces(&[], data));
    let in_order = pieces(sizes, data);
    assert_eq!(read(&in_order), whole);
    let segments = reordered(keys, &in_order);
    assert_eq!(reassembled(initial_seq, data.len() + 1, &segments), whole);
    let clipped = reassembled(initial_seq, limit.into(), &segments);
    assert!(whole.found.starts_with(&clipped.found));
    midstream(initial_seq, &segments);
}

/// What was made of a client's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct End {
    found: Vec<Said>,
    done: bool,
    outcome: Option<Outcome>,
    partial: Option<Greeted>,
}

fn read(pieces: &[Piece<'_>]) -> End {
    let mut reader = ClientReader::new();
    let mut found = Vec::new();
    for (_, piece) in pieces {
        let more = reader.feed(piece);
        found.extend(more.iter().map(Said::from));
    }
    End {
        found,
        done: reader.done(),
        outcome: reader.outcome(),
        partial: reader.partial().as_ref().map(Greeted::from),
    }
}

/// Take segments in any order, and each again with other bytes: the first copy of a byte wins.
fn reassembled(initial_seq: u32, limit: usize, segments: &[Piece<'_>]) -> End {
    let reader = Reader::Client(ClientReader::new());
    let mut direction = Direction::started(reader, initial_seq, limit);
    let mut end = End::default();
    for (at, piece) in segments {
        let seq = seq_of(initial_seq, *at);
        direction.add(seq, piece, |event| end.found.push(said(&event)));
        let forged: Vec<u8> = piece.iter().map(|byte| !byte).collect();
        direction.add(seq, &forged, |event| end.found.push(said(&event)));
    }
    direction.partial(|greeting| end.partial = Some(Greeted::from(&greeting)));
    (end.done, end.outcome) = (direction.done(), direction.outcome());
    end
}

/// Without a SYN a few segments are tried; then the direction is given up, where they said nothing.
fn midstream(initial_seq: u32, segments: &[Piece<'_>]) {
    let Some((first, _)) = segments.first() else {
        return;
    };
    let reader = Reader::Client(ClientReader::new());
    let mut direction = Direction::midstream(reader, seq_of(initial_seq, *first), 4_096);
    let mut found = false;
    let mut hear = |event: Event<'_>| {
        said(&event);
        found = true;
    };
    for (at, piece) in segments {
        direction.add(seq_of(initial_seq, *at), piece, &mut hear);
        if direction.done() {
            return;
        }
    }
    direction.start(initial_seq, &mut hear);
    assert!(found || segments.len() < MIDSTREAM_SEGMENTS as usize);
}

fn seq_of(initial_seq: u32, at: usize) -> u32 {
    initial_seq.wrapping_add(1).wrapping_add(at as u32)
}

fn said(event: &Event<'_>) -> Said {
    match event {
        Event::Found(found) => Said::from(found),
        Event::Dns(_) => panic!("a client's reader reads no DNS"),
    }
}
