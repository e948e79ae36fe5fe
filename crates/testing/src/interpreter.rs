//! wasmi: another engine, by other people, without the proposals that it does not know.

use super::case::Call;
use super::machine::{ELEMENTS, EXHAUSTED, FUEL, MEMORY, Machine, Observed, Outcome, Setup, State, argument};
use preinit::host::HostValue as Value;
use std::sync::LazyLock;
use wasmi::{
    Caller, Config, Engine, Extern, ExternType, Func, Instance, Linker, Module, Nullable, Ref, Store,
    StoreLimits, StoreLimitsBuilder, TrapCode, Val, ValType,
};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::default();
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).wasm_memory64(true);
    config.wasm_multi_memory(true).wasm_simd(true).wasm_relaxed_simd(true);
    config.consume_fuel(true);
    Engine::new(&config)
});

pub struct Interpreter {
    store: Store<StoreLimits>,
    fuel: u64,
    instance: Instance,
    providers: Vec<(String, Instance)>,
}

impl Interpreter {
    /// Whether wasmi knows everything that the modules use, and [`Self::start`] can give them their imports.
    pub fn supports(module: &[u8], providers: &[(String, Vec<u8>)]) -> bool {
        let is_known = |wasm: &[u8]| Module::new(&ENGINE, wasm).is_ok();
        let is_provided = |module: &str| providers.iter().any(|(name, _)| name == module);
        let is_available = |module: &Module| {
            module.imports().all(|import| import.ty().func().is_some() || is_provided(import.module()))
        };
        providers.iter().all(|(_, wasm)| is_known(wasm))
            && Module::new(&ENGINE, module).is_ok_and(|module| is_available(&module))
    }

    pub fn start(wasm: &[u8], setup: Setup<'_>) -> Result<Interpreter, String> {
        let words = |error: wasmi::Error| trap_of(&error);
        let module = Module::new(&ENGINE, wasm).map_err(words)?;
        let limits = StoreLimitsBuilder::new();
        let (fuel, limits) = match setup.bounded {
            // Its instructions cost more.
            true => (FUEL * 20, limits.memory_size(MEMORY).table_elements(ELEMENTS)),
            false => (u64::MAX, limits),
        };
        let mut store = Store::new(&ENGINE, limits.build());
        store.limiter(|limits| limits);
        store.set_fuel(fuel).map_err(words)?;
        let mut linker = Linker::new(&ENGINE);
        let mut providers = Vec::new();
        for (name, wasm) in setup.providers {
            let provider = Module::new(&ENGINE, wasm).map_err(words)?;
            let instance = linker.instantiate_and_start(&mut store, &provider).map_err(words)?;
            linker.instance(&mut store, name, instance).map_err(words)?;
            providers.push((name.clone(), instance));
        }
        let mut imports = Vec::new();
        for import in module.imports() {
            let provided = linker.get(&store, import.module(), import.name());
            imports.push(match (provided, import.ty()) {
                (Some(provided), _) => provided,
                (None, ExternType::Func(ty)) => Func::new(&mut store, ty.clone(), stub(setup.stubs)).into(),
                (None, ty) => return Err(format!("nothing provides a {ty:?}")),
            });
        }
        let instance = Instance::new(&mut store, &module, &imports).map_err(words)?;
        Ok(Interpreter { store, fuel, instance, providers })
    }
}

fn stub(
    returns: bool,
) -> impl Fn(Caller<'_, StoreLimits>, &[Val], &mut [Val]) -> Result<(), wasmi::Error> + Send + Sync {
    move |_, _, results| match returns {
        true => {
            results.iter_mut().for_each(|result| *result = Val::default_for_ty(result.ty()));
            Ok(())
        }
        false => Err(wasmi::Error::new("unknown import")),
    }
}

impl Machine for Interpreter {
    fn call(&mut self, call: &Call) -> Outcome {
        let instance = match &call.provider {
            Some(provider) => self.providers.iter().find(|(name, _)| name == provider).unwrap().1,
            None => self.instance,
        };
        let function = instance.get_func(&self.store, &call.export);
        let function = function.unwrap_or_else(|| panic!("no export `{}`", call.export));
        let ty = function.ty(&self.store);
        let args: Vec<Val> = call.args.iter().zip(ty.params()).map(|(arg, ty)| to_val(arg, *ty)).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        self.store.set_fuel(self.fuel).unwrap();
        match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => Outcome::Returned(results.iter().map(of_val).collect()),
            Err(error) => Outcome::Trapped(trap_of(&error)),
        }
    }

    fn state(&mut self) -> State {
        let mut state = State::new();
        observe(&self.store, &self.instance, "", &mut state);
        for (name, provider) in &self.providers {
            observe(&self.store, provider, &format!("{name}::"), &mut state);
        }
        state
    }
}

fn observe(store: &Store<StoreLimits>, instance: &Instance, prefix: &str, state: &mut State) {
    for export in instance.exports(store) {
        let name = format!("{prefix}{}", export.name());
        let observed = match export.into_extern() {
            Extern::Global(global) => Observed::Global(of_val(&global.get(store))),
            Extern::Memory(memory) => Observed::Memory(memory.data(store).to_vec()),
            Extern::Table(table) => {
                let slots = (0..table.size(store)).map(|slot| reference(&table.get(store, slot).unwrap()));
                Observed::Table(slots.collect())
            }
            Extern::Func(_) => continue,
        };
        state.insert(name, observed);
    }
}

fn reference(reference: &Ref) -> Value {
    if reference.is_null() { Value::Null } else { Value::Reference }
}

fn to_val(text: &str, ty: ValType) -> Val {
    let name = format!("{ty:?}").to_lowercase();
    match argument(text, &name) {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(wasmi::F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(wasmi::F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(bits.into()),
        Value::Null | Value::Reference => Val::default_for_ty(ty),
    }
}

fn of_val(value: &Val) -> Value {
    match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32(value.to_bits()),
        Val::F64(value) => Value::F64(value.to_bits()),
        Val::V128(value) => Value::V128(value.as_u128()),
        Val::FuncRef(Nullable::Null) | Val::ExternRef(Nullable::Null) => Value::Null,
        Val::FuncRef(_) | Val::ExternRef(_) => Value::Reference,
    }
}

fn trap_of(error: &wasmi::Error) -> String {
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel | TrapCode::StackOverflow) => EXHAUSTED.to_string(),
        Some(code) => format!("{code:?}"),
        None => error.to_string(),
    }
}
