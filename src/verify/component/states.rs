//! Compares the states of all core instances.

use super::super::differences::{Differences, Sink};
use super::super::instance_state::{InstanceState, MemoryBytes};
use super::super::state_comparison::{self, Elsewhere};
use super::super::tolerance::Tolerance;
use super::super::verdict::StateCoverage;
use super::super::{VerifyError, VerifyOptions};
use super::side::Side;
use crate::component::ComponentRunError;
use crate::component::adapter::Adapter;
use crate::component::part::Place;
use crate::host::ComponentHost;
use crate::instance::{CaptureError, InstanceError};
use preinit_core::capture::{
    FunctionIndices, Identity, Instance, Observed, ObservedRef, StateReader, TableId,
};
use preinit_core::component::CoreFunction;
use preinit_core::module::{Space, is_function};
use preinit_core::snapshot::{Reference, TableState, Unwritable, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use wasmparser::ValType;
use wasmtime::{Extern, Store};

/// One side, with its core instances at hand.
pub struct Shown<'s> {
    pub side: &'s Side<'s>,
    pub places: &'s [Place<'s>],
    pub store: &'s mut Store<ComponentHost>,
}

/// What came of a comparison.
pub enum Compared {
    States {
        differences: Differences,
        coverage: StateCoverage,
        not_compared: Option<String>,
    },
    /// An adapter has made its state anew, where and as the memory was then.
    Not,
}

/// What becomes of the states of adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterStates {
    /// The snapshot's makes its own at the first call that needs one.
    MadeAnew {
        /// Whether there were calls.
        has_called: bool,
    },
    /// It is kept as it was, with the handles in it.
    Kept,
}

impl AdapterStates {
    pub fn of(options: &VerifyOptions, has_called: bool) -> AdapterStates {
        match options.keep_adapter_state {
            true => AdapterStates::Kept,
            false => AdapterStates::MadeAnew { has_called },
        }
    }
}

/// Compares all core instances of both sides. Only calls can have made the state of an adapter anew.
pub fn compare(
    (original, snapshot): (&mut Shown<'_>, &mut Shown<'_>),
    adapters: AdapterStates,
    mut found: Sink<'_>,
) -> Result<Compared, VerifyError> {
    let counterparts = original.side.counterparts(snapshot.side);
    let mut coverage = StateCoverage::default();
    let mut not_compared: Option<String> = None;
    let of_original = |found: usize| {
        let place = counterparts.iter().position(|counterpart| *counterpart == Some(found));
        place.unwrap_or(usize::MAX)
    };
    // A core module that only the snapshot has may have written references to what it imports.
    let resolves = original.places.len() != snapshot.places.len();
    let (left_names, right_names) =
        (original.functions(|place| place, resolves)?, snapshot.functions(of_original, resolves)?);
    for (instance, counterpart) in (0..).zip(counterparts.iter().copied()) {
        let Some(counterpart) = counterpart else { continue };
        found.below(&format!("{}.", original.side.key(instance)));
        let (mut left, left_has_state) = original.state(instance, None)?;
        // Tables after the original's are for what calls in progress hold.
        let tables = left.module.tables.len();
        let (right, right_has_state) = snapshot.state(counterpart, Some(tables))?;
        if let Some(adapter) = Adapter::of(left.module)
            && let AdapterStates::MadeAnew { has_called } = adapters
        {
            match (left_has_state, right_has_state) {
                (true, true) if has_called => return Ok(Compared::Not),
                // Whoever put it there may have changed everything else too.
                (true, true) => found.add(
                    || "adapter".to_string(),
                    || ("a state that an instance makes anew", "a state of its own from the beginning"),
                ),
                // The snapshot's makes its state anew.
                (true, false) => {
                    adapter.forget(&mut left.outline);
                    also(
                        &mut not_compared,
                        "what the adapter from preview 1 keeps, which an instance makes anew",
                    );
                }
                _ => {}
            }
        }
        let imported = left.module.imported;
        let elsewhere = Elsewhere {
            tables: imported.tables as usize,
            globals: imported.globals as usize,
            functions: true,
        };
        state_comparison::compare_own(&left, &right, (Tolerance::None, elsewhere), &mut found);
        add(&mut coverage, state_comparison::coverage(&left));
        if let Some(what) = state_comparison::not_compared(&left) {
            also(&mut not_compared, &what);
        }
        let foreign = Foreign::of(&left);
        drop((left, right));
        let tables = (original.tables(instance, &left_names)?, snapshot.tables(counterpart, &right_names)?);
        for (table, (left, right)) in tables.0.iter().zip(&tables.1).enumerate() {
            compare_functions(&format!("table.{table}"), (left, right), &foreign.tables[table], &mut found);
        }
        let globals =
            (original.globals(instance, &left_names)?, snapshot.globals(counterpart, &right_names)?);
        compare_functions("global", (&globals.0, &globals.1), &foreign.globals, &mut found);
    }
    Ok(Compared::States { differences: found.finish(), coverage, not_compared })
}

