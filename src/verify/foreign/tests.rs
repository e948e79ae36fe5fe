use super::*;
use crate::host::{Call, HostValue, ImportName, Region};

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
            args: vec![HostValue::I32(argument)],
            reads: vec![region(if argument == 7 { b"written" } else { b"\0\0" })],
            backtrace: None,
        },
        outcome: crate::host::Outcome::Results(vec![HostValue::I64(result)]),
        writes: vec![region(b"written")],
    })
}

fn turn(export: &str, arguments: &[i32], ending: Ending, calls: Vec<Arc<Entry>>) -> Turn {
    Turn::Call {
        prefix: "step.0".to_string(),
        export: export.to_string(),
        arguments: arguments.iter().copied().map(Value::I32).collect(),
        ending,
        calls,
    }
}

/// The key, what was expected, and what the engine did.
fn differs(engine: OtherEngine, turn: &Turn) -> Option<(String, String, String)> {
    let wasm = crate::wat_to_wasm(LOGS.as_bytes()).unwrap();
    let mut machine = engine.load(&Module::parse(&wasm).unwrap()).unwrap();
    assert!(matches!(machine.instantiate(), Ok(Reply::Returned(_))));
    let difference = machine.turn(turn, |export| export.to_string()).unwrap();
    difference.map(|difference| (difference.key, difference.original, difference.snapshot))
}

fn every_difference_is_seen(engine: OtherEngine) {
    let calls = vec![entry(3, 40), entry(7, 2)];
    let returned = |value| Ending::Returned(vec![Value::I64(value)], preinit_core::snapshot::Heap::default());
    let seen = |turn: &Turn| differs(engine, turn).map(|(key, ..)| key);
    assert_eq!(seen(&turn("twice", &[3], returned(42), calls.clone())), None);
    assert_eq!(seen(&turn("trap", &[], Ending::Trapped("any".into()), Vec::new())), None);

    let result = differs(engine, &turn("twice", &[3], returned(43), calls.clone())).unwrap();
    assert_eq!(result, ("step.0.result".into(), "i64 43".into(), "i64 42".into()));
    let trapped = turn("twice", &[3], Ending::Trapped("out of bounds".into()), calls.clone());
    assert_eq!(seen(&trapped).as_deref(), Some("step.0.result"));
    let returns =
        turn("trap", &[], Ending::Returned(Vec::new(), preinit_core::snapshot::Heap::default()), Vec::new());
    assert_eq!(seen(&returns).as_deref(), Some("step.0.result"));

    let argument = differs(engine, &turn("twice", &[4], returned(42), calls.clone())).unwrap();
    assert_eq!((&*argument.0, &*argument.2), ("step.0.host_call.0", "env.log(4)"));
    let one_more = turn("twice", &[3], returned(42), vec![entry(3, 40)]);
    assert_eq!(seen(&one_more).as_deref(), Some("step.0.host_call.1"));
    let one_less = vec![entry(3, 40), entry(7, 2), entry(9, 0)];
    let one_less = differs(engine, &turn("twice", &[3], returned(42), one_less)).unwrap();
    assert_eq!((&*one_less.0, &*one_less.2), ("step.0.host_call.2", "no call"));
    let other_bytes = vec![entry(3, 40), entry(3, 2)];
    assert_eq!(seen(&turn("twice", &[3], returned(42), other_bytes)).as_deref(), Some("step.0.host_call.1"));
}

#[test]
fn wasmi_shows_every_difference() {
    every_difference_is_seen(OtherEngine::Wasmi);
}

#[test]
fn v8_shows_every_difference() {
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    match std::process::Command::new(node).arg("--version").output() {
        Ok(_) => every_difference_is_seen(OtherEngine::V8),
        Err(_) => println!("there is no node: V8 is not tested"),
    }
}
