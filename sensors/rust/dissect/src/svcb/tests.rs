use super::{Service, ech_public_names, parse_service};
use crate::dns::kit::{ech_config, vector16};
use crate::dns_names::{Broken, NameReader};
use crate::wire::{Malformed, name_text};
use proptest::prelude::*;
use std::ops::Range;

const FOO: &[u8] = b"\x03foo\x07example\x03com\x00";
const AT: usize = 20; // of the RDATA in its message

fn parameter(key: u16, value: &[u8]) -> Vec<u8> {
    [&key.to_be_bytes()[..], &vector16(value)].concat()
}

/// The service, and the text of its target.
fn parse(rdata: &[u8]) -> Result<(Service, String), Broken> {
    let message = [&[0; AT], rdata].concat();
    let mut names = NameReader::default();
    let service = parse_service(&message, AT..message.len(), &mut names)?;
    let target = names.pool.text(service.target).to_owned();
    Ok((service, target))
}

fn public_names(configs: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut names = Vec::new();
    ech_public_names(configs, |name| names.push(name_text(name)))?;
    Ok(names)
}

/// Among them test vectors of RFC 9460 appendix D; ranges count from the RDATA's start.
#[test]
fn services() {
    let of_foo = |priority: u8, parameters: &[u8]| [&[0, priority], FOO, parameters].concat();
    let of_owner = |priority: u8, parameters: &[u8]| [&[0, priority, 0], parameters].concat();
    let two = [&parameter(1, b"\x02h3")[..], &parameter(4, &[1; 8])].concat();
    let ech = [&parameter(4, &[0; 4])[..], &parameter(5, b"broken")].concat();
    for (rdata, target, v4, v6, ech) in [
        (of_foo(0, b""), "foo.example.com", 0..0, 0..0, None),
        (of_owner(1, b""), ".", 0..0, 0..0, None),
        (
            of_foo(16, &parameter(3, b"\x00\x35")),
            "foo.example.com",
            0..0,
            0..0,
            None,
        ),
        (
            of_foo(1, &parameter(667, b"hello\xd2qoo")),
            "foo.example.com",
            0..0,
            0..0,
            None,
        ),
        (
            of_foo(1, &parameter(6, &[1; 32])),
            "foo.example.com",
            0..0,
            23..55,
            None,
        ),
        (of_owner(1, &two), ".", 14..22, 0..0, None),
        (of_owner(1, &ech), ".", 7..11, 0..0, Some(15..21)),
        (of_owner(0, &parameter(4, b"odd")), ".", 0..0, 0..0, None), // AliasMode: parameters are ignored
    ] {
        let (service, text) = parse(&rdata).unwrap();
        let moved = |range: Range<usize>| range.start.max(AT) - AT..range.end.max(AT) - AT;
        assert_eq!(text, target);
        assert_eq!(service.is_alias(), rdata[1] == 0);
        assert_eq!(service.priority, u16::from(rdata[1]));
        assert_eq!(
            (moved(service.ipv4_hints), moved(service.ipv6_hints)),
            (v4, v6)
        );
        assert_eq!(service.ech.map(moved), ech);
    }
}

