//! What is counted, and what goes on.

use dissect::observations::{Gap, Observation};

use super::{Filter, FlowCount};
use crate::connections::Coverage;
use crate::interest::Wanted;
use crate::kit::{CLIENT, LLM, SERVER, USUAL, at, ended, flow_key, hello, texts};

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
    for (class, count) in Coverage::ALL.into_iter().zip(counted.coverage) {
        let wanted = match class {
            Coverage::Sni => two,
            Coverage::Address => one,
            _ => FlowCount::default(),
        };
        assert_eq!(count, wanted, "{class:?}");
    }
    assert_eq!(counted.lookups, one);
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

#[test]
fn a_class_stands_where_it_is_counted() {
    for (index, class) in Coverage::ALL.into_iter().enumerate() {
        assert_eq!(class as usize, index);
    }
}
