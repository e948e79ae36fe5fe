//! Outputs go where they were asked for, whatever the module does meanwhile in a directory that it may write to.

use crate::{Place, code, done, failed, stderr};
use std::fs;
use std::os::unix::fs::symlink;

pub const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\05\00\00\00")
    (data (i32.const 64) "words")
    (data (i32.const 100) "build") (data (i32.const 110) "moved") (data (i32.const 120) "../.ssh")
    (data (i32.const 130) "build/out") (data (i32.const 150) "../../.ssh/key")
    (func $ok (param i32) (if (local.get 0) (then unreachable)))"#;

pub const MOVE: &str = "(call $ok (call $rename (i32.const 3) (i32.const 100) (i32.const 5) (i32.const 3) (i32.const 110) (i32.const 5)))";
pub const LINK: &str =
    "(call $ok (call $symlink (i32.const 120) (i32.const 7) (i32.const 3) (i32.const 100) (i32.const 5)))";
const MAKE: &str = "(call $ok (call $mkdir (i32.const 3) (i32.const 100) (i32.const 5)))";
const REMOVE: &str = "(call $ok (call $rmdir (i32.const 3) (i32.const 100) (i32.const 5)))";
const UNLINK: &str = "(call $ok (call $unlink (i32.const 3) (i32.const 130) (i32.const 9)))";
const LINK_FILE: &str =
    "(call $ok (call $symlink (i32.const 150) (i32.const 14) (i32.const 3) (i32.const 130) (i32.const 9)))";
const PRINT: &str = "(call $ok (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))";
const TRAP: &str = "unreachable";

