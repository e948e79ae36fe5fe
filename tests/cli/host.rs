//! Options reach the guest.

use super::{Place, done, failed, stderr, stdout};

/// A guest that calls `function` of WASI and keeps what `code` leaves of it as `(global (mut i64))`.
pub fn guest(function: &str, code: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" {function})
            (memory (export "memory") 1)
            (data (i32.const 200) "file")
            (global (export "kept") (mut i64) (i64.const -1))
            (func (export "init") {code}))"#
    )
}

impl Place {
    fn kept(&self, guest: &str, options: &str) -> i64 {
        self.write("guest.wat", guest);
        let text = self.snapshot(&format!("{options} -f init -o out.wasm guest.wat"));
        let (_, rest) = text.split_once("(mut i64) i64.const ").unwrap();
        rest.split(')').next().unwrap().parse().unwrap()
    }
}

#[test]
fn arguments_and_environment() {
    let place = Place::new();
    let count = |name: &str| {
        guest(
            &format!(r#""{name}" (func $f (param i32 i32) (result i32))"#),
            "(drop (call $f (i32.const 0) (i32.const 4))) (global.set 0 (i64.load (i32.const 0)))",
        )
    };
    // The number of strings below, their bytes with terminators above.
    let sizes = |number: i64, bytes: i64| bytes << 32 | number;
    let arguments = count("args_sizes_get");
    assert_eq!(place.kept(&arguments, "--allow-wasi"), 0);
    assert_eq!(place.kept(&arguments, "--allow-wasi --arg prog --arg --opt"), sizes(2, 11));
    let environment = count("environ_sizes_get");
    assert_eq!(place.kept(&environment, "--allow-wasi"), 0);
    assert_eq!(place.kept(&environment, "--allow-wasi --env A=1 --env B=2 --env A=3"), sizes(2, 8));
    place.write("guest.wat", &environment);
    let mut command =
        place.command("--allow-wasi --inherit-env true -f init -o out.wasm guest.wat".split(' '));
    done(&command.env("PREINIT_TEST", "1").output().unwrap());
    assert_ne!(place.kept(&environment, "--allow-wasi --inherit-env"), 0);
}

#[test]
fn clocks_and_random_numbers() {
    let place = Place::new();
    let clock = guest(
        r#""clock_time_get" (func $f (param i32 i64 i32) (result i32))"#,
        "(drop (call $f (i32.const 0) (i64.const 1) (i32.const 0))) (global.set 0 (i64.load (i32.const 0)))",
    );
    assert_eq!(place.kept(&clock, "--allow-wasi") / 1_000_000_000, 946_684_800);
    assert_eq!(place.kept(&clock, "--allow-wasi --clock fixed:12") / 1_000_000_000, 12);
    assert!(place.kept(&clock, "--allow-wasi --clock now") / 1_000_000_000 > 1_700_000_000);
    for (epoch, seconds) in [("1234567890", 1_234_567_890), ("0", 0)] {
        let mut command = place.command("--allow-wasi -v -f init -o out.wasm guest.wat".split(' '));
        let output = command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        done(&output);
        let text = wasmprinter::print_bytes(place.read("out.wasm")).unwrap();
        assert!(text.contains(&format!("(mut i64) i64.const {seconds}")), "{text}");
        let date = if seconds == 0 { "1970-01-01T00:00:00Z" } else { "2009-02-13T23:31:30Z" };
        assert!(stderr(&output).contains(&format!("date      init saw {date} ")), "{}", stderr(&output));
        let typed = "--allow-wasi --clock fixed:12 -f init -o out.wasm guest.wat".split(' ');
        done(&place.command(typed).env("SOURCE_DATE_EPOCH", epoch).output().unwrap());
        assert!(wasmprinter::print_bytes(place.read("out.wasm")).unwrap().contains("i64.const 12000000000"));
    }
    let mut command = place.command("--allow-wasi -f init -o out.wasm guest.wat".split(' '));
    let output = command.env("SOURCE_DATE_EPOCH", "yesterday").output().unwrap();
    done(&output);
    assert!(stderr(&output).starts_with("warning: SOURCE_DATE_EPOCH is not a number"), "{}", stderr(&output));
    assert!(place.kept(&clock, "--allow-wasi --clock real") / 1_000_000_000 > 1_700_000_000);
    failed(&place.line("--allow-wasi --clock deny -f init -o out.wasm guest.wat"), 1, "denied");

    let random = guest(
        r#""random_get" (func $f (param i32 i32) (result i32))"#,
        "(drop (call $f (i32.const 0) (i32.const 8))) (global.set 0 (i64.load (i32.const 0)))",
    );
    let [module, one, two] = ["", "--random seed:1", "--random seed:2"].map(|option| {
        let options = format!("--allow-wasi {option}");
        let first = place.kept(&random, &options);
        assert_eq!(first, place.kept(&random, &options), "{option}");
        first
    });
    let system = place.kept(&random, "--allow-wasi --random os");
    let mut all = [module, one, two, system];
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    failed(&place.line("--allow-wasi --random deny -f init -o out.wasm guest.wat"), 1, "denied");
}

#[test]
fn directories() {
    let place = Place::new();
    std::fs::create_dir(place.join("sub")).unwrap();
    let open = |flags: u32, rights: u64| {
        guest(
            r#""path_open" (func $f (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))"#,
            &format!(
                "(global.set 0 (i64.extend_i32_u (call $f (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 4)
                    (i32.const {flags}) (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 0))))"
            ),
        )
    };
    let (read, create) = (open(0, 2), open(1, 64));
    const BAD_DESCRIPTOR: i64 = 8;
    const NO_ENTRY: i64 = 44;
    assert_eq!(place.kept(&read, "--allow-wasi"), BAD_DESCRIPTOR);
    assert_eq!(place.kept(&read, "--allow-wasi --dir sub"), NO_ENTRY);
    assert_ne!(place.kept(&create, "--allow-wasi --dir-ro sub"), 0);
    assert_ne!(place.kept(&create, "--allow-wasi --dir-ro /::sub"), 0);
    assert_eq!(place.kept(&create, "--allow-wasi --dir sub"), 0);
    assert_eq!(place.kept(&create, "--allow-wasi --mapdir /::sub"), 0);
    assert!(!place.join("sub/file").exists());
    assert_eq!(place.kept(&create, "--allow-wasi --dir sub --dir-rw sub"), 0);
    assert!(place.join("sub/file").exists());
    for options in ["--dir sub", "--mapdir /::sub", "--dir-rw /::sub"] {
        assert_eq!(place.kept(&read, &format!("--allow-wasi {options}")), 0, "{options}");
    }
    failed(&place.line("--allow-wasi --dir missing -f init -o out.wasm guest.wat"), 2, "missing");
}

