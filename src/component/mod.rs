//! The way of a component through the stages. It runs as it is, with probed core modules in it; each core instance is captured,
//! planned and encoded by itself, and the core modules are put back.

pub(crate) mod adapter;
mod error;
pub(crate) mod execution;
mod findings;
mod foreign;
pub(crate) mod init_call;
pub(crate) mod part;
#[cfg(feature = "verify")]
mod remade;
mod report;
mod stripping;
pub(crate) mod tables;

pub use error::{ComponentRunError, LiveHandles};
pub(crate) use execution::{bell, live_handles};
#[cfg(feature = "verify")]
pub(crate) use remade::{Remade, remade};
pub use report::CoreInstanceReport;

use crate::engine;
use crate::error::Error;
use crate::execute::InitStage;
use crate::host::{ComponentHost, Ledger, lacking};
use crate::options::Options;
use crate::preinit::Output;
use crate::report::{Report, Timings};
use crate::stage_clock::StageClock;
use crate::warning::Warning;
use adapter::{Adapter, can_take_handles, keeps_no_handles};
use foreign::Foreign;
use part::{Part, Place, name};
use preinit_core::capture::capture;
use preinit_core::component::{
    Component, CoreInstance, LastModule, with_renamed_exports, without_export, without_imports,
};
use preinit_core::encode::encode;
use preinit_core::layout::Layout;
#[cfg(feature = "audit")]
use preinit_core::module::Module;
use preinit_core::plan::{Plan, PlanOptions, plan};
use preinit_core::probe::ProbeOptions;
use preinit_core::snapshot::Snapshot;
use report::Summary;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use stripping::StrippedComponent;
use wasmtime::Store;

/// Runs the component `wasm` through all stages.
/// What init called is in `recorded` even if there is no snapshot.
pub(crate) fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
    options.check()?;
    let output = snapshot(options, wasm, recorded)?;
    let Report { warnings, findings, .. } = &output.report;
    match options.strict && !(warnings.is_empty() && findings.is_empty()) {
        true => Err(Error::Strict { warnings: output.report.warnings, findings: output.report.findings }),
        false => Ok(output),
    }
}

