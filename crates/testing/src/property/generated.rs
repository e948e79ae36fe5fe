//! Generated modules. For each:
//!
//! 1. give it init functions: one that changes state of every kind, others that each call one of its own functions;
//! 2. pre-initialize it, with all imports stubbed and tight limits, leaving out the init functions that trap; another
//!    error must be a refusal and no mistake of ours;
//! 3. the output validates and kept what is never changed;
//! 4. original and snapshot agree by behaviour over a generated sequence of calls of everything that is exported;
//! 5. so do original and stripped snapshot, if there was anything to strip;
//! 6. without a start function, the snapshot of the snapshot is the same.

use super::operations::{self, Body};
use crate::added_functions::{EMPTY_INIT, with_functions};
use crate::case::Call;
use crate::invariants;
use crate::machine::Setup;
use crate::oracle::Pair;
use arbitrary::Unstructured;
use preinit::host::Limits;
use preinit::stages::module::{Module, is_function};
use preinit::{Error, Options, Output, Preinit};
use std::time::Duration;
use wasm_encoder::Instruction;
use wasmparser::ValType;

/// What came of one module.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub accepted: bool,
    pub calls: usize,
    pub returned: usize,
    pub init_functions: usize,
    pub changed_globals: usize,
    pub changed_memories: bool,
    pub start_function: bool,
    pub ran_on_wasmi: bool,
}

/// The body: a module made of `bytes`. Panics if a property does not hold.
pub fn check(bytes: &[u8]) -> arbitrary::Result<Verdict> {
    let mut source = Unstructured::new(bytes);
    let internalize: bool = source.arbitrary()?;
    let config = config(source.arbitrary()?, source.arbitrary()?);
    let wasm = wasm_smith::Module::new(config, &mut source)?.to_bytes();
    let module = Module::parse(&wasm).expect("wasm-smith makes valid modules of the features that we take");
    let mut inits = inits(&module, &mut source)?;
    inits.push((EMPTY_INIT.to_string(), Vec::new()));
    let observers = operations::observers(&module);
    let observations: Vec<String> = observers.iter().map(|(name, _)| name.clone()).collect();
    let added: Vec<_> = inits.iter().cloned().chain(observers).collect();
    let wasm = with_functions(&wasm, &added);
    let module = Module::parse(&wasm).expect("what was appended is valid");
    let mut init: Vec<String> = inits.into_iter().map(|(name, _)| name).collect();

    let preinit = |init: &[String]| preinit(init, internalize);
    let Some(output) = accepted(&wasm, &mut init, preinit) else { return Ok(Verdict::default()) };
    invariants::check(&wasm, &output.wasm, output.report.start_function, false);
    let mut calls = calls(&module, &mut source)?;
    let nullary = |export| Call { provider: None, export, args: Vec::new() };
    calls.splice(0..0, observations.into_iter().map(nullary));
    let setup = Setup { stubs: true, bounded: true, ..Setup::default() };
    let pair = Pair {
        original: &wasm,
        snapshot: &output.wasm,
        init: &output.report.init_functions,
        setup,
        internalized: internalize,
    };
    let agreement = pair.agree(&calls);
    let stripped = preinit::stages::strip::strip(output.wasm.clone()).expect("what was stripped is valid");
    if stripped.report.functions > 0 {
        invariants::check(&wasm, &stripped.wasm, output.report.start_function, true);
        Pair { snapshot: &stripped.wasm, ..pair }.agree(&calls);
    }
    if !output.report.start_function {
        let again = preinit(&[EMPTY_INIT.to_string()]).run(&output.wasm).unwrap();
        assert!(again.wasm == output.wasm, "the snapshot of the snapshot is another one");
    }
    Ok(Verdict {
        accepted: true,
        calls: calls.len(),
        returned: agreement.outcomes.iter().filter(|outcome| outcome.values().is_some()).count(),
        init_functions: init.len() - 1,
        changed_globals: output.report.globals_changed,
        changed_memories: output
            .report
            .memories
            .iter()
            .any(|memory| memory.pages_before != memory.pages_after),
        start_function: output.report.start_function,
        ran_on_wasmi: agreement.ran_on_wasmi,
    })
}

