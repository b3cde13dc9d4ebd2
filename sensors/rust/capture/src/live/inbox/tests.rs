use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dissect::cargo::OTHER;
use dissect::observations::{DataSeen, FlowKey, Gap, Observation};
use dissect::segment::{Address, TCP};

use super::{Account, Begun, Inbox, TunnelNames, TunnelNumbers};
use crate::live::kit::filter;
use crate::live::ring::State;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);
/// An empty msgpack array.
const NOTHING: &[u8] = &[0x90];

fn inbox() -> (Arc<Inbox>, Arc<AtomicBool>) {
    let accounts = vec![Account::new("far", State::Up)];
    (
        Arc::new(Inbox::new(filter().into(), accounts)),
        Arc::default(),
    )
}

fn gap() -> Observation {
    Observation::Gap(Gap {
        ts_ns: 2,
        since_ns: 1,
        packets: 3,
        bytes: 4,
        reason: "ring",
    })
}

fn put(inbox: &Inbox, observations: Vec<Observation>) {
    inbox.put(observations, &[], &mut TunnelNumbers::default());
}

#[test]
fn names_of_tunnels_have_one_number_for_all_workers() {
    let data = |tunnel| {
        let end = Address::v4([10, 0, 0, 1]);
        let flow = FlowKey {
            client: end,
            client_port: 1,
            server: end,
            server_port: 2,
            transport: TCP,
            vlan: None,
            tunnel,
            proxy: None,
        };
        Observation::Data(DataSeen {
            ts_ns: 1,
            flow,
            bytes_up: 0,
        })
    };
    let mut names = TunnelNames::default();
    for (own, tunnel, wanted) in [
        (&["gre", "vxlan:7"][..], Some(1), Some(1)),
        (&["vxlan:7", "ipip"], Some(0), Some(1)),
        (&["vxlan:7", "ipip"], Some(1), Some(2)),
        (&["ipip"], None, None),
    ] {
        let numbers = TunnelNumbers(own.iter().map(|name| names.number(name)).collect());
        let mut observation = data(tunnel);
        numbers.translate(&mut observation);
        let Observation::Data(DataSeen { flow, .. }) = observation else {
            panic!()
        };
        assert_eq!(flow.tunnel, wanted);
    }
    assert_eq!(names.names, ["gre", "vxlan:7", "ipip"]);
}

#[test]
fn tunnels_beyond_the_highest_number_are_others() {
    let mut names = TunnelNames::default();
    for index in 0..u16::MAX {
        assert_eq!(names.number(&index.to_string()), index);
    }
    for name in ["one more", "and one more", OTHER] {
        assert_eq!(names.number(name), u16::MAX);
    }
    assert_eq!((names.number("0"), names.number("65534")), (0, 65_534));
    assert_eq!(names.names.len(), 65_536);
    assert_eq!(names.names.last().unwrap(), OTHER);
}

#[test]
fn a_batch_is_empty_after_the_time_and_none_at_the_end() {
    let (inbox, stop) = inbox();
    assert_eq!(inbox.next_batch(LONG), None); // nobody began
    let begun = Begun::new(&inbox, &stop);
    let since = Instant::now();
    assert_eq!(inbox.next_batch(SHORT).as_deref(), Some(NOTHING));
    assert!(since.elapsed() >= SHORT);
    put(&inbox, vec![gap()]);
    drop(begun);
    assert_eq!(inbox.next_batch(LONG).unwrap()[0], 0x91);
    assert_eq!(inbox.next_batch(LONG), None);
    assert!(!stop.load(Ordering::Relaxed));
}

#[test]
fn what_is_put_and_an_end_wake_who_waits() {
    let (inbox, stop) = inbox();
    let begun = Begun::new(&inbox, &stop);
    let waiting = Arc::clone(&inbox);
    let since = Instant::now();
    let waits = thread::spawn(move || [waiting.next_batch(LONG), waiting.next_batch(LONG)]);
    thread::sleep(SHORT);
    put(&inbox, vec![gap()]);
    thread::sleep(SHORT);
    drop(begun);
    let [first, end] = waits.join().unwrap();
    assert_eq!((first.unwrap()[0], end), (0x91, None));
    assert!(since.elapsed() < LONG);
}

#[test]
fn a_worker_that_panics_ends_all() {
    let (inbox, stop) = inbox();
    let begun = [(); 2].map(|()| Begun::new(&inbox, &stop));
    let [bad, good] = begun;
    let ended = thread::spawn(move || {
        let _bad = bad;
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    assert!(stop.load(Ordering::Relaxed));
    put(&inbox, vec![gap()]);
    drop(good);
    assert_eq!(inbox.next_batch(LONG).unwrap()[0], 0x91);
    assert_eq!(inbox.next_batch(LONG), None);
}

#[test]
fn an_account_that_nobody_gave_is_that_of_nothing_read() {
    let (inbox, _) = inbox();
    inbox.tell(7, Account::default()); // no such worker
    let (waiting, accounts) = inbox.accounts();
    assert_eq!((waiting, accounts.len()), (0, 1));
    assert_eq!((&*accounts[0].interface, accounts[0].state), ("far", "up"));
    assert!(!accounts[0].accounting.is_empty());
}
