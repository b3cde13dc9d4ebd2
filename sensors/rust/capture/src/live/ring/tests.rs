use std::process::Command;
use std::time::Duration;

use super::{Ask, BLOCK_BYTES, Ring, State, link_of, shape};
use crate::live::Snaplen;
use crate::live::kit::{FAR, clients, ip, lay_cable, send, with_network};
use crate::live::program::Link;

fn ring(promiscuous: bool) -> Ring {
    let ask = Ask {
        interface: "far".to_owned(),
        bytes: 0,
        promiscuous,
    };
    Ring::open(&ask).unwrap()
}

fn listening(promiscuous: bool) -> Ring {
    let ring = ring(promiscuous);
    ring.listen(None).unwrap();
    ring.tap().attach(&Snaplen::Bytes(65_535)).unwrap();
    ring
}

/// Send some datagrams, and read what comes.
fn heard(ring: &mut Ring) -> usize {
    send(&clients(1, "10.77.0.1:0"), FAR, 5, 72);
    let mut heard = 0;
    for _ in 0..4 {
        heard += ring.read(|_| ()).unwrap_or(0);
        let _ = ring.wait(20);
    }
    heard
}

#[test]
fn only_what_comes_once_it_listens_with_a_filter_is_heard() {
    with_network(|| {
        let mut ring = ring(false);
        assert_eq!(heard(&mut ring), 0);
        ring.listen(None).unwrap();
        assert_eq!(heard(&mut ring), 0);
        ring.tap().attach(&Snaplen::Bytes(65_535)).unwrap();
        assert_eq!(heard(&mut ring), 5);
        ring.tap().deafen().unwrap();
        assert_eq!(heard(&mut ring), 0);
        assert_eq!(ring.statistics().packets, 5);
        assert_eq!(ring.statistics().packets, 0);
    });
}

#[test]
fn an_interface_that_went_down_is_heard_when_it_is_up_again() {
    with_network(|| {
        let mut ring = listening(false);
        assert_eq!((ring.look_after(), heard(&mut ring)), (State::Up, 5));
        ip("link set far down");
        assert_eq!(ring.look_after(), State::Down);
        assert!(ring.wait(0)); // the error,
        assert!(!ring.wait(0)); // once
        ip("link set far up");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!((ring.look_after(), heard(&mut ring)), (State::Up, 5));
    });
}

#[test]
fn an_interface_that_comes_anew_is_heard_as_the_old_one_was() {
    for promiscuous in [false, true] {
        with_network(move || {
            let mut ring = listening(promiscuous);
            let wanted = format!("promiscuity {}", u8::from(promiscuous));
            assert!(ip("-d link show far").contains(&wanted));
            ip("link del far");
            assert_eq!(ring.look_after(), State::Gone);
            lay_cable();
            assert_eq!((ring.look_after(), heard(&mut ring)), (State::Up, 5));
            assert!(ip("-d link show far").contains(&wanted));
            assert_eq!(ring.look_after(), State::Up);
            assert!(ip("-d link show far").contains(&wanted));
        });
    }
}

#[test]
fn an_interface_of_another_kind_is_not_the_one_that_went() {
    with_network(|| {
        let mut ring = listening(false);
        ip("link del far");
        ip("tuntap add far mode tun");
        ip("link set far up");
        assert_eq!(ring.look_after(), State::Gone);
        ip("link del far");
        lay_cable();
        assert_eq!((ring.look_after(), heard(&mut ring)), (State::Up, 5));
    });
}

#[test]
fn one_of_several_rings_says_that_what_came_anew_is_not_heard() {
    with_network(|| {
        let mut ring = ring(false);
        assert!(ring.listen(Some(None)).unwrap().is_some());
        assert_eq!(ring.look_after(), State::Up);
        ip("link del far");
        lay_cable();
        assert_eq!(ring.look_after(), State::Lost);
    });
}

#[test]
fn a_ring_is_whole_blocks_and_two_at_the_least() {
    for (bytes, blocks) in [(0, 2), (BLOCK_BYTES * 3 - 1, 2), (BLOCK_BYTES * 3, 3)] {
        let shape = shape(bytes);
        assert_eq!((shape.blocks, shape.block_bytes), (blocks, 65_536));
        assert_eq!(shape.frames, blocks * shape.block_bytes / shape.frame_bytes);
    }
}

#[test]
fn kinds_of_interfaces_with_a_header_and_without() {
    for (kind, link) in [
        (1, Some(Link::Ethernet)),
        (772, Some(Link::Ethernet)),
        (65_534, Some(Link::Raw)),
        (512, None),
        (803, None),
    ] {
        assert_eq!(link_of(kind), link, "{kind}");
    }
}

/// Send a frame from `near`, as it is.
fn send_frame(frame: &[u8]) {
    let hex: Vec<String> = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    let program = "import socket, sys\n\
                   near = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n\
                   near.bind(('near', 0))\n\
                   near.send(bytes.fromhex(sys.argv[1]))";
    let sent = Command::new("python3")
        .args(["-c", program, &hex.concat()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn tags_stand_where_they_stood_on_the_wire() {
    with_network(|| {
        for bytes in [65_535, 20] {
            let mut ring = listening(false);
            ring.tap().attach(&Snaplen::Bytes(bytes)).unwrap();
            for tags in [
                &b""[..],
                b"\x81\x00\x20\x64",
                b"\x81\x00\x60\x00", // of priority alone
                b"\x88\xa8\x00\x05\x81\x00\x00\x06",
                b"\x81\x00\x00\x05\x81\x00\x00\x06",
            ] {
                let frame = [
                    &b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01"[..],
                    tags,
                    b"\x08\x00",
                    &[7; 90],
                ]
                .concat();
                send_frame(&frame);
                let mut came = Vec::new();
                for _ in 0..4 {
                    ring.read(|few| {
                        came.extend(few.iter().map(|one| (one.wire_bytes, one.data.to_vec())));
                    });
                    let _ = ring.wait(20);
                }
                let taken_off = tags.len().min(4); // before the kernel cuts it
                let copied = frame.len().min(bytes as usize + taken_off);
                assert_eq!(came, [(frame.len() as u32, frame[..copied].to_vec())]);
            }
        }
    });
}
