use crate::cache::CompileCache;
#[cfg(feature = "cache")]
use crate::cache::PreparedCode;
use crate::engine;
use crate::error::OptionsError;
use crate::execute::{
    Compilation, Execution, Hook, InitNames, InitResult, StageHook, default_init_functions,
};
use crate::freeze::{FrameReader, Trigger};
use crate::host::{Access, HostOptions, Limits};
use preinit_core::layout::Layout;
use preinit_core::module::{Module, ModuleError};
use preinit_core::plan::{Rename, rename_conflict};
use preinit_core::probe::Probed;
use std::path::Path;
use std::time::Duration;

/// Everything that can be chosen about a run, as plain data.
///
/// [`Preinit`](crate::Preinit) has a method for each field. Further fields may be added in minor versions; leave the rest
/// to the default:
///
/// ```
/// use preinit::{Options, Preinit};
///
/// let options = Options { init_functions: vec!["init".into()], strict: true, ..Options::default() };
/// let wasm = preinit::wat_to_wasm(br#"(module (func (export "init")))"#)?;
/// assert_eq!(options.writable_directories().count(), 0);
/// assert!(Preinit::from(options).run(&wasm)?.report.warnings.is_empty());
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// Exports to call, in order; empty means the first of [`Options::default_init_functions`] that exists. An export may be
    /// followed by constant arguments in parentheses: `init(1, -0.5)`, `eval("text")`, `start(["a", "b"])`, `fill([1, 2])`.
    /// A text or a list is written into memory that the module's own allocator (`malloc`, `cabi_realloc`) returns, and passed
    /// as an address and a length, or as an address if the function has no parameter for the length. Of a component, arguments
    /// are WAVE, and `instance#function` is a function of an exported instance.
    pub init_functions: Vec<String>,
    /// Exports that are looked for if none is named: `wizer-initialize`, `wizer.initialize` and `preinit`.
    pub default_init_functions: Vec<String>,
    /// Which results of init functions are success: 0 by default, and nothing.
    pub init_result: InitResult,
    /// Keep the init functions as exports of the snapshot. `_initialize` is never kept: it must not run twice.
    pub keep_init_functions: bool,
    /// Exports that get another name.
    pub renames: Vec<Rename>,
    /// Make imported memories, tables and mutable globals the module's own.
    pub internalize: bool,
    /// Take it that every instance gets imported memories of nothing but zeros, as init did. Then they are written in fewer
    /// and longer pieces.
    pub fresh_imports: bool,
    /// Imports of a component that become instances of its own, whose functions trap, once init has returned.
    pub cut_imports: Vec<String>,
    /// Write the snapshot of a component even if resources, streams or files are held that no instance has.
    pub allow_live_handles: bool,
    /// Keep the state of a component's adapter from WASI preview 1, with the handles in it, instead of letting it take them anew.
    pub keep_adapter_state: bool,
    /// How data is laid out in the output.
    pub layout: Layout,
    /// Replace the functions that only init could reach with stubs that trap.
    pub strip_init: bool,
    /// Whether to compile optimized code. `None` does so where it pays: for small modules, and where a cache has it.
    pub optimize: Option<bool>,
    /// Whoever runs this looks at the time himself while optimized code runs, and abandons the run when it is up:
    /// [`Options::on_init`] says when init begins. Such code need not look at the time in every loop, which takes a fifth
    /// of init. [`Preinit`](crate::Preinit) does not end it then.
    pub supervised: bool,
    /// Freeze the program in the middle of a call, at this trigger, instead of when init returns.
    pub at: Option<Trigger>,
    /// How the calls in progress are read, for [`Options::at`].
    pub frames: FrameReader,
    /// Where compiled code is kept between runs: with the feature `cache`.
    #[cfg(feature = "cache")]
    pub compile_cache: Option<CompileCache>,
    /// Code that was compiled before, which is run instead of any other: with the feature `cache`.
    #[cfg(feature = "cache")]
    pub prepared: Option<PreparedCode>,
    /// What init can see and do.
    pub host: HostOptions,
    /// How much time, memory and fuel init can use.
    pub limits: Limits,
    /// Let wasi-libc forget what it knows of directories and environment, before the state is read.
    pub reset_libc: bool,
    /// Let the readings of an instance's monotonic clock go on from the last one that init has seen. `None` does that if the
    /// program is frozen in the middle of a call.
    pub rebase_clock: Option<bool>,
    /// Clear what functions have left on the stack; refused where that is not certain to be safe.
    pub zero_stack: bool,
    /// Functions without parameters that are called after init, in order, before the state is read: a collector, for example. They
    /// are exported, or in the name section, and what they return does not matter.
    pub before_capture: Vec<String>,
    /// Zero the free memory by the guest's own allocator, where that makes the snapshot smaller; refused where it is not certain to
    /// be safe.
    pub scrub: bool,
    /// Refuse whatever would otherwise be a warning.
    pub strict: bool,
    /// Draw the memories, for [`Output::page`](crate::Output::page).
    pub maps: bool,
    /// Called when init begins and when it has ended, for those who measure or limit the time.
    pub on_init: Option<StageHook>,
    /// Refuse modules that use proposals which the engine has off by default, such as stack switching.
    pub default_proposals: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            init_functions: Vec::new(),
            default_init_functions: default_init_functions(),
            init_result: InitResult::default(),
            keep_init_functions: false,
            renames: Vec::new(),
            internalize: false,
            fresh_imports: false,
            cut_imports: Vec::new(),
            allow_live_handles: false,
            keep_adapter_state: false,
            layout: Layout::default(),
            strip_init: false,
            optimize: None,
            supervised: false,
            at: None,
            frames: FrameReader::default(),
            #[cfg(feature = "cache")]
            compile_cache: None,
            #[cfg(feature = "cache")]
            prepared: None,
            host: HostOptions::default(),
            limits: Limits { timeout: Some(Duration::from_secs(60)), max_memory: 4 << 30, fuel: None },
            reset_libc: false,
            rebase_clock: None,
            zero_stack: false,
            before_capture: Vec::new(),
            scrub: false,
            strict: false,
            maps: false,
            on_init: None,
            default_proposals: false,
        }
    }
}

