//! A replaced file gives nobody rights; the ledger is for its owner alone.

use crate::{Place, done, failed};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

const NOBODY: u32 = 65534;

const LINES: [&str; 4] = [
    "in.wasm -o out",
    "in.wasm -o snapshot --report out",
    "in.wasm -o snapshot --capture-stdout out --allow-wasi",
    "audit in.wasm --report out",
];

fn replaced(place: &Place, line: &str, mode: u32, owner: Option<u32>) -> Option<fs::Metadata> {
    place.write("out", "old");
    if let Some(owner) = owner {
        chown(place.join("out"), Some(owner), None).ok()?;
    }
    // After the owner: changing that clears these bits.
    fs::set_permissions(place.join("out"), fs::Permissions::from_mode(mode)).unwrap();
    done(&place.line(line));
    assert_ne!(place.read("out"), b"old");
    Some(fs::metadata(place.join("out")).unwrap())
}

#[test]
fn no_file_runs_as_somebody_else() {
    for line in LINES {
        for (mode, expected) in [
            (0o4755, 0o755),
            (0o2755, 0o755),
            (0o6755, 0o755),
            (0o1644, 0o644),
            (0o7777, 0o777),
            (0o640, 0o640),
            (0o600, 0o600),
            (0o444, 0o444),
        ] {
            // To all but the administrator, a read-only file is one that must not be replaced.
            let place = Place::new();
            if mode == 0o444 && fs::metadata(place.path()).unwrap().uid() != 0 {
                continue;
            }
            let found = replaced(&place, line, mode, None).unwrap().mode() & 0o7777;
            assert_eq!(found, expected, "{line}: {mode:o} became {found:o}");
        }
    }
}

/// Machine code that others could change would be their way to run code.
/// The group's bits of what has an access control list are those of everybody on it. The list itself is not kept.
#[cfg(target_os = "linux")]
#[test]
fn what_a_list_gives_is_given_to_nobody_else() {
    use super::cache_lists::{ACCESS, set_list};
    for line in LINES {
        for (mask, others, expected) in [(6, 0, 0o600), (7, 0, 0o700), (6, 4, 0o644), (4, 4, 0o644)] {
            let place = Place::new();
            place.write("out", "old");
            set_list(&place.join("out"), ACCESS, (mask, mask));
            let bits = 0o600 | u32::from(mask) << 3 | others | if mask == 7 { 0o100 } else { 0 };
            fs::set_permissions(place.join("out"), fs::Permissions::from_mode(bits)).unwrap();
            done(&place.line(line));
            assert_ne!(place.read("out"), b"old");
            let mode = fs::metadata(place.join("out")).unwrap().mode() & 0o7777;
            assert_eq!(mode, expected, "{mode:o} {mask} {others} {line}");
        }
    }
}

/// An empty directory that has a list stays the one that it is.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_with_a_list_keeps_it() {
    use super::cache_lists::{ACCESS, set_list};
    let place = crate::embed::furnished();
    done(&place.run(["files.wasm", "-o", "out.wasm", "--allow-wasi", "--embed", crate::embed::DATA]));
    for has_list in [false, true] {
        let back = place.join(&format!("back-{has_list}"));
        fs::create_dir(&back).unwrap();
        if has_list {
            set_list(&back, ACCESS, (7, 7));
        }
        let before = fs::metadata(&back).unwrap();
        done(&place.run(["extract", "out.wasm", back.to_str().unwrap()]));
        let after = fs::metadata(&back).unwrap();
        assert_eq!((before.ino() == after.ino(), after.mode()), (has_list, before.mode()));
        assert_eq!(fs::read(back.join("data/hello.txt")).unwrap(), b"hello");
    }
}

