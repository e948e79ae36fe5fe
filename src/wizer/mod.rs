//! The interface of the crate `wasmtime-wizer`, version 48: the same names with the same meaning, for programs that run the
//! module themselves. `use wasmtime_wizer::Wizer` becomes `use preinit::wizer::Wizer`.
//!
//! [`Wizer::run`] works on the caller's [`wasmtime::Store`], with the caller's imports. [`Wizer::instrument`] and
//! [`Wizer::snapshot`] are its two halves, for instances on any engine: what runs the module is behind [`InstanceState`].
//!
//! More survives than there: tables, references to functions, dropped segments, and with [`Wizer::run`] the objects of the
//! garbage-collected heap. An [`InstanceState`] that was written for `wasmtime-wizer` compiles as it is; where the module
//! has such state, and the implementation has no methods to read it, the snapshot is refused. Clocks, randomness and
//! whatever else the imports give is the caller's.
//!
//! ```
//! use preinit::wizer::Wizer;
//! use wasmtime::{Engine, Instance, Linker, Module, Store};
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let (mut future, mut cx) = (std::pin::pin!(future), std::task::Context::from_waker(std::task::Waker::noop()));
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! # block_on(async {
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (import "foo" "bar" (func $bar (param i32) (result i32)))
//!     (global $g (mut i32) (i32.const 0))
//!     (func (export "wizer-initialize") (global.set $g (call $bar (global.get $g))))
//!     (func (export "run") (result i32) (global.get $g)))"#)?;
//! let engine = Engine::default();
//! let mut store = Store::new(&engine, ());
//! let wasm = Wizer::new()
//!     .run(&mut store, &wasm, async |store, module| {
//!         let mut linker = Linker::new(module.engine());
//!         linker.func_wrap("foo", "bar", |x: i32| x + 1)?;
//!         linker.instantiate_async(store, module).await
//!     })
//!     .await?;
//!
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("foo", "bar", |_: i32| -> wasmtime::Result<i32> { wasmtime::bail!("not called") })?;
//! let instance = linker.instantiate_async(&mut store, &Module::new(&engine, &wasm)?).await?;
//! let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
//! assert_eq!(run.call_async(&mut store, ()).await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Components are initialized in the same way, and what the init function returns is given too:
//!
//! ```
//! use preinit::wizer::Wizer;
//! use wasmtime::component::{Component, Linker};
//! use wasmtime::{Engine, Store};
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let (mut future, mut cx) = (std::pin::pin!(future), std::task::Context::from_waker(std::task::Waker::noop()));
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! # block_on(async {
//! let wasm = wat::parse_str(r#"(component
//!     (core module $m
//!         (global $g (mut i32) (i32.const 0))
//!         (func (export "init") (global.set $g (i32.const 42)))
//!         (func (export "run") (result i32) (global.get $g)))
//!     (core instance $i (instantiate $m))
//!     (func (export "init") (canon lift (core func $i "init")))
//!     (func (export "run") (result s32) (canon lift (core func $i "run"))))"#)?;
//! let engine = Engine::default();
//! let mut store = Store::new(&engine, ());
//! let mut wizer = Wizer::new();
//! wizer.init_func("init").keep_init_func(true).allow_live_handles(false);
//! assert_eq!(wizer.get_init_func(), "init");
//! let (wasm, results) = wizer
//!     .run_component(&mut store, &wasm, async |store, component| {
//!         Linker::new(component.engine()).instantiate_async(store, component).await
//!     })
//!     .await?;
//! assert!(results.is_empty());
//!
//! let component = Component::new(&engine, &wasm)?;
//! let instance = Linker::new(&engine).instantiate_async(&mut store, &component).await?;
//! let run = instance.get_typed_func::<(), (i32,)>(&mut store, "run")?;
//! assert_eq!(run.call_async(&mut store, ()).await?, (42,));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Both halves, with the implementations of [`InstanceState`] and [`ComponentInstanceState`] for Wasmtime; other engines have their
//! own:
//!
//! ```
//! use preinit::wizer::{InstanceState, MissingExport, SnapshotVal, ValType, WasmtimeWizer, Wizer};
//! use wasmtime::{Engine, Instance, Module, Store};
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let (mut future, mut cx) = (std::pin::pin!(future), std::task::Context::from_waker(std::task::Waker::noop()));
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! # block_on(async {
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (global $g (export "g") (mut i32) (i32.const 0)) (memory (export "m") 1) (table (export "t") 1 funcref)
//!     (func $f (export "f") (global.set $g (i32.const 42)))
//!     (func (export "old")) (func (export "new")))"#)?;
//! let mut wizer = Wizer::new();
//! wizer.init_func("f").keep_init_func(true).func_rename("old", "new");
//! let (context, instrumented) = wizer.instrument(&wasm)?;
//! let engine = Engine::default();
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &Module::new(&engine, &instrumented)?, &[])?;
//! instance.get_typed_func::<(), ()>(&mut store, "f")?.call(&mut store, ())?;
//!
//! let mut state = WasmtimeWizer { store: &mut store, instance };
//! assert_eq!(state.global_get("g", ValType::I32).await, SnapshotVal::I32(42));
//! assert_eq!(state.try_global_get("x", ValType::I32).await, Err(MissingExport::Number("x".to_string())));
//! state.memory_contents("m", |bytes| assert_eq!(bytes.len(), 65536)).await;
//! assert!(state.try_memory_contents("x", |_| ()).await.is_err());
//! assert_eq!(state.table_elements("t").await.map(|elements| elements.len()), Some(1));
//! assert!(state.function_identity("f").await.is_some() && state.global_ref("x").await.is_none());
//! assert_eq!(state.traps("f").await, Some(false));
//! let snapshot = wizer.snapshot(&context, &mut state).await?;
//! assert_eq!(Module::new(&engine, &snapshot)?.exports().count(), 5);
//!
//! let wasm = wat::parse_str(r#"(component)"#)?;
//! let (context, instrumented) = wizer.instrument_component(&wasm)?;
//! # use preinit::wizer::WasmtimeWizerComponent;
//! # use wasmtime::component::{Component, Linker};
//! let component = Component::new(&engine, &instrumented)?;
//! let instance = Linker::new(&engine).instantiate_async(&mut store, &component).await?;
//! let mut state = WasmtimeWizerComponent { store: &mut store, instance };
//! let error = wizer.snapshot_component(&context, &mut state).await.unwrap_err();
//! assert!(error.to_string().contains("do not support renaming"), "{error}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! No example: the other types are what these functions take and give; their documentation says how an engine makes them.

