use crate::audit::{MemoryMap, ResetHooks, brief, maps, run_page, zero_stack};
use crate::cache::CompileCache;
use crate::capture::capture;
use crate::encode::{EncodeError, encode};
use crate::error::Error;
use crate::execute::{Compilation, Initialized, REACTOR_INITIALIZE, execute};
use crate::freeze::{self, Freeze, Reader, Rest, Trigger};
use crate::host::{
    Class, HostOptions, HostState, ImportName, Ledger, Limits, LinkerHook, Policy, Preload, WasiOptions,
};
use crate::layout::Layout;
use crate::module::{Module, is_function};
use crate::plan::{PlanOptions, Rename, plan, rename_conflict};
use crate::probe::{Probe, Probed};
use crate::report::{self, Report, Timings, seconds};
use crate::strip::{StripReport, strip};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmparser::{Parser, Payload};

/// Everything that can be chosen about a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Exports to call, in order; empty means the first of [`crate::execute::DEFAULT_INIT_FUNCTIONS`] that exists.
    pub init_functions: Vec<String>,
    /// Keep exporting the init functions. `_initialize` is never kept: it must not run twice.
    pub keep_init: bool,
    /// Exports that get another name.
    pub renames: Vec<Rename>,
    /// Make imported memories, tables and mutable globals the module's own.
    pub internalize: bool,
    /// How data is laid out in the output.
    pub layout: Layout,
    /// Replace the code that only init could reach by stubs.
    pub strip_init: bool,
    /// Compile optimized code, for an init that runs long.
    pub optimize: bool,
    /// Freeze the program in the middle of a call, at this place, instead of when init returns.
    pub at: Option<Trigger>,
    /// How the calls in progress are read, for [`Options::at`].
    pub frames: Reader,
    /// Where compiled code is kept between runs.
    pub cache: Option<CompileCache>,
    /// What init can see and do.
    pub host: HostOptions,
    /// What init can use.
    pub limits: Limits,
    /// Let wasi-libc forget what it knows of directories and environment, before the state is read.
    pub reset_libc: bool,
    /// Clear what functions have left on the stack; refused where that is not certain to be safe.
    pub zero_stack: bool,
    /// Refuse whatever would be warned of.
    pub strict: bool,
    /// Draw the memories, for [`Output::page`].
    pub maps: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            init_functions: Vec::new(),
            keep_init: false,
            renames: Vec::new(),
            internalize: false,
            layout: Layout::default(),
            strip_init: false,
            optimize: false,
            at: None,
            frames: Reader::default(),
            cache: None,
            host: HostOptions::default(),
            limits: Limits { timeout: Some(Duration::from_secs(60)), max_memory: 4 << 30, fuel: None },
            reset_libc: false,
            zero_stack: false,
            strict: false,
            maps: false,
        }
    }
}

/// Pre-initializes modules: the front door of this library.
///
/// ```
/// let wat = r#"(module
///     (global $answer (mut i32) (i32.const 0))
///     (func (export "init") (global.set $answer (i32.const 42)))
///     (func (export "answer") (result i32) (global.get $answer)))"#;
/// let wasm = preinit::wat_to_wasm(wat.as_bytes())?;
/// let output = preinit::Preinit::new().init_func("init").run(&wasm)?;
/// assert_eq!(output.report.globals_changed, 1);
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Preinit {
    options: Options,
}

/// A snapshot and what is known about its making.
#[derive(Debug, Clone)]
pub struct Output {
    /// The new module.
    pub wasm: Vec<u8>,
    /// What was done.
    pub report: Report,
    /// Every host call that init made; a later run of the same init can be answered from it.
    pub ledger: Ledger,
    /// The memories, if [`Options::maps`] asks for them.
    pub maps: Vec<MemoryMap>,
    /// What init wrote to standard output, if that is captured.
    pub stdout: Vec<u8>,
    /// What init wrote to standard error, if that is captured.
    pub stderr: Vec<u8>,
}

impl Output {
    /// A self-contained page of HTML about this run on `input`. It shows the memories if [`Options::maps`] was set.
    pub fn page(&self, input: &str) -> String {
        run_page(input, &self.report, &self.maps, &self.ledger)
    }
}

impl From<Options> for Preinit {
    fn from(options: Options) -> Self {
        Preinit { options }
    }
}

impl Preinit {
    /// The defaults: the init function is found by name, no import may be called.
    pub fn new() -> Self {
        Preinit::default()
    }

    /// Adds an export to call. They run in the order in which they are added.
    pub fn init_func(mut self, name: impl Into<String>) -> Self {
        self.options.init_functions.push(name.into());
        self
    }

    /// Keeps exporting the init functions.
    pub fn keep_init_func(mut self, keep: bool) -> Self {
        self.options.keep_init = keep;
        self
    }

    /// Exports `src` as `dst` in the output, in the place of any `dst` that was there.
    pub fn rename_func(mut self, dst: impl Into<String>, src: impl Into<String>) -> Self {
        self.options.renames.push(Rename { dst: dst.into(), src: src.into() });
        self
    }

