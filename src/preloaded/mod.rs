//! What is inside preloaded modules. A snapshot has of it what the module imports; everything else begins anew in each instance.

mod change;
mod private;

pub use change::PreloadedChange;
pub(crate) use private::Private;

use crate::execute::Initialized;
use crate::host::{HostError, HostState, Preload, PreloadForm};
use crate::instance::{Baseline, CaptureError, Identity, InstanceError, ProbedInstance, identity};
use change::Comparison;
use preinit_core::capture::{FunctionIndices, Instance as _, StateReader};
use preinit_core::module::Module;
use preinit_core::probe::Probed;
use preinit_core::snapshot::{Image, Snapshot};
use std::collections::HashSet;
use std::sync::Arc;
use wasmtime::{Extern, Instance, Store};

/// A preloaded module of a run.
pub(crate) struct PreloadedInstance {
    pub name: String,
    /// `None` if its state cannot be read.
    pub visible: Option<Visible>,
}

/// An instance whose state can be read.
pub(crate) struct Visible {
    probed: Arc<Probed>,
    pub instance: ProbedInstance,
    /// What the module does not reach by its imports.
    pub private: Private,
    /// What that was before the module was instantiated.
    before: State,
}

/// The state of a preloaded module.
struct State {
    outline: Snapshot<'static>,
    /// Size and contents of each memory; `None` for those that are not private.
    memories: Vec<Option<(u64, Image<'static>)>>,
}

/// The preloaded modules that have state, as they are before the module is instantiated, which is given `imports`.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn begin(
    store: &mut Store<HostState>,
    preloads: &[Preload],
    imports: &[Extern],
) -> Result<Vec<PreloadedInstance>, HostError> {
    let no_fuel = |source| HostError::Engine { action: "count fuel", source };
    // What is read here is no work of the guest.
    let fuel = store.get_fuel().ok();
    if fuel.is_some() {
        store.set_fuel(u64::MAX).map_err(no_fuel)?;
    }
    let mut reached: HashSet<Identity> = imports.iter().filter_map(identity).collect();
    let mut all = Vec::new();
    for (number, Preload { name, wasm }) in preloads.iter().enumerate() {
        let Some(preloaded) = store.data().all_preloaded().get(number) else { continue };
        let Some((handle, given)) = preloaded.instance.clone() else { continue };
        let visible = match &preloaded.form {
            PreloadForm::Stateless => continue,
            PreloadForm::Unreadable => None,
            PreloadForm::Probed(probed) => {
                let probed = Arc::clone(probed);
                let visible = Visible::new(store, wasm, (probed, handle, given), &mut reached);
                Some(visible.map_err(|error| not_read(name, error))?)
            }
        };
        all.push(PreloadedInstance { name: name.clone(), visible });
    }
    if let Some(fuel) = fuel {
        store.set_fuel(fuel).map_err(no_fuel)?;
    }
    Ok(all)
}

fn not_read(name: &str, error: CaptureError) -> HostError {
    let source = match error {
        CaptureError::Instance(InstanceError::Engine(error)) => error,
        error => wasmtime::Error::new(error),
    };
    HostError::Preload { name: name.into(), action: "reading its state", source }
}

/// What init has changed in preloaded modules, out of reach of the module's imports.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn changes(
    initialized: &mut Initialized,
    preloads: &[Preload],
) -> Result<Vec<PreloadedChange>, CaptureError> {
    let Initialized { preloads: instances, store, .. } = initialized;
    let mut changes = Vec::new();
    for PreloadedInstance { name, visible } in &*instances {
        let change = PreloadedChange::none(name);
        let change = match (visible, preloads.iter().find(|preload| preload.name == *name)) {
            (Some(visible), Some(preload)) => visible.change(&preload.wasm, store, change)?,
            _ => PreloadedChange { is_partly_hidden: true, ..change },
        };
        changes.extend(Some(change).filter(PreloadedChange::is_any));
    }
    Ok(changes)
}

impl Visible {
    fn new(
        store: &mut Store<HostState>,
        wasm: &[u8],
        (probed, handle, given): (Arc<Probed>, Instance, Vec<Extern>),
        reached: &mut HashSet<Identity>,
    ) -> Result<Visible, CaptureError> {
        let module = read(wasm)?;
        let instance = ProbedInstance::new(&probed, handle, given, Baseline::default(), &mut *store)?;
        let private = Private::of(&module, &instance, &mut *store, reached)?;
        let before = State { outline: Snapshot::default(), memories: Vec::new() };
        let mut visible = Visible { probed, instance, private, before };
        let outline = visible.outline(&module, store)?;
        let reader = visible.instance.with(&mut *store);
        let memory = |(index, is_private): (u32, &bool)| {
            let contents = is_private.then(|| reader.memory(index)).transpose()?;
            Ok(contents.map(|contents| (contents.size, contents.image.into_owned())))
        };
        let memories = (0..).zip(&visible.private.memories).map(memory);
        let memories = memories.collect::<Result<_, InstanceError>>()?;
        visible.before = State { outline, memories };
        Ok(visible)
    }

    /// Everything but the memories, as it is now.
    pub fn outline(
        &self,
        module: &Module<'_>,
        store: &mut Store<HostState>,
    ) -> Result<Snapshot<'static>, CaptureError> {
        let mut instance = self.instance.with(store);
        let functions = FunctionIndices::of(module, &self.probed, &mut instance)?;
        let reader = StateReader { module, probed: &self.probed, functions: &functions, compares: true };
        reader.outline(&mut instance, module.tables.len())
    }

    /// Adds what is not as it was before.
    fn change(
        &self,
        wasm: &[u8],
        store: &mut Store<HostState>,
        change: PreloadedChange,
    ) -> Result<PreloadedChange, CaptureError> {
        let after = self.outline(&read(wasm)?, store)?;
        let mut comparison = Comparison { private: &self.private, change };
        comparison.outlines(&self.before.outline, &after);
        let reader = self.instance.with(store);
        for (index, before) in (0..).zip(&self.before.memories) {
            if let Some((size, image)) = before {
                let after = reader.memory(index)?;
                comparison.memories((*size, image), (after.size, &after.image));
            }
        }
        Ok(comparison.change)
    }
}

/// A preloaded module, which has been compiled.
fn read(wasm: &[u8]) -> Result<Module<'_>, CaptureError> {
    Module::read_valid(wasm).map_err(|_| CaptureError::Mismatch("a preloaded module is not what it was"))
}
