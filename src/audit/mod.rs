//! What of the build machine a snapshot freezes, and where: init runs again with other random numbers, times, environment
//! variables, arguments and input, and whatever moves depends on them. The further runs are answered from the record of
//! the first and touch nothing outside.

mod brief;
mod bytes;
mod code;
mod codes;
mod constructors;
mod course;
mod difference;
mod dwarf;
mod finding;
mod handles;
mod layout;
mod libc;
mod map;
mod page;
mod pointers;
mod run;
mod scene;
mod secrets;
mod source;
mod stdio;
mod symbols;
mod taint;
mod text;
mod weight;

pub use brief::brief;
pub use finding::{Finding, Level, Place, Site};
pub use layout::{StackKept, zero_stack};
pub use libc::ResetHooks;
pub use map::{MemoryMap, maps};
pub use page::{refusal_page, run_page};
pub use source::OTHER_SEED;
pub use taint::Varied;
pub use weight::{Share, Weight};

use crate::capture::capture;
use crate::engine;
use crate::error::Error;
use crate::execute::{Compilation, Execution, Hook, REACTOR_INITIALIZE};
use crate::host::{Clock, HostOptions, Ledger, Limits, Random, WasiOptions};
use crate::options::Options;
use crate::report::seconds;
use code::Code;
use course::{Course, Ended};
use layout::Layout;
use libc::Libc;
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};
use run::Rerun;
use scene::Scene;
use serde::Serialize;
use source::Source;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use symbols::Symbols;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// Everything that was found, worst first.
    pub findings: Vec<Finding>,
    /// Each source that init asked for, and what depends on it.
    pub varied: Vec<Varied>,
    /// What was not looked at, and why.
    pub not_covered: Vec<String>,
    /// Where the bytes are.
    pub weight: Vec<Weight>,
    /// Host calls of the first run.
    pub host_calls: usize,
    /// How often init ran.
    pub runs: usize,
    /// Seconds by stage.
    pub timings: Timings,
    /// The memories, for a picture.
    #[serde(skip)]
    pub maps: Vec<MemoryMap>,
    /// Every host call of the first run.
    #[serde(skip)]
    pub ledger: Ledger,
    /// What the first run wrote to standard output, if that is captured.
    #[serde(skip)]
    pub stdout: Vec<u8>,
}

/// Seconds by stage of an audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Parsing and validating.
    pub parse: f64,
    /// Compiling, once for all runs.
    pub compile: f64,
    /// The first run of init.
    pub init: f64,
    /// Reading the state after it.
    pub capture: f64,
    /// All other runs, and comparing what they leave.
    pub reruns: f64,
    /// Naming and searching.
    pub search: f64,
    /// The whole.
    pub total: f64,
}

impl Audit {
    /// Findings of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether nothing was found but what is good to know.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.level == Level::Note)
    }

    /// A self-contained page of HTML about the audit of `input`.
    pub fn page(&self, input: &str) -> String {
        page::audit_page(input, self)
    }

    /// The findings as text, worst first; everything if `verbose`, otherwise at most a screen.
    pub fn text(&self, verbose: bool) -> String {
        text::text(self, verbose)
    }
}

/// Audits what a snapshot of `wasm` with these options would freeze. No snapshot is made.
///
/// Init runs once for real, with a seeded generator in the place of the operating system's and clocks that stand at the
/// present in the place of real ones. All further runs are answered from the record of that.
///
/// # Errors
/// As of [`crate::Preinit::run`], if init cannot be run to its end.
pub fn audit(wasm: &[u8], options: &Options) -> Result<Audit, Error> {
    engine::on_guest_thread(|| run(wasm, options)).unwrap_or_else(|error| Err(Error::Thread(error)))
}

