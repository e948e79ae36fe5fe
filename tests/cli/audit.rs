//! The audit, policies and what is known of refused runs.

use super::host::{guest, printer};
use super::{Place, code, done, failed, stderr, stdout};

/// Keeps random bytes in memory.
fn random() -> String {
    guest(
        r#""random_get" (func $f (param i32 i32) (result i32))"#,
        "(drop (call $f (i32.const 400) (i32.const 16)))",
    )
}

#[test]
fn an_audit_tells_and_refuses_if_it_is_strict() {
    let place = Place::new();
    place.write("guest.wat", random());
    let output = place.line("audit guest.wat -f init --allow-wasi");
    done(&output);
    let text = stdout(&output);
    assert!(text.starts_with("1 warning\n\nwarning  16 bytes depend on random numbers\n"), "{text}");
    assert!(text.contains("at memory 0 + 0x190, 16 bytes"), "{text}");
    assert!(text.contains("by random_get < init"), "{text}");
    assert_eq!(code(&place.line("audit guest.wat -f init --allow-wasi --strict -q")), 1);

    place.write(
        "clean.wat",
        "(module (memory 1) (func (export \"init\") (i32.store (i32.const 0) (i32.const 1))))",
    );
    let output = place.line("audit clean.wat -f init --strict");
    done(&output);
    assert!(stdout(&output).starts_with("nothing of the build is in the snapshot"), "{}", stdout(&output));
    assert_eq!(place.files(), ["clean.wat", "guest.wat", "in.wasm", "in.wat"]);
}

