use super::{
    End, MAX_COALESCED_INITIALS, is_client_initial_candidate, is_long_header, may_hold_data, split,
};
use crate::quic::kit::{CLIENT_ID, OTHER_ID, V1, V2, initial, initial_of, other_packet};
use crate::wire::Malformed;

/// How many Initials a datagram has, and where the walk ended.
fn walk(payload: &[u8]) -> Result<(usize, End), Malformed> {
    split(payload).map(|(initials, end)| (initials.len(), end))
}

fn header(version: [u8; 4], rest: &[u8]) -> Vec<u8> {
    [&[0xc0], &version[..], rest].concat()
}

#[test]
fn candidates_look_like_a_first_initial() {
    let whole = initial(b"\x01");
    let long_id = initial_of(V1, &[b'x'; 20], CLIENT_ID, b"\x01");
    let without_fixed_bit = [&[0x80], &whole[1..]].concat();
    let long_source = [&[8][..], &[0; 8], &[21], &[0; 40]].concat();
    for (payload, candidate) in [
        (&whole[..], true),
        (&initial_of(V2, CLIENT_ID, CLIENT_ID, b"\x01"), true),
        (&long_id, true),
        (&whole[..15], true),
        (&whole[..14], false),
        (&long_id[..27], true),
        (&long_id[..26], false),
        (&initial_of(V1, b"seven-b", CLIENT_ID, b"\x01"), false),
        (&header(V1, &[21; 60]), false),
        (&header(V1, &long_source), false),
        (&without_fixed_bit, false),
        (&other_packet(0xd0, V1), false),
        (&other_packet(0xc0, V2), false),
        (&other_packet(0xc0, [0x1a, 0x2a, 0x3a, 0x4a]), false),
        (b"", false),
    ] {
        assert_eq!(
            is_client_initial_candidate(payload),
            candidate,
            "{payload:?}"
        );
    }
}

#[test]
fn long_headers() {
    assert!(is_long_header(&initial(b"\x01")));
    assert!(is_long_header(b"\x80\x00\x00\x00\x00\x00\x00"));
    assert!(!is_long_header(b"\x80\x00\x00\x00\x00\x00"));
    assert!(!is_long_header(&[0x40; 40]));
    assert!(!is_long_header(b""));
}

#[test]
fn the_walk_passes_over_what_has_a_length() {
    let (zero_rtt, handshake) = (other_packet(0xd0, V1), other_packet(0xe0, V1));
    let retry = other_packet(0xf0, V1);
    let (first, second) = (initial(b"\x01"), initial(b"\x00"));
    let other = initial_of(V1, OTHER_ID, OTHER_ID, b"\x01");
    let unknown = header([0x1a, 0x2a, 0x3a, 0x4a], &[0; 60]);
    let malformed = header(V1, &[0xff; 60]);
    let cases: [(&[&[u8]], usize, End); 13] = [
        (&[], 0, End::NoInitial),
        (&[&[0x40; 100]], 0, End::NoInitial),
        (&[&first, &second], 2, End::NoInitial),
        (&[&zero_rtt, &first, &handshake, &second], 2, End::NoInitial),
        (&[&first, &retry, &second], 1, End::NoInitial),
        (&[&first, &[0; 100], &second], 1, End::NoInitial),
        (&[&first, &other, &second], 1, End::NoInitial),
        (&[&first, &malformed], 1, End::NoInitial),
        (&[&first, &unknown], 1, End::UnknownVersion),
        (&[&unknown], 0, End::UnknownVersion),
        (&[&header([0; 4], &[0; 60])], 0, End::UnknownVersion), // Version Negotiation
        (&[&first, &second[..30]], 1, End::Truncated),
        (&[&handshake[..40]], 0, End::Truncated),
    ];
    for (packets, initials, end) in cases {
        assert_eq!(walk(&packets.concat()), Ok((initials, end)));
    }
    let many = first.repeat(MAX_COALESCED_INITIALS + 5);
    assert_eq!(walk(&many), Ok((MAX_COALESCED_INITIALS, End::NoInitial)));
}

#[test]
fn a_datagram_whose_first_packet_makes_no_sense_is_malformed() {
    let too_short = [&[8][..], &[0; 8], &[0, 0, 19], &[0; 80]].concat();
    for (payload, reason) in [
        (header(V1, &[21; 80]), "quic-connection-id"),
        (
            header(V1, &[&[0, 21][..], &[0; 80]].concat()),
            "quic-connection-id",
        ),
        (header(V1, &too_short), "quic-initial-too-short"),
    ] {
        assert_eq!(walk(&payload), Err(Malformed(reason)));
    }
}

#[test]
fn initials_are_parts_of_the_datagram() {
    let (first, second) = (initial(b"\x01"), initial(b"\x00\x01"));
    let payload = [&first[..], &second].concat();
    let (initials, _) = split(&payload).unwrap();
    assert_eq!(
        (initials[0].packet, initials[1].packet),
        (&first[..], &second[..])
    );
    assert_eq!(initials[0].number_at, first.len() - 1 - 3 - 16);
    assert_eq!(initials[0].origin, initials[1].origin);
}

#[test]
fn packets_that_may_hold_data_are_found_behind_those_of_the_handshake() {
    let (first, short) = (initial(b"\x01"), [0x41; 40]);
    let zero_rtt = other_packet(0xd0, V1);
    let handshake = other_packet(0xe0, V1);
    let cases: &[(&[&[u8]], bool)] = &[
        (&[], false),
        (&[&first], false),
        (&[&first, &first], false),
        (&[&handshake], false),
        (&[&handshake, &[0; 9]], false),
        (&[&handshake, &short], true),
        (&[&short], true),
        (&[&[0; 9]], true),
        (&[&zero_rtt], true),
        (&[&first, &zero_rtt], true),
        (&[&zero_rtt[..10]], true),
        (&[&other_packet(0xe0, V2)], true),
        (&[&other_packet(0xd0, V2)], false),
        (&[&handshake[..30]], false),
        (&[&[0xc0; 5]], false),
    ];
    for (packets, wanted) in cases {
        assert_eq!(may_hold_data(&packets.concat()), *wanted, "{packets:?}");
    }
}
