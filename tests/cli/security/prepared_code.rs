//! Machine code of `preinit prepare` runs as it is: it is not taken from where others could have put it.

use crate::{Place, done, failed, stderr};
use std::fs;

const OTHERS: &str = "can be changed by others";

#[cfg(unix)]
fn set(place: &Place, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(place.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// With `deep/down/code`.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.join("deep/down")).unwrap();
    done(&place.line("prepare in.wasm -o deep/down/code"));
    place
}

/// Whoever can write to one directory on the way can exchange everything below it.
#[cfg(unix)]
#[test]
fn prepared_code_that_others_can_change_is_not_taken() {
    let place = place();
    let line = "in.wasm -o out.wasm --prepared deep/down/code";
    done(&place.line(line));
    for (path, safe) in [("deep/down/code", 0o644), ("deep/down", 0o755), ("deep", 0o755)] {
        for mode in [0o777, 0o757] {
            set(&place, path, mode);
            failed(&place.line(line), 2, OTHERS);
            assert!(stderr(&place.line(line)).contains("holds machine code"));
        }
        set(&place, path, safe);
        done(&place.line(line));
    }
    // A link that others can exchange.
    fs::create_dir(place.join("shared")).unwrap();
    std::os::unix::fs::symlink("../deep/down/code", place.join("shared/link")).unwrap();
    let by_link = "in.wasm -o out.wasm --prepared shared/link";
    done(&place.line(by_link));
    set(&place, "shared", 0o777);
    failed(&place.line(by_link), 2, OTHERS);
    // Another name, perhaps where others write.
    fs::hard_link(place.join("deep/down/code"), place.join("other")).unwrap();
    failed(&place.line(line), 2, "has 2 names");
}

/// Only the administrator can make files of others.
#[cfg(unix)]
#[test]
fn prepared_code_of_another_user_is_not_taken() {
    const NOBODY: u32 = 65_534;
    for path in ["deep/down/code", "deep/down", "deep"] {
        let place = place();
        if std::os::unix::fs::chown(place.join(path), Some(NOBODY), None).is_err() {
            return;
        }
        failed(
            &place.line("in.wasm -o out.wasm --prepared deep/down/code"),
            2,
            "belongs to another user (number 65534)",
        );
    }
}

#[cfg(unix)]
#[test]
fn only_a_file_holds_prepared_code() {
    let place = place();
    assert!(std::process::Command::new("mkfifo").arg(place.join("pipe")).status().unwrap().success());
    for path in ["pipe", "deep"] {
        failed(&place.line(&format!("in.wasm -o out.wasm --prepared {path}")), 2, "is not a regular file");
    }
}

/// The module could exchange the code that the next run executes.
#[test]
fn prepared_code_in_the_module_s_reach_is_not_taken() {
    let place = place();
    fs::create_dir(place.join("work")).unwrap();
    fs::create_dir(place.join("deep/down/below")).unwrap();
    let run = |path: &str, writable: &str| {
        place.line(&format!("in.wasm -o out.wasm --prepared {path} --allow-wasi --dir-rw /w::{writable}"))
    };
    for writable in [".", "deep", "deep/down"] {
        failed(&run("deep/down/code", writable), 2, "which would let it change that");
    }
    for writable in ["work", "deep/down/below"] {
        done(&run("deep/down/code", writable));
    }
    done(&place.line("in.wasm -o out.wasm --prepared deep/down/code --allow-wasi --dir ."));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../deep/down/code", place.join("work/link")).unwrap();
        failed(&run("work/link", "work"), 2, "which would let it change that");
        // Where it is unpacked, too.
        let line = "in.wasm -o out.wasm --prepared deep/down/code --allow-wasi --dir-rw /w::work";
        let mut command = place.command(line.split_whitespace());
        let output = command.env("TMPDIR", place.join("work")).output().unwrap();
        failed(&output, 2, "--prepared unpacks machine code in");
    }
}

/// It is not unpacked where others could exchange it, whatever a variable says.
#[cfg(unix)]
#[test]
fn prepared_code_is_unpacked_where_nobody_else_writes() {
    let place = place();
    fs::create_dir_all(place.join("tmp/inner")).unwrap();
    std::os::unix::fs::symlink("tmp/inner", place.join("link")).unwrap();
    let unpacked_in = |directory: &str| {
        let mut command = place.command("in.wasm -o out.wasm --prepared deep/down/code".split(' '));
        command.env("TMPDIR", place.join(directory)).output().unwrap()
    };
    for (mode, safe) in [(0o777, false), (0o757, false), (0o1777, true), (0o755, true)] {
        for (changed, directory) in
            [("tmp", "tmp"), ("tmp", "tmp/inner"), ("tmp/inner", "tmp/inner"), ("tmp/inner", "link")]
        {
            set(&place, changed, mode);
            let output = unpacked_in(directory);
            match safe {
                true => done(&output),
                false => failed(&output, 2, "cannot use `deep/down/code`"),
            }
            assert!(safe || stderr(&output).contains(OTHERS), "{}", stderr(&output));
            set(&place, changed, 0o755);
        }
    }
    assert_eq!(fs::read_dir(place.join("tmp/inner")).unwrap().count(), 0);
}

/// Nobody could use what is written where others can exchange it.
#[cfg(unix)]
#[test]
fn no_code_is_prepared_where_others_can_exchange_it() {
    let place = place();
    set(&place, "deep", 0o777);
    for path in ["deep/down/code", "deep/new"] {
        failed(&place.line(&format!("prepare in.wasm -o {path}")), 2, OTHERS);
    }
    assert!(!place.join("deep/new").exists());
    set(&place, "deep", 0o1777);
    done(&place.line("prepare in.wasm -o deep/new"));
}
