//! A component that runs, in an engine and on a host that know nothing of preinit.

use pollster::block_on;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Component, Func, Instance, Linker, ResourceTable, Type, Val};
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
        config.wasm_component_model_async(true).wasm_component_model_more_async_builtins(true);
        config.wasm_component_model_async_stackful(true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, wasm).unwrap();
        let mut linker = Linker::<Host>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
        let stdout = MemoryOutputPipe::new(1 << 20);
        let mut builder = WasiCtxBuilder::new();
        builder.stdout(stdout.clone());
        for (host, guest) in dirs {
            builder.preopened_dir(host, guest, FsPerms::ReadOnly).unwrap();
        }
        let host = Host { wasi: builder.build(), table: ResourceTable::new() };
        let mut store = Store::new(&engine, host);
        let instance = block_on(linker.instantiate_async(&mut store, &component)).unwrap();
        Running { store, instance, stdout }
    }

    /// A call as it is written: `name`, or `name(1, "text")`.
    pub fn run(&mut self, call: &str) -> String {
        match call.strip_suffix(')').and_then(|call| call.split_once('(')) {
            Some((name, arguments)) => self.call(name, arguments),
            None => self.call(call, ""),
        }
    }

    /// The results as text; `trap` for any trap. Arguments are in WAVE.
    pub fn call(&mut self, name: &str, arguments: &str) -> String {
        let Some(function) = self.function(name) else { return "no such export".to_string() };
        let ty = function.ty(&self.store);
        let types: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
        let call = format!("f({arguments})");
        let params: Vec<Val> = UntypedFuncCall::parse(&call).unwrap().to_wasm_params(&types).unwrap();
        let mut results: Vec<Val> = ty.results().map(|_| Val::Bool(false)).collect();
        match block_on(function.call_async(&mut self.store, &params, &mut results)) {
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
