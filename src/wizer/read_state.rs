//! Reads everything that a snapshot needs through an [`InstanceState`], as data. What it cannot read is taken from the
//! module, where the code cannot have changed it.

use super::instance_state::{InstanceState, SnapshotRef, SnapshotVal};
use preinit_core::hex;
use preinit_core::module::{Element, Global, Module};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::{Reference, Value, constant_address, evaluate_alone};
use preinit_core::state_file::{
    FunctionIdentity, ImportedState, State, StateInstance, StateMemory, StateReference, StateTable,
    StateValue, VERSION,
};
use wasmparser::{ElementItems, ElementKind, Operator, Parser, Payload, ValType};
use wasmtime::{Result, bail, format_err};

/// The state of an instance.
pub(super) struct ReadState {
    state: State,
    memories: Vec<Vec<u8>>,
}

impl ReadState {
    /// As an instance, for capture.
    pub fn instance<'s>(&'s self, module: &'s Module<'s>) -> Result<StateInstance<'s>> {
        Ok(StateInstance::new(module, &self.state, &self.memories)?)
    }
}

/// Reads an instance of the probed module.
pub(super) async fn read(
    module: &Module<'_>,
    probed: &Probed,
    instance: &mut impl InstanceState,
) -> Result<ReadState> {
    let functions = functions(probed, instance).await;
    // Without identities, a function is its index, and only the module says where one is.
    let identified = functions.is_some();
    let own = probed.functions.iter().map(|&index| FunctionIdentity { index, identity: u64::from(index) });
    let mut memories = Vec::new();
    for index in 0..module.memories.len() as u32 {
        let mut bytes = Vec::new();
        let name = probed.export_name(Probe::Memory(index));
        instance.try_memory_contents(&name, |contents| bytes.extend_from_slice(contents)).await?;
        memories.push(bytes);
    }
    let mut globals = Vec::new();
    for (index, global) in (0u32..).zip(&module.globals) {
        globals.push(global_value(probed, instance, (index, global), identified).await?);
    }
    let tables = tables(module, probed, instance, identified).await?;
    let mut dropped = [Vec::new(), Vec::new()];
    let data = probed.droppable_data.iter().map(|&index| (0, index, Probe::Data(index)));
    let elements = probed.droppable_elements.iter().map(|&index| (1, index, Probe::Element(index)));
    for (kind, index, probe) in data.chain(elements) {
        match instance.traps(&probed.export_name(probe)).await {
            Some(true) => dropped[kind].push(index),
            Some(false) => {}
            None => bail!("the module may drop segments, and `InstanceState::traps` is not implemented"),
        }
    }
    if !probed.object_segments.is_empty() {
        bail!("the module has segments of objects, which only `Wizer::run` can read");
    }
    let [dropped_data, dropped_elements] = dropped;
    let state = State {
        heap: None,
        version: VERSION,
        module: hex(&module.digest()),
        functions: functions.unwrap_or_else(|| own.collect()),
        globals,
        memories: vec![StateMemory { file: String::new(), maximum: None }; memories.len()],
        tables,
        dropped_data,
        dropped_elements,
        items: Vec::new(),
        imported: ImportedState::default(),
        aliases: Vec::new(),
    };
    Ok(ReadState { state, memories })
}

/// The identities of all functions that references can lead to; `None` if the instance has none.
async fn functions(probed: &Probed, instance: &mut impl InstanceState) -> Option<Vec<FunctionIdentity>> {
    let mut functions = Vec::new();
    for &index in &probed.functions {
        let identity = instance.function_identity(&probed.export_name(Probe::Function(index))).await?;
        functions.push(FunctionIdentity { index, identity });
    }
    Some(functions)
}

