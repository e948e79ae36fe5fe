//! The advice of `inspect` on real programs: doing what it says makes a snapshot.

use preinit::Preinit;
use preinit::host::{Access, Directory, Output, Stdin, WasiOptions};
use preinit::inspect::{Inspection, Reason, Step, inspect};
use preinit_testing::{inputs, python_library};
use std::path::PathBuf;

/// Does what is advised, with these directories besides.
fn made(wasm: &[u8], inspection: &Inspection, dirs: Vec<Directory>) -> Vec<u8> {
    let mut preinit = Preinit::new();
    for step in &inspection.advice.steps {
        let wasi = WasiOptions {
            dirs: dirs.clone(),
            stdin: Stdin::Empty,
            stdout: Output::Discard,
            stderr: Output::Discard,
            ..WasiOptions::default()
        };
        preinit = match step {
            Step::Snapshot => preinit,
            Step::AllowWasi => preinit.wasi(wasi),
            Step::Init(name) => preinit.init_function(name.clone()),
            Step::Constructors => preinit.init_function("_initialize"),
            Step::FreezeAtInput => preinit.at("stdin".parse().unwrap()),
            Step::StubAll => preinit.stub_all(true),
            other => panic!("{other:?}"),
        };
    }
    preinit.run(wasm).unwrap().wasm
}

fn programs() -> Vec<PathBuf> {
    let folders = [inputs().to_owned(), inputs().join("components")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten());
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    files.sort();
    files
}

#[test(needs(Inputs, Python))]
fn doing_what_is_advised_makes_a_snapshot() {
    let mut snapshots = 0;
    for file in programs() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let wasm = std::fs::read(&file).unwrap();
        let inspection = inspect(&wasm).unwrap();
        if inspection.advice.steps.is_empty() {
            // These take arguments, which only their tools know.
            assert!(name.ends_with(".before.wasm"), "{name}: {:?}", inspection.advice);
            continue;
        }
        let library =
            Directory { guest: "/lib/python3.11".into(), host: python_library(), access: Access::ReadOnly };
        let dirs = if inspection.language == Some("CPython") { vec![library] } else { Vec::new() };
        assert!(!made(&wasm, &inspection, dirs).is_empty(), "{name}");
        snapshots += 1;
    }
    assert!(snapshots >= 10, "{snapshots} snapshots");
}

/// What is no module on its own is not given a command line that fails.
#[test(needs(Inputs))]
fn the_runtime_of_a_net_application_is_known() {
    for application in ["dotnet", "blazor/wwwroot"] {
        let file = inputs().join(application).join("_framework/dotnet.native.wasm");
        let advice = inspect(&std::fs::read(file).unwrap()).unwrap().advice;
        assert_eq!(
            (advice.steps, advice.reasons),
            (Vec::new(), vec![Reason::RuntimeOfDotNet]),
            "{application}"
        );
    }
}
