//! What the verifier vouches for was compared, or made by itself.

use crate::{Place, code, done, stderr, stdout};

/// Answers one caller among 2^64 with yes: `auth` leads to a function that the snapshot adds.
const BACKDOOR: &str = r#"(module (memory (export "memory") 1) (data (i32.const 0) "\2a")
    (func $init (i32.store (i32.const 0) (i32.const 42)))
    (func $auth (param i64) (result i32) (i64.eq (local.get 0) (i64.const 0x1122334455667788)))
    BACKDOOR)"#;

const ORIGINAL: &str = r#"(module (memory (export "memory") 1)
    (func $init (export "preinit") (i32.store (i32.const 0) (i32.const 42)))
    (func $auth (export "auth") (param i64) (result i32) (i64.eq (local.get 0) (i64.const 0x1122334455667788))))"#;

/// What is added, the exit code, and words of the answer.
const ADDED: [(&str, i32, &str); 6] = [
    (r#"(export "auth" (func $auth))"#, 0, "equal: "),
    (
        r#"(func (export "auth") (param i64) (result i32) (if (result i32)
            (i64.eq (local.get 0) (i64.const 0x4242424242424242)) (then (i32.const 1)) (else (call $auth (local.get 0)))))"#,
        2,
        "redirected: export `auth` leads to a function that was added",
    ),
    (r#"(export "auth" (func $auth)) (func $start) (start $start)"#, 2, "function 2 (start function)"),
    (r#"(export "auth" (func $auth)) (start $init)"#, 1, "start: none in the original, function 0"),
    (
        r#"(func (export "auth") (param i64) (result i32) (i32.const 0))"#,
        2,
        "the snapshot adds functions that are not those which this state needs",
    ),
    (
        r#"(export "auth" (func $auth)) (func (export "more"))"#,
        1,
        "export.more: none in the original, function 2 in the snapshot",
    ),
];

#[test]
fn added_code_is_made_again_or_not_vouched_for() {
    let place = Place::new();
    place.write("original.wat", ORIGINAL);
    for (added, exit, words) in ADDED {
        place.write("snapshot.wat", BACKDOOR.replace("BACKDOOR)", &format!("{added})")));
        let output = place.line("verify original.wat snapshot.wat --report verdict.json");
        let text = stdout(&output);
        assert_eq!(code(&output), exit, "{added}: {text}");
        assert!(text.contains(words), "{added}: {text}");
        let verdict: serde_json::Value = serde_json::from_slice(&place.read("verdict.json")).unwrap();
        assert_eq!(verdict["coverage"]["functions_accounted"], 0, "{added}");
    }
}

/// The functions that an honest snapshot adds are accounted for.
#[test]
fn what_preinit_adds_is_vouched_for() {
    let place = Place::new();
    place.write(
        "imported.wat",
        r#"(module (import "env" "memory" (memory 1 9)) (func (export "preinit")
            (i32.store (i32.const 70000) (memory.grow (i32.const 2))))
            (func (export "get") (result i32) (i32.load (i32.const 70000))))"#,
    );
    place.write(
        "reader.wat",
        r#"(module (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))))"#,
    );
    for (name, line) in [("imported", "--stub-all"), ("reader", "--allow-wasi --at stdin")] {
        done(&place.line(&format!("{name}.wat -o out.wasm {line}")));
        let output = place.line(&format!("verify {name}.wat out.wasm {line}"));
        assert_eq!(code(&output), 0, "{name}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains("what preinit adds for this state"), "{}", stdout(&output));
    }
}

/// What a snapshot needs of its imports is said by the user, or the answer is not *equal*.
#[test]
fn no_assumption_is_hidden() {
    let place = Place::new();
    place.write(
        "imported.wat",
        r#"(module (import "env" "memory" (memory 1)) (func (export "preinit")
            (i32.store8 (i32.const 1) (i32.const 7)) (i32.store8 (i32.const 5) (i32.const 7)))
            (func (export "get") (result i32) (i32.load (i32.const 2))))"#,
    );
    done(&place.line("imported.wat -o out.wasm --stub-all --fresh-imports --verify"));
    let output = place.line("verify imported.wat out.wasm --stub-all");
    let text = stdout(&output);
    assert_eq!(code(&output), 2, "{text}");
    assert!(text.contains("--fresh-imports says that imported memories hold nothing but zeros"), "{text}");
    let output = place.line("verify imported.wat out.wasm --stub-all --fresh-imports");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("assumed: imported memories hold nothing but zeros"));
}

