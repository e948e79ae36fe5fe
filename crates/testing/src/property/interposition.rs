//! Functions that answer instead of imports. For a generated module:
//!
//! 1. let a constant answer instead of each imported function, and let functions answer instead of `memory.size` and
//!    `memory.grow` that do the same;
//! 2. run the original with imports that return these constants, and what was made of it with imports that trap;
//! 3. make the same calls on both: results, exported globals and exported memories are the same.
//!
//! So whoever calls an import, directly, by a tail call, through a reference or an export, reaches ours.

use arbitrary::Unstructured;
use preinit::stages::interpose::{Interposition, SizedMemory};
use preinit::stages::module::Module;
use wasm_encoder::{Function, Instruction};
use wasmparser::{HeapType, ValType};
use wasmtime::{Config, Engine, ExternType, Func, Instance, Linker, Module as Compiled, Store, Val};

/// What came of one module.
#[derive(Debug, Default, Clone, Copy)]
pub struct Checked {
    /// Imported functions that were answered.
    pub answered: usize,
    /// Functions whose callees were redirected.
    pub redirected: usize,
    /// Calls that returned.
    pub returned: usize,
}

/// The body: a module made of `bytes`. Panics if a property does not hold. `None` if an import returns what has no constant.
pub fn check(bytes: &[u8]) -> arbitrary::Result<Option<Checked>> {
    let mut source = Unstructured::new(bytes);
    let config = wasm_smith::Config {
        min_imports: 6,
        max_imports: 12,
        min_funcs: 4,
        min_exports: 4,
        export_everything: true,
        tail_call_enabled: true,
        reference_types_enabled: true,
        bulk_memory_enabled: true,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        allow_start_export: false,
        max_memory32_bytes: 16 << 16,
        ..wasm_smith::Config::default()
    };
    let wasm = wasm_smith::Module::new(config, &mut source)?.to_bytes();
    let module = Module::parse(&wasm).expect("wasm-smith makes valid modules of the features that we take");
    let Some((made, answered)) = interposed(&module) else { return Ok(None) };
    let made_module = Module::parse(&made).expect("what was made is valid");
    let redirected = made_module.functions.len() - module.functions.len() - answered;
    let engine = Engine::new(Config::new().consume_fuel(true).wasm_tail_call(true)).expect("an engine");
    let mut original = Side::start(&engine, &wasm, false);
    let mut ours = Side::start(&engine, &made, true);
    let mut returned = 0;
    if let (Some(original), Some(ours)) = (&mut original, &mut ours) {
        for export in module.exports.iter().filter(|export| export.kind == wasmparser::ExternalKind::Func) {
            let (Some(left), Some(right)) = (original.call(export.name), ours.call(export.name)) else {
                // What such a call left undone goes on to matter.
                return Ok(Some(Checked { answered, redirected, returned }));
            };
            assert_eq!(left, right, "{}", export.name);
            returned += usize::from(left.starts_with("returned"));
        }
        assert_eq!(original.state(), ours.state());
    }
    assert_eq!(original.is_some(), ours.is_some());
    Ok(Some(Checked { answered, redirected, returned }))
}

/// The module in which constants answer, and how many.
fn interposed(module: &Module<'_>) -> Option<(Vec<u8>, usize)> {
    let mut interposition = Interposition::new(module);
    let mut answered = 0;
    for function in 0..module.imported.functions {
        let mut body = Function::new([]);
        for ty in module.signature(function)?.results() {
            body.instruction(&constant(*ty)?);
        }
        body.instruction(&Instruction::End);
        interposition.replace(function, body).expect("an import");
        answered += 1;
    }
    if !module.memories.is_empty() {
        let mut size = Function::new([]);
        size.instruction(&Instruction::MemorySize(0)).instruction(&Instruction::End);
        let mut grow = Function::new([]);
        grow.instruction(&Instruction::LocalGet(0))
            .instruction(&Instruction::MemoryGrow(0))
            .instruction(&Instruction::End);
        let size = interposition.function(&[0x60, 0, 1, 0x7f], size, "size");
        let grow = interposition.function(&[0x60, 1, 0x7f, 1, 0x7f], grow, "grow");
        interposition.replace_memory_instructions(SizedMemory { memory: 0, size, grow });
        answered += 2;
    }
    Some((interposition.finish().expect("the module can be rewritten").wasm, answered))
}

