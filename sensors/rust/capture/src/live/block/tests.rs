use super::{TAG_BYTES, TAG_PRESENT, TAG_PROTOCOL_PRESENT, each_few};

const HEADER_BYTES: usize = 80; // with what the kernel keeps behind it, and the reserve
const BLOCK_HEADER_BYTES: usize = 48;

#[derive(Clone, Copy)]
struct Wrote<'a> {
    frame: &'a [u8],
    wire_bytes: u32,
    status: u32,
    tag: u32,
    tag_protocol: u16,
}

const PLAIN: Wrote<'_> = Wrote {
    frame: b"destinasource\x08\x00payload",
    wire_bytes: 1_500,
    status: 1,
    tag: 0,
    tag_protocol: 0,
};

/// A block as the kernel writes it.
fn block(packets: &[Wrote<'_>]) -> Vec<u8> {
    let mut block = vec![0; BLOCK_HEADER_BYTES];
    block[12..16].copy_from_slice(&(packets.len() as u32).to_ne_bytes());
    block[16..20].copy_from_slice(&(BLOCK_HEADER_BYTES as u32).to_ne_bytes());
    for (number, packet) in packets.iter().enumerate() {
        let at = block.len();
        let frame_bytes = packet.frame.len() as u32;
        let bytes = (HEADER_BYTES + packet.frame.len()).next_multiple_of(8);
        block.resize(at + bytes, 0xee);
        let next = if number + 1 == packets.len() {
            0
        } else {
            bytes as u32
        };
        let words = [next, 7, 5, frame_bytes, packet.wire_bytes, packet.status];
        for (index, word) in words.into_iter().enumerate() {
            block[at + 4 * index..at + 4 * index + 4].copy_from_slice(&word.to_ne_bytes());
        }
        block[at + 24..at + 26].copy_from_slice(&(HEADER_BYTES as u16).to_ne_bytes());
        block[at + 32..at + 36].copy_from_slice(&packet.tag.to_ne_bytes());
        block[at + 36..at + 38].copy_from_slice(&packet.tag_protocol.to_ne_bytes());
        block[at + HEADER_BYTES..at + HEADER_BYTES + packet.frame.len()]
            .copy_from_slice(packet.frame);
    }
    block
}

/// Time, bytes on the wire, and bytes of each frame.
fn frames(block: &mut [u8]) -> Vec<(i64, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    each_few(block, 1, &mut Vec::new(), |few| {
        for frame in few {
            assert_eq!(frame.linktype, 1);
            frames.push((frame.ts_ns, frame.wire_bytes, frame.data.to_vec()));
        }
    });
    frames
}

#[test]
fn packets_come_as_they_were_written() {
    let other = Wrote {
        frame: b"x",
        wire_bytes: 1,
        ..PLAIN
    };
    let many = [PLAIN, other].repeat(20);
    let read = frames(&mut block(&many));
    assert_eq!(read.len(), 40);
    for (wrote, (ts_ns, wire_bytes, data)) in many.iter().zip(read) {
        assert_eq!((ts_ns, wire_bytes), (7_000_000_005, wrote.wire_bytes));
        assert_eq!(data, wrote.frame);
    }
    assert_eq!(frames(&mut block(&[])), []);
}

#[test]
fn a_tag_that_was_taken_off_is_put_back() {
    let with = TAG_PRESENT | 1;
    for (status, tag_protocol, tag, put) in [
        (with, 0, 0x2064, &b"\x81\x00\x20\x64"[..]),
        (with | TAG_PROTOCOL_PRESENT, 0x88a8, 7, b"\x88\xa8\x00\x07"),
        (with | TAG_PROTOCOL_PRESENT, 0x8100, 0, b"\x81\x00\x00\x00"),
        (1, 0x8100, 7, b""),
    ] {
        let wrote = Wrote {
            status,
            tag,
            tag_protocol,
            ..PLAIN
        };
        let (_, wire_bytes, data) = frames(&mut block(&[wrote, PLAIN])).remove(0);
        let expected = [&PLAIN.frame[..12], put, &PLAIN.frame[12..]].concat();
        assert_eq!((data, wire_bytes), (expected, 1_500 + put.len() as u32));
    }
}

#[test]
fn a_frame_without_both_addresses_has_no_tag() {
    let short = Wrote {
        frame: b"elevenbytes",
        status: TAG_PRESENT | 1,
        tag: 9,
        ..PLAIN
    };
    let (_, _, data) = frames(&mut block(&[short])).remove(0);
    assert_eq!(data, short.frame);
}

#[test]
fn what_a_kernel_never_writes_does_no_harm() {
    let whole = block(&[PLAIN, PLAIN]);
    for at in (0..whole.len()).step_by(2) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            frames(&mut changed);
            changed.truncate(at);
            frames(&mut changed);
        }
    }
    let mut endless = whole;
    endless[12..16].copy_from_slice(&50_000_u32.to_ne_bytes());
    assert!(frames(&mut endless).len() <= endless.len());
    assert_eq!(TAG_BYTES, 4);
}

#[test]
fn what_has_no_addresses_keeps_its_first_bytes_whatever_its_tag() {
    let wrote = Wrote {
        frame: b"\x45a whole packet of IP",
        status: TAG_PRESENT | 1,
        tag: 9,
        ..PLAIN
    };
    let mut read = Vec::new();
    each_few(&mut block(&[wrote]), 101, &mut Vec::new(), |few| {
        read.extend(
            few.iter()
                .map(|frame| (frame.data.to_vec(), frame.wire_bytes)),
        );
    });
    assert_eq!(read, [(wrote.frame.to_vec(), 1_500)]);
}
