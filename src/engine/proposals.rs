//! Proposals that Wasmtime leaves off unless it is asked: each costs something, or has seen less use than the rest.

use memchr::memchr_iter;
use wasmparser::{CompositeInnerType, Parser, Payload, TypeRef, WasmFeatures};

/// What Wasmtime has on by default.
pub fn default_features() -> WasmFeatures {
    WasmFeatures::WASM3 | WasmFeatures::THREADS
}

/// Those that a module uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Proposals {
    pub stack_switching: bool,
    pub custom_page_sizes: bool,
    pub wide_arithmetic: bool,
    /// Whether it imports a shared memory, which a store then has more than once.
    pub imports_shared_memory: bool,
}

impl Proposals {
    /// All of them.
    pub const ALL: Proposals = Proposals {
        stack_switching: true,
        custom_page_sizes: true,
        wide_arithmetic: true,
        imports_shared_memory: true,
    };

    /// What either uses.
    pub fn and(self, other: Proposals) -> Proposals {
        Proposals {
            stack_switching: self.stack_switching || other.stack_switching,
            custom_page_sizes: self.custom_page_sizes || other.custom_page_sizes,
            wide_arithmetic: self.wide_arithmetic || other.wide_arithmetic,
            imports_shared_memory: self.imports_shared_memory || other.imports_shared_memory,
        }
    }

    /// What a valid module may use. More than it does use is possible where only a closer look would tell.
    pub fn of(wasm: &[u8]) -> Proposals {
        let mut used = Proposals::default();
        for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
            match payload {
                Payload::TypeSection(types) => {
                    let types = types.into_iter().flatten().flat_map(wasmparser::RecGroup::into_types);
                    let mut kinds = types.map(|ty| ty.composite_type.inner);
                    used.stack_switching = kinds.any(|kind| matches!(kind, CompositeInnerType::Cont(_)));
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports().flatten() {
                        let TypeRef::Memory(memory) = import.ty else { continue };
                        used.custom_page_sizes |= memory.page_size_log2.is_some();
                        used.imports_shared_memory |= memory.shared;
                    }
                }
                Payload::MemorySection(memories) => {
                    let mut memories = memories.into_iter().flatten();
                    used.custom_page_sizes |= memories.any(|memory| memory.page_size_log2.is_some());
                }
                Payload::CodeSectionStart { range, .. } => {
                    used.wide_arithmetic = wasm.get(range).is_some_and(may_be_wide);
                    break;
                }
                _ => {}
            }
        }
        used
    }
}

/// Whether the bytes of an instruction of wide arithmetic occur: its opcode is the prefix and one of four numbers, which
/// may be written in more bytes than it needs.
fn may_be_wide(code: &[u8]) -> bool {
    const PREFIX: u8 = 0xfc;
    const FIRST: u8 = 0x13;
    const LAST: u8 = 0x16;
    memchr_iter(PREFIX, code)
        .any(|at| code.get(at + 1).is_some_and(|byte| (FIRST..=LAST).contains(&(byte & 0x7f))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &str) -> Proposals {
        Proposals::of(&wat::parse_str(format!("(module {fields})")).unwrap())
    }

    #[test]
    fn what_a_module_uses_is_on() {
        let none = Proposals::default();
        assert_eq!(of(""), none);
        assert_eq!(of("(memory 1) (func (drop (i32.const 0x13)))"), none);
        assert_eq!(of("(type $f (func)) (type (cont $f))"), Proposals { stack_switching: true, ..none });
        assert_eq!(
            of("(rec (type $f (func)) (type (cont $f)))"),
            Proposals { stack_switching: true, ..none }
        );
        let pages = Proposals { custom_page_sizes: true, ..none };
        assert_eq!(of("(memory 1 (pagesize 1))"), pages);
        assert_eq!(of("(import \"a\" \"b\" (memory 1 (pagesize 1)))"), pages);
        let shared = Proposals { imports_shared_memory: true, ..none };
        assert_eq!(of("(import \"a\" \"b\" (memory 1 2 shared))"), shared);
        assert_eq!(of("(import \"a\" \"b\" (memory 1)) (memory 1 2 shared)"), none);
        for instruction in ["i64.add128", "i64.sub128"] {
            let body = format!(
                "(func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 \
                local.get 3 {instruction})"
            );
            assert_eq!(of(&body), Proposals { wide_arithmetic: true, ..none }, "{instruction}");
        }
        for instruction in ["i64.mul_wide_s", "i64.mul_wide_u"] {
            let body =
                format!("(func (param i64 i64) (result i64 i64) local.get 0 local.get 1 {instruction})");
            assert_eq!(of(&body), Proposals { wide_arithmetic: true, ..none }, "{instruction}");
        }
    }
}
