//! A component that is taken apart and compiled.

use super::cleaning::reset_libc;
use super::freezing::Stopping;
use super::lack::Lack;
use super::part::{self, Part, RunningCode};
use super::states::States;
use super::{ComponentRunError, Run, execution};
use crate::engine::{self, CompiledComponent, ComponentKind, EngineOptions};
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
        let parts =
            part::parts(&component, &instances, (&probe, options.default_proposals, options.reset_libc))?;
        let stopping = match &options.at {
            Some(_) if component.is_concurrent()? => {
                return Err(ComponentRunError::Option("freezing asynchronous functions"));
            }
            Some(trigger) => Some(Stopping::new(trigger, (&component, &instances, &parts), options)?),
            None => None,
        };
        let compiling = Instant::now();
        let compiled =
            compile((&component, &parts), options, stopping.as_ref().map(|stopping| stopping.replaced()))?;
        let compile_time = compiling.elapsed();
        let digest = Sha256::digest(wasm).into();
        Ok(Prepared { component, instances, parts, stopping, compiled, compile_time, digest })
    }

    /// Compiles the probed form with another core module in the place of one.
    pub(super) fn compile(
        &self,
        options: &Options,
        replaced: (usize, &[u8]),
    ) -> Result<CompiledComponent, ComponentRunError> {
        compile((&self.component, &self.parts), options, Some(replaced))
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
        compile_probed((&self.component, &self.parts), options, &probed)
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
        hand_over(Run { state, executed: &mut executed, compiled, clock, timings })
    }

    /// The module of a core instance.
    #[cfg(feature = "audit")]
    pub fn module(&self, instance: &CoreInstance) -> Option<&Module<'a>> {
        Some(&self.parts.get(instance.module)?.as_ref()?.module)
    }
}

/// Compiles the probed form of a component, with another core module in the place of one if one is given.
fn compile(
    (component, parts): (&Component<'_>, &[Option<Part<'_>>]),
    options: &Options,
    replaced: Option<(usize, &[u8])>,
) -> Result<CompiledComponent, ComponentRunError> {
    compile_probed((component, parts), options, &part::probed(component, parts, replaced))
}

fn compile_probed(
    (component, parts): (&Component<'_>, &[Option<Part<'_>>]),
    options: &Options,
    probed: &[u8],
) -> Result<CompiledComponent, ComponentRunError> {
    let modules = parts.iter().flatten().map(|part| part.module.bytes);
    let engine_options = EngineOptions {
        optimize: options.optimize == Some(true),
        fuel: options.limits.fuel.is_some(),
        epochs: options.limits.timeout.is_some(),
    };
    let kind = ComponentKind { is_concurrent: component.is_concurrent()?, is_traced: options.at.is_some() };
    engine::compile_component(probed, modules, (engine_options, kind), options.safe_compile_cache())
        .map_err(ComponentRunError::Compile)
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
