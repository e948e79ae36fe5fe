use crate::capture::capture;
use crate::encode::encode;
use crate::error::Error;
use crate::execute::{REACTOR_INITIALIZE, execute};
use crate::host::{HostOptions, HostState, ImportName, Ledger, Limits, LinkerHook, Preload, WasiOptions};
use crate::module::Module;
use crate::plan::{PlanOptions, Rename, plan, rename_conflict};
use crate::probe::Probed;
use crate::report::{self, HostCalls, Report, Timings, seconds};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Compile optimized code, for an init that runs long.
    pub optimize: bool,
    /// What init can see and do.
    pub host: HostOptions,
    /// What init can use.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            init_functions: Vec::new(),
            keep_init: false,
            renames: Vec::new(),
            internalize: false,
            optimize: false,
            host: HostOptions::default(),
            limits: Limits { timeout: Some(Duration::from_secs(60)), max_memory: 4 << 30, fuel: None },
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
    /// What init wrote to standard output, if that is captured.
    pub stdout: Vec<u8>,
    /// What init wrote to standard error, if that is captured.
    pub stderr: Vec<u8>,
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

    /// Runs init on `wasm`, a binary core module, and writes down the state that it leaves.
    ///
    /// The guest runs on a thread of its own, whose stack fits deep recursion.
    ///
    /// # Errors
    /// [`Error`] by stage; [`Error::is_refusal`] tells apart what was turned down from what could not be done.
    pub fn run(&self, wasm: &[u8]) -> Result<Output, Error> {
        crate::engine::on_guest_thread(|| run(&self.options, wasm))
            .unwrap_or_else(|error| Err(Error::Options(format!("cannot start a thread: {error}"))))
    }
}

fn run(options: &Options, wasm: &[u8]) -> Result<Output, Error> {
    let started = Instant::now();
    if let Some(conflict) = rename_conflict(&options.renames) {
        return Err(Error::Options(conflict));
    }
    let (module, parse) = timed(|| Module::parse(wasm))?;
    let probed = Probed::new(&module)?;
    let digest: [u8; 32] = Sha256::digest(wasm).into();
    let mut initialized = execute(
        &module,
        &probed,
        &options.init_functions,
        options.optimize,
        &options.host,
        &options.limits,
        digest,
    )?;
    let compiler = initialized.compiler.name();
    let (compile, init) = (seconds(initialized.compile_time), seconds(initialized.run_time));
    let init_functions = initialized.called.clone();
    let mut plan_options = PlanOptions {
        removed_exports: vec![REACTOR_INITIALIZE.to_string()],
        renames: options.renames.clone(),
        internalize: options.internalize,
    };
    if !options.keep_init {
        plan_options.removed_exports.extend(init_functions.iter().cloned());
    }
    let ledger = initialized.store.data_mut().take_ledger();
    let (stdout, stderr) =
        (initialized.store.data().stdout().to_vec(), initialized.store.data().stderr().to_vec());

    let (snapshot, capture) =
        timed(|| capture(&module, &probed, &initialized.subject, &mut initialized.store))?;
    drop(probed);
    let (plan, planning) = timed(|| plan(&module, &snapshot, &plan_options))?;
    let (output, encode) = timed(|| encode(&module, &snapshot, &plan))?;
    let timings =
        Timings { parse, compile, init, capture, plan: planning, encode, total: seconds(started.elapsed()) };
    let mut warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
    let random_bytes = ledger.random_bytes();
    if random_bytes > 0 {
        warnings.push(format!(
            "init read {random_bytes} random bytes, which every instance of the snapshot will share"
        ));
    }
    let report = Report {
        input_bytes: wasm.len() as u64,
        output_bytes: output.len() as u64,
        compiler,
        init_functions,
        timings,
        memories: report::memories(&module, &snapshot, &plan),
        globals_changed: report::globals_changed(&plan),
        tables: report::tables(&module, &snapshot, &plan),
        heap: report::heap(&module, &snapshot, &plan),
        data_segments: plan.data.len(),
        element_segments: plan.elements.len(),
        start_function: plan.start.is_some(),
        warnings,
        host_calls: host_calls(&ledger),
        random_bytes,
    };
    Ok(Output { wasm: output, report, ledger, stdout, stderr })
}

fn host_calls(ledger: &Ledger) -> Vec<HostCalls> {
    let counts = ledger.counts().into_iter();
    counts.map(|count| HostCalls { import: count.import.to_string(), count: count.calls }).collect()
}

fn timed<T, E>(stage: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let started = Instant::now();
    let result = stage()?;
    Ok((result, seconds(started.elapsed())))
}
