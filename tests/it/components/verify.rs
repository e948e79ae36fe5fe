//! The verifier on components: correct snapshots raise no alarm, planted faults are found.

use crate::mutations::dice::Dice;
use crate::mutations::plant::{Kind, plant};
use preinit::host::{HostOptions, ImportName, Output, WasiOptions};
use preinit::stages::engine::Compiler;
use preinit::stages::module::Module;
use preinit::verify::{Outcome, Script, Verdict, VerifyOptions, verify};
use preinit::{Preinit, Rename, wat_to_wasm};
use preinit_core::component::{Component, LAST_MODULE};
use preinit_core::layout::Layout;
use preinit_testing::case::Case;
use preinit_testing::command_component::command;
use preinit_testing::{input, note, repository, test_program};
use std::collections::BTreeMap;
use std::time::Duration;

/// A component and its correct snapshot.
pub(super) struct Guest {
    pub name: String,
    pub original: Vec<u8>,
    pub snapshot: Vec<u8>,
    options: VerifyOptions,
}

fn options(init: &[String], wasi: bool) -> VerifyOptions {
    VerifyOptions {
        init_functions: init.to_vec(),
        host: HostOptions { wasi: wasi.then(WasiOptions::default), ..HostOptions::default() },
        engines: vec![Compiler::Cranelift],
        sequences: 6,
        depth: 6,
        time: Duration::from_secs(2),
        fuel: 1_000_000,
        ..VerifyOptions::default()
    }
}

/// Those of the golden cases.
pub(super) fn guests() -> Vec<Guest> {
    let folder = repository().join("tests/golden/components");
    let calls = folder.join("component-calls");
    let folders = if cfg!(feature = "component-calls") { vec![folder, calls] } else { vec![folder] };
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wat"));
    paths.sort();
    let cases: Vec<Case> = paths.iter().map(|path| Case::read(path)).collect();
    let guest = |case: Case| {
        let original = wat_to_wasm(&case.text).unwrap().into_owned();
        let snapshot = case.preinit().run(&original).unwrap().wasm;
        let mut options = options(&case.init, case.wasi);
        options.host.stubs = case.stubs.iter().map(|(module, name)| ImportName::new(module, name)).collect();
        options.host.stub_all = case.stub_all;
        options.cut_imports.clone_from(&case.cuts);
        (options.allow_live_handles, options.keep_adapter_state) =
            (case.allow_live_handles, case.keep_adapter_state);
        let rename = |(dst, src): &(String, String)| Rename { dst: dst.clone(), src: src.clone() };
        options.renames = case.renames.iter().map(rename).collect();
        Guest { name: case.name, original, snapshot, options }
    };
    let mut guests: Vec<Guest> = cases.into_iter().map(guest).collect();
    guests.push(of_text("values", VALUES));
    guests
}

/// A core module that comes last writes functions of other core instances. What it writes is compared.
#[test]
fn functions_of_other_core_instances_are_compared() {
    let with_last_module: Vec<Guest> = guests().into_iter().filter(has_last_module).collect();
    assert!(with_last_module.len() >= 5);
    for guest in &with_last_module {
        let verdict = verdict(guest, &guest.snapshot);
        assert_eq!(verdict.outcome, Outcome::Equal, "{}: {verdict}", guest.name);
        let component = Component::parse(&guest.snapshot).unwrap();
        let last = component.modules().iter().rposition(|module| module.name == Some(LAST_MODULE)).unwrap();
        // The functions in another order, or none.
        let text = wasmprinter::print_bytes(component.modules()[last].bytes).unwrap();
        let wrong = text.replacen("(elem", "(elem declare func) (elem", 1).replacen(
            "global.set",
            "drop global.get",
            1,
        );
        let Ok(wrong) = wat_to_wasm(wrong.as_bytes()) else { continue };
        if wrong == component.modules()[last].bytes {
            continue;
        }
        let mut modules: Vec<Option<&[u8]>> = vec![None; component.modules().len()];
        modules[last] = Some(&wrong);
        let verdict = self::verdict(guest, &component.with_modules(&modules));
        assert_ne!(verdict.outcome, Outcome::Equal, "{}: {verdict}", guest.name);
    }
}

/// Whether the snapshot has a core module that writes functions of other core instances.
pub(super) fn has_last_module(guest: &Guest) -> bool {
    let component = Component::parse(&guest.snapshot).unwrap();
    component.modules().iter().any(|module| module.name == Some(LAST_MODULE))
}