#[test]
fn an_audit_writes_json_and_html() {
    let place = Place::new();
    place.write("guest.wat", random());
    done(&place.line("audit guest.wat -f init --allow-wasi -q --report audit.json --ledger calls.jsonl"));
    let json: serde_json::Value = serde_json::from_slice(&place.read("audit.json")).unwrap();
    assert_eq!(json["findings"][0]["key"], "taint.random");
    assert_eq!(json["findings"][0]["locations"][0]["address"], 400);
    assert_eq!(json["varied"][0]["ranges"], serde_json::json!([[0, 400, 416]]));
    let calls = String::from_utf8(place.read("calls.jsonl")).unwrap();
    assert!(calls.lines().nth(1).unwrap().contains(r#""backtrace":["init"]"#), "{calls}");
    // With JSON on standard output, the text goes elsewhere.
    let output = place.line("audit guest.wat -f init --allow-wasi --report -");
    assert!(serde_json::from_str::<serde_json::Value>(&stdout(&output)).is_ok());
    assert!(stderr(&output).contains("1 warning"), "{}", stderr(&output));

    for line in [
        "audit guest.wat -f init --allow-wasi -q --report page.html",
        "guest.wat -f init --allow-wasi -q --report page.html -o out.wasm",
    ] {
        done(&place.line(line));
        let page = String::from_utf8(place.read("page.html")).unwrap();
        assert!(page.starts_with("<!doctype html>") && !page.contains("{{data}}"));
        assert!(!page.contains("http://") && !page.contains("https://"), "it needs nothing from elsewhere");
        let (_, data) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["title"], "guest.wat");
        assert_eq!(data["calls"][0]["class"], "random");
        let map = &data["maps"][0];
        let cell = 400 / map["cell"].as_u64().unwrap() as usize;
        assert!(map["changed"][cell].as_u64().unwrap() > 0, "{map}");
        assert_eq!(map["tainted"][cell], u64::from(line.starts_with("audit")));
    }
}

/// Whatever the guest's names are, they end no script.
#[test]
fn names_are_data_in_the_page() {
    let place = Place::new();
    let module = random().replace("(func (export \"init\")", "(func $\"</script><b>\" (export \"init\")");
    place.write("guest.wat", module);
    done(&place.line("audit guest.wat -f init --allow-wasi -q --report page.html"));
    let page = String::from_utf8(place.read("page.html")).unwrap();
    assert!(page.contains("\\u003c/script>\\u003cb>"), "the name is there, harmless");
    assert_eq!(page.matches("</script>").count(), 2);
}

/// Names of any length, and such that would write over the text.
#[test]
fn names_are_cut_and_harmless() {
    let place = Place::new();
    let name = format!("\\1b[2J\\e2\\80\\ae{}", "long".repeat(100_000));
    let module = random().replace("(func (export \"init\")", &format!("(func $\"{name}\" (export \"init\")"));
    place.write("guest.wat", module);
    let output = place.line("audit guest.wat -f init --allow-wasi -v --report page.html");
    done(&output);
    let told = stdout(&output);
    assert!(told.contains("\\u{1b}[2J\\u{202e}longlong"), "{told}");
    assert!(!told.contains('\u{1b}') && told.len() < 10_000, "{} bytes", told.len());
    let page = place.read("page.html");
    assert!(page.len() < 500_000 * 2, "{} bytes", page.len());
}

/// By whatever path they are named.
#[test]
fn no_output_replaces_another_or_the_input() {
    let place = Place::new();
    place.write("guest.wat", random());
    let before = place.files();
    let run = "--allow-wasi -f init guest.wat";
    for (line, message) in [
        (format!("{run} -o out.wasm --ledger ./out.wasm"), "two outputs go to ./out.wasm"),
        (format!("{run} -o out.wasm --ledger guest.wat"), "guest.wat is the input, and would be replaced"),
        (format!("{run} -o out.wasm --report ./guest.wat"), "./guest.wat is the input"),
        (format!("{run} -o out.wasm --capture-stdout ./guest.wat"), "./guest.wat is the input"),
        (format!("audit {run} --ledger x --report ./x"), "two outputs go to"),
        (format!("audit {run} --ledger ./guest.wat"), "./guest.wat is the input"),
    ] {
        failed(&place.line(&line), 2, message);
    }
    assert_eq!(place.files(), before);
    assert_eq!(place.read("guest.wat"), random().into_bytes());
    done(&place.line(&format!("{run} -o guest.wat")));
}

#[test]
fn policies() {
    let place = Place::new();
    place.write("guest.wat", printer());
    let line = |options: &str| place.line(&format!("--allow-wasi -f init -o out.wasm guest.wat {options}"));
    assert!(!stderr(&line("")).contains("warning"));
    let warned = line("--policy output=warn");
    done(&warned);
    let expected = "warning: init called `wasi_snapshot_preview1.fd_write` once (--policy output=warn)";
    assert!(stderr(&warned).contains(expected), "{}", stderr(&warned));
    failed(
        &line("--policy output=warn --strict"),
        1,
        "refused, since warnings are errors; without --strict these are warnings:",
    );
    failed(
        &line("--policy all=deny"),
        1,
        "init asked for `fd_write`, which is denied; --policy output=allow allows it",
    );
    done(&line("--policy all=deny --policy output=allow"));
    for (options, text) in [
        ("--policy output", "expected CLASS=allow"),
        ("--policy outputs=deny", "there is no class `outputs`"),
        ("--policy output=never", "expected `allow`, `warn` or `deny`"),
    ] {
        failed(&line(options), 2, text);
    }

    place.write("guest.wat", random());
    assert!(stderr(&line("")).contains("init read 16 random bytes"));
    assert!(!stderr(&line("--policy random=allow")).contains("random bytes"));
    failed(&line("--strict"), 1, "init read 16 random bytes");

    place.write(
        "guest.wat",
        r#"(module (import "env" "log" (func $log)) (func (export "init") (call $log)))"#,
    );
    done(&line("--stub env.log"));
    assert!(stderr(&line("--stub env.log --policy stub=warn")).contains("init called `env.log` once"));
    failed(&line("--stub env.log --policy stub=deny"), 1, "the stub `env.log`, which is denied; --policy");
}

#[test]
fn the_stack_is_cleared_or_it_is_said_why_not() {
    let place = Place::new();
    let output = place.line("in.wasm -f init -o out.wasm --zero-stack");
    assert_eq!(code(&output), 1);
    let expected = "error: the free stack cannot be cleared: no stack pointer was recognized in the module; leave out --zero-stack\n";
    assert_eq!(stderr(&output), expected);
    failed(
        &place.line("in.wasm -f init -o out.wasm --zero-stack --verify"),
        2,
        "--verify compares with what init has left",
    );
}

#[test]
fn what_is_typed_in_vain_is_refused_if_strict() {
    let place = Place::new();
    failed(
        &place.line("in.wasm -f init -o out.wasm --strict --env A=1"),
        1,
        "without --allow-wasi, no effect: --env",
    );
}

#[test]
fn a_refused_run_leaves_ledger_and_report() {
    let place = Place::new();
    let trapping = printer().replace("(i32.const 8)))", "(i32.const 8))) unreachable");
    assert_ne!(trapping, printer());
    place.write("guest.wat", trapping);
    let line = "--allow-wasi -f init -o out.wasm guest.wat --ledger calls.jsonl --report report.json --capture-stdout printed";
    failed(&place.line(line), 1, "unreachable");
    assert_eq!(place.files(), ["calls.jsonl", "guest.wat", "in.wasm", "in.wat", "printed", "report.json"]);
    let calls = String::from_utf8(place.read("calls.jsonl")).unwrap();
    assert_eq!(calls.lines().count(), 2, "{calls}");
    let report: serde_json::Value = serde_json::from_slice(&place.read("report.json")).unwrap();
    assert_eq!(report["refused"], true);
    assert!(report["error"].as_str().unwrap().contains("unreachable"), "{report}");
    assert_eq!(report["host_calls"][0]["count"], 1);
    assert_eq!(place.read("printed"), b"file");
}

#[test]
fn a_refused_run_has_a_page_too() {
    let place = Place::new();
    place.write("guest.wat", printer().replace("(i32.const 8)))", "(i32.const 8))) unreachable"));
    failed(&place.line("--allow-wasi -q -f init -o out.wasm guest.wat --report page.html"), 1, "unreachable");
    let page = String::from_utf8(place.read("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("there is no snapshot: "), "{page}");
    assert!(page.contains("fd_write(1, 0, 1, 8)"), "the calls until then");
}

#[test]
fn the_summary_says_what_init_saw() {
    let place = Place::new();
    place.write("guest.wat", random());
    let output = place.line("-v --allow-wasi -f init -o out.wasm guest.wat");
    let expected = "audit     init saw random numbers; `preinit audit` shows what of it is frozen\n";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    assert!(!stderr(&place.line("-v -f init -o out.wasm in.wasm")).contains("audit"));
}

#[test]
fn a_refused_audit_leaves_the_ledger() {
    let place = Place::new();
    place.write("guest.wat", printer().replace("(i32.const 8)))", "(i32.const 8))) unreachable"));
    failed(&place.line("audit guest.wat --allow-wasi -f init --ledger calls.jsonl"), 1, "unreachable");
    assert_eq!(String::from_utf8(place.read("calls.jsonl")).unwrap().lines().count(), 2);
}

#[test]
fn ledgers_are_the_same_from_run_to_run() {
    let place = Place::new();
    place.write("guest.wat", random());
    for name in ["one", "two"] {
        done(&place.line(&format!(
            "--allow-wasi -q -f init -o out.wasm guest.wat --ledger {name} --ledger-hash plain"
        )));
    }
    assert_eq!(place.read("one"), place.read("two"));
    done(&place.line("audit guest.wat --allow-wasi -q -f init --ledger three --ledger-hash plain"));
    assert_eq!(place.read("one"), place.read("three"));
}

#[test]
fn what_init_prints_goes_into_files() {
    let place = Place::new();
    place.write("guest.wat", printer());
    let output =
        place.line("--allow-wasi -q -f init -o out.wasm guest.wat --capture-stdout out --capture-stderr err");
    done(&output);
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
    assert_eq!((place.read("out"), place.read("err")), (b"file".to_vec(), Vec::new()));
    failed(
        &place.line("--allow-wasi -f init -o out.wasm guest.wat --capture-stdout x --ledger x"),
        2,
        "two outputs go to x",
    );
}

#[test]
fn a_run_tells_of_secrets_and_changed_files() {
    let place = Place::new();
    std::fs::create_dir(place.join("sub")).unwrap();
    let open = guest(
        r#""path_open" (func $f (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))"#,
        "(drop (call $f (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 4)
            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)))",
    );
    place.write("guest.wat", open);
    let output = place.line("-v --allow-wasi -f init -o out.wasm guest.wat --dir-rw /::sub");
    done(&output);
    let text = stderr(&output);
    assert!(text.contains("changed   1 file by init: `/file`"), "{text}");
    assert!(text.contains("danger    the file `/file` is still open as descriptor 4"), "{text}");
    let output = place.line("--allow-wasi -f init -o out.wasm guest.wat --dir-rw /::sub");
    assert!(stderr(&output).starts_with("danger: the file `/file` is still open as descriptor 4"), "{text}");
    failed(
        &place.line("--allow-wasi -f init -o out.wasm guest.wat --dir-rw /::sub --strict"),
        1,
        "is still open",
    );

    let environment = guest(
        r#""environ_get" (func $f (param i32 i32) (result i32))"#,
        "(drop (call $f (i32.const 400) (i32.const 440)))",
    );
    place.write("guest.wat", environment);
    let output = place.line("--allow-wasi -f init -o out.wasm guest.wat --env KEY=correct-horse");
    let expected = "warning: the value of environment variable `KEY` is in the output at memory 0 + 0x1bc";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    let output = place.line("--allow-wasi -f init -o out.wasm guest.wat --env API_KEY=correct-horse");
    let expected = "danger: the value of environment variable `API_KEY` is in the output";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

/// Keeps random bytes and the environment until it has read its input. `how` comes to `$ask`, which does.
fn asking(how: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func $ask (drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8))))
            (func $deep (param $left i32)
                (if (local.get $left)
                    (then (call $deep (i32.sub (local.get $left) (i32.const 1))))
                    (else (call $ask))))
            (func (export "_start")
                (drop (call $random (i32.const 400) (i32.const 16)))
                (drop (call $sizes (i32.const 16) (i32.const 20)))
                (drop (call $environ (i32.const 500) (i32.const 600)))
                {how}
                (memory.fill (i32.const 400) (i32.const 0) (i32.const 600))))"#
    )
}

