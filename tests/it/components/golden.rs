//! Every `tests/golden/components/*.wat` is snapshotted, the printed output compared with the `.snap` beside it, and original
//! and snapshot are run side by side. What is refused is in `tests/golden/rejections`, with the modules.

use super::running::Running;
use preinit_core::component::{Component, LAST_MODULE};
use preinit_testing::case::Case;
use preinit_testing::{Trial, repository};
use std::fmt::Write;

const FOLDER: &str = "tests/golden/components";

/// Those that need the feature of this name.
const CALLS: &str = "tests/golden/components/component-calls";

/// Each case is a test.
pub fn trials() -> Vec<Trial> {
    let folders = if cfg!(feature = "component-calls") { &[FOLDER, CALLS] as &[&str] } else { &[FOLDER] };
    let entries = folders.iter().flat_map(|folder| {
        let folder = repository().join(folder);
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    });
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    paths.sort();
    let trial = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("components::golden::case::{name}"), move || {
            let case = Case::read(&path);
            case.bless(&accept(&case));
            Ok(())
        })
    };
    paths.into_iter().map(trial).collect()
}

fn accept(case: &Case) -> String {
    let original = preinit::wat_to_wasm(&case.text).unwrap();
    let run = || case.preinit().run(&original).unwrap_or_else(|error| panic!("refused: {error}"));
    let output = run();
    assert!(output.wasm == run().wasm, "a second run gives other bytes");
    let called: Vec<&str> = case.init.iter().map(|init| without_arguments(init)).collect();
    if !called.is_empty() {
        assert_eq!(output.report.init_functions, called, "init functions");
    }
    // A cut import is a component instance more, and the later ones have other paths.
    if case.cuts.is_empty() {
        assert_eq!(places(&output.wasm), places(&original), "core instances");
    }

    let mut text = String::new();
    let (mut before, mut after) = (Running::start(&original, &[]), Running::start(&output.wasm, &[]));
    for init in &case.init {
        before.run(init);
        let found = Running::start(&output.wasm, &[]).run(init) != "no such export";
        writeln!(text, "{} {}", without_arguments(init), if found { "stays" } else { "is gone" }).unwrap();
    }
    for call in &case.calls {
        let arguments = call.args.join(", ");
        // A renamed export is another one in the original.
        let (of, function) = call.export.split_once('#').unwrap_or((&call.export, ""));
        let renamed = case.renames.iter().find(|(dst, _)| *dst == of);
        let export = renamed.map_or(call.export.clone(), |(_, src)| match function {
            "" => src.clone(),
            function => format!("{src}#{function}"),
        });
        let (expected, answer) = (before.call(&export, &arguments), after.call(&call.export, &arguments));
        // What init sees of clocks and stubs is not what an instance sees.
        if !case.wasi && !case.stub_all && case.stubs.is_empty() {
            assert_eq!(answer, expected, "{call}");
        }
        writeln!(text, "{call} = {answer}").unwrap();
    }
    for warning in &output.report.warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    for instance in &output.report.core_instances {
        writeln!(text, "{}: {} -> {}", instance.name, instance.input_bytes, instance.output_bytes).unwrap();
    }
    text.push('\n');
    text.push_str(&wasmprinter::print_bytes(&output.wasm).unwrap());
    text
}

fn without_arguments(init: &str) -> &str {
    init.split_once('(').map_or(init, |(name, _)| name)
}

/// The core instances of the component's own, by component instance and index.
fn places(wasm: &[u8]) -> Vec<(String, u32)> {
    let component = Component::parse(wasm).unwrap();
    let instances = component.elaborate().unwrap().into_iter();
    let own = instances.filter(|instance| component.modules()[instance.module].name != Some(LAST_MODULE));
    own.map(|instance| (instance.component, instance.index)).collect()
}
