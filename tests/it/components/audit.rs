//! The audit on components.

use preinit::Preinit;
use preinit::audit::{Audit, Finding, Level, audit};
use preinit::host::{Output, WasiOptions};
use preinit_testing::command_component::command;
use preinit_testing::test_program;

fn audited(wasm: &[u8], init: &[String], wasi: WasiOptions) -> Audit {
    let mut options = preinit::Options { init_functions: init.to_vec(), ..preinit::Options::default() };
    options.host.wasi = Some(WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..wasi });
    audit(wasm, &options).unwrap_or_else(|error| panic!("{error}"))
}

fn finding<'a>(audit: &'a Audit, key: &str) -> &'a Finding {
    let keys: Vec<&str> = audit.findings.iter().map(|finding| finding.key.as_str()).collect();
    audit.findings.iter().find(|finding| finding.key == key).unwrap_or_else(|| panic!("{key}: {keys:?}"))
}

/// A random number in a global and in a memory of a nested component, and a resource that is kept.
const SINNER: &str = r#"(component
    (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
    (component $inner
      (import "f" (func $f (result u64)))
      (core func $f (canon lower (func $f)))
      (type $thing (resource (rep i32)))
      (core func $new (canon resource.new $thing))
      (core module $quiet (memory 1))
      (core instance (instantiate $quiet))
      (core module $m
        (import "" "f" (func $f (result i64)))
        (import "" "new" (func $new (param i32) (result i32)))
        (memory 1)
        (global $g (mut i64) (i64.const 0))
        (global $held (mut i32) (i32.const 0))
        (func (export "init")
          (global.set $g (call $f))
          (i64.store (i32.const 64) (global.get $g))
          (global.set $held (call $new (i32.const 1)))))
      (core instance $i (instantiate $m (with "" (instance (export "f" (func $f)) (export "new" (func $new))))))
      (func (export "init") (canon lift (core func $i "init"))))
    (alias export $random "get-random-u64" (func $f))
    (instance $inner (instantiate $inner (with "f" (func $f))))
    (alias export $inner "init" (func $init))
    (export "preinit" (func $init)))"#;

#[test]
fn findings_say_in_which_core_instance_they_are() {
    let wasm = preinit::wat_to_wasm(SINNER.as_bytes()).unwrap();
    let audit = audited(&wasm, &[], WasiOptions::default());
    let random = finding(&audit, "taint.random");
    let places: Vec<&str> = random.locations.iter().map(|location| location.at.as_str()).collect();
    assert!(
        places.iter().any(|at| at.starts_with("component /0 · core module 1 (`m`) · memory 0 + 0x40")),
        "{places:?}"
    );
    assert!(
        places.iter().any(|at| at.starts_with("component /0 · core module 1 (`m`) · global 0")),
        "{places:?}"
    );
    assert_eq!(random.sites[0].import, "wasi:random/random@0.2.0.get-random-u64");
    assert!(!random.sites[0].backtrace.is_empty());
    let kept = finding(&audit, "handle.component");
    assert_eq!(kept.level, Level::Danger);
    assert!(kept.title.starts_with("1 handle is alive after init"), "{}", kept.title);
    // The same is refused where a snapshot is made.
    let error = Preinit::new().wasi(WasiOptions::default()).run(&wasm).unwrap_err();
    assert!(error.is_refusal(), "{error}");
}