/// Others may share what the snapshot has for itself, and the host may have put something else into it.
#[test]
fn imports_that_a_snapshot_defines_itself_are_an_assumption() {
    let place = Place::new();
    place.write(
        "imported.wat",
        r#"(module (import "env" "memory" (memory 1)) (import "env" "table" (table 2 funcref))
            (import "env" "count" (global $count (mut i32)))
            (func (export "preinit") (global.set $count (i32.const 3)) (i32.store8 (i32.const 1) (i32.const 7)))
            (func (export "get") (result i32) (i32.add (global.get $count) (i32.load (i32.const 0)))))"#,
    );
    let (all, some) = ("`env.memory`, `env.table`, `env.count`", "`env.count`");
    done(&place.line("imported.wat -o out.wasm --stub-all --internalize --verify"));
    // One of them alone, as nobody asked for.
    place.write(
        "some.wat",
        r#"(module (import "env" "memory" (memory 1)) (import "env" "table" (table 2 funcref))
            (global $count (mut i32) (i32.const 3))
            (func (global.set $count (i32.const 3)) (i32.store8 (i32.const 1) (i32.const 7)))
            (func (export "get") (result i32) (i32.add (global.get $count) (i32.load (i32.const 0))))
            (data (i32.const 1) "\07"))"#,
    );
    for (snapshot, named) in [("out.wasm", all), ("some.wat", some)] {
        let output = place.line(&format!("verify imported.wat {snapshot} --stub-all"));
        let text = stdout(&output);
        assert_eq!(code(&output), 2, "{text}");
        let why = format!("the snapshot defines {named} itself, which the original imports");
        assert!(text.contains(&why) && text.contains("--internalize says that imports"), "{text}");
        let output = place.line(&format!("verify imported.wat {snapshot} --stub-all --internalize"));
        let text = stdout(&output);
        // preinit would not have made the other one.
        assert_eq!(code(&output), if named == all { 0 } else { 2 }, "{text}");
        assert!(
            text.contains("assumed: imports that the snapshot defines itself are shared with nobody"),
            "{text}"
        );
        assert!(text.contains(&format!("what others do with {named}")), "{text}");
    }
}

/// A module with the two variables of the adapter from WASI preview 1, and another one, whose memory it has its state in.
const ADAPTED: &str = r#"(component
    (import "wasi:cli/stdout@0.2.3" (instance $stdout
        (export "output-stream" (type $o (sub resource)))
        (export "get-stdout" (func (result (own $o))))))
    (core module $main (memory (export "memory") 2) (data (i32.const 3000) "secret")
        (func (export "auth") (param i64) (result i32) (i64.eq (local.get 0) (i64.load (i32.const 3000)))))
    (core instance $main (instantiate $main))
    (core func $get (canon lower (func $stdout "get-stdout")))
    (core module $adapter
        (import "env" "memory" (memory 0))
        (import "" "get-stdout" (func $get (result i32)))
        (global $internal_state_ptr (mut i32) (i32.const 0))
        (global $allocation_state (mut i32) (i32.const 2))
              (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
        (func (export "init")
            (global.set $internal_state_ptr (i32.const 1024))
            (i32.store (i32.const 1028) (call $get))
            ;; `ugh!` at both ends of a page of 64 KiB.
            (i32.store (i32.const 1024) (i32.const 0x21686775))
            (i32.store (i32.const 66556) (i32.const 0x21686775))
            (global.set $allocation_state (i32.const 4))))
    (core instance $adapter (instantiate $adapter (with "env" (instance $main))
        (with "" (instance (export "get-stdout" (func $get))))))
    (func (export "init") (canon lift (core func $adapter "init")))
    (func (export "auth") (param "key" u64) (result u32) (canon lift (core func $main "auth"))))"#;

/// Once its state is made anew, which only calls can do, it need not be where it was.
#[test]
fn a_state_that_no_call_has_made_hides_nothing() {
    let place = Place::new();
    place.write("in.wat", ADAPTED);
    done(&place.line("in.wat -o out.wasm -f init --allow-wasi"));
    let honest = place.read("out.wasm");
    let at = |bytes: &[u8]| honest.windows(bytes.len()).position(|window| window == bytes).unwrap();
    let (secret, state) = (at(b"secret"), at(b"\x7f\x01\x41\x02\x0b") + 3);
    for (has_secret, has_state) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut snapshot = honest.clone();
        if has_secret {
            snapshot[secret] = b'S';
        }
        if has_state {
            snapshot[state] = 4;
        }
        place.write("snapshot.wasm", snapshot);
        let output = place.line("verify in.wat snapshot.wasm -f init --allow-wasi --time 100ms");
        let text = stdout(&output);
        assert_eq!(code(&output), i32::from(has_secret || has_state), "{text}");
        assert!(
            text.contains("what the adapter from preview 1 keeps, which an instance makes anew"),
            "{text}"
        );
        assert_eq!(text.contains("core.0.memory.0.0xbb8"), has_secret, "{text}");
        // Where that says it is, there is none.
        assert_eq!(text.contains("core.2.global.1: i32 2 in the original, i32 4"), has_state, "{text}");
    }
    let line = "in.wat -o kept.wasm -f init --allow-wasi --keep-adapter-state --allow-live-handles";
    done(&place.line(line));
    let output = place.line("verify in.wat kept.wasm -f init --allow-wasi --time 100ms");
    let text = stdout(&output);
    assert_eq!(code(&output), 1, "{text}");
    assert!(text.contains("core.2.adapter: a state that an instance makes anew in the original"), "{text}");
}

