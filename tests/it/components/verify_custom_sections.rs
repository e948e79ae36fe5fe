//! The verifier on components whose custom sections somebody has taken away.

use super::verify::{Guest, guests, has_last_module, of_text, verdict};
use preinit::stages::module::Module;
use preinit::verify::Outcome;
use preinit_core::component::Component;

/// What tools such as `wasm-tools strip` take away. Nobody else looks at core modules that are added, so all else of them counts.
#[test]
fn custom_sections_of_added_core_modules_are_not_compared() {
    let with_last_module: Vec<Guest> = guests().into_iter().filter(has_last_module).collect();
    assert!(with_last_module.len() >= 5);
    for guest in &with_last_module {
        let component = Component::parse(&guest.snapshot).unwrap();
        let bare: Vec<Vec<u8>> = component.modules().iter().map(|module| stripped(module.bytes)).collect();
        let bare: Vec<Option<&[u8]>> = bare.iter().map(|module| Some(module.as_slice())).collect();
        let smaller = component.with_modules(&bare);
        assert!(smaller.len() < guest.snapshot.len(), "{}", guest.name);
        let verdict = verdict(guest, &smaller);
        assert_eq!(verdict.outcome, Outcome::Equal, "{}: {verdict}", guest.name);
    }
}

/// A module without its custom sections.
fn stripped(wasm: &[u8]) -> Vec<u8> {
    let module = Module::read_valid(wasm).unwrap();
    let mut bare = wasm_encoder::Module::new();
    for section in module.sections.iter().filter(|section| section.custom.is_none()) {
        bare.section(&wasm_encoder::RawSection { id: section.id.0, data: section.contents });
    }
    bare.finish()
}

/// As tools do that take names off.
#[test]
fn custom_sections_of_the_component_are_not_compared() {
    let text = r#"(component $named (core module $m (global $g (mut i32) (i32.const 0))
          (func (export "preinit") (global.set $g (i32.const 7))) (func (export "get") (result i32) (global.get $g)))
        (core instance $i (instantiate $m))
        (component $inner (core module $n) (core instance $j (instantiate $n)))
        (instance $k (instantiate $inner))
        (func (export "preinit") (canon lift (core func $i "preinit")))
        (func (export "get") (result u32) (canon lift (core func $i "get"))))"#;
    let guest = of_text("names", text);
    let component = Component::parse(&guest.snapshot).unwrap();
    let stripped = component.without_custom_sections(&vec![None; component.modules().len()]);
    assert!(stripped.len() + 20 < guest.snapshot.len());
    let verdict = verdict(&guest, &stripped);
    assert_ne!(verdict.outcome, Outcome::Different, "{verdict}");
    let is_named = |what: &String| what.starts_with("custom sections of the component");
    assert!(verdict.coverage.not_compared.iter().any(is_named), "{verdict}");
}
