//! Components of real toolchains: their snapshots answer as the originals do after init.

use super::running::Running;
use preinit::host::{Directory, Output, WasiOptions};
use preinit::{Error, Preinit};
use preinit_testing::{input, note};
use std::time::Instant;

fn read(file: &str) -> Vec<u8> {
    preinit::wat_to_wasm(&input(&format!("components/{file}"))).unwrap().into_owned()
}

fn preinit() -> Preinit {
    let discard = Output::Discard;
    Preinit::new().wasi(WasiOptions { stdout: discard, stderr: discard, ..WasiOptions::default() })
}

fn check(file: &str, answers: &[(i32, i32)]) {
    let wasm = read(file);
    let making = Instant::now();
    let output = preinit().run(&wasm).unwrap_or_else(|error| panic!("{file}: {error}"));
    let time = making.elapsed();
    let closed = output.report.findings.iter().find(|finding| finding.key == "handle.changed");
    assert!(closed.is_none(), "{file}: {closed:?}");
    assert!(output.wasm == preinit().run(&wasm).unwrap().wasm, "{file}: a second run gives other bytes");
    let mut original = Running::start(&wasm, &[]);
    let mut snapshot = Running::start(&output.wasm, &[]);
    original.call("wizer-initialize", "");
    let printed_by_init = original.stdout();
    for (argument, answer) in answers {
        let arguments = argument.to_string();
        let expected = original.call("query", &arguments);
        assert_eq!(snapshot.call("query", &arguments), expected, "{file}: query({argument})");
        assert!(expected.contains(&format!("({answer})")), "{file}: query({argument}) is {expected}");
    }
    assert_eq!(snapshot.call("wizer-initialize", ""), "no such export");
    assert_eq!(format!("{printed_by_init}{}", snapshot.stdout()), original.stdout(), "{file}");
    note(format!("{file}: {} -> {} bytes in {} ms", wasm.len(), output.wasm.len(), time.as_millis()));
}

#[test(needs(Inputs))]
fn lua() {
    check("lua.component.wasm", &[(5, 30012), (100, 30543), (777, 35906)]);
}

#[test(needs(Inputs))]
fn quickjs() {
    check("quickjs.component.wasm", &[(5, 1_018_230), (100, 2_018_325)]);
}

#[test(needs(Inputs))]
fn rust_regex() {
    check("rust-regex.component.wasm", &[(5, 12), (100, 107)]);
}

#[test(needs(Inputs))]
fn composed() {
    check("composed.wasm", &[(5, 105), (100, 200), (777, 877)]);
}

/// A module with several instances in different states, in nested components too.
#[test(needs(Inputs))]
fn twice() {
    check("twice.wat", &[(1, 3481), (2, 5488), (3, 5493), (5, 7513), (7, 11_555), (9, 11_577)]);
}

#[test(needs(Inputs))]
fn stdio() {
    check("stdio.component.wasm", &[(5, 9574), (100, 1347)]);
    check("stdioreset.component.wasm", &[(5, 9574), (100, 1347)]);
}

/// What the adapter forgets is there again: standard output, and directories that are given when the snapshot runs.
#[test(needs(Inputs))]
fn the_adapter_takes_its_handles_anew() {
    let folder = std::env::temp_dir().join(format!("preinit-components-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("words.txt"), "one two three\n").unwrap();
    let folder = folder.to_string_lossy().into_owned();
    let wasi = WasiOptions {
        stdout: Output::Capture,
        dirs: vec![Directory {
            guest: "/".to_string(),
            host: (&folder).into(),
            access: preinit::host::Access::ReadOnly,
        }],
        ..WasiOptions::default()
    };
    let wasm = read("stdio.component.wasm");
    let output = Preinit::new().wasi(wasi).run(&wasm).unwrap();
    let mut original = Running::start(&wasm, &[(&folder, "/")]);
    let mut snapshot = Running::start(&output.wasm, &[(&folder, "/")]);
    original.call("wizer-initialize", "");
    let printed_by_init = original.stdout();
    assert_eq!(String::from_utf8_lossy(&output.stdout), printed_by_init);
    assert_eq!(snapshot.call("query", "5"), original.call("query", "5"));
    let printed = snapshot.stdout();
    assert!(printed.contains("query 5, file 1"), "{printed}");
    assert_eq!(format!("{printed_by_init}{printed}"), original.stdout());
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A table that holds functions of a sibling after init, put there and grown.
#[test(needs(Inputs))]
fn tables() {
    let wasm = read("tables.wat");
    let output = preinit().run(&wasm).unwrap();
    let (mut original, mut snapshot) = (Running::start(&wasm, &[]), Running::start(&output.wasm, &[]));
    original.call("wizer-initialize", "");
    for (slot, answer) in [(0, "S32(30)"), (1, "S32(20)"), (4, "S32(30)"), (5, "S32(30)")] {
        let expected = original.call("query", &slot.to_string());
        assert_eq!(snapshot.call("query", &slot.to_string()), expected, "slot {slot}");
        assert!(expected.contains(answer), "slot {slot}: {expected}");
    }
    // A trap closes an instance.
    assert_eq!(original.call("query", "2"), "trap");
    assert_eq!(snapshot.call("query", "2"), "trap");
}

#[test(needs(Inputs))]
fn a_live_handle_is_refused() {
    let error = preinit().run(&read("handle.wat")).unwrap_err();
    assert!(matches!(error, Error::Component(_)) && error.is_refusal(), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("1 handle is alive") && message.contains("1 of the component's own"),
        "{message}"
    );
    assert!(message.contains("held at component / · core module 0 (`M`) · global 0 ($h)"), "{message}");
}
