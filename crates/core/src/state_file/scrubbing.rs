use super::StateSchema;
use crate::allocator::{Allocator, AllocatorShape};
use crate::module::{Module, Space};
use crate::probe::{Probe, ProbeError, ProbeOptions, Probed};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{MemorySection, RawSection};
use wasmparser::{DataKind, Operator, Parser, Payload};

/// What a host needs to let a module zero its free memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubbingSchema {
    /// What its state is.
    pub state: StateSchema,
    /// Its allocator.
    pub allocator: AllocatorSchema,
}

/// The functions of an allocator, by the names of exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatorSchema {
    /// What messages call it.
    pub name: String,
    /// The export that allocates.
    pub allocate: String,
    /// The export that frees.
    pub free: String,
    /// What they are given.
    pub shape: AllocatorShape,
    /// Whether sizes and addresses have 64 bits.
    pub wide: bool,
    /// Addresses of memory 0 that are no heap, as far as that is known, as pairs of start and end; `None` if that is not certain.
    pub taken: Option<Vec<(u64, u64)>>,
}

/// What [`scrubbing`] makes.
#[derive(Debug)]
pub struct Scrubbing {
    /// The module, whose own memories do not grow.
    pub bounded: Vec<u8>,
    /// The same, with memories that grow as they do in the module.
    pub growing: Vec<u8>,
    /// What is where.
    pub schema: ScrubbingSchema,
}

/// The form of a snapshot that shows its state and its allocator; `None` if no allocator is known. `original` is what it was made of.
///
/// # Errors
/// If the module cannot be probed.
pub fn scrubbing(module: &Module<'_>, original: &Module<'_>) -> Result<Option<Scrubbing>, ProbeError> {
    let Some(allocator) = Allocator::of(module) else { return Ok(None) };
    let functions = vec![allocator.allocate, allocator.free];
    let probed = Probed::with(module, &ProbeOptions { functions, ..ProbeOptions::for_any_host() })?;
    let export = |index| probed.export_name(Probe::Function(index));
    let schema = ScrubbingSchema {
        state: StateSchema::of(module, &probed),
        allocator: AllocatorSchema {
            allocate: export(allocator.allocate),
            free: export(allocator.free),
            name: allocator.name,
            shape: allocator.shape,
            wide: allocator.wide,
            taken: taken(original),
        },
    };
    Ok(Some(Scrubbing { bounded: bounded(&probed.wasm)?, growing: probed.wasm, schema }))
}

/// Where memory 0 has variables and the stack. Without `__heap_base`, a snapshot has no segments that would say it, and of some segments
/// only the code says where they go.
fn taken(module: &Module<'_>) -> Option<Vec<(u64, u64)>> {
    let constant = |expr: &wasmparser::ConstExpr<'_>| match expr.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        Operator::I64Const { value } => Some(value.cast_unsigned()),
        _ => None,
    };
    let heap_base = module.heap_base();
    let producers = module.custom_section("producers").unwrap_or_default();
    let is_snapshot = producers.windows(7).any(|bytes| bytes == b"preinit");
    let mut taken = Vec::from_iter(heap_base.map(|base| (0, base)));
    let stack = module.names().find_only(Space::Global, "__stack_pointer");
    let top = stack.and_then(|index| constant(module.globals.get(index as usize)?.init.as_ref()?));
    taken.extend(top.filter(|_| heap_base.is_none()).map(|top| (0, top)));
    let placed = |data: &crate::module::Data<'_>| -> Option<Option<Range<u64>>> {
        match &data.kind {
            _ if data.bytes.is_empty() => Some(None),
            DataKind::Active { memory_index: 0, offset_expr } => {
                let start = constant(offset_expr)?;
                Some(Some(start..start.checked_add(data.bytes.len() as u64)?))
            }
            DataKind::Active { .. } => Some(None),
            DataKind::Passive => None,
        }
    };
    if is_snapshot {
        return heap_base.map(|_| taken);
    }
    for data in &module.data {
        match placed(data) {
            Some(range) => taken.extend(range.map(|range| (range.start, range.end))),
            None => _ = heap_base?,
        }
    }
    Some(taken)
}

/// The module with memories of its own that cannot be larger than they are at first.
fn bounded(wasm: &[u8]) -> Result<Vec<u8>, ProbeError> {
    let mut bounded = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Payload::MemorySection(memories) = &payload {
            let mut section = MemorySection::new();
            for memory in memories.clone() {
                let mut memory = memory?;
                memory.maximum = Some(memory.initial);
                section.memory(RoundtripReencoder.memory_type(memory).map_err(|_| ProbeError::Memory)?);
            }
            bounded.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            bounded.section(&RawSection { id, data: &wasm[range] });
        }
    }
    Ok(bounded.finish())
}

#[cfg(test)]
mod tests {
    use super::{scrubbing, taken};
    use crate::module::Module;

    #[test]
    fn memory_cannot_grow_and_the_allocator_is_exported() {
        let wasm = wat::parse_str(
            r#"(module (memory 2 9) (global $__heap_base i32 (i32.const 1234))
                (func $malloc (param i32) (result i32) local.get 0) (func $free (param i32)))"#,
        )
        .unwrap();
        let original = Module::parse(&wasm).unwrap();
        let made = scrubbing(&original, &original).unwrap().unwrap();
        let (module, schema) = (Module::parse(&made.bounded).unwrap(), made.schema);
        assert_eq!((module.memories[0].initial, module.memories[0].maximum), (2, Some(2)));
        let growing = Module::parse(&made.growing).unwrap();
        assert_eq!((growing.memories[0].initial, growing.memories[0].maximum), (2, Some(9)));
        assert_eq!(module.export(&schema.allocator.allocate).unwrap().index, 0);
        assert_eq!(module.export(&schema.allocator.free).unwrap().index, 1);
        assert_eq!(schema.allocator.taken, Some(vec![(0, 1234)]));
        let none = wat::parse_str("(module (memory 1))").unwrap();
        let none = Module::parse(&none).unwrap();
        assert!(scrubbing(&none, &none).unwrap().is_none());
    }

    #[test]
    fn variables_are_where_the_original_has_data_or_that_is_not_known() {
        let of = |text: &str| {
            taken(&Module::parse(&wat::parse_str(format!("(module {text} (memory 2))")).unwrap()).unwrap())
        };
        let base = "(global $__heap_base i32 (i32.const 1234))";
        let stack = "(global $__stack_pointer (mut i32) (i32.const 99))";
        let data = r#"(data (i32.const 70000) "text")"#;
        assert_eq!(of(data), Some(vec![(70000, 70004)]));
        assert_eq!(of(&format!("{base}{stack}{data}")), Some(vec![(0, 1234), (70000, 70004)]));
        assert_eq!(of(&format!("{stack}{data}")), Some(vec![(0, 99), (70000, 70004)]));
        for unknown in [
            r#"(data "passive")"#,
            r#"(import "env" "base" (global i32)) (data (global.get 0) "text")"#,
            r#"(@producers (processed-by "preinit" "0.1.0"))"#,
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(of(&format!(r#"{base} (data "passive")"#)), Some(vec![(0, 1234)]));
    }
}
