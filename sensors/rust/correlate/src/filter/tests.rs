//! What is counted, and what goes on.

use dissect::observations::{Gap, Observation};

use dissect::segment::Address;

use super::{Filter, FlowCount, GroupCount};
use crate::connections::Coverage;
use crate::interest::{MAX_GROUPS, Wanted};
use crate::kit::{CLIENT, LLM, OTHER, SERVER, USUAL, at, ended, flow_key, hello, resolved, texts};

fn filter() -> Filter {
    let wanted = Wanted {
        names: texts(&[LLM]),
        ..Wanted::default()
    };
    Filter::new(wanted, USUAL, 7).unwrap()
}

fn as_is<T>(_: &mut T) {}

fn contains(batch: &[u8], text: &str) -> bool {
    batch
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn every_flow_is_handed_on_or_counted_once() {
    let mut filter = filter();
    let lookup = |update: &mut dissect::observations::FlowUpdate| {
        update.flow = flow_key(CLIENT, SERVER, 53);
    };
    let gap = Gap {
        ts_ns: at(10),
        since_ns: at(0),
        packets: 1,
        bytes: 60,
        reason: "table",
    };
    let observations = vec![
        ended(9, 50, as_is),
        ended(9, 50, lookup),
        hello(10, Some("www.example.org"), as_is),
        ended(9, 50, as_is),
        hello(10, Some("www.example.org"), |hello| {
            hello.flow = flow_key(CLIENT, SERVER, 53);
        }),
        ended(9, 50, lookup),
        Observation::Gap(gap),
        hello(10, Some(LLM), as_is),
        ended(9, 50, as_is),
    ];
    filter.take(observations, &[]);
    let one = FlowCount {
        flows: 1,
        bytes_up: 1_000,
        bytes_down: 2_000,
    };
    let two = FlowCount {
        flows: 2,
        bytes_up: 2_000,
        bytes_down: 4_000,
    };
    let counted = filter.counted();
    let [unowned] = counted.groups.as_slice() else {
        panic!("one group is counted");
    };
    for (class, count) in Coverage::ALL.into_iter().zip(unowned.coverage) {
        let wanted = match class {
            Coverage::Sni => two,
            Coverage::Address => one,
            _ => FlowCount::default(),
        };
        assert_eq!(count, wanted, "{class:?}");
    }
    assert_eq!(unowned.lookups, one);
    assert_eq!(filter.waiting(), 2);
    let batch = filter.batch();
    assert_eq!(batch[0], 0x92); // an array of two
    assert!(contains(&batch, LLM) && !contains(&batch, "www.example.org"));
    assert_eq!((filter.waiting(), filter.batch()), (0, vec![0x90]));
}

#[test]
fn what_is_no_prefix_is_refused() {
    let wanted = Wanted {
        prefixes: texts(&["192.0.2.0/33"]),
        ..Wanted::default()
    };
    assert_eq!(
        Filter::new(wanted, USUAL, 7).err().as_deref(),
        Some("192.0.2.0/33")
    );
}

/// How many flows a group has in `Coverage::Address`, at hosting addresses, and as lookups.
fn address_hosting_lookups(count: &GroupCount) -> [u64; 3] {
    let [_, _, address, ..] = count.coverage;
    [
        address.flows,
        count.address_hosting.flows,
        count.lookups.flows,
    ]
}

#[test]
fn the_longest_prefix_of_the_client_is_its_group() {
    let groups = [
        ("10.20.0.0/16", 1),
        ("10.20.1.6/32", 3),
        ("10.0.0.0/8", 2),
        ("2001:db8::/32", 1),
    ];
    let wanted = Wanted {
        groups: groups
            .map(|(text, number)| (text.to_owned(), number))
            .into(),
        hosting: texts(&["203.0.113.0/24"]),
        ..Wanted::default()
    };
    let mut filter = Filter::new(wanted, USUAL, 7).unwrap();
    let elsewhere = Address::v4([192, 0, 2, 1]);
    let table = [
        (CLIENT, SERVER, 443),
        (OTHER, elsewhere, 443),
        (OTHER, SERVER, 53),
        (Address::v4([10, 99, 0, 1]), SERVER, 443),
        (Address::v4([192, 168, 0, 1]), elsewhere, 443),
        (Address::v6([1; 16]), SERVER, 443),
    ];
    for (client, server, port) in table {
        let end = ended(9, 50, |update| {
            update.flow = flow_key(client, server, port);
        });
        filter.take(vec![end], &[]);
    }
    let counted = filter.counted();
    let found: Vec<_> = counted.groups.iter().map(address_hosting_lookups).collect();
    assert_eq!(found, [[2, 1, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1]]);
}

#[test]
fn ech_and_what_looks_like_it_are_counted_beside_the_class() {
    let mut filter = filter();
    for ech in ["none", "grease", "grease"] {
        let www = Some("www.example.org");
        filter.take(
            vec![hello(10, www, |hello| hello.ech = ech), ended(9, 50, as_is)],
            &[],
        );
    }
    let public = resolved(0, "front.example", |answer| {
        answer.ech_public_names = texts(&["front.example"]);
        answer.addresses.clear();
    });
    let observations = vec![
        public,
        resolved(0, "www.example.org", as_is),
        hello(10, Some("front.example"), |hello| hello.ech = "grease"),
        ended(9, 50, as_is),
    ];
    filter.take(observations, &[]);
    let [unowned] = filter.counted().groups[..] else {
        panic!("one group is counted");
    };
    let [sni, dns, ..] = unowned.coverage;
    let counts = [sni, dns, unowned.ech_offered, unowned.ech_grease];
    assert_eq!(counts.map(|count| count.flows), [3, 1, 1, 2]);
}

#[test]
fn too_many_groups_are_refused() {
    let wanted = Wanted {
        groups: vec![("10.0.0.0/8".to_owned(), MAX_GROUPS)],
        ..Wanted::default()
    };
    assert_eq!(
        Filter::new(wanted, USUAL, 7).err().as_deref(),
        Some("group 4096")
    );
}

#[test]
fn a_class_stands_where_it_is_counted() {
    for (index, class) in Coverage::ALL.into_iter().enumerate() {
        assert_eq!(class as usize, index);
    }
}
