use super::StateSchema;
use crate::allocator::{Allocator, AllocatorShape};
use crate::module::Module;
use crate::probe::{Probe, ProbeError, ProbeOptions, Probed};
use serde::{Deserialize, Serialize};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{MemorySection, RawSection};
use wasmparser::{Parser, Payload};

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
    /// Address below which memory is no heap, as far as that is known.
    pub heap_base: Option<u64>,
}

/// The form of the module that shows its state and its allocator, and whose own memories do not grow; `None` if no allocator is known.
///
/// # Errors
/// If the module cannot be probed.
pub fn scrubbing(module: &Module<'_>) -> Result<Option<(Vec<u8>, ScrubbingSchema)>, ProbeError> {
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
            heap_base: module.heap_base(),
        },
    };
    Ok(Some((bounded(&probed.wasm)?, schema)))
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
    use super::scrubbing;
    use crate::module::Module;

    #[test]
    fn memory_cannot_grow_and_the_allocator_is_exported() {
        let wasm = wat::parse_str(
            r#"(module (memory 2 9) (global $__heap_base i32 (i32.const 1234))
                (func $malloc (param i32) (result i32) local.get 0) (func $free (param i32)))"#,
        )
        .unwrap();
        let (wasm, schema) = scrubbing(&Module::parse(&wasm).unwrap()).unwrap().unwrap();
        let module = Module::parse(&wasm).unwrap();
        assert_eq!((module.memories[0].initial, module.memories[0].maximum), (2, Some(2)));
        assert_eq!(module.export(&schema.allocator.allocate).unwrap().index, 0);
        assert_eq!(module.export(&schema.allocator.free).unwrap().index, 1);
        assert_eq!(schema.allocator.heap_base, Some(1234));
        let none = wat::parse_str("(module (memory 1))").unwrap();
        assert!(scrubbing(&Module::parse(&none).unwrap()).unwrap().is_none());
    }
}
