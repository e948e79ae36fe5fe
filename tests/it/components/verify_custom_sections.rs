//! The verifier on components in which tools have written what an engine does not look at: custom sections, and numbers in longer forms.

use super::verify::{Guest, guests, has_last_module, of_text, verdict};
use preinit::Preinit;
use preinit::stages::module::Module;
use preinit::verify::Outcome;
use preinit_core::component::{Component, LAST_MODULE};
use preinit_core::module::SectionId;
use wasmparser::{BinaryReader, CodeSectionReader, Operator};

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

/// Of a snapshot that was stripped, and has stubs which only preinit can tell to be unreachable.
#[test]
fn custom_sections_of_a_stripped_component_are_not_compared() {
    let text = r#"(component
        (core module $m
          (global $g (mut i32) (i32.const 0))
          (func $far (result i32) (i32.mul (global.get $g) (i32.const 3)))
          (func (export "unused") (result i32) (i32.add (call $far) (i32.const 1)))
          (func (export "preinit") (global.set $g (i32.const 7)))
          (func (export "get") (result i32) (global.get $g)))
        (core instance $i (instantiate $m))
        (func (export "preinit") (canon lift (core func $i "preinit")))
        (func (export "get") (result u32) (canon lift (core func $i "get"))))"#;
    let mut guest = of_text("stripped", text);
    guest.snapshot = Preinit::new().strip_init(true).run(&guest.original).unwrap().wasm;
    assert_eq!(verdict(&guest, &guest.snapshot).outcome, Outcome::Equal);
    let component = Component::parse(&guest.snapshot).unwrap();
    let module = component.modules()[0].bytes;
    let custom = b"\0\x0b\x08build_idxy";
    for changed in [[module, custom].concat(), stripped(module), [&stripped(module)[..], custom].concat()] {
        let whole = component.with_modules(&[Some(&changed)]);
        for wasm in [whole.clone(), [&whole[..], custom].concat()] {
            let verdict = verdict(&guest, &wasm);
            assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
        }
    }
    // A stub in the place of what is called.
    let read = Module::read_valid(module).unwrap();
    let get = read.export("get").unwrap().index as usize;
    let mut bodies = Vec::new();
    for (at, body) in read.bodies().iter().enumerate() {
        let body = if at == get { vec![0, 0, 0x0b] } else { body.as_bytes().to_vec() };
        wasm_encoder::Encode::encode(&body[..], &mut bodies);
    }
    let mut replacements = preinit::stages::module::Replacements::default();
    replacements
        .set(SectionId::CODE, preinit::stages::module::section_of(read.bodies().len() as u32, &bodies));
    let wrong = component.with_modules(&[Some(&[&replacements.apply(&read.sections)[..], custom].concat())]);
    assert_eq!(verdict(&guest, &wrong).outcome, Outcome::Different);
}

/// The snapshot with another last module, which `change` makes of the one that it has.
fn with_last_module(guest: &Guest, change: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, usize) {
    let component = Component::parse(&guest.snapshot).unwrap();
    let last = component.modules().iter().rposition(|module| module.name == Some(LAST_MODULE)).unwrap();
    let changed = change(component.modules()[last].bytes);
    let mut modules: Vec<Option<&[u8]>> = vec![None; component.modules().len()];
    modules[last] = Some(&changed);
    (component.with_modules(&modules), last)
}

#[test]
fn custom_sections_of_added_core_modules_are_named() {
    for guest in guests().into_iter().filter(has_last_module) {
        for (name, outcome) in [("build_id", Outcome::Equal), ("preinit.js", Outcome::CouldNotTell)] {
            let contents = [&[name.len() as u8], name.as_bytes(), b"x"].concat();
            let section = [&[0, contents.len() as u8][..], &contents].concat();
            let (wasm, last) = with_last_module(&guest, |module| [module, &section].concat());
            let verdict = verdict(&guest, &wasm);
            assert_eq!(verdict.outcome, outcome, "{}, {name}: {verdict}", guest.name);
            let named = format!("`{name}` (added in core module {last} (`{LAST_MODULE}`))");
            assert!(verdict.to_string().contains(&named), "{}, {named}: {verdict}", guest.name);
            let is_undecided = verdict.undecided.iter().any(|why| why.contains(&named));
            assert_eq!(is_undecided, outcome == Outcome::CouldNotTell, "{}, {name}: {verdict}", guest.name);
        }
    }
}

/// As some tools write modules, so that they can put other numbers there.
#[test]
fn numbers_of_added_core_modules_may_be_longer() {
    for guest in guests().into_iter().filter(has_last_module) {
        let (wasm, _) = with_last_module(&guest, with_longer_numbers);
        assert!(wasm.len() > guest.snapshot.len() + 10, "{}", guest.name);
        let verdict = verdict(&guest, &wasm);
        assert_eq!(verdict.outcome, Outcome::Equal, "{}: {verdict}", guest.name);
    }
}

/// The same module with longer numbers: the sizes of sections and bodies, and indices and constants in the code.
pub(super) fn with_longer_numbers(wasm: &[u8]) -> Vec<u8> {
    let module = Module::read_valid(wasm).unwrap();
    let mut longer = b"\0asm\x01\0\0\0".to_vec();
    for section in &module.sections {
        let contents = match section.id {
            SectionId::CODE => code(section.contents),
            _ => section.contents.to_vec(),
        };
        longer.push(section.id.0);
        longer.extend(number(contents.len() as u32));
        longer.extend(contents);
    }
    wasmparser::validate(&longer).unwrap();
    longer
}

fn code(contents: &[u8]) -> Vec<u8> {
    let bodies = CodeSectionReader::new(BinaryReader::new(contents, 0)).unwrap();
    let mut longer = number(bodies.count()).to_vec();
    for body in bodies {
        let body = body.unwrap();
        let mut operators = body.get_operators_reader().unwrap();
        let mut bytes = contents[body.range().start..operators.original_position()].to_vec();
        while !operators.eof() {
            let at = operators.original_position();
            let operator = operators.read().unwrap();
            let encoded = &contents[at..operators.original_position()];
            let is_short = encoded.len() == 2 && encoded[1] < 0x40;
            let is_number = matches!(
                operator,
                Operator::Call { .. }
                    | Operator::GlobalGet { .. }
                    | Operator::GlobalSet { .. }
                    | Operator::I32Const { .. }
                    | Operator::LocalGet { .. }
                    | Operator::TableSet { .. }
            );
            match is_short && is_number {
                true => bytes.extend([encoded[0], encoded[1] | 0x80, 0]),
                false => bytes.extend(encoded),
            }
        }
        longer.extend(number(bytes.len() as u32));
        longer.extend(bytes);
    }
    longer
}

/// A number in the longest form.
fn number(value: u32) -> [u8; 5] {
    let digit = |at: u32| (value >> (7 * at)) as u8 & 0x7f;
    [digit(0) | 0x80, digit(1) | 0x80, digit(2) | 0x80, digit(3) | 0x80, digit(4)]
}
