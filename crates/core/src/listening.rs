//! Functions that tell a host that they are called: for hosts that have to know, in order, what is called from outside while a
//! module is initialized, and that answer such calls themselves when a snapshot starts. JavaScript cannot put functions of its
//! own in the place of exports, because tables take the genuine ones only.
//!
//! No example: internal to the product; `preinit/js` is its only user.

use crate::free_name::free_name;
use crate::module::{Hierarchy, Module, Patch};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, EntityType, ExportKind, ExportSection, HeapType, ImportSection, Instruction, TypeSection,
    ValType,
};
use wasmparser::{BinaryReaderError, FuncType, RefType};

/// A module whose functions ask a host first.
///
/// Before anything else, each of these functions looks at a global. While it is not zero, the function does nothing but call the
/// one that stands in a table in the slot of its signature, with its own arguments and its function index, and returns what
/// that returns. The global is zero at first, and the table is empty; both are exported.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The module. All that it has besides stands at the end of index spaces.
    pub wasm: Vec<u8>,
    /// A module that makes functions for the table of the host's own: for each slot, it imports a function from the module `""`
    /// and exports it, both under the number of the slot.
    pub helper: Vec<u8>,
    /// What is where.
    pub schema: ListeningSchema,
}

/// The names and functions of a [`Listening`] module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListeningSchema {
    /// The export of the global.
    pub global: String,
    /// The export of the table.
    pub table: String,
    /// How many slots the table has.
    pub slots: u32,
    /// The functions that ask, by function index.
    pub functions: BTreeSet<u32>,
    /// Functions that were wanted and cannot ask, since the host has no values of the types of their parameters and results.
    pub deaf: BTreeSet<u32>,
    /// All functions of the module with more than one result: JavaScript sees these as an array, as it sees an array that is the
    /// only result.
    pub multiple: BTreeSet<u32>,
}

/// Lets functions of `module` ask a host: those that are given, or all that can be called from outside.
///
/// # Errors
/// If a function body cannot be read, which validation rules out.
pub fn listening(
    module: &Module<'_>,
    wanted: Option<&BTreeSet<u32>>,
) -> Result<Listening, BinaryReaderError> {
    let all = || module.referenceable_functions();
    let mut functions = wanted.map_or_else(all, |wanted| wanted & &all());
    functions.retain(|&function| function >= module.imported.functions);
    let mut patch = Patch::new(module);
    let mut signatures = Signatures::default();
    let (mut asking, mut deaf) = (BTreeMap::new(), BTreeSet::new());
    for function in functions {
        match module.signature(function).and_then(|ty| Signature::of(module, ty)) {
            Some(signature) => {
                asking.insert(function, signatures.slot(signature));
            }
            None => {
                deaf.insert(function);
            }
        }
    }
    let global = patch.counter();
    let table = patch.table(HeapType::FUNC, signatures.order.len() as u64);
    let types: Vec<u32> = signatures.order.iter().map(|signature| patch.ty(&signature.entry())).collect();
    for (function, body) in (module.imported.functions..).zip(module.bodies()) {
        let Some(&slot) = asking.get(&function) else { continue };
        let asks = Prologue {
            global,
            table,
            slot,
            ty: types[slot as usize],
            function,
            result: module.signature(function).and_then(|ty| narrower(*ty.results().last()?)),
            parameters: signatures.order[slot as usize].params.len() as u32 - 1,
        };
        let range = body.range();
        let start = body.get_operators_reader()?.original_position();
        let mut out = module.bytes[range.start..start].to_vec();
        asks.encode(&mut out);
        out.extend_from_slice(&module.bytes[start..range.end]);
        patch.replace_body(function, out);
    }
    let exports = module.exports.iter().map(|export| export.name).collect();
    let schema = ListeningSchema {
        global: free_name("preinit listening", &exports),
        table: free_name("preinit listeners", &exports),
        slots: types.len() as u32,
        functions: asking.into_keys().collect(),
        deaf,
        multiple: (0..module.functions.len() as u32)
            .filter(|&function| module.signature(function).is_some_and(|ty| ty.results().len() > 1))
            .collect(),
    };
    patch.export(&schema.global, ExportKind::Global, global);
    patch.export(&schema.table, ExportKind::Table, table);
    patch.drop_moved_dwarf();
    Ok(Listening { wasm: patch.apply(), helper: helper(&signatures.order), schema })
}

/// The type of a function that answers for others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Signature {
    params: Vec<SimpleType>,
    results: Vec<SimpleType>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SimpleType {
    I32,
    I64,
    F32,
    F64,
    Extern,
    Func,
    Any,
}

