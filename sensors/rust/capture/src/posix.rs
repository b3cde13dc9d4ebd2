//! What Python's `pathlib`, `os.path` and `str` do with paths, where Rust's own types do otherwise.
//!
//! A path is bytes; as text, a byte that is not UTF-8 is the code point 0xDC00 + byte, and so it is ordered and shown.

use std::env::current_dir;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::read_link;
use std::io::Error;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// As the kernel follows.
const MAX_LINKS: usize = 40;

/// Return the path without empty and "." parts, as `pathlib.PurePosixPath` has it.
pub(crate) fn tidied(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let mut tidy = root(bytes).to_vec();
    for (index, part) in parts(bytes).enumerate() {
        if index > 0 {
            tidy.push(b'/');
        }
        tidy.extend_from_slice(part);
    }
    PathBuf::from(OsStr::from_bytes(if tidy.is_empty() {
        b"."
    } else {
        &tidy
    }))
}

/// "/", or "//" where there are exactly two (POSIX lets a system give these a meaning), or nothing.
fn root(path: &[u8]) -> &[u8] {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    path.get(..if slashes == 2 { 2 } else { slashes.min(1) })
        .unwrap_or_default()
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
}

/// Return what paths are sorted by: the code points of each part, the root being the first.
pub(crate) fn path_order(path: &Path) -> Vec<Vec<u32>> {
    let bytes = path.as_os_str().as_bytes();
    let root = Some(root(bytes)).filter(|root| !root.is_empty());
    root.into_iter()
        .chain(parts(bytes))
        .map(|part| text_order(OsStr::from_bytes(part)))
        .collect()
}

/// Return what names are sorted by: their code points.
pub(crate) fn text_order(name: &OsStr) -> Vec<u32> {
    let mut order = Vec::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        order.extend(chunk.valid().chars().map(u32::from));
        order.extend(chunk.invalid().iter().map(|byte| 0xdc00 + u32::from(*byte)));
    }
    order
}

/// Return a path as one line of valid Unicode, whatever bytes the file's name is made of.
pub(crate) fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in tidied(path).as_os_str().as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            push_printable(&mut text, letter);
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\udc{byte:02x}");
        }
    }
    text
}

/// Tell whether a character is a letter, mark, number, sign or the space: neither control, separator nor unknown.
fn is_printable(letter: char) -> bool {
    // Behind another character, only quotes and the backslash are escaped besides those that cannot be printed.
    matches!(letter, '\\' | '\'' | '"')
        || ["x", letter.encode_utf8(&mut [0; 4])]
            .concat()
            .escape_debug()
            .count()
            == 2
}

/// Add a character, escaped as Python's `unicode_escape` does where it cannot be printed.
fn push_printable(text: &mut String, letter: char) {
    let _ = match (letter, u32::from(letter)) {
        _ if is_printable(letter) => text.write_char(letter),
        ('\n', _) => text.write_str("\\n"),
        ('\r', _) => text.write_str("\\r"),
        ('\t', _) => text.write_str("\\t"),
        (_, code @ 0..=0xff) => write!(text, "\\x{code:02x}"),
        (_, code @ 0x100..=0xffff) => write!(text, "\\u{code:04x}"),
        (_, code) => write!(text, "\\U{code:08x}"),
    };
}

/// Return the path that a path stands for once all links are followed, as far as they lead somewhere.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let absolute = !root(bytes).is_empty();
    let mut real = if absolute {
        PathBuf::from("/")
    } else {
        current_dir().unwrap_or_default()
    };
    let mut left: Vec<Vec<u8>> = Vec::new(); // the parts to go, the next one last
    push_parts(&mut left, bytes);
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == b".." {
            real.pop();
            continue;
        }
        let next = real.join(OsStr::from_bytes(&part));
        match read_link(&next) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                let target = target.as_os_str().as_bytes();
                if !root(target).is_empty() {
                    real = PathBuf::from("/");
                }
                push_parts(&mut left, target);
            }
            _ => real = next,
        }
    }
    real
}

fn push_parts(left: &mut Vec<Vec<u8>>, path: &[u8]) {
    let mut new: Vec<_> = parts(path).map(<[u8]>::to_vec).collect();
    new.reverse();
    left.append(&mut new);
}

/// Return the system's words for an error.
pub(crate) fn error_text(error: &Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => text
            .trim_end_matches(&format!(" (os error {code})"))
            .to_owned(),
        None => "not a valid path".to_owned(), // a null character in it
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::{path_order, path_text, text_order, tidied};

    #[test]
    fn paths_are_tidied_as_pathlib_does() {
        let table = [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("/", "/"),
            ("//", "//"),
            ("///", "/"),
            ("a//b/./c/", "a/b/c"),
            ("./a", "a"),
            ("//a/../b", "//a/../b"),
            ("/./a", "/a"),
            ("..", ".."),
        ];
        for (path, tidy) in table {
            assert_eq!(tidied(path.as_ref()), Path::new(tidy));
            assert_eq!(tidied(path.as_ref()).as_os_str(), tidy);
        }
    }

    #[test]
    fn names_are_ordered_by_code_points_part_by_part() {
        let sorted: [&[u8]; 9] = [
            b"/a/b",
            b"/a-b",
            b"a",
            b"a/b",
            b"a-",
            "\u{e9}".as_bytes(),
            b"\x80",
            b"\xff",
            "\u{ffff}".as_bytes(),
        ];
        let keys: Vec<_> = sorted
            .iter()
            .map(|path| path_order(OsStr::from_bytes(path).as_ref()))
            .collect();
        assert!(keys.is_sorted());
        assert_eq!(
            path_order("/a".as_ref()),
            [vec![u32::from(b'/')], vec![u32::from(b'a')]]
        );
        assert_eq!(
            text_order(OsStr::from_bytes(b"a\xe2\x82z")),
            [0x61, 0xdce2, 0xdc82, 0x7a]
        );
    }

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        let table = [
            ("a b\\'\"~", "a b\\'\"~"),
            ("\t\r\n\u{0}\u{7f}", "\\t\\r\\n\\x00\\x7f"),
            (
                "\u{a0}\u{ad}\u{200b}\u{2028}\u{e000}",
                "\\xa0\\xad\\u200b\\u2028\\ue000",
            ),
            ("\u{e0001}\u{10ffff}", "\\U000e0001\\U0010ffff"),
            ("e\u{301}\u{1f600}", "e\u{301}\u{1f600}"),
        ];
        for (path, text) in table {
            assert_eq!(path_text(path.as_ref()), text);
        }
    }
}
