//! Which files are taken: those named, and in folders those that capture tools write.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{expand_paths, is_capture_name};
use crate::kit::Folder;

#[test]
fn names_that_capture_tools_write() {
    let captures = [
        "a.pcap",
        "a.pcap.gz",
        "a.pcap.zst",
        "b.pcapng",
        "b.pcapng.GZ",
        "c.CAP",
        "d.dmp",
        "e.pcap0",
        "e.pcap12",
        "f.pcap.1",
        "f.pcap.2.gz",
        "f.pcap3.zst",
        "egress_00001_20260101.pcapng",
        ".pcap",
        "a.pcap\n",
        "a.pcap.z\u{17f}t",
    ];
    let others = [
        "a.txt",
        "pcap",
        "a.pcap.md",
        "a.pcap.bak",
        "x.pcapx",
        "a.gz",
        "a.pcap.1.2",
        "README",
        "",
        "1",
        ".gz",
        "a.pcap..1",
        "a.pcap.gz.1",
        "a.pcap\n\n",
        "a.pcap.\u{b2}",
        "apcap.gz",
    ];
    for name in captures {
        assert!(is_capture_name(name.as_bytes()), "{name}");
    }
    for name in others {
        assert!(!is_capture_name(name.as_bytes()), "{name}");
    }
}

fn names(folder: &Folder, paths: &[PathBuf]) -> Vec<String> {
    let inner = expand_paths(paths).into_iter().map(|path| {
        let inner = path.strip_prefix(&folder.0).unwrap_or(&path);
        inner.to_string_lossy().into_owned()
    });
    inner.collect()
}

#[test]
fn folders_in_folders_are_walked_in_order() {
    let folder = Folder::new("walk");
    for name in [
        "b.pcap",
        "a/z.pcap",
        "a/b/c.pcap",
        "c/a.pcap",
        "c/notes.txt",
        "Z.pcap",
        "\u{e9}.pcap",
    ] {
        folder.write(name, b"");
    }
    let order = [
        "Z.pcap",
        "b.pcap",
        "\u{e9}.pcap",
        "a/z.pcap",
        "a/b/c.pcap",
        "c/a.pcap",
    ];
    assert_eq!(names(&folder, std::slice::from_ref(&folder.0)), order);
}

#[test]
fn what_is_named_is_taken() {
    let folder = Folder::new("named");
    let named = ["z.txt", "missing", "a.pcap"].map(|name| folder.0.join(name));
    assert_eq!(expand_paths(&named), named);
}

#[test]
fn nothing_is_taken_twice() {
    let folder = Folder::new("twice");
    let capture = folder.write("a.pcap", b"");
    symlink(&capture, folder.0.join("latest.pcap")).unwrap();
    symlink(".", folder.0.join("here")).unwrap();
    let again = [
        "./a.pcap",
        "/a.pcap",
        "here/here/a.pcap",
        "here/./latest.pcap",
        "missing/../a.pcap",
    ];
    let mut named = vec![capture.clone(), folder.0.clone()];
    named.extend(again.map(|name| PathBuf::from(format!("{}/{name}", folder.0.display()))));
    assert_eq!(expand_paths(&named), [capture]);
    let gone = ["gone/x", "gone//x", "./gone/y/../x"];
    assert_eq!(expand_paths(&gone), [Path::new("gone/x")]);
}

#[test]
fn links_in_folders_do_no_harm() {
    let folder = Folder::new("links");
    symlink(&folder.0, folder.0.join("loop")).unwrap();
    symlink("itself.pcap", folder.0.join("itself.pcap")).unwrap();
    symlink("nowhere", folder.0.join("gone.pcap")).unwrap();
    let named = [folder.0.clone(), folder.0.join("itself.pcap")];
    assert_eq!(expand_paths(&named), named); // no capture in it
}
