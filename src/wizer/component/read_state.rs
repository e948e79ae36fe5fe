//! Reads what a snapshot of each core instance needs through a [`ComponentInstanceState`], as data. Numbers, memories and marks
//! of changes come from accessors. Tables and references are what the component says, unless a mark says that they have changed.

use super::ComponentContext;
use super::instance_state::{ComponentInstanceState, CoreReferences};
use super::references;
use crate::component::part::Part;
use crate::wizer::read_state::{in_module, observed};
use preinit_core::component::{Accessors, GLOBAL_SIZE, Shown};
use preinit_core::hex;
use preinit_core::module::Module;
use preinit_core::probe::{Change, Probe};
use preinit_core::snapshot::evaluate_alone;
use preinit_core::state_file::{
    FunctionIdentity, ImportedState, State, StateInstance, StateMemory, StateReference, StateTable,
    StateValue, VERSION,
};
use std::collections::BTreeSet;
use wasmparser::{GlobalType, ValType};
use wasmtime::{Result, bail, ensure, format_err};

/// The state of a core instance.
pub struct ReadState {
    state: State,
    memories: Vec<Vec<u8>>,
    /// The tables that hold what the component's segments write.
    pub kept_tables: BTreeSet<u32>,
}

impl ReadState {
    /// The first memory that the core instance defines.
    pub fn memory(&self) -> Option<&[u8]> {
        self.memories.first().map(Vec::as_slice)
    }

    /// As an instance, for capture.
    pub fn instance<'s>(&'s self, module: &'s Module<'s>) -> Result<StateInstance<'s>> {
        Ok(StateInstance::new(module, &self.state, &self.memories)?)
    }
}

/// What accessors have to show of a core module's instances.
pub fn shown(part: &Part<'_>) -> Shown {
    let Part { module, probed } = part;
    let numbers = numbers(module).map(|(index, ty)| (probed.export_name(Probe::Global(index)), ty));
    let mark = GlobalType { content_type: ValType::I32, mutable: true, shared: false };
    let marks = probed.change_marks.changes().map(|change| (probed.export_name(Probe::Change(change)), mark));
    let memories = (0u32..).zip(&module.memories).skip(module.imported.memories as usize);
    Shown {
        globals: numbers.chain(marks).collect(),
        memories: memories.map(|(index, ty)| (probed.export_name(Probe::Memory(index)), *ty)).collect(),
    }
}

/// The globals that hold numbers.
fn numbers<'m>(module: &'m Module<'_>) -> impl Iterator<Item = (u32, GlobalType)> + 'm {
    let globals = (0u32..).zip(&module.globals).map(|(index, global)| (index, global.ty));
    globals.filter(|(_, ty)| !matches!(ty.content_type, ValType::Ref(_)))
}

/// The globals that hold references.
pub fn reference_globals(module: &Module<'_>) -> impl Iterator<Item = u32> {
    let globals = (0u32..).zip(&module.globals);
    globals.filter(|(_, global)| matches!(global.ty.content_type, ValType::Ref(_))).map(|(index, _)| index)
}

/// What accessors have shown of a core instance.
pub struct Seen<'p, 'a> {
    pub part: &'p Part<'a>,
    /// In the order of [`numbers`].
    numbers: Vec<u128>,
    pub changes: BTreeSet<Change>,
    /// Those that the module defines.
    memories: Vec<Vec<u8>>,
}

/// Reads all core instances.
pub async fn read(
    cx: &ComponentContext<'_>,
    instance: &mut impl ComponentInstanceState,
) -> Result<Vec<ReadState>> {
    let mut seen = Vec::new();
    for (core, accessors) in cx.instances.iter().zip(&cx.accessors) {
        let part = cx.parts.get(core.module).and_then(Option::as_ref);
        let part = part.ok_or_else(|| format_err!("a core module is missing, which is a bug in preinit"))?;
        seen.push(see(part, accessors, instance).await?);
    }
    let Some(why) = references::needed(cx, &seen) else {
        return Ok(seen.into_iter().map(|seen| seen.state(None)).collect());
    };
    let Some(found) = references::ask(cx, &seen, instance).await? else {
        bail!(
            "{why}, which the engine does not show: `Wizer::run_component` reads it if \
             `Config::coredump_on_trap` is on, others if they implement `ComponentInstanceState::core_references`"
        );
    };
    let tables: Vec<Vec<u64>> =
        found.iter().map(|found| found.tables.iter().map(|table| table.identity).collect()).collect();
    let mut states: Vec<ReadState> =
        seen.into_iter().zip(found).map(|(seen, found)| seen.state(Some(found))).collect();
    references::keep_tables(cx, &mut states, &tables)?;
    Ok(states)
}