fn run(wasm: &[u8], options: &Options) -> Result<Audit, Error> {
    let started = Instant::now();
    let module = Module::parse(wasm)?;
    let mut timings = Timings { parse: seconds(started.elapsed()), ..Timings::default() };
    let code = Code::of(&module);
    let libc = Libc::of(&module, &code);
    let hooks = if options.reset_libc { ResetHooks::of(&module) } else { ResetHooks::default() };
    let functions = libc.functions().chain(hooks.functions.iter().map(|(index, _)| *index));
    let probed = Probed::exporting(&module, functions)?;
    let compiling = Instant::now();
    let host = repeatable(&options.host);
    let hook = |(index, name): &(u32, &str)| Hook {
        export: probed.export_name(Probe::Function(*index)),
        name: name.to_string(),
    };
    let hooks: Vec<Hook> = hooks.functions.iter().map(hook).collect();
    let execution = Execution {
        module: &module,
        probed: &probed,
        init_functions: &options.init_functions,
        hooks: &hooks,
        host: &host,
        limits: &options.limits,
        compilation: Compilation { optimize: options.optimize, cache: options.safe_compile_cache() },
    };
    let course = Course::new(options, execution)?;
    timings.compile = seconds(compiling.elapsed());
    let limits = &options.limits;
    let Ended { mut initialized, in_progress } = course.run(&host, limits)?;
    let ledger = Arc::new(initialized.store.data_mut().take_ledger());
    let stdout = initialized.store.data().stdout().to_vec();
    let initialized_in = initialized.run_time;
    timings.init = seconds(initialized_in);
    let capturing = Instant::now();
    let mut instance = initialized.reader();
    let snapshot = capture(&module, &probed, &mut instance)?;
    timings.capture = seconds(capturing.elapsed());

    let symbols = Symbols::of(&module);
    let layout = Layout::of(&module, &code, &snapshot, symbols.end_of_variables());
    let scene = Scene::new(&module, &snapshot, &ledger, &symbols, &layout);
    let wasi = host.wasi.clone().unwrap_or_default();
    let mut audit = Audit {
        findings: Vec::new(),
        varied: Vec::new(),
        not_covered: Vec::new(),
        weight: weight::weigh(&scene),
        host_calls: ledger.len(),
        runs: 1,
        timings: Timings::default(),
        maps: Vec::new(),
        ledger: Ledger::clone(&ledger),
        stdout,
    };
    let patience = initialized_in * 10 + Duration::from_secs(10);
    let rerun_limits = Limits { timeout: limits.timeout.map(|limit| limit.min(patience)), ..*limits };
    let rerun = Rerun {
        course: &course,
        host: &host,
        limits: &rerun_limits,
        ledger: Arc::clone(&ledger),
        in_progress: &in_progress,
        runs: AtomicUsize::new(0),
    };
    let rerunning = Instant::now();
    let mut asked = None;
    let mut variations = Vec::new();
    if ledger.unrecorded().is_empty() {
        let sources = Source::asked_for(&wasi, &ledger);
        let (varied, answers) = rayon::join(
            || rerun.variations(&snapshot, &sources),
            || engine::on_guest_thread(|| libc::ask(&rerun, &snapshot, &libc)),
        );
        variations = varied?;
        asked = Some(answers.unwrap_or_else(|error| Err(Error::Thread(error)))?);
    } else {
        let names: Vec<String> = ledger.unrecorded().iter().map(|import| format!("`{import}`")).collect();
        audit.not_covered.push(format!(
            "what depends on which source: init would have to run again, and calls of {}, which come from a linker, \
             cannot be answered from a record",
            names.join(", ")
        ));
    }
    audit.runs += rerun.runs.into_inner();
    timings.reruns = seconds(rerunning.elapsed());
    let searched = secrets::search(&scene, &wasi, &variations);
    audit.varied.extend(variations.iter().map(|variation| taint::varied(variation, &wasi)));
    audit.findings.extend(taint::findings(&scene, &variations, &wasi, &searched.told));
    audit.findings.extend(searched.findings);
    if searched.too_short > 0 {
        audit.not_covered.push(format!(
            "{} shorter than 8 bytes, which {} not searched for",
            if searched.too_short == 1 {
                "1 value".to_string()
            } else {
                format!("{} values", searched.too_short)
            },
            if searched.too_short == 1 { "is" } else { "are" },
        ));
    }
    if !in_progress.is_empty() {
        audit.not_covered.push(format!(
            "what the locals of the {} in progress depend on; all that they point to was compared",
            if in_progress.len() == 1 { "call".to_string() } else { format!("{} calls", in_progress.len()) }
        ));
    }
    audit.findings.extend(handles::findings(&scene, &wasi, asked.as_ref()));
    if let Some(asked) = &asked {
        // What is frozen resumes, and does not begin again.
        let gone = if options.keep_init_functions && options.at.is_none() { &[] } else { course.calls() };
        let removed = |name: &str| {
            let replaced = options.renames.iter().any(|rename| rename.dst == name);
            replaced || name == REACTOR_INITIALIZE || gone.iter().any(|init| init == name)
        };
        audit.findings.extend(constructors::findings(&scene, &code, &libc, asked, course.calls(), removed));
        if !asked.unstable.is_empty() {
            let places = scene.places(&asked.unstable, |_| false);
            let title = "init does not end the same when it is repeated with the same answers";
            audit.findings.push(Finding::new(Level::Warning, "unstable", title).at(places));
        }
    }
    audit.findings.extend(free_stack(&scene, &audit.weight));
    audit.findings.sort_by_key(|finding| finding.level);
    audit.maps = map::of(&scene, &audit.varied);
    timings.total = seconds(started.elapsed());
    let others = timings.parse + timings.compile + timings.init + timings.capture + timings.reruns;
    timings.search = (timings.total - others).max(0.0);
    audit.timings = timings;
    Ok(audit)
}

/// The same host, with sources that can be repeated.
fn repeatable(host: &HostOptions) -> HostOptions {
    let mut host =
        HostOptions { ledger_backtraces: true, replay: None, replay_outside_only: false, ..host.clone() };
    if let Some(WasiOptions { clock, random, .. }) = &mut host.wasi {
        if *clock == Clock::Real {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            *clock = Clock::Fixed(u64::try_from(now.as_nanos()).unwrap_or(Clock::DEFAULT_START));
        }
        if *random == Random::Os {
            *random = Random::Module;
        }
    }
    host
}

fn free_stack(scene: &Scene<'_>, weight: &[Weight]) -> Option<Finding> {
    let bytes = weight.first()?.free_stack;
    let stack = scene.layout.stack.as_ref()?;
    let free = stack.free();
    if bytes == 0 {
        return None;
    }
    let title =
        format!("{} of what functions have left on the free stack are in the output", text::bytes(bytes));
    let advice = match (stack.now == stack.top, stack.first) {
        (true, true) => "--zero-stack clears them".to_string(),
        (false, _) => "they stay: the stack pointer is not back where it began".to_string(),
        (true, false) => {
            "they stay: static data may lie below the stack; linked with -Wl,--stack-first they could go by --zero-stack".to_string()
        }
    };
    let place = scene.place(0, free.start, free.end - free.start);
    Some(Finding::new(Level::Note, "weight.free_stack", title).at(vec![place]).advise(advice))
}
