//! The tables of `tests/test_resolutions.py`.

use dissect::observations::NameResolved;
use dissect::segment::Address;

use super::{Asker, Limits, Resolutions};
use crate::interest::Wanted;
use crate::kit::{CLIENT, LLM, OTHER, RESOLVER, SERVER, USUAL, answer, at, texts};
use crate::recency::seeded;
use crate::shared::Shared;

fn memory(limits: Limits) -> Resolutions {
    let hasher = seeded(7);
    let wanted = Wanted {
        names: texts(&[LLM, "*.example"]),
        resolvers: texts(&["10.0.0.53/32"]),
        ..Wanted::default()
    };
    Resolutions::new(limits, Shared::new(&wanted, &hasher).unwrap(), &hasher)
}

const SMALL: Limits = Limits {
    answer_bytes: 20_000,
    ..USUAL
};

fn of(client: Address, server: u8, name: &str) -> NameResolved {
    NameResolved {
        client,
        addresses: vec![Address::v4([198, 51, 100, server])],
        ..answer(0, name)
    }
}

/// An asker's live names of an address at a moment.
fn names_at(
    memory: &mut Resolutions,
    client: Option<Address>,
    address: Address,
    tenths: i64,
) -> Vec<String> {
    let asker = client.map_or(Asker::Everybody, Asker::Client);
    let view = memory.use_view(asker, address);
    let found = memory.names(view, at(tenths));
    let live = found.iter().filter(|each| each.live);
    live.map(|each| each.told.name.clone()).collect()
}

fn names(memory: &mut Resolutions, client: Option<Address>, address: Address) -> Vec<String> {
    names_at(memory, client, address, 100)
}

#[test]
fn an_answer_counts_from_its_own_time_though_a_later_one_was_read_before() {
    let mut memory = memory(USUAL);
    for tenths in [200, 50] {
        memory.add(answer(tenths, LLM));
    }
    assert_eq!(names(&mut memory, Some(CLIENT), SERVER), [LLM]);
}

