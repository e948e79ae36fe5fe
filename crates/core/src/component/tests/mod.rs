mod accessors;
mod copies;
mod unused_exports;

use super::*;
use wasmparser::{ComponentExternalKind, Payload};

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn places(text: &str) -> Vec<(usize, String, u32)> {
    let wasm = binary(text);
    let instances = Component::parse(&wasm).unwrap().elaborate().unwrap();
    instances.into_iter().map(|found| (found.module, found.component, found.index)).collect()
}

fn place(module: usize, component: &str, index: u32) -> (usize, String, u32) {
    (module, component.to_string(), index)
}

/// Nested components, a module twice, outer aliases of modules and components, and both as arguments and exports.
const ALL_SHAPES: &str = r#"
    (component $root
      (core module $a (global (mut i32) (i32.const 1)))
      (core module $b (memory 1))
      (component $inner
        (alias outer $root $a (core module $a2))
        (core instance (instantiate $a2))
        (component $innermost
          (alias outer $root $b (core module $b2))
          (core instance (instantiate $b2)))
        (instance (instantiate $innermost))
        (export "a" (core module $a2))
        (export "innermost" (component $innermost)))
      (component $takes
        (import "m" (core module $m))
        (import "c" (component $c))
        (core instance (instantiate $m))
        (instance (instantiate $c)))
      (core instance $first (instantiate $a))
      (core instance (export "g" (instance $unused)) )
      (instance $i (instantiate $inner))
      (core instance (instantiate $a))
      (alias export $i "a" (core module $exported))
      (alias export $i "innermost" (component $c))
      (core instance (instantiate $exported))
      (instance (instantiate $takes (with "m" (core module $b)) (with "c" (component $c))))
      (instance (instantiate $inner)))"#;

