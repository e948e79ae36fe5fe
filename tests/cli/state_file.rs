//! `preinit probe` and `preinit encode`, with states as a host would have written them.

use super::{Place, code, done, failed, stderr, stdout};
use serde_json::{Value, json};

const MODULE: &str = r#"(module
    (memory (export "memory") i64 1 2)
    (memory 1)
    (global $ran (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $ran (i32.const 7)))
    (func (export "start") (param i32) (result i32) (global.get $ran))
    (func (export "ran") (result i32) (global.get $ran)))"#;

/// Holds `app.wat`, what `probe` makes of it, and a state of it.
fn place() -> Place {
    let place = Place::new();
    place.write("app.wat", MODULE);
    done(&place.line("probe app.wat -o probed.wasm --state-schema schema.json"));
    let schema: Value = serde_json::from_slice(&place.read("schema.json")).unwrap();
    let functions: Vec<Value> = schema["functions"].as_array().unwrap().clone();
    let identity = |function: &Value| json!({ "index": function["index"], "identity": function["index"] });
    let mut memory = vec![0; 1 << 16];
    memory[9] = 5;
    std::fs::create_dir(place.join("state")).unwrap();
    place.write("state/memory.0", &memory);
    place.write("state/memory.1", vec![0; 1 << 16]);
    let state = json!({
        "version": 1,
        "module": schema["module"],
        "functions": functions.iter().map(identity).collect::<Vec<_>>(),
        "globals": [{ "i32": 7 }],
        "memories": [{ "file": "memory.0" }, { "file": "memory.1" }],
        "tables": [],
        "dropped_data": [],
        "dropped_elements": [],
        "items": [],
    });
    place.write("state/state.json", serde_json::to_vec(&state).unwrap());
    place
}

/// The state with something else at a JSON pointer.
fn spoil(place: &Place, pointer: &str, value: Value) {
    let mut state: Value = serde_json::from_slice(&place.read("state/state.json")).unwrap();
    *state.pointer_mut(pointer).unwrap() = value;
    place.write("state/state.json", serde_json::to_vec(&state).unwrap());
}

const ENCODE: &str = "encode app.wat --state state/state.json -o out.wasm";

#[test]
fn a_state_becomes_a_snapshot() {
    let place = place();
    let printed = place.snapshot(&format!("{ENCODE} -f _initialize"));
    assert!(printed.contains("(global $ran (;0;) (mut i32) i32.const 7)"), "{printed}");
    assert!(printed.contains("(data (;0;) (i64.const 9) \"\\05\")"), "{printed}");
    assert!(!printed.contains("_initialize"), "{printed}");
    let output = place.line(&format!("{ENCODE} -f _initialize"));
    assert_eq!((code(&output), stdout(&output)), (0, String::new()));
    assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
}

#[test]
fn no_file_of_the_state_is_replaced() {
    let place = place();
    let before = place.read("state/memory.0");
    for name in ["state/memory.0", "state/../state/memory.1", "state/state.json"] {
        let output = place.line(&format!("encode app.wat --state state/state.json -o {name}"));
        failed(&output, 2, ", and would be replaced");
    }
    assert!(place.read("state/memory.0") == before);
}

#[test]
fn exports_that_initialize_do_nothing_any_more() {
    let place = place();
    let output = place.line(ENCODE);
    done(&output);
    assert!(stderr(&output).contains("the export `_initialize` initializes the snapshot again"));
    failed(&place.line(&format!("{ENCODE} --strict")), 1, "--noop-export _initialize");
    let line = format!("{ENCODE} --noop-export _initialize --constant-export start=-3 --strict");
    let printed = place.snapshot(&line);
    assert!(printed.contains("(export \"_initialize\" (func $constant:_initialize))"), "{printed}");
    assert!(printed.contains("i32.const -3"), "{printed}");
    failed(
        &place.line(&format!("{ENCODE} --noop-export start")),
        2,
        "`start` returns i32, and it is not said which",
    );
    failed(
        &place.line(&format!("{ENCODE} --noop-export memory")),
        2,
        "there is no exported function `memory`",
    );
    failed(&place.line(&format!("{ENCODE} --constant-export start=x")), 2, "returns i32, and `x` is none");
}

