//! Files in modules, from the command line.

use super::{Place, code, done, failed, stderr, stdout};
use preinit_testing::repository;
use std::fs;
use std::io::Write;

pub const DATA: &str = "/data::files";

/// A module that asks for files, and a directory of them.
pub fn furnished() -> Place {
    let place = Place::new();
    fs::copy(repository().join("test-programs/c/wasi_files.wasm"), place.join("files.wasm")).unwrap();
    fs::create_dir_all(place.join("files/sub/__pycache__")).unwrap();
    place.write("files/hello.txt", "hello");
    place.write("files/sub/one.py", "1");
    place.write("files/sub/__pycache__/one.pyc", "compiled");
    #[cfg(unix)]
    std::os::unix::fs::symlink("sub/one.py", place.join("files/link")).unwrap();
    place
}

pub fn list(place: &Place, module: &str) -> Vec<String> {
    let output = place.run(["list", module]);
    done(&output);
    stdout(&output).lines().map(|line| line.trim().to_string()).collect()
}

#[test]
fn what_is_embedded_is_listed_and_extracted() {
    let place = furnished();
    let output = place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", DATA]);
    done(&output);
    let listed = list(&place, "out.wasm");
    assert!(listed.contains(&"5  /data/hello.txt".to_string()), "{listed:?}");
    assert!(listed.contains(&"directory  /data/sub".to_string()), "{listed:?}");
    #[cfg(unix)]
    assert!(listed.contains(&"link  /data/link -> sub/one.py".to_string()), "{listed:?}");
    done(&place.run(["extract", "out.wasm", "back"]));
    assert_eq!(place.read("back/data/hello.txt"), b"hello");
    assert_eq!(place.read("back/data/sub/__pycache__/one.pyc"), b"compiled");
    #[cfg(unix)]
    assert_eq!(fs::read_link(place.join("back/data/link")).unwrap().to_str(), Some("sub/one.py"));
    // Nothing is written over.
    failed(&place.run(["extract", "out.wasm", "back"]), 2, "`back` is not empty");
    let none = place.run(["list", "files.wasm"]);
    assert_eq!(code(&none), 1);
    assert!(stderr(&none).contains("has no files in it"));
}

#[test]
fn the_output_is_the_same_whenever_files_were_changed() {
    let place = furnished();
    let make = |name: &str| {
        done(&place.run(["files.wasm", "-o", name, "--allow-wasi", "--embed", DATA]));
        place.read(name)
    };
    let first = make("first.wasm");
    let file = fs::File::options().append(true).open(place.join("files/hello.txt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert!(make("second.wasm") == first);
    done(&place.run(["files.wasm", "-o", "r.wasm", "--allow-wasi", "--embed", DATA, "--file-times", "real"]));
    assert!(place.read("r.wasm") != first);
}

#[test]
fn names_are_left_out() {
    let place = furnished();
    let exclude = ["--embed-exclude", "__pycache__", "--embed-exclude", "hello.*"];
    let words = ["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", DATA];
    done(&place.run(words.into_iter().chain(exclude)));
    let listed = list(&place, "out.wasm").join("\n");
    assert!(listed.contains("one.py") && !listed.contains("pyc") && !listed.contains("hello"), "{listed}");
    let wrong = place.run(words.into_iter().chain(["--embed-exclude", "[a"]));
    failed(&wrong, 2, "`[a` is not a pattern");
}

#[test]
fn archives_are_unpacked() {
    let place = furnished();
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, text: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text).unwrap();
    };
    add("./top.txt", b"top");
    add("dir/below.txt", b"below");
    let tar = tar.into_inner().unwrap();
    place.write("a.tar", &tar);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar).unwrap();
    place.write("a.tar.gz", gzip.finish().unwrap());
    place.write("a.zip", zipped());
    for archive in ["a.tar", "a.tar.gz", "a.zip"] {
        let from = format!("/data::{archive}");
        done(&place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", &from]));
        let listed = list(&place, "out.wasm");
        assert!(listed.contains(&"3  /data/top.txt".to_string()), "{archive}: {listed:?}");
        assert!(listed.contains(&"5  /data/dir/below.txt".to_string()), "{archive}: {listed:?}");
    }
    // As a file, where its name says that it is one.
    done(&place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", "/data/lib.zip::a.zip"]));
    assert!(list(&place, "out.wasm").iter().any(|line| line.ends_with("/data/lib.zip")));
    place.write("bad.zip", b"PK\x03\x04 cut off");
    let bad = place.run(["files.wasm", "-o", "none.wasm", "--allow-wasi", "--embed", "/data::bad.zip"]);
    failed(&bad, 2, "cannot read `bad.zip`");
    assert!(!place.join("none.wasm").exists());
}

/// A ZIP archive of the same files, one of them compressed.
fn zipped() -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, text) in [("top.txt", &b"top"[..]), ("dir/below.txt", b"below")] {
        let builder = archive.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = builder.start().unwrap();
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(encoder);
        writer.write_all(text).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

#[test]
fn what_cannot_be_embedded_is_refused_in_a_line() {
    let place = furnished();
    let refused = |words: &[&str], expected: &str| {
        let output = place.run(["-o", "none.wasm", "--allow-wasi"].iter().chain(words).copied());
        failed(&output, 2, expected);
        assert!(!place.join("none.wasm").exists());
    };
    refused(&["files.wasm", "--embed", "/data::missing"], "cannot read `missing`");
    refused(&["files.wasm", "--embed", "data"], "expected GUEST::HOST");
    refused(&["files.wasm", "--embed", DATA, "--embed", DATA], "`/data` is given twice");
    refused(&["in.wasm", "--embed", DATA], "imports no function of WASI preview 1 that opens files");
    place.write(
        "threads.wat",
        r#"(module (import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
            (memory (export "memory") 1 2 shared) (func (export "preinit")))"#,
    );
    refused(&["threads.wat", "--embed", DATA], "shared between threads");
    place.write(
        "old.wat",
        r#"(module (import "wasi_unstable" "fd_prestat_get" (func (param i32 i32) (result i32)))
            (memory (export "memory") 1) (func (export "preinit")))"#,
    );
    refused(&["old.wat", "--embed", DATA], "imports the files of WASI snapshot 0 (`wasi_unstable`)");
    refused(&["files.wasm", "--reopen", "/data/../x"], "cannot be the path of a file that is opened anew");
    for (dir, path) in [("/d/sub::files", "/d/sub/dir/x"), ("/::files", "/d/x"), ("/d/::files", "/d/x")] {
        let words = ["files.wasm", "--mapdir", "/d::files", "--mapdir", dir, "--reopen", path];
        refused(&words, "is in several of the directories that are given");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../in.wasm", place.join("files/out")).unwrap();
        refused(&["files.wasm", "--embed", DATA], "leads out of what is embedded, to `../in.wasm`");
    }
}