impl SimpleType {
    /// The type, or the one that is above it wherever it is declared.
    fn of(module: &Module<'_>, ty: wasmparser::ValType) -> Option<SimpleType> {
        Some(match ty {
            wasmparser::ValType::I32 => SimpleType::I32,
            wasmparser::ValType::I64 => SimpleType::I64,
            wasmparser::ValType::F32 => SimpleType::F32,
            wasmparser::ValType::F64 => SimpleType::F64,
            wasmparser::ValType::V128 => return None,
            wasmparser::ValType::Ref(ty) => match module.hierarchy(ty.heap_type()) {
                Hierarchy::Extern => SimpleType::Extern,
                Hierarchy::Func => SimpleType::Func,
                Hierarchy::Any => SimpleType::Any,
                Hierarchy::Exn | Hierarchy::Cont => return None,
            },
        })
    }

    fn encoded(self) -> ValType {
        match self {
            SimpleType::I32 => ValType::I32,
            SimpleType::I64 => ValType::I64,
            SimpleType::F32 => ValType::F32,
            SimpleType::F64 => ValType::F64,
            SimpleType::Extern => ValType::EXTERNREF,
            SimpleType::Func => ValType::FUNCREF,
            SimpleType::Any => ValType::Ref(wasm_encoder::RefType::ANYREF),
        }
    }
}

impl Signature {
    /// That of the answer to a function: one more parameter, the function's index.
    fn of(module: &Module<'_>, asked: &FuncType) -> Option<Signature> {
        let all = |types: &[wasmparser::ValType]| -> Option<Vec<SimpleType>> {
            types.iter().map(|ty| SimpleType::of(module, *ty)).collect()
        };
        // Only what is on top of the stack can be cast.
        let (_, below) = asked.results().split_last().unzip();
        if below.is_some_and(|below: &[_]| below.iter().any(|ty| narrower(*ty).is_some())) {
            return None;
        }
        let mut params = all(asked.params())?;
        params.push(SimpleType::I32);
        Some(Signature { params, results: all(asked.results())? })
    }

    fn section(signatures: &[Signature]) -> TypeSection {
        let mut types = TypeSection::new();
        for Signature { params, results } in signatures {
            let encoded = |types: &[SimpleType]| types.iter().map(|ty| ty.encoded()).collect::<Vec<_>>();
            types.ty().function(encoded(params), encoded(results));
        }
        types
    }

    /// As an entry of a type section.
    fn entry(&self) -> Vec<u8> {
        use wasm_encoder::Encode;
        const FUNCTION: u8 = 0x60;
        let mut out = vec![FUNCTION];
        for types in [&self.params, &self.results] {
            types.len().encode(&mut out);
            for ty in types {
                ty.encoded().encode(&mut out);
            }
        }
        out
    }
}

/// Signatures, each with its slot in the table.
#[derive(Default)]
struct Signatures {
    slots: BTreeMap<Signature, u32>,
    order: Vec<Signature>,
}

impl Signatures {
    fn slot(&mut self, signature: Signature) -> u32 {
        *self.slots.entry(signature).or_insert_with_key(|signature| {
            self.order.push(signature.clone());
            self.order.len() as u32 - 1
        })
    }
}

/// What a function does first.
struct Prologue {
    global: u32,
    table: u32,
    slot: u32,
    ty: u32,
    function: u32,
    parameters: u32,
    /// The type of the last result, if the answer has to be cast to it.
    result: Option<RefType>,
}

impl Prologue {
    fn encode(&self, out: &mut Vec<u8>) {
        use wasm_encoder::Encode;
        let mut put = |instruction: Instruction<'_>| instruction.encode(out);
        put(Instruction::GlobalGet(self.global));
        put(Instruction::If(BlockType::Empty));
        for parameter in 0..self.parameters {
            put(Instruction::LocalGet(parameter));
        }
        put(Instruction::I32Const(self.function as i32));
        put(Instruction::I32Const(self.slot as i32));
        put(Instruction::CallIndirect { type_index: self.ty, table_index: self.table });
        if let Some(ty) = self.result {
            // The types of the module itself have the same indices here.
            put(match (ty.is_nullable(), RoundtripReencoder.heap_type(ty.heap_type())) {
                (true, Ok(ty)) => Instruction::RefCastNullable(ty),
                (false, Ok(ty)) => Instruction::RefCastNonNull(ty),
                (_, Err(_)) => Instruction::Unreachable,
            });
        }
        put(Instruction::Return);
        put(Instruction::End);
    }
}