#[test]
fn an_audit_of_a_frozen_program_stops_where_it_is_frozen() {
    let place = Place::new();
    place.write("guest.wat", asking("(call $ask)"));
    let whole = place.line("audit guest.wat -f _start --allow-wasi --env API_KEY=0123456789 --strict");
    done(&whole);
    let output = place.line("audit guest.wat --at stdin --allow-wasi --env API_KEY=0123456789");
    done(&output);
    let text = stdout(&output);
    assert!(text.contains("danger   the value of environment variable `API_KEY` is in the output"), "{text}");
    assert!(text.contains("16 bytes depend on random numbers"), "{text}");
    assert!(text.contains("what the locals of the 2 calls in progress depend on"), "{text}");
    let never = place.line("audit guest.wat --at stdin#2 --allow-wasi");
    failed(&never, 1, "the program ended before it came to `stdin#2`");
}

#[test]
fn an_audit_of_a_frozen_program_tells_who_decides_its_course() {
    let place = Place::new();
    place.write("guest.wat", asking("(call $deep (i32.load8_u (i32.const 400)))"));
    let text = stdout(&place.line("audit guest.wat -v --at stdin --allow-wasi"));
    assert!(text.contains("random numbers"), "{text}");
    assert!(text.contains("from host call 3 on: with another value, other\n"), "{text}");

    // The value of a variable, whose name is one letter.
    let how = "(if (i32.eq (i32.load8_u (i32.const 602)) (i32.const 0x66)) (then (call $ask)))";
    place.write("guest.wat", asking(how));
    let text = stdout(&place.line("audit guest.wat -v --at stdin --allow-wasi --env M=fast"));
    assert!(text.contains("`M`") && text.contains("the program ended before it came to `stdin`"), "{text}");
}