#[test]
fn malformed_services() {
    let of_owner = |parameters: &[u8]| [b"\x00\x01\x00", parameters].concat();
    let hint = parameter(4, &[0; 4]);
    for (rdata, reason) in [
        (b"".to_vec(), "dns-svcb-past-end"),
        (b"\x00\x01".to_vec(), "dns-svcb-past-end"),
        (of_owner(b"\x00\x04\x00"), "dns-svcb-past-end"),
        (of_owner(&hint[..7]), "dns-svcb-past-end"),
        (of_owner(&hint.repeat(2)), "dns-svcb-key-order"),
        (
            of_owner(&[&hint[..], &parameter(1, b"\x02h2")].concat()),
            "dns-svcb-key-order",
        ),
        (of_owner(&parameter(4, b"")), "dns-svcb-hint-length"),
        (of_owner(&parameter(4, &[0; 6])), "dns-svcb-hint-length"),
        (of_owner(&parameter(6, &[0; 20])), "dns-svcb-hint-length"),
        (
            of_owner(&[&parameter(4, b"")[..], b"\x00"].concat()),
            "dns-svcb-past-end",
        ),
        (
            of_owner(&[&parameter(4, b"")[..], &hint].concat()),
            "dns-svcb-key-order",
        ),
    ] {
        assert_eq!(parse(&rdata), Err(Broken::Malformed(reason)));
    }
    let cut = [b"\x00\x01", &FOO[..16]].concat();
    assert_eq!(parse(&cut), Err(Broken::PastEnd("dns-name-past-end")));
    let mut names = NameReader::default();
    let leaves_its_record = parse_service(b"\x00\x01\x03foo\x00", 0..3, &mut names);
    assert_eq!(
        leaves_its_record,
        Err(Broken::Malformed("dns-svcb-past-end"))
    );
}

#[test]
fn public_names_of_known_versions() {
    let config = |name: &[u8]| ech_config(0xfe0d, name, b"");
    for (configs, names) in [
        (config(b"Cover.example"), &["cover.example"][..]),
        (
            ech_config(0xfe0d, b"a.example", b"\x00\x01\x00\x00"),
            &["a.example"],
        ),
        (
            [config(b"a.example"), config(b"b.example")].concat(),
            &["a.example", "b.example"],
        ),
        (
            [ech_config(0xfe0a, b"x", b""), config(b"b.example")].concat(),
            &["b.example"],
        ),
        (b"\xfe\x0c\x00\x02??".to_vec(), &[]),
        (config(b"evil\n.example"), &["evil\\x0a.example"]),
    ] {
        assert_eq!(public_names(&vector16(&configs)).unwrap(), names);
    }
}

#[test]
fn malformed_lists() {
    let a = ech_config(0xfe0d, b"a", b"");
    let of_contents = |contents: &[u8]| vector16(&parameter(0xfe0d, contents));
    let list = vector16(&a);
    for (configs, reason) in [
        (b"".to_vec(), "ech-past-end"),
        (b"\x00\x00".to_vec(), "ech-list-length"),
        ([&list[..], &[0]].concat(), "ech-list-length"),
        (list[..list.len() - 1].to_vec(), "ech-past-end"),
        (vector16(&a[..a.len() - 1]), "ech-past-end"),
        (vector16(&[&a[..], b"\xfe"].concat()), "ech-past-end"),
        (vector16(&ech_config(0xfe0d, b"", b"")), "ech-config-length"),
        (of_contents(&[&a[4..], &[0]].concat()), "ech-config-length"),
        (of_contents(&a[4..a.len() - 4]), "ech-past-end"),
        (of_contents(b"xx"), "ech-past-end"),
    ] {
        assert_eq!(public_names(&configs), Err(Malformed(reason)));
    }
}

proptest! {
    #[test]
    fn any_rdata_gives_a_service_or_malformed(tail in prop::collection::vec(any::<u8>(), 0..80)) {
        let rdata = [b"\x00\x01\x00", &tail[..]].concat();
        if let Ok((service, _)) = parse(&rdata) {
            prop_assert_eq!((service.ipv4_hints.len() % 4, service.ipv6_hints.len() % 16), (0, 0));
            prop_assert!(service.ipv6_hints.end <= AT + rdata.len());
        }
    }

    #[test]
    fn any_configurations_give_names_or_malformed(tail in prop::collection::vec(any::<u8>(), 0..80)) {
        for configs in [tail.clone(), vector16(&parameter(0xfe0d, &tail))] {
            for name in public_names(&configs).unwrap_or_default() {
                prop_assert!(!name.is_empty());
            }
        }
    }
}