/// Prints `file` to standard output.
pub fn printer() -> String {
    guest(
        r#""fd_write" (func $f (param i32 i32 i32 i32) (result i32))"#,
        "(i32.store (i32.const 0) (i32.const 200)) (i32.store (i32.const 4) (i32.const 4))
         (drop (call $f (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
    )
}

#[test]
fn what_init_prints() {
    let place = Place::new();
    place.write("guest.wat", printer());
    let output = place.line("--allow-wasi -q -f init -o out.wasm guest.wat");
    done(&output);
    assert_eq!((stdout(&output), stderr(&output)), ("file".to_owned(), String::new()));
    let output = place.line("--allow-wasi -q --inherit-stdio false -f init -o out.wasm guest.wat");
    done(&output);
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
}

#[test]
fn what_init_prints_does_not_get_into_the_snapshot() {
    let place = Place::new();
    place.write("guest.wat", printer());
    done(&place.line("--allow-wasi -q -f init -o out.wasm guest.wat"));
    let output = place.line("--allow-wasi -q -f init guest.wat");
    done(&output);
    assert_eq!(output.stdout, place.read("out.wasm"));
    assert_eq!(stderr(&output), "file");
}

#[test]
fn init_reads_standard_input() {
    let place = Place::new();
    let reader = guest(
        r#""fd_read" (func $f (param i32 i32 i32 i32) (result i32))"#,
        "(i32.store (i32.const 0) (i32.const 300)) (i32.store (i32.const 4) (i32.const 8))
         (drop (call $f (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
         (global.set 0 (i64.load (i32.const 300)))",
    );
    place.write("guest.wat", reader);
    for (option, kept) in [("", i64::from_le_bytes(*b"eight ch")), ("--inherit-stdio=false", 0)] {
        let line = format!("--allow-wasi {option} -f init -o out.wasm guest.wat");
        done(&place.line_with_stdin(&line, b"eight chars"));
        let text = wasmprinter::print_bytes(place.read("out.wasm")).unwrap();
        assert!(text.contains(&format!("(mut i64) i64.const {kept})")), "{option}: {text}");
    }
}

#[test]
fn preloads_and_stubs() {
    let place = Place::new();
    place.write("five.wat", r#"(module (func (export "dotted.name") (result i64) (i64.const 5)))"#);
    let guest = r#"(module
        (import "some.module" "dotted.name" (func $f (result i64)))
        (global (export "kept") (mut i64) (i64.const -1))
        (func (export "init") (global.set 0 (call $f))))"#;
    assert_eq!(place.kept(guest, "--preload some.module=five.wat"), 5);
    assert_eq!(place.kept(guest, "--stub some.module.dotted.name"), 0);
    assert_eq!(place.kept(guest, "--stub-all"), 0);
    failed(&place.line("-f init -o out.wasm guest.wat"), 1, "`some.module.dotted.name`");
}

/// What init changes inside a preloaded module is lost, which every command says.
#[test]
fn what_preloaded_modules_lose_is_told() {
    let place = Place::new();
    place.write(
        "env.wat",
        "(module (global $x (mut i32) (i32.const 0)) (func (export \"f\") (global.set $x (i32.const 1))))",
    );
    place.write("in.wat", r#"(module (import "env" "f" (func $f)) (func (export "init") (call $f)))"#);
    let told = "init has changed 1 global of the preloaded module `env`, which an instance does not have";
    let options = "in.wat -f init --preload env=env.wat";
    let output = place.line(&format!("{options} -o out.wasm"));
    done(&output);
    let advice = "; link the modules into one, or let the module import that state\n";
    assert!(stderr(&output).contains(&format!("{told}{advice}")), "{}", stderr(&output));
    for refuses in ["--strict", "--untrusted"] {
        failed(&place.line(&format!("{options} -o refused.wasm {refuses}")), 1, told);
    }
    let output = place.line(&format!("verify in.wat out.wasm {}", &options["in.wat".len()..]));
    assert!(stdout(&output).contains("preload.env.global.0"), "{}{}", stdout(&output), stderr(&output));
    let output = place.line(&format!("audit {options}"));
    // Its lines are broken.
    assert!(stdout(&output).contains(&told[..63]), "{}", stdout(&output));
    place.write("jobs.json", r#"{ "module": "in.wat", "jobs": [{ "output": "job.wasm" }] }"#);
    let output = place.line("batch jobs.json -- -f init --preload env=env.wat");
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    assert!(!place.files().contains(&"refused.wasm".to_owned()));
}

#[test]
fn the_ledger_has_a_line_for_each_call() {
    let place = Place::new();
    place.write("guest.wat", printer());
    done(&place.line("--allow-wasi -f init -o out.wasm guest.wat --ledger ledger.jsonl"));
    let text = String::from_utf8(place.read("ledger.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[1]["import"], "wasi_snapshot_preview1.fd_write");
}