/// A file at descriptor 0 is not standard input.
#[test]
fn standard_input_is_what_the_descriptor_is() {
    let place = Place::new();
    place.write("file", "from a file");
    let guest = |renumber: &str| {
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 200) "file\90\01\00\00\08\00\00\00")
            (func (export "_start")
                (drop (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 4) (i32.const 0)
                    (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
                {renumber}
                (drop (call $read (i32.const 0) (i32.const 204) (i32.const 1) (i32.const 16)))))"#
        )
    };
    place.write("guest.wat", guest(""));
    let line = "guest.wat --at stdin -o out.wasm --allow-wasi --mapdir /::.";
    failed(&place.line(line), 1, "has descriptors open that the frozen one would not have");
    place.write("guest.wat", guest("(drop (call $renumber (i32.load (i32.const 8)) (i32.const 0)))"));
    failed(&place.line(line), 1, "the program ended before it came to `stdin`");
}

#[test]
fn a_hook_that_does_not_end_is_stopped() {
    let place = Place::new();
    let hook = r#"(func (export "__wasilibc_reset_preopens") (loop $forever (br $forever)))"#;
    let guest = asking("(call $ask)").replacen("(func $ask", &format!("{hook} (func $ask"), 1);
    place.write("guest.wat", guest);
    let expected =
        "the `__wasilibc_reset_preopens` function did not finish: it ran longer than the time limit";
    for line in [
        "audit guest.wat --at stdin --allow-wasi --reset-libc --timeout 200ms",
        "audit guest.wat -f _start --allow-wasi --reset-libc --timeout 200ms",
        "guest.wat --at stdin -o out.wasm --allow-wasi --reset-libc --timeout 200ms",
    ] {
        failed(&place.line(line), 1, expected);
    }
    assert_eq!(place.files(), ["guest.wat", "in.wasm", "in.wat"]);
}
