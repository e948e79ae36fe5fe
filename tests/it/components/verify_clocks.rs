//! The verifier on components whose clock a core module of their own shifts.

use super::clocks::{INTERFACE, NOTHING, component, direct, has_clock_module, is_clock};
use preinit::host::{HostOptions, WasiOptions};
use preinit::stages::component::Component;
use preinit::verify::{Outcome, Script, VerifyOptions, verify};
use preinit::{Output, Preinit, wat_to_wasm};

/// A module that reads the clock by the interface, frozen in `mark-m` and read again after it, and what a verdict
/// on it needs.
fn frozen() -> (Vec<u8>, Output, VerifyOptions) {
    let module =
        direct("m", (INTERFACE, "nothing")).replace("(call $mark))", "(call $mark) (drop (call $now)))");
    let wat = component(&(NOTHING.to_string() + &module), "m");
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
    let wasi = WasiOptions::default();
    let at = "export:mark-m";
    let preinit = Preinit::new().at(at.parse().unwrap()).wasi(wasi.clone()).init_function("init");
    let output = preinit.run(&wasm).unwrap();
    let options = VerifyOptions {
        init_functions: vec!["init".into()],
        at: Some(at.parse().unwrap()),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        scripts: vec![Script::parse("since()\ninit()").unwrap()],
        ..VerifyOptions::default()
    };
    (wasm, output, options)
}

/// The module is accounted for byte for byte, also where names were taken off.
#[test]
fn verify_makes_it_once_more() {
    let (wasm, output, options) = frozen();
    assert!(has_clock_module(&output.wasm));
    let verdict = verify(&wasm, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    let component = Component::parse(&output.wasm).unwrap();
    let bare = component.without_custom_sections(&vec![None; component.modules().len()]);
    let verdict = verify(&wasm, &bare, &options).unwrap();
    assert_ne!(verdict.outcome, Outcome::Different, "{verdict}");
    // Another number in it.
    let at = component.modules().iter().position(|module| is_clock(module.bytes)).unwrap();
    let mut bytes = component.modules()[at].bytes.to_vec();
    let code = bytes.windows(2).rposition(|pair| pair == [0x7c, 0x0b]).unwrap();
    bytes[code] = 0x7d;
    let mut modules = vec![None; component.modules().len()];
    modules[at] = Some(&bytes[..]);
    let faulty = component.with_modules(&modules);
    let verdict = verify(&wasm, &faulty, &options);
    assert!(!verdict.is_ok_and(|verdict| verdict.outcome == Outcome::Equal));
}

#[test]
fn verify_without_a_place_says_that_it_does_not_compare_it() {
    let (wasm, output, options) = frozen();
    let error = verify(&wasm, &output.wasm, &VerifyOptions { at: None, ..options }).map(drop).unwrap_err();
    assert!(error.to_string().contains("a comparison of snapshots whose clock"), "{error}");
}
