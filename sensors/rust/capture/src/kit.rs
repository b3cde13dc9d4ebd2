//! Builds capture files byte by byte, and reads them back. For tests alone.

use std::io::{Cursor, Read, Write};

use crate::bytes::Order;
use crate::captured::Fault;
use crate::{CaptureReader, Frame};

pub const START_NS: i64 = 1_773_133_200 * SECOND_NS;
pub const SECOND_NS: i64 = 1_000_000_000;
pub const MICRO: u32 = 0xa1b2_c3d4;
pub const NANO: u32 = 0xa1b2_3c4d;
pub const MODIFIED: u32 = 0xa1b2_cd34;
pub const IF_TSRESOL: u16 = 9;
pub const IF_TSOFFSET: u16 = 14;
pub const ORDERS: [Order; 2] = [Order::Little, Order::Big];

/// A frame with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub ts_ns: i64,
    pub linktype: u32,
    pub data: Vec<u8>,
    pub wire_bytes: u32,
}

impl From<Frame<'_>> for Packet {
    fn from(frame: Frame) -> Self {
        let Frame {
            ts_ns,
            linktype,
            data,
            wire_bytes,
        } = frame;
        Self {
            ts_ns,
            linktype,
            data: data.to_vec(),
            wire_bytes,
        }
    }
}

/// A packet that was captured whole, at a time after the start.
pub fn packet(after_ns: i64, data: impl Into<Vec<u8>>) -> Packet {
    let data = data.into();
    let wire_bytes = data.len() as u32;
    Packet {
        ts_ns: START_NS + after_ns,
        linktype: 1,
        data,
        wire_bytes,
    }
}

/// Packets a millisecond apart, each of its own length and bytes; every third was cut.
pub fn packets(count: u8) -> Vec<Packet> {
    let made = (0..count).map(|index| {
        let mut made = packet(
            i64::from(index) * 1_000_000,
            vec![index + 1; 60 + usize::from(index)],
        );
        made.wire_bytes += if index % 3 == 2 { 40 } else { 0 };
        made
    });
    made.collect()
}

/// Numbers of four bytes in a row.
pub fn words<const N: usize>(order: Order, words: [u32; N]) -> Vec<u8> {
    let bytes = words.map(|word| match order {
        Order::Little => word.to_le_bytes(),
        Order::Big => word.to_be_bytes(),
    });
    bytes.concat()
}

/// Numbers of two bytes in a row.
pub fn shorts<const N: usize>(order: Order, shorts: [u16; N]) -> Vec<u8> {
    let bytes = shorts.map(|short| match order {
        Order::Little => short.to_le_bytes(),
        Order::Big => short.to_be_bytes(),
    });
    bytes.concat()
}

pub fn pcap_header(order: Order, magic: u32, network: u32) -> Vec<u8> {
    let version = shorts(order, [2, 4]);
    [
        words(order, [magic]),
        version,
        words(order, [0, 0, 65_535, network]),
    ]
    .concat()
}

pub fn pcap_record(packet: &Packet, order: Order, magic: u32) -> Vec<u8> {
    let nanoseconds = (packet.ts_ns % SECOND_NS) as u32;
    let fraction = if magic == NANO {
        nanoseconds
    } else {
        nanoseconds / 1_000
    };
    let lengths = [packet.data.len() as u32, packet.wire_bytes];
    let head = words(
        order,
        [
            (packet.ts_ns / SECOND_NS) as u32,
            fraction,
            lengths[0],
            lengths[1],
        ],
    );
    let extra: &[u8] = if magic == MODIFIED { &[0xee; 8] } else { &[] };
    [&head, extra, &packet.data].concat()
}

pub fn pcap_records(packets: &[Packet], order: Order, magic: u32) -> Vec<u8> {
    packets
        .iter()
        .flat_map(|packet| pcap_record(packet, order, magic))
        .collect()
}

/// A pcap file of Ethernet frames, with the lowest bytes first and microseconds.
pub fn pcap(packets: &[Packet]) -> Vec<u8> {
    pcap_of(packets, Order::Little, MICRO)
}

pub fn pcap_of(packets: &[Packet], order: Order, magic: u32) -> Vec<u8> {
    [
        pcap_header(order, magic, 1),
        pcap_records(packets, order, magic),
    ]
    .concat()
}