async fn global_value(
    probed: &Probed,
    instance: &mut impl InstanceState,
    (index, global): (u32, &Global<'_>),
    identified: bool,
) -> Result<StateValue> {
    let name = probed.export_name(Probe::Global(index));
    let ty = global.ty.content_type;
    if !matches!(ty, ValType::Ref(_)) {
        return Ok(match instance.try_global_get(&name, ty).await? {
            SnapshotVal::I32(value) => StateValue::I32(value),
            SnapshotVal::I64(value) => StateValue::I64(value),
            SnapshotVal::F32(bits) => StateValue::F32(bits),
            SnapshotVal::F64(bits) => StateValue::F64(bits),
            SnapshotVal::V128(value) => StateValue::V128(value),
        });
    }
    if identified && let Some(reference) = instance.global_ref(&name).await {
        return Ok(StateValue::Ref(observed(reference)));
    }
    let initial = global.init.as_ref().filter(|_| !global.ty.mutable).and_then(evaluate_alone);
    match initial.and_then(in_module) {
        Some(reference) => Ok(StateValue::Ref(reference)),
        None => bail!(
            "global {index} holds a reference, and `InstanceState` does not implement `global_ref` and \
             `function_identity`"
        ),
    }
}

async fn tables(
    module: &Module<'_>,
    probed: &Probed,
    instance: &mut impl InstanceState,
    identified: bool,
) -> Result<Vec<StateTable>> {
    let mut tables = Vec::new();
    for index in 0..module.tables.len() as u32 {
        let name = probed.export_name(Probe::Table(index));
        let elements = if identified { instance.table_elements(&name).await } else { None };
        let slots = match elements {
            Some(elements) => elements.into_iter().map(observed).collect(),
            None if changes_tables(module)? => bail!(
                "the module changes its tables, and `InstanceState` does not implement `table_elements` and \
                 `function_identity`"
            ),
            None => initial_slots(module, index).ok_or_else(|| {
                format_err!("what table {index} holds depends on imports, and `InstanceState` cannot read it")
            })?,
        };
        tables.push(StateTable { slots, maximum: None });
    }
    Ok(tables)
}

pub(super) fn observed(reference: SnapshotRef) -> StateReference {
    match reference {
        SnapshotRef::Null => StateReference::Null,
        SnapshotRef::Function(identity) => StateReference::Function(identity),
        SnapshotRef::I31(value) => StateReference::I31(value),
        SnapshotRef::Other => StateReference::Object(0),
    }
}

/// A constant of the module, in which a function is its index.
pub(super) fn in_module(value: Value) -> Option<StateReference> {
    match value {
        Value::Ref(Reference::Null) => Some(StateReference::Null),
        Value::Ref(Reference::Func(index)) => Some(StateReference::Function(u64::from(index))),
        Value::Ref(Reference::I31(value)) => Some(StateReference::I31(value)),
        _ => None,
    }
}

/// Whether there is code that changes a table.
fn changes_tables(module: &Module<'_>) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module.bytes) {
        let Payload::CodeSectionEntry(body) = payload? else { continue };
        for operator in body.get_operators_reader()? {
            let changes = matches!(
                operator?,
                Operator::TableSet { .. }
                    | Operator::TableGrow { .. }
                    | Operator::TableFill { .. }
                    | Operator::TableCopy { .. }
                    | Operator::TableInit { .. }
            );
            if changes {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What a table holds after instantiation; `None` if that depends on more than the module.
fn initial_slots(module: &Module<'_>, index: u32) -> Option<Vec<StateReference>> {
    let table = module.tables.get(index as usize)?;
    let filler = match &table.init {
        Some(init) => in_module(evaluate_alone(init)?)?,
        None => StateReference::Null,
    };
    let mut slots = vec![filler; usize::try_from(table.ty.initial).ok()?];
    for segment in &module.elements {
        let ElementKind::Active { table_index, offset_expr } = &segment.kind else { continue };
        if table_index.unwrap_or(0) != index {
            continue;
        }
        let offset = usize::try_from(constant_address(offset_expr)?).ok()?;
        for (at, item) in items(segment)?.into_iter().enumerate() {
            *slots.get_mut(offset.checked_add(at)?)? = item;
        }
    }
    Some(slots)
}

fn items(segment: &Element<'_>) -> Option<Vec<StateReference>> {
    match &segment.items {
        ElementItems::Functions(functions) => {
            let function = |index: u32| StateReference::Function(u64::from(index));
            functions.clone().into_iter().map(|index| index.ok().map(function)).collect()
        }
        ElementItems::Expressions(_, expressions) => {
            let item = |expression| in_module(evaluate_alone(&expression)?);
            expressions.clone().into_iter().map(|expression| item(expression.ok()?)).collect()
        }
    }
}
