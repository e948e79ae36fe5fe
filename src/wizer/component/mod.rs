//! The same for components: what [`Wizer::instrument`] and [`Wizer::snapshot`] do with one module is done with each core
//! instance.

mod instance_state;
mod read_state;
mod references;
mod run;

pub use instance_state::{ComponentInstanceState, CoreReferences, CoreTable, WantedReferences};
pub use run::WasmtimeWizerComponent;

use super::Wizer;
use crate::component::adapter::{Adapter, STREAMS, keeps_no_handles};
use crate::component::is_stateless;
use crate::component::part::{Part, Probing, name, parts};
use preinit_core::capture::capture;
use preinit_core::component::{Accessors, Component, CoreInstance, without_export};
use preinit_core::encode::encode;
use preinit_core::plan::{PlanOptions, plan};
use preinit_core::probe::ProbeOptions;
use read_state::{ReadState, shown};
use wasmtime::error::Context as _;
use wasmtime::{Error, Result, bail};

/// The instance of accessors that an instrumented component exports, as in `wasmtime-wizer`. Those of components in it have
/// names that begin so.
const ACCESS: &str = "wasmtime:wizer/access";

/// What [`Wizer::snapshot_component`] needs to know of a component that [`Wizer::instrument_component`] was given.
pub struct ComponentContext<'a> {
    component: Component<'a>,
    instances: Vec<CoreInstance>,
    parts: Vec<Option<Part<'a>>>,
    accessors: Vec<Accessors>,
}

/// The handles that are alive after init, as far as that is known.
#[derive(Debug, Clone, Copy)]
struct Handles {
    alive: Option<usize>,
    /// As many as the adapter from WASI preview 1 can hold without files that init has opened.
    of_adapter: usize,
}

impl Wizer {
    /// The same as [`Wizer::instrument`] for a component, to be run by an engine that has components.
    ///
    /// # Errors
    /// If `wasm` is not a valid component, if it instantiates what is imported, or if a module that is an argument of a component
    /// has state there: no export leads to it.
    pub fn instrument_component<'a>(&self, wasm: &'a [u8]) -> Result<(ComponentContext<'a>, Vec<u8>)> {
        let component = Component::parse(wasm)?;
        let instances = component.elaborate()?;
        let options =
            ProbeOptions { leaves_nothing_to_host: true, marks_changes: true, ..ProbeOptions::default() };
        let probing =
            Probing { options: &options, default_proposals: false, reset_libc: false, lowest_stack: false };
        let parts = parts(&component, &instances, &probing).map_err(Error::new)?;
        let shown: Vec<_> = parts.iter().map(|part| part.as_ref().map(shown).unwrap_or_default()).collect();
        let probed: Vec<_> =
            parts.iter().map(|part| part.as_ref().map(|part| part.probed.wasm.as_slice())).collect();
        let (wasm, accessors) = component.with_accessors(&probed, &shown, ACCESS)?;
        Ok((ComponentContext { component, instances, parts, accessors }, wasm))
    }

    /// The same as [`Wizer::snapshot`] for a component.
    ///
    /// # Errors
    /// If there are renames, if the state cannot be read, or not be written into a component, or if
    /// [`ComponentInstanceState::live_handles`] says that there are handles which do not survive.
    pub async fn snapshot_component(
        &self,
        cx: &ComponentContext<'_>,
        instance: &mut impl ComponentInstanceState,
    ) -> Result<Vec<u8>> {
        // Calls of accessors leave no handles, but a look into core instances may end all calls.
        let handles = Handles { alive: instance.live_handles().await, of_adapter: STREAMS };
        self.snapshot_with(cx, instance, handles).await
    }

    async fn snapshot_with(
        &self,
        cx: &ComponentContext<'_>,
        instance: &mut impl ComponentInstanceState,
        handles: Handles,
    ) -> Result<Vec<u8>> {
        if !self.func_renames.is_empty() {
            bail!("components do not support renaming functions");
        }
        let states = read_state::read(cx, instance).await?;
        let (mut encoded, mut repaired, mut others_keep_none) = (Vec::new(), 0, true);
        for (instance, state) in cx.instances.iter().zip(&states) {
            let Some(part) = cx.parts.get(instance.module).and_then(Option::as_ref) else {
                bail!("there is no core module {}, which is a bug in preinit", instance.module);
            };
            let (bytes, forgets) =
                written(part, state, &states).with_context(|| name(&cx.component, instance))?;
            repaired += usize::from(forgets);
            others_keep_none &= forgets || keeps_no_handles(&part.module, false);
            encoded.push(bytes);
        }
        let is_adapters = repaired > 0 && others_keep_none;
        let of_adapters = handles.of_adapter.max(STREAMS * repaired);
        match handles.alive {
            Some(alive) if alive > 0 && !self.allow_live_handles && (!is_adapters || alive > of_adapters) => {
                bail!(
                    "{alive} handles of resources, streams or files are alive after init, which an instance of the snapshot \
                     would not have: let init drop them, or say `Wizer::allow_live_handles`"
                );
            }
            _ => {}
        }
        let wasm = cx.component.with_instances(&encoded)?;
        match self.exported_init(cx) {
            Some(init) if !self.keep_init_func => Ok(without_export(&wasm, init)?),
            _ => Ok(wasm),
        }
    }

    /// The root export that is the init function.
    fn exported_init(&self, cx: &ComponentContext<'_>) -> Option<&str> {
        let init = self.init_func.split('(').next().unwrap_or_default().trim_end();
        cx.component.exports_function(init).then_some(init)
    }
}

/// The core module that begins in this state, and whether the adapter in it has to take its handles anew.
fn written(part: &Part<'_>, state: &ReadState, all: &[ReadState]) -> Result<(Vec<u8>, bool)> {
    let Part { module, probed } = part;
    let mut reader = state.instance(module)?;
    let mut snapshot = capture(module, probed, &mut reader).map_err(Error::new)?.into_owned();
    snapshot.leave_imports(module);
    // Whose memory it imports is not known here.
    let has_state = |adapter: &Adapter| {
        all.iter().any(|state| state.memory().is_some_and(|memory| adapter.has_state(&snapshot, memory)))
    };
    let adapter = Adapter::of(module).filter(has_state);
    if let Some(adapter) = adapter {
        adapter.forget(&mut snapshot);
    }
    let forgets = adapter.is_some();
    let options = PlanOptions { kept_tables: state.kept_tables.clone(), ..PlanOptions::default() };
    let plan = plan(module, &snapshot, &options)?;
    match is_stateless(part, &plan, &options) {
        true => Ok((module.bytes.to_vec(), forgets)),
        false => Ok((encode(module, &snapshot, &plan)?, forgets)),
    }
}
