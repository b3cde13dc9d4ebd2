use super::kit::*;
use super::{Answer, ResponseReader};
use crate::address_text::AddressText;
use crate::dns_chain::{MAX_ADDRESSES, MAX_CHAIN, MAX_PUBLIC_NAMES};
use crate::wire::Malformed;
use proptest::prelude::*;

const IPV4_HINT: &[u8] = b"\x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02";
const IPV6_HINT: &[u8] = b"\x00\x06\x00\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";

/// An answer without loans; the fields that are seldom set stand by name in `marks`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    qname: String,
    qtype: u16,
    cnames: Vec<String>,
    addresses: Vec<String>,
    ttl: u32,
    ech_public_names: Vec<String>,
    unrelated: usize,
    marks: Vec<&'static str>,
}

impl Read {
    fn of(answer: &Answer<'_>) -> Self {
        assert_eq!(answer.transaction, 0x1234);
        let marks = [
            ("rcode", answer.rcode != 0),
            ("ech-malformed", answer.ech_malformed),
            ("truncated", answer.truncated),
            ("clipped", answer.clipped),
        ];
        Self {
            qname: answer.qname.to_owned(),
            qtype: answer.qtype,
            cnames: answer.cnames.iter().map(String::from).collect(),
            addresses: answer
                .addresses
                .iter()
                .map(|&address| AddressText(address).to_string())
                .collect(),
            ttl: answer.ttl,
            ech_public_names: answer.ech_public_names.iter().map(String::from).collect(),
            unrelated: answer.unrelated,
            marks: marks
                .into_iter()
                .filter_map(|(name, set)| set.then_some(name))
                .collect(),
        }
    }
}

fn parse(message: &[u8], complete: bool) -> Result<Option<Read>, Malformed> {
    let mut reader = ResponseReader::default();
    let answer = reader.parse_response(message, complete)?;
    Ok(answer.as_ref().map(Read::of))
}

fn read(message: &[u8]) -> Read {
    parse(message, true).unwrap().unwrap()
}

/// Says of a.example: type, aliases, addresses, TTL; lists are parted by spaces.
fn says(qtype: u16, cnames: &str, addresses: &str, ttl: u32) -> Read {
    let list = |text: &str| text.split_whitespace().map(String::from).collect();
    Read {
        qname: "a.example".to_owned(),
        qtype,
        cnames: list(cnames),
        addresses: list(addresses),
        ttl,
        ..Read::default()
    }
}

#[test]
fn addresses_hang_on_the_question_or_its_aliases() {
    let compressed = record(QUESTION_NAME, A, 60, &[192, 0, 2, 1]);
    assert_eq!(
        read(&response(A, &[compressed])),
        says(A, "", "192.0.2.1", 60)
    );
    let chain = [
        alias("a.example", 300, "b.example"),
        alias("B.example", 20, "c.example"),
        host("c.example", 40, "192.0.2.2"),
        host("c.example", 40, "192.0.2.1"),
        host("c.example", 40, "192.0.2.2"),
    ];
    let expected = says(A, "b.example c.example", "192.0.2.2 192.0.2.1", 20);
    assert_eq!(read(&response(A, &chain)), expected);
    assert_eq!(
        read(&response(AAAA, &chain[..1])),
        says(AAAA, "b.example", "", 300)
    );
    let others = [
        host("bank.example", 5, "203.0.113.1"),
        host("a.example", 60, "2001:db8:0:0::1"),
        alias("bank.example", 5, "evil.example"),
        host("evil.example", 5, "2001:db8::bad"),
    ];
    let expected = Read {
        unrelated: 3,
        ..says(A, "", "2001:db8::1", 60)
    };
    assert_eq!(read(&response(A, &others)), expected);
}

#[test]
fn chains_end_before_a_name_that_they_held() {
    let looped = [
        alias("a.example", 60, "b.example"),
        alias("b.example", 60, "a.example"),
    ];
    assert_eq!(read(&response(A, &looped)), says(A, "b.example", "", 60));
    let own = [
        alias("a.example", 60, "a.example"),
        host("a.example", 60, "192.0.2.1"),
    ];
    assert_eq!(read(&response(A, &own)), says(A, "", "192.0.2.1", 60));
    let two = [
        alias("a.example", 60, "b.example"),
        alias("a.example", 60, "c.example"),
    ];
    assert_eq!(read(&response(A, &two)), says(A, "b.example", "", 60));
}

#[test]
fn other_records_are_passed_over() {
    let mut chaos = record(&wire("a.example"), A, 1, b"chaos");
    chaos[14] = 3; // the class
    let answers = [
        chaos,
        record(&wire("a.example"), 46, 1, b"signature"),
        host("a.example", 0x8000_0001, "192.0.2.1"),
    ];
    let further = [
        host("ns.example", 1, "192.0.2.53"),
        record(&wire("a.example"), A, 1, b"x"),
    ];
    let message = response_of(0x8180, "A.example", A, [&answers, &[], &further]);
    assert_eq!(read(&message), says(A, "", "192.0.2.1", 0));
    let soa = [record(&wire("example"), 6, 60, b"soa")];
    let message = response_of(0x8183, "a.example", A, [&[], &soa, &[]]);
    assert_eq!(
        read(&message),
        Read {
            marks: vec!["rcode"],
            ..says(A, "", "", 0)
        }
    );
    let root = read(&response_of(0x8180, "", NS, [&[], &[], &[]]));
    assert_eq!((root.qname.as_str(), root.qtype), (".", NS));
}