/// With `rw/build`, which the module may change, and `.ssh`, which it must not.
fn place(steps: &[&str]) -> Place {
    let place = Place::new();
    fs::create_dir_all(place.join("rw/build")).unwrap();
    fs::create_dir(place.join(".ssh")).unwrap();
    place.write(".ssh/key", "secret");
    place.write("evil.wat", format!(r#"(module {IMPORTS} (func (export "preinit") {}))"#, steps.join(" ")));
    place
}

#[track_caller]
fn assert_safe(place: &Place) {
    assert_eq!(place.read(".ssh/key"), b"secret");
    assert_eq!(fs::read_dir(place.join(".ssh")).unwrap().count(), 1);
    assert!(!fs::symlink_metadata(place.join(".ssh/key")).unwrap().is_symlink());
}

/// Every option that writes a file.
const OUTPUTS: [&str; 7] = [
    "evil.wat -o rw/build/out",
    "evil.wat -o snapshot --report rw/build/out",
    "evil.wat -o snapshot --report rw/build/out.html",
    "evil.wat -o snapshot --ledger rw/build/out",
    "evil.wat -o snapshot --capture-stdout rw/build/out",
    "evil.wat -o snapshot --capture-stderr rw/build/out",
    "audit evil.wat --report rw/build/out",
];

#[test]
fn an_exchanged_directory_is_noticed() {
    let cases: [&[&str]; 4] =
        [&[PRINT, MOVE, LINK], &[PRINT, MOVE, MAKE], &[PRINT, MOVE], &[PRINT, REMOVE, LINK]];
    for steps in cases {
        for line in OUTPUTS {
            let place = place(steps);
            let output = place.line(&format!("{line} --allow-wasi --dir-rw /rw::rw"));
            // An audit runs init a second time, which finds the directory gone.
            let is_audit = line.starts_with("audit");
            assert_ne!(code(&output), 0, "{line} {steps:?}: {}", stderr(&output));
            assert!(
                is_audit || stderr(&output).contains("cannot write `rw/build/out"),
                "{}",
                stderr(&output)
            );
            assert_safe(&place);
            // Nothing is where it was not asked for, and no snapshot without its report.
            for directory in ["rw/moved", "rw/build"] {
                let found = fs::read_dir(place.join(directory)).into_iter().flatten().flatten();
                let is_link = fs::symlink_metadata(place.join(directory)).is_ok_and(|it| it.is_symlink());
                assert!(is_link || found.count() == 0, "{line} {steps:?} {directory}");
            }
            assert!(!place.join("snapshot").exists(), "{line}");
        }
    }
}

#[test]
fn the_outputs_of_a_refused_run_neither_escape() {
    for line in &OUTPUTS[1..] {
        let place = place(&[PRINT, MOVE, LINK, TRAP]);
        let output = place.line(&format!("{line} --allow-wasi --dir-rw /rw::rw"));
        assert_ne!(code(&output), 0);
        assert_safe(&place);
    }
}

#[test]
fn an_exchanged_file_is_replaced_and_not_followed() {
    for line in &OUTPUTS[..6] {
        for is_there in [false, true] {
            let place = place(if is_there { &[UNLINK, LINK_FILE] } else { &[LINK_FILE] });
            let line = line.replace("out.html", "out");
            if is_there {
                place.write("rw/build/out", "old");
            }
            done(&place.line(&format!("{line} --allow-wasi --dir-rw /rw::rw")));
            assert_safe(&place);
            assert!(fs::symlink_metadata(place.join("rw/build/out")).unwrap().is_file(), "{line}");
            assert_ne!(place.read("rw/build/out"), b"old");
        }
    }
}

#[test]
fn an_honest_module_may_write_beside_its_outputs() {
    let place = place(&[PRINT]);
    done(&place.line("evil.wat -o rw/build/out --report rw/build/report --ledger rw/build/ledger --allow-wasi --dir-rw /rw::rw"));
    assert_eq!(fs::read_dir(place.join("rw/build")).unwrap().count(), 3);
}

/// Links that are out of the module's reach are the user's own. So are those in directories that it only reads.
#[test]
fn links_of_the_user_are_followed() {
    let place = place(&[PRINT]);
    fs::create_dir(place.join("elsewhere")).unwrap();
    symlink("elsewhere", place.join("link")).unwrap();
    symlink("rw", place.join("alias")).unwrap();
    symlink("elsewhere/file", place.join("rw.wasm")).unwrap();
    symlink("../elsewhere", place.join("elsewhere/again")).unwrap();
    for (path, found) in [
        ("link/one", "elsewhere/one"),
        ("rw/../link/two", "elsewhere/two"),
        ("rw/build/../../link/three", "elsewhere/three"),
        ("alias/build/four", "rw/build/four"),
        ("alias/five", "rw/five"),
        ("rw.wasm", "elsewhere/file"),
        ("link/again/six", "elsewhere/six"),
    ] {
        for writable in ["rw", "alias"] {
            let line =
                format!("evil.wat -o {path} --allow-wasi --dir-rw /rw::{writable} --dir-ro /e::elsewhere");
            for _ in 0..2 {
                done(&place.line(&line));
                assert!(place.read(found).starts_with(b"\0asm"), "{line}");
            }
            fs::remove_file(place.join(found)).unwrap();
        }
    }
    failed(&place.line("evil.wat -o rw --allow-wasi --dir-rw /rw::rw"), 2, "it is a directory");
    failed(&place.line("evil.wat -o rw/build --allow-wasi --dir-rw /rw::rw"), 2, "it is a directory");
}

/// What the next run must say of a link that this one has left.
pub const LEFT: &str = "is a link that the module could have made";

/// The module of the first run leaves a link, and the same command is run again.
#[test]
fn a_link_of_an_earlier_run_is_not_followed() {
    let cases: [(&[&str], &str); 2] =
        [(&[MOVE, LINK, TRAP], "rw/build"), (&[LINK_FILE, TRAP], "rw/build/out")];
    for (steps, link) in cases {
        for line in OUTPUTS.into_iter().chain(["verify honest.wat honest.wasm --report rw/build/out"]) {
            let line = if link.ends_with("out") { line.replace("out.html", "out") } else { line.to_string() };
            let place = place(steps);
            place.write("honest.wat", format!(r#"(module {IMPORTS} (func (export "preinit") {PRINT}))"#));
            done(&place.line("honest.wat -o honest.wasm --allow-wasi"));
            symlink("rw", place.join("alias")).unwrap();
            symlink("rw/build/out", place.join("to-out")).unwrap();
            let first = place.line("evil.wat -o snapshot --allow-wasi --dir-rw /rw::rw");
            assert_ne!(code(&first), 0);
            assert!(fs::symlink_metadata(place.join(link)).unwrap().is_symlink());
            let line = line.replace("evil.wat", "honest.wat");
            let mut lines = vec![format!("{line} --allow-wasi --dir-rw /rw::rw")];
            if line == "honest.wat -o rw/build/out" {
                lines.push(format!("{line} --allow-wasi --dir-rw /rw::alias"));
                lines.push(format!("{line} --allow-wasi --dir-rw /all::."));
                for path in ["alias/build/out", "rw/./build/out", "to-out"] {
                    lines.push(format!("honest.wat -o {path} --allow-wasi --dir-rw /rw::rw"));
                }
                if link == "rw/build" {
                    let line = "honest.wat -o rw/build/../.ssh/key --allow-wasi --dir-rw /rw::rw";
                    lines.push(line.to_string());
                }
            }
            for line in lines {
                let output = place.line(&line);
                failed(&output, 2, LEFT);
                assert!(stderr(&output).contains("cannot write `"), "{}", stderr(&output));
                assert_safe(&place);
                assert!(!place.join("snapshot").exists(), "{line}");
            }
        }
    }
}

/// Nor does such a link open another directory to the next run.
#[test]
fn a_link_of_an_earlier_run_is_not_given_as_a_directory() {
    let place = place(&[MOVE, LINK]);
    let line = "evil.wat -o snapshot --allow-wasi --dir-rw /rw::rw";
    done(&place.line(line));
    fs::remove_file(place.join("snapshot")).unwrap();
    for option in
        ["--dir rw/build::/b", "--dir-ro /b::rw/build", "--dir-rw /b::rw/build", "--mapdir /b::rw/build"]
    {
        let output = place.line(&format!("{line} {option}"));
        failed(&output, 2, LEFT);
        assert!(
            stderr(&output).contains("cannot give `rw/build` to the module as `/b`"),
            "{}",
            stderr(&output)
        );
    }
    assert_safe(&place);
}

#[test]
fn an_exchanged_directory_does_not_cost_the_old_output() {
    let place = place(&[MOVE, LINK]);
    place.write("rw/build/out", "old");
    failed(
        &place.line("evil.wat -o rw/build/out --allow-wasi --dir-rw /rw::rw"),
        2,
        "cannot write `rw/build/out`",
    );
    assert_eq!(place.read("rw/moved/out"), b"old");
    assert_safe(&place);
}
