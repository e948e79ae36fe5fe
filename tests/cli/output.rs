//! The output file appears whole or not at all.

use super::{Place, code, done, failed, stderr};
use std::fs;
use std::process::Stdio;

const FAILURES: [(&str, i32, &str); 7] = [
    ("-f bad -o out.wasm in.wasm", 1, "the `bad` function trapped"),
    ("-f spin --timeout 100ms -o out.wasm in.wasm", 1, "time limit"),
    ("-f spin --opt --timeout 100ms -o out.wasm in.wasm", 1, "the `spin` function did not finish"),
    ("-f spin --fuel 1000 -o out.wasm in.wasm", 1, "fuel"),
    ("-f init --max-memory 1KiB -o out.wasm in.wasm", 1, "limit"),
    ("-f missing -o out.wasm in.wasm", 2, "missing"),
    ("-f init --report no/such/place -o out.wasm in.wasm", 2, "cannot write `no/such/place`"),
];

#[test]
fn a_failure_leaves_an_existing_output_as_it_was() {
    let place = Place::new();
    place.write("out.wasm", b"old");
    for (line, expected, message) in FAILURES {
        failed(&place.line(line), expected, message);
        assert_eq!(place.read("out.wasm"), b"old", "{line}");
        assert_eq!(place.files(), ["in.wasm", "in.wat", "out.wasm"], "{line}");
    }
}

#[test]
fn a_failure_makes_no_output() {
    let place = Place::new();
    for (line, expected, message) in FAILURES {
        failed(&place.line(line), expected, message);
        assert_eq!(place.files(), ["in.wasm", "in.wat"], "{line}");
    }
}

#[test]
fn success_leaves_no_litter() {
    let place = Place::new();
    place.write("out.wasm", b"old");
    done(&place.line("-f init -o out.wasm in.wasm --report report.json --ledger ledger.jsonl"));
    assert_eq!(place.files(), ["in.wasm", "in.wat", "ledger.jsonl", "out.wasm", "report.json"]);
    assert!(place.read("out.wasm").starts_with(b"\0asm"));
}

#[test]
fn the_output_may_be_the_input() {
    let place = Place::new();
    done(&place.line("-f init -o out.wasm in.wasm"));
    done(&place.line("-f init -o in.wasm in.wasm"));
    assert_eq!(place.read("in.wasm"), place.read("out.wasm"));
}

#[test]
fn a_bad_place_is_found_before_the_run() {
    let place = Place::new();
    fs::create_dir(place.join("directory")).unwrap();
    for output in ["no/such/out.wasm", "in.wat/out.wasm", "directory", "directory/", "new/"] {
        // The run itself would take forever.
        let line = format!("-f spin --timeout none -o {output} in.wasm");
        failed(&place.line(&line), 2, &format!("cannot write `{output}`"));
    }
}

#[cfg(unix)]
#[test]
fn a_directory_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::create_dir(place.join("closed")).unwrap();
    fs::set_permissions(place.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    // To root, nothing is closed.
    if fs::write(place.join("closed/probe"), b"").is_err() {
        failed(
            &place.line("-f spin --timeout none -o closed/out.wasm in.wasm"),
            2,
            "cannot write `closed/out.wasm`",
        );
    }
}

#[test]
fn a_host_call_that_never_returns_is_ended() {
    let place = Place::new();
    place.write("out.wasm", b"old");
    place.write(
        "guest.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "init")
                (i32.store (i32.const 4) (i32.const 8))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let mut command = place.command("--allow-wasi --timeout 1500ms -f init -o out.wasm guest.wat".split(' '));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Held open, so that there is neither input nor its end.
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    failed(&output, 1, "longer than the time limit of 1.5s");
    assert_eq!(place.read("out.wasm"), b"old");
    assert_eq!(place.files(), ["guest.wat", "in.wasm", "in.wat", "out.wasm"]);
}

#[test]
fn outputs_must_differ() {
    let place = Place::new();
    place.write("out.wasm", b"old");
    for line in [
        "-f init in.wasm --report -",
        "-f init in.wasm -o out.wasm --report - --ledger -",
        "-f init in.wasm -o out.wasm --report ./out.wasm",
    ] {
        failed(&place.line(line), 2, "two outputs go to");
    }
    assert_eq!(place.read("out.wasm"), b"old");
}

#[test]
fn a_closed_pipe_is_no_news() {
    let place = Place::new();
    for line in ["-f init", "-f init -o out.wasm --report -"] {
        let mut command = place.command(line.split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It cannot write before it has read, so the pipe is closed when it does.
        drop(child.stdout.take());
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &place.read("in.wasm")).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), stderr(&output).as_str()), (2, ""), "{line}");
    }
    assert!(!place.join("out.wasm").exists());
}

#[cfg(unix)]
#[test]
fn devices_and_links() {
    let place = Place::new();
    done(&place.line("-f init -o /dev/null in.wasm"));
    done(&place.line("-f init -o out.wasm in.wasm"));
    let output = place.line("-f init -o /dev/stdout in.wasm");
    done(&output);
    assert_eq!(output.stdout, place.read("out.wasm"));

    fs::create_dir(place.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere/target", place.join("link")).unwrap();
    for _ in ["made", "replaced"] {
        done(&place.line("-f init -o link in.wasm"));
        assert_eq!(place.read("elsewhere/target"), place.read("out.wasm"));
        assert!(fs::symlink_metadata(place.join("link")).unwrap().is_symlink());
        assert_eq!(fs::read_dir(place.join("elsewhere")).unwrap().count(), 1);
    }
}