#[test]
fn services_give_hints_public_names_and_targets() {
    let ech = [&[0, 5][..], &vector16(&ech_list(b"Cover.example"))].concat();
    let whole = https("a.example", 1, ".", &[IPV4_HINT, &ech, IPV6_HINT].concat());
    let expected = says(HTTPS, "", "192.0.2.1 192.0.2.2 2001:db8::1", 60);
    let expected = Read {
        ech_public_names: vec!["cover.example".to_owned()],
        ..expected
    };
    assert_eq!(read(&response(HTTPS, &[whole])), expected);
    let broken = https("a.example", 1, ".", b"\x00\x05\x00\x01x");
    let expected = Read {
        marks: vec!["ech-malformed"],
        ..says(HTTPS, "", "", 60)
    };
    assert_eq!(read(&response(HTTPS, &[broken])), expected);
    let further = [
        host("ns.example", 1, "192.0.2.53"),
        host("svc.example", 9, "192.0.2.1"),
    ];
    let answers = [
        alias("a.example", 60, "b.example"),
        https("b.example", 1, "svc.example", b""),
    ];
    let message = response_of(0x8180, "a.example", SVCB, [&answers, &[], &further]);
    assert_eq!(read(&message), says(SVCB, "b.example", "192.0.2.1", 9));
    let message = response_of(0x8180, "a.example", A, [&answers, &[], &further]);
    assert_eq!(read(&message), says(A, "b.example", "", 60));
}

#[test]
fn alias_mode_is_a_step() {
    let further = [
        host("cdn.example", 60, "2001:db8::1"),
        https("pool.example", 0, "cdn.example", b""),
    ];
    let answers = [https("a.example", 0, "pool.example", b"")];
    let message = response_of(0x8180, "a.example", HTTPS, [&answers, &[], &further]);
    let expected = says(HTTPS, "pool.example cdn.example", "2001:db8::1", 60);
    assert_eq!(read(&message), expected);
    let answers = [
        https("a.example", 0, "c.example", b""), // CNAME goes before it
        alias("a.example", 60, "b.example"),
        https("b.example", 0, ".", b""), // no such service
        host("c.example", 5, "2001:db8::bad"),
    ];
    let expected = Read {
        unrelated: 1,
        ..says(HTTPS, "b.example", "", 60)
    };
    assert_eq!(read(&response(HTTPS, &answers)), expected);
}

#[test]
fn what_answers_no_standard_query_is_none() {
    let good = response(A, &[host("a.example", 60, "192.0.2.1")]);
    let with = |at: usize, bytes: [u8; 2]| {
        let mut message = good.clone();
        message[at..at + 2].copy_from_slice(&bytes);
        message
    };
    let mut cut = with(2, [0x83, 0x80]); // truncated inside the question
    cut.truncate(26);
    for message in [
        with(2, [0x01, 0x00]), // a query
        with(2, [0xa9, 0x80]), // an update's response
        with(4, [0, 0]),       // no question, as in multicast DNS
        with(4, [0, 2]),
        with(25, [0, 3]), // class CH
        cut,
    ] {
        assert_eq!(parse(&message, true), Ok(None));
    }
    assert_eq!(parse(&good[..11], false), Ok(None));
}

#[test]
fn malformed_messages() {
    let good = response(A, &[host("a.example", 60, "192.0.2.1")]);
    let of = |record: Vec<u8>| response(A, &[record]);
    let owner = wire("a.example");
    let long = format!("{}{}", "a".repeat(63), ".a".repeat(96));
    for (message, reason) in [
        (vec![], "dns-header-past-end"),
        (good[..11].to_vec(), "dns-header-past-end"),
        (good[..20].to_vec(), "dns-name-past-end"),
        (good[..26].to_vec(), "dns-question-past-end"),
        (good[..27].to_vec(), "dns-name-past-end"),
        (good[..40].to_vec(), "dns-record-past-end"),
        (good[..good.len() - 1].to_vec(), "dns-record-past-end"),
        (of(record(&owner, A, 60, &[0; 5])), "dns-rdata-length"),
        (of(record(&owner, AAAA, 60, &[0; 4])), "dns-rdata-length"),
        (
            of(record(&owner, CNAME, 60, b"\x01b\x00\x00")),
            "dns-rdata-length",
        ),
        (of(record(&owner, CNAME, 60, b"\x01b")), "dns-name-past-end"),
        (of(record(&owner, HTTPS, 60, b"\x00")), "dns-svcb-past-end"),
        (of(record(b"\xc0\x1b", A, 60, &[0; 4])), "dns-name-loop"),
        (of(record(b"\x80", A, 60, &[0; 4])), "dns-label-type"),
        (
            response_of(0x8180, &long, A, [&[], &[], &[]]),
            "dns-name-too-long",
        ),
    ] {
        assert_eq!(parse(&message, true), Err(Malformed(reason)));
    }
}

