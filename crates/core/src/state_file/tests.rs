use super::*;
use crate::capture::capture;
use crate::constant_exports::ConstantExport;
use crate::module::Module;
use crate::plan::PlanOptions;
use crate::probe::{ProbeOptions, Probed};
use crate::snapshot::{Reference, Unwritable, Value};

const MODULE: &str = r#"(module
    (memory 1 2)
    (table 2 5 funcref)
    (global (mut i64) (i64.const 0))
    (global (mut v128) (v128.const i64x2 0 0))
    (global (mut externref) (ref.null extern))
    (data $d "data") (elem $e func $f)
    (func $f)
    (func (export "use")
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (data.drop $d)
        (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)))"#;

struct Case {
    wasm: Vec<u8>,
    state: serde_json::Value,
    memories: Vec<Vec<u8>>,
}

impl Case {
    /// What a host might have read of an instance of [`MODULE`].
    fn new() -> Case {
        let wasm = wat::parse_str(MODULE).unwrap();
        let state = serde_json::json!({
            "version": 1,
            "module": crate::hex(&Module::parse(&wasm).unwrap().digest()),
            "functions": [{ "index": 0, "identity": 40 }, { "index": 1, "identity": 41 }],
            "globals": [
                { "i64": "-9007199254740993" },
                { "v128": "340282366920938463463374607431768211455" },
                { "ref": { "extern_object": 3 } },
            ],
            "memories": [{ "file": "memory.0" }],
            "tables": [{ "slots": ["null", { "function": 40 }, { "function": 99 }] }],
            "dropped_data": [0],
            "dropped_elements": [],
            "items": [],
        });
        let mut memory = vec![0; 1 << 16];
        memory[5] = 7;
        Case { wasm, state, memories: vec![memory] }
    }

    fn check(&self) -> Result<(), String> {
        let module = Module::parse(&self.wasm).unwrap();
        let state: State = serde_json::from_value(self.state.clone()).map_err(|error| error.to_string())?;
        let probed = Probed::with(&module, &ProbeOptions::for_any_host()).unwrap();
        let mut instance =
            StateInstance::new(&module, &state, &self.memories).map_err(|error| error.to_string())?;
        let snapshot = capture(&module, &probed, &mut instance).map_err(|error| error.to_string())?;
        let globals: Vec<Value> = snapshot.globals.iter().map(|global| global.value).collect();
        let opaque = Reference::Unwritable(Unwritable::Opaque);
        assert_eq!(globals, [Value::I64(-(1 << 53) - 1), Value::V128(u128::MAX), Value::Ref(opaque)]);
        let foreign = Reference::Unwritable(Unwritable::ForeignFunction);
        assert_eq!(snapshot.tables[0].elements, [Reference::Null, Reference::Func(0), foreign]);
        assert_eq!(snapshot.tables[0].maximum, Some(5));
        assert_eq!((snapshot.memories[0].size, snapshot.memories[0].maximum), (1 << 16, Some(2)));
        assert_eq!(snapshot.memories[0].image.chunks()[0].bytes[5], 7);
        assert_eq!((snapshot.dropped_data, snapshot.dropped_elements), (vec![true], vec![false]));
        Ok(())
    }
}

#[test]
fn a_state_file_is_captured() {
    Case::new().check().unwrap();
}

#[test]
fn a_state_survives_its_json() {
    let state: State = serde_json::from_value(Case::new().state).unwrap();
    assert_eq!(serde_json::to_value(&state).unwrap(), Case::new().state);
}

#[test]
fn the_schema_names_every_part_of_the_state() {
    let wasm = Case::new().wasm;
    let module = Module::parse(&wasm).unwrap();
    let probed = Probed::with(&module, &ProbeOptions::for_any_host()).unwrap();
    let schema = StateSchema::of(&module, &probed);
    let text = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<StateSchema>(&text).unwrap(), schema);
    let kinds: Vec<ValueKind> = schema.globals.iter().map(|global| global.ty).collect();
    assert_eq!(kinds, [ValueKind::I64, ValueKind::V128, ValueKind::Extern]);
    let halves = schema.globals[1].halves.clone().unwrap();
    let functions = schema.functions.iter().map(|function| &function.export);
    let globals = schema.globals.iter().map(|global| &global.export);
    let tables = schema.tables.iter().map(|table| &table.export);
    let segments = schema.data.iter().chain(&schema.elements).map(|segment| &segment.export);
    let names = functions.chain(globals).chain(tables).chain(segments).chain(&schema.memories).chain(&halves);
    let probed = Module::parse(&probed.wasm).unwrap();
    let names: Vec<&String> = names.collect();
    assert_eq!(names.len(), 2 + 3 + 1 + 2 + 1 + 2);
    for name in names {
        assert!(probed.export(name).is_some(), "{name}");
    }
}

