use super::{IKE_NAT_PORT, IKE_PORT, concealing_carrier, looks_like_openvpn, read_openvpn};
use crate::observations::Carrier;
use crate::preface::Refusal;
use proptest::prelude::*;

const TIME: &[u8] = &1_773_133_200_u32.to_be_bytes();

fn wireguard() -> Vec<u8> {
    [&[1, 0, 0, 0][..], &[0x55; 128], &[0; 16]].concat()
}

fn openvpn() -> [Vec<u8>; 4] {
    let plain = b"\x38session1\0\0\0\0\0".to_vec();
    let auth = [
        b"\x38session1",
        &[0xaa; 20][..],
        &[0, 0, 0, 1],
        TIME,
        &[0; 5],
    ]
    .concat();
    let crypt = [b"\x38session1", &[0, 0, 0, 1][..], TIME, &[0xaa; 37]].concat();
    let key = [&[0xaa; 288][..], &290_u16.to_be_bytes()].concat();
    let crypt2 = [
        b"\x50session1",
        &[0x0f, 0, 0, 1][..],
        TIME,
        &[0xaa; 37],
        &key,
    ]
    .concat();
    [plain, auth, crypt, crypt2]
}

fn ike() -> Vec<u8> {
    let head = b"initiate\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x40";
    [&head[..], &[0xaa; 36]].concat()
}

fn carrier(payload: &[u8], port: u16) -> Option<Carrier> {
    concealing_carrier(payload, payload.len(), port)
}

#[test]
fn beginnings_are_known() {
    assert_eq!(carrier(&wireguard(), 51_820), Some(Carrier::Wireguard));
    for reset in openvpn() {
        assert_eq!(carrier(&reset, 1_194), Some(Carrier::Openvpn));
        assert_eq!(concealing_carrier(&reset, reset.len() + 1, 1_194), None);
    }
    assert_eq!(carrier(&ike(), IKE_PORT), Some(Carrier::Ike));
    let marked = [&[0; 4][..], &ike()].concat();
    assert_eq!(carrier(&marked, IKE_NAT_PORT), Some(Carrier::Ike));
    assert_eq!(
        concealing_carrier(&ike()[..28], 64, IKE_PORT),
        Some(Carrier::Ike)
    );
    assert_eq!(carrier(&ike(), IKE_NAT_PORT), None);
    assert_eq!(carrier(&ike(), 501), None);
}

#[test]
fn every_fixed_byte_counts() {
    let [plain, auth, crypt, crypt2] = openvpn();
    let fixed: [(Vec<u8>, u16, Vec<usize>); 6] = [
        (
            wireguard(),
            51_820,
            [0, 1, 2, 3, 39].into_iter().chain(132..148).collect(),
        ),
        (plain, 1_194, [0].into_iter().chain(9..14).collect()),
        (
            auth,
            1_194,
            [0].into_iter().chain(29..33).chain(37..42).collect(),
        ),
        (crypt, 1_194, vec![0, 9, 10, 11, 12]),
        (crypt2, 1_194, vec![0, 9, 10, 11, 12, 342, 343]),
        (ike(), IKE_PORT, (8..28).collect()),
    ];
    for (payload, port, places) in fixed {
        for at in places {
            let mut changed = payload.clone();
            changed[at] ^= 0x80;
            assert_eq!(carrier(&changed, port), None, "{at}");
        }
    }
}

#[test]
fn a_stream_has_a_length_before_each_message() {
    for reset in openvpn() {
        let length = (reset.len() as u16).to_be_bytes();
        let stream = [&length, &reset[..], b"more"].concat();
        let end = 2 + reset.len();
        for at in 0..end {
            assert_eq!(looks_like_openvpn(&stream[..at]), (at > 2).then_some(true));
            assert_eq!(read_openvpn(&stream[..at]), Ok(None));
        }
        assert_eq!(read_openvpn(&stream), Ok(Some((Carrier::Openvpn, end))));
        let mut other = stream.clone();
        other[1] += 1;
        assert_eq!(read_openvpn(&other), Err(Refusal::Unknown));
    }
    for begin in [&b"\x05"[..], b"\0\x0d", b"\0\x0e\x40", b"\x04\x37"] {
        assert_eq!(looks_like_openvpn(begin), Some(false));
    }
}

#[test]
fn a_query_is_no_reset() {
    let head = b"\x38\0\x01\0\0\x01\0\0\0\0\0\0\x01a\x1e";
    let query = [&head[..], &[b'a'; 30], b"\x03com\0\0\x01\0\x01"].concat();
    assert_eq!((query.len(), carrier(&query, 53)), (54, None));
}

proptest! {
    #[test]
    fn random_datagrams_are_none(
        head in prop::sample::select(vec![&b""[..], &[1, 0, 0, 0], &[0x38], &[0x50], &[0; 4]]),
        tail in prop::collection::vec(any::<u8>(), 0..160),
        port in prop::sample::select(vec![53, 443, 500, 1_194, 4_500]),
    ) {
        prop_assert_eq!(carrier(&[head, &tail].concat(), port), None);
    }
}
