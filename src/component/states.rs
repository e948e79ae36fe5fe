//! The core instances of a component whose init has run, and what they begin as in the output.

use super::adapter::{Adapter, AdapterMemory, keeps_no_handles};
use super::cleaning::clear_stacks;
use super::foreign::Foreign;
#[cfg(feature = "audit")]
use super::freezing::sites_in_progress;
use super::freezing::{Resumed, resume};
use super::handles::Handles;
use super::part::{Part, Place, name};
use super::report::Summary;
use super::{ComponentRunError, Prepared, execution, tables};
use crate::error::Error;
#[cfg(feature = "audit")]
use crate::freeze::CallSite;
use crate::freeze::HeldResources;
use crate::host::ComponentHost;
use crate::options::Options;
use crate::report::Timings;
use crate::stage_clock::StageClock;
use crate::warning::Warning;
use preinit_core::addition::Extended;
use preinit_core::capture::capture;
use preinit_core::component::{CoreInstance, LastModule};
use preinit_core::encode::encode;
use preinit_core::layout::Layout;
use preinit_core::module::Module;
use preinit_core::plan::{Plan, PlanOptions, plan};
use preinit_core::rebase::rebase_clock;
use preinit_core::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::ops::Range;
use wasmtime::Store;

/// What core instances begin as.
pub(crate) struct Encoded {
    /// In the order of instantiation.
    pub modules: Vec<Vec<u8>>,
    /// The modules that write what owners have no name for.
    pub(super) last: Vec<LastModule>,
}

/// What core instances hold after init.
pub(super) struct Captured {
    /// In the order of instantiation.
    pub snapshots: Vec<Snapshot<'static>>,
    /// Where adapters had their states, which they have forgotten.
    pub adapters: Vec<AdapterMemory>,
    /// How many adapters have forgotten their states.
    pub adapters_taking_anew: usize,
    /// Whether some have, and nobody else can hold handles.
    pub only_adapters: bool,
}

/// The core instances of a component whose init has run.
pub(crate) struct States<'s, 'a> {
    pub(super) options: &'s Options,
    pub(super) prepared: &'s Prepared<'a>,
    pub(super) places: &'s [Place<'s>],
}

