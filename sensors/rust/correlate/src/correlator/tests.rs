//! The tables of `tests/test_correlator.py`.

use dissect::observations::{Carrier, EndReason, Observation};
use dissect::segment::Address;

use super::{Correlator, Forgotten};
use crate::connections::{Coverage, State};
use crate::interest::Wanted;
use crate::kit::{
    CLIENT, LLM, OTHER, SECOND_NS, SERVER, USUAL, at, ended, flow_key, hello, resolved, texts,
};
use crate::recency::seeded;
use crate::resolutions::Limits;

/// What a connection came to, with values of its own.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    names: Vec<(String, &'static str, &'static str, Vec<String>)>,
    coverage: &'static str,
    ech: Option<(&'static str, bool)>,
}

fn correlator(limits: Limits) -> Correlator {
    let wanted = Wanted {
        names: texts(&[LLM, "*.example", "www.example.org"]),
        ..Wanted::default()
    };
    Correlator::new(limits, &wanted, &seeded(7)).unwrap()
}

fn correlate(observations: Vec<Observation>) -> Vec<Said> {
    let mut correlator = correlator(USUAL);
    let mut said = Vec::new();
    for observation in observations {
        if let Some(connection) = correlator.feed(observation) {
            let names = connection.names.iter().map(|name| {
                let (source, state) = (name.source.text(), name.state.text());
                (name.value.to_owned(), source, state, name.cnames().to_vec())
            });
            said.push(Said {
                names: names.collect(),
                coverage: connection.coverage.text(),
                ech: connection
                    .hello
                    .map(|hello| (hello.ech, hello.outer_name.is_some())),
            });
        }
    }
    said
}

