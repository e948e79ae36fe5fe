//! Wasmtime with its optimizing compiler, used as any embedder would: no probe, no preinit.

use super::case::Call;
use super::machine::{ELEMENTS, EXHAUSTED, FUEL, MEMORY, Machine, Observed, Outcome, Setup, State, argument};
use preinit::host::HostValue as Value;
use std::mem::{Discriminant, discriminant};
use std::sync::LazyLock;
use wasmtime::{
    Config, Engine, Extern, ExternType, Instance, Linker, Module, Ref, Store, StoreLimits,
    StoreLimitsBuilder, Val,
};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{WasiP1Ctx, add_to_linker_sync};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config.wasm_gc(true).wasm_function_references(true).wasm_exceptions(true).wasm_tail_call(true);
    config.wasm_multi_memory(true).wasm_memory64(true).wasm_custom_page_sizes(true);
    config.wasm_wide_arithmetic(true).wasm_extended_const(true).wasm_threads(true);
    config.shared_memory(true).wasm_relaxed_simd(true).relaxed_simd_deterministic(true);
    config.wasm_stack_switching(cfg!(all(target_arch = "x86_64", unix)));
    // Init ran with it, and what it computes must not depend on that.
    config.cranelift_nan_canonicalization(true);
    // Instances here are small and many.
    config.memory_reservation(0).memory_init_cow(false);
    config.consume_fuel(true);
    Engine::new(&config).unwrap()
});

struct Host {
    wasi: WasiP1Ctx,
    limits: StoreLimits,
}

pub struct Cranelift {
    store: Store<Host>,
    fuel: u64,
    instance: Instance,
    providers: Vec<(String, Instance)>,
}

impl Cranelift {
    /// The trap of a start function or of a segment, or another reason why there is no instance.
    pub fn start(wasm: &[u8], setup: Setup<'_>) -> Result<Cranelift, String> {
        let words = |error: wasmtime::Error| trap_of(&error);
        let module = Module::new(&ENGINE, wasm).map_err(|error| format!("{error:#}"))?;
        let limits = StoreLimitsBuilder::new();
        let (fuel, limits) = match setup.bounded {
            true => (FUEL, limits.memory_size(MEMORY).table_elements(ELEMENTS)),
            false => (u64::MAX, limits),
        };
        let host = Host { wasi: WasiCtxBuilder::new().build_p1(), limits: limits.build() };
        let mut store = Store::new(&ENGINE, host);
        store.limiter(|host| &mut host.limits);
        store.set_fuel(fuel).map_err(words)?;
        let mut linker = Linker::new(&ENGINE);
        if setup.wasi {
            add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi).map_err(words)?;
        }
        let mut providers = Vec::new();
        for (name, wasm) in setup.providers {
            let provider = Module::new(&ENGINE, wasm).map_err(|error| format!("{error:#}"))?;
            let instance = linker.instantiate(&mut store, &provider).map_err(words)?;
            linker.instance(&mut store, name, instance).map_err(words)?;
            providers.push((name.clone(), instance));
        }
        if !setup.stubs {
            linker.define_unknown_imports_as_traps(&module).map_err(words)?;
        }
        // Not by name: generated modules import things of several kinds under one name.
        let mut imports: Vec<Extern> = Vec::new();
        let mut stubs: Vec<(&str, &str, Discriminant<ExternType>, Extern)> = Vec::new();
        for import in module.imports() {
            let (module, name, kind) = (import.module(), import.name(), discriminant(&import.ty()));
            let is_it = |stub: &&(&str, &str, Discriminant<ExternType>, Extern)| {
                (stub.0, stub.1, stub.2) == (module, name, kind)
            };
            let is_func = import.ty().func().is_some();
            let provided = linker.get_by_import(&mut store, &import);
            imports.push(match (provided, stubs.iter().find(is_it)) {
                (Some(provided), _) => provided,
                (None, Some(stub)) if !is_func => stub.3.clone(),
                (None, _) => {
                    let stub = match import.ty() {
                        // String constants and the like: the host has them.
                        ExternType::Global(ty) if is_external(ty.content()) => {
                            let value =
                                wasmtime::ExternRef::new(&mut store, name.to_string()).map_err(words)?;
                            wasmtime::Global::new(&mut store, ty, value.into()).map_err(words)?.into()
                        }
                        ty => ty.default_value(&mut store).map_err(words)?,
                    };
                    stubs.push((module, name, kind, stub.clone()));
                    stub
                }
            });
        }
        let instance = Instance::new(&mut store, &module, &imports).map_err(words)?;
        Ok(Cranelift { store, fuel, instance, providers })
    }
}

impl Machine for Cranelift {
    fn call(&mut self, call: &Call) -> Outcome {
        let instance = match &call.provider {
            Some(provider) => self.providers.iter().find(|(name, _)| name == provider).unwrap().1,
            None => self.instance,
        };
        let function = instance.get_func(&mut self.store, &call.export);
        let function = function.unwrap_or_else(|| panic!("no export `{}`", call.export));
        let ty = function.ty(&self.store);
        assert_eq!(call.args.len(), ty.params().len(), "arguments of {call}");
        let args: Vec<Val> = call
            .args
            .iter()
            .zip(ty.params())
            .map(|(arg, ty)| argument(arg, &ty.to_string()).to_val(&ty).unwrap())
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        self.store.set_fuel(self.fuel).unwrap();
        match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => Outcome::Returned(results.iter().map(Value::of).collect()),
            Err(error) => {
                // A live exception would be reported by every later call.
                let thrown = self.store.take_pending_exception().is_some();
                Outcome::Trapped(if thrown { "uncaught exception".to_string() } else { trap_of(&error) })
            }
        }
    }

    fn state(&mut self) -> State {
        let mut state = State::new();
        observe(&mut self.store, self.instance, "", &mut state);
        for (name, provider) in &self.providers {
            observe(&mut self.store, *provider, &format!("{name}::"), &mut state);
        }
        state
    }
}

fn is_external(ty: &wasmtime::ValType) -> bool {
    ty.as_ref().is_some_and(|ty| matches!(ty.heap_type(), wasmtime::HeapType::Extern))
}

fn observe(store: &mut Store<Host>, instance: Instance, prefix: &str, state: &mut State) {
    let exports = instance.exports(&mut *store);
    let exports: Vec<(String, Extern)> =
        exports.map(|export| (export.name().to_string(), export.into_extern())).collect();
    for (name, export) in exports {
        let observed = match export {
            Extern::Global(global) => Observed::Global(Value::of(&global.get(&mut *store))),
            Extern::Memory(memory) => Observed::Memory(memory.data(&*store).to_vec()),
            Extern::Table(table) => {
                let size = table.size(&*store);
                let slots = (0..size).map(|slot| reference(&table.get(&mut *store, slot).unwrap()));
                Observed::Table(slots.collect())
            }
            // A shared memory cannot be read without `unsafe`; cases have functions that read theirs.
            Extern::Func(_) | Extern::SharedMemory(_) | Extern::Tag(_) => continue,
        };
        state.insert(format!("{prefix}{name}"), observed);
    }
}

fn reference(reference: &Ref) -> Value {
    if reference.is_null() { Value::Null } else { Value::Reference }
}

fn trap_of(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel | wasmtime::Trap::StackOverflow) => EXHAUSTED.to_string(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}
