//! What is counted, and what goes on.

use dissect::observations::{Carrier, DataSeen, EndReason, Gap, Observation};

use dissect::segment::Address;

use super::{Counted, Filter, FlowCount, GroupCount, Shed};
use crate::connections::Coverage;
use crate::interest::{MAX_GROUPS, Wanted};
use crate::kit::{
    CLIENT, LLM, OTHER, SERVER, USUAL, at, ended, flow, flow_key, hello, resolved, texts,
};
use crate::resolutions::Limits;

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

/// A flow's totals so far.
fn active(first: i64, last: i64) -> Observation {
    ended(first, last, |update| update.reason = EndReason::Active)
}

fn data(tenths: i64) -> Observation {
    Observation::Data(DataSeen {
        ts_ns: at(tenths),
        flow: flow(),
        bytes_up: 500,
    })
}

/// How many values wait, and how often a text is among them.
fn waiting(filter: &mut Filter, text: &str) -> (usize, usize) {
    let (waiting, batch) = (filter.waiting(), filter.batch());
    let found = batch.windows(text.len());
    let found = found.filter(|window| *window == text.as_bytes());
    (waiting, found.count())
}

#[test]
fn only_an_eager_filter_tells_of_connections_that_live() {
    let observations = || vec![hello(10, Some(LLM), as_is), active(9, 10), data(11)];
    let mut filter = filter();
    filter.take(observations(), &[]);
    assert_eq!(waiting(&mut filter, "active"), (0, 0));
    let mut filter = self::filter().eager();
    filter.take(observations(), &[]);
    assert_eq!(waiting(&mut filter, "active"), (2, 1));
    filter.take(vec![ended(9, 50, as_is), data(51)], &[]);
    assert_eq!(waiting(&mut filter, "fin"), (1, 1));
    assert_eq!(filter.counted(), Counted::default());
}

#[test]
fn what_lives_and_nobody_cares_for_is_not_counted_and_nor_is_its_data() {
    let mut filter = filter().eager();
    let www = Some("www.example.org");
    let lookup = ended(9, 10, |update| {
        update.flow = flow_key(CLIENT, SERVER, 53);
        update.reason = EndReason::Active;
    });
    let observations = vec![hello(10, www, as_is), active(9, 10), data(11), lookup];
    filter.take(observations, &[]);
    assert_eq!(filter.waiting(), 0);
    assert_eq!(filter.counted(), Counted::default());
    filter.take(
        vec![hello(12, Some(LLM), as_is), active(9, 12), data(13)],
        &[],
    );
    assert_eq!(waiting(&mut filter, "data_seen"), (2, 1));
}

#[test]
fn what_was_counted_is_told_once() {
    let limits = Limits { hellos: 1, ..USUAL };
    let mut filter = Filter::new(Wanted::default(), limits, 7).unwrap();
    let two = || vec![hello(10, None, as_is), hello(11, None, as_is)];
    for flows in [1, 2, 0] {
        for _ in 0..flows {
            filter.take(two(), &[]);
            filter.take(vec![ended(9, 50, as_is)], &[]);
        }
        let counted = filter.counted();
        let found: u64 = counted.groups.iter().map(|one| one.coverage[2].flows).sum();
        assert_eq!((found, counted.forgotten.hellos), (flows, flows));
    }
}

#[test]
fn above_its_bound_a_filter_sheds_first_what_has_no_name() {
    let wanted = Wanted {
        prefixes: texts(&["203.0.113.0/24"]),
        ..Wanted::default()
    };
    let gap = Gap {
        ts_ns: at(10),
        since_ns: at(0),
        packets: 1,
        bytes: 0,
        reason: "ring",
    };
    let told = |name| resolved(0, name, |_| {});
    let named = || vec![hello(10, Some(LLM), as_is), ended(9, 50, as_is)];
    let mut filter = Filter::new(wanted, USUAL, 7).unwrap().eager().bounded(4);
    filter.take(vec![ended(9, 50, as_is), ended(9, 50, as_is)], &[]);
    assert_eq!(filter.waiting(), 2);
    filter.take(vec![ended(9, 50, as_is), active(9, 10), told(LLM)], &[]);
    filter.take(vec![active(9, 10), data(11)], &[]); // by DNS alone: not while it lives
    assert_eq!(filter.waiting(), 2);
    filter.take(vec![ended(9, 50, as_is)], &[]); // by DNS
    filter.take(vec![hello(10, Some(LLM), as_is), active(9, 10)], &[]);
    assert_eq!(filter.waiting(), 4);
    filter.take(vec![data(11), active(9, 12), data(13)], &[]);
    filter.take(named(), &[]);
    assert_eq!(filter.waiting(), 4);
    filter.take(vec![Observation::Gap(gap)], &[]);
    assert_eq!(waiting(&mut filter, "gap"), (5, 1));
    filter.take(named(), &[]);
    assert_eq!(filter.waiting(), 1);
    let counted = filter.counted();
    let [unowned] = counted.groups.as_slice() else {
        panic!("one group is counted");
    };
    let [sni, _, address, ..] = unowned.coverage;
    assert_eq!((sni.flows, address.flows), (1, 1));
    let shed = Shed {
        opened: 3,
        ended: 2,
        data: 1,
    };
    assert_eq!(counted.shed, shed);
    assert_eq!(filter.counted(), Counted::default());
}

