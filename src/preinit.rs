#[cfg(feature = "cache")]
use crate::cache::{CompileCache, PreparedCode};
use crate::component;
use crate::error::{Error, OptionsError};
use crate::execute::{InitResult, StageHook};
use crate::freeze::{FrameReader, Trigger};
use crate::host::{Class, HostState, ImportName, Ledger, LinkerHook, Policy, Preload, WasiOptions};
use crate::options::Options;
use crate::output::Output;
use crate::pipeline;
use preinit_core::component::is_component;
use preinit_core::layout::Layout;
use preinit_core::plan::Rename;
use std::sync::Arc;
use std::time::Duration;

/// Pre-initializes modules: the builder that this library is used through.
///
/// Each method sets the field of [`Options`] that has its name, or adds to it.
///
/// ```
/// let wat = r#"(module
///     (global $answer (mut i32) (i32.const 0))
///     (func (export "init") (global.set $answer (i32.const 42)))
///     (func (export "answer") (result i32) (global.get $answer)))"#;
/// let wasm = preinit::wat_to_wasm(wat.as_bytes())?;
/// let output = preinit::Preinit::new().init_function("init").run(&wasm)?;
/// assert_eq!(output.report.globals_changed, 1);
/// # Ok::<(), preinit::Error>(())
/// ```
///
/// What init is, what it may do, and what its snapshot looks like:
///
/// ```
/// use preinit::host::{Class, Policy};
/// use preinit::{InitResult, Layout, Preinit, StageHook, Warning};
/// use std::time::Duration;
///
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (import "env" "log" (func $log (param i32)))
///     (memory (export "memory") 1)
///     (func (export "setup") (result i32) (call $log (i32.const 1)) (i32.store (i32.const 8) (i32.const 7)) (i32.const 1))
///     (func (export "old") (result i32) (i32.const 0))
///     (func (export "new") (result i32) (i32.load (i32.const 8))))"#)?;
/// let output = Preinit::new()
///     .default_init_functions(["init", "setup"])
///     .init_result(InitResult::Number(1))
///     .keep_init_functions(true)
///     .rename("old", "new")
///     .stub_all(true)
///     .policy(Class::Stub, Policy::Warn)
///     .timeout(Duration::from_secs(10))
///     .max_memory(1 << 20)
///     .fuel(1_000)
///     .optimize(true)
///     .layout(Layout::Compact)
///     .strip_init(true)
///     .maps(true)
///     .on_init(StageHook::new(|_| println!("everything is compiled")))
///     .run(&wasm)?;
/// assert_eq!(output.report.init_functions, ["setup"]);
/// assert_eq!(output.report.memories[0].segments, 1);
/// assert!(output.report.warnings.iter().any(|warning| matches!(warning, Warning::Called { .. })));
/// assert!(output.page("app.wasm").contains("app.wasm"));
/// # Ok::<(), preinit::Error>(())
/// ```
///
/// Imports that others provide, and a run that is answered from the record of another one:
///
/// ```
/// use preinit::Preinit;
/// use preinit::host::Ledger;
/// use std::sync::Arc;
///
/// let library = preinit::wat_to_wasm(br#"(module (memory (export "memory") 1))"#)?;
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (import "lib" "memory" (memory 1)) (export "memory" (memory 0))
///     (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
///     (func (export "preinit") (drop (call $random (i32.const 8) (i32.const 4)))))"#)?;
/// let builder = Preinit::new()
///     .allow_wasi(true)
///     .preload("lib", &*library)
///     .internalize(true)
///     .default_proposals(true);
/// let mut ledger = Ledger::default();
/// let first = builder.run_recorded(&wasm, &mut ledger)?;
/// let second = builder.clone().replay(Arc::new(ledger)).run(&wasm)?;
/// assert!(first.wasm == second.wasm);
/// // Random numbers that all instances share are worth a warning.
/// assert!(builder.strict(true).run(&wasm).is_err());
///
/// // Without the import the memory of each instance is somebody else's; here it always begins as zeros.
/// let kept = Preinit::new().allow_wasi(true).preload("lib", &*library).fresh_imports(true).run(&wasm)?;
/// assert_eq!(kept.report.memories[0].segments, 1);
/// # Ok::<(), preinit::Error>(())
/// ```
///
/// What libc and the compiler leave behind:
///
/// ```
/// use preinit::{FrameReader, Preinit};
///
/// let wasm = std::fs::read("test-programs/c/primes.wasm")?;
/// let builder = Preinit::new().allow_wasi(true).reset_libc(true).rebase_clock(true);
/// let output = builder.clone().zero_stack(true).run(&wasm)?;
/// assert!(output.report.output_bytes > 0);
/// // Free memory is zeroed by an allocator that is known by its name, and there is none here; nor this collector.
/// assert!(matches!(builder.clone().scrub(true).run(&wasm), Err(preinit::Error::NotScrubbed(_))));
/// assert!(builder.clone().before_capture("collect").run(&wasm).is_err());
/// // Where functions cannot be instrumented, the engine's debugging interface shows the calls in progress.
/// assert_eq!(FrameReader::Inspect.name(), "the debugging interface");
/// assert!(builder.frames(FrameReader::Inspect).run(&wasm).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Preinit {
    options: Options,
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

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Adds an export to call, with its arguments if it takes any: `init(1, "text")`. They run in the order in which they are
    /// added.
    pub fn init_function(mut self, name: impl Into<String>) -> Self {
        self.options.init_functions.push(name.into());
        self
    }

    /// The exports that are looked for if none is named.
    pub fn default_init_functions(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.default_init_functions = names.into_iter().map(Into::into).collect();
        self
    }

    /// Says which results of init functions are success; 0 by default.
    pub fn init_result(mut self, result: InitResult) -> Self {
        self.options.init_result = result;
        self
    }

    /// Keeps the init functions as exports of the snapshot.
    pub fn keep_init_functions(mut self, keep: bool) -> Self {
        self.options.keep_init_functions = keep;
        self
    }

    /// Exports `src` as `dst` in the snapshot, instead of any `dst` that was there.
    pub fn rename(mut self, dst: impl Into<String>, src: impl Into<String>) -> Self {
        self.options.renames.push(Rename { dst: dst.into(), src: src.into() });
        self
    }

    /// Makes imported memories, tables and mutable globals the module's own.
    pub fn internalize(mut self, internalize: bool) -> Self {
        self.options.internalize = internalize;
        self
    }

    /// Takes it that every instance gets imported memories of nothing but zeros, as init did.
    pub fn fresh_imports(mut self, fresh_imports: bool) -> Self {
        self.options.fresh_imports = fresh_imports;
        self
    }

    /// Lets an import of a component be an instance of its own, whose functions trap, once init has returned.
    ///
    /// No example: only for components; the name is that of the import, as in `cut_import("local:init/loader")`.
    pub fn cut_import(mut self, name: impl Into<String>) -> Self {
        self.options.cut_imports.push(name.into());
        self
    }

    /// Writes the snapshot of a component even if resources, streams or files are held that no instance has: a warning says where.
    ///
    /// No example: only for components, and seldom right: a guest that uses such a handle traps.
    pub fn allow_live_handles(mut self, allow: bool) -> Self {
        self.options.allow_live_handles = allow;
        self
    }

    /// Keeps the state of a component's adapter from WASI preview 1, with the handles in it, instead of letting it take them anew.
    ///
    /// No example: only for components, together with [`Preinit::allow_live_handles`].
    pub fn keep_adapter_state(mut self, keep: bool) -> Self {
        self.options.keep_adapter_state = keep;
        self
    }

    /// Lays data out for small files, or for Wasmtime's copy-on-write memory images.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.options.layout = layout;
        self
    }

    /// Replaces the functions that only init could reach with stubs that trap; indices and function names stay.
    pub fn strip_init(mut self, strip: bool) -> Self {
        self.options.strip_init = strip;
        self
    }

    /// Lets init call WASI preview 1 and snapshot 0, hermetically: no arguments, environment or files, fixed clocks, seeded randomness.
    pub fn allow_wasi(mut self, allow: bool) -> Self {
        self.options.host.wasi = allow.then(WasiOptions::default);
        self
    }

    /// Lets init call WASI preview 1, which shows it what these options say.
    pub fn wasi(mut self, options: WasiOptions) -> Self {
        self.options.host.wasi = Some(options);
        self
    }

    /// Provides the exports of another module, in binary form, as imports from `name`.
    pub fn preload(mut self, name: impl Into<String>, wasm: impl Into<Vec<u8>>) -> Self {
        self.options.host.preloads.push(Preload { name: name.into(), wasm: wasm.into() });
        self
    }

    /// Lets an imported function do nothing and return zero; a stubbed memory, table or global is a fresh one.
    pub fn stub(mut self, module: impl Into<String>, name: impl Into<String>) -> Self {
        self.options.host.stubs.push(ImportName::new(module, name));
        self
    }

    /// Stubs every import that nothing else provides.
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

    /// Answers all host calls from a recorded run; nothing outside the process is read or written.
    pub fn replay(mut self, ledger: Arc<Ledger>) -> Self {
        self.options.host.replay = Some(ledger);
        self
    }

    /// Chooses what happens when init makes calls of a class.
    pub fn policy(mut self, class: Class, policy: Policy) -> Self {
        self.options.host.policies.set(class, policy);
        self
    }

    /// Ends init after this time; `None` sets no limit. See [`Limits::timeout`](crate::host::Limits) for
    /// what it cannot end.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.limits.timeout = timeout.into();
        self
    }

    /// Ends init when all memories and tables together exceed this many bytes.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.options.limits.max_memory = bytes;
        self
    }

    /// Ends init after this much fuel, about one unit for each instruction; `None` sets no limit.
    pub fn fuel(mut self, fuel: impl Into<Option<u64>>) -> Self {
        self.options.limits.fuel = fuel.into();
        self
    }

    /// Compiles optimized code, or does not. Without a word it does so where it pays: for small modules, and where a cache
    /// has it. No example: nothing but the time shows it.
    pub fn optimize(mut self, optimize: impl Into<Option<bool>>) -> Self {
        self.options.optimize = optimize.into();
        self
    }

    /// Keeps compiled code between runs, with the feature `cache`. By default nothing is kept. No example: that of
    /// [`CompileCache`] has one.
    #[cfg(feature = "cache")]
    pub fn compile_cache(mut self, cache: impl Into<Option<CompileCache>>) -> Self {
        self.options.compile_cache = cache.into();
        self
    }

    /// Runs init in code that was compiled before, with the feature `cache`. No example: that of [`PreparedCode`] has one.
    #[cfg(feature = "cache")]
    pub fn prepared_code(mut self, code: impl Into<Option<PreparedCode>>) -> Self {
        self.options.prepared = code.into();
        self
    }

    /// Freezes the program in the middle of a call instead of when init returns.
    pub fn at(mut self, trigger: Trigger) -> Self {
        self.options.at = Some(trigger);
        self
    }

    /// Chooses how the calls in progress are read, for [`Preinit::at`].
    pub fn frames(mut self, reader: FrameReader) -> Self {
        self.options.frames = reader;
        self
    }

    /// Lets wasi-libc forget what it knows of directories and environment, before the state is read: by
    /// `__wasilibc_reset_preopens` and `__wasilibc_deinitialize_environ`, if they are exported or in the name section, or else
    /// by putting back the variables that say that libc has asked.
    pub fn reset_libc(mut self, reset: bool) -> Self {
        self.options.reset_libc = reset;
        self
    }

    /// Lets the readings of an instance's monotonic clock go on from the last one that init has seen; or not, for a program that
    /// is frozen in the middle of a call, where that is the default.
    pub fn rebase_clock(mut self, rebase: bool) -> Self {
        self.options.rebase_clock = Some(rebase);
        self
    }

    /// Clears what functions have left on the stack. A run is refused where that is not certain to be safe.
    pub fn zero_stack(mut self, zero: bool) -> Self {
        self.options.zero_stack = zero;
        self
    }

    /// Calls a function without parameters after init, before the state is read: a collector, for example. It is exported, or in the
    /// name section. Several are called in order.
    pub fn before_capture(mut self, function: impl Into<String>) -> Self {
        self.options.before_capture.push(function.into());
        self
    }

    /// Zeroes the free memory by the guest's own allocator, where that makes the snapshot smaller. A run is refused where that is not
    /// certain to be safe.
    pub fn scrub(mut self, scrub: bool) -> Self {
        self.options.scrub = scrub;
        self
    }

    /// Refuses whatever would otherwise be a warning.
    pub fn strict(mut self, strict: bool) -> Self {
        self.options.strict = strict;
        self
    }

    /// Refuses modules that use proposals which the engine has off by default, such as stack switching.
    pub fn default_proposals(mut self, only: bool) -> Self {
        self.options.default_proposals = only;
        self
    }

    /// Draws the memories, for [`Output::page`].
    pub fn maps(mut self, maps: bool) -> Self {
        self.options.maps = maps;
        self
    }

    /// Calls `hook` when init begins, and when it has ended.
    pub fn on_init(mut self, hook: impl Into<Option<StageHook>>) -> Self {
        self.options.on_init = hook.into();
        self
    }

    /// Runs init on `wasm`, a binary core module or component, and writes the state that it leaves into a new module.
    ///
    /// The guest runs on a thread of its own, whose stack is large enough for deep recursion.
    ///
    /// # Errors
    /// [`Error`], by stage; [`Error::is_refusal`] tells a module that was turned down from one that could not be read or run.
    pub fn run(&self, wasm: &[u8]) -> Result<Output, Error> {
        self.run_recorded(wasm, &mut Ledger::default())
    }

    /// Like [`Preinit::run`], and leaves the record of init's host calls in `ledger` even if there is no snapshot.
    ///
    /// # Errors
    /// Those of [`Preinit::run`].
    pub fn run_recorded(&self, wasm: &[u8], ledger: &mut Ledger) -> Result<Output, Error> {
        let run = || match is_component(wasm) {
            true => component::run(&self.options, wasm, ledger),
            false if !self.options.cut_imports.is_empty() => Err(OptionsError::CutsImportOfModule.into()),
            false => pipeline::run(&self.options, wasm, ledger),
        };
        crate::engine::on_guest_thread(run).unwrap_or_else(|error| Err(Error::Thread(error)))
    }
}
