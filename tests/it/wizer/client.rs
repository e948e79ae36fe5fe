// A client that runs modules and components in a store of its own, and only asks for the two halves around that. It is included
// twice, where `wizer` is `wasmtime_wizer` and where it is `preinit::wizer`; no other line is different.

use super::{Settings, engine};
use wasmtime::component::{self, Component, Lift};
use wasmtime::{Caller, Instance, Linker, Module, Result, Store, StoreContextMut, Val, format_err};
use wizer::{
    ComponentContext, ComponentInstanceState, InstanceState, ModuleContext, SnapshotVal, ValType, Wizer,
};

/// What the client keeps in its store.
#[derive(Default)]
pub struct Client {
    calls: i32,
}

impl Client {
    fn next(&mut self) -> i32 {
        self.calls += 1;
        self.calls * 100
    }
}

/// A module in the store.
struct OfModule {
    store: Store<Client>,
    instance: Instance,
}

impl InstanceState for OfModule {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name).expect("there is such a global");
        match global.get(&mut self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(bits) => SnapshotVal::F32(bits),
            Val::F64(bits) => SnapshotVal::F64(bits),
            Val::V128(value) => SnapshotVal::V128(value.as_u128()),
            _ => panic!("no number"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name).expect("there is such a memory");
        contents(memory.data(&self.store));
    }
}

/// A component in the store.
struct OfComponent {
    store: Store<Client>,
    instance: component::Instance,
}

impl OfComponent {
    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, func: &str) -> R {
        let OfComponent { store, instance: component } = self;
        let instance = component.get_export_index(&mut *store, None, instance).expect("there is an instance");
        let func =
            component.get_export_index(&mut *store, Some(&instance), func).expect("there is a function");
        let func = component.get_typed_func::<(), (R,)>(&mut *store, func).expect("it is of this type");
        func.call_async(store, ()).await.expect("it returns").0
    }
}

impl ComponentInstanceState for OfComponent {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        contents(&self.call::<Vec<u8>>(instance, func).await);
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call::<f64>(instance, func).await.to_bits()
    }
}

fn wizer_for(settings: &Settings<'_>) -> Wizer {
    let mut wizer = Wizer::new();
    wizer.init_func(settings.init).keep_init_func(settings.keeps_init);
    for (new, old) in settings.renames {
        wizer.func_rename(new, old);
    }
    assert_eq!(wizer.get_init_func(), settings.init);
    wizer
}

pub fn new_store() -> Store<Client> {
    Store::new(engine(), Client::default())
}

/// An instance whose import `client.next` counts in the store.
pub async fn instantiate(store: &mut Store<Client>, module: &Module) -> Result<Instance> {
    let mut linker = Linker::new(engine());
    linker.func_wrap("client", "next", |mut caller: Caller<'_, Client>| caller.data_mut().next())?;
    linker.define_unknown_imports_as_traps(module)?;
    linker.instantiate_async(store, module).await
}

/// The module after its init.
pub async fn module_after_init(wasm: &[u8], init: &str) -> Result<(Store<Client>, Instance)> {
    let module = Module::new(engine(), wasm)?;
    let mut store = new_store();
    let instance = instantiate(&mut store, &module).await?;
    if let Some(constructors) = instance.get_func(&mut store, "_initialize")
        && init != "_initialize"
    {
        constructors.call_async(&mut store, &[], &mut []).await?;
    }
    let function = instance.get_typed_func::<(), ()>(&mut store, init)?;
    function.call_async(&mut store, ()).await?;
    Ok((store, instance))
}

/// The snapshot of a module.
pub async fn of_module(wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>> {
    let wizer = wizer_for(settings);
    let (cx, instrumented): (ModuleContext<'_>, Vec<u8>) = wizer.instrument(wasm)?;
    let (store, instance) = module_after_init(&instrumented, settings.init).await?;
    wizer.snapshot(&cx, &mut OfModule { store, instance }).await
}

/// The component after its init, whose import `next` counts in the store. `init` may be a function of an exported instance,
/// after `#`.
pub async fn component_after_init(wasm: &[u8], init: &str) -> Result<(Store<Client>, component::Instance)> {
    let component = Component::new(engine(), wasm)?;
    let mut store = new_store();
    let mut linker = component::Linker::new(engine());
    linker.define_unknown_imports_as_traps(&component)?;
    linker.allow_shadowing(true);
    linker
        .root()
        .func_wrap("next", |mut store: StoreContextMut<'_, Client>, (): ()| Ok((store.data_mut().next(),)))?;
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let missing = || format_err!("there is no export `{init}`");
    let (of, name) = init.split_once('#').map_or((None, init), |(of, name)| (Some(of), name));
    let of = match of {
        Some(of) => Some(instance.get_export_index(&mut store, None, of).ok_or_else(missing)?),
        None => None,
    };
    let name = instance.get_export_index(&mut store, of.as_ref(), name).ok_or_else(missing)?;
    let function = instance.get_typed_func::<(), ()>(&mut store, name)?;
    function.call_async(&mut store, ()).await?;
    Ok((store, instance))
}

/// The snapshot of a component.
pub async fn of_component(wasm: &[u8], settings: &Settings<'_>) -> Result<Vec<u8>> {
    let wizer = wizer_for(settings);
    let (cx, instrumented): (ComponentContext<'_>, Vec<u8>) = wizer.instrument_component(wasm)?;
    let (store, instance) = component_after_init(&instrumented, settings.init).await?;
    wizer.snapshot_component(&cx, &mut OfComponent { store, instance }).await
}