impl Options {
    /// The directories of this machine that the guest may write to.
    pub fn writable_directories(&self) -> impl Iterator<Item = &Path> + Clone {
        let directories = self.host.wasi.iter().flat_map(|wasi| &wasi.dirs);
        directories
            .filter(|directory| directory.access == Access::ReadWrite)
            .map(|directory| &*directory.host)
    }

    /// Whether an instance's monotonic clock goes on from that of init.
    pub(crate) fn rebases_clock(&self) -> bool {
        self.rebase_clock.unwrap_or(self.at.is_some())
    }

    /// The cache, unless the guest could put code there.
    fn safe_compile_cache(&self) -> Option<&CompileCache> {
        #[cfg(feature = "cache")]
        let cache = self.compile_cache.as_ref();
        #[cfg(not(feature = "cache"))]
        let cache: Option<&CompileCache> = None;
        cache.filter(|cache| !cache.is_in_reach_of(self.writable_directories()))
    }

    /// Prepared code, unless the guest could change it where it is unpacked.
    #[cfg(feature = "cache")]
    fn safe_prepared(&self) -> Option<&PreparedCode> {
        self.prepared.as_ref().filter(|code| !code.is_in_reach_of(self.writable_directories()))
    }

    /// How these options compile.
    pub(crate) fn compilation(&self) -> Compilation<'_> {
        Compilation {
            optimize: self.optimize,
            cache: self.safe_compile_cache(),
            #[cfg(feature = "cache")]
            prepared: self.safe_prepared(),
            #[cfg(not(feature = "cache"))]
            prepared: None,
            supervised: self.supervised,
        }
    }

    /// What these options run.
    pub(crate) fn execution<'e>(
        &'e self,
        module: &'e Module<'e>,
        probed: &'e Probed,
        hooks: &'e [Hook],
    ) -> Execution<'e> {
        Execution {
            module,
            probed,
            init_names: InitNames { named: &self.init_functions, default: &self.default_init_functions },
            init_result: self.init_result,
            on_init: self.on_init.as_ref(),
            hooks,
            host: &self.host,
            limits: &self.limits,
            compilation: self.compilation(),
        }
    }

    /// The module, if these options accept it.
    pub(crate) fn parse<'a>(&self, wasm: &'a [u8]) -> Result<Module<'a>, ModuleError> {
        let module = Module::parse(wasm)?;
        if self.default_proposals {
            module.check_features(engine::default_features())?;
        }
        Ok(module)
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        if let Some(conflict) = rename_conflict(&self.renames) {
            return Err(OptionsError::Renames(conflict));
        }
        match &self.at {
            Some(_) if self.zero_stack => Err(OptionsError::ClearsStackInUse),
            Some(_) if self.scrub || !self.before_capture.is_empty() => Err(OptionsError::CallsIntoFrozen),
            _ => Ok(()),
        }
    }
}