/// Variables that are called as the adapter's are what init has left, where there is no state like the adapter's.
#[test]
fn names_make_no_adapter() {
    let place = Place::new();
    // Nowhere, and where one end of a state is.
    for (state, memory) in [(77, ""), (1024, r#"(data (i32.const 1024) "ugh!")"#)] {
        let text = format!(
            r#"(component
            (core module $m
                (memory 2) {memory}
                (global $internal_state_ptr (mut i32) (i32.const 0))
                (global $allocation_state (mut i32) (i32.const 0))
                (func (export "init")
                    (global.set $internal_state_ptr (i32.const {state})) (global.set $allocation_state (i32.const 4)))
                (func (export "get") (result i32) (global.get $internal_state_ptr)))
            (core instance $i (instantiate $m))
            (func (export "init") (canon lift (core func $i "init")))
            (func (export "get") (result u32) (canon lift (core func $i "get"))))"#
        );
        place.write("in.wat", text);
        done(&place.line("in.wat -o out.wasm -f init --verify"));
        let output =
            place.run(["verify", "in.wat", "out.wasm", "-f", "init", "--call", "get()", "--time", "100ms"]);
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        assert!(!stdout(&output).contains("adapter"), "{}", stdout(&output));
    }
    // A whole state in the memory of another core module, which has no function of WASI.
    place.write(
        "in.wat",
        r#"(component
            (core module $m (memory (export "memory") 4))
            (core module $a
              (import "env" "memory" (memory 1))
              (global $internal_state_ptr (mut i32) (i32.const 0))
              (global $allocation_state (mut i32) (i32.const 0))
              (func (export "init")
                (global.set $allocation_state (i32.const 4)) (global.set $internal_state_ptr (i32.const 65536))
                (i32.store (i32.const 65536) (i32.const 0x21686775)) (i32.store (i32.const 131068) (i32.const 0x21686775)))
              (func (export "get") (result i32) (i32.add (global.get $allocation_state) (global.get $internal_state_ptr))))
            (core instance $mi (instantiate $m))
            (core instance $ai (instantiate $a (with "env" (instance $mi))))
            (func (export "init") (canon lift (core func $ai "init")))
            (func (export "get") (result u32) (canon lift (core func $ai "get"))))"#,
    );
    done(&place.line("in.wat -o out.wasm -f init --verify --strict"));
    let output =
        place.run(["verify", "in.wat", "out.wasm", "-f", "init", "--call", "get()", "--time", "100ms"]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

#[test]
fn an_answer_says_if_no_call_returned() {
    let place = Place::new();
    place.write("loop.wat", r#"(module (func (export "preinit")) (func (export "run") (loop (br 0))))"#);
    done(&place.line("loop.wat -o out.wasm"));
    let output = place.line("verify loop.wat out.wasm --call-fuel 1000");
    assert!(stdout(&output).contains("no call came to its end"), "{}", stdout(&output));
}

/// Under a limit of the address space one side, or an engine, may find no room where the other did. That is no difference.
#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_memory_decides_nothing() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(module (memory (export "memory") 1) (global (export "g") (mut i32) (i32.const 0))
            (func (export "preinit") (i32.store (i32.const 8) (i32.const 7)))
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#,
    );
    place.write("calls", "grow(2000)\n");
    done(&place.line("in.wat -o out.wasm"));
    let mut could_not = 0;
    // Of GiB: what reserves a memory takes four at once.
    for limit in (8..64u64).step_by(2) {
        let command = format!(
            "ulimit -v {}; exec '{}' verify in.wat out.wasm --time 20ms --script calls --no-cache",
            limit << 20,
            env!("CARGO_BIN_EXE_preinit")
        );
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &command]).current_dir(place.path()).output().unwrap();
        assert_ne!(output.status.code(), Some(1), "{limit} GiB: {}", stdout(&output));
        could_not += u32::from(output.status.code() == Some(2));
    }
    assert!(could_not > 0);
}