#[test]
fn secrets_among_the_files_are_found() {
    let place = furnished();
    place.write("files/key", "-----BEGIN PRIVATE KEY-----\nMII");
    let output = place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", DATA]);
    done(&output);
    assert!(stderr(&output).contains("`/data/key` has a private key in it"), "{}", stderr(&output));
}

/// The largest first, in the report and on the page that is made of it.
#[test]
fn the_report_shows_files_by_size() {
    let place = furnished();
    place.write("files/large", "0123456789".repeat(500));
    for report in ["report.json", "report.html"] {
        done(&place.run([
            "files.wasm",
            "-o",
            "out.wasm",
            "--allow-wasi",
            "--embed",
            DATA,
            "--report",
            report,
        ]));
    }
    let json: serde_json::Value = serde_json::from_slice(&place.read("report.json")).unwrap();
    let files = json["embedded"].as_array().unwrap().iter();
    let files: Vec<_> = files.map(|file| (file["path"].as_str().unwrap(), file["bytes"].as_u64())).collect();
    assert_eq!(files[..2], [("/data/large", Some(5000)), ("/data/sub/__pycache__/one.pyc", Some(8))]);
    let page = String::from_utf8(place.read("report.html")).unwrap();
    let rows = r#"["/data/large","5000 bytes"],["/data/sub/__pycache__/one.pyc","8 bytes"],["/data/hello.txt","5 bytes"]"#;
    assert!(page.contains(rows), "{page}");
}

#[test]
fn files_of_a_component_are_embedded_listed_and_extracted() {
    let place = furnished();
    place.write("files/key", "-----BEGIN PRIVATE KEY-----\nMII");
    place.write(
        "c.wat",
        r#"(component
            (core module $m
              (import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
              (memory (export "memory") 1)
              (func (export "init")))
            (core module $adapter (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8)))
            (core instance $a (instantiate $adapter))
            (core instance $i (instantiate $m (with "wasi_snapshot_preview1" (instance $a))))
            (func (export "init") (canon lift (core func $i "init"))))"#,
    );
    let output = place.run(["c.wat", "-o", "out.wasm", "-f", "init", "--embed", DATA]);
    done(&output);
    assert!(stderr(&output).contains("`/data/key` has a private key in it"), "{}", stderr(&output));
    let audit = place.run(["audit", "c.wat", "-f", "init", "--embed", DATA, "--strict"]);
    assert_eq!(code(&audit), 1);
    assert!(stdout(&audit).contains("`/data/key` has a private key in it"), "{}", stdout(&audit));
    let listed = list(&place, "out.wasm");
    assert!(listed.contains(&"5  /data/hello.txt".to_string()), "{listed:?}");
    done(&place.run(["extract", "out.wasm", "back"]));
    assert_eq!(place.read("back/data/hello.txt"), b"hello");
    place.write("none.wat", "(component)");
    let none = place.run(["none.wat", "-o", "none.wasm", "--embed", DATA]);
    failed(&none, 2, "no core module of the component asks for files by WASI preview 1");
    assert_eq!(code(&place.run(["list", "none.wat"])), 1);
}