/// A pcapng block; the body is padded.
pub fn block(kind: u32, body: &[u8], order: Order) -> Vec<u8> {
    let body_bytes = body.len().next_multiple_of(4);
    let length = words(order, [body_bytes as u32 + 12]);
    let padding = vec![0; body_bytes - body.len()];
    [&words(order, [kind]), &length, body, &padding, &length].concat()
}

pub fn section(order: Order, major: u16) -> Vec<u8> {
    let body = [
        words(order, [0x1a2b_3c4d]),
        shorts(order, [major, 0]),
        vec![0xff; 8],
    ]
    .concat();
    block(0x0a0d_0d0a, &body, order)
}

pub fn option(code: u16, value: &[u8], order: Order) -> Vec<u8> {
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&shorts(order, [code, value.len() as u16]), value, &padding].concat()
}

pub fn interface_of(order: Order, linktype: u16, snap_bytes: u32, options: &[u8]) -> Vec<u8> {
    let head = [shorts(order, [linktype, 0]), words(order, [snap_bytes])].concat();
    block(1, &[&head, options].concat(), order)
}

pub fn interface(order: Order) -> Vec<u8> {
    interface_of(order, 1, 0, &[])
}

/// An Enhanced Packet Block of an interface, at a time in ticks.
pub fn enhanced_at(packet: &Packet, order: Order, number: u32, ticks: u64) -> Vec<u8> {
    let lengths = [packet.data.len() as u32, packet.wire_bytes];
    let head = words(
        order,
        [
            number,
            (ticks >> 32) as u32,
            ticks as u32,
            lengths[0],
            lengths[1],
        ],
    );
    block(6, &[head, packet.data.clone()].concat(), order)
}

/// An Enhanced Packet Block with microseconds.
pub fn enhanced(packet: &Packet, order: Order) -> Vec<u8> {
    enhanced_at(packet, order, 0, packet.ts_ns as u64 / 1_000)
}

/// An obsolete Packet Block that says that 7 packets were dropped.
pub fn obsolete(packet: &Packet, order: Order, number: u16) -> Vec<u8> {
    let ticks = packet.ts_ns as u64 / 1_000;
    let times = [(ticks >> 32) as u32, ticks as u32];
    let lengths = words(order, [packet.data.len() as u32, packet.wire_bytes]);
    block(
        2,
        &[
            shorts(order, [number, 7]),
            words(order, times),
            lengths,
            packet.data.clone(),
        ]
        .concat(),
        order,
    )
}

/// A Simple Packet Block.
pub fn simple(packet: &Packet, order: Order) -> Vec<u8> {
    block(
        3,
        &[words(order, [packet.wire_bytes]), packet.data.clone()].concat(),
        order,
    )
}

pub fn blocks(packets: &[Packet], order: Order) -> Vec<u8> {
    packets
        .iter()
        .flat_map(|packet| enhanced(packet, order))
        .collect()
}

/// A pcapng file of one section with one Ethernet interface.
pub fn pcapng(packets: &[Packet], order: Order) -> Vec<u8> {
    [section(order, 1), interface(order), blocks(packets, order)].concat()
}

/// Bytes that do not compress.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    });
    bytes.take(size).collect()
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// With a checksum.
pub fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Gives bytes some at a time.
pub struct Slowly(pub Cursor<Vec<u8>>, pub usize);

impl Read for Slowly {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let some = self.1.min(into.len());
        self.0.read(&mut into[..some])
    }
}

/// All frames that a reader gives.
pub fn drain(reader: &mut CaptureReader) -> Vec<Packet> {
    let mut packets = Vec::new();
    while let Some(frame) = reader.next() {
        packets.push(frame.into());
    }
    packets
}

/// The frames of a file that holds `data`, and its faults.
pub fn read(data: &[u8]) -> (Vec<Packet>, Vec<Fault>) {
    read_by(data, crate::window::CHUNK_BYTES)
}

/// The same, read so many bytes at a time.
pub fn read_by(data: &[u8], chunk_bytes: usize) -> (Vec<Packet>, Vec<Fault>) {
    let file = Box::new(Cursor::new(data.to_vec()));
    let mut reader = CaptureReader::over(file, "capture".to_owned(), chunk_bytes);
    let packets = drain(&mut reader);
    (packets, reader.faults().to_vec())
}

/// A folder that is gone at the end of the test.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    /// An empty folder; `name` is the test's own.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("capture-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// Write a file, in a folder that is made where it is not there, and return its path.
    pub fn write(&self, name: &str, data: &[u8]) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, data).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
