//! A component that is taken apart and compiled.

use super::cleaning::reset_libc;
use super::freezing::Stopping;
use super::lack::Lack;
use super::part::{self, Part, Probing, RunningCode};
use super::states::States;
use super::{ComponentRunError, Run, execution};
use crate::engine::{
    self, CompiledComponent, ComponentKind, EngineOptions, MissingCode, TierReason, TieredComponent,
    WantedCode,
};
use crate::freeze::FrameReader;
use crate::host::Ledger;
use crate::options::Options;
use crate::report::Timings;
use crate::stage_clock::StageClock;
use preinit_core::component::{Component, CoreInstance};
#[cfg(feature = "audit")]
use preinit_core::module::Module;
use preinit_core::probe::ProbeOptions;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// A component that is compiled, and can run any number of times.
pub(crate) struct Prepared<'a> {
    pub component: Component<'a>,
    pub instances: Vec<CoreInstance>,
    pub(super) parts: Vec<Option<Part<'a>>>,
    /// Where it is stopped, if it is to be frozen.
    pub(super) stopping: Option<Stopping>,
    compiled: CompiledComponent,
    pub tier: TierReason,
    /// Optimized code that is not in the cache, and the component that it would be made of.
    missing: Option<(MissingCode, Vec<u8>)>,
    pub compile_time: Duration,
    pub(super) digest: [u8; 32],
}

impl<'a> Prepared<'a> {
    /// Takes a component apart, and compiles its probed form.
    pub fn new(options: &Options, wasm: &'a [u8]) -> Result<Prepared<'a>, ComponentRunError> {
        if let Some(lack) = unsupported(options) {
            return Err(ComponentRunError::Lacks(lack));
        }
        let component = Component::parse(wasm)?;
        if component.uses_backpressure()? {
            return Err(ComponentRunError::Backpressure);
        }
        let instances = component.elaborate()?;
        if options.default_proposals {
            part::check_proposals(wasm)?;
        }
        let probe = ProbeOptions { leaves_nothing_to_host: true, ..engine::probe_options() };
        let probing = Probing {
            options: &probe,
            default_proposals: options.default_proposals,
            reset_libc: options.reset_libc,
            lowest_stack: options.zero_stack,
        };
        let parts = part::parts(&component, &instances, &probing)?;
        part::check_instances(&parts, &instances, &options.limits)?;
        let stopping = match &options.at {
            Some(_) if component.is_concurrent()? => {
                return Err(ComponentRunError::Option("freezing asynchronous functions"));
            }
            Some(trigger) => Some(Stopping::new(trigger, (&component, &instances, &parts), options)?),
            None => None,
        };
        let compiling = Instant::now();
        let replaced = stopping.as_ref().map(|stopping| stopping.replaced());
        let probed = part::probed(&component, &parts, replaced);
        let TieredComponent { compiled, reason: tier, missing } =
            compile_probed(&component, options, &probed)?;
        let compile_time = compiling.elapsed();
        let missing = missing.map(|missing| (missing, probed));
        let digest = Sha256::digest(wasm).into();
        Ok(Prepared { component, instances, parts, stopping, compiled, tier, missing, compile_time, digest })
    }

    /// What further runs would gain from, if it is worth its cost.
    pub(super) fn wanted_code(&self, init: Duration) -> Option<WantedCode> {
        let (missing, probed) = self.missing.as_ref()?;
        missing.clone().wanted(init, probed)
    }

    /// Compiles the probed form with another core module in the place of one.
    pub(super) fn compile(
        &self,
        options: &Options,
        replaced: (usize, &[u8]),
    ) -> Result<CompiledComponent, ComponentRunError> {
        let probed = part::probed(&self.component, &self.parts, Some(replaced));
        Ok(compile_probed(&self.component, options, &probed)?.compiled)
    }

    /// Compiles the probed form in which each component instance has `count` handles before it takes any, with another core module
    /// in the place of one if one is given.
    pub(super) fn compile_with_taken_handles(
        &self,
        options: &Options,
        replaced: Option<(usize, &[u8])>,
        count: u32,
    ) -> Result<CompiledComponent, ComponentRunError> {
        let replaced = replaced.or_else(|| self.stopping.as_ref().map(|stopping| stopping.replaced()));
        let modules = part::probed_modules(&self.parts, replaced);
        let probed = self.component.with_taken_handles(&modules, count)?;
        Ok(compile_probed(&self.component, options, &probed)?.compiled)
    }

    /// What runs.
    pub(super) fn code(&self) -> RunningCode<'_> {
        let replaced = self.stopping.as_ref().map(Stopping::replaced);
        RunningCode { parts: &self.parts, replaced }
    }

    /// Runs init, and hands over what it left.
    pub fn run<R>(
        &self,
        options: &Options,
        recorded: &mut Ledger,
        (clock, timings): (&mut StageClock, &mut Timings),
        hand_over: impl FnOnce(Run<'_, '_>) -> Result<R, ComponentRunError>,
    ) -> Result<R, ComponentRunError> {
        let Prepared { instances, parts, compiled, .. } = self;
        let mut executed = execution::execute(options, (self, compiled), recorded)?;
        clock.lap();
        let places = part::places(parts, instances, &executed.instances, &mut executed.store)?;
        if options.reset_libc {
            reset_libc(options, (self, &places), &mut executed)?;
        }
        let state = States { options, prepared: self, places: &places };
        let closed = state.closed_descriptors(&mut executed.store);
        recorded.closed_by_adapters.clone_from(&closed);
        executed.ledger.closed_by_adapters = closed;
        hand_over(Run { state, executed: &mut executed, compiled, clock, timings })
    }

    /// The module of a core instance.
    #[cfg(feature = "audit")]
    pub fn module(&self, instance: &CoreInstance) -> Option<&Module<'a>> {
        Some(&self.parts.get(instance.module)?.as_ref()?.module)
    }
}

/// Compiles the probed form of a component.
fn compile_probed(
    component: &Component<'_>,
    options: &Options,
    probed: &[u8],
) -> Result<TieredComponent, ComponentRunError> {
    let engine_options = EngineOptions {
        optimize: false,
        fuel: options.limits.fuel.is_some(),
        epochs: options.limits.timeout.is_some(),
        beyond_winch: false,
    };
    let kind = ComponentKind { is_concurrent: component.is_concurrent()?, is_traced: options.at.is_some() };
    let choice = options.compilation();
    engine::compile_component(probed, (engine_options, kind), choice).map_err(ComponentRunError::Compile)
}

/// The first option that components do not have.
fn unsupported(options: &Options) -> Option<Lack> {
    let chosen = [
        (options.frames == FrameReader::Inspect, Lack::InspectedFrames),
        (options.internalize, Lack::Internalize),
        (options.fresh_imports, Lack::FreshImports),
        (options.scrub, Lack::Scrub),
        (!options.before_capture.is_empty(), Lack::BeforeCapture),
        (options.reset_libc && options.at.is_some(), Lack::ResetAtPlace),
        (!options.host.preloads.is_empty(), Lack::Preloads),
        (options.host.linker.is_some(), Lack::Linker),
    ];
    chosen.iter().find(|(is_chosen, _)| *is_chosen).map(|(_, lack)| *lack)
}
