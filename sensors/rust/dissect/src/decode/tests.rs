//! What was written is read again, and nothing else is taken for it.

use proptest::prelude::*;

use super::{Decoder, MAX_TUNNELS};
use crate::encode::Encoder;
use crate::gaps;
use crate::ja4::Ja4;
use crate::msgpack::Writer;
use crate::observations::{
    Carrier, DataSeen, EndReason, FlowKey, FlowUpdate, Gap, HelloSeen, NameResolved, Observation,
};
use crate::proxy_header::ProxiedEnds;
use crate::segment::{Address, TCP, UDP};

const TUNNELS: [&str; 2] = ["vxlan:42/gre", "gtp-u:7"];

fn names() -> Vec<String> {
    TUNNELS.map(str::to_owned).to_vec()
}

fn written(observations: &[Observation], tunnels: &[String]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.observations(observations, tunnels);
    encoder.take()
}

fn address() -> impl Strategy<Value = Address> + Clone {
    prop_oneof![
        any::<[u8; 4]>().prop_map(Address::v4),
        any::<[u8; 16]>().prop_map(Address::v6)
    ]
}

fn flow_key() -> impl Strategy<Value = FlowKey> {
    let ends = (address(), any::<u16>(), address(), any::<u16>());
    let place = (
        any::<bool>(),
        proptest::option::of(0_u16..4096),
        proptest::option::of(0_u16..2),
    );
    (ends.clone(), place, proptest::option::of(ends)).prop_map(|(ends, place, proxy)| FlowKey {
        client: ends.0,
        client_port: ends.1,
        server: ends.2,
        server_port: ends.3,
        transport: if place.0 { TCP } else { UDP },
        vlan: place.1,
        tunnel: place.2,
        proxy: proxy.map(|ends| ProxiedEnds {
            client: ends.0,
            client_port: ends.1,
            server: ends.2,
            server_port: ends.3,
        }),
    })
}

fn text() -> impl Strategy<Value = String> {
    "[!-~]{1,60}"
}

fn some_ns() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(any::<i64>())
}

fn observation() -> impl Strategy<Value = Observation> {
    let name = (
        any::<i64>(),
        (address(), address()),
        text(),
        proptest::collection::vec(text(), 0..4),
        proptest::collection::vec(address(), 0..4),
        any::<(u16, u8, u32)>(),
    );
    let name = name.prop_map(|(ts_ns, asked, qname, cnames, addresses, numbers)| {
        Observation::Name(Box::new(NameResolved {
            ts_ns,
            client: asked.0,
            resolver: asked.1,
            qname,
            qtype: numbers.0,
            rcode: numbers.1,
            ech_public_names: cnames.clone(),
            cnames,
            addresses,
            ttl: numbers.2,
        }))
    });
    let hello = (
        any::<i64>(),
        flow_key(),
        proptest::sample::select(&Carrier::ALL[..]),
        proptest::option::of(text()),
        proptest::option::of("[a-z0-9_]{36}"),
        (some_ns(), any::<bool>()),
        proptest::collection::vec(any::<u16>(), 0..4),
    );
    let hello = hello.prop_map(
        |(ts_ns, flow, carrier, server_name, ja4, others, versions)| {
            Observation::Hello(Box::new(HelloSeen {
                ts_ns,
                flow,
                carrier,
                alpn: server_name.iter().cloned().collect(),
                server_name,
                versions,
                ech: if others.1 { "grease" } else { "none" },
                ja4: ja4.as_deref().and_then(Ja4::from_text),
                complete: others.1,
                rtt_ns: others.0,
            }))
        },
    );
    let update = (
        any::<(i64, i64, bool)>(),
        flow_key(),
        any::<[u64; 4]>(),
        (some_ns(), some_ns()),
        proptest::sample::select(&EndReason::ALL[..]),
    );
    let update = update.prop_map(|(times, flow, counts, moments, reason)| {
        Observation::Flow(FlowUpdate {
            ts_ns: times.0,
            flow,
            first_ns: times.1,
            packets_up: counts[0],
            packets_down: counts[1],
            bytes_up: counts[2],
            bytes_down: counts[3],
            handshake_rtt_ns: moments.0,
            first_byte_ns: moments.1,
            midstream: times.2,
            reason,
        })
    });
    let data = (any::<(i64, u64)>(), flow_key()).prop_map(|((ts_ns, bytes_up), flow)| {
        Observation::Data(DataSeen {
            ts_ns,
            flow,
            bytes_up,
        })
    });
    let gap = any::<(i64, i64, u64, u64)>().prop_map(|(ts_ns, since_ns, packets, bytes)| {
        Observation::Gap(Gap {
            ts_ns,
            since_ns,
            packets,
            bytes,
            reason: gaps::ALL_REASONS[(packets % 6) as usize],
        })
    });
    prop_oneof![name, hello, update, data, gap]
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(observations in proptest::collection::vec(observation(), 0..20)) {
        let bytes = written(&observations, &names());
        let mut decoder = Decoder::default();
        let decoded = decoder.batch(&bytes).unwrap();
        prop_assert_eq!((decoded.malformed, decoded.unknown), (0, 0));
        prop_assert_eq!(decoded.observations.len(), observations.len());
        prop_assert_eq!(written(&decoded.observations, decoder.tunnels()), bytes);
    }

    #[test]
    fn a_torn_batch_counts_what_it_claims(
        observations in proptest::collection::vec(observation(), 1..8), cut in any::<proptest::sample::Index>(),
    ) {
        let bytes = written(&observations, &names());
        let cut = 1 + cut.index(bytes.len() - 1);
        if let Ok(decoded) = Decoder::default().batch(&bytes[..cut]) {
            let taken = decoded.observations.len() as u64;
            prop_assert_eq!(taken + decoded.malformed, observations.len() as u64);
            prop_assert!(decoded.malformed > 0);
        }
    }

    #[test]
    fn damage_is_counted(
        observations in proptest::collection::vec(observation(), 1..8),
        at in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = written(&observations, &names());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = Decoder::default().batch(&bytes) {
            let mut decoder = Decoder::default();
            let again = written(&decoded.observations, &[]);
            prop_assert_eq!(decoder.batch(&again).unwrap().malformed, 0);
        }
    }
}

