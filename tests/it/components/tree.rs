//! Components of real toolchains, taken apart and put together again.
//!
//! They are looked for in the folder `components` of the inputs: see `real_inputs`.

use preinit_core::component::{Component, without_export};
use preinit_testing::{input, note};

/// Each with the export that initializes it.
const INPUTS: [(&str, &str); 12] = [
    ("composed.wasm", "wizer-initialize"),
    ("handle.wat", "wizer-initialize"),
    ("lua.component.wasm", "wizer-initialize"),
    ("python.before.wasm", "exports"),
    ("qjs-async.before.wasm", "init"),
    ("quickjs.component.wasm", "wizer-initialize"),
    ("rust-regex.component.wasm", "wizer-initialize"),
    ("stdio.component.wasm", "wizer-initialize"),
    ("stdioreset.component.wasm", "wizer-initialize"),
    ("tables.wat", "wizer-initialize"),
    ("twice.wat", "wizer-initialize"),
    ("twice.wat", "query"),
];

fn read(file: &str) -> Vec<u8> {
    preinit::wat_to_wasm(&input(&format!("components/{file}"))).unwrap().into_owned()
}

#[test(needs(Inputs))]
fn modules_that_are_put_back_as_they_were_change_nothing() {
    for (file, _) in INPUTS {
        let wasm = read(file);
        let component = Component::parse(&wasm).unwrap();
        let same: Vec<_> = component.modules().iter().map(|module| Some(module.bytes)).collect();
        assert!(component.with_modules(&same) == wasm, "{file} is not the same with its own modules");
        let instances = component.elaborate().unwrap();
        let modules: Vec<_> =
            instances.iter().map(|instance| component.modules()[instance.module].bytes.to_vec()).collect();
        assert!(component.with_instances(&modules).unwrap() == wasm, "{file}");
        note(format!("{file}: {} core modules, {} core instances", same.len(), instances.len()));
    }
}

#[test(needs(Inputs))]
fn a_changed_module_leaves_everything_else_as_it_was() {
    for (file, _) in INPUTS {
        let wasm = read(file);
        let component = Component::parse(&wasm).unwrap();
        for module in 0..component.modules().len() {
            let mut longer = component.modules()[module].bytes.to_vec();
            longer.extend(b"\0\x06\x05added");
            let mut modules = vec![None; component.modules().len()];
            modules[module] = Some(longer.as_slice());
            let changed = component.with_modules(&modules);
            let changed = Component::parse(&changed).unwrap();
            assert!(changed.modules()[module].bytes == longer, "{file}: module {module} is not the new one");
            modules[module] = Some(component.modules()[module].bytes);
            assert!(
                changed.with_modules(&modules) == wasm,
                "{file}: module {module} is not all that changed"
            );
        }
    }
}

#[test(needs(Inputs))]
fn the_export_of_init_can_be_taken_away() {
    for (file, export) in INPUTS {
        let wasm = read(file);
        let without = without_export(&wasm, export).unwrap();
        assert!(without.len() < wasm.len(), "{file}");
        assert!(without_export(&without, export).is_err(), "{file} still has `{export}`");
        let (before, after) = (Component::parse(&wasm).unwrap(), Component::parse(&without).unwrap());
        assert!(before.modules() == after.modules(), "{file}");
        assert_eq!(before.elaborate().unwrap(), after.elaborate().unwrap(), "{file}");
    }
}