mod component;
mod instance_state;
mod prefetched;
mod read_state;
mod run;

pub use component::{
    ComponentContext, ComponentInstanceState, CoreReferences, CoreTable, WantedReferences,
    WasmtimeWizerComponent,
};
pub use instance_state::{InstanceState, MissingExport, SnapshotRef, SnapshotVal};
pub use run::WasmtimeWizer;
pub use wasmparser::ValType;

use run::reference;

use preinit_core::capture::{Instance, capture};
use preinit_core::encode::encode;
use preinit_core::module::Module;
use preinit_core::plan::{PlanOptions, Rename, plan, rename_conflict};
use preinit_core::probe::{ProbeOptions, Probed};
use wasmparser::TypeRef;
use wasmtime::{Error, Result, bail};

/// A reactor's constructors, which must not run a second time.
const REACTOR_INITIALIZE: &str = "_initialize";

/// Pre-initializes modules in a store or an engine of the caller's.
#[derive(Clone, Debug)]
pub struct Wizer {
    init_func: String,
    func_renames: Vec<Rename>,
    keep_init_func: bool,
    allow_live_handles: bool,
}

/// What [`Wizer::snapshot`] needs to know of a module that [`Wizer::instrument`] was given.
pub struct ModuleContext<'a> {
    module: Module<'a>,
    probed: Probed,
}

impl Default for Wizer {
    fn default() -> Self {
        Wizer::new()
    }
}

