//! Tar, as GNU tar, bsdtar and others write it.

use super::archives::{file, files, link, mounted, refusal, tree, unpacked};
use flate2::Compression;
use flate2::write::GzEncoder;
use preinit::embed::{Entry, Times, Tree};
use std::io::Write;
use tar::{Builder, EntryType, Header};

pub fn header(kind: u8, name: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// An archive of what `fill` adds.
pub fn archive(fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    fill(&mut builder);
    builder.into_inner().unwrap()
}

pub fn add(builder: &mut Builder<Vec<u8>>, kind: u8, name: &str, contents: &[u8]) {
    builder.append(&header(kind, name, contents.len() as u64), contents).unwrap();
}

/// Adds a file with records before it.
pub fn add_with(builder: &mut Builder<Vec<u8>>, records: &[(&str, &str)], name: &str, contents: &[u8]) {
    builder.append_pax_extensions(records.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap();
    add(builder, b'0', name, contents);
}

fn add_link(builder: &mut Builder<Vec<u8>>, kind: u8, name: &str, target: &str) {
    let mut header = header(kind, name, 0);
    header.set_link_name(target).unwrap();
    header.set_cksum();
    builder.append(&header, &[][..]).unwrap();
}

/// Records for all files that come.
fn add_global(builder: &mut Builder<Vec<u8>>, records: &str) {
    add(builder, b'g', "pax_global_header", records.as_bytes());
}

pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn records_before_a_file_are_heeded() {
    let long = format!("{}/file", ["n".repeat(90), "m".repeat(90)].join("/"));
    let bytes = archive(|tar| {
        add_with(tar, &[("path", &long), ("comment", "x"), ("SCHILY.xattr.user.a", "b")], "short", b"1");
        // The last one of a key holds.
        add_with(tar, &[("path", "wrong"), ("path", "dir/right")], "header", b"2");
        tar.append_pax_extensions([("linkpath", &b"right"[..])]).unwrap();
        add_link(tar, b'2', "dir/soft", "wrong");
        tar.append_pax_extensions([("linkpath", &b"dir/right"[..])]).unwrap();
        add_link(tar, b'1', "hard", "wrong");
        tar.append_pax_extensions([("size", &b"5"[..])]).unwrap();
        tar.append(&header(b'0', "sized", 0), &[][..]).unwrap();
        tar.get_mut().extend(b"12345");
        let end = tar.get_mut().len().next_multiple_of(512);
        tar.get_mut().resize(end, 0);
        add(tar, b'7', "contiguous", b"3");
    });
    let expected = mounted(&[
        (&long, file(b"1")),
        ("dir/right", file(b"2")),
        ("dir/soft", link("right")),
        ("hard", file(b"2")),
        ("sized", file(b"12345")),
        ("contiguous", file(b"3")),
    ]);
    assert_eq!(unpacked("a.tar", &bytes), expected);
}

/// Names and targets of more than 100 bytes, as GNU tar has them by itself.
#[test]
fn long_names_are_whole() {
    let (name, target) = ("d/".repeat(80) + "name", "e/".repeat(80) + "target");
    let bytes = archive(|tar| {
        let mut first = header(b'0', "x", 3);
        tar.append_data(&mut first, &name, &b"abc"[..]).unwrap();
        tar.append_link(&mut header(b'2', "x", 0), "soft", &target).unwrap();
        tar.append_link(&mut header(b'1', "x", 0), "hard", &name).unwrap();
    });
    let expected = mounted(&[(&name, file(b"abc")), ("soft", link(&target)), ("hard", file(b"abc"))]);
    assert_eq!(unpacked("a.tar", &bytes), expected);
}

/// The beginning of a name, in headers of several forms.
#[test]
fn names_in_two_parts_are_whole_or_refused() {
    let of_form = |magic: &[u8; 8], prefix: &[u8]| {
        let mut header = header(b'0', "conf.py", 1);
        header.as_mut_bytes()[257..265].copy_from_slice(magic);
        header.as_mut_bytes()[345..345 + prefix.len()].copy_from_slice(prefix);
        header.set_cksum();
        archive(|tar| tar.append(&header, &b"1"[..]).unwrap())
    };
    assert_eq!(unpacked("a.tar", &of_form(b"ustar\x0000", b"tests")), files(&[("tests/conf.py", b"1")]));
    for magic in
        [b"ustar\0\0\0", b"ustar\x0001", b"ustar   ", b"ustar  \0", b"\0\0\0\0\0\0\0\0", b"USTAR\x0000"]
    {
        let said = refusal("a.tar", &of_form(magic, b"tests"));
        assert!(said.contains("conf.py` has a header in the archive in a form that is not known"), "{said}");
        assert_eq!(unpacked("a.tar", &of_form(magic, b"")), files(&[("conf.py", b"1")]), "{magic:?}");
    }
}

#[test]
fn records_that_are_wrong_are_refused() {
    for (records, expected) in [
        (&[("path", "a\nb")][..], "malformed pax extension"),
        (&[("path", "")], "a file without a name"),
        (&[("size", "x")], "a size in the archive that is none"),
        (&[("size", "1"), ("size", "2")], "a size in the archive that is none"),
    ] {
        let said = refusal("a.tar", &archive(|tar| add_with(tar, records, "f", b"1")));
        assert!(said.contains(expected), "{records:?}: {said}");
    }
}

#[test]
fn headers_for_all_files_are_heeded_or_refused() {
    let after = |records: &str| {
        archive(|tar| {
            add_global(tar, records);
            add(tar, b'0', "f", b"1");
        })
    };
    // What `git archive` writes.
    let comment = format!("52 comment={}\n", "0123456789".repeat(4));
    assert_eq!(unpacked("a.tar", &after(&comment)), files(&[("f", b"1")]));
    for (records, expected) in [
        ("10 path=x\n", "says `path`"),
        ("14 linkpath=x\n", "says `linkpath`"),
        ("10 size=1\n", "says `size`"),
        ("22 GNU.sparse.major=1\n", "says `GNU.sparse.major`"),
        ("24 GNU.volume.filename=x\n", "malformed pax extension"),
        ("25 GNU.volume.filename=x\n", "says `GNU.volume.filename`"),
    ] {
        let said = refusal("a.tar", &after(records));
        assert!(said.contains(expected), "{records}: {said}");
    }
    let between = archive(|tar| {
        tar.append_pax_extensions([("path", &b"real"[..])]).unwrap();
        add_global(tar, &comment);
        add(tar, b'0', "f", b"1");
    });
    assert!(refusal("a.tar", &between).contains("between a file and that file's own header"));
    let between = archive(|tar| {
        add(tar, b'L', "././@LongLink", b"real\0");
        add_global(tar, &comment);
        add(tar, b'0', "f", b"1");
    });
    assert!(refusal("a.tar", &between).contains("between a file and that file's own header"));
}

#[test]
fn real_times_are_those_of_the_records() {
    let bytes = archive(|tar| {
        let mut first = header(b'0', "by-header", 0);
        first.set_mtime(5);
        first.set_cksum();
        tar.append(&first, &[][..]).unwrap();
        add_with(tar, &[("mtime", "7.25")], "by-record", b"");
        add_global(tar, "11 mtime=9\n");
        add(tar, b'0', "by-all", b"");
        add_with(tar, &[("mtime", "-3")], "early", b"");
    });
    let at = |modified: u64| Entry::File { contents: Vec::new(), modified };
    let second = 1_000_000_000;
    let entries = [
        ("by-header", at(5 * second)),
        ("by-record", at(7 * second + second / 4)),
        ("by-all", at(9 * second)),
        ("early", at(0)),
    ];
    let mut expected = Tree::new();
    expected.mount("/x", Entry::directory(entries, 946_684_800 * second).unwrap()).unwrap();
    assert_eq!(tree("a.tar", &bytes, Times::Real, &[]).unwrap(), expected);
}

/// A hard link to a link is a link at another place, from where it may lead out.
#[test]
fn hard_links_to_links_lead_where_they_are() {
    let linked = |name: &str| {
        archive(|tar| {
            add(tar, b'0', "x", b"1");
            add_link(tar, b'2', "d/l", "../x");
            add_link(tar, b'1', name, "d/l");
        })
    };
    assert!(tree("a.tar", &linked("e/l2"), Times::default(), &[]).is_ok());
    let said = refusal("a.tar", &linked("l2"));
    assert!(said.contains("l2") && said.contains("../x"), "{said}");
}

#[test]
fn what_is_no_file_is_refused_by_its_name() {
    for (kind, size, expected) in [
        (b'3', 0, "neither a file, a directory nor a symbolic link"),
        (b'4', 0, "neither a file, a directory nor a symbolic link"),
        (b'6', 0, "neither a file, a directory nor a symbolic link"),
        (b'A', 0, "neither a file, a directory nor a symbolic link"),
        (b'M', 512, "goes on from another volume"),
        (b'D', 512, "of an incremental backup"),
        (b'N', 512, "a header for another entry"),
        (b'X', 512, "a header for another entry"),
        (b'1', 512, "is no file in the archive, and has contents there"),
        (b'2', 512, "is no file in the archive, and has contents there"),
        (b'5', 512, "is no file in the archive, and has contents there"),
        (b'1', 0, "a hard link to"),
    ] {
        let bytes = archive(|tar| {
            let mut odd = header(kind, "odd", size);
            odd.set_link_name("missing").unwrap();
            odd.set_cksum();
            tar.append(&odd, &vec![0; size as usize][..]).unwrap();
        });
        let said = refusal("a.tar", &bytes);
        let letter = kind as char;
        assert!(said.contains("a.tar/odd`") && said.contains(expected), "{letter}: {said}");
    }
    // A header that says nothing of its format says nothing of its kind either.
    let bytes = archive(|tar| {
        let mut old = Header::new_old();
        old.set_entry_type(EntryType::XHeader);
        old.set_path("odd").unwrap();
        old.set_size(0);
        old.set_cksum();
        tar.append(&old, &[][..]).unwrap();
    });
    assert!(refusal("a.tar", &bytes).contains("a header for another entry"));
    // The name of the archive is none of its files.
    let labelled = archive(|tar| {
        add(tar, b'V', "Backup of June", b"");
        add(tar, b'0', "f", b"1");
    });
    assert_eq!(unpacked("a.tar", &labelled), files(&[("f", b"1")]));
}

#[test]
fn hard_links_to_what_is_left_out_are_refused() {
    let bytes = archive(|tar| {
        add(tar, b'0', "secret/f", b"1");
        add_link(tar, b'1', "linked", "secret/f");
    });
    assert_eq!(unpacked("a.tar", &bytes), files(&[("secret/f", b"1"), ("linked", b"1")]));
    let error = tree("a.tar", &bytes, Times::default(), &["secret"]).unwrap_err().to_string();
    assert!(error.contains("a.tar/linked` is a hard link to `secret/f`"), "{error}");
    assert_eq!(tree("a.tar", &bytes, Times::default(), &["secret", "linked"]).unwrap(), files(&[]));
}

#[test]
fn an_archive_without_its_end_is_refused() {
    let whole = archive(|tar| {
        add(tar, b'0', "a", &[1; 1024]);
        add(tar, b'0', "b", b"2");
    });
    let expected = files(&[("a", &[1; 1024]), ("b", b"2")]);
    for zeros in [512, 1024, 10_240] {
        let mut bytes = whole[..whole.len() - 1024].to_vec();
        bytes.resize(bytes.len() + zeros, 0);
        assert_eq!(unpacked("a.tar", &bytes), expected, "{zeros}");
        assert_eq!(unpacked("a.tar.gz", &compressed(&bytes)), expected, "{zeros}, compressed");
    }
    for length in [0, 512 * 3, 512 * 5] {
        let said = refusal("a.tar", &whole[..length]);
        assert!(said.contains("it may be cut off"), "{length}: {said}");
        let said = refusal("a.tar.gz", &compressed(&whole[..length]));
        assert!(said.contains("it may be cut off"), "{length}, compressed: {said}");
    }
    for length in [100, 512, 600, 1024, 512 * 4, 512 * 4 + 1] {
        refusal("a.tar", &whole[..length]);
    }
}

#[test]
fn what_follows_the_end_is_refused() {
    let first = archive(|tar| add(tar, b'0', "a", b"1"));
    let second = archive(|tar| add(tar, b'0', "b", b"2"));
    for more in [&second[..], b"garbage", &[&[0; 20_000][..], b"x"].concat()] {
        let bytes = [&first[..], more].concat();
        let said = refusal("a.tar", &bytes);
        assert!(said.contains("has more after the end"), "{said}");
        let said = refusal("a.tgz", &compressed(&bytes));
        assert!(said.contains("has more after the end"), "{said}");
        let said = refusal("a.tgz", &[compressed(&first), compressed(more)].concat());
        assert!(said.contains("has more after the end"), "{said}");
    }
}

#[test]
fn all_parts_of_a_compressed_archive_are_read() {
    let whole = archive(|tar| {
        add(tar, b'0', "a", &[1; 700]);
        add(tar, b'0', "b", b"2");
        add(tar, b'0', "c", b"3");
    });
    let expected = files(&[("a", &[1; 700]), ("b", b"2"), ("c", b"3")]);
    for size in [100, 512, 1024, 1536, whole.len()] {
        let parts: Vec<u8> = whole.chunks(size).flat_map(compressed).collect();
        assert_eq!(unpacked("a.tar.gz", &parts), expected, "{size}");
        let padded = [parts.clone(), vec![0; 1000]].concat();
        assert_eq!(unpacked("a.tgz", &padded), expected, "{size}, with zeros");
        let said = refusal("a.tgz", &[parts.clone(), b"garbage that is no gzip".to_vec()].concat());
        assert!(said.contains("is none, or damaged"), "{size}: {said}");
        // The checksum comes after the tar's own end.
        let mut damaged = parts.clone();
        let place = damaged.len() - 8;
        damaged[place] ^= 1;
        let said = refusal("a.tgz", &damaged);
        assert!(said.contains("checksum"), "{size}: {said}");
        let said = refusal("a.tgz", &parts[..parts.len() - 5]);
        assert!(said.contains("cut off"), "{size}: {said}");
    }
}

#[test]
fn names_twice_are_as_when_it_is_unpacked() {
    let twice = archive(|tar| {
        add(tar, b'0', "f", b"old");
        add_link(tar, b'1', "hard", "f");
        add(tar, b'0', "f", b"new");
        add_link(tar, b'2', "soft", "hard");
        add(tar, b'0', "soft", b"a file now");
        // Old archives say that it is a directory by its name only.
        add(tar, b'0', "d/", b"");
        add(tar, b'0', "d/g", b"in it");
        add(tar, b'5', "d/", b"");
    });
    let expected = files(&[("f", b"new"), ("hard", b"old"), ("soft", b"a file now"), ("d/g", b"in it")]);
    assert_eq!(unpacked("a.tar", &twice), expected);
    for [first, second] in [["d/f", "d"], ["d", "d/f"], ["d/", "d"], ["d", "d/"]] {
        let said = refusal(
            "a.tar",
            &archive(|tar| {
                add(tar, b'0', first, b"");
                add(tar, b'0', second, b"");
            }),
        );
        assert!(said.contains("is both a directory and a file in the archive"), "{first}: {said}");
    }
    let said = refusal("a.tar", &archive(|tar| add(tar, b'0', "d/", b"1")));
    assert!(said.contains("is a directory in the archive, and has contents there"), "{said}");
}