impl States<'_, '_> {
    /// What all core instances hold, in their order.
    #[cfg(feature = "audit")]
    pub fn captured_all(
        &self,
        executed: &mut execution::Executed,
    ) -> Result<Vec<Snapshot<'static>>, ComponentRunError> {
        Ok(self.snapshots(&mut executed.store)?.snapshots)
    }

    /// What becomes of the handles that are alive.
    #[cfg(feature = "audit")]
    pub fn handles(&self, executed: &mut execution::Executed) -> Result<Handles, ComponentRunError> {
        let captured = self.snapshots(&mut executed.store)?;
        // Where the calls cannot be resumed, it is not known what they hold.
        let resumed = match executed.handles {
            0 => None,
            _ => self.resumed(executed, &captured.snapshots).ok().flatten(),
        };
        Ok(Handles::of(self, executed, (&captured, resumed.as_ref())))
    }

    /// Where the calls in progress are, the innermost first, if the component was stopped.
    #[cfg(feature = "audit")]
    pub fn calls_in_progress(
        &self,
        executed: &execution::Executed,
    ) -> Result<Vec<CallSite>, ComponentRunError> {
        match (&self.prepared.stopping, &executed.interrupted) {
            (Some(stopping), Some(interrupted)) => {
                Ok(sites_in_progress((self.prepared, stopping), interrupted, self.places, &executed.store)?)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Every core instance as the module that begins in its state.
    pub(super) fn encoded(
        &self,
        layout: Layout,
        executed: &mut execution::Executed,
        (clock, timings): (&mut StageClock, &mut Timings),
    ) -> Result<(Encoded, Summary), ComponentRunError> {
        let kept = tables::kept_tables(self.places, &mut executed.store)?;
        let captured = self.snapshots(&mut executed.store)?;
        self.check_objects(&captured.snapshots, None)?;
        if self.prepared.stopping.is_some() {
            // Says by name what is open.
            HeldResources::of(&executed.ledger, &self.options.host)?;
        }
        self.check_numbers(executed)?;
        let mut resumed = self.resumed(executed, &captured.snapshots)?;
        let handles = Handles::of(self, executed, (&captured, resumed.as_ref()));
        let (handles, handle_warning) = handles.check(self.options.allow_live_handles)?;
        let mut snapshots = captured.snapshots;
        if self.options.zero_stack {
            let of = |number: usize| name(&self.prepared.component, &self.prepared.instances[number]);
            clear_stacks((self.places, &mut executed.store), &mut snapshots, of)?;
        }
        self.check_objects(&snapshots, resumed.as_ref())?;
        let instances = &self.prepared.instances;
        let places = (self.places, &instances[..]);
        let foreign = Foreign::take(places, &mut snapshots, &kept, &mut executed.store)?;
        timings.capture += clock.lap();
        let mut summary = Summary::default();
        summary.handles = Some(handles);
        summary.warnings.extend(handle_warning);
        summary.clock = self.clock_start(&executed.ledger)?;
        let mut modules = Vec::new();
        for (number, (place, snapshot)) in self.places.iter().zip(snapshots).enumerate() {
            let (module, instance) = (&place.part.module, &instances[number]);
            let in_module = |error| self.in_module(instance, error);
            let resumes = resumed.take_if(|resumed| resumed.number == number);
            let extended = self.extended((module, snapshot), resumes, &mut summary);
            let extended = extended.map_err(in_module)?;
            let added = if extended.is_original() { None } else { Some(extended.module()) };
            let added = added.transpose().map_err(|error| in_module(error.into()))?;
            let (target, snapshot) = (added.as_ref().unwrap_or(module), extended.snapshot());
            let options = PlanOptions {
                layout,
                kept_tables: kept[number].clone(),
                added_exports: foreign.shown.missing(number, module),
                slots: extended.slots().clone(),
                ..PlanOptions::default()
            };
            let plan = plan(target, snapshot, &options).map_err(|error| in_module(error.into()))?;
            timings.plan += clock.lap();
            let bytes = match extended.is_original() && is_stateless(place.part, &plan, &options) {
                true => module.bytes.to_vec(),
                false => encode(target, snapshot, &plan).map_err(|error| in_module(error.into()))?,
            };
            timings.encode += clock.lap();
            let of = (&self.prepared.component, instance);
            summary.add(of, (module, target), (snapshot, &plan), &bytes);
            let evidence = (&executed.ledger, self.options.host.wasi.as_ref());
            summary.findings.add(of, target, snapshot, evidence);
            modules.push(bytes);
        }
        if summary.monotonic_clock.is_none() {
            summary.clock.of_component = summary.clock.of_component.or(summary.clock.of_reader);
        }
        let last = foreign.last_modules()?;
        timings.encode += clock.lap();
        Ok((Encoded { modules, last }, summary))
    }

    /// The code that resumes the component, if it was stopped.
    fn resumed(
        &self,
        executed: &execution::Executed,
        snapshots: &[Snapshot<'_>],
    ) -> Result<Option<Resumed>, ComponentRunError> {
        let Some(stopping) = &self.prepared.stopping else { return Ok(None) };
        resume((self.prepared, stopping), self.options, executed, (self.places, snapshots)).map(Some)
    }

    /// A core module and its state, with what goes in besides: what resumes it, and what lets its monotonic clock go on.
    fn extended<'m>(
        &self,
        (module, snapshot): (&'m Module<'m>, Snapshot<'m>),
        resumes: Option<Resumed>,
        summary: &mut Summary,
    ) -> Result<Extended<'m>, Error> {
        let mut extended = Extended::new(module, snapshot);
        if let Some(resumed) = resumes {
            extended.add(resumed.addition)?;
            summary.frozen = Some(resumed.report);
            summary.warnings.extend(resumed.warnings);
        }
        // Where it cannot shift the readings, the component does.
        if let Some(clock) = summary.clock.of_reader.filter(|_| Adapter::of(module).is_none())
            && let Ok(Some(addition)) = rebase_clock(&extended.module()?, clock)
        {
            extended.add(addition)?;
            summary.monotonic_clock = Some(clock);
        }
        if extended.drops_dwarf() {
            summary.warnings.push(Warning::DwarfDropped);
        }
        Ok(extended)
    }

    /// The states of all core instances. Adapters forget theirs, unless they are to keep it.
    pub(super) fn snapshots(&self, store: &mut Store<ComponentHost>) -> Result<Captured, ComponentRunError> {
        let mut snapshots = Vec::new();
        for (place, instance) in self.places.iter().zip(&self.prepared.instances) {
            snapshots.push(self.captured(place, instance, store)?);
        }
        if self.options.keep_adapter_state {
            return Ok(Captured {
                snapshots,
                adapters: Vec::new(),
                adapters_taking_anew: 0,
                only_adapters: false,
            });
        }
        let adapters: Vec<AdapterMemory> = (0..snapshots.len())
            .filter_map(|number| self.adapter_memory(number, &snapshots, store))
            .collect();
        let (mut adapters_taking_anew, mut others_keep_none) = (0, true);
        for ((place, instance), snapshot) in
            self.places.iter().zip(&self.prepared.instances).zip(&mut snapshots)
        {
            match Adapter::of(&place.part.module) {
                Some(adapter) if adapter.has_state(snapshot, place.memory(store)) => {
                    adapter.forget(snapshot);
                    adapters_taking_anew += 1;
                }
                _ => {
                    others_keep_none &=
                        keeps_no_handles(&place.part.module, self.stopped() == Some(instance.module))
                }
            }
        }
        let only_adapters = adapters_taking_anew > 0 && others_keep_none;
        Ok(Captured { snapshots, adapters, adapters_taking_anew, only_adapters })
    }

    /// Where the adapter that is the core instance `number` has its state, if it has one, in the only other memory that there is.
    fn adapter_memory(
        &self,
        number: usize,
        snapshots: &[Snapshot<'_>],
        store: &Store<ComponentHost>,
    ) -> Option<AdapterMemory> {
        let adapter = Adapter::of(&self.places[number].part.module)?;
        let snapshot = &snapshots[number];
        if !adapter.has_state(snapshot, self.places[number].memory(store)) {
            return None;
        }
        let instances = &self.prepared.instances;
        let memories = |other: &usize| {
            let module = &self.places[*other].part.module;
            module.memories.len() - module.imported.memories as usize
        };
        let siblings =
            (0..instances.len()).filter(|other| instances[*other].component == instances[number].component);
        let owners: Vec<usize> = siblings.filter(|other| memories(other) > 0).collect();
        match &owners[..] {
            [owner] if memories(owner) == 1 => {
                let module = &self.places[*owner].part.module;
                adapter.memory(snapshot, (*owner, module, &snapshots[*owner]))
            }
            _ => None,
        }
    }

    /// Adapters make their states anew with the numbers that descriptors have at the start.
    fn check_numbers(&self, executed: &mut execution::Executed) -> Result<(), ComponentRunError> {
        for (place, instance) in self.places.iter().zip(&self.prepared.instances) {
            let of = (place.part, place.instance.handle);
            let adapter = Adapter::of(&place.part.module);
            if adapter.is_some_and(|adapter| adapter.has_renumbered(of, &mut executed.store)) {
                return Err(ComponentRunError::Renumbered(name(&self.prepared.component, instance)));
            }
        }
        Ok(())
    }

    /// Descriptors of the start that are closed for adapters, and not where these make their states anew.
    pub(super) fn closed_descriptors(&self, store: &mut Store<ComponentHost>) -> BTreeSet<u32> {
        const STREAMS: Range<u32> = 0..3;
        let mut closed = BTreeSet::new();
        for place in self.places {
            if let Some(adapter) =
                Adapter::of(&place.part.module).filter(|_| !self.options.keep_adapter_state)
            {
                closed.extend(adapter.closed((place.part, place.instance.handle), store));
            }
        }
        // What has the number of a directory is one if the host was told: a component in between could have given others.
        let dropped = store.data().dropped_directories();
        closed.retain(|number| STREAMS.contains(number) || dropped.contains(number));
        closed
    }

    /// The core module that was stopped.
    pub(super) fn stopped(&self) -> Option<usize> {
        self.prepared.stopping.as_ref().map(|stopping| stopping.replaced().0)
    }

    /// Objects in more than one core instance could be shared.
    fn check_objects(
        &self,
        snapshots: &[Snapshot<'_>],
        resumed: Option<&Resumed>,
    ) -> Result<(), ComponentRunError> {
        let in_frames =
            |number| resumed.is_some_and(|resumed| resumed.number == number && !resumed.heap.is_empty());
        let instances = self.prepared.instances.iter().zip(snapshots).enumerate();
        let holders = instances.filter(|(number, (_, state))| !state.heap.is_empty() || in_frames(*number));
        let mut holders = holders.map(|(_, (instance, _))| instance);
        match (holders.next(), holders.next()) {
            (Some(first), Some(second)) => {
                let [first, second] =
                    [first, second].map(|instance| name(&self.prepared.component, instance));
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
        ComponentRunError::InModule {
            module: name(&self.prepared.component, instance),
            error: Box::new(error),
        }
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