pub(super) fn of_text(name: &str, text: &str) -> Guest {
    let original = wat_to_wasm(text.as_bytes()).unwrap().into_owned();
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    Guest { name: name.to_string(), original, snapshot, options: options(&[], false) }
}

pub(super) fn verdict(guest: &Guest, snapshot: &[u8]) -> Verdict {
    verify(&guest.original, snapshot, &guest.options)
        .unwrap_or_else(|error| panic!("{}: {error}", guest.name))
}

#[test]
fn correct_snapshots_are_equal() {
    let guests = guests();
    assert!(guests.len() >= 20);
    for guest in &guests {
        let verdict = verdict(guest, &guest.snapshot);
        let expected = match guest.name.as_str() {
            // It counts how often the adapter begins, and that is once more in the snapshot.
            "adapter-takes-its-handles-anew" => Outcome::Different,
            // A call still comes to what was cut.
            "cut-import" => Outcome::Different,
            _ => Outcome::Equal,
        };
        assert_eq!(verdict.outcome, expected, "{}: {verdict}", guest.name);
    }
}

/// Programs with an adapter, which takes its handles anew.
#[test]
fn every_layout_is_equal() {
    for name in ["memory", "clocks"] {
        let wasm = command(&test_program(&format!("wasi/{name}.wasm")));
        let entry = super::host::entry(&wasm);
        let preinit = Preinit::new().init_function(&entry).keep_init_functions(true).wasi(WasiOptions {
            stdout: Output::Discard,
            stderr: Output::Discard,
            ..WasiOptions::default()
        });
        let options = VerifyOptions { sequences: 1, ..options(&[entry], true) };
        let mut guest = Guest { name: name.to_string(), original: wasm, snapshot: Vec::new(), options };
        for layout in [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse] {
            guest.snapshot = preinit.clone().layout(layout).run(&guest.original).unwrap().wasm;
            let verdict = verdict(&guest, &guest.snapshot);
            assert_eq!(verdict.outcome, Outcome::Equal, "{name}, {layout:?}: {verdict}");
            assert!(!verdict.coverage.exports_called.is_empty(), "{verdict}");
        }
    }
}

/// Components of real toolchains.
#[test(needs(Inputs))]
fn real_snapshots_are_equal() {
    for file in ["lua.component.wasm", "stdio.component.wasm", "composed.wasm", "twice.wat"] {
        let original = wat_to_wasm(&input(&format!("components/{file}"))).unwrap().into_owned();
        let snapshot = Preinit::new().wasi(WasiOptions::default()).run(&original).unwrap().wasm;
        let options = VerifyOptions { fuel: 50_000_000, sequences: 2, ..options(&[], true) };
        let guest = Guest { name: file.to_string(), original, snapshot, options };
        let verdict = verdict(&guest, &guest.snapshot);
        assert_eq!(verdict.outcome, Outcome::Equal, "{file}: {verdict}");
        note(format!("{file}: {verdict}"));
    }
}

/// Each kind of fault in core modules of components.
#[test]
fn planted_faults_are_found() {
    let mut dice = Dice::new(1);
    let mut planted: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut missed = Vec::new();
    for guest in &guests() {
        let (before, after) =
            (Component::parse(&guest.original).unwrap(), Component::parse(&guest.snapshot).unwrap());
        // Where modules were copied, it is not known here which is which.
        if before.modules().len() != after.modules().len() {
            continue;
        }
        let used: Vec<usize> = after.elaborate().unwrap().iter().map(|instance| instance.module).collect();
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ResumeCodeChanged) {
            for (number, (left, right)) in before.modules().iter().zip(after.modules()).enumerate() {
                if !used.contains(&number) || planted.get(&kind).is_some_and(|count| *count >= 6) {
                    continue;
                }
                let (left, right) = (Module::parse(left.bytes), Module::parse(right.bytes));
                let (Ok(left), Ok(right)) = (left, right) else { continue };
                let Some((module, what)) = plant(kind, &left, &right, &mut dice) else { continue };
                let mut modules: Vec<Option<&[u8]>> = vec![None; after.modules().len()];
                modules[number] = Some(&module);
                let verdict = verdict(guest, &after.with_modules(&modules));
                *planted.entry(kind).or_default() += 1;
                // Nobody calls the core function of an init function that the component has no longer.
                let core = "init".to_string();
                let of_init = guest.options.init_functions.iter().chain([&core]);
                let is_called =
                    !of_init.map(|init| format!("export {init}")).any(|export| what.ends_with(&export));
                let is_found = match kind.hides() || !is_called {
                    true => verdict.outcome != Outcome::Equal,
                    false => verdict.outcome == Outcome::Different,
                };
                if !is_found {
                    missed.push(format!("{}, module {number}: {kind:?}: {what}: {verdict}", guest.name));
                }
            }
        }
    }
    note(format!("planted in components: {planted:?}"));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(planted.len() >= 13 && planted.values().sum::<usize>() >= 60, "{planted:?}");
}