#[test]
fn another_interest_takes_over_what_is_remembered() {
    let of = |name: &str, group| Wanted {
        names: texts(&[name]),
        groups: vec![("10.20.0.0/16".to_owned(), group)],
        ..Wanted::default()
    };
    let mut filter = Filter::new(of("other.example", 1), USUAL, 7).unwrap();
    let inner = hello(10, Some("www.example.org"), as_is);
    filter.take(
        vec![resolved(0, LLM, as_is), ended(9, 50, as_is), inner],
        &[],
    );
    let refused = Wanted {
        prefixes: texts(&["192.0.2.0/33"]),
        ..of(LLM, 2)
    };
    assert_eq!(
        filter.retarget(refused).err().as_deref(),
        Some("192.0.2.0/33")
    );
    let counted = filter.retarget(of(LLM, 2)).unwrap();
    let flows = |counted: &Counted| -> Vec<u64> {
        let groups = counted.groups.iter();
        groups
            .map(|one| one.coverage[1].flows + one.coverage[0].flows)
            .collect()
    };
    assert_eq!(flows(&counted), [0, 1]);
    filter.take(vec![ended(9, 50, as_is)], &[]); // DNS still knows, and is held against the new names
    assert_eq!(waiting(&mut filter, "www.example.org"), (1, 1));
    assert_eq!(filter.counted(), Counted::default());
    filter.retarget(of("other.example", 2)).unwrap();
    filter.take(vec![ended(9, 50, as_is)], &[]);
    assert_eq!(flows(&filter.counted()), [0, 0, 1]);
}

#[test]
fn another_interest_has_its_own_signalling_and_resolvers() {
    let media = |reason| {
        let key = flow_key(CLIENT, Address::v4([198, 51, 100, 9]), 3_478);
        let stun = hello(20, None, |hello| {
            hello.carrier = Carrier::Stun;
            hello.flow = key;
        });
        vec![
            stun,
            ended(20, 30, move |update| {
                update.flow = key;
                update.reason = reason;
            }),
        ]
    };
    let mut filter = Filter::new(Wanted::default(), USUAL, 7).unwrap();
    filter.take(vec![hello(10, Some(LLM), as_is)], &[]);
    filter.take(media(EndReason::End), &[]);
    assert_eq!(waiting(&mut filter, "signalling"), (1, 0));
    let wanted = Wanted {
        signalling: texts(&[LLM]),
        resolvers: texts(&["10.20.1.6/32"]),
        ..Wanted::default()
    };
    filter.retarget(wanted).unwrap();
    filter.take(vec![hello(11, Some(LLM), as_is)], &[]);
    filter.take(media(EndReason::End), &[]);
    assert_eq!(waiting(&mut filter, "signalling"), (1, 1));
}

/// Names that DNS gave for the server's address.
fn names(count: usize) -> Vec<Observation> {
    let name = |number| resolved(0, &format!("host-{number}.example.net"), as_is);
    (0..count).map(name).collect()
}

#[test]
fn which_names_are_too_many_is_told_where_all_is_told_at_the_end() {
    for (count, eager, waiting) in [(32, false, 0), (33, false, 1), (33, true, 0)] {
        let mut filter = filter();
        if eager {
            filter = filter.eager();
        }
        filter.take(names(count), &[]);
        filter.take(vec![ended(9, 50, as_is)], &[]);
        assert_eq!(filter.waiting(), waiting, "{count} {eager}");
    }
}

#[test]
fn what_waits_is_taken_in_batches_the_oldest_first() {
    let mut filter = filter();
    let count = 2_500;
    for second in 0..count {
        let gap = Gap {
            ts_ns: at(second),
            since_ns: 0,
            packets: 1,
            bytes: 0,
            reason: "ring",
        };
        filter.take(vec![Observation::Gap(gap)], &[]);
    }
    let mut left = vec![filter.waiting()];
    while filter.waiting() > 0 {
        assert!(contains(&filter.batch(), "gap"));
        left.push(filter.waiting());
    }
    assert_eq!(left, [2_500, 1_476, 452, 0]);
    assert_eq!(filter.batch(), [0x90]);
}

#[test]
fn values_that_take_much_count_as_several() {
    let wanted = Wanted {
        names: texts(&["host-0.example.net"]),
        ..Wanted::default()
    };
    let bound = 100;
    let mut filter = Filter::new(wanted, USUAL, 7).unwrap().bounded(bound);
    filter.take(names(128), &[]);
    for _ in 0..bound {
        filter.take(vec![ended(9, 50, as_is)], &[]);
    }
    let waiting = filter.waiting() as u64;
    assert!((10..50).contains(&waiting), "{waiting}");
    assert_eq!(filter.counted().shed.ended, bound as u64 - waiting);
}
