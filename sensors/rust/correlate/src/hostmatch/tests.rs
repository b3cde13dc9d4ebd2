//! The tables of `tests/test_hostmatch.py`, as far as they are about what fits at all.

use dissect::segment::Address;
use proptest::prelude::*;

use super::{AddressIndex, Literal, NameIndex, literal, normal_name};
use crate::kit::texts;
use crate::recency::seeded;

fn index_of(names: &[&str]) -> NameIndex {
    NameIndex::new(&texts(names), &seeded(7))
}

#[test]
fn a_pattern_fits_whole_labels() {
    let table = [
        (
            "api.example.com",
            "api.example.com",
            "xapi.example.com a.api.example.com api.example.com.evil.test",
        ),
        (
            "*.example.com",
            "a.example.com a.b.example.com",
            "example.com aexample.com example.com.evil.test",
        ),
        (
            "vpce-*.eu.vpce.test",
            "vpce-0a1.eu.vpce.test vpce-.eu.vpce.test",
            "vpce.eu.vpce.test a.vpce-1.eu.vpce.test",
        ),
        (
            "api.*.*.hub.test",
            "api.a.b.hub.test",
            "api.a.hub.test api.a.b.c.hub.test xapi.a.b.hub.test",
        ),
        (
            "cog*prod-eu-01.net.test",
            "cogweprod-eu-01.net.test",
            "cogprod-us-01.net.test cogpro-eu-01.net.test",
        ),
        (
            "*.app.*.test.example",
            "a.app.b.test.example a.c.app.b.test.example",
            "app.b.test.example a.app.test.example",
        ),
        (
            "aba*aba.test",
            "abaaba.test abaxaba.test",
            "aba.test ababa.test",
        ),
        ("*", "", "a a.b"),
    ];
    for (pattern, inside, outside) in table {
        let index = index_of(&[pattern]);
        for (names, wanted) in [(inside, true), (outside, false)] {
            for name in names.split_whitespace() {
                assert_eq!(index.fits(name), wanted, "{pattern} {name}");
            }
        }
    }
}

#[test]
fn names_are_normalised_or_refused() {
    let longest = "a".repeat(253);
    let table = [
        ("API.OpenAI.com", Some("api.openai.com")),
        ("api.openai.com.", Some("api.openai.com")),
        ("api.openai.com..", None),
        ("", None),
        (".", None),
        (".openai.com", None),
        ("api..openai.com", None),
        ("api.to\u{212a}en.test", None),
        ("\u{ff41}pi.openai.com", None),
        (&longest, Some(&*longest)),
        (&format!("{longest}."), Some(&*longest)),
        (&format!("{longest}a"), None),
        (
            "api.openai.com\\x00.evil.test",
            Some("api.openai.com\\x00.evil.test"),
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(normal_name(text).as_deref(), wanted, "{text}");
    }
}

#[test]
fn families_of_addresses_stay_apart() {
    let prefixes = [
        "10.0.0.0/8",
        "192.0.2.4/32",
        "2001:db8::/32",
        "::ffff:198.51.100.0/120",
    ];
    let index = AddressIndex::new(&texts(&prefixes), &seeded(7)).unwrap();
    let table = [
        ("10.1.2.3", true),
        ("11.0.0.1", false),
        ("192.0.2.4", true),
        ("192.0.2.5", false),
        ("::ffff:10.1.2.3", true),
        ("::10.1.2.3", false),
        ("2001:db8::1", true),
        ("2001:db9::1", false),
        ("::ffff:198.51.100.1", false), // it is IPv4, and that prefix is not
    ];
    for (text, wanted) in table {
        let Literal::Is(address) = literal(text) else {
            panic!("{text} is an address");
        };
        assert_eq!(index.fits(address), wanted, "{text}");
    }
    let all = AddressIndex::new(&texts(&["0.0.0.0/0"]), &seeded(7)).unwrap();
    assert!(all.fits(Address::v4([192, 0, 2, 1])) && !all.fits(Address::v6([1; 16])));
    let all = AddressIndex::new(&texts(&["::/0"]), &seeded(7)).unwrap();
    assert!(!all.fits(Address::v4([192, 0, 2, 1])) && all.fits(Address::v6([1; 16])));
}

#[test]
fn what_is_no_prefix_is_named() {
    for wrong in [
        "192.0.2.1",
        "192.0.2.0/33",
        "::/129",
        "/8",
        "a/8",
        "10.0.0.0/-1",
        "",
    ] {
        let made = AddressIndex::new(&texts(&["10.0.0.0/8", wrong]), &seeded(7));
        assert_eq!(made.err().as_deref(), Some(wrong));
    }
}

#[test]
fn an_address_may_stand_in_a_names_place() {
    let v4 = Literal::Is(Address::v4([192, 0, 2, 1]));
    let v6 = Literal::Is(Address::v6([
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ]));
    let table = [
        ("192.0.2.1", v4),
        ("[192.0.2.1]", v4),
        ("[2001:db8::1]", v6),
        ("2001:db8::1", v6),
        ("fe80::1%eth0", Literal::Perhaps),
        ("192.0.2.1:443", Literal::Perhaps),
        ("192.0.2.01", Literal::No),
        ("api.openai.com", Literal::No),
        ("localhost", Literal::No),
        ("", Literal::No),
    ];
    for (text, wanted) in table {
        assert_eq!(literal(text), wanted, "{text}");
    }
    assert_eq!(literal(&":".repeat(65)), Literal::No);
}

/// Whether a pattern fits, label by label and letter by letter.
fn fits_slowly(pattern: &str, name: &str) -> bool {
    let (parts, labels): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), name.split('.').collect());
    if !pattern.contains('*') {
        return pattern == name;
    }
    let (parts, labels) = if parts[0] == "*" {
        let spare = labels.len().saturating_sub(parts.len() - 1);
        (
            &parts[1..],
            if spare > 0 {
                &labels[spare..]
            } else {
                return false;
            },
        )
    } else {
        (&parts[..], &labels[..])
    };
    let fits = |(part, label): (&&str, &&str)| {
        part.split_once('*')
            .map_or(part == label, |(prefix, suffix)| {
                let short = label.len() < prefix.len() + suffix.len();
                !short && label.starts_with(prefix) && label.ends_with(suffix)
            })
    };
    parts.len() == labels.len() && parts.iter().zip(labels).all(fits)
}

proptest! {
    #[test]
    fn an_index_fits_what_one_of_its_patterns_fits(
        patterns in prop::collection::vec(r"((\*|a|b|ab|a\*|\*b|a\*b|x1)\.){0,4}(a|b|ab|ba|x1)", 0..8),
        name in r"(a|b|ab|ba|aab|x1)(\.(a|b|ab|ba|aab|x1)){0,5}",
    ) {
        let wanted = patterns.iter().any(|pattern| fits_slowly(pattern, &name));
        let index = NameIndex::new(&patterns, &seeded(7));
        prop_assert_eq!(index.fits(&name), wanted);
    }

    #[test]
    fn any_text_is_a_name_or_none(text in "\\PC{0,300}|[A-Ta-t.]{0,300}|([a-z]{1,60}\\.){1,5}test\\.?") {
        if let Some(name) = normal_name(&text) {
            prop_assert!(name.len() <= 253);
            prop_assert_eq!(index_of(&["*.test"]).fits(&name), name.ends_with(".test"));
        }
    }
}
