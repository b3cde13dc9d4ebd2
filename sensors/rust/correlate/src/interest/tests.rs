//! Which connections are handed on, each for a reason of its own.

use dissect::observations::{Carrier, Observation};
use dissect::segment::Address;

use super::{Interest, Wanted};
use crate::correlator::Correlator;
use crate::kit::{LLM, OTHER, SERVER, USUAL, ended, flow_key, hello, resolved, texts};
use crate::recency::seeded;

fn wanted() -> Wanted {
    Wanted {
        names: texts(&[LLM, "*.openai.azure.com"]),
        prefixes: texts(&["198.51.100.0/24"]),
        server_ports: vec![8_443, 853],
        alpn: texts(&["dot"]),
        client_prefixes: texts(&["203.0.112.0/24", "2001:db8:c::/48"]),
        ..Wanted::default()
    }
}

fn as_is<T>(_: &mut T) {}

/// Whether the connection that the observations end is cared for.
fn cares(observations: Vec<Observation>, end: Observation) -> bool {
    let hasher = seeded(7);
    let interest = Interest::new(wanted(), &hasher).unwrap();
    let mut correlator = Correlator::new(USUAL, &wanted(), &hasher).unwrap();
    for observation in observations {
        assert!(correlator.feed(observation).is_none());
    }
    interest.cares(&correlator.feed(end).unwrap())
}

#[test]
fn what_is_cared_for() {
    let www = "www.example.org";
    let carried = |name| hello(10, Some(name), as_is);
    let alias = || {
        resolved(0, www, |answer| {
            answer.cnames = texts(&["x.openai.azure.com"]);
        })
    };
    let many = |count| {
        (0..count)
            .map(|n| resolved(0, &format!("n{n}.example"), as_is))
            .collect()
    };
    let of_other = |name| resolved(0, name, |answer| answer.client = OTHER);
    let stale = |name| resolved(-5_000, name, as_is);
    let table: Vec<(&str, Vec<Observation>, bool)> = vec![
        ("nothing known", vec![], false),
        ("another name", vec![carried(www)], false),
        ("a name", vec![carried(LLM)], true),
        ("a name in capitals", vec![carried("API.OpenAI.com.")], true),
        ("a pattern", vec![carried("x.openai.azure.com")], true),
        ("an address for a name", vec![carried("198.51.100.7")], true),
        (
            "another address for a name",
            vec![carried("198.51.101.7")],
            false,
        ),
        ("perhaps an address", vec![carried("fe80::1%1")], true),
        ("resolved", vec![resolved(0, LLM, as_is)], true),
        ("resolved once", vec![stale(LLM)], true),
        ("resolved by another", vec![of_other(LLM)], true),
        (
            "other names of DNS",
            vec![resolved(0, www, as_is), stale("a.b"), of_other("c.d")],
            false,
        ),
        ("an alias", vec![alias()], true),
        (
            "an alias of the carried name",
            vec![alias(), carried(www)],
            true,
        ),
        (
            "beside the carried name",
            vec![resolved(0, LLM, as_is), carried(www)],
            true,
        ),
        (
            "by others, beside the carried name",
            vec![of_other(LLM), carried(www)],
            false,
        ),
        (
            "concealed",
            vec![hello(10, Some(www), |hello| hello.ech = "offered")],
            true,
        ),
        (
            "the outer name",
            vec![
                resolved(0, www, as_is),
                hello(10, Some(LLM), |hello| hello.ech = "offered"),
            ],
            true,
        ),
        (
            "a protocol",
            vec![hello(10, Some(www), |hello| {
                hello.alpn = texts(&["h2", "dot"]);
            })],
            true,
        ),
        (
            "other protocols",
            vec![hello(10, Some(www), |hello| hello.alpn = texts(&["h2"]))],
            false,
        ),
        ("many other names", many(100), false),
    ];
    for (case, observations, wanted) in table {
        assert_eq!(cares(observations, ended(9, 50, as_is)), wanted, "{case}");
    }
}

#[test]
fn servers_are_cared_for_by_address_and_port() {
    let table = [
        (SERVER, 443, false),
        (SERVER, 853, true),
        (SERVER, 8_443, true),
        (Address::v4([198, 51, 100, 9]), 443, true),
    ];
    for (server, port, wanted) in table {
        let end = ended(9, 50, |update| update.flow = flow_key(OTHER, server, port));
        assert_eq!(cares(vec![], end), wanted);
    }
}

#[test]
fn clients_are_cared_for_by_address() {
    let v6 = |last: u16| {
        Address::v6(std::net::Ipv6Addr::new(0x2001, 0xdb8, last, 0, 0, 0, 0, 1).octets())
    };
    let table = [
        (OTHER, false),
        (Address::v4([203, 0, 112, 9]), true),
        (Address::v4([203, 0, 113, 9]), false),
        (v6(0xc), true),
        (v6(0xd), false),
    ];
    for (client, wanted) in table {
        let end = ended(9, 50, |update| update.flow = flow_key(client, SERVER, 443));
        assert_eq!(cares(vec![], end), wanted);
    }
}

#[test]
fn the_ways_of_naming_a_server_are_usual() {
    for carrier in [
        Carrier::Tls,
        Carrier::Quic,
        Carrier::HttpConnect,
        Carrier::Http,
    ] {
        let seen = hello(10, Some("www.example.org"), |hello| hello.carrier = carrier);
        assert!(!cares(vec![seen], ended(9, 50, as_is)));
    }
}