/// Adds it to what is not compared, once.
fn also(not_compared: &mut Option<String>, what: &str) {
    match not_compared {
        Some(all) if all.contains(what) => {}
        Some(all) => *all = format!("{all}; {what}"),
        None => *not_compared = Some(what.to_string()),
    }
}

fn add(sum: &mut StateCoverage, more: StateCoverage) {
    sum.memory_bytes += more.memory_bytes;
    sum.globals += more.globals;
    sum.table_slots += more.table_slots;
    sum.objects += more.objects;
    sum.segments += more.segments;
}

/// Which functions a table or globals hold: the core instance, and the index in its module. `None` for what is no function, or not known.
type Slots = Vec<Option<(usize, u32)>>;

/// Where an instance has functions that its module does not know, in what it defines: places of each table, and indices of globals.
struct Foreign {
    tables: Vec<Vec<usize>>,
    globals: Vec<usize>,
}

impl Foreign {
    fn of(state: &InstanceState<'_>) -> Foreign {
        let imported = state.module.imported;
        let is_foreign =
            |reference: Reference| matches!(reference, Reference::Unwritable(what) if what.is_function());
        let places = |table: &TableState| {
            let slots = table.elements.iter().enumerate().filter(|(_, slot)| is_foreign(**slot));
            slots.map(|(slot, _)| slot).collect()
        };
        let globals = state.outline.globals.iter().enumerate().skip(imported.globals as usize);
        let globals =
            globals.filter(|(_, global)| matches!(global.value, Value::Ref(held) if is_foreign(held)));
        Foreign {
            tables: state.outline.tables.iter().skip(imported.tables as usize).map(places).collect(),
            globals: globals.map(|(index, _)| index).collect(),
        }
    }
}

/// Compares which functions both have in all places. Those of other modules are in `foreign`.
fn compare_functions(key: &str, (left, right): (&Slots, &Slots), foreign: &[usize], found: &mut Sink<'_>) {
    let is_unknown = |place: &&usize| {
        let [left, right] = [left, right].map(|slots| slots.get(**place).copied().flatten());
        left.is_none() && right.is_none()
    };
    for place in foreign.iter().filter(is_unknown) {
        found.add_unknown(|| format!("{key}.{place}"), Unwritable::ForeignFunction);
    }
    let text = |function: &Option<(usize, u32)>| match function {
        Some((instance, index)) => format!("function {index} of core instance {instance}"),
        None => "another reference".to_string(),
    };
    let pairs = left.iter().zip(right).enumerate().filter(|(_, (left, right))| left != right);
    for (place, (left, right)) in pairs {
        found.add(|| format!("{key}.{place}.function"), || (text(left), text(right)));
    }
}

fn unreadable(error: InstanceError) -> VerifyError {
    VerifyError::Capture(CaptureError::Instance(error))
}

