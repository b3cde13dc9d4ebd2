//! STUN (RFC 8489): how media between browsers and servers (`WebRTC`) begins. It names nobody.
//!
//! The mirror of `sensors/stun.py`.

const MAGIC_COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const ALLOCATE_REQUEST: u16 = 0x0003; // RFC 8656: of a relay (TURN)

/// Whether this is a request with which a client begins (RFC 8489 section 5).
///
/// `wire_bytes` is the payload's length on the wire; the capture may hold less of it.
#[must_use]
pub fn is_stun_request(payload: &[u8], wire_bytes: usize) -> bool {
    let Some(&[k0, k1, l0, l1, ref rest @ ..]) = payload.first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    matches!(
        u16::from_be_bytes([k0, k1]),
        BINDING_REQUEST | ALLOCATE_REQUEST
    ) && length % 4 == 0
        && HEADER_BYTES + length == wire_bytes
        && rest.starts_with(&MAGIC_COOKIE)
}

#[cfg(test)]
mod tests {
    use super::is_stun_request;

    fn message(kind: u8, length: u8, bytes: usize) -> Vec<u8> {
        let mut message = vec![0, kind, 0, length, 0x21, 0x12, 0xa4, 0x42];
        message.resize(bytes, 7);
        message
    }

    #[test]
    fn requests_are_recognised_and_nothing_else_is() {
        for (kind, length, bytes, is) in [
            (1, 0, 20, true),
            (1, 8, 28, true),
            (3, 8, 28, true),
            (2, 8, 28, false),
            (1, 8, 29, false),
            (1, 7, 27, false),
            (1, 0, 19, false),
        ] {
            let message = message(kind, length, bytes);
            assert_eq!(
                is_stun_request(&message, bytes),
                is,
                "{kind} {length} {bytes}"
            );
        }
        let mut cookie = message(1, 0, 20);
        cookie[7] = 0;
        assert!(!is_stun_request(&cookie, 20));
        assert!(is_stun_request(&message(1, 80, 20), 100));
    }
}
