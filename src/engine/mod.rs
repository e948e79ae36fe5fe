//! The choice of a compiler and its settings. Compiling dominates the whole job, so the baseline compiler is taken
//! wherever it supports the module.

mod compiler;
mod components;
mod continuations;
mod names;
mod proposals;
mod tier;
mod winch;

use crate::cache::{CompileCache, CompiledEntry};
pub use compiler::Compiler;
#[cfg(feature = "verify")]
pub use components::compile_component_with;
pub use components::{CompiledComponent, ComponentKind};
pub(crate) use components::{TieredComponent, compile_component};
pub(crate) use continuations::{has_continuations, is_continuation};
pub(crate) use names::{LONGEST as LONGEST_NAME, without_long_names};
use preinit_core::probe::ProbeOptions;
use proposals::Proposals;
pub use proposals::default_features;
use sha2::{Digest, Sha256};
#[cfg(feature = "cache")]
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
pub use tier::{Compilation, TierReason, WantedCode};
pub(crate) use tier::{MissingCode, Tiered, compile_tiered};
use wasmtime::{Collector, Config, Engine, OptLevel, RegallocAlgorithm, Strategy, WasmBacktraceDetails};
pub(crate) use winch::is_for_winch;

/// Room for the guest's call stack, in bytes. Interpreters in debug-like baseline code recurse deeply.
pub const MAX_WASM_STACK: usize = 64 << 20;

/// Stack of the thread that runs the guest: the guest's and what host functions need on top, in bytes.
pub const THREAD_STACK: usize = MAX_WASM_STACK + (16 << 20);

/// Room for each call stack of a module that switches stacks, or of a component with tasks beside each other, in bytes: every
/// continuation and every task takes as much, and what a continuation has touched stays until the end of the run.
const SWITCHED_WASM_STACK: usize = 6 << 20;

/// The same with what host functions need on top.
pub(crate) const SWITCHED_STACK: usize = SWITCHED_WASM_STACK + (2 << 20);

/// What modules are probed with that run on this engine.
pub fn probe_options() -> ProbeOptions {
    ProbeOptions {
        stack_pages: (SWITCHED_STACK >> 16) as u32,
        counts_shared_memories: true,
        leaves_out_dwarf: true,
        ..ProbeOptions::default()
    }
}

const MAX_BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// What the engine has to be able to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// Take the time to compile optimized code.
    pub optimize: bool,
    /// Count fuel.
    pub fuel: bool,
    /// Be interruptible by epochs.
    pub epochs: bool,
    /// Run modules beside this one that need more than Winch supports.
    pub beyond_winch: bool,
}

/// A compiled module and the engine that it was compiled for.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The engine.
    pub engine: Engine,
    /// The code.
    pub module: wasmtime::Module,
    /// What made it.
    pub compiler: Compiler,
    /// Whether an earlier run had made it already.
    pub cached: bool,
    /// Whether it looks at the time, if it was compiled for a run with a time limit.
    pub interruptible: bool,
}

/// Compiles `wasm` with the cheapest compiler that supports it.
///
/// # Errors
/// What the last compiler that was tried said.
pub fn compile(wasm: &[u8], options: EngineOptions) -> wasmtime::Result<Compiled> {
    compile_in_order(wasm, options, None)
}

/// The cache, and the key of one module in it.
#[derive(Debug, Clone, Copy)]
struct Keyed<'c> {
    cache: &'c CompileCache,
    digest: [u8; 32],
}

