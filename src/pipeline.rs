//! The way of a module through the stages.

use crate::audit::{ResetHooks, brief, maps, zero_stack};
use crate::capture::capture;
use crate::error::Error;
use crate::execute::{Compilation, Initialized, REACTOR_INITIALIZE, execute};
use crate::freeze::{self, Freeze, Rest, Trigger};
use crate::host::Ledger;
use crate::preinit::{Options, Output};
use crate::report::{self, Report, Timings, seconds};
use preinit_core::encode::{EncodeError, encode};
use preinit_core::module::{Module, is_function};
use preinit_core::plan::{PlanOptions, plan, rename_conflict};
use preinit_core::probe::{Probe, Probed};
use preinit_core::strip::{StripReport, strip};
use sha2::{Digest, Sha256};
use std::time::Instant;
use wasmparser::{Parser, Payload};

/// Runs `wasm` through all stages. What init called is in `recorded` even if a later stage refuses.
pub(crate) fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
    let started = Instant::now();
    if let Some(conflict) = rename_conflict(&options.renames) {
        return Err(Error::Options(conflict));
    }
    let (module, parse) = timed(|| Module::parse(wasm))?;
    let hooks = if options.reset_libc { ResetHooks::of(&module) } else { ResetHooks::default() };
    let probed = Probed::exporting(&module, hooks.functions.iter().map(|(index, _)| *index))?;
    let digest: [u8; 32] = Sha256::digest(wasm).into();
    if options.at.is_some() && options.zero_stack {
        return Err(Error::Options("--zero-stack does not go with --at: the stack is in use".to_string()));
    }
    let ran = match &options.at {
        Some(trigger) => frozen(options, trigger, &module, &probed, digest),
        None => executed(options, &module, &probed, digest),
    };
    let Ran { mut initialized, extended, mut frozen } = match ran {
        Err(error) => {
            if let Some(ledger) = error.ledger() {
                recorded.clone_from(ledger);
            }
            return Err(error);
        }
        Ok(ran) => ran,
    };
    let extended = extended.as_ref().map(|wasm| Module::parse(wasm)).transpose();
    let extended = extended.map_err(EncodeError::Invalid)?;
    let output_of = extended.as_ref().unwrap_or(&module);
    for (index, name) in &hooks.functions {
        let export = probed.export_name(Probe::Function(*index));
        initialized.call_hook(&export, name, &options.limits)?;
    }
    let compiler = initialized.compiler.name();
    let compile_cached = initialized.cached;
    let (compile, init) = (seconds(initialized.compile_time), seconds(initialized.run_time));
    let init_functions = initialized.called.clone();
    let mut plan_options = PlanOptions {
        removed_exports: vec![REACTOR_INITIALIZE.to_string()],
        renames: options.renames.clone(),
        internalize: options.internalize,
        layout: options.layout,
        ..PlanOptions::default()
    };
    if !options.keep_init {
        plan_options.removed_exports.extend(init_functions.iter().cloned());
    }
    if let Some(frozen) = &frozen {
        // It resumes there.
        plan_options.removed_exports.retain(|export| *export != frozen.entry);
    }
    let ledger = match &mut frozen {
        Some(frozen) => std::mem::take(&mut frozen.ledger),
        None => initialized.store.data_mut().take_ledger(),
    };
    recorded.clone_from(&ledger);
    let (stdout, stderr) =
        (initialized.store.data().stdout().to_vec(), initialized.store.data().stderr().to_vec());

    let mut instance = initialized.reader();
    let (mut snapshot, capture) = timed(|| capture(&module, &probed, &mut instance))?;
    drop(probed);
    if options.zero_stack {
        zero_stack(&module, &mut snapshot).map_err(Error::StackKept)?;
    }
    if let Some(frozen) = &mut frozen {
        frozen.complete(&mut snapshot)?;
        plan_options.slots = frozen.slots().collect();
    }
    let (plan, planning) = timed(|| plan(output_of, &snapshot, &plan_options))?;
    if let Some(frozen) = &frozen
        && let Some(entry) = output_of.export(&frozen.entry)
        && !plan.exports.iter().any(|export| is_function(export.kind) && export.index == entry.index)
    {
        return Err(Error::Options(format!(
            "the program resumes in `{entry}`, and --rename-func puts another export in its place; give it another \
             name: --rename-func resume={entry}",
            entry = frozen.entry
        )));
    }
    let ((output, stripped), encode) = timed(|| {
        let output = encode(output_of, &snapshot, &plan)?;
        if !options.strip_init {
            return Ok((output, None));
        }
        let stripped = strip(output)?;
        Ok::<_, Error>((stripped.wasm, Some(stripped.report)))
    })?;
    let timings =
        Timings { parse, compile, init, capture, plan: planning, encode, total: seconds(started.elapsed()) };
    let mut warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(stripped.as_ref().and_then(strip_warning));
    if stripped.is_none() {
        warnings.extend(source_map_warning(&module, &output));
    }
    let random_bytes = ledger.random_bytes();
    warnings.extend(ledger.warnings(&options.host.policies));
    if let Some(frozen) = &mut frozen {
        warnings.append(&mut frozen.warnings);
    }
    if options.reset_libc && hooks.functions.is_empty() {
        warnings.push(
            "--reset-libc has no effect: the module has neither `__wasilibc_reset_preopens` nor \
             `__wasilibc_deinitialize_environ` among its exports and names"
                .to_string(),
        );
    }
    let findings = brief(output_of, &snapshot, &ledger, options.host.wasi.as_ref());
    if options.strict && !(warnings.is_empty() && findings.is_empty()) {
        warnings.extend(findings.into_iter().map(|finding| finding.title));
        return Err(Error::Strict(warnings));
    }
    let maps = if options.maps { maps(output_of, &snapshot) } else { Vec::new() };
    let report = Report {
        input_bytes: wasm.len() as u64,
        output_bytes: output.len() as u64,
        compiler,
        compile_cached,
        init_functions,
        timings,
        memories: report::memories(output_of, &snapshot, &plan),
        globals_changed: report::globals_changed(&plan),
        tables: report::tables(output_of, &snapshot, &plan),
        heap: report::heap(output_of, &snapshot, &plan),
        layout: report::layout(&plan),
        stripped,
        data_segments: plan.data.len(),
        element_segments: plan.elements.len(),
        start_function: plan.start.is_some(),
        warnings,
        host_calls: report::host_calls(&ledger),
        random_bytes,
        files_written: ledger.files_written().into_iter().map(|change| change.path).collect(),
        findings,
        frozen: frozen.map(|frozen| report::frozen(&frozen)),
    };
    Ok(Output { wasm: output, report, ledger, maps, stdout, stderr })
}