/// The names of the only connection, with their states, and its class.
fn named(observations: Vec<Observation>) -> (Vec<(String, &'static str)>, &'static str) {
    let mut said = correlate(observations);
    assert_eq!(said.len(), 1);
    let said = said.remove(0);
    let names = said
        .names
        .into_iter()
        .map(|(name, _, state, _)| (name, state));
    (names.collect(), said.coverage)
}

type NamedRow = (
    &'static str,
    Vec<Observation>,
    Vec<(&'static str, &'static str)>,
    &'static str,
);

type EchRow = (
    &'static str,
    Vec<Observation>,
    Vec<&'static str>,
    &'static str,
    (&'static str, bool),
);

fn as_is<T>(_: &mut T) {}

#[test]
fn the_name_on_the_wire_comes_with_the_alias_chain_that_the_client_was_told() {
    let said = correlate(vec![
        resolved(0, LLM, |answer| {
            answer.cnames = texts(&["westeurope.example"]);
        }),
        hello(10, Some(LLM), as_is),
        ended(9, 50, as_is),
    ]);
    let name = (
        LLM.to_owned(),
        "sni",
        "live",
        texts(&["westeurope.example"]),
    );
    assert_eq!(
        said,
        [Said {
            names: vec![name],
            coverage: "sni",
            ech: Some(("none", false)),
        }]
    );
}

#[test]
fn without_a_name_on_the_wire_the_clients_own_live_answers_count() {
    let www = "www.example.org";
    let short = |tenths| resolved(tenths, LLM, |answer| answer.ttl = 5);
    let of_other = |tenths, name, ttl| {
        resolved(tenths, name, |answer| {
            answer.client = OTHER;
            answer.ttl = ttl;
        })
    };
    let elsewhere = |answer: &mut dissect::observations::NameResolved| {
        answer.addresses = vec![Address::v4([203, 0, 113, 99])];
    };
    let table: Vec<NamedRow> = vec![
        (
            "one answer",
            vec![resolved(0, LLM, as_is)],
            vec![(LLM, "live")],
            "dns",
        ),
        (
            "within the grace",
            vec![short(0)],
            vec![(LLM, "live")],
            "dns",
        ),
        (
            "after the grace",
            vec![short(-1_000)],
            vec![(LLM, "stale")],
            "address",
        ),
        (
            "answered again",
            vec![short(-1_000), short(90)],
            vec![(LLM, "live")],
            "dns",
        ),
        (
            "answered later only",
            vec![resolved(110, LLM, as_is)],
            vec![],
            "address",
        ),
        (
            "expired, then answered later",
            vec![short(-1_000), resolved(110, LLM, as_is)],
            vec![(LLM, "stale")],
            "address",
        ),
        (
            "another client's",
            vec![of_other(0, LLM, 60)],
            vec![(LLM, "foreign")],
            "address",
        ),
        (
            "another client's, stale",
            vec![of_other(-1_000, LLM, 5)],
            vec![],
            "address",
        ),
        (
            "another address",
            vec![resolved(0, LLM, elsewhere)],
            vec![],
            "address",
        ),
        (
            "two names, the later first",
            vec![resolved(0, LLM, as_is), resolved(10, www, as_is)],
            vec![(www, "live"), (LLM, "live")],
            "ambiguous",
        ),
        (
            "own before foreign",
            vec![resolved(0, LLM, as_is), of_other(10, www, 60)],
            vec![(LLM, "live"), (www, "foreign")],
            "dns",
        ),
    ];
    for (case, mut observations, names, coverage) in table {
        observations.push(ended(100, 200, as_is));
        let names: Vec<_> = names
            .into_iter()
            .map(|(name, state)| (name.to_owned(), state))
            .collect();
        assert_eq!(named(observations), (names, coverage), "{case}");
    }
}

#[test]
fn the_outer_name_of_ech_is_not_the_name() {
    let front = "front.example";
    let told = || resolved(0, LLM, |answer| answer.ech_public_names = texts(&[front]));
    let outside = |name, ech| hello(10, Some(name), move |hello| hello.ech = ech);
    let table: Vec<EchRow> = vec![
        (
            "no DNS",
            vec![outside(front, "offered")],
            vec![],
            "concealed",
            ("offered", true),
        ),
        (
            "with DNS",
            vec![resolved(0, LLM, as_is), outside(front, "offered")],
            vec![LLM],
            "dns",
            ("offered", true),
        ),
        (
            "GREASE",
            vec![outside(LLM, "grease")],
            vec![LLM],
            "sni",
            ("grease", false),
        ),
        (
            "public name told by DNS",
            vec![told(), outside(front, "grease")],
            vec![LLM],
            "dns",
            ("offered", true),
        ),
        (
            "no public name",
            vec![told(), outside(LLM, "grease")],
            vec![LLM],
            "sni",
            ("grease", false),
        ),
        (
            "no ECH at all",
            vec![told(), outside(front, "none")],
            vec![front, LLM],
            "sni",
            ("none", false),
        ),
    ];
    for (case, mut observations, names, coverage, ech) in table {
        observations.push(ended(9, 50, as_is));
        let said = correlate(observations).remove(0);
        let values: Vec<&str> = said.names.iter().map(|(name, ..)| &**name).collect();
        assert_eq!(
            (values, said.coverage, said.ech),
            (names, coverage, Some(ech)),
            "{case}"
        );
    }
}

#[test]
fn in_a_tunnel_the_inner_name_comes_first() {
    let said = correlate(vec![
        hello(10, Some("proxy-target.example"), |hello| {
            hello.carrier = Carrier::HttpConnect;
        }),
        hello(20, Some(LLM), as_is),
        ended(9, 50, as_is),
    ]);
    let names: Vec<_> = said[0]
        .names
        .iter()
        .map(|(name, source, ..)| (&**name, *source))
        .collect();
    assert_eq!(names, [(LLM, "sni"), ("proxy-target.example", "connect")]);
}

#[test]
fn why_there_is_no_name() {
    let whole = vec![ended(10, 20, as_is)];
    let midstream = vec![ended(10, 20, |update| update.midstream = true)];
    let evicted = vec![ended(10, 20, |update| update.reason = EndReason::Evicted)];
    let incomplete = vec![
        hello(10, None, |hello| hello.complete = false),
        ended(9, 50, as_is),
    ];
    for (observations, coverage) in [
        (whole, "address"),
        (midstream, "midstream"),
        (evicted, "lost"),
        (incomplete, "lost"),
    ] {
        assert_eq!(named(observations), (vec![], coverage));
    }
}

#[test]
fn interim_totals_make_no_connection() {
    let update = ended(10, 20, |update| update.reason = EndReason::Active);
    assert_eq!(correlate(vec![update]), []);
}

#[test]
fn what_the_client_was_told_follows_the_carried_name() {
    let (names, coverage) = named(vec![
        resolved(-5_000, "stale.example", |answer| answer.ttl = 5),
        resolved(0, "one.example", as_is),
        resolved(0, "foreign.example", |answer| answer.client = OTHER),
        resolved(5, "two.example", as_is),
        hello(10, Some(LLM), as_is),
        ended(9, 50, as_is),
    ]);
    let names: Vec<&str> = names.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        (names, coverage),
        (vec![LLM, "two.example", "one.example"], "sni")
    );
}

#[test]
fn dns_has_nothing_to_add_where_it_gave_the_address_for_the_carried_name() {
    let (names, _) = named(vec![
        resolved(0, "other.example", as_is),
        resolved(0, LLM, as_is),
        hello(10, Some(LLM), as_is),
        ended(9, 50, as_is),
    ]);
    assert_eq!(names, [(LLM.to_owned(), "live")]);
}

#[test]
fn an_answer_for_the_carried_name_need_not_be_new_or_for_itself() {
    let expired = resolved(-5_000, LLM, |answer| answer.ttl = 5);
    let alias = resolved(0, "llm.corp.example", |answer| {
        answer.cnames = texts(&[LLM]);
    });
    for earlier in [expired, alias] {
        let (names, _) = named(vec![
            earlier,
            resolved(0, "other.example", as_is),
            hello(10, Some(LLM), as_is),
            ended(9, 50, as_is),
        ]);
        assert_eq!(names, [(LLM.to_owned(), "live")]);
    }
}

#[test]
fn the_bounds_hold_and_are_counted() {
    let mut join = correlator(Limits {
        pending: 5,
        hellos: 2,
        names: 3,
        ..USUAL
    });
    let key = |index| flow_key(CLIENT, Address::v4([203, 0, 113, index]), 443);
    for index in 0..9 {
        assert!(
            join.feed(hello(10, Some(LLM), |hello| hello.flow = key(index)))
                .is_none()
        );
        assert!(
            join.feed(resolved(10, &format!("n{index}.example"), as_is))
                .is_none()
        );
    }
    let forgotten = |hellos, names| Forgotten { hellos, names };
    assert_eq!(join.forgotten(), forgotten(4, 12)); // names of the client, and of everybody
    for _ in 0..5 {
        assert!(
            join.feed(hello(10, Some(LLM), |hello| hello.flow = key(8)))
                .is_none()
        );
    }
    assert_eq!(join.forgotten(), forgotten(8, 12));
}

#[test]
fn time_at_its_ends_does_no_harm() {
    let mut join = correlator(USUAL);
    for ts_ns in [i64::MIN, i64::MAX] {
        join.feed(resolved(0, LLM, |answer| answer.ts_ns = ts_ns));
    }
    let end = ended(0, 0, |update| {
        (update.first_ns, update.ts_ns) = (i64::MAX, i64::MIN);
    });
    let connection = join.feed(end).unwrap();
    assert_eq!(connection.coverage, Coverage::Dns);
    assert!(
        connection
            .names
            .iter()
            .all(|name| name.state == State::Live)
    );
    assert!(at(0) > SECOND_NS && SERVER.is_v4());
}