impl Wizer {
    /// The builder.
    pub fn new() -> Self {
        Wizer {
            init_func: "wizer-initialize".to_string(),
            func_renames: Vec::new(),
            keep_init_func: false,
            allow_live_handles: false,
        }
    }

    /// The export that initializes the module; `wizer-initialize` by default.
    pub fn init_func(&mut self, init_func: impl Into<String>) -> &mut Self {
        self.init_func = init_func.into();
        self
    }

    /// The export that initializes the module.
    pub fn get_init_func(&self) -> &str {
        &self.init_func
    }

    /// Exports `old_name` as `new_name`, instead of any `new_name` that was there. No effect if there is no `old_name`.
    pub fn func_rename(&mut self, new_name: &str, old_name: &str) -> &mut Self {
        self.func_renames.push(Rename { dst: new_name.to_string(), src: old_name.to_string() });
        self
    }

    /// Whether the output still exports the init function; by default it does not.
    pub fn keep_init_func(&mut self, keep: bool) -> &mut Self {
        self.keep_init_func = keep;
        self
    }

    /// Whether handles of resources, streams and files may be alive after the init of a component, which do not survive. If the
    /// component uses one of them, it fails. By default there is no snapshot then.
    pub fn allow_live_handles(&mut self, allow: bool) -> &mut Self {
        self.allow_live_handles = allow;
        self
    }

    /// The first half of [`Wizer::run`]: a module that shows its state, to be run by any engine. When its init function has
    /// returned, the context and the instance go to [`Wizer::snapshot`].
    ///
    /// # Errors
    /// If `wasm` is not a valid module, or imports a memory, a table or a mutable global, whose state is somebody else's.
    pub fn instrument<'a>(&self, wasm: &'a [u8]) -> Result<(ModuleContext<'a>, Vec<u8>)> {
        let module = Module::parse(wasm)?;
        for import in &module.imports {
            match import.ty {
                TypeRef::Global(ty) if ty.mutable => bail!("imported mutable globals are not supported"),
                TypeRef::Table(_) => bail!("imported tables are not supported"),
                TypeRef::Memory(_) => bail!("imported memories are not supported"),
                TypeRef::Global(_) | TypeRef::Func(_) | TypeRef::FuncExact(_) | TypeRef::Tag(_) => {}
            }
        }
        let options = ProbeOptions { leaves_nothing_to_host: true, ..ProbeOptions::default() };
        let mut probed = Probed::with(&module, &options)?;
        let wasm = std::mem::take(&mut probed.wasm);
        Ok((ModuleContext { module, probed }, wasm))
    }

    /// The second half of [`Wizer::run`]: the module in the state that `instance` is in.
    ///
    /// # Errors
    /// If the renames contradict each other, or the state cannot be read, or not be written into a module.
    pub async fn snapshot(
        &self,
        cx: &ModuleContext<'_>,
        instance: &mut impl InstanceState,
    ) -> Result<Vec<u8>> {
        let read = read_state::read(&cx.module, &cx.probed, instance).await?;
        self.written(cx, &mut read.instance(&cx.module)?)
    }

    /// The module in the state of an instance.
    fn written<I: Instance>(&self, cx: &ModuleContext<'_>, instance: &mut I) -> Result<Vec<u8>> {
        if let Some(conflict) = rename_conflict(&self.func_renames) {
            bail!("{conflict}");
        }
        let consumed = [REACTOR_INITIALIZE, &self.init_func].into_iter();
        let kept = |name: &&str| *name == REACTOR_INITIALIZE || !self.keep_init_func;
        let options = PlanOptions {
            removed_exports: consumed.filter(kept).map(str::to_string).collect(),
            renames: self.func_renames.clone(),
            ..PlanOptions::default()
        };
        let snapshot = capture(&cx.module, &cx.probed, instance).map_err(Error::new)?;
        let plan = plan(&cx.module, &snapshot, &options)?;
        Ok(encode(&cx.module, &snapshot, &plan)?)
    }
}
