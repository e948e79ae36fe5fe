#[cfg(feature = "cache")]
use crate::cache::{Fit, PreparedCode};
use crate::component;
#[cfg(feature = "cache")]
use crate::engine::{self, EngineOptions};
use crate::error::Error;
#[cfg(feature = "cache")]
use crate::execute::ExecuteError;
use crate::host::Ledger;
use crate::options::Options;
use crate::output::Output;
use crate::pipeline::{Ready, SharedCode};
use crate::preinit::Preinit;
use crate::stage_clock::StageClock;
use preinit_core::component::is_component;
#[cfg(feature = "cache")]
use sha2::{Digest, Sha256};

/// A module that is read, made ready and compiled once, for many snapshots of it.
///
/// Runs may have other arguments, variables, files, init functions and layouts each, and may be made from several threads at
/// once. Their outputs are those of single runs.
///
/// ```
/// use preinit::{Options, Preinit};
///
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (global $answer (mut i32) (i32.const 0))
///     (func (export "set") (param i32) (global.set $answer (local.get 0)))
///     (func (export "answer") (result i32) (global.get $answer)))"#)?;
/// let prepared = Preinit::new().prepare(&wasm)?;
/// let outputs: Vec<Vec<u8>> = std::thread::scope(|scope| {
///     let threads: Vec<_> = (0..4).map(|k| {
///         let prepared = &prepared;
///         scope.spawn(move || {
///             let options = Options { init_functions: vec![format!("set({k})")], ..prepared.options().clone() };
///             prepared.run(&options).map(|output| output.wasm)
///         })
///     }).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<_, _>>()
/// })?;
/// assert_eq!(outputs[3], Preinit::new().init_function("set(3)").run(&wasm)?.wasm);
/// assert_ne!(outputs[3], outputs[2]);
/// # Ok::<(), preinit::Error>(())
/// ```
pub struct Prepared<'w> {
    wasm: &'w [u8],
    options: Options,
    /// `None` for a component, which every run compiles.
    shared: Option<(Ready<'w>, SharedCode)>,
}

impl Preinit {
    /// Makes `wasm` ready for many runs. With the options of this builder, or others that need the same code, they are as
    /// fast as they can be. No example: that of [`Prepared`] has one.
    ///
    /// # Errors
    /// If the module is none, or cannot be compiled.
    pub fn prepare<'w>(&self, wasm: &'w [u8]) -> Result<Prepared<'w>, Error> {
        let options = self.options().clone();
        let shared = match is_component(wasm) {
            true => None,
            false => {
                let ready = Ready::new(&options, wasm)?;
                let code = ready.compile(&options)?;
                Some((ready, code))
            }
        };
        Ok(Prepared { wasm, options, shared })
    }
}

#[cfg(feature = "cache")]
impl Preinit {
    /// Optimized code of `wasm` for runs with these options, as a file for [`PreparedCode::open`]. No example: that of
    /// [`PreparedCode`] has one.
    ///
    /// # Errors
    /// If the module is none, or cannot be compiled.
    pub fn prepare_code(&self, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        let code = PreparedCode::empty()?;
        let mut options = self.options().clone();
        options.optimize = Some(true);
        options.compile_cache = Some(code.cache().clone());
        let ready = Ready::new(&options, wasm)?;
        ready.compile(&options)?;
        Ok(code.pack(&fit(wasm, &engine(wasm)?))?)
    }
}

#[cfg(feature = "cache")]
impl PreparedCode {
    /// Takes the code out of a file, for runs of the module `wasm`.
    ///
    /// # Errors
    /// If the file is damaged, or was made of another module, by another version or for another processor.
    pub fn open(file: &[u8], wasm: &[u8]) -> Result<PreparedCode, Error> {
        Ok(PreparedCode::unpack(file, &fit(wasm, &engine(wasm)?))?)
    }
}

#[cfg(feature = "cache")]
fn fit<'f>(wasm: &[u8], engine: &'f str) -> Fit<'f> {
    Fit { engine, module: Sha256::digest(wasm).into() }
}

/// What code is compiled for here.
#[cfg(feature = "cache")]
fn engine(wasm: &[u8]) -> Result<String, Error> {
    let options = EngineOptions { optimize: true, ..EngineOptions::default() };
    Ok(engine::fingerprint(wasm, options).map_err(ExecuteError::Compile)?)
}

impl Prepared<'_> {
    /// The options that it was prepared with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Runs init with these options, and writes the state that it leaves into a new module.
    ///
    /// # Errors
    /// Those of [`Preinit::run`].
    pub fn run(&self, options: &Options) -> Result<Output, Error> {
        self.run_recorded(options, &mut Ledger::default())
    }

    /// Like [`Prepared::run`], and leaves the record of init's host calls in `ledger` even if there is no snapshot. No example:
    /// [`Preinit::run_recorded`] does the same.
    ///
    /// # Errors
    /// Those of [`Preinit::run`].
    pub fn run_recorded(&self, options: &Options, ledger: &mut Ledger) -> Result<Output, Error> {
        let run = || {
            let clock = StageClock::start();
            options.check()?;
            match &self.shared {
                None => component::run(options, self.wasm, ledger),
                // Other functions of the module have to be called then, or more has to be known of its run.
                Some(_)
                    if options.reset_libc != self.options.reset_libc
                        || options.scrub != self.options.scrub
                        || options.zero_stack != self.options.zero_stack
                        || options.before_capture != self.options.before_capture =>
                {
                    Ready::new(options, self.wasm)?.run(options, (None, clock), ledger)
                }
                Some((ready, code)) => {
                    if options.default_proposals && !self.options.default_proposals {
                        options.parse(self.wasm)?;
                    }
                    ready.run(options, (Some(code), clock), ledger)
                }
            }
        };
        crate::engine::on_guest_thread(run).unwrap_or_else(|error| Err(Error::Thread(error)))
    }
}
