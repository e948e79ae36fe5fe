//! Which code runs init: that of the baseline compiler, which is soon there, or optimized code, where that pays.

use super::components::{ComponentKind, compile_component_ahead, component_settings};
use super::{Compiled, Compiler, EngineOptions, Keyed, compile_in_order, compile_kept, settings};
use crate::cache::{CompileCache, InitRuns, PreparedCode};
use std::fmt;
use std::ops::Add;
use std::time::Duration;
use wasmparser::{Parser, Payload};

/// Why init ran in the code that it ran in. No example: [`Report::compiler_choice`](crate::Report) says it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TierReason {
    /// The options say so.
    Asked,
    /// Optimizing a module of this size takes a few milliseconds.
    Small,
    /// An earlier run had left optimized code.
    Kept,
    /// Optimized code would take longer to compile than this run.
    Soonest,
    /// The units that code uses up must not depend on what is in a cache.
    Fuel,
    /// The calls in progress are read in baseline code.
    Frozen,
    /// It was compiled before, and the options name it.
    Prepared,
    /// The baseline compiler takes more memory for so many small functions, and is hardly faster.
    ManyFunctions,
}

impl fmt::Display for TierReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TierReason::Asked => "asked for",
            TierReason::Small => "the module is small",
            TierReason::Kept => "optimized by an earlier run",
            TierReason::Soonest => "compiles soonest",
            TierReason::Fuel => "fuel is counted",
            TierReason::Frozen => "the program is frozen",
            TierReason::Prepared => "prepared",
            TierReason::ManyFunctions => "there are very many small functions",
        })
    }
}

/// Code that is optimized at once, cached or not: at most so many bytes of WebAssembly code.
const SMALL: usize = 24 << 10;

/// Processor time to optimize a byte of WebAssembly code, roughly: an estimate.
const NANOSECONDS_PER_BYTE: u64 = 1000;

/// Shorter inits gain nothing that anybody would notice.
const NOTICEABLE: Duration = Duration::from_millis(10);

/// Optimizing may cost so many times what init takes in baseline code: when a module was seen for the first time, and when
/// it is seen again. Optimized code saves about half of init in every later run.
const WORTH: [u32; 2] = [12, 80];

/// From so many functions on the memory that compiling takes matters, which is some kilobytes for each.
const MANY: u32 = 100_000;

/// Winch takes a third more memory for a function than Cranelift: the engine keeps as much of each until all are compiled, but
/// Winch leaves holes between. For functions of up to so many bytes on average it saves little time.
const SMALL_FUNCTION: usize = 32;

/// How init is compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Compilation<'c> {
    /// Whether to take the time to compile optimized code; `None` does so where it pays.
    pub optimize: Option<bool>,
    /// Where to look for the code and to leave it.
    pub cache: Option<&'c CompileCache>,
    /// Code that was compiled before, which must be the right one.
    pub prepared: Option<&'c PreparedCode>,
    /// Whether optimized code need not look at the time, because somebody else does.
    pub supervised: bool,
}

/// Code for init, and why it is this.
#[derive(Debug)]
pub(crate) struct Tiered {
    pub compiled: Compiled,
    pub reason: TierReason,
    /// What optimized code would be compiled with, where it is not there and could be kept.
    pub missing: Option<MissingCode>,
}

/// Optimized code that is not in the cache.
#[derive(Debug, Clone)]
pub(crate) struct MissingCode {
    options: EngineOptions,
    /// Of a component.
    kind: Option<ComponentKind>,
    cache: CompileCache,
    /// Of the module.
    digest: [u8; 32],
    code_bytes: usize,
}

/// Optimized code that would pay in further runs: [`Output::wanted_code`](crate::Output::wanted_code).
///
/// It takes long to compile, so a thread or a process of low priority should do it.
///
/// ```
/// use preinit::{CompileCache, Preinit};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit")))"#)?;
/// let cache = CompileCache::new(directory.path());
/// let output = Preinit::new().compile_cache(cache).run(&wasm)?;
/// let background = output.wanted_code.map(|code| std::thread::spawn(move || code.compile()));
/// assert!(background.is_none(), "so small a module was optimized at once");
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCode {
    wasm: Vec<u8>,
    options: EngineOptions,
    kind: Option<ComponentKind>,
    cache: CompileCache,
}