/// A guest that has run.
struct Ran {
    initialized: Initialized,
    /// The module that the state is written into, if it is not the original.
    extended: Option<Vec<u8>>,
    frozen: Option<Rest>,
}

fn executed(options: &Options, module: &Module<'_>, probed: &Probed, digest: [u8; 32]) -> Result<Ran, Error> {
    let initialized = execute(
        module,
        probed,
        &options.init_functions,
        Compilation { optimize: options.optimize, cache: options.cache.as_ref() },
        &options.host,
        &options.limits,
        digest,
    )?;
    Ok(Ran { initialized, extended: None, frozen: None })
}

fn frozen(
    options: &Options,
    trigger: &Trigger,
    module: &Module<'_>,
    probed: &Probed,
    digest: [u8; 32],
) -> Result<Ran, Error> {
    let freeze = Freeze {
        trigger,
        reader: options.frames,
        init_functions: &options.init_functions,
        host: &options.host,
        limits: &options.limits,
        optimize: options.optimize,
        cache: options.cache.as_ref(),
        digest,
    };
    let frozen = freeze::freeze(module, probed, freeze)?;
    Ok(Ran { initialized: frozen.initialized, extended: Some(frozen.wasm), frozen: Some(frozen.rest) })
}

fn strip_warning(report: &StripReport) -> Option<String> {
    let sections = report.dropped_sections.join("`, `");
    (!sections.is_empty())
        .then(|| format!("left out, because --strip-init moves the code that they describe: `{sections}`"))
}

/// Source maps count bytes from the start of the file (source map specification, "WebAssembly").
fn source_map_warning(module: &Module<'_>, output: &[u8]) -> Option<String> {
    let is_url = |name: &str| name == "sourceMappingURL";
    module.sections.iter().find(|section| section.custom.is_some_and(|(name, _)| is_url(name)))?;
    let code = |wasm: &[u8]| {
        Parser::new(0).parse_all(wasm).find_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body.range().start as i64),
            _ => None,
        })
    };
    let moved = code(output)? - code(module.bytes)?;
    (moved != 0).then(|| format!("the source map is off: code moved by {moved:+} bytes in the file"))
}

fn timed<T, E>(stage: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let started = Instant::now();
    let result = stage()?;
    Ok((result, seconds(started.elapsed())))
}