#[test]
fn instances_come_in_the_order_of_instantiation() {
    let text = ALL_SHAPES.replace(r#"(core instance (export "g" (instance $unused)) )"#, "(core instance)");
    let expected = [
        place(0, "/", 0),
        place(0, "/0", 0),
        place(1, "/0/0", 0),
        place(0, "/", 2),
        place(0, "/", 3),
        place(1, "/1", 0),
        place(1, "/1/0", 0),
        place(0, "/2", 0),
        place(1, "/2/0", 0),
    ];
    assert_eq!(places(&text), expected);
}

#[test]
fn an_imported_module_is_refused_where_it_is_instantiated() {
    let wasm = binary(
        r#"(component (import "m" (core module $m))
             (component $c (alias outer 1 $m (core module $m2)) (core instance (instantiate $m2)))
             (instance (instantiate $c)))"#,
    );
    let error = Component::parse(&wasm).unwrap().elaborate().unwrap_err();
    assert_eq!(error, ComponentError::Imported { path: "/0".to_string(), what: "core module" });
    let unused = binary(r#"(component (import "m" (core module $m)))"#);
    assert_eq!(Component::parse(&unused).unwrap().elaborate(), Ok(Vec::new()));
}

#[test]
fn very_many_instances_are_refused() {
    let mut text = "(component (core module) (core instance (instantiate 0)))".to_string();
    for _ in 0..14 {
        text = format!("(component {text} (instance (instantiate 0)) (instance (instantiate 0)))");
    }
    let wasm = binary(&text);
    let error = Component::parse(&wasm).unwrap().elaborate().unwrap_err();
    assert!(matches!(error, ComponentError::ManyInstances { .. }), "{error}");
}

/// A thousand instances of one component.
#[test]
fn very_many_items_of_instances_are_refused() {
    // As many as a component can have of each.
    let numbered = |text: &str| (0..990).map(|k| text.replace('#', &k.to_string())).collect::<String>();
    let module = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))"#;
    let lifted = format!(r#"{module} (func $f (canon lift (core func $i "f")))"#);
    for fields in [
        numbered("(type u8)"),
        numbered("(core type (func))"),
        numbered("(core instance)"),
        numbered(r#"(type $t# (resource (rep i32))) (core func (canon resource.new $t#))"#),
        format!("{module} {}", numbered(r#"(alias core export $i "f" (core func))"#)),
        format!("{module} {}", numbered(r#"(func (canon lift (core func $i "f")))"#)),
        format!("{lifted} {}", numbered(r#"(export "f#" (func $f))"#)),
        format!(
            r#"{lifted} (instance $n (export "f" (func $f))) {}"#,
            numbered(r#"(alias export $n "f" (func))"#)
        ),
        format!(
            "{lifted} (component $c) (instance (instantiate $c {}))",
            numbered(r#"(with "f#" (func $f))"#)
        ),
    ] {
        let instances = |depth: u32| {
            let component = (0..depth).fold(format!("(component {fields})"), |component, _| {
                format!("(component {component} (instance (instantiate 0)) (instance (instantiate 0)))")
            });
            Component::parse(&binary(&component)).unwrap().elaborate().map(drop)
        };
        let start = &fields[..fields.len().min(150)];
        // Names of exports have a limit of their own.
        let expected = match fields.contains("(export \"f1\"") {
            true => ComponentError::Unfolds { most: 200_000 },
            false => ComponentError::ManyItems { most: 1_000_000 },
        };
        assert_eq!(instances(10), Err(expected), "{start}");
        assert_eq!(instances(6), Ok(()), "{start}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let mut wasm = binary("(component)");
    for _ in 0..101 {
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::RawSection { id: 4, data: &wasm });
        wasm = outer.finish();
    }
    assert_eq!(Component::parse(&wasm).err(), Some(ComponentError::Deep { most: 100 }));
}

/// Each component names the one before it twice.
#[test]
fn what_is_handed_over_many_times_is_looked_at_once() {
    let alias = |number: usize| format!("(alias outer $root $c{number} (component))");
    let naming = |number: usize| format!("(component $c{number} {0} {0})", alias(number - 1));
    let text = |last: usize| {
        let more: String = (1..=last).map(naming).collect();
        format!(r#"(component $root (component $c0 (core module)) {more} (export "c" (component $c{last})))"#)
    };
    assert!(places(&text(12)).is_empty());
    // The engine writes all of it out.
    for last in [17, 60, 90] {
        let wasm = binary(&text(last));
        let elaborated = Component::parse(&wasm).unwrap().elaborate();
        assert_eq!(elaborated, Err(ComponentError::Unfolds { most: 200_000 }), "{last}");
    }
    let bundle = |number: usize| {
        let of = number - 1;
        format!(r#"(instance $i{number} (export "x" (instance $i{of})) (export "y" (instance $i{of})))"#)
    };
    let bundles: String = (1..18).map(bundle).collect();
    let wasm = binary(&format!(
        r#"(component (core module $m) (instance $i0 (export "m" (core module $m))) {bundles})"#
    ));
    let elaborated = Component::parse(&wasm).unwrap().elaborate();
    assert_eq!(elaborated, Err(ComponentError::Unfolds { most: 200_000 }));
}

#[test]
fn a_module_that_is_put_back_changes_only_itself() {
    let wasm = binary(&format!(
        r#"(component (core module $x (func (export "f")) (memory 1))
             (@custom "keep" "me")
             (component $c (core module $y (memory 2)) (core instance (instantiate $y)))
             {} (instance (instantiate $c)))"#,
        "(core instance (instantiate $x))"
    ));
    let component = Component::parse(&wasm).unwrap();
    let same: Vec<_> = component.modules().iter().map(|module| Some(module.bytes)).collect();
    assert_eq!(component.with_modules(&same), wasm);
    assert_eq!(component.with_modules(&[None, None]), wasm);

    let other = binary("(module (memory 7) (data (i32.const 0) \"state\"))");
    let changed = component.with_modules(&[None, Some(&other)]);
    let again = Component::parse(&changed).unwrap();
    assert_eq!(again.modules()[0], component.modules()[0]);
    assert_eq!(again.modules()[1].bytes, other);
    // Back again, and everything is as it was.
    assert_eq!(again.with_modules(&same), wasm);
}

#[test]
fn sizes_that_are_written_long_stay_as_they_are() {
    let module = binary("(module)");
    let mut wasm = section::HEADER.to_vec();
    for _ in 0..2 {
        wasm.extend([1, module.len() as u8 | 0x80, 0x80, 0x00]);
        wasm.extend(&module);
    }
    let component = Component::parse(&wasm).unwrap();
    assert_eq!(component.with_modules(&[Some(&module), None]), wasm);
    let other = binary("(module (memory 1))");
    let changed = component.with_modules(&[None, Some(&other)]);
    assert!(changed.starts_with(&wasm[..8 + 4 + module.len()]));
}

#[test]
fn a_module_is_called_what_its_component_calls_it() {
    let wasm = binary(
        r#"(component (component $c (core module $inner)) (core module $outer) (core module $own (@name "itself"))
             (core module))"#,
    );
    let component = Component::parse(&wasm).unwrap();
    // Modules in text form have their identifier as their own name.
    let names: Vec<_> = component.modules().iter().map(|module| module.name).collect();
    assert_eq!(names, [Some("inner"), Some("outer"), Some("itself"), None]);
    let mut bare = wasm_encoder::Component::new();
    bare.section(&wasm_encoder::RawSection { id: section::id::CORE_MODULE, data: &binary("(module)") });
    let mut map = wasm_encoder::NameMap::new();
    map.append(0, "bare");
    let mut names = wasm_encoder::ComponentNameSection::new();
    names.core_modules(&map);
    bare.section(&names);
    let wasm = bare.finish();
    assert_eq!(Component::parse(&wasm).unwrap().modules()[0].name, Some("bare"));
}

/// Functions before and after the export, in every kind of section that can name one.
const EXPORTS: &str = r#"
    (component
      (import "imported" (func $imported))
      (core module $m (func (export "init")) (func (export "run")))
      (core instance $i (instantiate $m))
      (func $init (canon lift (core func $i "init")))
      (export $exported-init "init" (func $init))
      (func $run (canon lift (core func $i "run")))
      (export $exported-run "run" (func $run))
      (core func $lowered (canon lower (func $exported-run)))
      (component $c (import "f" (func)) (export "g" (func 0)))
      (instance $n (instantiate $c (with "f" (func $run))))
      (alias export $n "g" (func $g))
      (instance $bundle (export "one" (func $g)) (export "two" (func $exported-run)))
      (export $exported-bundle "bundle" (instance $bundle))
      (export "again" (func $imported)))"#;

fn printed(wasm: &[u8]) -> String {
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ComponentExportSection(exports) => {
                names.extend(exports.into_iter().map(|export| {
                    let export = export.unwrap();
                    format!("{} {} {}", export.name.name, export.kind.desc(), export.index)
                }));
            }
            Payload::ComponentInstanceSection(instances) => {
                names.extend(instances.into_iter().map(|instance| format!("{:?}", instance.unwrap())));
            }
            Payload::ComponentCanonicalSection(functions) => {
                names.extend(functions.into_iter().map(|function| format!("{:?}", function.unwrap())));
            }
            _ => {}
        }
    }
    names.join("\n")
}

#[test]
fn an_export_is_taken_away_and_later_functions_move() {
    let wasm = binary(EXPORTS);
    let without = without_export(&wasm, "init").unwrap();
    // Imported, init, run, its export, the alias and the last export: one less than before from `run` on.
    let lines = printed(&without);
    assert!(!lines.contains("init func"), "{lines}");
    assert!(lines.contains("run func 2"), "{lines}");
    assert!(lines.contains("again func 0"), "{lines}");
    assert!(lines.contains("Lower { func_index: 3"), "{lines}");
    assert!(lines.contains(r#"name: "f", kind: Func, index: 2"#), "{lines}");
    assert!(lines.contains(r#""one""#) && lines.contains("kind: Func, index: 4"), "{lines}");
    let component = Component::parse(&without).unwrap();
    assert_eq!(component.modules(), Component::parse(&wasm).unwrap().modules());
}

#[test]
fn whoever_names_the_removed_export_gets_what_was_exported() {
    let wasm = binary(
        r#"(component
             (core module $m (func (export "init")))
             (core instance $i (instantiate $m))
             (func $init (canon lift (core func $i "init")))
             (export $exported "init" (func $init))
             (export "too" (func $exported)))"#,
    );
    let lines = printed(&without_export(&wasm, "init").unwrap());
    assert!(lines.ends_with("too func 0"), "{lines}");
}

#[test]
fn an_exported_instance_can_be_taken_away() {
    let wasm = binary(
        r#"(component
             (component $c)
             (instance $a (instantiate $c))
             (export "gone" (instance $a))
             (instance $b (instantiate $c))
             (export "kept" (instance $b)))"#,
    );
    let lines = printed(&without_export(&wasm, "gone").unwrap());
    assert!(lines.ends_with("kept instance 1"), "{lines}");
    let missing = without_export(&wasm, "nothing").unwrap_err();
    assert_eq!(missing, ComponentError::NoSuchExport("nothing".to_string()));
}

#[test]
fn names_of_items_move_with_them() {
    let names = |wasm: &[u8]| {
        let mut found = Vec::new();
        for payload in wasmparser::Parser::new(0).parse_all(wasm) {
            let Ok(Payload::CustomSection(section)) = payload else { continue };
            if section.name() != "component-name" {
                continue;
            }
            let reader = wasmparser::BinaryReader::new(section.data(), 0);
            for name in wasmparser::ComponentNameSectionReader::new(reader) {
                let (sort, names) = match name.unwrap() {
                    wasmparser::ComponentName::Funcs(names) => ("func", names),
                    wasmparser::ComponentName::Instances(names) => ("instance", names),
                    wasmparser::ComponentName::CoreModules(names) => ("module", names),
                    _ => continue,
                };
                found.extend(names.into_iter().map(|naming| {
                    let naming = naming.unwrap();
                    format!("{sort} {} {}", naming.index, naming.name)
                }));
            }
        }
        found
    };
    let wasm = binary(EXPORTS);
    let before = names(&wasm);
    assert!(before.contains(&"func 2 exported-init".to_string()), "{before:?}");
    assert!(before.contains(&"func 3 run".to_string()), "{before:?}");
    let after = names(&without_export(&wasm, "init").unwrap());
    assert!(!after.iter().any(|name| name.contains("exported-init")), "{after:?}");
    for name in ["func 0 imported", "func 1 init", "func 2 run", "func 3 exported-run", "module 0 m"] {
        assert!(after.contains(&name.to_string()), "{name} of {after:?}");
    }
    assert!(after.contains(&"instance 1 bundle".to_string()), "{after:?}");
}

#[test]
fn a_malformed_section_of_names_is_left_alone() {
    let removed = shift::Removed { kind: ComponentExternalKind::Func, index: 0, exported: 0 };
    assert_eq!(names::shifted(&[1, 9, 1], removed), None);
    assert_eq!(names::shifted(&[0, 2, 1, b'c'], removed), Some(vec![0, 2, 1, b'c']));
}

#[test]
fn every_truncation_and_every_changed_byte_is_an_error_or_a_component() {
    let wasm = binary(EXPORTS);
    for end in 0..wasm.len() {
        let parsed = Component::parse(&wasm[..end]);
        parsed.iter().for_each(|component| drop(component.elaborate()));
    }
    for at in 0..wasm.len() {
        for bit in 0..8 {
            let mut changed = wasm.clone();
            changed[at] ^= 1 << bit;
            if let Ok(component) = Component::parse(&changed) {
                drop(component.elaborate());
                drop(without_export(&changed, "init"));
            }
        }
    }
}

#[test]
fn only_components_are_taken_for_components() {
    assert!(is_component(&binary("(component)")));
    assert!(!is_component(&binary("(module)")));
    assert!(!is_component(b"\0asm"));
    let module = binary("(module)");
    assert!(matches!(Component::parse(&module), Err(ComponentError::Malformed { offset: 0, .. })));
}
