use super::binary;
use crate::component::{Accessors, Component, ComponentError, Shown};
use crate::module::Module;
use crate::probe::{Change, Probe, ProbeOptions, Probed};
use wasmparser::{Validator, WasmFeatures};

/// Instruments all core modules; what they show are their numbers and memories.
fn instrumented(text: &str) -> Result<(Vec<u8>, Vec<Accessors>), ComponentError> {
    let wasm = binary(text);
    let component = Component::parse(&wasm)?;
    let (mut probed, mut shown) = (Vec::new(), Vec::new());
    for found in component.modules() {
        let module = Module::parse_part(found.bytes).unwrap();
        let one =
            Probed::with(&module, &ProbeOptions { leaves_nothing_to_host: true, ..ProbeOptions::default() });
        let one = one.unwrap();
        let globals = (0u32..)
            .zip(&module.globals)
            .map(|(index, global)| (one.export_name(Probe::Global(index)), global.ty));
        let memories = (0u32..).zip(&module.memories).skip(module.imported.memories as usize);
        shown.push(Shown {
            globals: globals.collect(),
            memories: memories.map(|(index, ty)| (one.export_name(Probe::Memory(index)), *ty)).collect(),
        });
        probed.push(one.wasm);
    }
    let probed: Vec<_> = probed.iter().map(|wasm| Some(wasm.as_slice())).collect();
    let (wasm, accessors) = component.with_accessors(&probed, &shown, "a:b/show")?;
    Validator::new_with_features(WasmFeatures::all()).validate_all(&wasm).expect("it is valid");
    Ok((wasm, accessors))
}

#[test]
fn every_core_instance_is_shown_by_an_export_of_the_outermost_component() {
    let text = r#"(component
        (core module $state (global (mut i32) (i32.const 0)) (global (mut v128) (v128.const i64x2 0 0)) (memory i64 1) (memory 1))
        (core module $none)
        (core instance (instantiate $none))
        (core instance (instantiate $state))
        (component $inner
            (core module $m (memory (export "memory") 0) (func (export "f")))
            (core instance $i (instantiate $m))
            (func (export "f") (canon lift (core func $i "f"))))
        (component $middle
            (alias outer 1 $inner (component $c))
            (instance (instantiate $c))
            (instance $second (instantiate $c)) (export "f" (func $second "f")))
        (instance $first (instantiate $middle))
        (instance $own (instantiate $inner))
        (export "f" (func $first "f")) (export "g" (func $own "f")))"#;
    let (wasm, accessors) = instrumented(text).unwrap();
    let component = Component::parse(&wasm).unwrap();
    let names: Vec<_> =
        accessors.iter().map(|found| (found.instance.as_str(), found.memories.len())).collect();
    let expected =
        [("a:b/show", 0), ("a:b/show", 2), ("a:b/show-i0-i0", 1), ("a:b/show-i0-i1", 1), ("a:b/show-i1", 1)];
    assert_eq!(names, expected);
    let printed = format!("{:?}", component.root.steps);
    for (name, _) in expected {
        assert!(printed.contains(&format!("name: {name:?}")), "{name} in {printed}");
    }
    assert_eq!(
        (accessors[1].globals.as_str(), accessors[1].memories[1].as_str()),
        ("instance1", "instance1-memory1")
    );
}

#[test]
fn what_no_export_leads_to_is_named() {
    let handed_over = |module: &str| {
        format!(
            r#"(component (core module $m {module})
                (component $c (import "m" (core module $m)) (core instance (instantiate $m)))
                (instance (instantiate $c (with "m" (core module $m)))))"#
        )
    };
    assert!(matches!(instrumented(&handed_over("(memory 1)")), Err(ComponentError::Hidden { .. })));
    assert!(instrumented(&handed_over("")).is_ok());
    let taken = r#"(component (component (import "f" (func $f)) (export "a:b/show-i0" (func $f))))"#;
    assert_eq!(instrumented(taken).unwrap_err(), ComponentError::ExportTaken("a:b/show-i0".to_string()));
}

#[test]
fn changes_leave_marks() {
    let wasm = binary(
        r#"(module (import "m" "t" (table $import 1 funcref)) (table $own 1 funcref) (memory 1)
            (global $number (mut i32) (i32.const 0)) (global $reference (mut funcref) (ref.null func))
            (data $d "x") (data $kept "y") (elem $e funcref (ref.null func))
            (func (data.drop $d) (elem.drop $e) (global.set $number (i32.const 1)) (global.set $reference (ref.null func))
                (table.set $import (i32.const 0) (ref.null func)) (drop (table.get $own (i32.const 0)))))"#,
    );
    let module = Module::parse(&wasm).unwrap();
    assert_eq!(Probed::new(&module).unwrap().change_marks.changes().count(), 0);
    let probed =
        Probed::with(&module, &ProbeOptions { marks_changes: true, ..ProbeOptions::default() }).unwrap();
    let changes: Vec<_> = probed.change_marks.changes().collect();
    assert_eq!(changes, [Change::Data(0), Change::Element(0), Change::Table(0), Change::Global(1)]);
    let instrumented = Module::parse(&probed.wasm).unwrap();
    let body = &instrumented.bodies()[0];
    let operators: Vec<String> =
        body.get_operators_reader().unwrap().into_iter().map(|op| format!("{:?}", op.unwrap())).collect();
    for change in changes {
        let mark = instrumented.export(&probed.export_name(Probe::Change(change))).unwrap().index;
        let set = format!("GlobalSet {{ global_index: {mark} }}");
        assert_eq!(
            operators.iter().filter(|operator| **operator == set).count(),
            1,
            "{change:?}: {operators:?}"
        );
    }
}