fn constant(ty: ValType) -> Option<Instruction<'static>> {
    Some(match ty {
        ValType::I32 => Instruction::I32Const(0),
        ValType::I64 => Instruction::I64Const(0),
        ValType::F32 => Instruction::F32Const(0.0.into()),
        ValType::F64 => Instruction::F64Const(0.0.into()),
        ValType::V128 => Instruction::V128Const(0),
        ValType::Ref(ty) if ty.is_nullable() => match ty.heap_type() {
            HeapType::FUNC => Instruction::RefNull(wasm_encoder::HeapType::FUNC),
            HeapType::EXTERN => Instruction::RefNull(wasm_encoder::HeapType::EXTERN),
            _ => return None,
        },
        ValType::Ref(_) => return None,
    })
}

/// One of the two, running.
struct Side {
    store: Store<()>,
    instance: Instance,
}

impl Side {
    /// Instantiates a module whose imported functions return zeros, or trap. `None` if that fails.
    fn start(engine: &Engine, wasm: &[u8], traps: bool) -> Option<Side> {
        let module = Compiled::new(engine, wasm).expect("what is valid can be compiled");
        let mut store = Store::new(engine, ());
        store.set_fuel(1 << 20).expect("fuel is on");
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        linker.define_unknown_imports_as_default_values(&mut store, &module).ok()?;
        for import in module.imports().filter(|_| traps) {
            if let ExternType::Func(ty) = import.ty() {
                let trap =
                    Func::new(&mut store, ty, |_, _, _| Err(wasmtime::Error::msg("the import itself")));
                linker.define(&store, import.module(), import.name(), trap).expect("a definition");
            }
        }
        let instance = linker.instantiate(&mut store, &module).ok()?;
        Some(Side { store, instance })
    }

    /// Calls an export with zeros and nulls; `None` once the fuel is used up, which costs differently on both sides.
    fn call(&mut self, name: &str) -> Option<String> {
        let function = self.instance.get_func(&mut self.store, name).expect("an exported function");
        let ty = function.ty(&self.store);
        let arguments: Option<Vec<Val>> = ty.params().map(|ty| ty.default_value()).collect();
        let Some(arguments) = arguments else { return Some("not called".to_string()) };
        let mut results = vec![Val::I32(0); ty.results().len()];
        self.store.set_fuel(1 << 20).expect("fuel is on");
        match function.call(&mut self.store, &arguments, &mut results) {
            Ok(()) => Some(format!("returned {:?}", results.iter().map(shown).collect::<Vec<_>>())),
            Err(error) => match error.downcast_ref::<wasmtime::Trap>() {
                Some(wasmtime::Trap::OutOfFuel | wasmtime::Trap::StackOverflow) => None,
                Some(trap) => Some(format!("{trap:?}")),
                None => Some(error.root_cause().to_string()),
            },
        }
    }

    /// What exported globals and memories hold.
    fn state(&mut self) -> Vec<String> {
        let exports: Vec<_> =
            self.instance.exports(&mut self.store).map(wasmtime::Export::into_extern).collect();
        let mut state = Vec::new();
        for export in exports {
            match export {
                wasmtime::Extern::Global(global) => state.push(shown(&global.get(&mut self.store))),
                wasmtime::Extern::Memory(memory) => {
                    let data = memory.data(&self.store);
                    let sum = data.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
                    state.push(format!("{} {sum}", data.len()));
                }
                _ => {}
            }
        }
        state
    }
}

/// References are only told from null.
fn shown(value: &Val) -> String {
    match value {
        Val::FuncRef(function) => format!("function {}", function.is_some()),
        Val::ExternRef(value) => format!("extern {}", value.is_some()),
        other => format!("{other:?}"),
    }
}