#[test]
fn programs_of_toolchains_are_audited() {
    let wasm = command(&test_program("wasi/arguments.wasm"));
    let wasi = WasiOptions {
        env: [("WORD", "a=b"), ("EMPTY", ""), ("API_TOKEN", "s3cr3t-s3cr3t-s3cr3t")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .to_vec(),
        ..WasiOptions::default()
    };
    let audit = audited(&wasm, &[super::host::entry(&wasm)], wasi);
    assert_eq!(finding(&audit, "secret.env").level, Level::Danger);
    assert!(
        finding(&audit, "secret.env").locations[0]
            .at
            .starts_with("component / · core module 0 (`main`) · memory 0")
    );
    assert_eq!(finding(&audit, "handle.adapter").level, Level::Note);
    assert!(audit.runs > 2, "{}", audit.runs);
    assert!(audit.findings.iter().all(|finding| finding.key != "unstable"));
    let page = audit.page("arguments.wasm");
    assert!(page.contains("component / · core module 0"), "{page}");
}

#[test]
fn the_page_of_a_component_has_a_row_for_each_core_instance() {
    let wasm = command(&test_program("wasi/memory.wasm"));
    let preinit = Preinit::new()
        .init_function(super::host::entry(&wasm))
        .wasi(WasiOptions { stdout: Output::Discard, ..WasiOptions::default() });
    let output = preinit.run(&wasm).unwrap();
    let page = output.page("memory.wasm");
    assert!(page.contains("Core instances"), "{page}");
    for core in &output.report.core_instances {
        assert!(page.contains(&format!("[\"{}\"", core.name)), "{} in {page}", core.name);
    }
    assert!(page.contains("wasi:io/streams@"), "calls are in the component's own words");
}

/// What is frozen in the middle of a call is audited as it stands there.
#[test]
fn frozen_components_are_audited() {
    let wasm = command(&test_program("wasi/random.wasm"));
    let options = |at: &str| {
        let mut options = preinit::Options { at: Some(at.parse().unwrap()), ..preinit::Options::default() };
        options.host.wasi = Some(WasiOptions { stdout: Output::Discard, ..WasiOptions::default() });
        options
    };
    let audit = preinit::audit::audit(&wasm, &options("wasi_snapshot_preview1.fd_write")).unwrap();
    let random = finding(&audit, "taint.random");
    assert!(
        random.locations[0].at.starts_with("component / · core module 0 (`main`) · memory 0"),
        "{:?}",
        random.locations
    );
    assert!(audit.findings.iter().all(|finding| finding.key != "unstable"), "{:?}", audit.findings);
    assert!(
        audit.not_covered.iter().any(|what| what.starts_with("what the locals of the")),
        "{:?}",
        audit.not_covered
    );
    // Before it, there is nothing.
    let audit = preinit::audit::audit(&wasm, &options("wasi_snapshot_preview1.random_get")).unwrap();
    assert!(audit.findings.iter().all(|finding| finding.key != "taint.random"), "{:?}", audit.findings);
}

/// With other sources a program may come to other calls, or never to the place: that is what depends on them.
#[test]
fn frozen_components_that_go_another_way_diverge() {
    let text = |bit: u32, value: u32| {
        format!(
            r#"(component
            (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
            (alias export $random "get-random-u64" (func $f))
            (core func $f (canon lower (func $f)))
            (core module $m
              (import "" "f" (func $f (result i64)))
              (func $stop)
              (func (export "run")
                (if (i64.eq (i64.and (i64.shr_u (call $f) (i64.const {bit})) (i64.const 1)) (i64.const {value}))
                  (then (call $stop)))))
            (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
            (func (export "run") (canon lift (core func $i "run"))))"#
        )
    };
    let mut options = preinit::Options {
        at: Some("call:stop".parse().unwrap()),
        init_functions: vec!["run".to_string()],
        ..preinit::Options::default()
    };
    options.host.wasi = Some(WasiOptions::default());
    let (mut reached, mut diverged) = (0, 0);
    for bit in 0..8 {
        for value in 0..2 {
            let wasm = preinit::wat_to_wasm(text(bit, value).as_bytes()).unwrap().into_owned();
            match preinit::audit::audit(&wasm, &options) {
                Ok(audit) => {
                    reached += 1;
                    diverged += usize::from(audit.varied.iter().any(|varied| varied.diverged));
                }
                Err(error) => assert!(error.to_string().contains("ended before it came to"), "{error}"),
            }
        }
    }
    // Whether it is reached depends on the number, which depends on the bytes of the module.
    assert!(reached > 0 && diverged > 0, "{reached}, {diverged}");
}