/// One map of an array.
fn batch(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(1);
    write(&mut writer);
    writer.take()
}

fn counts(bytes: &[u8]) -> (usize, u64, u64) {
    let decoded = Decoder::default().batch(bytes).unwrap();
    (
        decoded.observations.len(),
        decoded.malformed,
        decoded.unknown,
    )
}

#[test]
fn what_a_newer_sensor_says_is_unknown_and_more_fields_are_passed_over() {
    let newer = batch(|writer| {
        writer.map(2);
        writer.text("type", "certificate_seen");
        writer.int("ts_ns", 1);
    });
    assert_eq!(counts(&newer), (0, 0, 1));
    let more = batch(|writer| {
        writer.map(7);
        writer.text("type", "gap");
        writer.int("ts_ns", 2);
        writer.int("since_ns", 1);
        writer.count("packets", 3);
        writer.count("bytes", 4);
        writer.texts("interfaces", &["eth0".to_owned()]);
        writer.text("reason", "interface");
    });
    assert_eq!(counts(&more), (1, 0, 0));
}

#[test]
fn what_is_no_observation_is_malformed() {
    let kinds: [fn(&mut Writer); 5] = [
        |writer| writer.number(7),
        |writer| writer.map(0),
        |writer| {
            writer.map(1);
            writer.int("ts_ns", 1);
        },
        |writer| {
            writer.map(1);
            writer.text("type", "gap");
        },
        |writer| {
            writer.map(5);
            writer.text("type", "gap");
            writer.int("ts_ns", 2);
            writer.int("since_ns", 1);
            writer.count("packets", 3);
            writer.text("reason", "weather");
        },
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        assert_eq!(counts(&batch(kind)), (0, 1, 0), "{number}");
    }
    assert!(Decoder::default().batch(&[0x81, 0xc0, 0xc0]).is_err());
    assert!(Decoder::default().batch(&[]).is_err());
}

#[test]
fn names_of_tunnels_have_a_bound() {
    let mut decoder = Decoder::default();
    for number in 0..MAX_TUNNELS {
        assert!(decoder.tunnel(&format!("vxlan:{number}")).is_ok());
    }
    assert!(decoder.tunnel("vxlan:7").is_ok());
    assert!(decoder.tunnel("gre").is_err());
    assert!(decoder.tunnel("proxy:10.0.0.1:5-[::1]:443").is_ok());
    assert!(decoder.tunnel(&"x".repeat(2_000)).is_err());
    assert!(decoder.tunnel("a b").is_err());
}
