//! Generated sequences of calls. Arguments are drawn by type, boundary values more often than others.

use super::boundary_values::BoundaryValues;
use super::script::Step;
use super::verdict::Skipped;
use crate::literal::{Literal, literal_of};
use preinit_core::module::{Module, is_function};
use preinit_core::snapshot::{Reference, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use std::collections::HashMap;
use wasmparser::{AbstractHeapType, HeapType, RefType, ValType};

/// The maximum number of functions that are passed as arguments.
const MAX_FUNCTIONS: usize = 64;

/// What sequences are drawn from.
pub(super) struct Sequences {
    /// Sequences that together call every export once.
    sweeps: Vec<SBoxedStrategy<Vec<Step>>>,
    /// Sequences of any calls in any order.
    random: Option<SBoxedStrategy<Vec<Step>>>,
    /// Exports that cannot be called.
    pub skipped: Vec<Skipped>,
}

impl Sequences {
    /// The strategy of sequence number `index`.
    pub fn strategy(&self, index: usize) -> Option<&SBoxedStrategy<Vec<Step>>> {
        self.sweeps.get(index).or(self.random.as_ref())
    }
}

/// The entry point of a command. It may exit, after which nothing can be called.
const COMMAND: &str = "_start";

/// Sequences of up to `depth` calls of the exports of `module`.
pub(super) fn sequences(module: &Module<'_>, boundaries: &BoundaryValues, depth: usize) -> Sequences {
    let mut calls = Vec::new();
    let mut command = Vec::new();
    let mut skipped = Vec::new();
    let mut arguments = Arguments::new(module, boundaries);
    for export in module.exports.iter().filter(|export| is_function(export.kind)) {
        match arguments.of(export.index) {
            None => {}
            Some(Ok(arguments)) => {
                let name = export.name.to_string();
                let step = move |arguments| Step { export: name.clone(), arguments, expected: None };
                let call = arguments.prop_map(step).sboxed();
                if export.name == COMMAND { command.push(call) } else { calls.push(call) }
            }
            Some(Err(ty)) => skipped.push(Skipped::new(
                export.name,
                format!("only the guest can make or take a value of type {ty}"),
            )),
        }
    }
    let mut sequences = Sequences { sweeps: Vec::new(), random: None, skipped };
    if depth > 0 {
        let sweeps = calls.chunks(depth).chain(command.chunks(1));
        sequences.sweeps = sweeps.map(|calls| calls.to_vec().sboxed()).collect();
        calls.extend(command);
        sequences.random = (!calls.is_empty()).then(|| vec(Union::new(calls), 1..=depth).sboxed());
    }
    sequences
}

/// What arguments are drawn from: made once for each type, however many parameters are of it.
struct Arguments<'m, 'a> {
    module: &'m Module<'a>,
    boundaries: &'m BoundaryValues,
    /// Functions that can be passed, by their type.
    functions: HashMap<u32, Vec<Reference>>,
    by_type: HashMap<ValType, Option<SBoxedStrategy<Literal>>>,
    by_signature: HashMap<u32, Drawn>,
}

/// Arguments of one signature; or a type of which only the guest can make one.
type Drawn = Result<SBoxedStrategy<Vec<Literal>>, ValType>;

impl<'m, 'a> Arguments<'m, 'a> {
    fn new(module: &'m Module<'a>, boundaries: &'m BoundaryValues) -> Self {
        let mut functions = HashMap::<u32, Vec<Reference>>::new();
        for &index in &boundaries.functions {
            let Some(ty) = module.functions.get(index as usize) else { continue };
            let of_type = functions.entry(*ty).or_default();
            of_type.extend((of_type.len() < MAX_FUNCTIONS).then_some(Reference::Func(index)));
        }
        Arguments { module, boundaries, functions, by_type: HashMap::new(), by_signature: HashMap::new() }
    }

    /// The arguments of a function; `None` if there is none.
    fn of(&mut self, function: u32) -> Option<Drawn> {
        let ty = *self.module.functions.get(function as usize)?;
        if let Some(drawn) = self.by_signature.get(&ty) {
            return Some(drawn.clone());
        }
        let signature = self.module.signature(function)?;
        let (params, results) = (signature.params(), signature.results());
        let unknown = params.iter().chain(results).copied().find(|ty| self.module.is_continuation(*ty));
        let drawn: Result<Vec<_>, _> = match unknown {
            Some(ty) => Err(ty),
            None => params.iter().map(|&ty| self.of_type(ty).ok_or(ty)).collect(),
        };
        let drawn = drawn.map(Strategy::sboxed);
        self.by_signature.insert(ty, drawn.clone());
        Some(drawn)
    }

    fn of_type(&mut self, ty: ValType) -> Option<SBoxedStrategy<Literal>> {
        if let Some(known) = self.by_type.get(&ty) {
            return known.clone();
        }
        let literal = |value| literal_of(value).unwrap_or(Literal::Null);
        let literals = self.values(ty).map(|values| values.prop_map(literal).sboxed());
        self.by_type.insert(ty, literals.clone());
        literals
    }

    fn values(&self, ty: ValType) -> Option<SBoxedStrategy<Value>> {
        let boundaries = self.boundaries;
        Some(match ty {
            ValType::I32 => integers(boundaries, i32::MIN.into(), u32::MAX.into())
                .prop_map(|value| Value::I32(value as i32))
                .sboxed(),
            ValType::I64 => integers(boundaries, i64::MIN, i64::MAX).prop_map(Value::I64).sboxed(),
            ValType::F32 => prop_oneof![
                4 => select(F32_BOUNDARIES.to_vec()),
                2 => (-16i8..=16).prop_map(|small| f32::from(small).to_bits()),
                1 => any::<u32>(),
            ]
            .prop_map(Value::F32)
            .sboxed(),
            ValType::F64 => prop_oneof![
                4 => select(F64_BOUNDARIES.to_vec()),
                2 => (-16i8..=16).prop_map(|small| f64::from(small).to_bits()),
                1 => any::<u64>(),
            ]
            .prop_map(Value::F64)
            .sboxed(),
            ValType::V128 => prop_oneof![
                2 => select(vec![0, 1, u128::MAX, 1 << 127, 0x7f80_0000 << 64 | 0xffc0_0001]),
                1 => any::<u128>(),
            ]
            .prop_map(Value::V128)
            .sboxed(),
            ValType::Ref(ty) => {
                let references = self.references(ty);
                match references.is_empty() {
                    true => return None,
                    false => select(references).prop_map(Value::Ref).sboxed(),
                }
            }
        })
    }

    fn references(&self, ty: RefType) -> Vec<Reference> {
        let mut references = Vec::new();
        if ty.is_nullable() {
            references.push(Reference::Null);
        }
        match ty.heap_type() {
            HeapType::Abstract { ty: AbstractHeapType::Func, .. } => {
                let functions = self.boundaries.functions.iter().take(MAX_FUNCTIONS);
                references.extend(functions.map(|&index| Reference::Func(index)));
            }
            HeapType::Abstract {
                ty: AbstractHeapType::Any | AbstractHeapType::Eq | AbstractHeapType::I31,
                ..
            } => {
                references.extend([0, 1, 0x7fff_ffff].map(Reference::I31));
            }
            HeapType::Concrete(index) | HeapType::Exact(index) => {
                let functions = index.as_module_index().and_then(|index| self.functions.get(&index));
                references.extend(functions.into_iter().flatten());
            }
            HeapType::Abstract { .. } => {}
        }
        references
    }
}

fn integers(boundaries: &BoundaryValues, min: i64, max: i64) -> SBoxedStrategy<i64> {
    let bounds =
        vec![0, 1, -1, 2, min, min + 1, max, max - 1, i32::MAX.into(), i32::MIN.into(), 0xffff, 0x1_0000];
    let near = |values: &[u64]| -> Vec<i64> { values.iter().map(|&value| value as i64).collect() };
    let mut choices =
        vec![(4, select(bounds).sboxed()), (4, (0i64..=16).sboxed()), (1, (min..=max).sboxed())];
    for values in [near(&boundaries.addresses), near(&boundaries.slots)] {
        if !values.is_empty() {
            choices.push((2, select(values).sboxed()));
        }
    }
    Union::new_weighted(choices).sboxed()
}

const F32_BOUNDARIES: [u32; 12] = [
    0,
    0x8000_0000,
    0x3f80_0000, // 1
    0xbf80_0000,
    0x7f80_0000, // infinity
    0xff80_0000,
    0x7fc0_0000, // the canonical NaN
    0xffc0_0123,
    0x7f80_0001, // a signalling NaN
    1,           // the smallest subnormal number
    0x7f7f_ffff,
    0x4f00_0000, // 2^31
];

const F64_BOUNDARIES: [u64; 12] = [
    0,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0123,
    0x7ff0_0000_0000_0001,
    1,
    0x7fef_ffff_ffff_ffff,
    0x43e0_0000_0000_0000, // 2^63
];
