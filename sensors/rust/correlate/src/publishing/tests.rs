use dissect::encode::Encoder;
use dissect::observations::{Gap, Observation};

use super::{CUT_BYTES, Cut, MAX_OBSERVATIONS, Plan, Publisher, Whose};
use crate::interest::Wanted;
use crate::kit::{CLIENT, LLM, OTHER, SECOND_NS, at, ended, hello, resolved, texts};

const LINGER_NS: i64 = SECOND_NS / 5;

fn publisher(bound_bytes: usize) -> Publisher {
    let wanted = Wanted {
        names: texts(&[LLM]),
        resolvers: texts(&["10.20.1.6/32"]),
        ..Wanted::default()
    };
    let plan = Plan {
        key: b"k".to_vec(),
        linger_ns: LINGER_NS,
        bound_bytes,
    };
    Publisher::new(&wanted, plan, 0).unwrap()
}

fn all(publisher: &mut Publisher) -> Vec<Cut> {
    publisher.cut();
    publisher.parcels()
}

fn array(observations: &[Observation]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.observations(observations, &[]);
    encoder.take()
}

fn gap() -> Observation {
    Observation::Gap(Gap {
        ts_ns: at(1),
        since_ns: at(0),
        packets: 1,
        bytes: 1,
        reason: "decode",
    })
}

#[test]
fn what_is_observed_goes_to_whose_it_is_names_ahead() {
    let mut publisher = publisher(usize::MAX);
    let slots = [CLIENT, OTHER].map(|client| publisher.slots.of(client));
    let flow = ended(0, 1, |_| {});
    let others = ended(0, 1, |update| update.flow.client = OTHER);
    let llm = resolved(0, LLM, |_| {});
    let alias = resolved(0, "alias.example", |name| name.cnames = texts(&["x", LLM]));
    let told = resolved(0, "other.example", |name| name.client = OTHER);
    let own = resolved(0, "other.example", |_| {});
    let (begun, gap) = (hello(1, Some(LLM), |_| {}), gap());
    let given = [&own, &begun, &flow, &others, &llm, &alias, &told, &gap];
    publisher.take(&given.map(Clone::clone), &[]);
    let expected = [
        (Whose::Everybodys, vec![llm, alias, told]),
        (Whose::Slot(slots[0]), vec![own, begun, flow]),
        (Whose::Slot(slots[1]), vec![others]),
        (Whose::Nobodys, vec![gap]),
    ];
    let cut = all(&mut publisher);
    assert_eq!(cut.len(), expected.len());
    for (cut, (whose, observations)) in cut.iter().zip(expected) {
        assert_eq!((cut.whose, cut.count), (whose, observations.len()));
        assert_eq!(cut.data, array(&observations));
        assert_eq!(cut.clock_ns, at(1));
    }
    assert!(all(&mut publisher).is_empty());
}

#[test]
fn what_lingered_is_cut_with_the_clock_of_its_last_observation() {
    let mut publisher = publisher(usize::MAX);
    for tenths in [0, 1, 0, 2, 3, 9] {
        publisher.take(&[ended(0, tenths, |_| {})], &[]);
    }
    let cut = all(&mut publisher);
    let told: Vec<_> = cut.iter().map(|cut| (cut.clock_ns, cut.count)).collect();
    assert_eq!(told, [(at(1), 3), (at(3), 2), (at(9), 1)]);
}

#[test]
fn much_of_one_slot_is_cut_alone_behind_the_names() {
    let flow = ended(0, 1, |_| {});
    let most = CUT_BYTES.div_ceil(array(std::slice::from_ref(&flow)).len() - 1);
    assert!(most < MAX_OBSERVATIONS);
    let mut publisher = publisher(usize::MAX);
    let slot = Whose::Slot(publisher.slots.of(CLIENT));
    let others = ended(0, 1, |update| update.flow.client = OTHER);
    publisher.take(&[others, resolved(1, LLM, |_| {})], &[]);
    publisher.take(&vec![flow; most + 1], &[]);
    let told = |cut: Vec<Cut>| -> Vec<_> { cut.iter().map(|cut| (cut.whose, cut.count)).collect() };
    let early = told(publisher.parcels());
    assert_eq!(early, [(Whose::Everybodys, 1), (slot, most)]);
    let other = Whose::Slot(publisher.slots.of(OTHER));
    assert_eq!(told(all(&mut publisher)), [(other, 1), (slot, 1)]);
}

#[test]
fn outer_names_of_ech_stay_behind_what_came_before_them() {
    let mut publisher = publisher(usize::MAX);
    let slot = Whose::Slot(publisher.slots.of(CLIENT));
    publisher.take(&[hello(0, None, |_| {})], &[]);
    let outer = |name: &mut dissect::observations::NameResolved| {
        name.ech_public_names = texts(&["outer.example"]);
    };
    publisher.take(&[resolved(0, LLM, outer)], &[]);
    let whose: Vec<_> = all(&mut publisher).iter().map(|cut| cut.whose).collect();
    assert_eq!(whose, [slot, Whose::Everybodys]);
}

#[test]
fn what_there_is_no_room_for_is_counted_until_there_is() {
    let mut publisher = publisher(1);
    publisher.take(&[ended(0, 1, |_| {}), ended(0, 1, |_| {})], &[]);
    assert_eq!((publisher.shed(), publisher.shed()), (1, 0));
    assert_eq!(all(&mut publisher).len(), 1);
    publisher.take(&[ended(0, 1, |_| {})], &[]);
    assert_eq!((publisher.shed(), all(&mut publisher).len()), (0, 1));
}

#[test]
fn other_names_go_to_everybody_once_others_are_asked_for() {
    let mut publisher = publisher(usize::MAX);
    let wanted = Wanted {
        names: texts(&["*.example"]),
        ..Wanted::default()
    };
    publisher.retarget(&wanted).unwrap();
    publisher.take(
        &[resolved(0, LLM, |_| {}), resolved(0, "a.example", |_| {})],
        &[],
    );
    let cut = all(&mut publisher);
    assert_eq!(cut[0].data, array(&[resolved(0, "a.example", |_| {})]));
    assert_eq!((cut[0].whose, cut.len()), (Whose::Everybodys, 2));
    let nonsense = Wanted {
        resolvers: texts(&["no prefix"]),
        ..Wanted::default()
    };
    assert!(publisher.retarget(&nonsense).is_err());
}
