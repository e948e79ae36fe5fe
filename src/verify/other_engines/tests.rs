use super::replay::perform;
use super::*;
use crate::host::{Call, Entry, HostValue, ImportName, Region};
use crate::verify::action::{Action, RecordedCall};
use crate::verify::call_result::CallResult;
use crate::verify::tolerance::Tolerance;
use preinit_core::module::Module;
use preinit_core::snapshot::{Heap, Reference, Unwritable, Value};

const LOGS: &str = r#"(module
    (import "env" "log" (func $log (param i32) (result i64)))
    (memory (export "memory") 1)
    (func (export "twice") (param i32) (result i64)
        (i64.add (call $log (local.get 0)) (call $log (i32.const 7))))
    (func (export "trap") unreachable))"#;

fn entry(argument: i32, result: i64) -> Arc<Entry> {
    let region = |bytes: &[u8]| Region { address: 16, bytes: bytes.to_vec() };
    Arc::new(Entry {
        call: Call {
            import: Arc::new(ImportName::new("env", "log")),
            stubbed: true,
            args: vec![HostValue::I32(argument)],
            reads: vec![region(if argument == 7 { b"written" } else { b"\0\0" })],
            backtrace: None,
        },
        outcome: crate::host::Outcome::Results(vec![HostValue::I64(result)]),
        writes: vec![region(b"written")],
    })
}

fn call(export: &str, arguments: &[i32], result: CallResult, host_calls: Vec<Arc<Entry>>) -> Action {
    Action::Call(RecordedCall {
        prefix: "step.0".to_string(),
        export: export.to_string(),
        arguments: arguments.iter().copied().map(Value::I32).collect(),
        result,
        snapshot_calls: host_calls.clone(),
        host_calls,
    })
}

fn program(wat: &str) -> Arc<ProbedModule<'static>> {
    let wasm: &'static [u8] = crate::wat_to_wasm(wat.as_bytes()).unwrap().into_owned().leak();
    Arc::new(ProbedModule::new(Module::parse(wasm).unwrap(), &[]).unwrap())
}

/// The key, what was expected, and what the engine did.
fn differs(engine: OtherEngine, action: &Action) -> Option<(String, String, String)> {
    let mut driver = engine.load(&program(LOGS)).unwrap();
    assert!(matches!(driver.instantiate(), Ok(DriverResult::Returned(_))));
    let difference = perform(&mut *driver, action, &[], false).unwrap();
    difference.map(|difference| (difference.key, difference.original, difference.snapshot))
}

fn every_difference_is_seen(engine: OtherEngine) {
    let calls = vec![entry(3, 40), entry(7, 2)];
    let returned = |value| CallResult::Returned(vec![Value::I64(value)], Heap::default());
    let seen = |action: &Action| differs(engine, action).map(|(key, ..)| key);
    assert_eq!(seen(&call("twice", &[3], returned(42), calls.clone())), None);
    assert_eq!(seen(&call("trap", &[], CallResult::Trapped("any".into()), Vec::new())), None);

    let result = differs(engine, &call("twice", &[3], returned(43), calls.clone())).unwrap();
    assert_eq!(result, ("step.0.result".into(), "i64 43".into(), "i64 42".into()));
    let trapped = call("twice", &[3], CallResult::Trapped("out of bounds".into()), calls.clone());
    assert_eq!(seen(&trapped).as_deref(), Some("step.0.result"));
    let returns = call("trap", &[], CallResult::Returned(Vec::new(), Heap::default()), Vec::new());
    assert_eq!(seen(&returns).as_deref(), Some("step.0.result"));

    let argument = differs(engine, &call("twice", &[4], returned(42), calls.clone())).unwrap();
    assert_eq!((&*argument.0, &*argument.2), ("step.0.host_call.0", "env.log(4)"));
    let one_more = call("twice", &[3], returned(42), vec![entry(3, 40)]);
    assert_eq!(seen(&one_more).as_deref(), Some("step.0.host_call.1"));
    let one_less = vec![entry(3, 40), entry(7, 2), entry(9, 0)];
    let one_less = differs(engine, &call("twice", &[3], returned(42), one_less)).unwrap();
    assert_eq!((&*one_less.0, &*one_less.2), ("step.0.host_call.2", "no call"));
    let other_bytes = vec![entry(3, 40), entry(3, 2)];
    assert_eq!(seen(&call("twice", &[3], returned(42), other_bytes)).as_deref(), Some("step.0.host_call.1"));
}

/// Everything that a state consists of, after a start function has changed it.
const STATE: &str = r#"(module
    (memory 1 3)
    (memory 1)
    (table $functions 4 9 funcref)
    (table $externs 2 externref)
    (global (mut i32) (i32.const -7))
    (global (mut i64) (i64.const -8))
    (global (mut f32) (f32.const nan:0x200001))
    (global (mut f64) (f64.const -0))
    (global (mut v128) (v128.const i64x2 0x1122334455667788 -2))
    (global (mut funcref) (ref.null func))
    (global (mut externref) (ref.null extern))
    (data $kept "kept") (data $gone "gone")
    (elem $kept func $g) (elem $gone func $f)
    (func $f) (func $g)
    (func $start
        (i32.store (i32.const 16) (i32.const 0x01020304))
        (i32.store 1 (i32.const 65532) (i32.const 5))
        (table.set $functions (i32.const 1) (ref.func $g))
        (table.set $functions (i32.const 3) (ref.func $f))
        (drop (memory.grow (i32.const 1)))
        (drop (table.grow $functions (ref.func $g) (i32.const 2)))
        (global.set 5 (ref.func $f))
        (data.drop $gone) (elem.drop $gone))
    (func (export "use") (memory.init $kept (i32.const 0) (i32.const 0) (i32.const 4))
        (memory.init $gone (i32.const 0) (i32.const 0) (i32.const 4))
        (data.drop $kept)
        (table.init $functions $kept (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $kept))
    (func (export "get") (result funcref) (table.get $functions (i32.const 1)))
    (func (export "is") (param funcref) (result i32) (ref.is_null (local.get 0)))
    (start $start))"#;

