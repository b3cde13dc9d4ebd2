use super::{MAX_DATAGRAMS, QuicClient};
use crate::observations::Carrier;
use crate::quic::Outcome;
use crate::quic::kit::{
    CLIENT_ID, OTHER_ID, V1, V2, closed, crypto, initial, initial_of, other_packet,
};
use crate::quic_crypto::kit::client_hello;
use crate::streams::Greeting;
use crate::wire::Malformed;

fn assert_hello(greeting: Option<&Greeting<'_>>, complete: bool) {
    let greeting = greeting.unwrap();
    assert_eq!(greeting.carrier, Carrier::Quic);
    assert_eq!(greeting.server_name.as_deref(), Some("example.com"));
    assert_eq!(greeting.hello.as_ref().unwrap().is_complete(), complete);
}

#[test]
fn a_hello_in_one_datagram_or_more() {
    let hello = client_hello();
    let (begin, rest) = hello.split_at(100);
    let with_more = [hello, b"\x02\x00\x00\x00"].concat();
    for version in [V1, V2] {
        let initial = |frames| initial_of(version, CLIENT_ID, CLIENT_ID, frames);
        for datagrams in [
            vec![initial(&crypto(0, hello))],
            vec![initial(&crypto(0, &with_more))],
            vec![initial(&crypto(0, begin)), initial(&crypto(100, rest))],
            vec![initial(&crypto(100, rest)), initial(&crypto(0, begin))],
            vec![closed(b"\x01"), initial(&crypto(0, hello))],
        ] {
            let mut client = QuicClient::new();
            let (last, before) = datagrams.split_last().unwrap();
            for datagram in before {
                assert!(client.feed(datagram, true).unwrap().is_none());
                assert!(!client.done());
            }
            assert_hello(client.feed(last, true).unwrap().as_ref(), true);
            assert!(client.done() && client.partial().is_none());
            assert_eq!(client.outcome(), Outcome::Initial);
        }
    }
}

#[test]
fn what_came_of_a_hello_is_said() {
    let mut client = QuicClient::new();
    assert!(client.partial().is_none());
    client
        .feed(&initial(&crypto(0, &client_hello()[..4])), true)
        .unwrap();
    assert!(client.partial().is_none());
    client
        .feed(&initial(&crypto(4, &client_hello()[4..200])), true)
        .unwrap();
    assert_hello(client.partial().as_ref(), false);
}

#[test]
fn a_new_connection_begins_a_new_hello() {
    let mut client = QuicClient::new();
    client
        .feed(&initial(&crypto(0, &client_hello()[..200])), true)
        .unwrap();
    let retried = initial_of(V1, OTHER_ID, OTHER_ID, &crypto(0, &client_hello()[..60]));
    assert!(client.feed(&retried, true).unwrap().is_none());
    assert_eq!(client.partial().unwrap().server_name, None);
    let rest = initial_of(V1, OTHER_ID, OTHER_ID, &crypto(60, &client_hello()[60..]));
    assert_hello(client.feed(&rest, true).unwrap().as_ref(), true);
}

#[test]
fn other_messages_end_the_reading() {
    let mut client = QuicClient::new();
    let refused = client.feed(&initial(&crypto(0, b"\x02\x00\x00\x00")), true);
    assert_eq!(refused.err(), Some(Malformed("quic-not-a-client-hello")));
    assert!(client.done());
    let mut client = QuicClient::new();
    let refused = client.feed(&initial(&crypto(0, b"\x01\x00\x00\x02\x03\x03")), true);
    assert_eq!(refused.err(), Some(Malformed("hello-truncated")));
    assert!(client.done());
}

#[test]
fn a_malformed_datagram_may_be_anybodys() {
    let mut client = QuicClient::new();
    let refused = client.feed(&initial(b"\x08\x00\x00"), true);
    assert_eq!(refused.err(), Some(Malformed("quic-frame-type")));
    assert_eq!(
        (client.done(), client.outcome()),
        (false, Outcome::Malformed)
    );
    assert_hello(
        client
            .feed(&initial(&crypto(0, client_hello())), true)
            .unwrap()
            .as_ref(),
        true,
    );
}

#[test]
fn the_datagrams_of_a_flow_are_bounded() {
    let mut client = QuicClient::new();
    client
        .feed(&initial(&crypto(0, &client_hello()[..200])), true)
        .unwrap();
    for _ in 2..MAX_DATAGRAMS {
        client.feed(&other_packet(0xd0, V1), true).unwrap();
    }
    assert!(!client.done() && client.partial().is_some());
    client.feed(&initial(b"\x01"), true).unwrap();
    assert!(client.done() && client.partial().is_none());
}
