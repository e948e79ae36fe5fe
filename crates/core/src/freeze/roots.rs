//! Values of a stack that no constant stands for: objects, and what the host gave an immutable global. They are roots of
//! the heap, in tables of their own that the start function fills. The last of the resuming functions empties them.

use super::ResumeError;
use super::call_stack::CallStack;
use super::calls_in_progress::CallsInProgress;
use crate::encode::constant_expr;
use crate::module::Hierarchy;
use crate::module::Module;
use crate::module::Patch;
use crate::snapshot::{Reference, TableState, Value};
use std::collections::HashMap;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Function, Instruction};
use wasmparser::{HeapType, RefType, ValType};

/// Slots of a table that messages have a name for.
const NAMED: usize = 1000;

/// Values of a stack that the start function puts into added tables.
#[derive(Debug, Default)]
pub struct Roots {
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    family: Hierarchy,
    index: u32,
    slots: Vec<Reference>,
    /// What the first slots hold, for messages.
    places: Vec<String>,
    known: HashMap<Reference, u32>,
}

impl Roots {
    /// The roots of `stack`, with a table in `patch` for each family of references.
    pub fn new(
        module: &Module<'_>,
        calls: &CallsInProgress<'_>,
        stack: &CallStack,
        patch: &mut Patch<'_, '_>,
    ) -> Result<Roots, ResumeError> {
        let mut roots = Roots::default();
        let callee = module.signature(stack.callee);
        let callee = callee.ok_or(ResumeError::Unexplained("a function without a signature"))?;
        for (index, (value, ty)) in stack.arguments.iter().zip(callee.params()).enumerate() {
            roots.add(module, *value, *ty, || stack.argument(module, index));
        }
        for (depth, (frame, point)) in stack.frames.iter().zip(&calls.points).enumerate() {
            let locals = &calls.codes.get(frame.site.function)?.locals;
            for (index, (local, ty)) in frame.locals.iter().zip(locals).enumerate() {
                if let Some(value) = local {
                    roots.add(module, *value, *ty, || stack.local(module, depth, index));
                }
            }
            for (index, (value, ty)) in frame.operands.iter().zip(&point.operands).enumerate() {
                roots.add(module, *value, *ty, || stack.operand(module, depth, index));
            }
        }
        for table in &mut roots.tables {
            table.index = patch.table(table.family.top(), table.slots.len() as u64);
        }
        Ok(roots)
    }

    fn add(&mut self, module: &Module<'_>, value: Value, ty: ValType, place: impl FnOnce() -> String) {
        let (Value::Ref(reference), ValType::Ref(ty)) = (value, ty) else { return };
        if !is_root(reference) {
            return;
        }
        let family = module.hierarchy(ty.heap_type());
        let table = self.tables.iter().position(|table| table.family == family).unwrap_or_else(|| {
            let (slots, places) = (Vec::new(), Vec::new());
            self.tables.push(Table { family, index: 0, slots, places, known: HashMap::new() });
            self.tables.len() - 1
        });
        let table = &mut self.tables[table];
        table.known.entry(reference).or_insert_with(|| {
            table.slots.push(reference);
            if table.places.len() < NAMED {
                table.places.push(place());
            }
            table.slots.len() as u32 - 1
        });
    }

    /// Pushes a value of type `ty`.
    pub fn push(
        &self,
        module: &Module<'_>,
        value: Value,
        ty: ValType,
        function: &mut Function,
    ) -> Result<(), ResumeError> {
        if let (Value::Ref(reference), ValType::Ref(ty)) = (value, ty)
            && is_root(reference)
        {
            let family = module.hierarchy(ty.heap_type());
            let table = self.tables.iter().find(|table| table.family == family);
            let slot = table.and_then(|table| Some((table.index, *table.known.get(&reference)?)));
            let (table, slot) = slot.ok_or(ResumeError::Unexplained("a root without a slot"))?;
            function.instruction(&Instruction::I32Const(slot as i32));
            function.instruction(&Instruction::TableGet(table));
            return cast(family, ty, function);
        }
        let mut code = Vec::new();
        constant_expr::push(module, value, ty, &mut code)?;
        function.raw(code);
        match (value, ty) {
            // An imported function may be more than its import says.
            (Value::Ref(Reference::Func(index)), ValType::Ref(ty))
                if index < module.imported.functions && matches!(ty.heap_type(), HeapType::Concrete(_)) =>
            {
                cast(Hierarchy::Func, ty, function)
            }
            _ => Ok(()),
        }
    }

    /// Lets go of everything.
    pub fn clear(&self, function: &mut Function) {
        for table in &self.tables {
            function.instruction(&Instruction::I32Const(0));
            function.instruction(&Instruction::RefNull(table.family.top()));
            function.instruction(&Instruction::I32Const(table.slots.len() as i32));
            function.instruction(&Instruction::TableFill(table.index));
        }
    }

    /// The tables at the place where the program was stopped.
    pub fn states(&self) -> impl Iterator<Item = TableState> {
        self.tables.iter().map(|table| TableState {
            elements: table.slots.clone(),
            maximum: Some(table.slots.len() as u64),
            import: None,
        })
    }

    /// What the slots hold, by table and slot.
    pub fn places(&self) -> impl Iterator<Item = ((u32, u64), String)> {
        let places = |table: &'_ Table| {
            let index = table.index;
            (0u64..).zip(table.places.clone()).map(move |(slot, place)| ((index, slot), place))
        };
        self.tables.iter().flat_map(places)
    }
}

fn is_root(reference: Reference) -> bool {
    matches!(reference, Reference::Object(_) | Reference::ExternObject(_) | Reference::Import(_))
}

/// Makes what a table of `family` holds a value of type `ty`.
fn cast(family: Hierarchy, ty: RefType, function: &mut Function) -> Result<(), ResumeError> {
    let heap_type = RoundtripReencoder.heap_type(ty.heap_type()).map_err(|_| ResumeError::unknown("type"))?;
    let is_top = heap_type == family.top() || matches!(family, Hierarchy::Extern | Hierarchy::Exn);
    match (is_top, ty.is_nullable()) {
        (true, true) => {}
        (true, false) => drop(function.instruction(&Instruction::RefAsNonNull)),
        (false, true) => drop(function.instruction(&Instruction::RefCastNullable(heap_type))),
        (false, false) => drop(function.instruction(&Instruction::RefCastNonNull(heap_type))),
    }
    Ok(())
}