/// What is around the core modules is compared too.
#[test]
fn faults_around_core_modules_are_found() {
    let guest = of_text("values", VALUES);
    let text = wasmprinter::print_bytes(&guest.snapshot).unwrap();
    for (from, to) in [
        ("\"echo\" (func", "\"else\" (func"),
        ("(record (field \"x\" u32)", "(record (field \"z\" u32)"),
        ("string-encoding=utf8", "string-encoding=latin1+utf16"),
    ] {
        // The last one is outside of core modules.
        let at = text.rfind(from).unwrap_or_else(|| panic!("there is no `{from}` in {text}"));
        let wrong = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
        let wrong = wat_to_wasm(wrong.as_bytes()).unwrap_or_else(|error| panic!("{to}: {error}"));
        let verdict = verdict(&guest, &wrong);
        assert_eq!(verdict.outcome, Outcome::Different, "{to}: {verdict}");
    }
}

/// Whether init functions stay exported is the user's choice, and what was typed is not what was compared.
#[test]
fn calls_of_what_the_snapshot_does_not_export_are_not_made() {
    let mut guest = of_text("values", VALUES);
    guest.options.scripts = vec![Script::parse("make(1)\npreinit()").unwrap()];
    let verdict = verdict(&guest, &guest.snapshot);
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    let why = "the snapshot has no exported function `preinit`";
    assert!(verdict.undecided.iter().any(|found| found.contains(why)), "{verdict}");
}

