//! Stubs, whose answers are nowhere in the state.

use super::{audited, options, quiet};
use preinit::Preinit;
use preinit::audit::audit;

/// What stubs have answered is said, in every run and in the audit: a zero is nothing that could be found in the state.
#[test]
fn stubs_that_have_answered_are_listed() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "log" (func $log (param i32)))
            (import "env" "now" (func $now (result i64)))
            (import "env" "unused" (func $unused (result i32)))
            (memory 1)
            (func (export "init")
                (call $log (i32.const 1)) (call $log (i32.const 2)) (call $log (i32.const 3))
                (i64.store (i32.const 0) (call $now)))
            (func (export "use") (result i32) (call $unused)))"#,
    )
    .unwrap();
    let mut options = options("init", quiet());
    options.host.stub_all = true;
    let expected = [
        "`env.log` answered 3 calls, without a value",
        "`env.now` answered 1 call, with zeros that init may have kept",
    ];
    let report = Preinit::from(options.clone()).run(&wasm).unwrap().report;
    assert_eq!(report.stubs.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains(r#""stubs":[{"import":"env.log","count":3,"has_value":false}"#)
    );
    let audit = audit(&wasm, &options).unwrap();
    assert_eq!(audit.stubs, report.stubs);
    let text = audit.text(false).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(expected.iter().all(|stub| text.contains(stub)), "{text}");
    let audit = audited("c/primes.wasm", "preinit", quiet());
    assert!(audit.stubs.is_empty() && !audit.text(true).contains("stub "), "{}", audit.text(true));
}