/// Compiles `wasm` in the tier that is chosen, or takes it from the cache. `options` say nothing about the tier yet.
pub(crate) fn compile_tiered(
    wasm: &[u8],
    options: EngineOptions,
    choice: Compilation<'_>,
) -> wasmtime::Result<Tiered> {
    let epochs = options.epochs && !choice.supervised;
    let optimized = EngineOptions { optimize: true, epochs, ..options };
    let wanted = settings(Compiler::OptimizingCranelift, optimized);
    if let Some(prepared) = choice.prepared {
        let Keyed { cache, digest } = Keyed::new(prepared.cache(), wasm);
        let missing = || wasmtime::Error::msg("the prepared code is not for these options");
        let entry = cache.kept(&wanted, &digest).ok_or_else(missing)?;
        let compiled = compile_kept(wasm, optimized, &entry)?;
        return Ok(Tiered { compiled, reason: TierReason::Prepared, missing: None });
    }
    let keyed = choice.cache.map(|cache| Keyed::new(cache, wasm));
    let size = CodeSize::of(wasm);
    let fixed = options.fuel.then_some(TierReason::Fuel);
    let kept = || {
        let entry = keyed.and_then(|keyed| keyed.cache.kept(&wanted, &keyed.digest))?;
        compile_kept(wasm, optimized, &entry).ok()
    };
    let compile = |optimize| compile_in_order(wasm, if optimize { optimized } else { options }, keyed);
    let (compiled, reason) = in_tier((choice.optimize, fixed), size, kept, compile)?;
    let missing = keyed.filter(|_| reason == TierReason::Soonest);
    let missing = missing
        .map(|Keyed { cache, digest }| MissingCode::new((optimized, None), (digest, cache.clone()), size));
    Ok(Tiered { compiled, reason, missing })
}

/// Code in the tier that is asked for; if none is, in baseline code where something fixes it for a reason; else in the one that
/// its size and the cache decide. `kept` looks for optimized code, and `compile` makes optimized code or other.
pub(super) fn in_tier<C>(
    (asked, fixed): (Option<bool>, Option<TierReason>),
    size: CodeSize,
    kept: impl FnOnce() -> Option<C>,
    compile: impl FnOnce(bool) -> wasmtime::Result<C>,
) -> wasmtime::Result<(C, TierReason)> {
    let (optimize, reason) = match (asked, fixed) {
        (Some(optimize), _) => (optimize, TierReason::Asked),
        (None, Some(reason)) => (false, reason),
        (None, None) if size.is_small() => (true, TierReason::Small),
        (None, None) => {
            if let Some(code) = kept() {
                return Ok((code, TierReason::Kept));
            }
            match size.has_many_small() {
                true => (true, TierReason::ManyFunctions),
                false => (false, TierReason::Soonest),
            }
        }
    };
    Ok((compile(optimize)?, reason))
}

impl MissingCode {
    /// Code that this cache does not have of the module, or of the component if it is one of that kind.
    pub(super) fn new(
        (options, kind): (EngineOptions, Option<ComponentKind>),
        (digest, cache): ([u8; 32], CompileCache),
        size: CodeSize,
    ) -> MissingCode {
        MissingCode { options, kind, cache, digest, code_bytes: size.code_bytes }
    }

    /// What further runs would gain from, if it is worth its cost. Remembers how long `init` took.
    pub fn wanted(self, init: Duration, wasm: &[u8]) -> Option<WantedCode> {
        let InitRuns { count, shortest } = self.cache.note_run(&self.digest, init);
        pays(self.code_bytes, count, shortest).then(|| WantedCode {
            wasm: wasm.to_vec(),
            options: self.options,
            kind: self.kind,
            cache: self.cache,
        })
    }
}

/// Whether it pays to optimize so much code for an init that takes so long.
fn pays(code_bytes: usize, runs: u32, init: Duration) -> bool {
    let cost = Duration::from_nanos((code_bytes as u64).saturating_mul(NANOSECONDS_PER_BYTE));
    init >= NOTICEABLE && cost <= init.saturating_mul(WORTH[usize::from(runs > 1)])
}

