//! What is read is what the user has named, whatever links the module has left where it may write.

use super::output_escape::{IMPORTS, LEFT, LINK, MOVE};
use crate::{Place, done, failed, stderr};
use preinit::host::{Access, Directory, HostOptions, WasiOptions};
use preinit::{Options, Preinit};
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;

const WRITABLE: &str = "--allow-wasi --dir-rw /rw::rw";

/// Every option and argument that names something to be read, here `FILE` or the directory `DIR`.
const INPUTS: [&str; 13] = [
    "FILE -f init -o out.wasm",
    "in.wasm -f init -o out.wasm --preload e=FILE",
    "in.wasm -f init -o out.wasm --embed /e::FILE",
    "in.wasm -f init -o out.wasm --embed /e::DIR",
    "audit FILE -f init",
    "audit in.wasm -f init --preload e=FILE",
    "audit in.wasm -f init --embed /e::DIR",
    "verify FILE out -f init",
    "verify in.wasm FILE -f init",
    "verify in.wasm out -f init --script FILE",
    "verify in.wasm out -f init --run-stdin FILE",
    "verify in.wasm out -f init --preload e=FILE",
    "verify in.wasm out -f init --run-dir /r::DIR",
];

/// With `rw`, which the module may change, and `secret`, where links in it lead.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.join("rw/real")).unwrap();
    fs::create_dir(place.join("secret")).unwrap();
    done(&place.line("in.wasm -f init -o out"));
    for copy in ["secret/file", "rw/real/file"] {
        fs::copy(place.join("in.wasm"), place.join(copy)).unwrap();
    }
    symlink("../secret/file", place.join("rw/file")).unwrap();
    symlink("../secret", place.join("rw/directory")).unwrap();
    symlink("rw/file", place.join("to-file")).unwrap();
    place
}

#[test]
fn no_input_is_read_through_a_link_of_the_module() {
    let place = place();
    for line in INPUTS {
        for (file, directory) in [
            ("rw/file", "rw/directory"),
            ("rw/directory/file", "rw/directory/."),
            ("rw/./real/../file", "rw/real/../directory"),
            ("to-file", "rw/directory"),
        ] {
            let line = line.replace("FILE", file).replace("DIR", directory);
            failed(&place.line(&format!("{line} {WRITABLE}")), 2, LEFT);
            assert!(!place.join("out.wasm").exists(), "{line}");
        }
        // What is there itself may be read, and so may links where the module cannot write.
        for (file, directory, writable) in
            [("rw/real/file", "rw/real", "rw"), ("rw/file", "rw/directory", "secret")]
        {
            let typed = line.replace("FILE", file).replace("DIR", directory);
            let said = stderr(&place.line(&format!("{typed} --allow-wasi --dir-rw /w::{writable}")));
            assert!(!said.contains(LEFT), "{typed}: {said}");
            let _ = fs::remove_file(place.join("out.wasm"));
        }
    }
}

#[test]
fn honest_inputs_may_be_where_the_module_writes() {
    let place = place();
    done(&place.line(&format!("rw/real/file -f init -o out.wasm {WRITABLE}")));
    done(&place.line(&format!("verify rw/real/file out.wasm -f init {WRITABLE}")));
}

/// Nor is a directory opened by the next run of one module that is prepared through what this one has put there: `build` becomes
/// a link to `.ssh`.
#[test]
fn no_directory_is_opened_again_through_a_link_of_init() {
    let place = Place::new();
    fs::create_dir_all(place.join("rw/build")).unwrap();
    fs::create_dir(place.join(".ssh")).unwrap();
    let directory =
        |guest: &str, host: &str, access| Directory { guest: guest.into(), host: place.join(host), access };
    let wasi = WasiOptions {
        dirs: vec![directory("/rw", "rw", Access::ReadWrite), directory("/b", "rw/build", Access::ReadOnly)],
        ..WasiOptions::default()
    };
    let wasm =
        wat::parse_str(format!(r#"(module {IMPORTS} (func (export "preinit") {MOVE} {LINK}))"#)).unwrap();
    let host = HostOptions { wasi: Some(wasi), ..HostOptions::default() };
    let preinit = Preinit::from(Options { host, ..Options::default() });
    let prepared = preinit.prepare(&wasm).unwrap();
    prepared.run(prepared.options()).unwrap();
    assert!(fs::symlink_metadata(place.join("rw/build")).unwrap().is_symlink());
    let error = prepared.run(prepared.options()).unwrap_err();
    let mut causes = String::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(cause) = next {
        causes += &cause.to_string();
        next = cause.source();
    }
    assert!(causes.contains(LEFT), "{causes}");
}

/// One could change what the next one reads.
#[test]
fn no_job_is_given_a_directory_to_write_to() {
    let place = Place::new();
    fs::create_dir(place.join("rw")).unwrap();
    let of = |all: &str, own: &str| {
        format!(
            r#"{{"module": "in.wasm", "options": ["-f", "init"{all}], "jobs": [{{"output": "a"}}, {{"output": "b", "options": [{own}]}}]}}"#
        )
    };
    const OPTIONS: &str = r#""--allow-wasi", "--dir-rw", "rw""#;
    for (jobs, made) in [(of("", OPTIONS), 1), (of(&format!(", {OPTIONS}"), ""), 0)] {
        place.write("jobs.json", jobs);
        failed(&place.line("batch jobs.json"), 2, "--dir-rw is not there for jobs");
        assert_eq!(["a", "b"].iter().filter(|name| place.join(name).exists()).count(), made);
        let _ = fs::remove_file(place.join("a"));
    }
}