    /// Makes imported memories, tables and mutable globals the module's own.
    pub fn internalize(mut self, internalize: bool) -> Self {
        self.options.internalize = internalize;
        self
    }

    /// Lays data out for small files, or for Wasmtime's copy-on-write memory images.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.options.layout = layout;
        self
    }

    /// Replaces the functions that only init could reach by stubs that trap; indices and function names stay.
    pub fn strip_init(mut self, strip: bool) -> Self {
        self.options.strip_init = strip;
        self
    }

    /// Lets init call WASI preview 1, hermetically: no arguments, environment or files, fixed clocks, seeded randomness.
    pub fn allow_wasi(mut self, allow: bool) -> Self {
        self.options.host.wasi = allow.then(WasiOptions::default);
        self
    }

    /// Lets init call WASI preview 1 with these policies.
    pub fn wasi(mut self, options: WasiOptions) -> Self {
        self.options.host.wasi = Some(options);
        self
    }

    /// Provides the exports of another module as imports under `name`.
    pub fn preload(mut self, name: impl Into<String>, wasm: impl Into<Vec<u8>>) -> Self {
        self.options.host.preloads.push(Preload { name: name.into(), wasm: wasm.into() });
        self
    }

    /// Makes an import do nothing and return zero.
    pub fn stub(mut self, module: impl Into<String>, name: impl Into<String>) -> Self {
        self.options.host.stubs.push(ImportName::new(module, name));
        self
    }

    /// Does that for all imports that nothing else provides.
    pub fn stub_all(mut self, stub: bool) -> Self {
        self.options.host.stub_all = stub;
        self
    }

    /// Provides imports from a [`wasmtime::Linker`]. Their calls are not recorded in the ledger.
    pub fn linker(
        mut self,
        define: impl Fn(&mut wasmtime::Linker<HostState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.options.host.linker = Some(LinkerHook::new(define));
        self
    }

    /// Answers all host calls from a recorded run instead of the world outside.
    pub fn replay(mut self, ledger: Arc<Ledger>) -> Self {
        self.options.host.replay = Some(ledger);
        self
    }

    /// Ends init after this time; `None` lets it run. A host call that never returns is not ended.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.limits.timeout = timeout;
        self
    }

    /// Ends init when all memories and tables together exceed this many bytes.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.options.limits.max_memory = bytes;
        self
    }

    /// Ends init after this much fuel (about one per instruction).
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.options.limits.fuel = Some(fuel);
        self
    }

    /// Compiles optimized code, for an init that runs long.
    pub fn optimize(mut self, optimize: bool) -> Self {
        self.options.optimize = optimize;
        self
    }

    /// Freezes the program in the middle of a call instead of when init returns.
    pub fn at(mut self, trigger: Trigger) -> Self {
        self.options.at = Some(trigger);
        self
    }

    /// Chooses how the calls in progress are read, for [`Preinit::at`].
    pub fn frames(mut self, reader: Reader) -> Self {
        self.options.frames = reader;
        self
    }

    /// Chooses what happens when init makes calls of a class.
    pub fn policy(mut self, class: Class, policy: Policy) -> Self {
        self.options.host.policies.set(class, policy);
        self
    }

    /// Lets wasi-libc forget what it knows of directories and environment, before the state is read. It must have
    /// `__wasilibc_reset_preopens` or `__wasilibc_deinitialize_environ`, exported or in the name section.
    pub fn reset_libc(mut self, reset: bool) -> Self {
        self.options.reset_libc = reset;
        self
    }

    /// Clears what functions have left on the stack. A run is refused where that is not certain to be safe.
    pub fn zero_stack(mut self, zero: bool) -> Self {
        self.options.zero_stack = zero;
        self
    }

    /// Refuses whatever would be warned of.
    pub fn strict(mut self, strict: bool) -> Self {
        self.options.strict = strict;
        self
    }

    /// The same as [`Preinit::run`], and leaves the record of init's host calls in `ledger` even if there is no snapshot.
    ///
    /// # Errors
    /// As of [`Preinit::run`].
    pub fn run_recorded(&self, wasm: &[u8], ledger: &mut Ledger) -> Result<Output, Error> {
        crate::engine::on_guest_thread(|| run(&self.options, wasm, ledger))
            .unwrap_or_else(|error| Err(Error::Options(format!("cannot start a thread: {error}"))))
    }

    /// Keeps compiled code between runs. By default nothing is kept.
    pub fn compile_cache(mut self, cache: Option<CompileCache>) -> Self {
        self.options.cache = cache;
        self
    }

    /// Runs init on `wasm`, a binary core module, and writes down the state that it leaves.
    ///
    /// The guest runs on a thread of its own, whose stack fits deep recursion.
    ///
    /// # Errors
    /// [`Error`] by stage; [`Error::is_refusal`] tells apart what was turned down from what could not be done.
    pub fn run(&self, wasm: &[u8]) -> Result<Output, Error> {
        self.run_recorded(wasm, &mut Ledger::default())
    }
}

fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
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
        initialized.call_hook(&export, name)?;
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

    let (mut snapshot, capture) =
        timed(|| capture(&module, &probed, &initialized.subject, &mut initialized.store))?;
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
