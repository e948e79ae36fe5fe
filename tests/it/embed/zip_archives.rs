//! ZIP, as `zip`, Python, Java and others write it.

use super::archives::{file, files, link, mounted, refusal, tree, unpacked};
use preinit::embed::{Entry, Times};
use rawzip::extra_fields::ExtraFieldId;
use rawzip::{CompressionMethod, Header, ZipArchiveWriter};
use std::io::Write;

type Writer = ZipArchiveWriter<Vec<u8>>;

/// An archive of what `fill` adds.
fn archive(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = ZipArchiveWriter::new(Vec::new());
    fill(&mut writer);
    writer.finish().unwrap()
}

fn add(zip: &mut Writer, name: &str, contents: &[u8]) {
    add_with(zip, name, 0o100_644, &[], contents);
}

fn add_with(zip: &mut Writer, name: &str, mode: u32, unicode: &[u8], contents: &[u8]) {
    let mut builder = zip.new_file(name).unix_permissions(mode);
    if !unicode.is_empty() {
        builder = builder.extra_field(ExtraFieldId::INFO_ZIP_UNICODE_PATH, unicode, Header::CENTRAL).unwrap();
    }
    let (mut entry, config) = builder.compression_method(CompressionMethod::STORE).start().unwrap();
    let mut writer = config.wrap(&mut entry);
    writer.write_all(contents).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
}

/// An archive of two files, `first.txt` and `dir/second.txt`.
fn two() -> Vec<u8> {
    archive(|zip| {
        add(zip, "first.txt", b"contents of the first");
        add(zip, "dir/second.txt", b"contents of the second");
    })
}

fn expected() -> preinit::embed::Tree {
    files(&[("first.txt", b"contents of the first"), ("dir/second.txt", b"contents of the second")])
}

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

/// Where the nth of these is.
fn place(bytes: &[u8], what: &[u8], nth: usize) -> usize {
    let mut places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(what));
    places.nth(nth).unwrap()
}