fn preinit(init: &[String], internalize: bool) -> Preinit {
    Preinit::from(Options {
        init_functions: init.to_vec(),
        keep_init_functions: true,
        internalize,
        limits: Limits { timeout: Some(Duration::from_secs(20)), max_memory: 64 << 20, fuel: Some(100_000) },
        ..Options::default()
    })
    .stub_all(true)
}

/// Takes those out of `init` that trap, until the others are accepted; `None` if nothing helps.
fn accepted(wasm: &[u8], init: &mut Vec<String>, preinit: impl Fn(&[String]) -> Preinit) -> Option<Output> {
    loop {
        match preinit(init).run(wasm) {
            Ok(output) => return Some(output),
            Err(error @ (Error::Module(_) | Error::Probe(_) | Error::Capture(_) | Error::Encode(_))) => {
                panic!("{error}")
            }
            Err(Error::Execute(error)) => {
                let text = error.to_string();
                let trapped = init.iter().position(|name| text.contains(&format!("`{name}`")))?;
                init.remove(trapped);
            }
            Err(Error::Plan(_)) if init.len() > 1 => drop(init.remove(0)),
            Err(_) => return None,
        }
    }
}

/// `plain` leaves out what wasmi does not know; `careful` code checks before it does what could trap.
fn config(plain: bool, careful: bool) -> wasm_smith::Config {
    wasm_smith::Config {
        export_everything: true,
        generate_custom_sections: true,
        max_memories: 3,
        max_tables: 3,
        max_memory32_bytes: 5 << 16,
        max_memory64_bytes: 5 << 16,
        max_table_elements: 100,
        disallow_traps: careful,
        min_funcs: 3,
        max_funcs: 12,
        max_imports: 8,
        min_globals: 2,
        max_instructions: 200,
        gc_enabled: !plain,
        exceptions_enabled: !plain,
        custom_page_sizes_enabled: true,
        wide_arithmetic_enabled: true,
        // Waits could last for ever; the golden cases have shared memories.
        threads_enabled: false,
        // Its results may differ between engines.
        relaxed_simd_enabled: false,
        ..wasm_smith::Config::default()
    }
}

/// Init functions: one that changes state, and others that call one function each.
fn inits(module: &Module<'_>, source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<(String, Body)>> {
    let mut inits = vec![("init".to_string(), operations::changes(module, source)?)];
    for function in module.imported.functions..module.functions.len() as u32 {
        let Some(ty) = module.signature(function) else { continue };
        let mut body = Vec::new();
        let mut params = ty.params().iter();
        let is_callable = loop {
            let Some(param) = params.next() else { break true };
            let Some(argument) = operations::constant(module, *param, source)? else { break false };
            body.extend(argument);
        };
        if is_callable {
            body.push(Instruction::Call(function));
            body.extend(ty.results().iter().map(|_| Instruction::Drop));
            inits.push((format!("init {function}"), body));
        }
    }
    Ok(inits)
}

/// Calls of exported functions with arguments from `source`, as many as it has bytes for.
fn calls(module: &Module<'_>, source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Call>> {
    let functions: Vec<_> = module.exports.iter().filter(|export| is_function(export.kind)).collect();
    let mut calls = Vec::new();
    while calls.len() < 12 {
        let export = source.choose(&functions)?;
        let params = module.signature(export.index).map(|ty| ty.params()).unwrap_or_default();
        let args: arbitrary::Result<Option<Vec<String>>> =
            params.iter().map(|ty| argument(*ty, source).transpose()).collect::<Option<_>>().transpose();
        let Some(args) = args? else {
            calls.push(Call { provider: None, export: EMPTY_INIT.to_string(), args: Vec::new() });
            continue;
        };
        calls.push(Call { provider: None, export: export.name.to_string(), args });
    }
    Ok(calls)
}

/// `None` for a reference that cannot be null.
fn argument(ty: ValType, source: &mut Unstructured<'_>) -> arbitrary::Result<Option<String>> {
    // Small numbers are addresses and indices; the others are whatever they are.
    let number: u64 =
        if source.arbitrary()? { u64::from(source.arbitrary::<u8>()?) } else { source.arbitrary()? };
    Ok(match ty {
        ValType::I32 | ValType::F32 => Some((number as u32).to_string()),
        ValType::I64 | ValType::F64 | ValType::V128 => Some(number.to_string()),
        ValType::Ref(ty) => ty.is_nullable().then(|| "null".to_string()),
    })
}