#[test]
fn prepared_code_is_written_by_its_owner_alone() {
    let place = Place::new();
    let binary = env!("CARGO_BIN_EXE_preinit");
    let prepare = || {
        let script = format!("umask 000; exec '{binary}' prepare in.wasm -o code");
        let status = Command::new("sh").arg("-c").arg(script).current_dir(place.path()).status().unwrap();
        assert!(status.success());
        fs::metadata(place.join("code")).unwrap().mode() & 0o7777
    };
    let set = |mode| fs::set_permissions(place.join("code"), fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(prepare(), 0o644);
    for (mode, expected) in [(0o666, 0o644), (0o777, 0o755), (0o600, 0o600)] {
        set(mode);
        assert_eq!(prepare(), expected);
    }
    done(&place.line("in.wasm -o out.wasm --prepared code"));
    set(0o646);
    failed(
        &place.line("in.wasm -o out.wasm --prepared code"),
        2,
        "code` can be changed by others (its mode is 0646)",
    );
    set(0o644);
    fs::create_dir(place.join("shared")).unwrap();
    fs::rename(place.join("code"), place.join("shared/code")).unwrap();
    let line = "in.wasm -o out.wasm --prepared shared/code";
    for mode in [0o755, 0o1777] {
        fs::set_permissions(place.join("shared"), fs::Permissions::from_mode(mode)).unwrap();
        done(&place.line(line));
    }
    fs::set_permissions(place.join("shared"), fs::Permissions::from_mode(0o777)).unwrap();
    failed(&place.line(line), 2, "shared` can be changed by others (its mode is 0777)");
}

/// Only the administrator can replace a file of another user in a test's own directory.
#[test]
fn nothing_is_kept_of_another_user_s_file() {
    for line in LINES {
        for mode in [0o4755, 0o6777, 0o777, 0o666, 0o600] {
            let place = Place::new();
            let Some(metadata) = replaced(&place, line, mode, Some(NOBODY)) else {
                assert_ne!(fs::metadata(place.path()).unwrap().uid(), 0, "the administrator can");
                return;
            };
            place.write("new", "");
            let new = fs::metadata(place.join("new")).unwrap();
            assert_eq!((metadata.uid(), metadata.mode()), (new.uid(), new.mode()), "{line}: {mode:o}");
        }
    }
}

/// As with any other file that is made.
#[test]
fn a_new_output_has_the_mode_that_the_mask_leaves() {
    for (mask, expected) in [("022", 0o644), ("077", 0o600), ("002", 0o664), ("000", 0o666)] {
        let place = Place::new();
        under_mask(&place, mask, "in.wasm -o out --report report --ledger ledger");
        for (name, expected) in [("out", expected), ("report", expected), ("ledger", 0o600)] {
            let found = fs::metadata(place.join(name)).unwrap().mode() & 0o7777;
            assert_eq!(found, expected, "{name} under {mask}: {found:o}");
        }
    }
}

fn under_mask(place: &Place, mask: &str, line: &str) {
    let binary = env!("CARGO_BIN_EXE_preinit");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask {mask}; exec '{binary}' {line} --no-cache"));
    done(&command.current_dir(place.path()).output().unwrap());
}

#[test]
fn a_ledger_is_private_whatever_it_replaces() {
    for line in ["in.wasm -o snapshot --ledger out", "audit in.wasm --ledger out"] {
        for mode in [0o644, 0o666, 0o777, 0o4755, 0o600] {
            let found = replaced(&Place::new(), line, mode, None).unwrap().mode() & 0o7777;
            assert_eq!(found, 0o600, "{line}: {mode:o}");
        }
    }
}

/// Reads one byte of standard input.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\10\00\00\00")
    (func (export "preinit") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

#[test]
fn a_ledger_does_not_tell_what_was_read() {
    let place = Place::new();
    place.write("reader.wat", READER);
    for secret in ["7", "1234", "hunter2"] {
        let hash: String =
            <sha2::Sha256 as sha2::Digest>::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect();
        for command in ["reader.wat -o snapshot", "audit reader.wat --inherit-stdio=true"] {
            let ledger = |more: &str| {
                let line = format!("{command} --allow-wasi --ledger ledger {more}");
                done(&place.line_with_stdin(&line, secret.as_bytes()));
                String::from_utf8(place.read("ledger")).unwrap()
            };
            let (first, second) = (ledger(""), ledger("--ledger-hash salted"));
            assert!(first != second, "salts differ");
            assert!(!first.contains(&hash) && !second.contains(&hash));
            let plain = ledger("--ledger-hash plain");
            assert!(plain.contains(&hash), "{plain}");
            assert_eq!(plain, ledger("--ledger-hash plain"), "for comparison");
        }
    }
}
