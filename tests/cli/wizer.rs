//! Called by the name of `wizer`, and with the options of `wasmtime wizer`.

use super::{Place, code, done, failed, stderr, stdout};
use std::fs;
use std::process::{Command, Output};

/// Init functions under Wizer's names and under one that only preinit knows; a command; a call of an import.
const MODULES: [(&str, &str); 6] = [
    (
        "plain.wat",
        r#"(module (global (mut i32) (i32.const 0)) (func (export "wizer-initialize") (global.set 0 (i32.const 1))))"#,
    ),
    (
        "older.wat",
        r#"(module (global (mut i32) (i32.const 0)) (func (export "wizer.initialize") (global.set 0 (i32.const 2))))"#,
    ),
    ("command.wat", r#"(module (func (export "_start")) (func (export "preinit")))"#),
    ("traps.wat", r#"(module (func $deep unreachable) (func (export "wizer-initialize") (call $deep)))"#),
    (
        "random.wat",
        r#"(module (import "wasi_snapshot_preview1" "random_get" (func $f (param i32 i32) (result i32)))
            (memory (export "memory") 1) (func (export "wizer-initialize") (drop (call $f (i32.const 0) (i32.const 8)))))"#,
    ),
    (
        "exits.wat",
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $f (param i32)))
            (memory (export "memory") 1) (func (export "wizer-initialize") (call $f (i32.const 3)) unreachable))"#,
    ),
];

impl Place {
    fn with_modules() -> Self {
        let place = Self::new();
        for (name, text) in MODULES {
            place.write(name, text);
        }
        place
    }

    /// Runs the binary under another name in this directory, as a link or a copy.
    fn named(&self, name: &str, copied: bool, line: &str) -> Output {
        let path = self.join("bin").join(name);
        if !path.exists() {
            fs::create_dir_all(self.join("bin")).unwrap();
            let binary = env!("CARGO_BIN_EXE_preinit");
            match copied {
                true => fs::hard_link(binary, &path).or_else(|_| fs::copy(binary, &path).map(drop)).unwrap(),
                #[cfg(unix)]
                false => std::os::unix::fs::symlink(binary, &path).unwrap(),
                #[cfg(not(unix))]
                false => drop(fs::copy(binary, &path).unwrap()),
            }
        }
        let mut command = Command::new(path);
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command.stdin(std::process::Stdio::null()).output().unwrap()
    }

    fn wizer(&self, line: &str) -> Output {
        self.named("wizer", false, line)
    }
}

#[test]
fn wizer_says_nothing_when_it_succeeds() {
    let place = Place::with_modules();
    for line in [
        "plain.wat -o out.wasm",
        "older.wat -o out.wasm",
        "plain.wat -o out.wasm -r _start=wizer.resume",
        "plain.wat -o out.wasm --dir . --inherit-env true --wasm-simd true",
        "random.wat --allow-wasi --inherit-stdio=false -o out.wasm",
        "command.wat -f preinit --stub no.such -o out.wasm --preload none=plain.wat",
    ] {
        let output = place.wizer(line);
        done(&output);
        assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()), "{line}");
    }
    // The same by its own name is not silent.
    let output = place.line("plain.wat -o out.wasm -r _start=wizer.resume");
    done(&output);
    assert!(
        stderr(&output).starts_with("warning: export `wizer.resume` is not renamed"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_copy_is_wizer_too_and_other_names_are_not() {
    let place = Place::with_modules();
    for (name, copied, expected) in [
        ("wizer", true, ""),
        ("wizer-of-old", true, "warning: init read 8 random bytes"),
        ("prewizer", false, "warning"),
    ] {
        let output = place.named(name, copied, "random.wat --allow-wasi -o out.wasm");
        done(&output);
        let message = stderr(&output);
        assert!(
            message.starts_with(expected) && message.is_empty() == expected.is_empty(),
            "{name}: {message}"
        );
    }
}

#[test]
fn wizers_exit_codes() {
    let place = Place::with_modules();
    for (line, by_wizer, by_preinit) in [
        ("plain.wat -o out.wasm", 0, 0),
        ("plain.wat -f nowhere -o out.wasm", 1, 2),
        ("nowhere.wasm -o out.wasm", 1, 2),
        ("plain.wat -o no/such/place", 1, 2),
        ("command.wat -o out.wasm", 1, 0),
        ("traps.wat -o out.wasm", 1, 1),
        ("--no-such-option plain.wat", 2, 2),
        ("--keep-init-func=maybe plain.wat", 2, 2),
        ("plain.wat --allow-wasi --mapdir /x::nowhere -o out.wasm", 1, 2),
    ] {
        assert_eq!(code(&place.wizer(line)), by_wizer, "wizer {line}");
        assert_eq!(code(&place.line(line)), by_preinit, "preinit {line}");
    }
    assert_eq!(code(&place.wizer("--version")), 0);
}

#[test]
fn an_init_function_that_does_not_return_is_told_as_wizer_tells_it() {
    let place = Place::with_modules();
    let trap = place.wizer("traps.wat -o out.wasm");
    assert_eq!(
        stderr(&trap),
        "Error: the `wizer-initialize` function trapped\n\nCaused by:\n    0: error while executing at wasm backtrace:\n           \
         0: deep\n           1: wizer-initialize\n    1: wasm trap: wasm `unreachable` instruction executed\n"
    );
    // Whatever the name: ComponentizeJS looks for these words, from the first line to the line with the status.
    for output in
        [place.wizer("exits.wat --allow-wasi -o out.wasm"), place.line("exits.wat --allow-wasi -o out.wasm")]
    {
        let message = stderr(&output);
        assert_eq!(code(&output), 1);
        assert!(
            message.starts_with("Error: the `wizer-initialize` function trapped\n\nCaused by:\n"),
            "{message}"
        );
        assert!(message.ends_with("    1: Exited with i32 exit status 3\n"), "{message}");
    }
    failed(&place.line("traps.wat -o out.wasm"), 1, "the `wizer-initialize` function trapped: wasm trap");
}

#[test]
fn the_options_of_wasmtime_wizer() {
    let place = Place::with_modules();
    done(&place.line("random.wat --allow-wasi -o expected.wasm"));
    for line in [
        "wizer random.wat -S cli -o out.wasm",
        "-S cli -W bulk-memory,simd random.wat -o out.wasm -qq",
        "wizer -Scli,inherit-env -Wunknown-imports-trap --dir .::/here --env A=1 -o out.wasm random.wat",
    ] {
        let output = place.line(line);
        done(&output);
        assert_eq!(
            (place.read("out.wasm"), stderr(&output)),
            (place.read("expected.wasm"), String::new()),
            "{line}"
        );
    }
    // Not allowed unless it is asked for, as there.
    assert_eq!(code(&place.line("wizer random.wat -S cli=n -o out.wasm")), 1);
    let output = place.line("-S cli,http -O opt-level=2 random.wat -o out.wasm");
    done(&output);
    assert!(
        stderr(&output).starts_with("warning: `-S http` has no effect here\nwarning: `-O opt-level` has"),
        "{}",
        stderr(&output)
    );
    failed(&place.line("-W timeout=soon plain.wat"), 2, "invalid value for `-W timeout`");
    failed(&place.line("-S cli=perhaps plain.wat"), 2, "expected `y` or `n`");
}
