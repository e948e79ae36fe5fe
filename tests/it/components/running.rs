//! A component that runs, in an engine and on a host that know nothing of preinit.

#[cfg(feature = "component-calls")]
use pollster::block_on;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, Func, Instance, Linker, LinkerInstance, ResourceTable, ResourceType, Type, Val,
};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

pub struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

pub struct Running {
    store: Store<Host>,
    instance: Instance,
    stdout: MemoryOutputPipe,
}

impl Running {
    /// `dirs` are paths of this machine and names for the guest.
    pub fn start(wasm: &[u8], dirs: &[(&str, &str)]) -> Running {
        let mut config = Config::new();
        config.wasm_gc(true).wasm_function_references(true).wasm_memory64(true).wasm_multi_memory(true);
        #[cfg(feature = "component-calls")]
        config
            .wasm_component_model_async(true)
            .wasm_component_model_more_async_builtins(true)
            .wasm_component_model_async_stackful(true)
            .wasm_component_model_threading(true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, wasm).unwrap();
        let mut linker = Linker::<Host>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
        trap_others(&mut linker, &component).unwrap();
        let stdout = MemoryOutputPipe::new(1 << 20);
        let mut builder = WasiCtxBuilder::new();
        builder.stdout(stdout.clone());
        for (host, guest) in dirs {
            builder.preopened_dir(host, guest, FsPerms::ReadOnly).unwrap();
        }
        let host = Host { wasi: builder.build(), table: ResourceTable::new() };
        let mut store = Store::new(&engine, host);
        #[cfg(feature = "component-calls")]
        let instance = block_on(linker.instantiate_async(&mut store, &component)).unwrap();
        #[cfg(not(feature = "component-calls"))]
        let instance = linker.instantiate(&mut store, &component).unwrap();
        Running { store, instance, stdout }
    }

    /// A call as it is written: `name`, or `name(1, "text")`. What it has started goes on until it ends or waits.
    pub fn run(&mut self, call: &str) -> String {
        let results = match call.strip_suffix(')').and_then(|call| call.split_once('(')) {
            Some((name, arguments)) => self.call(name, arguments),
            None => self.call(call, ""),
        };
        #[cfg(feature = "component-calls")]
        if results != "trap" {
            block_on(self.store.run_concurrent(async |_| yield_often().await)).unwrap();
        }
        results
    }

    /// The results as text; `trap` for any trap. Arguments are in WAVE.
    pub fn call(&mut self, name: &str, arguments: &str) -> String {
        let Some(function) = self.function(name) else { return "no such export".to_string() };
        let ty = function.ty(&self.store);
        let types: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
        let params = parameters(&types, arguments);
        let mut results: Vec<Val> = ty.results().map(|_| Val::Bool(false)).collect();
        #[cfg(feature = "component-calls")]
        let called = block_on(function.call_async(&mut self.store, &params, &mut results));
        #[cfg(not(feature = "component-calls"))]
        let called = function.call(&mut self.store, &params, &mut results);
        match called {
            Ok(()) => format!("{results:?}"),
            Err(_) => "trap".to_string(),
        }
    }

    /// `instance#function` is a function of an exported instance.
    fn function(&mut self, name: &str) -> Option<Func> {
        let Running { store, instance, .. } = self;
        let Some((of, function)) = name.split_once('#') else { return instance.get_func(store, name) };
        let of = instance.get_export_index(&mut *store, None, of)?;
        let function = instance.get_export_index(&mut *store, Some(&of), function)?;
        instance.get_func(store, function)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.contents()).into_owned()
    }
}

/// Lets others go on, each time one step.
#[cfg(feature = "component-calls")]
async fn yield_often() {
    let mut left = 1000;
    std::future::poll_fn(|context| {
        left -= 1;
        context.waker().wake_by_ref();
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[cfg(feature = "component-calls")]
fn parameters(types: &[Type], arguments: &str) -> Vec<Val> {
    let call = format!("f({arguments})");
    let call = wasmtime::component::wasm_wave::untyped::UntypedFuncCall::parse(&call).unwrap();
    call.to_wasm_params(types).unwrap()
}

#[cfg(not(feature = "component-calls"))]
fn parameters(types: &[Type], arguments: &str) -> Vec<Val> {
    let value = |(ty, argument): (&Type, &str)| match ty {
        Type::S32 => Val::S32(argument.parse().unwrap()),
        Type::U32 => Val::U32(argument.parse().unwrap()),
        Type::S64 => Val::S64(argument.parse().unwrap()),
        Type::U64 => Val::U64(argument.parse().unwrap()),
        ty => panic!("no argument of type {ty:?} is written without the feature `component-calls`"),
    };
    types.iter().zip(arguments.split(", ")).map(value).collect()
}

/// What is not of WASI 0.2 traps when it is called.
fn trap_others(linker: &mut Linker<Host>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let ty = component.component_type();
    for (name, item) in ty.imports(&engine).filter(|(name, _)| !is_of_linker(name)) {
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                let mut defined = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    trap(&mut defined, export, &item.ty)?;
                }
            }
            item => trap(&mut linker.root(), name, &item)?,
        }
    }
    Ok(())
}

/// Whether wasmtime-wasi's linker for WASI 0.2 has it.
fn is_of_linker(name: &str) -> bool {
    name.starts_with("wasi:") && name.rsplit_once('@').is_none_or(|(_, version)| version.starts_with("0.2."))
}

fn trap(linker: &mut LinkerInstance<'_, Host>, name: &str, item: &ComponentItem) -> wasmtime::Result<()> {
    match item {
        #[cfg(feature = "component-calls")]
        ComponentItem::ComponentFunc(ty) if ty.async_() => linker.func_new_concurrent(name, |_, _, _, _| {
            Box::pin(async { Err(wasmtime::Error::msg("nobody provides it")) })
        }),
        ComponentItem::ComponentFunc(_) => {
            linker.func_new(name, |_, _, _, _| Err(wasmtime::Error::msg("nobody provides it")))
        }
        ComponentItem::Resource(_) => linker.resource(name, ResourceType::host::<Host>(), |_, _| Ok(())),
        _ => Ok(()),
    }
}