/// A core module that has no instance here, but is exported, is compared as a whole.
#[test]
fn faults_in_modules_without_an_instance_are_found() {
    let text = |answer: i32| {
        format!(
            r#"(component
            (core module $spare (func (export "check") (result i32) (i32.const {answer})))
            (core module $m (global $g (mut i32) (i32.const 0))
              (func (export "init") (global.set $g (i32.const 7)))
              (func (export "run") (result i32) (global.get $g)))
            (core instance $i (instantiate $m))
            (export "spare" (core module $spare))
            (func (export "preinit") (canon lift (core func $i "init")))
            (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
        )
    };
    let guest = of_text("spare", &text(1));
    assert_eq!(verdict(&guest, &guest.snapshot).outcome, Outcome::Equal);
    let wrong = of_text("spare", &text(0)).snapshot;
    assert_eq!(verdict(&guest, &wrong).outcome, Outcome::Different);
}

/// What a sibling's globals decide is as preinit writes it, although a component gives its core modules always the same.
#[test]
fn what_a_sibling_decides_is_as_preinit_writes_it() {
    let text = |init: &str, more: &str| {
        format!(
            r#"(component
            (core module $env (global (export "base") i32 (i32.const 0)) (global (export "f") funcref (ref.null func)))
            (core instance $env (instantiate $env))
            (core module $m (import "env" "base" (global $base i32)) (import "env" "f" (global $f funcref))
              (memory 1) (func $deny (result i32) (i32.const 0)) (func $allow (result i32) (i32.const 1))
              (elem declare func $deny $allow) {more}
              (func (export "init") {init})
              (func (export "run") (result i32)
                (i32.add (i32.load (global.get $base)) (i32.add (ref.is_null (table.get $t (i32.const 3)))
                  (i32.add (global.get $n) (call_indirect $t (result i32) (global.get $base)))))))
            (core instance $m (instantiate $m (with "env" (instance $env))))
            (func (export "preinit") (canon lift (core func $m "init")))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))"#
        )
    };
    let init = "(global.set $n (i32.const 0)) (i32.store (i32.const 8) (i32.const 7))
        (table.set $t (i32.const 1) (ref.func $deny))";
    let n = "(global $n (mut i32) (global.get $base))";
    let (own, filled) = ("(table $t 4 funcref)", "(table $t 4 funcref (global.get $f))");
    let (data, elem) = (r#"(data (global.get $base) "user")"#, "(elem (global.get $base) func $deny)");
    let guest = of_text("based", &text(init, &[n, filled, data, elem].concat()));
    let honest = verdict(&guest, &guest.snapshot);
    assert_eq!(honest.outcome, Outcome::Equal, "{honest}");
    let zero = "(global $n (mut i32) (i32.const 0))";
    let written = r#"(data (i32.const 0) "user\00\00\00\00\07")"#;
    let slots = "(elem (i32.const 0) func $deny $deny)";
    let evil = [
        [zero, own, r#"(data (global.get $base) "root")"#, written, slots].concat(),
        [zero, own, written, "(elem (global.get $base) func $allow)", slots].concat(),
        [zero, filled, written, slots].concat(),
        [n, own, written, slots].concat(),
    ];
    for snapshot in evil {
        // Made without running anything, so that it stays as it is written.
        let wasm = wat_to_wasm(text(init, &snapshot).as_bytes()).unwrap().into_owned();
        let found = verdict(&guest, &wasm);
        assert_eq!(found.outcome, Outcome::CouldNotTell, "{snapshot}: {found}");
        assert!(found.to_string().contains("depend on what is provided for its imports"), "{found}");
    }
}

/// Values of all kinds go in and come out, and each export is called.
#[test]
fn arguments_are_made_by_their_types() {
    let mut guest = of_text("values", VALUES);
    guest.options.sequences = 40;
    let verdict = verdict(&guest, &guest.snapshot);
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let called = &verdict.coverage.exports_called;
    for export in ["echo", "area", "name", "make", "use", "give-back"] {
        assert!(called.iter().any(|name| name == export), "{export} was not called: {verdict}");
    }
}

/// A list of strings, a record, a variant, an enum, flags, an option, a result, and a resource of its own.
const VALUES: &str = r#"(component
    (type $pair' (record (field "x" u32) (field "y" f64)))
    (export $pair "pair" (type $pair'))
    (type $shape' (variant (case "none") (case "square" u32) (case "named" string)))
    (export $shape "shape" (type $shape'))
    (type $thing' (resource (rep i32)))
    (export $thing "thing" (type $thing'))
    (core module $m
      (memory (export "memory") 1)
      (global $seed (mut i32) (i32.const 0))
      (global $top (mut i32) (i32.const 4096))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (if (i32.gt_u (global.get $top) (i32.const 60000)) (then unreachable))
        (local.get $at))
      (func (export "init") (global.set $seed (i32.const 42)) (i32.store (i32.const 8) (i32.const 7)))
      (func (export "echo") (param $at i32) (param $len i32) (result i32)
        (i32.store (i32.const 16) (local.get $at)) (i32.store (i32.const 20) (local.get $len)) (i32.const 16))
      (func (export "area") (param i32 f64) (result f64)
        (f64.mul (f64.convert_i32_u (i32.add (local.get 0) (global.get $seed))) (local.get 1)))
      (func (export "name") (param $case i32) (param $a i32) (param $b i32) (result i32)
        (i32.store (i32.const 24) (i32.ne (local.get $case) (i32.const 1)))
        (i32.store (i32.const 28) (i32.add (local.get $a) (i32.load (i32.const 8))))
        (i32.const 24))
      (func (export "make") (param i32) (result i32) (i32.add (local.get 0) (global.get $seed)))
      (func (export "use") (param $rep i32) (result i32) (local.get $rep)))
    (core instance $i (instantiate $m))
    (core func $new (canon resource.new $thing'))
    (core module $n
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (call $make (local.get 0))))
      (func (export "give-back") (param i32)))
    (core instance $j (instantiate $n (with "" (instance
      (export "new" (func $new)) (export "make" (func $i "make"))))))
    (func (export "init") (canon lift (core func $i "init")))
    (func (export "preinit") (canon lift (core func $i "init")))
    (func (export "echo") (param "text" string) (result string)
      (canon lift (core func $i "echo") (memory $i "memory") (realloc (func $i "realloc")) string-encoding=utf8))
    (func (export "area") (param "pair" $pair) (result f64) (canon lift (core func $i "area")))
    (func (export "name") (param "shape" $shape) (result (result u32 (error u32)))
      (canon lift (core func $i "name") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "make") (param "rep" u32) (result (own $thing)) (canon lift (core func $j "make")))
    (func (export "use") (param "thing" (borrow $thing)) (result u32) (canon lift (core func $i "use")))
    (func (export "give-back") (param "thing" (own $thing)) (canon lift (core func $j "give-back"))))"#;
