//! Golden tests. Every `tests/golden/*.wat` is snapshotted, the printed output compared with the `.snap` beside it, and
//! original and snapshot are run side by side on two engines. Every `tests/golden/rejections/*.wat` fails, with the
//! message in the `.snap` beside it. How a case is written: [`preinit_testing::case`].
//!
//! `INSTA_UPDATE=always cargo test --test it golden` blesses what comes out; read the diff before it is committed.

use preinit_testing::case::Case;
use preinit_testing::cranelift::Cranelift;
use preinit_testing::machine::{Outcome, Setup};
use preinit_testing::oracle::Pair;
use preinit_testing::{Trial, invariants, repository};
use std::fmt::Write;
use std::path::PathBuf;

const ACCEPTED: &str = "tests/golden";
const REJECTED: &str = "tests/golden/rejections";

/// Each case is a test.
pub fn trials() -> Vec<Trial> {
    let trials = |folder, prefix: &'static str, run: fn(&Case) -> String| {
        files(folder, "wat").into_iter().map(move |path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            Trial::test(format!("{prefix}{name}"), move || {
                let case = Case::read(&path);
                case.bless(&run(&case));
                Ok(())
            })
        })
    };
    trials(ACCEPTED, "golden::", accept).chain(trials(REJECTED, "golden::rejections::", reject)).collect()
}

#[test]
fn every_snapshot_has_a_case() {
    for (folder, least) in [(ACCEPTED, 140), (REJECTED, 60)] {
        let orphans: Vec<PathBuf> =
            files(folder, "snap").into_iter().filter(|snap| !snap.with_extension("wat").exists()).collect();
        assert!(orphans.is_empty(), "without a case: {orphans:?}");
        let cases = files(folder, "wat").len();
        assert!(cases >= least, "only {cases} cases in {folder}: where are the others?");
    }
}

/// Only a host makes such a value, so there is no `.wat` for it.
#[test]
fn live_externref_of_the_host_is_rejected() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "handle" (func $handle (result externref)))
            (type $entry (struct (field $key i32) (field $value (mut externref))))
            (type $list (array (mut (ref null $entry))))
            (global $h (mut externref) (ref.null extern))
            (global $cache (mut (ref null $list)) (ref.null $list))
            (table $t 3 externref)
            (func (export "init")
              (global.set $cache (array.new $list (struct.new $entry (i32.const 1) (call $handle)) (i32.const 2)))
              (global.set $h (call $handle))
              (table.set $t (i32.const 2) (call $handle))))"#,
    );
    let preinit = preinit::Preinit::new().init_function("init").linker(|linker| {
        linker.func_new(
            "env",
            "handle",
            wasmtime::FuncType::new(linker.engine(), [], [wasmtime::ValType::EXTERNREF]),
            |mut caller, _, results| {
                results[0] = wasmtime::ExternRef::new(&mut caller, "a file")?.into();
                Ok(())
            },
        )?;
        Ok(())
    });
    let error = preinit.run(&wasm.unwrap()).unwrap_err();
    assert!(error.is_refusal());
    insta::assert_snapshot!(error, @r"
    the state holds values that cannot be written into a module; init must not leave them:
      global 0 ($h): externref of the host
      table 0 ($t), element 2: externref of the host
      global 1 ($cache) → element 0 of $list → field 1 of $entry: externref of the host
    ");
}