async fn see<'p, 'a>(
    part: &'p Part<'a>,
    accessors: &Accessors,
    instance: &mut impl ComponentInstanceState,
) -> Result<Seen<'p, 'a>> {
    let shown = shown(part);
    let mut bytes = Vec::new();
    if !shown.globals.is_empty() {
        let contents = |list: &[u8]| bytes.extend_from_slice(list);
        instance.try_call_func_ret_list_u8(&accessors.instance, &accessors.globals, contents).await?;
    }
    let expected = shown.globals.len() * GLOBAL_SIZE;
    ensure!(
        bytes.len() == expected,
        "`{}` returned {} bytes, not {expected}",
        accessors.globals,
        bytes.len()
    );
    let mut values: Vec<u128> = bytes
        .chunks_exact(GLOBAL_SIZE)
        .map(|chunk| chunk.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte)))
        .collect();
    let marks = values.split_off(numbers(&part.module).count());
    let changes = part.probed.change_marks.changes().zip(marks).filter(|(_, mark)| *mark != 0);
    let changes = changes.map(|(change, _)| change).collect();
    let mut memories = Vec::new();
    for (name, (_, ty)) in accessors.memories.iter().zip(&shown.memories) {
        memories.push(memory(&accessors.instance, name, ty.memory64, instance).await?);
    }
    Ok(Seen { part, numbers: values, changes, memories })
}

/// A memory, piece by piece.
async fn memory(
    of: &str,
    name: &str,
    is_64: bool,
    instance: &mut impl ComponentInstanceState,
) -> Result<Vec<u8>> {
    let mut memory = Vec::new();
    loop {
        let before = memory.len();
        let contents = |piece: &[u8]| memory.extend_from_slice(piece);
        instance.try_call_func_ret_list_u8(of, name, contents).await?;
        if memory.len() == before {
            return Ok(memory);
        }
        ensure!(is_64 || memory.len() as u64 <= 1 << 32, "`{name}` returns more than a memory can hold");
    }
}

impl Seen<'_, '_> {
    /// `found` are the references, where something of the component has changed.
    fn state(self, found: Option<CoreReferences>) -> ReadState {
        let Part { module, probed } = self.part;
        let is_found = found.is_some();
        let CoreReferences { globals, tables, functions } = found.unwrap_or_default();
        let mut references = globals.into_iter().map(observed);
        let mut numbers = self.numbers.into_iter();
        let globals = module.globals.iter().map(|global| match global.ty.content_type {
            ValType::Ref(_) => {
                let initial = || in_module(evaluate_alone(global.init.as_ref()?)?);
                StateValue::Ref(references.next().or_else(initial).unwrap_or(StateReference::Null))
            }
            ty => number(ty, numbers.next().unwrap_or_default()),
        });
        let globals = globals.collect();
        let slots =
            |table: &preinit_core::module::Table<'_>| vec![StateReference::Null; table.ty.initial as usize];
        let tables: Vec<Vec<StateReference>> = match is_found {
            true => {
                tables.into_iter().map(|table| table.elements.into_iter().map(observed).collect()).collect()
            }
            // What they hold does not matter: nothing is written to them.
            false => module.tables.iter().map(slots).collect(),
        };
        let kept_tables = if is_found { BTreeSet::new() } else { (0..tables.len() as u32).collect() };
        let identities = probed.functions.iter().enumerate().map(|(k, &index)| FunctionIdentity {
            index,
            // Without others, a function is its index.
            identity: functions.get(k).copied().unwrap_or(u64::from(index)),
        });
        let imported = module.memories.iter().take(module.imported.memories as usize).map(|ty| {
            let bytes = ty.initial << ty.page_size_log2.unwrap_or(16);
            vec![0; usize::try_from(bytes).unwrap_or(0)]
        });
        let memories: Vec<Vec<u8>> = imported.chain(self.memories).collect();
        let dropped = |of: fn(&Change) -> Option<u32>| self.changes.iter().filter_map(of).collect();
        let state = State {
            heap: None,
            version: VERSION,
            module: hex(&module.digest()),
            functions: identities.collect(),
            globals,
            memories: vec![StateMemory { file: String::new(), maximum: None }; memories.len()],
            tables: tables.into_iter().map(|slots| StateTable { slots, maximum: None }).collect(),
            dropped_data: dropped(|change| match change {
                Change::Data(index) => Some(*index),
                _ => None,
            }),
            dropped_elements: dropped(|change| match change {
                Change::Element(index) => Some(*index),
                _ => None,
            }),
            items: Vec::new(),
            imported: ImportedState::default(),
            aliases: Vec::new(),
        };
        ReadState { state, memories, kept_tables }
    }
}

fn number(ty: ValType, bits: u128) -> StateValue {
    match ty {
        ValType::I32 => StateValue::I32(bits as u32 as i32),
        ValType::I64 => StateValue::I64(bits as u64 as i64),
        ValType::F32 => StateValue::F32(bits as u32),
        ValType::F64 => StateValue::F64(bits as u64),
        _ => StateValue::V128(bits),
    }
}