fn changed(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn an_archive_is_found_behind_a_program_and_before_zeros() {
    assert_eq!(unpacked("a.zip", &two()), expected());
    let behind = [&b"#!/bin/sh\nexit 1\n"[..], &two()].concat();
    assert_eq!(unpacked("a.zip", &behind), expected());
    assert_eq!(unpacked("a.zip", &[two(), vec![0; 100]].concat()), expected());
    assert_eq!(unpacked("a.zip", &archive(|_| {})), files(&[]));
}

#[test]
fn what_is_not_one_whole_archive_is_refused() {
    let other = archive(|zip| add(zip, "other.txt", b"other"));
    let end = place(&two(), END, 0);
    for (bytes, expected) in [
        ([two(), b"garbage".to_vec()].concat(), "has more after its end"),
        ([other.clone(), two()].concat(), "begins with files that its directory does not list"),
        (two()[..two().len() - 30].to_vec(), ""),
        (two()[..50].to_vec(), ""),
        (changed(two(), end + 4, &[1, 0]), "is a part of an archive in several parts"),
        (changed(two(), end + 6, &[1, 0]), "is a part of an archive in several parts"),
        (changed(two(), end + 10, &[1, 0]), "lists 2 entries, and says that they are 1"),
        (changed(two(), end + 10, &[3, 0]), "lists 2 entries, and says that they are 3"),
    ] {
        let said = refusal("a.zip", &bytes);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn checksums_and_sizes_are_checked() {
    let contents = place(&two(), b"contents of the second", 0);
    let said = refusal("a.zip", &changed(two(), contents, b"C"));
    assert!(said.contains("a.zip/dir/second.txt") && said.contains("checksum"), "{said}");
    let second = place(&two(), CENTRAL, 1);
    let said = refusal("a.zip", &changed(two(), second + 16, &[1, 2, 3, 4]));
    assert!(said.contains("a.zip/dir/second.txt") && said.contains("checksum"), "{said}");
    for (at, size) in [(24, 21), (24, 23), (20, 21), (20, 200)] {
        refusal("a.zip", &changed(two(), second + at, &[size, 0, 0, 0]));
    }
}

#[test]
fn what_programs_read_differently_is_refused() {
    let (first, second) = (place(&two(), CENTRAL, 0), place(&two(), CENTRAL, 1));
    let encrypted = |bits: u16| changed(two(), second + 8, &bits.to_le_bytes());
    let method = |method: u8| changed(two(), second + 10, &[method, 0]);
    for (bytes, name, expected) in [
        (encrypted(1), "dir/second.txt", "is encrypted"),
        (encrypted(1 | 1 << 6), "dir/second.txt", "is encrypted"),
        (encrypted(1 << 13), "dir/second.txt", "is encrypted"),
        (method(8), "dir/second.txt", "two different ways"),
        (
            changed(two(), first + 46, b"other.txt"),
            "other.txt",
            "is `first.txt` where the archive has its contents",
        ),
        (
            archive(|zip| ["f", "g", "f"].into_iter().for_each(|name| add(zip, name, b"x"))),
            "a.zip/f`",
            "is in the archive twice",
        ),
        (archive(|zip| add_with(zip, "pipe", 0o010_644, &[], b"")), "pipe", "neither a file"),
    ] {
        let said = refusal("a.zip", &bytes);
        assert!(said.contains(name) && said.contains(expected), "{expected}: {said}");
    }
    // In both places, as a program writes it.
    let local = place(&method(93), LOCAL, 1);
    let said = refusal("a.zip", &changed(method(93), local + 8, &[93, 0]));
    assert!(
        said.contains("dir/second.txt` is compressed in a way that is not known here: 93 (ZSTD)"),
        "{said}"
    );
    // What is left out does not matter.
    let rest = tree("a.zip", &encrypted(1), Times::default(), &["dir/"]).unwrap();
    assert_eq!(rest, files(&[("first.txt", b"contents of the first")]));
}

#[test]
fn names_are_those_that_were_meant() {
    // Letters of another machine, and what they stand for.
    let field = |plain: &str, unicode: &str| {
        [&[1][..], &rawzip::crc32(plain.as_bytes()).to_le_bytes(), unicode.as_bytes()].concat()
    };
    let named = |field: &[u8]| archive(|zip| add_with(zip, "?t?", 0o644, field, b"x"));
    assert_eq!(unpacked("a.zip", &named(&field("?t?", "\u{e9}t\u{e9}"))), files(&[("\u{e9}t\u{e9}", b"x")]));
    let foreign = |bytes: Vec<u8>| -> Vec<u8> {
        let local = place(&bytes, b"?t?", 0);
        let central = place(&bytes, b"?t?", 1);
        changed(changed(bytes, local, b"\x82t\x82"), central, b"\x82t\x82")
    };
    let sum = [&[1][..], &rawzip::crc32(b"\x82t\x82").to_le_bytes(), "\u{e9}t\u{e9}".as_bytes()].concat();
    assert_eq!(unpacked("a.zip", &foreign(named(&sum))), files(&[("\u{e9}t\u{e9}", b"x")]));
    assert!(refusal("a.zip", &foreign(named(&[]))).contains("not UTF-8"));
    // It does not hold for a name that was changed, nor in a version that is not known.
    for field in [field("?", "other"), [&[2][..], &field("?t?", "other")[1..]].concat(), b"\x01".to_vec()] {
        assert_eq!(unpacked("a.zip", &named(&field)), files(&[("?t?", b"x")]));
    }
    // Two of them, also where the archive says that the plain one is in UTF-8 already.
    let two = |second: &str| {
        archive(|zip| {
            let id = ExtraFieldId::INFO_ZIP_UNICODE_PATH;
            let builder =
                zip.new_file("?t?").unix_permissions(0o644).compression_method(CompressionMethod::STORE);
            let builder = builder.extra_field(id, &field("?t?", "first"), Header::CENTRAL).unwrap();
            let builder = builder.extra_field(id, &field("?t?", second), Header::CENTRAL).unwrap();
            let (mut entry, config) = builder.start().unwrap();
            let (_, descriptor) = config.wrap(&mut entry).finish().unwrap();
            entry.finish(descriptor).unwrap();
        })
    };
    assert_eq!(unpacked("a.zip", &two("first")), files(&[("first", b"")]));
    assert!(refusal("a.zip", &two("second")).contains("?t?` has two names in the archive"));
    let flagged = |bytes: Vec<u8>| {
        let (local, central) = (place(&bytes, LOCAL, 0), place(&bytes, CENTRAL, 0));
        let flags = |at: usize| (u16::from_le_bytes([bytes[at], bytes[at + 1]]) | 1 << 11).to_le_bytes();
        let (first, second) = (flags(local + 6), flags(central + 8));
        changed(changed(bytes, local + 6, &first), central + 8, &second)
    };
    assert!(refusal("a.zip", &flagged(named(&field("?t?", "other")))).contains("has two names"));
    assert_eq!(unpacked("a.zip", &flagged(named(&field("?t?", "?t?")))), files(&[("?t?", b"x")]));
    // Backslashes separate names where Windows has made them.
    let bytes = archive(|zip| add(zip, "a_b", b"x"));
    let (local, central) = (place(&bytes, b"a_b", 0), place(&bytes, b"a_b", 1));
    let bytes = changed(changed(bytes, local, b"a\\b"), central, b"a\\b");
    assert_eq!(unpacked("a.zip", &bytes), files(&[("a\\b", b"x")]));
    let of_windows = changed(bytes.clone(), place(&bytes, CENTRAL, 0) + 5, &[0]);
    assert!(refusal("a.zip", &of_windows).contains("backslashes"));
}

#[test]
fn directories_and_links_are_what_they_were() {
    let bytes = archive(|zip| {
        zip.new_dir("empty/").unix_permissions(0o040_755).create().unwrap();
        add_with(zip, "by-attribute", 0o040_755, &[], b"");
        add(zip, "by-attribute/f", b"x");
        add_with(zip, "link", 0o120_777, &[], b"by-attribute/f");
    });
    let empty = Entry::directory(Vec::<(String, Entry)>::new(), 946_684_800_000_000_000).unwrap();
    let expected =
        mounted(&[("empty", empty), ("by-attribute/f", file(b"x")), ("link", link("by-attribute/f"))]);
    assert_eq!(unpacked("a.zip", &bytes), expected);
    let said = refusal("a.zip", &archive(|zip| add_with(zip, "d", 0o040_755, &[], b"x")));
    assert!(said.contains("is a directory in the archive, and has contents there"), "{said}");
    for names in [["d/f", "d"], ["d", "d/f"]] {
        let said = refusal("a.zip", &archive(|zip| names.iter().for_each(|name| add(zip, name, b""))));
        assert!(said.contains("is both a directory and a file in the archive"), "{names:?}: {said}");
    }
    let nameless = archive(|zip| add(zip, "zzz", b"x"));
    let (local, central) = (place(&nameless, b"zzz", 0), place(&nameless, b"zzz", 1));
    let nameless = changed(changed(nameless, local, b"./."), central, b"./.");
    assert!(refusal("a.zip", &nameless).contains("a file without a name"));
}

/// Large archives say what they have in fields of 64 bits; small ones may.
#[test]
fn fields_of_64_bits_are_read() {
    let bytes = two();
    let end = place(&bytes, END, 0);
    let number = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
    let (size, offset) = (number(end + 12), number(end + 16));
    let large_end = |entries: u64| {
        let mut large = bytes[..end].to_vec();
        large.extend(b"PK\x06\x06");
        large.extend(44u64.to_le_bytes());
        large.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        [entries, entries, size, offset].iter().for_each(|number| large.extend(number.to_le_bytes()));
        large.extend(b"PK\x06\x07\0\0\0\0");
        large.extend((end as u64).to_le_bytes());
        large.extend([1, 0, 0, 0]);
        large.extend(END);
        large.extend([0xff; 16]);
        large.extend([0, 0]);
        large
    };
    assert_eq!(unpacked("a.zip", &large_end(2)), expected());
    assert!(refusal("a.zip", &large_end(3)).contains("lists 2 entries, and says that they are 3"));
}

/// Programs that write to a pipe know sizes and checksums only afterwards.
#[test]
fn sizes_after_the_contents_are_those_of_the_directory() {
    let bytes = two();
    let local = place(&bytes, LOCAL, 0);
    assert_eq!(bytes[local + 6] & 8, 8, "the flag that says so");
    assert_eq!(bytes[local + 14..local + 26], [0; 12]);
    assert_eq!(unpacked("a.zip", &bytes), expected());
}