fn accept(case: &Case) -> String {
    let original = preinit::wat_to_wasm(&case.text).unwrap();
    let output = case.preinit().run(&original).unwrap_or_else(|error| panic!("refused: {}", chain(&error)));
    invariants::check(&original, &output.wasm, output.report.start_function, case.strip_init);
    for optimize in [false, true] {
        let other = case.preinit().optimize(optimize).run(&original);
        let other = other.unwrap_or_else(|error| panic!("optimize {optimize}: {}", chain(&error)));
        assert!(other.wasm == output.wasm, "optimize {optimize}: other bytes");
    }

    let setup = Setup {
        providers: &case.preloads,
        stubs: case.stub_all || !case.stubs.is_empty(),
        wasi: case.wasi,
        bounded: false,
    };
    let init = init_functions(case, &original);
    assert_eq!(output.report.init_functions, init, "init functions");
    let pair = Pair {
        original: &original,
        snapshot: &output.wasm,
        init: &init,
        setup,
        internalized: case.internalize,
    };
    let agreement = pair.agree(&case.calls);

    let mut text = String::from("engines: wasmtime");
    text.push_str(if agreement.ran_on_wasmi { ", wasmi\n" } else { "\n" });
    for (call, outcome) in case.calls.iter().zip(&agreement.outcomes) {
        writeln!(text, "{call} = {outcome}").unwrap();
    }
    if !case.elsewhere.is_empty() {
        let setup = Setup { providers: &case.elsewhere, ..setup };
        let outcome = match Cranelift::start(&output.wasm, setup) {
            Ok(_) => Outcome::Returned(Vec::new()),
            Err(trap) => Outcome::Trapped(trap),
        };
        writeln!(text, "elsewhere = {outcome}").unwrap();
    }
    for feature in invariants::new_features(&original, &output.wasm) {
        writeln!(text, "new feature: {feature}").unwrap();
    }
    for warning in &output.report.warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    for line in invariants::names(&output.wasm) {
        writeln!(text, "{line}").unwrap();
    }
    text.push('\n');
    for line in wasmprinter::print_bytes(without_producers(&output.wasm)).unwrap().lines() {
        text.push_str(&shortened(line));
        text.push('\n');
    }
    text
}

/// Data of large heaps is not for reading.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 400;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} characters)", &line[..end], line.chars().count()),
        None => line.to_string(),
    }
}

fn reject(case: &Case) -> String {
    let answer = |optimize: Option<bool>| {
        let preinit = case.preinit().optimize(optimize.or(case.optimize));
        let result = preinit::wat_to_wasm(&case.text).and_then(|wasm| preinit.run(&wasm));
        let error = result.map(|_| ()).expect_err("accepted");
        let kind = if error.is_refusal() { "refused" } else { "could not" };
        format!("{kind}: {}", chain(&error))
    };
    let text = answer(None);
    // Where a guest is when its time is up depends on how fast it is.
    let is_timed = case.limits.iter().any(|(limit, _)| limit == "timeout");
    let lines =
        |text: &str| text.lines().take(if is_timed { 1 } else { usize::MAX }).map(String::from).collect();
    let expected: Vec<String> = lines(&text);
    for optimize in [false, true] {
        assert_eq!(lines(&answer(Some(optimize))), expected, "optimize {optimize}");
    }
    text
}

fn chain(error: &preinit::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(text, "\ncaused by: {cause}").unwrap();
        source = cause.source();
    }
    text
}

/// What preinit should call: written anew here, because what it says that it called is checked against it.
pub fn init_functions(case: &Case, original: &[u8]) -> Vec<String> {
    let module = wasmtime::Module::new(&wasmtime::Engine::new(&any_feature()).unwrap(), original).unwrap();
    let exports = |name: &str| module.get_export(name).is_some_and(|ty| ty.func().is_some());
    let mut init = Vec::new();
    if exports("_initialize") {
        init.push("_initialize".to_string());
    }
    let defaults = ["wizer-initialize", "wizer.initialize", "preinit"];
    match case.init.is_empty() {
        true => init.extend(defaults.iter().find(|name| exports(name)).map(ToString::to_string)),
        false => init.extend(case.init.iter().filter(|name| *name != "_initialize").cloned()),
    }
    init
}

fn any_feature() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.wasm_gc(true).wasm_function_references(true).wasm_exceptions(true).wasm_threads(true);
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).shared_memory(true);
    config.wasm_stack_switching(cfg!(all(target_arch = "x86_64", unix)));
    config
}

/// The producers are listed without preinit's version, which would change every file at each release.
fn without_producers(wasm: &[u8]) -> Vec<u8> {
    let mut out = wasm[..8].to_vec();
    let mut at = 8;
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        let payload = payload.unwrap();
        let Some((_, range)) = payload.as_section() else { continue };
        let is_producers = matches!(&payload, wasmparser::Payload::CustomSection(section)
            if section.name() == "producers");
        if !is_producers {
            out.extend_from_slice(&wasm[at..range.end]);
        }
        at = range.end;
    }
    out
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}
