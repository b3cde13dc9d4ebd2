//! Which capture files a user means: files as named, folders walked for what capture tools write.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::read_dir;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::posix::{real_path, text_order, tidied};

/// Return the files to read, each once, in the order named and sorted within a folder.
///
/// What is named is taken, whatever its name. A folder that cannot be listed, or holds no capture, stands for
/// itself: reading it gives the fault that says so.
#[must_use]
pub fn expand_paths<P: AsRef<Path>>(paths: &[P]) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for path in paths {
        let path = tidied(path.as_ref());
        let mut found = if path.is_dir() {
            walk(&path)
        } else {
            Vec::new()
        };
        if found.is_empty() {
            found.push(path);
        }
        files.extend(
            found
                .into_iter()
                .filter(|file| seen.insert(real_path(file))),
        );
    }
    files
}

/// Return the captures of a folder and its folders; then the folders that cannot be listed.
///
/// A folder's files come before its folders; links to folders are not followed.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut unlisted = Vec::new();
    let mut left = vec![folder.to_owned()]; // the folders to go, the next one last
    while let Some(place) = left.pop() {
        let Ok((folders, names)) = list(&place) else {
            unlisted.push(place);
            continue;
        };
        let captures = names.iter().filter(|name| is_capture_name(name.as_bytes()));
        files.extend(
            captures
                .map(|name| tidied(&place.join(name)))
                .filter(|file| file.is_file()),
        );
        let inner = folders.iter().rev().map(|name| place.join(name));
        left.extend(inner.filter(|folder| !folder.is_symlink()));
    }
    files.extend(unlisted);
    files
}

/// Return the names of the folders in a folder, links to folders among them, and all other names; both sorted.
fn list(folder: &Path) -> io::Result<(Vec<OsString>, Vec<OsString>)> {
    let (mut folders, mut names) = (Vec::new(), Vec::new());
    for entry in read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type();
        let is_folder =
            kind.is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && entry.path().is_dir());
        if is_folder { &mut folders } else { &mut names }.push(entry.file_name());
    }
    folders.sort_by_cached_key(|name| text_order(name));
    names.sort_by_cached_key(|name| text_order(name));
    Ok((folders, names))
}

/// Tell whether a capture tool may have given the name: x.pcap, x.pcap.gz, and as tcpdump and dumpcap rotate
/// x.pcap0, x.pcap12, x.pcap.1, x.pcap.1.zst.
fn is_capture_name(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"\n").unwrap_or(name);
    let packed = ["gz", "zst", "z\u{17f}t"]; // the long s is an s in another case
    let name = packed
        .iter()
        .find_map(|suffix| without_suffix(name, suffix))
        .unwrap_or(name);
    let digits = name
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (stem, digits) = name
        .split_at_checked(name.len() - digits)
        .unwrap_or_default();
    let name = if digits.is_empty() {
        stem
    } else {
        stem.strip_suffix(b".").unwrap_or(stem)
    };
    ["pcap", "pcapng", "cap", "dmp"]
        .iter()
        .any(|suffix| without_suffix(name, suffix).is_some())
}

/// Return what stands before a dot and a suffix in upper or lower case.
fn without_suffix<'a>(name: &'a [u8], suffix: &str) -> Option<&'a [u8]> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    if end.eq_ignore_ascii_case(suffix.as_bytes()) {
        stem.strip_suffix(b".")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