#[test]
fn a_message_cut_anywhere_gives_what_is_whole() {
    let answers = [
        alias("a.example", 60, "b.example"),
        host("b.example", 60, "192.0.2.1"),
    ];
    let message = response(A, &answers);
    let whole = read(&message);
    for kept in 0..message.len() {
        if let Some(part) = parse(&message[..kept], false).unwrap() {
            assert_eq!(part.marks, ["truncated"]);
            assert!(whole.cnames.starts_with(&part.cnames));
            assert!(whole.addresses.starts_with(&part.addresses));
        }
        let Malformed(reason) = parse(&message[..kept], true).unwrap_err();
        assert!(reason.ends_with("past-end"));
    }
    assert_eq!(parse(&message, false), Ok(Some(whole)));
    let cut_by_server = response_of(0x8380, "a.example", A, [&answers, &[], &[]]);
    let part = read(&cut_by_server[..cut_by_server.len() - 1]);
    assert_eq!(
        part,
        Read {
            marks: vec!["truncated"],
            ..says(A, "b.example", "", 60)
        }
    );
}

#[test]
fn answers_are_bounded() {
    let name = |number: usize| match number {
        0 => "a.example".to_owned(),
        _ => format!("n{number}.example"),
    };
    let chain: Vec<_> = (0..=MAX_CHAIN)
        .map(|n| alias(&name(n), 60, &name(n + 1)))
        .collect();
    let whole = read(&response(A, &chain[..MAX_CHAIN]));
    assert_eq!((whole.cnames.len(), whole.marks.len()), (MAX_CHAIN, 0));
    let clipped = read(&response(A, &chain));
    assert_eq!((&clipped.cnames, clipped.unrelated), (&whole.cnames, 0));
    assert_eq!(clipped.marks, ["clipped"]);

    let hosts: Vec<_> = (0..=MAX_ADDRESSES as u8)
        .map(|last| record(QUESTION_NAME, A, 60, &[192, 0, 2, last]))
        .collect();
    let whole = read(&response(
        A,
        &[&hosts[..MAX_ADDRESSES], &hosts[..MAX_ADDRESSES]].concat(),
    ));
    assert_eq!(
        (whole.addresses.len(), whole.marks.len()),
        (MAX_ADDRESSES, 0)
    );
    let clipped = read(&response(A, &hosts));
    assert_eq!(
        (clipped.addresses, clipped.marks),
        (whole.addresses, vec!["clipped"])
    );

    let covers: Vec<_> = (0..=MAX_PUBLIC_NAMES)
        .map(|n| ech_list(format!("c{n}.example").as_bytes()))
        .map(|list| {
            https(
                "a.example",
                1,
                ".",
                &[&[0, 5][..], &vector16(&list)].concat(),
            )
        })
        .collect();
    assert!(
        read(&response(HTTPS, &covers[..MAX_PUBLIC_NAMES]))
            .marks
            .is_empty()
    );
    let clipped = read(&response(HTTPS, &covers));
    assert_eq!(clipped.ech_public_names.len(), MAX_PUBLIC_NAMES);
    assert_eq!(clipped.marks, ["clipped"]);
}

proptest! {
    #[test]
    fn the_order_of_records_changes_no_chain(
        records in (0..=MAX_CHAIN).prop_flat_map(|length| {
            let name = |n: usize| if n == 0 { "a.example".to_owned() } else { format!("n{n}.example") };
            let mut records: Vec<_> = (0..length).map(|n| alias(&name(n), 60, &name(n + 1))).collect();
            records.push(host(&name(length), 5, "192.0.2.1"));
            Just(records).prop_shuffle()
        })
    ) {
        let answer = read(&response(A, &records));
        let cnames: Vec<_> = (1..records.len()).map(|n| format!("n{n}.example")).collect();
        prop_assert_eq!(answer, Read { cnames, ..says(A, "", "192.0.2.1", 5) });
    }

    #[test]
    fn any_bytes_give_an_answer_none_or_malformed(
        tail in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..200,
        complete: bool,
    ) {
        let ech = [&[0, 5][..], &vector16(&ech_list(b"cover.example"))].concat();
        let mut message = response(HTTPS, &[https("a.example", 1, ".", &[IPV4_HINT, &ech].concat())]);
        message.truncate(at);
        message.extend(tail);
        let mut reader = ResponseReader::default();
        let first = reader.parse_response(&message, complete).map(|answer| answer.as_ref().map(Read::of));
        let again = reader.parse_response(&message, complete).map(|answer| answer.as_ref().map(Read::of));
        prop_assert_eq!(&first, &again);
        if let Ok(Some(answer)) = first {
            prop_assert!(answer.cnames.len() <= MAX_CHAIN && answer.addresses.len() <= MAX_ADDRESSES);
            prop_assert!(answer.qname.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
