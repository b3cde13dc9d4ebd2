use super::{MAX_TUNNELS, Tunnel, TunnelNames};

#[test]
fn a_path_has_one_name() {
    let mut names = TunnelNames::default();
    let vxlan = |identifier| Tunnel {
        kind: "vxlan",
        identifier: Some(identifier),
    };
    let gre = Tunnel {
        kind: "gre",
        identifier: None,
    };
    assert_eq!(names.intern(&[]), None);
    assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
    assert_eq!(names.intern(&[vxlan(42)]), Some(1));
    assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
    assert_eq!(names.names(), ["vxlan:42/gre", "vxlan:42"]);
}

#[test]
fn names_beyond_the_bound_are_other() {
    let mut names = TunnelNames::default();
    for identifier in 0..=MAX_TUNNELS as u32 + 1 {
        names.intern(&[Tunnel {
            kind: "geneve",
            identifier: Some(identifier),
        }]);
    }
    assert_eq!(
        (names.names().len(), names.unnamed_packets()),
        (MAX_TUNNELS + 1, 2)
    );
    assert_eq!(names.names().last().map(String::as_str), Some("other"));
    assert_eq!(
        names.intern(&[Tunnel {
            kind: "geneve",
            identifier: Some(7)
        }]),
        Some(7)
    );
}
