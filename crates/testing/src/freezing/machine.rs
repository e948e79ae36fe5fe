//! Runs a module whose imports answer from a seed, and remembers what it called. The same answers come from a module that
//! `preinit` can preload.

use std::sync::{Arc, Mutex};
use wasmtime::{
    Config, Engine, Extern, Func, Instance, Linker, Module, ResourceLimiter, Store, Val, ValType,
};

/// The imports that generated programs may have, all from `env`.
pub const IMPORTS: [(&str, &[Number], &[Number]); 4] = [
    ("a", &[Number::I32], &[Number::I32]),
    ("b", &[Number::I64, Number::F64], &[Number::I64]),
    ("c", &[], &[]),
    ("d", &[Number::I32], &[Number::F32, Number::I32]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    I32,
    I64,
    F32,
    F64,
}

/// A host call: which, with what, and what the host's state was before it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostCall {
    /// `module.name`
    pub name: String,
    pub arguments: Vec<u64>,
    pub state: u64,
}

/// Everything that can be seen of one call of the entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub calls: Vec<HostCall>,
    /// Bits of the results, or how it ended.
    pub outcome: Result<Vec<u64>, String>,
    /// Bits of exported globals, and the contents of exported memories.
    pub globals: Vec<(String, u128)>,
    pub memories: Vec<(String, Vec<u8>)>,
}

pub fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_exceptions(true).wasm_gc(true).wasm_function_references(true).wasm_tail_call(true);
    config
        .wasm_memory64(true)
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true);
    config.wasm_wide_arithmetic(true).wasm_custom_page_sizes(true).wasm_extended_const(true);
    config.cranelift_nan_canonicalization(true);
    Engine::new(&config).unwrap()
}

fn mixed(state: u64, value: u64) -> u64 {
    (state ^ value).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// The same host as a module, in a given state.
pub fn provider(state: u64) -> Vec<u8> {
    let text = format!(
        r#"(module
        (global $s (mut i64) (i64.const {}))
        (func $mix (param i64)
            (global.set $s (i64.add
                (i64.mul (i64.xor (global.get $s) (local.get 0)) (i64.const 6364136223846793005))
                (i64.const 1442695040888963407))))
        (func $i32 (result i32) (i32.wrap_i64 (i64.shr_u (global.get $s) (i64.const 33))))
        (func (export "a") (param i32) (result i32)
            (call $mix (i64.const 0)) (call $mix (i64.extend_i32_u (local.get 0))) (call $i32))
        (func (export "b") (param i64 f64) (result i64)
            (call $mix (i64.const 1)) (call $mix (local.get 0)) (call $mix (i64.reinterpret_f64 (local.get 1)))
            (global.get $s))
        (func (export "c") (call $mix (i64.const 2)))
        (func (export "d") (param i32) (result f32 i32)
            (call $mix (i64.const 3)) (call $mix (i64.extend_i32_u (local.get 0)))
            (f32.convert_i32_s (call $i32)) (call $i32)))"#,
        state as i64
    );
    preinit::wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

fn bits(value: &Val) -> u128 {
    match value {
        Val::I32(value) => u128::from(*value as u32),
        Val::I64(value) => u128::from(*value as u64),
        Val::F32(bits) => u128::from(*bits),
        Val::F64(bits) => u128::from(*bits),
        Val::V128(value) => value.as_u128(),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
        _ => 1,
    }
}

/// A number for a string of the host.
fn string(value: &Val, store: impl wasmtime::AsContext) -> Option<u64> {
    let Val::ExternRef(Some(external)) = value else { return None };
    let string = external.data(&store).ok()??.downcast_ref::<String>()?;
    Some(string.bytes().fold(0, |state, byte| mixed(state, byte.into())))
}

#[derive(Default)]
struct Host {
    state: u64,
    calls: Vec<HostCall>,
}

/// Host calls of one run. Programs that make more are not for these tests.
pub const MOST_CALLS: usize = 5_000;

/// Bytes of a memory and elements of a table. Programs that ask for more are not for these tests either.
const MOST_ROOM: usize = 64 << 20;

/// Whether a program asked for more.
#[derive(Default)]
struct Room {
    exceeded: bool,
}

impl Room {
    fn grow(&mut self, desired: usize) -> wasmtime::Result<bool> {
        self.exceeded |= desired > MOST_ROOM;
        Ok(!self.exceeded)
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired)
    }
}