#[test]
fn verification_accounts_for_changes_of_files() {
    let place = furnished();
    let words = ["files.wasm", "--allow-wasi", "--embed", DATA, "--embed-rw"];
    done(&place.run(words.into_iter().chain(["-o", "out.wasm"])));
    let verify = |options: &[&str]| {
        let words = ["verify", "files.wasm", "out.wasm", "--allow-wasi", "--embed", DATA];
        let output = place.run(words.iter().chain(options).copied());
        (code(&output), stdout(&output))
    };
    let (exit, said) = verify(&["--embed-rw"]);
    assert_eq!(exit, 0, "{said}");
    assert_ne!(verify(&[]).0, 0);
    failed(&place.run(["files.wasm", "-o", "n.wasm", "--embed-rw"]), 2, "--embed");
}

#[test]
fn verification_accounts_for_the_files() {
    let place = furnished();
    let words = ["files.wasm", "--allow-wasi", "--embed", DATA];
    done(&place.run(words.into_iter().chain(["-o", "out.wasm"])));
    let verify = |options: &[&str]| {
        let output =
            place.run(["verify", "files.wasm", "out.wasm", "--allow-wasi"].iter().chain(options).copied());
        (code(&output), stdout(&output))
    };
    let (exit, said) = verify(&["--embed", DATA]);
    assert_eq!(exit, 0, "{said}");
    place.write("files/hello.txt", "other");
    let (exit, said) = verify(&["--embed", DATA]);
    assert_eq!(exit, 1, "{said}");
    assert_ne!(verify(&[]).0, 0);
}

/// Whoever made the module does not choose where something is written.
#[test]
fn nothing_is_extracted_outside_of_the_directory() {
    let place = furnished();
    place.write("files/uniquefil", "escaped");
    done(&place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", DATA]));
    let mut wasm = place.read("out.wasm");
    let places: Vec<usize> = (0..wasm.len() - 9).filter(|&at| wasm[at..].starts_with(b"uniquefil")).collect();
    assert!(!places.is_empty());
    for name in [b"../escape", b"/../../xy"] {
        places.iter().for_each(|&at| wasm[at..at + 9].copy_from_slice(name));
        place.write("hostile.wasm", &wasm);
        let shown = String::from_utf8_lossy(name).into_owned();
        failed(&place.run(["extract", "hostile.wasm", "inside"]), 2, &format!("{shown}`, which leads out"));
        assert!(!place.join("inside").exists() && !place.join("escape").exists());
    }
}

#[test]
fn jobs_share_what_is_embedded() {
    let place = furnished();
    done(&place.run(["files.wasm", "-o", "single.wasm", "--allow-wasi", "--embed", DATA]));
    let jobs = r#"{"module": "files.wasm", "options": ["--allow-wasi", "--embed", "/data::files"], "jobs": [{"output": "made.wasm"}]}"#;
    place.write("jobs.json", jobs);
    done(&place.run(["batch", "jobs.json"]));
    assert!(place.read("made.wasm") == place.read("single.wasm"));
    let own = r#"{"module": "files.wasm", "options": ["--allow-wasi"],
        "jobs": [{"output": "made.wasm", "options": ["--embed", "/data::files"]}]}"#;
    place.write("jobs.json", own);
    failed(&place.run(["batch", "jobs.json"]), 2, "--embed is for all jobs");
}

#[test]
fn a_file_with_the_arguments_is_listed_and_checked() {
    let place = furnished();
    let path = "/proc/self/cmdline";
    let words = ["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", DATA, "--embed-args", path];
    done(&place.run(words));
    let listed = list(&place, "out.wasm");
    assert!(listed.contains(&format!("arguments  {path}")), "{listed:?}");
    done(&place.run(["extract", "out.wasm", "back"]));
    assert!(place.join("back/proc/self").is_dir() && !place.join("back/proc/self/cmdline").exists());
    done(&place.run([
        "verify",
        "files.wasm",
        "out.wasm",
        "--allow-wasi",
        "--embed",
        DATA,
        "--embed-args",
        path,
    ]));
    let twice = place.run(words.into_iter().chain(["--embed", "/proc/self/cmdline::files/hello.txt"]));
    failed(&twice, 2, "`/proc/self/cmdline` is given twice");
}
