//! The way of a component through the stages. It runs as it is, with probed core modules in it; each core instance is captured,
//! planned and encoded by itself, and the core modules are put back.

pub(crate) mod adapter;
mod cleaning;
mod clock;
mod error;
pub(crate) mod execution;
mod findings;
mod foreign;
mod freezing;
mod handles;
mod held_handles;
pub(crate) mod init_call;
mod lack;
pub(crate) mod part;
mod prepared;
#[cfg(feature = "verify")]
mod remade;
mod report;
mod states;
mod stripping;
pub(crate) mod tables;
mod task_limit;
#[cfg(feature = "component-calls")]
mod tasks;

pub use error::{ComponentRunError, LiveHandles};
pub(crate) use execution::{bell, live_handles};
#[cfg(feature = "audit")]
pub(crate) use handles::Handles;
pub use handles::HandlesReport;
#[cfg(feature = "verify")]
pub(crate) use held_handles::TAKEN;
pub(crate) use init_call::{COMPONENT_INIT, OF_INSTANCE, is_run};
pub use lack::Lack;
pub(crate) use prepared::Prepared;
#[cfg(feature = "verify")]
pub(crate) use remade::{Remade, remade};
pub use report::CoreInstanceReport;

use crate::engine::CompiledComponent;
use crate::error::Error;
use crate::execute::InitStage;
#[cfg(feature = "verify")]
use crate::host::ComponentHost;
use crate::host::Ledger;
use crate::options::Options;
use crate::output::Output;
use crate::report::{Report, Timings};
use crate::stage_clock::StageClock;
use crate::warning::Warning;
use preinit_core::component::{with_renamed_exports, without_export, without_imports};
use states::States;
pub(crate) use states::{Encoded, is_stateless};
use stripping::StrippedComponent;
#[cfg(feature = "verify")]
use wasmtime::Store;

/// Runs the component `wasm` through all stages.
/// What init called is in `recorded` even if there is no snapshot.
pub(crate) fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
    options.check()?;
    let output = snapshot(options, wasm, recorded)?;
    let report = if options.strict { output.report.without_warnings()? } else { output.report };
    Ok(Output { report, ..output })
}

fn snapshot(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, ComponentRunError> {
    let mut clock = StageClock::start();
    let mut timings = Timings::default();
    with_states(options, wasm, recorded, (&mut clock, &mut timings), |run| {
        let (encoded, mut summary) =
            run.state.encoded(options.layout, run.executed, (run.clock, run.timings))?;
        let must_shift = options.rebase_clock == Some(true);
        let mut wasm_after = clock::shifted(run.put_back(&encoded)?, must_shift, &mut summary)?;
        if !options.keep_init_functions {
            wasm_after = run.without_init(wasm_after)?;
        }
        let mut stripped = None;
        if options.strip_init {
            let without = StrippedComponent::of(&wasm_after)?;
            summary.warnings.extend(without.warning());
            (wasm_after, stripped) = (without.wasm, Some(without.report));
        }
        wasm_after = edited(wasm_after, options)?;
        let Run { state, executed, clock, timings, .. } = run;
        timings.encode += clock.lap();

        summary
            .warnings
            .extend(report::useless_renames(options, &state.prepared.component).map(Warning::Output));
        summary.warnings.extend(executed.ledger.warnings(&options.host.policies));
        let host = executed.store.data();
        let (stdout, stderr) = (host.stdout(), host.stderr());
        let report = summary.report(
            (executed, state.prepared.tier),
            (wasm.len(), wasm_after.len()),
            Timings { total: clock.total(), ..*timings },
        );
        let report = Report { stripped, ..report };
        let wanted_code = state.prepared.wanted_code(executed.run_time);
        let ledger = std::mem::take(&mut executed.ledger);
        Ok(Output { wasm: wasm_after, report, ledger, maps: Vec::new(), stdout, stderr, wanted_code })
    })
}

/// The component with the changes of its interface that were asked for.
fn edited(wasm: Vec<u8>, options: &Options) -> Result<Vec<u8>, ComponentRunError> {
    let wasm = with_renamed_exports(&wasm, &options.renames)?;
    Ok(without_imports(&wasm, &options.cut_imports)?)
}

/// A component whose init has run.
pub(crate) struct Run<'r, 'a> {
    pub state: States<'r, 'a>,
    pub executed: &'r mut execution::Executed,
    pub(super) compiled: &'r CompiledComponent,
    pub(super) clock: &'r mut StageClock,
    pub(super) timings: &'r mut Timings,
}

impl Run<'_, '_> {
    /// All core instances, and the store that they are in.
    #[cfg(feature = "verify")]
    pub fn places(&mut self) -> (&[part::Place<'_>], &mut Store<ComponentHost>) {
        (self.state.places, &mut self.executed.store)
    }

    /// The component in which core instances begin like this.
    fn put_back(&self, encoded: &Encoded) -> Result<Vec<u8>, ComponentRunError> {
        Ok(self.state.prepared.component.with_last_modules(&encoded.modules, &encoded.last)?)
    }

    /// The component without the exports that it has for init alone, unless they get other names.
    fn without_init(&self, mut wasm: Vec<u8>) -> Result<Vec<u8>, ComponentRunError> {
        let resumes = self.executed.in_progress();
        for export in init_call::only_for_init((self.executed.consumed(), resumes), self.compiled) {
            if !self.state.options.renames.iter().any(|rename| rename.src == export) {
                wasm = without_export(&wasm, &export)?;
            }
        }
        Ok(wasm)
    }
}

/// Runs init, and hands over what it left.
fn with_states<R>(
    options: &Options,
    wasm: &[u8],
    recorded: &mut Ledger,
    (clock, timings): (&mut StageClock, &mut Timings),
    hand_over: impl FnOnce(Run<'_, '_>) -> Result<R, ComponentRunError>,
) -> Result<R, ComponentRunError> {
    let prepared = Prepared::new(options, wasm)?;
    timings.parse = clock.lap() - prepared.compile_time.as_secs_f64();
    if let Some(hook) = &options.on_init {
        hook.call(InitStage::Begins { interruptible: true });
    }
    prepared.run(options, recorded, (clock, timings), hand_over)
}
