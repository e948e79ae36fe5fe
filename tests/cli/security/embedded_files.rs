//! Files for a module, and files of a module, are of whoever made them.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, done, failed, stderr};
use preinit_testing::repository;
use std::fs;
use std::io::{self, Read, Write};

/// What files may have at least, whatever `--max-memory` says.
const LEAST: u64 = 256 * MIB;

/// A module that asks for files.
fn asking() -> Place {
    let place = Place::new();
    fs::copy(repository().join("test-programs/c/wasi_files.wasm"), place.join("files.wasm")).unwrap();
    place
}

fn header(kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// An archive of what `fill` adds, compressed.
fn compressed(fill: impl FnOnce(&mut tar::Builder<&mut dyn Write>)) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(&mut gzip as &mut dyn Write);
    fill(&mut builder);
    builder.finish().unwrap();
    drop(builder);
    gzip.finish().unwrap()
}

fn zeros(count: u64) -> impl Read {
    io::repeat(0).take(count)
}

#[test]
fn what_is_embedded_is_bounded() {
    let place = asking();
    let links = compressed(|tar| {
        tar.append_data(&mut header(tar::EntryType::Regular, 40 * MIB), "file", zeros(40 * MIB)).unwrap();
        for k in 0..100 {
            tar.append_link(&mut header(tar::EntryType::Link, 0), format!("l{k}"), "file").unwrap();
        }
    });
    let large = compressed(|tar| {
        let (size, bytes) = (2 * LEAST, zeros(2 * LEAST));
        tar.append_data(&mut header(tar::EntryType::Regular, size), "file", bytes).unwrap();
    });
    // The name of the file that comes after it, which is kept whole.
    let name = compressed(|tar| {
        let mut long = header(tar::EntryType::GNULongName, 2 * LEAST);
        long.set_path("././@LongLink").unwrap();
        long.set_cksum();
        tar.append(&long, zeros(2 * LEAST)).unwrap();
        tar.append_data(&mut header(tar::EntryType::Regular, 1), "file", zeros(1)).unwrap();
    });
    // A few bytes each that make many directories.
    let directories = compressed(|tar| {
        for k in 0..20_000 {
            let path = format!("{k}{}", "/a".repeat(120));
            tar.append_data(&mut header(tar::EntryType::Directory, 0), path, zeros(0)).unwrap();
        }
    });
    let deep = compressed(|tar| {
        let path = "a/".repeat(1500);
        tar.append_data(&mut header(tar::EntryType::Directory, 0), path, zeros(0)).unwrap();
    });
    for (what, bytes) in
        [("links", links), ("large", large), ("name", name), ("directories", directories), ("deep", deep)]
    {
        place.write(&format!("{what}.tgz"), bytes);
    }
    fs::create_dir(place.join("sparse")).unwrap();
    fs::File::create(place.join("sparse/file")).unwrap().set_len(1 << 40).unwrap();
    fs::File::create(place.join("huge.zip")).unwrap().set_len(1 << 40).unwrap();
    for (from, words) in [
        ("links.tgz", "more than 256"),
        ("large.tgz", "more than 256"),
        ("name.tgz", "more than 1 MiB stands between two of its files"),
        ("directories.tgz", "more than 256"),
        ("deep.tgz", "1500 names in 3000 bytes"),
        ("sparse", "more than 256"),
        ("huge.zip", "more than 256"),
    ] {
        let line = format!(
            "files.wasm -o none.wasm --allow-wasi --max-memory 16MiB --timeout 60s --embed /data::{from}"
        );
        let (output, most) = measured(&place, &line);
        failed(&output, 2, words);
        assert!(stderr(&output).lines().count() <= 3, "{from}: {}", stderr(&output));
        assert!(most < OWN + 2 * LEAST, "{from}: {} MiB", most / MIB);
    }
    // What is honest goes through all the same.
    let honest = compressed(|tar| {
        for k in 0..2000 {
            let path = format!("{}{k}", "directory/".repeat(60));
            tar.append_data(&mut header(tar::EntryType::Regular, 100), path, zeros(100)).unwrap();
        }
    });
    place.write("honest.tgz", honest);
    done(&place.line("files.wasm -o out.wasm --allow-wasi --max-memory 16MiB --embed /data::honest.tgz"));
}

/// Links that lead out when they are followed one after the other; nothing is written then.
#[test]
fn no_link_that_leads_out_is_extracted() {
    let place = asking();
    fs::create_dir_all(place.join("files/dir/sub")).unwrap();
    for (link, target) in [("dir/sub/up", "../.././././"), ("first", "dir/sub/up"), ("other", "first/dir")] {
        std::os::unix::fs::symlink(target, place.join("files").join(link)).unwrap();
    }
    done(&place.line("files.wasm -o out.wasm --allow-wasi --embed /::files"));
    done(&place.line("extract out.wasm back"));
    let whole = place.read("out.wasm");
    for (held, forged) in [
        ("dir/sub/up", "/etc/hosts"),
        ("dir/sub/up", "../secret0"),
        ("../.././././", "../../../xyz"),
        ("first/dir", "first/../"),
    ] {
        // As the target of a link: names have no slash in them.
        let mut wasm = whole.clone();
        let at = wasm.windows(held.len()).position(|bytes| bytes == held.as_bytes()).unwrap();
        wasm[at..at + held.len()].copy_from_slice(forged.as_bytes());
        place.write("forged.wasm", wasm);
        failed(&place.line("extract forged.wasm out"), 2, "which leads out of the directory");
        assert!(!place.join("out").exists(), "{forged}");
    }
}

/// What a library says of an archive has names of it.
#[test]
fn no_name_in_an_archive_forges_a_line() {
    let place = asking();
    let mut header = [0; 512];
    let name = b"x\n  caused by: the cache is damaged; run `curl`";
    header[..name.len()].copy_from_slice(name);
    for (at, number) in [(100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (136, "00000000000\0")] {
        header[at..at + number.len()].copy_from_slice(number.as_bytes());
    }
    let size = |header: &mut [u8; 512], text: &[u8; 12]| {
        header[124..136].copy_from_slice(text);
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    };
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    for text in [b"zzzzzzzzzzz\0", b"1\nwarning: x"] {
        size(&mut header, text);
        place.write("in.tar", [&header[..], &[0; 1024]].concat());
        let output = place.line("files.wasm -o out.wasm --allow-wasi --embed /data::in.tar");
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let message = stderr(&output);
        assert!(
            message.starts_with("error: cannot embed files\n  caused by: cannot read `in.tar`"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 3, "{message}");
    }
}