/// The type, unless it is the highest of its hierarchy.
fn narrower(ty: wasmparser::ValType) -> Option<RefType> {
    match ty {
        wasmparser::ValType::Ref(ty) => {
            Some(ty).filter(|ty| ![RefType::EXTERNREF, RefType::FUNCREF, RefType::ANYREF].contains(ty))
        }
        _ => None,
    }
}

fn helper(signatures: &[Signature]) -> Vec<u8> {
    let (mut imports, mut exports) = (ImportSection::new(), ExportSection::new());
    for slot in 0..signatures.len() as u32 {
        imports.import("", &slot.to_string(), EntityType::Function(slot));
        exports.export(&slot.to_string(), ExportKind::Func, slot);
    }
    let mut module = wasm_encoder::Module::new();
    module.section(&Signature::section(signatures)).section(&imports).section(&exports);
    module.finish()
}

#[cfg(test)]
mod tests {
    use super::{Listening, listening};
    use crate::module::{Module, SectionId};
    use std::collections::BTreeSet;

    const MODULE: &str = r#"(module
        (type $object (struct))
        (import "env" "f" (func $f (param i32)))
        (table 2 funcref)
        (elem (i32.const 0) $inner)
        (func (export "a") (param i32 f64) (result i64) (local f32) (i64.const 7))
        (func (export "b") (param i32 f64) (result i64) (i64.const 8))
        (func (export "two") (param externref) (result i32 i32) (i32.const 1) (i32.const 2))
        (func (export "objects") (param (ref null $object)))
        (func (export "vector") (param v128))
        (func (export "object") (result (ref $object)) (struct.new $object))
        (func $inner)
        (func $private (call $f (i32.const 1)))
        (export "f" (func $f)) (export "preinit listening" (table 0)))"#;

    fn made(wanted: Option<&[u32]>) -> (Vec<u8>, Listening) {
        let wasm = wat::parse_str(MODULE).unwrap();
        let wanted: Option<BTreeSet<u32>> = wanted.map(|wanted| wanted.iter().copied().collect());
        let listening = listening(&Module::parse(&wasm).unwrap(), wanted.as_ref()).unwrap();
        (wasm, listening)
    }

    /// The instructions of a function.
    fn body(module: &Module<'_>, function: u32) -> String {
        let bodies = module.bodies();
        let operators =
            bodies[(function - module.imported.functions) as usize].get_operators_reader().unwrap();
        operators.into_iter().map(|operator| format!("{:?} ", operator.unwrap())).collect()
    }

    #[test]
    fn what_can_be_called_from_outside_asks() {
        let (_, Listening { wasm, helper, schema }) = made(None);
        assert_eq!(schema.functions, BTreeSet::from([1, 2, 3, 4, 6, 7]));
        assert_eq!((schema.deaf, schema.multiple), (BTreeSet::from([5]), BTreeSet::from([3])));
        assert_eq!((schema.slots, schema.global.as_str()), (5, "preinit listening 1"));
        let module = Module::parse(&wasm).unwrap();
        let asks = body(&module, 2);
        assert!(asks.starts_with("GlobalGet { global_index: 0 } If"), "{asks}");
        assert!(asks.contains("LocalGet { local_index: 1 } I32Const { value: 2 }"), "{asks}");
        assert!(asks.ends_with("Return End I64Const { value: 8 } End "), "{asks}");
        assert!(!body(&module, 8).contains("CallIndirect"));
        let casts = |function| body(&module, function).contains("RefCastNonNull");
        assert_eq!([2, 4, 6].map(casts), [false, false, true]);
        let helper = Module::parse(&helper).unwrap();
        assert_eq!((helper.imports.len(), helper.exports.len()), (5, 5));
    }

    #[test]
    fn indices_stay_and_only_bodies_change() {
        let (original, Listening { wasm, .. }) = made(None);
        let (before, after) = (Module::parse(&original).unwrap(), Module::parse(&wasm).unwrap());
        assert_eq!(before.functions, after.functions);
        assert_eq!(before.imports.len(), after.imports.len());
        assert_eq!(after.globals.len(), before.globals.len() + 1);
        assert_eq!(after.tables.len(), before.tables.len() + 1);
        let entries = |module: &Module<'_>| module.section(SectionId::ELEMENT).unwrap().contents.to_vec();
        assert_eq!(entries(&before), entries(&after));
        for (left, right) in before.exports.iter().zip(&after.exports) {
            assert_eq!((left.name, left.index), (right.name, right.index));
        }
    }

    #[test]
    fn only_those_that_are_wanted_ask() {
        let (_, Listening { schema, .. }) = made(Some(&[0, 2, 5, 7]));
        assert_eq!((schema.functions, schema.deaf), (BTreeSet::from([2, 7]), BTreeSet::from([5])));
    }
}