fn snapshot(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, ComponentRunError> {
    let mut clock = StageClock::start();
    let mut timings = Timings::default();
    with_states(options, wasm, recorded, (&mut clock, &mut timings), |run| {
        let (encoded, mut summary) =
            run.state.encoded(options.layout, run.executed, (run.clock, run.timings))?;
        let mut wasm_after = run.put_back(&encoded)?;
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

        summary.warnings.extend(report::useless_renames(options, state.component).map(Warning::Output));
        summary.warnings.extend(executed.ledger.warnings(&options.host.policies));
        let host = executed.store.data();
        let (stdout, stderr) = (host.stdout(), host.stderr());
        let report = summary.report(
            executed,
            (wasm.len(), wasm_after.len()),
            Timings { total: clock.total(), ..*timings },
        );
        let report = Report { stripped, ..report };
        let ledger = std::mem::take(&mut executed.ledger);
        Ok(Output { wasm: wasm_after, report, ledger, maps: Vec::new(), stdout, stderr, wanted_code: None })
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
    compiled: &'r engine::CompiledComponent,
    clock: &'r mut StageClock,
    timings: &'r mut Timings,
}

impl Run<'_, '_> {
    /// The component in which core instances begin like this.
    fn put_back(&self, encoded: &Encoded) -> Result<Vec<u8>, ComponentRunError> {
        Ok(self.state.component.with_last_modules(&encoded.modules, &encoded.last)?)
    }

    /// The component without the exports that it has for init alone, unless they get other names.
    fn without_init(&self, mut wasm: Vec<u8>) -> Result<Vec<u8>, ComponentRunError> {
        for export in init_call::only_for_init(&self.executed.called, self.compiled) {
            if !self.state.options.renames.iter().any(|rename| rename.src == export) {
                wasm = without_export(&wasm, &export)?;
            }
        }
        Ok(wasm)
    }
}

/// What core instances begin as.
pub(crate) struct Encoded {
    /// In the order of instantiation.
    pub modules: Vec<Vec<u8>>,
    /// The modules that write what owners have no name for.
    last: Vec<LastModule>,
}

impl Encoded {
    /// Whether functions of other core instances are in tables or globals.
    #[cfg(feature = "verify")]
    pub fn has_last_modules(&self) -> bool {
        !self.last.is_empty()
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

/// A component that is compiled, and can run any number of times.
pub(crate) struct Prepared<'a> {
    pub component: Component<'a>,
    pub instances: Vec<CoreInstance>,
    parts: Vec<Option<Part<'a>>>,
    compiled: engine::CompiledComponent,
    pub compile_time: Duration,
    digest: [u8; 32],
}

impl<'a> Prepared<'a> {
    /// Takes a component apart, and compiles its probed form.
    pub fn new(options: &Options, wasm: &'a [u8]) -> Result<Prepared<'a>, ComponentRunError> {
        if let Some(option) = unsupported(options) {
            return Err(ComponentRunError::Option(option));
        }
        let component = Component::parse(wasm)?;
        let instances = component.elaborate()?;
        let probe = ProbeOptions { leaves_nothing_to_host: true, ..engine::probe_options() };
        let parts = part::parts(&component, &instances, (&probe, options.default_proposals))?;
        let probed = part::probed(&component, &parts);
        let compiling = Instant::now();
        let modules = parts.iter().flatten().map(|part| part.module.bytes);
        let engine_options = engine::EngineOptions {
            optimize: options.optimize == Some(true),
            fuel: options.limits.fuel.is_some(),
            epochs: options.limits.timeout.is_some(),
            plain_traces: false,
        };
        let compiled = engine::compile_component(
            &probed,
            modules,
            (engine_options, component.is_concurrent()?),
            options.safe_compile_cache(),
        )
        .map_err(ComponentRunError::Compile)?;
        let digest = Sha256::digest(wasm).into();
        Ok(Prepared { component, instances, parts, compiled, compile_time: compiling.elapsed(), digest })
    }

    /// Runs init, and hands over what it left.
    pub fn run<R>(
        &self,
        options: &Options,
        recorded: &mut Ledger,
        (clock, timings): (&mut StageClock, &mut Timings),
        hand_over: impl FnOnce(Run<'_, '_>) -> Result<R, ComponentRunError>,
    ) -> Result<R, ComponentRunError> {
        let Prepared { component, instances, parts, compiled, .. } = self;
        let mut executed = execution::execute(options, compiled, (self.digest, self.compile_time), recorded)?;
        clock.lap();
        let places = part::places(parts, instances, &executed.instances, &mut executed.store)?;
        let state = States { options, component, instances, places: &places };
        hand_over(Run { state, executed: &mut executed, compiled, clock, timings })
    }

    /// The module of a core instance.
    #[cfg(feature = "audit")]
    pub fn module(&self, instance: &CoreInstance) -> Option<&Module<'a>> {
        Some(&self.parts.get(instance.module)?.as_ref()?.module)
    }
}

/// The first option that components do not have.
fn unsupported(options: &Options) -> Option<&'static str> {
    let chosen = [
        (options.at.is_some(), "freezing in the middle of a call"),
        (options.internalize, "internalizing imports"),
        (options.reset_libc, "resetting libc"),
        (options.rebase_clock == Some(true), "rebasing the monotonic clock"),
        (options.zero_stack, "clearing the stack"),
    ];
    chosen.iter().find(|(is_chosen, _)| *is_chosen).map(|(_, what)| *what).or(lacking(&options.host))
}

/// The core instances of a component whose init has run.
pub(crate) struct States<'s, 'a> {
    options: &'s Options,
    component: &'s Component<'a>,
    instances: &'s [CoreInstance],
    places: &'s [Place<'s>],
}

impl States<'_, '_> {
    /// What all core instances hold, in their order, and whether an adapter takes all handles anew that are alive.
    #[cfg(feature = "audit")]
    pub fn captured_all(
        &self,
        executed: &mut execution::Executed,
    ) -> Result<(Vec<Snapshot<'static>>, bool), ComponentRunError> {
        let (snapshots, are_adapters) = self.snapshots(executed)?;
        let is_adapters = self.check_handles(executed, are_adapters).is_ok();
        Ok((snapshots, is_adapters))
    }

    /// Every core instance as the module that begins in its state.
    fn encoded(
        &self,
        layout: Layout,
        executed: &mut execution::Executed,
        (clock, timings): (&mut StageClock, &mut Timings),
    ) -> Result<(Encoded, Summary), ComponentRunError> {
        let kept = tables::kept_tables(self.places, &mut executed.store)?;
        let (mut snapshots, are_adapters) = self.snapshots(executed)?;
        self.check_objects(&snapshots)?;
        self.check_handles(executed, are_adapters)?;
        let places = (self.places, self.instances);
        let foreign = Foreign::take(places, &mut snapshots, &kept, &mut executed.store)?;
        timings.capture += clock.lap();
        let mut summary = Summary::default();
        let mut modules = Vec::new();
        for (number, (place, snapshot)) in self.places.iter().zip(&snapshots).enumerate() {
            let (module, instance) = (&place.part.module, &self.instances[number]);
            let options = PlanOptions {
                layout,
                kept_tables: kept[number].clone(),
                added_exports: foreign.shown.missing(number, module),
                ..PlanOptions::default()
            };
            let in_module = |error| self.in_module(instance, error);
            let plan = plan(module, snapshot, &options).map_err(|error| in_module(error.into()))?;
            timings.plan += clock.lap();
            let bytes = match is_stateless(place.part, &plan, &options) {
                true => module.bytes.to_vec(),
                false => encode(module, snapshot, &plan).map_err(|error| in_module(error.into()))?,
            };
            timings.encode += clock.lap();
            summary.add((self.component, instance), module, (snapshot, &plan), &bytes);
            let evidence = (&executed.ledger, self.options.host.wasi.as_ref());
            summary.findings.add((self.component, instance), module, snapshot, evidence);
            modules.push(bytes);
        }
        let last = foreign.last_modules()?;
        timings.encode += clock.lap();
        Ok((Encoded { modules, last }, summary))
    }

    /// The states of all core instances, and whether nobody but adapters can hold handles. Adapters forget theirs.
    fn snapshots(
        &self,
        executed: &mut execution::Executed,
    ) -> Result<(Vec<Snapshot<'static>>, bool), ComponentRunError> {
        let mut snapshots = Vec::new();
        let (mut repaired, mut others_keep_none) = (false, true);
        for (place, instance) in self.places.iter().zip(self.instances) {
            let mut snapshot = self.captured(place, instance, &mut executed.store)?;
            match Adapter::of(&place.part.module) {
                Some(adapter) => repaired |= adapter.forget(&mut snapshot),
                None => others_keep_none &= keeps_no_handles(&place.part.module),
            }
            snapshots.push(snapshot);
        }
        Ok((snapshots, repaired && others_keep_none))
    }

    /// Objects in more than one core instance could be shared.
    fn check_objects(&self, snapshots: &[Snapshot<'_>]) -> Result<(), ComponentRunError> {
        let mut holders =
            self.instances.iter().zip(snapshots).filter(|(_, snapshot)| !snapshot.heap.is_empty());
        match (holders.next(), holders.next()) {
            (Some((first, _)), Some((second, _))) => {
                let [first, second] = [first, second].map(|instance| name(self.component, instance));
                Err(ComponentRunError::Objects { first, second })
            }
            _ => Ok(()),
        }
    }

    fn captured(
        &self,
        place: &Place<'_>,
        instance: &CoreInstance,
        store: &mut Store<ComponentHost>,
    ) -> Result<Snapshot<'static>, ComponentRunError> {
        let Part { module, probed } = place.part;
        let mut reader = place.instance.with(store);
        let captured = capture(module, probed, &mut reader);
        let captured = captured.map_err(|error| self.in_module(instance, error.into()))?;
        let mut snapshot = captured.into_owned();
        snapshot.leave_imports(module);
        Ok(snapshot)
    }

    fn in_module(&self, instance: &CoreInstance, error: Error) -> ComponentRunError {
        ComponentRunError::InModule { module: name(self.component, instance), error: Box::new(error) }
    }

    /// What is alive must be what an adapter takes anew.
    fn check_handles(
        &self,
        executed: &execution::Executed,
        are_adapters: bool,
    ) -> Result<(), ComponentRunError> {
        let alive = executed.handles;
        let dirs = self.options.host.wasi.as_ref().map_or(0, |wasi| wasi.dirs.len());
        if alive == 0 || are_adapters && alive <= adapter::STREAMS + dirs {
            return Ok(());
        }
        let of_wasi = executed.store.data().live_resources();
        let keepers = self.places.iter().zip(self.instances);
        let keepers = keepers.filter(|(place, _)| can_take_handles(&place.part.module));
        Err(ComponentRunError::Handles(LiveHandles {
            alive,
            of_wasi,
            keepers: keepers.map(|(_, instance)| name(self.component, instance)).collect(),
        }))
    }
}

/// Whether nothing that init does can show in the module, so that it stays byte for byte.
pub(crate) fn is_stateless(part: &Part<'_>, plan: &Plan<'_>, options: &PlanOptions) -> bool {
    let kept = &options.kept_tables;
    let Part { module, probed } = part;
    let own = module.globals.iter().skip(module.imported.globals as usize);
    let writes_table = module.elements.iter().any(|segment| match &segment.kind {
        wasmparser::ElementKind::Active { table_index, .. } => !kept.contains(&table_index.unwrap_or(0)),
        _ => false,
    });
    module.start.is_none()
        && options.added_exports.is_empty()
        && plan.start.is_none()
        && plan.memories.is_empty()
        && module.data.is_empty()
        && !own.into_iter().any(|global| global.ty.mutable)
        && !writes_table
        && (module.imported.tables..module.tables.len() as u32).all(|table| kept.contains(&table))
        && probed.droppable_elements.is_empty()
        && probed.object_segments.is_empty()
}