/// An instance.
pub struct Machine {
    store: Store<Room>,
    instance: Instance,
    host: Arc<Mutex<Host>>,
}

impl Machine {
    /// Instantiates `wasm` with a host in this state.
    pub fn new(engine: &Engine, wasm: &[u8], state: u64) -> Machine {
        Machine::try_new(engine, wasm, state).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// The same for modules that may need more than this machine has.
    pub fn try_new(engine: &Engine, wasm: &[u8], state: u64) -> wasmtime::Result<Machine> {
        let module = Module::new(engine, wasm).unwrap_or_else(|error| panic!("{error:?}"));
        let mut store = Store::new(engine, Room::default());
        store.limiter(|room| room);
        let host = Arc::new(Mutex::new(Host { state, calls: Vec::new() }));
        let mut linker = Linker::new(engine);
        let mut known: Vec<String> = Vec::new();
        for import in module.imports() {
            let name = format!("{}.{}", import.module(), import.name());
            if import.ty().global().is_some() {
                let string = wasmtime::ExternRef::new(&mut store, import.name().to_string())?;
                let ty = import.ty().global().cloned().unwrap();
                let global = wasmtime::Global::new(&mut store, ty, string.into())?;
                linker.define(&mut store, import.module(), import.name(), global)?;
                continue;
            }
            let Some(ty) = import.ty().func().cloned() else { panic!("{name} is no function") };
            if known.contains(&name) {
                continue;
            }
            known.push(name.clone());
            let id = IMPORTS.iter().position(|(known, ..)| name == format!("env.{known}"));
            let host = Arc::clone(&host);
            let signature = ty.clone();
            let function = Func::new(&mut store, ty, move |caller, arguments, answers| {
                let mut host = host.lock().unwrap();
                if host.calls.len() >= MOST_CALLS {
                    return Err(wasmtime::Error::msg("too many host calls"));
                }
                let arguments: Vec<u64> = arguments
                    .iter()
                    .map(|value| string(value, &caller).unwrap_or(bits(value) as u64))
                    .collect();
                let before = host.state;
                let int = match id {
                    Some(id) => {
                        let state = mixed(before, id as u64);
                        host.state = arguments.iter().fold(state, |state, value| mixed(state, *value));
                        (host.state >> 33) as i32
                    }
                    // A stub.
                    None => 0,
                };
                host.calls.push(HostCall { name: name.clone(), arguments, state: before });
                for (answer, ty) in answers.iter_mut().zip(signature.results()) {
                    *answer = match (id, ty) {
                        (Some(_), ValType::I32) => Val::I32(int),
                        (Some(_), ValType::I64) => Val::I64(host.state as i64),
                        (Some(_), ValType::F32) => Val::F32((int as f32).to_bits()),
                        (_, ty) => Val::default_for_ty(&ty).unwrap(),
                    };
                }
                Ok(())
            });
            linker.define(&mut store, import.module(), import.name(), function).unwrap();
        }
        let instance = linker.instantiate(&mut store, &module)?;
        Ok(Machine { store, instance, host })
    }

    /// Whether the program has asked for more room than it got.
    pub fn is_too_large(&self) -> bool {
        self.store.data().exceeded
    }

    /// Calls an export that takes nothing, and looks at everything.
    pub fn call(&mut self, entry: &str) -> Seen {
        let function = self.instance.get_func(&mut self.store, entry).unwrap();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let outcome = match function.call(&mut self.store, &[], &mut results) {
            Ok(()) => Ok(results.iter().map(|value| bits(value) as u64).collect()),
            Err(error) => Err(match error.downcast_ref::<wasmtime::Trap>() {
                Some(trap) => trap.to_string(),
                None => error.root_cause().to_string(),
            }),
        };
        let calls = std::mem::take(&mut self.host.lock().unwrap().calls);
        let exports: Vec<_> =
            self.instance.exports(&mut self.store).map(|e| (e.name().to_string(), e.into_extern())).collect();
        let (mut globals, mut memories) = (Vec::new(), Vec::new());
        for (name, export) in exports {
            match export {
                Extern::Global(global) => globals.push((name, bits(&global.get(&mut self.store)))),
                Extern::Memory(memory) => memories.push((name, memory.data(&self.store).to_vec())),
                _ => {}
            }
        }
        globals.sort();
        Seen { calls, outcome, globals, memories }
    }
}