impl WantedCode {
    /// The code of `wasm`, the form of a module that runs, as [supervised](crate::Options::supervised) runs need it. No example:
    /// it is for another process, which gets what the other methods say.
    pub fn new(wasm: Vec<u8>, cache: CompileCache) -> WantedCode {
        let options = EngineOptions { optimize: true, ..EngineOptions::default() };
        WantedCode { wasm, options, kind: None, cache }
    }

    /// The code of a component that can have tasks beside each other or not, and looks at the time or not. No example: see
    /// [`WantedCode::new`].
    #[must_use]
    pub fn for_component(self, is_concurrent: bool, is_interruptible: bool) -> WantedCode {
        let options = EngineOptions { epochs: is_interruptible, ..self.options };
        WantedCode { options, kind: Some(ComponentKind { is_concurrent, is_traced: false }), ..self }
    }

    /// What [`WantedCode::for_component`] was told; `None` for a module. No example: see [`WantedCode::new`].
    pub fn component(&self) -> Option<(bool, bool)> {
        self.kind.map(|kind| (kind.is_concurrent, self.options.epochs))
    }

    /// The form of the module that runs. No example: see [`WantedCode::new`].
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    /// Where it is to be kept. No example: see [`WantedCode::new`].
    pub fn cache(&self) -> &CompileCache {
        &self.cache
    }

    /// Compiles it and leaves it in the cache; `false` if it is there already, or if another process is at it.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn compile(&self) -> wasmtime::Result<bool> {
        let WantedCode { wasm, options, kind, cache } = self;
        let keyed = Keyed::new(cache, wasm);
        let compiler = Compiler::OptimizingCranelift;
        let settings = match kind {
            None => settings(compiler, *options),
            Some(kind) => component_settings(compiler, (*options, *kind)),
        };
        if !cache.is_free(&settings, &keyed.digest) {
            return Ok(false);
        }
        match kind {
            None => compile_in_order(wasm, *options, Some(keyed)).map(drop)?,
            Some(kind) => compile_component_ahead(wasm, (*options, *kind), keyed)?,
        }
        Ok(true)
    }
}

/// What the header of the code section says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CodeSize {
    code_bytes: usize,
    functions: u32,
}

impl CodeSize {
    /// Of a core module.
    pub fn of(wasm: &[u8]) -> CodeSize {
        let payloads = Parser::new(0).parse_all(wasm).map_while(Result::ok);
        let mut sizes = payloads.filter_map(|payload| match payload {
            Payload::CodeSectionStart { count, range, .. } => {
                Some(CodeSize { code_bytes: range.len(), functions: count })
            }
            _ => None,
        });
        sizes.next().unwrap_or_default()
    }

    pub fn is_small(self) -> bool {
        self.code_bytes <= SMALL
    }

    pub fn has_many_small(self) -> bool {
        self.functions >= MANY && self.code_bytes / self.functions as usize <= SMALL_FUNCTION
    }
}

impl Add for CodeSize {
    type Output = CodeSize;

    fn add(self, other: CodeSize) -> CodeSize {
        CodeSize {
            code_bytes: self.code_bytes.saturating_add(other.code_bytes),
            functions: self.functions.saturating_add(other.functions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_very_many_small_functions_are_for_cranelift() {
        for (code_bytes, functions, expected) in [
            (0, 0, false),
            (24 << 10, 1, false),
            (99_999 * 8, 99_999, false),
            (100_000 * 8, 100_000, true),
            (100_000 * 33 - 1, 100_000, true),
            (100_000 * 33, 100_000, false),
            (usize::MAX, 1_000_000, false),
        ] {
            let size = CodeSize { code_bytes, functions };
            assert_eq!(size.has_many_small(), expected, "{size:?}");
        }
    }

    #[test]
    fn only_a_long_init_is_worth_much_code() {
        let millis = Duration::from_millis;
        for (code_bytes, runs, init, expected) in [
            (300_000, 1, millis(200), true),
            (300_000, 1, millis(9), false),
            (300_000, 2, millis(9), false),
            (3_000_000, 1, millis(130), false),
            (3_000_000, 2, millis(130), true),
            (12_000_000, 1, millis(1150), true),
            (12_000_000, 2, millis(100), false),
            (usize::MAX, 2, Duration::MAX, true),
            (usize::MAX, 2, millis(10), false),
        ] {
            assert_eq!(pays(code_bytes, runs, init), expected, "{code_bytes} bytes, {runs}, {init:?}");
        }
    }
}