#[test]
fn equal_answers_in_any_order_are_the_same() {
    let with = |alias| NameResolved {
        cnames: texts(&[alias]),
        ..answer(0, LLM)
    };
    for order in [["a.example", "b.example"], ["b.example", "a.example"]] {
        let mut memory = memory(USUAL);
        for alias in order {
            memory.add(with(alias));
        }
        let view = memory.use_view(Asker::Client(CLIENT), SERVER);
        let found = memory.names(view, at(100));
        assert_eq!(found[0].told.cnames, ["b.example"]);
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn all_answers_share_one_budget_of_bytes() {
    let mut memory = memory(SMALL);
    let client = |index| Address::v4([10, 0, 0, index % 7]);
    for index in 0..100 {
        memory.add(of(client(index), index, &format!("n{index}.example")));
    }
    let mut kept = |asker: fn(u8) -> Option<Address>| {
        let server = |index| Address::v4([198, 51, 100, index]);
        let kept =
            (0..100).filter(|index| !names(&mut memory, asker(*index), server(*index)).is_empty());
        kept.count() as u64
    };
    let own = kept(|index| Some(Address::v4([10, 0, 0, index % 7])));
    let everybody = kept(|_| None);
    assert!((6..30).contains(&own));
    assert_eq!(memory.forgotten(), 200 - own - everybody);
}

#[test]
fn long_alias_chains_weigh_what_they_take() {
    let mut memory = memory(SMALL);
    let chain: Vec<String> = (0..16)
        .map(|index| format!("{index}{}.example", "x".repeat(200)))
        .collect();
    for server in 0..10 {
        let cnames = chain.clone();
        memory.add(NameResolved {
            cnames,
            ..of(CLIENT, server, LLM)
        });
    }
    assert!(memory.forgotten() > 10);
}

#[test]
fn what_was_longest_out_of_use_goes_first() {
    let mut memory = memory(SMALL);
    memory.add(answer(0, LLM));
    for index in 0..100 {
        memory.add(of(OTHER, index, &format!("n{index}.example")));
        assert_eq!(names(&mut memory, Some(CLIENT), SERVER), [LLM]);
    }
    assert!(names(&mut memory, Some(OTHER), Address::v4([198, 51, 100, 0])).is_empty());
}

#[test]
fn the_names_of_an_address_are_bounded() {
    let mut memory = memory(USUAL);
    for index in 0..USUAL.names + 5 {
        memory.add(answer(0, &format!("n{index}.example")));
    }
    assert_eq!(names(&mut memory, Some(CLIENT), SERVER).len(), USUAL.names);
    assert_eq!(memory.forgotten(), 10); // for the client, and for everybody
}

#[test]
fn the_lifetimes_of_a_name_are_bounded() {
    let mut memory = memory(USUAL);
    for index in 0..37 {
        // Five more than are kept.
        memory.add(NameResolved {
            cnames: vec![format!("edge{index}.example")],
            ..answer(10 * index, LLM)
        });
    }
    assert_eq!(memory.forgotten(), 10);
    let view = memory.use_view(Asker::Client(CLIENT), SERVER);
    assert!(memory.names(view, at(10)).is_empty());
}

#[test]
fn of_equal_lifetimes_the_first_counts() {
    let mut memory = memory(USUAL);
    for (alias, ttl) in [("b.example", 3_600), ("a.example", 60), ("b.example", 0)] {
        memory.add(NameResolved {
            cnames: texts(&[alias]),
            ttl,
            ..answer(0, LLM)
        });
    }
    assert_eq!(names_at(&mut memory, Some(CLIENT), SERVER, 10_000), [LLM]);
}

#[test]
fn a_ttl_that_is_too_long_is_not_believed() {
    let mut memory = memory(USUAL);
    memory.add(NameResolved {
        ttl: u32::MAX,
        ..answer(0, LLM)
    });
    let view = memory.use_view(Asker::Client(CLIENT), SERVER);
    let last = (7 * 86_400 + 60) * 10;
    let live = |tenths| memory.names(view, at(tenths)).iter().any(|each| each.live);
    assert_eq!((live(last), live(last + 1)), (true, false));
}

#[test]
fn others_know_what_is_shared_alone() {
    let mut memory = memory(USUAL);
    let with = |client, name: &str, alias: &str| NameResolved {
        client,
        cnames: texts(&[alias]),
        ..answer(0, name)
    };
    memory.add(with(CLIENT, "intranet.test", "www.test"));
    assert_eq!(names(&mut memory, Some(CLIENT), SERVER), ["intranet.test"]);
    assert!(names(&mut memory, None, SERVER).is_empty());
    memory.add(with(RESOLVER, "mail.test", "www.test"));
    assert_eq!(names(&mut memory, None, SERVER), ["mail.test"]);
    memory.add(with(CLIENT, "chat.test", LLM));
    memory.add(with(OTHER, "chat.test", "www.test"));
    let view = memory.use_view(Asker::Everybody, SERVER);
    let found = memory.names(view, at(100));
    let chat = found.iter().find(|each| each.told.name == "chat.test");
    assert_eq!(chat.unwrap().told.cnames, [LLM]); // what another one was told is not its end
}

#[test]
fn outer_names_are_bounded() {
    let mut memory = memory(Limits {
        public_names: 3,
        ..USUAL
    });
    let outer = ["0", "1", "2", "0", "3", "4"];
    for name in outer {
        memory.add(NameResolved {
            addresses: Vec::new(),
            ech_public_names: texts(&[name]),
            ..answer(0, LLM)
        });
    }
    let known = ["0", "1", "2", "3", "4"].map(|name| memory.is_ech_public_name(CLIENT, name));
    assert_eq!(known, [true, false, false, true, true]);
    assert!(!memory.is_ech_public_name(OTHER, "4"));
    assert_eq!(memory.forgotten(), 2);
}