#[test]
fn what_does_not_fit_the_module_is_refused() {
    let refused = |expected: &str, spoil: &dyn Fn(&mut Case)| {
        let mut case = Case::new();
        spoil(&mut case);
        let error = case.check().unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    refused("version 2; only version 1", &|case| case.state["version"] = 2.into());
    refused("another module", &|case| case.state["module"] = "00".into());
    refused("the state has 0 tables, the module 1", &|case| case.state["tables"] = serde_json::json!([]));
    refused("the state has 0 contents of memories, the module 1", &|case| case.memories.clear());
    refused("memory 0 has 65537 bytes", &|case| case.memories[0].push(0));
    refused("memory 0 has 196608 bytes", &|case| case.memories[0].resize(3 << 16, 0));
    refused("memory 0 has 0 bytes", &|case| case.memories[0].clear());
    refused("table 0 has 1 slots", &|case| case.state["tables"][0]["slots"] = serde_json::json!(["null"]));
    refused("global 0 holds what is not of its type", &|case| {
        case.state["globals"][0] = serde_json::json!({ "i32": 1 });
    });
    refused("lacks the identity of function 1", &|case| {
        case.state["functions"].as_array_mut().unwrap().pop();
    });
    let json = |value: &str| serde_json::from_str::<serde_json::Value>(value).unwrap();
    let set = |place: &'static str, value: &'static str| {
        move |case: &mut Case| *case.state.pointer_mut(place).unwrap() = json(value)
    };
    refused("global 2 holds what is not of its type", &set("/globals/2", r#"{ "ref": { "function": 40 } }"#));
    refused("global 2 holds what is not", &set("/globals/2", r#"{ "ref": { "extern_i31": 2147483648 } }"#));
    refused("table 0 holds what is not", &set("/tables/0/slots", r#"["null", { "i31": 1 }, "null"]"#));
    refused("names data segment 7, which", &set("/dropped_data", "[7]"));
    refused("names element segment 1, which", &set("/dropped_elements", "[1]"));
    refused("names element segment 9, which", &set("/items", r#"[{ "segment": 9, "items": [] }]"#));
    refused("has 0 items of element segment 0, the module 1", &|case| {
        case.state["items"] = json(r#"[{ "segment": 0, "items": [] }]"#);
    });
    refused("names imported memory 0, which", &|case| {
        case.state["imported"] = json(r#"{ "memories": [{ "index": 0, "size": 65536 }] }"#);
    });
    refused("names imported global 1, which", &|case| {
        case.state["aliases"] = json(r#"[{ "kind": "global", "index": 1, "first": 0 }]"#);
    });
    refused("unknown field `importd`", &|case| case.state["importd"] = json("{}"));
    refused("invalid digit", &|case| case.state["globals"][0] = serde_json::json!({ "i64": "x" }));
    refused("unknown variant", &|case| case.state["globals"][2] = serde_json::json!({ "ref": "nil" }));
}

const IMPORTS: &str = r#"(module
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 1 funcref))
    (import "env" "count" (global (mut i32)))
    (import "env" "offset" (global i32))
    (func (export "_initialize"))
    (func (export "id") (result i32) (i32.const 3)))"#;

fn imports_state() -> serde_json::Value {
    let wasm = wat::parse_str(IMPORTS).unwrap();
    serde_json::json!({
        "version": 1,
        "module": crate::hex(&Module::parse(&wasm).unwrap().digest()),
        "functions": [{ "index": 0, "identity": 0 }, { "index": 1, "identity": 1 }],
        "globals": [{ "i32": 5 }, { "i32": 1024 }],
        "memories": [{ "file": "memory.0" }],
        "tables": [{ "slots": ["null", { "function": 1 }] }],
        "dropped_data": [],
        "dropped_elements": [],
        "items": [],
        "imported": {
            "memories": [{ "index": 0, "size": 65536, "file": "before.0" }],
            "tables": [{ "index": 0, "slots": ["null"] }],
            "globals": [{ "index": 0, "value": { "i32": 5 } }],
        },
    })
}

/// The printed snapshot.
fn printed(state: serde_json::Value, options: &SnapshotOptions) -> Result<String, String> {
    let wasm = wat::parse_str(IMPORTS).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let state: State = serde_json::from_value(state).map_err(|error| error.to_string())?;
    let mut before = vec![0; 1 << 16];
    before[8] = 1;
    let mut now = before.clone();
    now[16] = 2;
    now.resize(2 << 16, 0);
    let contents = Contents { memories: vec![now], imported: [(0, before)].into(), heap: Vec::new() };
    let written = snapshot(&module, &state, &contents, options).map_err(|error| error.to_string())?;
    let of_snapshot = Module::parse(&written.wasm).unwrap();
    let data: Vec<String> = of_snapshot.data.iter().map(|data| format!("{:?}", data.bytes)).collect();
    let exports: Vec<&str> = of_snapshot.exports.iter().map(|export| export.name).collect();
    Ok(format!("{} {} {:?}", data.join(" "), exports.join(" "), written.initializers))
}

#[test]
fn only_what_changed_in_imports_is_written() {
    let shown = printed(imports_state(), &SnapshotOptions::default()).unwrap();
    assert_eq!(shown, r#"[2] _initialize id ["_initialize"]"#);
    let constant = ConstantExport { name: "_initialize".to_string(), value: None };
    let plan = PlanOptions { removed_exports: vec!["_initialize".to_string()], ..PlanOptions::default() };
    let options = SnapshotOptions { constant_exports: vec![constant], plan: plan.clone() };
    assert_eq!(printed(imports_state(), &options).unwrap(), "[2] _initialize id []");
    let options = SnapshotOptions { plan, ..SnapshotOptions::default() };
    assert_eq!(printed(imports_state(), &options).unwrap(), "[2] id []");
}

#[test]
fn imports_must_be_recorded() {
    let refused = |place: &str, value: serde_json::Value, expected: &str| {
        let mut state = imports_state();
        *state.pointer_mut(place).unwrap() = value;
        let error = printed(state, &SnapshotOptions::default()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    refused("/imported/memories", json("[]"), "memory 0 is imported, and the state does not say");
    refused("/imported/tables", json("[]"), "table 0 is imported, and the state does not say");
    refused("/imported/globals", json("[]"), "global 0 is imported, and the state does not say");
    refused("/imported/memories/0/size", json("196608"), "imported memory 0 had another size");
    refused("/imported/memories/0/size", json("131072"), "imported memory 0 had another size");
    refused("/imported/memories/0/size", json("65537"), "imported memory 0 had another size");
    refused("/imported/memories/0/size", json("0"), "imported memory 0 had another size");
    refused("/imported/tables/0/slots", json("[]"), "imported table 0 had another size");
    refused(
        "/imported/tables/0/slots",
        json(r#"["null", "null", "null"]"#),
        "imported table 0 had another size",
    );
    refused("/imported/tables/0/slots", json(r#"[{ "i31": 1 }]"#), "imported table 0 holds what is not");
    refused("/imported/globals/0/index", json("2"), "names imported global 2, which");
    let twice = r#"[{ "index": 0, "value": { "i32": 5 } }, { "index": 0, "value": { "i32": 5 } }]"#;
    refused("/imported/globals", json(twice), "says twice what imported global 0 held");
    let fresh = SnapshotOptions {
        plan: PlanOptions { fresh_imports: true, ..PlanOptions::default() },
        ..SnapshotOptions::default()
    };
    let error = printed(imports_state(), &fresh).unwrap_err();
    assert!(error.contains("import `env.memory` was not fresh"), "{error}");
}

#[test]
fn a_value_of_a_type_that_its_place_lacks_is_refused() {
    let wasm =
        wat::parse_str("(module (global (mut (ref func)) (ref.func 0)) (func (export \"f\")))").unwrap();
    let module = Module::parse(&wasm).unwrap();
    let state = serde_json::json!({
        "version": 1, "module": crate::hex(&module.digest()),
        "functions": [{ "index": 0, "identity": 0 }], "globals": [{ "ref": "null" }],
        "memories": [], "tables": [], "dropped_data": [], "dropped_elements": [], "items": [],
    });
    let state: State = serde_json::from_value(state).unwrap();
    let error = snapshot(&module, &state, &Contents::default(), &SnapshotOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "global 0 holds what is not of its type");
}

/// A list whose nodes are of a type below another, of which the same is declared twice.
const TYPES: &str = r#"(module
    (type $base (sub (struct (field i32))))
    (type $node (sub $base (struct (field i32) (field (mut (ref null $node))))))
    (type $same (sub $base (struct (field i32) (field (mut (ref null $same))))))
    (type $bytes (array i8))
    (type $nothing (func)) (type $number (func (result i32)))
    (type $units (array (mut i16)))
    (import "wasm:js-string" "fromCharCodeArray" (func (param (ref null $units) i32 i32) (result (ref extern))))
    (func (export "f")) (func (export "g") (result i32) (i32.const 1))
    (elem declare func 1 2)
    (global (mut (ref null $node)) (ref.null $node)) (global (mut structref) (ref.null struct))
    (global (mut (ref null $number)) (ref.null $number)) (global (mut externref) (ref.null extern))
    (global (mut eqref) (ref.null eq)))"#;

#[test]
fn references_of_a_state_are_of_the_types_of_their_places() {
    let wasm = wat::parse_str(TYPES).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let made = |place: &str, value: serde_json::Value| {
        let mut state = serde_json::json!({
            "version": 1, "module": crate::hex(&module.digest()),
            "functions": [{ "index": 0, "identity": 0 }, { "index": 1, "identity": 1 }, { "index": 2, "identity": 2 }],
            "globals": [{ "ref": { "object": 5 } }, { "ref": { "object": 5 } }, { "ref": { "function": 2 } },
                { "ref": { "extern_object": 8 } }, { "ref": { "i31": 4 } }],
            "memories": [], "tables": [], "dropped_data": [], "dropped_elements": [], "items": [],
            "heap": { "file": "heap", "objects": [
                { "identity": 5, "type": 1, "references": [{ "object": 6 }] }, { "identity": 6, "type": 2, "references": ["null"] },
                { "identity": 7, "type": 3, "length": 2 }, { "identity": 9, "type": 0 },
            ], "strings": [{ "identity": 8, "length": 1 }], "calls": [] },
        });
        *state.pointer_mut(place).unwrap() = value;
        let state: State = serde_json::from_value(state).unwrap();
        let contents = Contents { heap: vec![65; 4 + 4 + 2 + 4 + 2], ..Contents::default() };
        snapshot(&module, &state, &contents, &SnapshotOptions::default())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    // The types of nodes are one.
    assert_eq!(made("/globals/0", json(r#"{ "ref": { "object": 6 } }"#)), Ok(()));
    for (place, value, what) in [
        ("/globals/0", r#"{ "ref": { "object": 9 } }"#, "global 0"),
        ("/globals/0", r#"{ "ref": { "object": 8 } }"#, "global 0"),
        ("/globals/0", r#"{ "ref": { "i31": 4 } }"#, "global 0"),
        ("/globals/1", r#"{ "ref": { "object": 7 } }"#, "global 1"),
        ("/globals/1", r#"{ "ref": { "object": 8 } }"#, "global 1"),
        ("/globals/2", r#"{ "ref": { "function": 1 } }"#, "global 2"),
        ("/globals/4", r#"{ "ref": { "object": 8 } }"#, "global 4"),
        ("/heap/objects/0/references/0", r#"{ "object": 9 }"#, "an object of type 1"),
        ("/heap/objects/0/references/0", r#"{ "object": 7 }"#, "an object of type 1"),
    ] {
        assert_eq!(made(place, json(value)), Err(format!("{what} holds what is not of its type")), "{value}");
    }
    let call = r#"[{ "identity": 20, "function": 0, "arguments": [{ "ref": "null" }, { "i32": 0 }, { "i32": 1 }] }]"#;
    let expected = "the state names imported function 0, which the module does not have";
    assert_eq!(made("/heap/calls", json(call)), Err(expected.to_string()));
}

#[test]
fn another_engine_may_know_exceptions_that_ours_does_not() {
    // (module (func (try (do) (catch_all))))
    let wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x08\x01\x06\0\x06\x40\x19\x0b\x0b";
    let refused = Module::parse(wasm).err().unwrap().to_string();
    assert!(refused.contains("withdrawn form of exception handling"), "{refused}");
    let module = Module::parse_for_other_engine(wasm).unwrap();
    let (probed, schema) = probe(&module).unwrap();
    assert!(Module::parse_for_other_engine(&probed).is_ok());
    let state = serde_json::json!({
        "version": VERSION, "module": schema.module, "functions": [], "globals": [], "memories": [], "tables": [],
        "dropped_data": [], "dropped_elements": [], "items": [],
    });
    let state: State = serde_json::from_value(state).unwrap();
    let contents = Contents::default();
    let written = snapshot(&module, &state, &contents, &SnapshotOptions::default()).unwrap();
    assert!(Module::parse_for_other_engine(&written.wasm).is_ok());
}

#[test]
fn a_main_module_of_dynamic_libraries_is_read_where_another_engine_runs_it() {
    let parsed = |memory: &str| {
        let text = format!(r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00") {memory})"#);
        let wasm = wat::parse_str(text).unwrap();
        let here = Module::parse(&wasm).err().unwrap().to_string();
        assert!(here.contains("is a dynamic library"), "{here}");
        let module = Module::parse_for_other_engine(&wasm).map_err(|error| error.to_string())?;
        Ok::<_, String>(probe(&module).unwrap().0)
    };
    let probed = parsed("(memory 1)").unwrap();
    assert!(Module::parse_for_other_engine(&probed).is_ok());
    for side in [r#"(import "env" "memory" (memory 1))"#, ""] {
        let refused = parsed(side).unwrap_err();
        assert!(refused.contains("is a side module"), "{refused}");
    }
}