fn the_whole_state_is_read(engine: OtherEngine) {
    let mut driver = engine.load(&program(STATE)).unwrap();
    assert!(matches!(driver.instantiate(), Ok(DriverResult::Returned(_))));
    let state = driver.state(2).unwrap();
    let outline = &state.outline;
    let globals: Vec<Value> = outline.globals.iter().map(|global| global.value).collect();
    let null = Value::Ref(Reference::Null);
    let vector = Value::V128(u128::from((-2i64).cast_unsigned()) << 64 | 0x1122_3344_5566_7788);
    let expected = [
        Value::I32(-7),
        Value::I64(-8),
        Value::F32(0x7fa0_0001),
        Value::F64(1 << 63),
        vector,
        Value::Ref(Reference::Func(0)),
        null,
    ];
    for (index, (shown, expected)) in globals.iter().zip(expected).enumerate() {
        // JavaScript does not keep the payload of a NaN.
        let same = Tolerance::OtherEngine.is_same_value(expected, *shown);
        assert!(same, "global {index}: {shown} for {expected}");
    }
    assert_eq!(globals.len(), expected.len());
    let (f, g) = (Reference::Func(0), Reference::Func(1));
    assert_eq!(outline.tables[0].elements, [Reference::Null, g, Reference::Null, f, g, g]);
    assert_eq!(outline.tables[0].maximum, Some(9));
    assert_eq!(outline.tables[1].elements, [Reference::Null; 2]);
    assert_eq!(outline.dropped_data, [false, true]);
    assert_eq!(outline.dropped_elements, [false, true]);
    let sizes: Vec<usize> = state.memories.iter().map(|memory| memory.bytes.len()).collect();
    assert_eq!(sizes, [2 << 16, 1 << 16]);
    assert_eq!(state.memories[0].maximum, Some(3));
    assert_eq!(state.memories[0].bytes[16..20], [4, 3, 2, 1]);
    assert_eq!(state.memories[1].bytes[65532..], [5, 0, 0, 0]);

    let returned = driver.call("get", &[]).unwrap();
    assert!(
        matches!(&returned, DriverResult::Returned(values) if *values == [Value::Ref(g)]),
        "{returned:?}"
    );
    for (argument, is_null) in [(f, 0), (Reference::Null, 1)] {
        let returned = driver.call("is", &[Value::Ref(argument)]).unwrap();
        let expected = [Value::I32(is_null)];
        assert!(matches!(&returned, DriverResult::Returned(values) if *values == expected), "{returned:?}");
    }
}

/// References of which JavaScript shows less, and segments that may hold objects.
const OBJECTS: &str = r#"(module
    (type $pair (struct (field i32) (field (mut anyref))))
    (tag $tag (param i32))
    (global (mut anyref) (struct.new $pair (i32.const 1) (ref.null any)))
    (global (mut anyref) (ref.i31 (i32.const -5)))
    (global (mut externref) (extern.convert_any (ref.i31 (i32.const 6))))
    (global (mut exnref) (ref.null exn))
    (table 2 exnref)
    (elem $live anyref (ref.i31 (i32.const 3)) (ref.null any))
    (elem $dropped anyref (ref.i31 (i32.const 4)))
    (table $any 2 anyref)
    (func (export "use") (table.init $any $live (i32.const 0) (i32.const 0) (i32.const 2))
        (elem.drop $live) (elem.drop $dropped))
    (func $start (elem.drop $dropped))
    (start $start))"#;

#[test]
fn v8_shows_what_javascript_can_see_of_objects() {
    if !has_node() {
        return;
    }
    let mut driver = OtherEngine::V8.load(&program(OBJECTS)).unwrap();
    assert!(matches!(driver.instantiate(), Ok(DriverResult::Returned(_))));
    let outline = driver.state(2).unwrap().outline;
    let hidden = Reference::Unwritable(Unwritable::Hidden);
    let globals: Vec<Value> = outline.globals.iter().map(|global| global.value).collect();
    let expected = [
        Reference::Unwritable(Unwritable::Opaque),
        Reference::I31(0x7fff_fffb),
        Reference::ExternI31(6),
        hidden,
    ];
    assert_eq!(globals, expected.map(Value::Ref));
    assert_eq!(outline.tables[0].elements, [hidden; 2]);
    assert_eq!(outline.element_items[0], [Reference::I31(3), Reference::Null]);
    assert_eq!(outline.dropped_elements, [false, true]);
}

#[test]
fn wasmi_shows_every_difference() {
    every_difference_is_seen(OtherEngine::Wasmi);
}

#[test]
fn wasmi_shows_the_whole_state() {
    the_whole_state_is_read(OtherEngine::Wasmi);
}

#[test]
fn v8_shows_every_difference() {
    if has_node() {
        every_difference_is_seen(OtherEngine::V8);
    }
}

#[test]
fn v8_shows_the_whole_state() {
    if has_node() {
        the_whole_state_is_read(OtherEngine::V8);
    }
}

/// Whether there is a Node. Without it nothing is claimed about V8.
fn has_node() -> bool {
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    let several_memories = "process.exit(WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 5, 2, 0, 1, 0, 1])) ? 0 : 1)";
    let output = std::process::Command::new(node).args(["-e", several_memories]).output();
    let found = output.is_ok_and(|output| output.status.success());
    if !found {
        println!("there is no Node 22 or newer: V8 is not tested");
    }
    found
}
