use super::{Broken, MAX_POINTERS, NameReader};
use proptest::prelude::*;

const WWW: &[u8] = b"\x03www\x07example\x03com\x00";

fn text(reader: &mut NameReader, message: &[u8], at: usize) -> Result<(String, usize), Broken> {
    let (name, end) = reader.read(message, at)?;
    Ok((reader.pool.text(name).to_owned(), end))
}

fn wire(labels: &[&[u8]]) -> Vec<u8> {
    let with_length = |label: &&[u8]| [&[label.len() as u8], *label].concat();
    labels.iter().flat_map(with_length).chain([0]).collect()
}

/// `count` of the longest labels, and one of `last` bytes.
fn long(count: usize, last: usize) -> Vec<u8> {
    let mut labels = vec![&[b'a'; 63][..]; count];
    labels.extend((last > 0).then_some(&[b'a'; 63][..last]));
    wire(&labels)
}

#[test]
fn names() {
    let after_www = |tail: &[u8]| [WWW, tail].concat();
    let longest = [&["a".repeat(63)][..]; 3].concat().join(".") + "." + &"a".repeat(61);
    for (message, at, name, end) in [
        (WWW.to_vec(), 0, "www.example.com", 17),
        (b"\x00".to_vec(), 0, ".", 1),
        (b"\x03WwW\x00".to_vec(), 0, "www", 5),
        (after_www(b"\xc0\x00"), 17, "www.example.com", 19),
        (after_www(b"\xc0\x04"), 17, "example.com", 19),
        (after_www(b"\x03api\xc0\x04!"), 17, "api.example.com", 23),
        (after_www(b"\xc0\x04\xc0\x11"), 19, "example.com", 21), // a pointer to a pointer
        (after_www(b"\xc0\x10"), 17, ".", 19),
        (wire(&[b"a.b", b"c"]), 0, "a\\x2eb.c", 7), // not the name a.b.c
        (
            wire(&[b"a\\", b"\xff\x00 "]),
            0,
            "a\\x5c.\\xff\\x00\\x20",
            8,
        ),
        (long(3, 61), 0, &longest, 255),
        (wire(&[&b"a"[..]; 127]), 0, &["a"; 127].join("."), 255),
    ] {
        let mut reader = NameReader::default();
        let expected = Ok((name.to_owned(), end));
        assert_eq!(text(&mut reader, &message, at), expected);
        assert_eq!(text(&mut reader, &message, at), expected);
    }
}

#[test]
fn malformed_names() {
    let past_end = Broken::PastEnd("dns-name-past-end");
    let looped = Broken::Malformed("dns-name-loop");
    let label_type = Broken::Malformed("dns-label-type");
    let too_long = Broken::Malformed("dns-name-too-long");
    let backward = [&long(3, 0)[..], &long(1, 0)[..64], b"\xc0\x00"].concat();
    for (message, at, broken) in [
        (&b""[..], 0, past_end),
        (WWW, 17, past_end),
        (&WWW[..16], 0, past_end),
        (&WWW[..14], 0, past_end),
        (b"\x00\xc0", 1, past_end),
        (b"\xc0\x00", 0, looped),      // to itself
        (b"\x01a\xc0\x00", 0, looped), // to its own start
        (b"\x01a\xc0\x02", 0, looped),
        (b"\xc0\x02\x01a\x00", 0, looped),          // forward
        (b"\x01a\xc0\x06\x01b\xc0\x00", 4, looped), // two that lead to each other
        (b"\x40a\x00", 0, label_type),
        (b"\x80a\x00", 0, label_type),
        (&long(4, 0), 0, too_long),
        (&long(3, 62), 0, too_long),
        (&wire(&[&b"a"[..]; 128]), 0, too_long),
        (&backward, 193, too_long),
    ] {
        let mut reader = NameReader::default();
        assert_eq!(reader.read(message, at), Err(broken));
        assert_eq!((reader.steps(), reader.pool.len()), (0, 0));
    }
}

#[test]
fn pointers_of_one_name_are_bounded() {
    let hops = (0..=MAX_POINTERS).map(|at| (2 * at).saturating_sub(1));
    let hops = hops.flat_map(|target| (0xc000 | target as u16).to_be_bytes());
    let message: Vec<u8> = [0].into_iter().chain(hops).collect();
    let last = 1 + 2 * MAX_POINTERS;
    let mut reader = NameReader::default();
    assert_eq!(
        text(&mut reader, &message, last - 2),
        Ok((".".to_owned(), last))
    );
    let mut reader = NameReader::default();
    assert_eq!(
        reader.read(&message, last),
        Err(Broken::Malformed("dns-name-loop"))
    );
}

#[test]
fn steps_count_what_was_followed() {
    let message = [WWW, b"\x03api\xc0\x04\xc0\x00"].concat();
    let mut reader = NameReader::default();
    let steps = [0, 17, 23].map(|at| reader.read(&message, at).map(|_| reader.steps()));
    // 3 labels and the root; 3 labels, a pointer, the root; a name read before
    assert_eq!(steps, [Ok(4), Ok(9), Ok(10)]);
    reader.clear();
    assert_eq!((reader.steps(), reader.pool.len()), (0, 0));
}

proptest! {
    #[test]
    fn any_bytes_give_a_name_or_malformed(
        message in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..6, Just(0xc0)], 0..300),
        places in prop::collection::vec(0_usize..300, 0..8),
    ) {
        let mut reader = NameReader::default();
        for at in places {
            let read = text(&mut reader, &message, at);
            let alone = text(&mut NameReader::default(), &message, at);
            if let (Ok(read), Ok(alone)) = (&read, &alone) {
                prop_assert_eq!(read, alone);
            }
            if let Ok((name, end)) = read {
                prop_assert!(at < end && end <= message.len());
                prop_assert!(name.len() <= 4 * 255 && name.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
