//! Networks of the tests' own, in which the kernel is the real one. They take root; elsewhere such tests do nothing.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::thread;

use correlate::{Filter, Limits, Wanted};
use dissect::sensor::{Manner, Sensor};
use nix::sched::{CloneFlags, unshare};

pub const FAR: &str = "10.77.0.2:9";
const NO_IPV6: &str = "/proc/sys/net/ipv6/conf/default/disable_ipv6";

/// Run a test in a network where what is sent to `FAR` comes in at the interface `far`, and nothing else does.
pub fn with_network(test: impl FnOnce() + Send + 'static) {
    let ran = thread::spawn(|| {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!in_ci, "a network namespace takes root");
            eprintln!("left out: a network namespace takes root");
            return;
        }
        fs::write(NO_IPV6, "1").unwrap();
        ip("link set lo up");
        lay_cable();
        test();
    });
    ran.join().unwrap();
}

/// Make both interfaces.
pub fn lay_cable() {
    ip("link add near type veth peer name far address 02:00:00:00:00:02");
    ip("link set near up");
    ip("link set far up");
    ip("addr add 10.77.0.1/24 dev near");
    ip("neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev near nud permanent");
}

/// Run `ip`; return what it said.
pub fn ip(arguments: &str) -> String {
    let mut command = Command::new("ip");
    let output = command.args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// As many sockets, each an end of a flow of its own.
pub fn clients(count: usize, address: &str) -> Vec<UdpSocket> {
    (0..count)
        .map(|_| UdpSocket::bind(address).unwrap())
        .collect()
}

/// Send so many datagrams of some bytes from each.
pub fn send(clients: &[UdpSocket], to: &str, datagrams: usize, bytes: usize) {
    for _ in 0..datagrams {
        for client in clients {
            client.send_to(&vec![0; bytes], to).unwrap();
        }
    }
}

pub fn filter() -> Filter {
    let limits = Limits {
        pending: 1_000,
        hellos: 8,
        answer_bytes: 1 << 20,
        public_names: 16,
        names: 16,
        lifetimes: 16,
        callers: 16,
    };
    Filter::new(Wanted::default(), limits, 1).unwrap().eager()
}

pub fn sensor() -> Sensor {
    let limits = crate::Limits {
        flows: 1_000,
        stream_bytes: 65_536,
        reading_bytes: 1 << 20,
        fragments: 16,
    };
    let manner = Manner {
        limits,
        eager: true,
        gap_interval_ns: 1_000_000_000,
        tick_ns: 20_000_000,
    };
    Sensor::new(manner, 1)
}
