use super::*;
use crate::capture::capture;
use crate::module::Module;
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
    refused("a global that is not of its type", &|case| {
        case.state["globals"][0] = serde_json::json!({ "i32": 1 });
    });
    refused("lacks the identity of function 1", &|case| {
        case.state["functions"].as_array_mut().unwrap().pop();
    });
    refused("invalid digit", &|case| case.state["globals"][0] = serde_json::json!({ "i64": "x" }));
    refused("unknown variant", &|case| case.state["globals"][2] = serde_json::json!({ "ref": "nil" }));
}
