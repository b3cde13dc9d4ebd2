//! The corpus that is committed, through every target of this crate.

#![allow(
    clippy::disallowed_methods,
    reason = "the corpus is files; the crate itself reads none"
)]

use std::fs;
use std::path::Path;

/// Run a target over its corpus; an empty one would test nothing.
fn replay(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(name);
    let inputs = fs::read_dir(&corpus).unwrap();
    let count = inputs
        .map(|input| target(&fs::read(input.unwrap().path()).unwrap()))
        .count();
    assert!(count >= 5, "{} holds {count} inputs", corpus.display());
}

macro_rules! corpus {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), super::$target);
                super::$target(b"");
            }
        )*
    };
}

corpus! { client_hello dns frame observations quic_initial stream }