impl<'c> Keyed<'c> {
    fn new(cache: &'c CompileCache, wasm: &[u8]) -> Keyed<'c> {
        Keyed { cache, digest: Sha256::digest(wasm).into() }
    }
}

/// Compiles with the first compiler that supports the module, unless the cache has it already.
fn compile_in_order(
    wasm: &[u8],
    options: EngineOptions,
    keyed: Option<Keyed<'_>>,
) -> wasmtime::Result<Compiled> {
    let compilers: &[Compiler] = match options.optimize {
        true => &[Compiler::OptimizingCranelift],
        false => &[Compiler::Winch, Compiler::Cranelift][usize::from(options.beyond_winch)..],
    };
    let mut result = Err(wasmtime::Error::msg("no compiler"));
    for &compiler in compilers {
        result = compile_in(compiler, wasm, options, keyed);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Compiles `wasm` with this compiler, or takes the code from the cache.
///
/// # Errors
/// If it does not support the module.
pub fn compile_with(
    compiler: Compiler,
    wasm: &[u8],
    options: EngineOptions,
    cache: Option<&CompileCache>,
) -> wasmtime::Result<Compiled> {
    compile_in(compiler, wasm, options, cache.map(|cache| Keyed::new(cache, wasm)))
}

fn compile_in(
    compiler: Compiler,
    wasm: &[u8],
    options: EngineOptions,
    keyed: Option<Keyed<'_>>,
) -> wasmtime::Result<Compiled> {
    let config = |proposals| config(compiler, options, proposals);
    let compiled = compile_for(config, &settings(compiler, options), compiler, wasm, keyed)?;
    Ok(Compiled { interruptible: options.epochs, ..compiled })
}

/// What the cache tells code by, besides the module.
fn settings(compiler: Compiler, options: EngineOptions) -> String {
    format!("{compiler:?} {options:?}")
}

/// Frames of a program that is to be frozen.
pub(crate) const MAX_FROZEN_FRAMES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// Compiles `wasm` with the cheapest compiler that supports it and the options, for a run whose whole call stack is asked
/// for. Its frames have no names, which are looked up by index.
///
/// # Errors
/// What the last compiler that was tried said.
pub(crate) fn compile_traced(
    wasm: &[u8],
    options: EngineOptions,
    cache: Option<&CompileCache>,
) -> wasmtime::Result<Compiled> {
    let wasm = &*names::without_names(wasm);
    let keyed = cache.map(|cache| Keyed::new(cache, wasm));
    let compile = |compiler| {
        let config = |proposals| {
            let mut config = config(compiler, options, proposals)?;
            // One more than is allowed, so that it shows.
            config.wasm_backtrace_max_frames(MAX_FROZEN_FRAMES.checked_add(1));
            Ok(config)
        };
        let settings = format!("traced {}", settings(compiler, options));
        compile_for(config, &settings, compiler, wasm, keyed)
    };
    if options.optimize {
        return compile(Compiler::OptimizingCranelift);
    }
    match options.beyond_winch {
        true => compile(Compiler::Cranelift),
        false => compile(Compiler::Winch).or_else(|_| compile(Compiler::Cranelift)),
    }
}

/// Room for the stack of a guest that is compiled for debugging, in bytes: its frames hold every local and operand.
pub(crate) const INSPECTED_WASM_STACK: usize = 4 * MAX_WASM_STACK;

/// Compiles `wasm` so that the frames of the running program can be read. It takes ten times as long.
///
/// # Errors
/// If the compiler does not support the module.
pub(crate) fn compile_inspected(wasm: &[u8], options: EngineOptions) -> wasmtime::Result<Compiled> {
    let config = |proposals: Proposals| {
        let mut config = config(Compiler::Cranelift, options, proposals)?;
        config.guest_debug(true);
        if !proposals.stack_switching {
            config.max_wasm_stack(INSPECTED_WASM_STACK);
            config.async_stack_size(INSPECTED_WASM_STACK + (16 << 20));
        }
        Ok(config)
    };
    compile_for(config, "inspected", Compiler::Cranelift, wasm, None)
}

/// Compiles with the proposals that the module uses.
fn compile_for(
    config: impl Fn(Proposals) -> wasmtime::Result<Config>,
    settings: &str,
    compiler: Compiler,
    wasm: &[u8],
    keyed: Option<Keyed<'_>>,
) -> wasmtime::Result<Compiled> {
    let used = Proposals::of(wasm);
    let compile = |proposals| compile_configured(config(proposals)?, settings, (compiler, wasm), keyed);
    compile(used).or_else(|error| match compiler {
        // A type of a proposal may occur where nothing else of it does.
        Compiler::Cranelift | Compiler::OptimizingCranelift | Compiler::Pulley if used != Proposals::ALL => {
            compile(Proposals::ALL).map_err(|_| error)
        }
        _ => Err(error),
    })
}

fn compile_configured(
    config: Config,
    settings: &str,
    code: (Compiler, &[u8]),
    keyed: Option<Keyed<'_>>,
) -> wasmtime::Result<Compiled> {
    let entry = keyed.and_then(|keyed| keyed.cache.entry(settings, &keyed.digest));
    let compiled = compile_in_entry(config, code, entry.as_ref())?;
    if let (Some(Keyed { cache, .. }), Some(entry)) = (keyed, entry)
        && !compiled.cached
    {
        cache.keep(&entry);
    }
    Ok(compiled)
}

/// Takes the code from the entry, or puts it there.
fn compile_in_entry(
    mut config: Config,
    (compiler, wasm): (Compiler, &[u8]),
    entry: Option<&CompiledEntry>,
) -> wasmtime::Result<Compiled> {
    if let Some(entry) = entry {
        entry.configure(&mut config);
    }
    let engine = Engine::new(&config)?;
    let module = wasmtime::Module::from_binary(&engine, &without_long_names(wasm))?;
    let cached = entry.is_some_and(CompiledEntry::is_hit);
    Ok(Compiled { engine, module, compiler, cached, interruptible: true })
}

/// What machine code is compiled for: two engines with the same run the same code.
///
/// # Errors
/// If there is no such engine on this machine.
#[cfg(feature = "cache")]
pub(crate) fn fingerprint(wasm: &[u8], options: EngineOptions) -> wasmtime::Result<String> {
    struct Sha(Sha256);

    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    let engine = Engine::new(&config(Compiler::OptimizingCranelift, options, Proposals::of(wasm))?)?;
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    Ok(preinit_core::hex(&hasher.0.finalize()))
}

/// Optimized code from its entry.
fn compile_kept(wasm: &[u8], options: EngineOptions, entry: &CompiledEntry) -> wasmtime::Result<Compiled> {
    let compiler = Compiler::OptimizingCranelift;
    let config = config(compiler, options, Proposals::of(wasm))?;
    let compiled = compile_in_entry(config, (compiler, wasm), Some(entry))?;
    Ok(Compiled { interruptible: options.epochs, ..compiled })
}

fn config(compiler: Compiler, options: EngineOptions, proposals: Proposals) -> wasmtime::Result<Config> {
    let Proposals { stack_switching, custom_page_sizes, wide_arithmetic, imports_shared_memory } = proposals;
    let stack_switching =
        stack_switching && compiler.is_cranelift() && cfg!(all(target_arch = "x86_64", unix));
    let mut config = Config::new();
    config.strategy(if compiler == Compiler::Winch { Strategy::Winch } else { Strategy::Cranelift });
    if compiler == Compiler::OptimizingCranelift {
        config.cranelift_opt_level(OptLevel::Speed);
    } else {
        // Under Winch too: it leaves trampolines and the code that applies segments to Cranelift.
        config.cranelift_opt_level(OptLevel::None);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    if compiler == Compiler::Pulley {
        config.target("pulley64")?;
    }
    let has_atomics = match compiler {
        Compiler::Winch => cfg!(target_arch = "x86_64"),
        Compiler::Cranelift | Compiler::OptimizingCranelift => true,
        Compiler::Pulley => false,
    };
    if compiler != Compiler::Winch {
        config.wasm_gc(true);
        config.wasm_function_references(true);
        config.wasm_exceptions(true);
        config.wasm_tail_call(true);
        config.wasm_relaxed_simd(true);
        config.relaxed_simd_deterministic(true);
        config.wasm_stack_switching(stack_switching);
        config.collector(Collector::Copying);
    }
    config.wasm_multi_memory(true);
    config.wasm_memory64(true);
    config.wasm_custom_page_sizes(custom_page_sizes);
    config.wasm_wide_arithmetic(wide_arithmetic);
    config.wasm_extended_const(true);
    config.wasm_threads(has_atomics);
    config.shared_memory(has_atomics);
    if imports_shared_memory {
        // Every import of such a memory is an instance of its own. The engine looks for the one that an access has missed, and panics
        // if there are several. So code checks bounds itself, and no access misses.
        config.memory_reservation(0);
        config.memory_guard_size(0);
    }
    // The same bits on every machine, whatever its processor makes of a NaN.
    config.cranelift_nan_canonicalization(true);
    // For debuggers of the machine's own code; the engine walks the stack without it, and it is there for every function.
    #[cfg(not(windows))]
    config.native_unwind_info(false);
    config.max_wasm_stack(if stack_switching { SWITCHED_WASM_STACK } else { MAX_WASM_STACK });
    // Of continuations.
    config.async_stack_size(if stack_switching { SWITCHED_STACK } else { THREAD_STACK });
    config.consume_fuel(options.fuel);
    config.epoch_interruption(options.epochs);
    // The engine's reader of debugging information has no bounds. Ours looks up what a trace needs: `debug_info`.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.wasm_backtrace_max_frames(Some(MAX_BACKTRACE_FRAMES));
    Ok(config)
}

/// Runs `run` on a thread whose stack fits the guest's.
///
/// # Errors
/// If the machine has no room for the thread.
pub fn on_guest_thread<T: Send>(run: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    on_thread(THREAD_STACK, run)
}

/// The same with a stack of this many bytes.
pub(crate) fn on_thread<T: Send>(stack: usize, run: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    // A rayon worker that waits here does no other work. Were all of them here, nobody would be left to do the
    // parallel parts: those get workers of their own, as many.
    let workers = rayon::current_thread_index().map(|_| rayon::current_num_threads());
    let run = || match workers {
        None => Ok(run()),
        Some(workers) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).stack_size(stack).build();
            Ok(pool.map_err(std::io::Error::other)?.install(run))
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, run)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