impl Shown<'_> {
    /// The state of a core instance, with this many of its tables at most, and whether it is an adapter's that has one. Memories count
    /// where they are defined.
    fn state(
        &mut self,
        instance: usize,
        tables: Option<usize>,
    ) -> Result<(InstanceState<'_>, bool), VerifyError> {
        let place = &self.places[instance];
        let (module, probed) = (&place.part.module, &place.part.probed);
        let mut reader = place.instance.with(&mut *self.store);
        let functions = FunctionIndices::of(module, probed, &mut reader).map_err(unreadable)?;
        let outline = StateReader { module, probed, functions: &functions, compares: true };
        let tables = tables.map_or(module.tables.len(), |tables| tables.min(module.tables.len()));
        let outline = outline.outline(&mut reader, tables)?;
        let store = &*self.store;
        let memory = |(index, memory): (u32, &Extern)| match memory {
            Extern::Memory(memory) if index >= module.imported.memories => {
                MemoryBytes { bytes: Cow::Borrowed(memory.data(store)), maximum: memory.ty(store).maximum() }
            }
            _ => MemoryBytes { bytes: Cow::Borrowed(&[]), maximum: None },
        };
        let memories = (0u32..).zip(&place.instance.memories).map(memory).collect();
        let adapter = Adapter::of(module);
        let has_state = adapter.is_some_and(|adapter| adapter.has_state(&outline, place.memory(store)));
        Ok((InstanceState { module, outline, memories }, has_state))
    }

    /// Every function of every core instance. One that several have is the first one's, or, if that is asked for, of whom they have it
    /// from: each importer has a reference of its own.
    fn functions(
        &mut self,
        number: impl Fn(usize) -> usize,
        resolves: bool,
    ) -> Result<HashMap<Identity, (usize, u32)>, VerifyError> {
        let mut functions = HashMap::new();
        for (at, place) in self.places.iter().enumerate() {
            let mut reader = place.instance.with(&mut *self.store);
            for &index in &place.part.probed.functions {
                let identity = reader.function(index).map_err(unreadable)?;
                let (at, index) = match resolves {
                    true => definer((self.side, self.places), (at, index))?,
                    false => (at, index),
                };
                functions.entry(identity).or_insert((number(at), index));
            }
        }
        Ok(functions)
    }

    /// What is in the tables that a core instance defines.
    fn tables(
        &mut self,
        instance: usize,
        functions: &HashMap<Identity, (usize, u32)>,
    ) -> Result<Vec<Slots>, VerifyError> {
        let place = &self.places[instance];
        let module = &place.part.module;
        let mut reader = place.instance.with(&mut *self.store);
        let mut tables = Vec::new();
        for index in module.imported.tables..module.tables.len() as u32 {
            let size = reader.table(TableId::Table(index)).map_err(unreadable)?.slots;
            let mut slots = Vec::new();
            reader.slots(TableId::Table(index), 0..size, &mut slots).map_err(unreadable)?;
            tables.push(slots.iter().map(|slot| known(functions, slot)).collect());
        }
        Ok(tables)
    }

    /// What is in the globals that a core instance defines, by their indices.
    fn globals(
        &mut self,
        instance: usize,
        functions: &HashMap<Identity, (usize, u32)>,
    ) -> Result<Slots, VerifyError> {
        let place = &self.places[instance];
        let module = &place.part.module;
        let mut reader = place.instance.with(&mut *self.store);
        let mut globals = vec![None; module.globals.len()];
        let own = (0u32..).zip(&module.globals).skip(module.imported.globals as usize);
        for (index, _) in own.filter(|(_, global)| matches!(global.ty.content_type, ValType::Ref(_))) {
            if let Observed::Ref(reference) = reader.global(index).map_err(unreadable)? {
                globals[index as usize] = known(functions, &reference);
            }
        }
        Ok(globals)
    }
}

/// The function, if both sides can have it. What only one has is not known: a clock that is shifted is the host's on the other side.
fn known(functions: &HashMap<Identity, (usize, u32)>, reference: &ObservedRef) -> Option<(usize, u32)> {
    match reference {
        ObservedRef::Function(identity) => {
            functions.get(identity).copied().filter(|(instance, _)| *instance != usize::MAX)
        }
        _ => None,
    }
}

/// The core instance that defines a function of this one, and its index there; of what the host defines, the last one that has it.
fn definer(
    (side, places): (&Side<'_>, &[Place<'_>]),
    (mut at, mut index): (usize, u32),
) -> Result<(usize, u32), VerifyError> {
    let imported =
        |at: usize, index: u32| places[at].part.module.imports_of(Space::Function).nth(index as usize);
    while let Some((_, import)) = imported(at, index) {
        let provided = side.component.provided(at, (import.module, import.name));
        let Some(CoreFunction { instance, name }) = provided.map_err(ComponentRunError::from)? else { break };
        let export = places.get(instance).and_then(|place| place.part.module.export(&name));
        let Some(export) = export.filter(|export| is_function(export.kind)) else { break };
        (at, index) = (instance, export.index);
    }
    Ok((at, index))
}
