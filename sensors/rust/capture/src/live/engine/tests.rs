use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use correlate::filter::{Counted, FlowCount};

use super::{Engine, Plan};
use crate::live::kit::{FAR, clients, filter, send, sensor, with_network};
use crate::live::ring::{Ask, BLOCK_BYTES};
use crate::live::{Account, Snaplen};

fn plan(interface: &str, threads: usize, bytes: usize) -> Plan {
    let ask = Ask {
        interface: interface.to_owned(),
        bytes,
        promiscuous: false,
    };
    Plan {
        asks: vec![ask],
        threads,
        snaplen: Snaplen::Bytes(65_535),
    }
}

fn open(interface: &str, threads: usize, bytes: usize) -> Engine {
    Engine::open(plan(interface, threads, bytes), filter().into()).unwrap()
}

/// Stop it, and wait until all was handed out.
fn finished(engine: &Engine) -> Vec<Account> {
    engine.stop();
    let until = Instant::now() + Duration::from_secs(10);
    while engine.next_batch(Duration::from_millis(100)).is_some() {
        assert!(Instant::now() < until);
    }
    engine.accounts().1
}

fn sum(accounts: &[Account], of: impl Fn(&Account) -> u64) -> u64 {
    accounts.iter().map(of).sum()
}

/// Flows that ended, and the bytes of them, from whatever end.
fn flows(counted: &Counted) -> (u64, u64) {
    let counts = counted.groups.iter().flat_map(|group| group.coverage);
    let all = counts.fold(FlowCount::default(), |sum, one| FlowCount {
        flows: sum.flows + one.flows,
        bytes_up: sum.bytes_up + one.bytes_up,
        bytes_down: sum.bytes_down + one.bytes_down,
    });
    (all.flows, all.bytes_up + all.bytes_down)
}

#[test]
fn what_was_sent_is_read_or_dropped() {
    with_network(|| {
        let mut engine = open("far", 1, 4 * BLOCK_BYTES);
        let clients = clients(10, "10.77.0.1:0");
        send(&clients, FAR, 300, 972);
        engine.start(sensor).unwrap();
        let accounts = finished(&engine);
        let (packets, dropped) = (accounts[0].packets, accounts[0].dropped);
        assert_eq!(packets, 3_000);
        assert!(dropped > 1_000 && accounts[0].freezes > 0, "{accounts:?}");
        let read = (packets - dropped) * 1_000;
        assert_eq!(flows(&engine.counted()), (10, read));
    });
}

#[test]
fn flows_are_shared_and_each_is_in_one_ring() {
    with_network(|| {
        let mut engine = open("far", 2, 16 * BLOCK_BYTES);
        engine.start(sensor).unwrap();
        send(&clients(64, "10.77.0.1:0"), FAR, 20, 72);
        let accounts = finished(&engine);
        assert_eq!(sum(&accounts, |one| one.packets), 1_280);
        assert!(accounts.iter().all(|one| one.packets > 0), "{accounts:?}");
        assert_eq!(flows(&engine.counted()), (64, 128_000));
    });
}

#[test]
fn loopback_is_heard_once_whatever_the_number_of_threads() {
    for threads in 1..4 {
        with_network(move || {
            let server = UdpSocket::bind("127.0.0.1:0").unwrap();
            let to = server.local_addr().unwrap().to_string();
            let mut engine = open("lo", threads, 16 * BLOCK_BYTES);
            engine.start(sensor).unwrap();
            send(&clients(16, "127.0.0.1:0"), &to, 10, 72);
            let accounts = finished(&engine);
            assert_eq!(sum(&accounts, |one| one.packets), 160, "{threads} threads");
        });
    }
}

#[test]
fn opened_amid_traffic_no_flow_is_in_two_rings() {
    with_network(|| {
        let over = Arc::new(AtomicBool::new(false));
        let clients = clients(16, "10.77.0.1:0");
        let sockets = clients
            .iter()
            .map(|one| one.try_clone().unwrap())
            .collect::<Vec<_>>();
        let enough = Arc::clone(&over);
        let sender = thread::spawn(move || {
            while !enough.load(Ordering::Relaxed) {
                send(&sockets, FAR, 1, 72);
            }
        });
        let mut engine = open("far", 4, 16 * BLOCK_BYTES);
        engine.start(sensor).unwrap();
        thread::sleep(Duration::from_millis(100));
        over.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        finished(&engine);
        assert_eq!(flows(&engine.counted()).0, 16);
    });
}

#[test]
fn stopped_amid_traffic_all_that_was_counted_was_read() {
    with_network(|| {
        let over = Arc::new(AtomicBool::new(false));
        let enough = Arc::clone(&over);
        let mut engine = open("far", 1, 4 * BLOCK_BYTES);
        engine.start(sensor).unwrap();
        let clients = clients(1, "10.77.0.1:0");
        let sender = thread::spawn(move || {
            while !enough.load(Ordering::Relaxed) {
                send(&clients, FAR, 1, 972);
            }
        });
        thread::sleep(Duration::from_millis(300));
        let account = finished(&engine).remove(0);
        over.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        let read = (account.packets - account.dropped) * 1_000;
        assert_eq!(flows(&engine.counted()), (1, read));
    });
}

#[test]
fn before_it_is_started_every_ring_has_an_account() {
    with_network(|| {
        let engine = open("far", 2, 0);
        let (waiting, accounts) = engine.accounts();
        assert_eq!((waiting, accounts.len()), (0, 2));
        for account in accounts {
            assert_eq!((&*account.interface, account.state), ("far", "up"));
            assert!(!account.accounting.is_empty());
        }
    });
}

#[test]
fn fragments_are_with_the_flow_that_they_are_of() {
    for threads in [1, 2, 4] {
        with_network(move || {
            let mut engine = open("far", threads, 16 * BLOCK_BYTES);
            engine.start(sensor).unwrap();
            let clients = clients(16, "10.77.0.1:0");
            for bytes in [100, 3_000, 100] {
                send(&clients, FAR, 1, bytes);
            }
            let accounts = finished(&engine);
            // the kernel puts them together before it shares them out: two headers fewer
            let (packets, headers) = if threads == 1 { (80, 5) } else { (48, 3) };
            assert_eq!(sum(&accounts, |one| one.packets), packets);
            let bytes = 16 * (100 + 3_000 + 100 + 3 * 8 + headers * 20);
            assert_eq!(flows(&engine.counted()), (16, bytes));
        });
    }
}
