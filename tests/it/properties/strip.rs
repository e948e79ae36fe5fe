//! Stripped snapshots before the verifier: it accepts a stub exactly where nothing can reach the function.

use preinit::Preinit;
use preinit::stages::module::SectionId;
use preinit::stages::strip::{STUB, strip};
use preinit::verify::{Outcome, Verdict, Verifier, VerifyOptions};
use wasm_encoder::Encode;

/// Function 0 and 1 are of init alone, 2 is called, 3 sits in the table.
const MODULE: &str = r#"(module
    (table 1 funcref) (elem (i32.const 0) 3)
    (global $g (mut i32) (i32.const 0))
    (func (result i32) (i32.const 41))
    (func (export "preinit") (global.set $g (call 0)))
    (func (result i32) (i32.add (global.get $g) (i32.const 1)))
    (func (result i32) (i32.sub (global.get $g) (i32.const 1)))
    (func (export "direct") (result i32) (call 2))
    (func (export "indirect") (result i32) (call_indirect (result i32) (i32.const 0))))"#;

fn verify(original: &[u8], snapshot: &[u8]) -> Verdict {
    let options = VerifyOptions::default();
    Verifier::new(original, &options).unwrap().verify(snapshot).unwrap()
}

/// The same module with the body of one function replaced by a stub, reachable or not.
fn with_stub(wasm: &[u8], stubbed: usize) -> Vec<u8> {
    let module = preinit::stages::module::Module::parse(wasm).unwrap();
    let code = module.section(SectionId::CODE).unwrap();
    let reader = wasmparser::CodeSectionReader::new(wasmparser::BinaryReader::new(code.contents, 0)).unwrap();
    let mut entries = Vec::new();
    for (k, body) in reader.into_iter().enumerate() {
        let body = body.unwrap();
        if k == stubbed { STUB.as_slice().encode(&mut entries) } else { body.as_bytes().encode(&mut entries) }
    }
    let mut sections = preinit::stages::module::Replacements::default();
    sections.set(SectionId::CODE, preinit::stages::module::section_of(6, &entries));
    sections.apply(&module.sections)
}

#[test]
fn what_is_stripped_verifies() {
    let original = wat::parse_str(MODULE).unwrap();
    let output = Preinit::new().strip_init(true).run(&original).unwrap();
    let report = output.report.stripped.unwrap();
    assert_eq!((report.functions, report.functions_before), (2, 6));
    let verdict = verify(&original, &output.wasm);
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert_eq!(verdict.coverage.functions_stripped, 2);
    assert!(verdict.to_string().contains("2 of the bodies are stubs"), "{verdict}");
    assert_eq!(strip(output.wasm.clone()).unwrap().report.functions, 0, "there is nothing left to strip");
}

#[test]
fn a_stub_of_what_can_run_is_a_difference() {
    let original = wat::parse_str(MODULE).unwrap();
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    for stubbed in 0..6 {
        let verdict = verify(&original, &with_stub(&snapshot, stubbed));
        let expected = if stubbed < 2 { Outcome::Equal } else { Outcome::Different };
        assert_eq!(verdict.outcome, expected, "function {stubbed}: {verdict}");
        if expected == Outcome::Different {
            assert!(verdict.to_string().contains(&format!("function.{stubbed}.body")), "{verdict}");
        }
    }
}