#[test]
fn what_is_no_state_of_the_module_is_an_error_of_one_line() {
    let cases = [
        ("/version", json!(9), "the state has version 9; only version 1 is supported"),
        ("/module", json!("00"), "the state is that of another module"),
        ("/globals/0", json!({ "i64": "7" }), "global 0 holds what is not of its type"),
        ("/globals", json!([]), "the state has 0 globals, the module 1"),
        ("/memories/0/file", json!("../app.wat"), "is not in the folder of the state file"),
        ("/memories/0/file", json!("/etc/hostname"), "is not in the folder of the state file"),
        ("/memories/0/file", json!(""), "is not in the folder of the state file"),
        ("/memories/0/file", json!("nothing"), "cannot read `state/nothing`"),
        ("/memories/0/file", json!("state.json"), "which does not fit the module"),
        ("/memories/0/file", json!("a\nerror: b"), "cannot read `state/a\\nerror: b`"),
        ("/functions", json!([]), "the state lacks the identity of function"),
        ("/items", json!({}), "is not a state file"),
    ];
    for (pointer, value, expected) in cases {
        let place = place();
        spoil(&place, pointer, value);
        let output = place.line(ENCODE);
        failed(&output, 2, expected);
        assert_eq!(stderr(&output).matches("error: ").count(), 1 + expected.matches("error: ").count());
        assert!(!place.files().contains(&"out.wasm".to_string()));
    }
}

/// What is said twice would be read twice.
#[test]
fn no_file_is_read_of_a_state_that_says_something_twice() {
    let place = place();
    let module =
        MODULE.replacen("(memory (export", r#"(import "env" "memory" (memory $m 1)) (memory (export"#, 1);
    place.write("app.wat", module);
    done(&place.line("probe app.wat -o probed.wasm --state-schema schema.json"));
    let schema: Value = serde_json::from_slice(&place.read("schema.json")).unwrap();
    spoil(&place, "/module", schema["module"].clone());
    let memory = json!({ "index": 0, "size": 1 << 16, "file": "nothing" });
    let mut state: Value = serde_json::from_slice(&place.read("state/state.json")).unwrap();
    for (memories, expected) in [
        (json!([memory, memory]), "the state says twice what imported memory 0 held"),
        (json!([memory]), "cannot read `state/nothing`"),
    ] {
        state["imported"] = json!({ "memories": memories });
        place.write("state/state.json", serde_json::to_vec(&state).unwrap());
        failed(&place.line(ENCODE), 2, expected);
    }
}

#[test]
fn files_that_are_none_are_not_read() {
    let place = place();
    std::fs::create_dir(place.join("state/folder")).unwrap();
    spoil(&place, "/memories/0/file", json!("folder"));
    failed(&place.line(ENCODE), 2, "it is not a file");
    failed(&place.line("encode app.wat --state nothing.json -o out.wasm"), 2, "cannot read `nothing.json`");
    place.write("text.json", "not JSON");
    failed(&place.line("encode app.wat --state text.json -o out.wasm"), 2, "is not a state file");
    spoil(&place, "/memories/0/file", json!("memory.0"));
    failed(&place.line(&format!("{ENCODE} --max-memory 100000")), 2, "--max-memory allows more");
    done(&place.line(&format!("{ENCODE} --max-memory 128KiB")));
}

/// Folders that were unpacked from somewhere can have links in them.
#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_folder() {
    let place = place();
    std::fs::copy(place.join("state/memory.0"), place.join("outside")).unwrap();
    let outside = place.join("outside").canonicalize().unwrap();
    for (name, target) in [("absolute", outside.to_str().unwrap()), ("relative", "../outside")] {
        std::os::unix::fs::symlink(target, place.join("state").join(name)).unwrap();
        spoil(&place, "/memories/0/file", json!(name));
        failed(&place.line(ENCODE), 2, &format!("cannot read `state/{name}`"));
    }
    std::os::unix::fs::symlink("..", place.join("state/up")).unwrap();
    spoil(&place, "/memories/0/file", json!("up/outside"));
    failed(&place.line(ENCODE), 2, "cannot read `state/up/outside`");
    std::os::unix::fs::symlink("memory.0", place.join("state/inside")).unwrap();
    spoil(&place, "/memories/0/file", json!("inside"));
    done(&place.line(ENCODE));
}

#[test]
fn outputs_of_probe_are_two_files() {
    let place = place();
    failed(&place.line("probe app.wat -o a --state-schema a"), 2, "two outputs go to a");
    failed(&place.line("probe app.wat -o a --state-schema app.wat"), 2, "is the input");
    failed(&place.line("probe app.wat -o a"), 2, "--state-schema");
    failed(&place.line("probe nothing.wat -o a --state-schema b"), 2, "cannot read `nothing.wat`");
}
