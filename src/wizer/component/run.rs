//! In the caller's store.

use super::instance_state::{ComponentInstanceState, CoreReferences, CoreTable, WantedReferences};
use super::{Handles, STREAMS, Wizer};
use crate::component::live_handles;
use crate::wizer::reference;
use std::collections::HashMap;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Instance, Lift, Val, WasmList};
use wasmtime::error::Context as _;
use wasmtime::{Module, Result, Store, WasmCoreDump, bail, format_err};

impl Wizer {
    /// The same as [`Wizer::run`] for a component. Besides, it gives what the init function has returned.
    ///
    /// The name of the init function is that of an export, or `namespace:package/interface.function@1.0.0` for a function of an
    /// exported instance. With the feature `component-calls`, arguments may be written after it in the text format WAVE:
    /// `init("text", [1, 2])`.
    ///
    /// Numbers, memories and dropped segments are read by calls of the component, so the store can be used afterwards. Changed
    /// tables and references in globals need an engine with [`wasmtime::Config::coredump_on_trap`]: then a trap shows the core
    /// instances, after which no component of the store can be called any more. Objects of the collector are refused.
    ///
    /// # Errors
    /// Those of [`Wizer::instrument_component`] and [`Wizer::snapshot_component`], and if the component cannot be run to the end
    /// of init.
    pub async fn run_component<T: Send>(
        &self,
        store: &mut Store<T>,
        wasm: &[u8],
        instantiate: impl AsyncFnOnce(&mut Store<T>, &Component) -> Result<Instance>,
    ) -> Result<(Vec<u8>, Vec<Val>)> {
        let (cx, instrumented) = self.instrument_component(wasm)?;
        let component =
            Component::new(store.engine(), &instrumented).context("failed to compile the Wasm component")?;
        let Call { index, arguments, mut results } = self.init_call(&component)?;
        // The store may have handles of other instances, and the adapter from preview 1 takes its own before init or in it.
        let others = live_handles(store).ok();
        let instance = instantiate(store, &component).await?;
        let since = |alive: Option<usize>| Some(alive?.saturating_sub(others?));
        let of_adapter = since(live_handles(store).ok()).unwrap_or(0).max(STREAMS);
        let init = instance.get_func(&mut *store, index).ok_or_else(|| self.no_init())?;
        let trapped = || format!("the `{}` function trapped", self.get_init_func());
        init.call_async(&mut *store, &arguments, &mut results).await.with_context(trapped)?;
        let handles = Handles { alive: since(live_handles(store).ok()), of_adapter };
        let mut state = WasmtimeWizerComponent { store, instance };
        Ok((self.snapshot_with(&cx, &mut state, handles).await?, results))
    }

    fn no_init(&self) -> wasmtime::Error {
        format_err!("the component does not export the function `{}`", self.get_init_func())
    }

    fn init_call(&self, component: &Component) -> Result<Call> {
        let init = self.get_init_func();
        let name = init.split('(').next().unwrap_or_default();
        let (ty, index) = find(component, name.trim_end()).ok_or_else(|| self.no_init())?;
        let ComponentItem::ComponentFunc(ty) = ty else {
            bail!("the component's `{init}` export is not a function");
        };
        match init.strip_prefix(name).filter(|arguments| !arguments.is_empty()) {
            Some(written) => {
                let arguments =
                    arguments(&ty, written).with_context(|| format!("parsing the arguments of `{init}`"))?;
                Ok(Call { index, arguments, results: vec![Val::Bool(false); ty.results().len()] })
            }
            None if ty.params().len() == 0 && ty.results().len() == 0 => {
                Ok(Call { index, arguments: Vec::new(), results: Vec::new() })
            }
            None => bail!("the component's `{init}` function export does not have type `[] -> []`"),
        }
    }
}

/// Arguments in the text format WAVE, with their parentheses.
#[cfg(feature = "component-calls")]
fn arguments(ty: &ComponentFunc, written: &str) -> Result<Vec<Val>> {
    use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
    let types: Vec<_> = ty.params().map(|(_, ty)| ty).collect();
    // The name does not matter, and need not be one of WAVE.
    let call = format!("f{written}");
    Ok(UntypedFuncCall::parse(&call)?.to_wasm_params(&types)?)
}

#[cfg(not(feature = "component-calls"))]
fn arguments(_: &ComponentFunc, _: &str) -> Result<Vec<Val>> {
    bail!("the feature `component-calls` of the crate is off")
}

/// A call of the init function.
struct Call {
    index: ComponentExportIndex,
    arguments: Vec<Val>,
    results: Vec<Val>,
}

/// An export of the component, or one of an instance that it exports, by the name of WIT's items.
fn find(component: &Component, name: &str) -> Option<(ComponentItem, ComponentExportIndex)> {
    let (item, version) = match name.split_once('@') {
        Some((item, version)) => (item, format!("@{version}")),
        None => (name, String::new()),
    };
    match item.rsplit_once('.') {
        None => component.get_export(None, name),
        Some((instance, function)) => {
            let (_, instance) = component.get_export(None, format!("{instance}{version}").as_str())?;
            component.get_export(Some(&instance), function)
        }
    }
}

/// An instance of a component in a store of Wasmtime's.
pub struct WasmtimeWizerComponent<'a, T: 'static> {
    /// The store that holds the instance.
    pub store: &'a mut Store<T>,
    /// The instance.
    pub instance: Instance,
}

impl<T: Send> WasmtimeWizerComponent<'_, T> {
    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, func: &str) -> Result<R> {
        let missing = || format_err!("the component does not export the function `{func}` of `{instance}`");
        let store = &mut *self.store;
        let index = self.instance.get_export_index(&mut *store, None, instance).ok_or_else(missing)?;
        let index = self.instance.get_export_index(&mut *store, Some(&index), func).ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *store, index)?;
        let (result,) = function.call_async(store, ()).await?;
        Ok(result)
    }

    /// All core instances of the store, in the order of their instantiation; `None` if the engine does not show them.
    async fn core_instances(&mut self) -> Result<Option<Vec<wasmtime::Instance>>> {
        let wasm = wat::parse_str(r#"(module (func (export "trap") unreachable))"#)?;
        let module = Module::from_binary(self.store.engine(), &wasm)?;
        // A trap is not tried in the caller's store if it shows nothing: no component could be called afterwards.
        let mut other = Store::new(self.store.engine(), ());
        if dump(&mut other, &module).await?.is_none() {
            return Ok(None);
        }
        dump(self.store, &module).await
    }
}

/// The core instances that a trap shows.
async fn dump<T: Send>(store: &mut Store<T>, module: &Module) -> Result<Option<Vec<wasmtime::Instance>>> {
    let instance = wasmtime::Instance::new_async(&mut *store, module, &[]).await?;
    let trap = instance.get_typed_func::<(), ()>(&mut *store, "trap")?;
    match trap.call_async(store, ()).await {
        Ok(()) => bail!("`unreachable` does not trap"),
        Err(error) => Ok(error.downcast_ref::<WasmCoreDump>().map(|dump| dump.instances().to_vec())),
    }
}

/// # Panics
/// The methods that return no `Result` cannot say that there is no function of a name, or that it does not return. Nothing in
/// this crate calls them.
impl<T: Send> ComponentInstanceState for WasmtimeWizerComponent<'_, T> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        called(self.try_call_func_ret_list_u8(instance, func, contents).await)
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        called(self.call(instance, func).await)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        called(self.call(instance, func).await)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        f32::to_bits(called(self.call(instance, func).await))
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        f64::to_bits(called(self.call(instance, func).await))
    }

    async fn try_call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> Result<()> {
        let list: WasmList<u8> = self.call(instance, func).await?;
        contents(list.as_le_slice(&*self.store));
        Ok(())
    }

    async fn live_handles(&mut self) -> Option<usize> {
        live_handles(self.store).ok()
    }

    async fn core_references(&mut self, wanted: &[WantedReferences]) -> Option<Vec<CoreReferences>> {
        let instances = self.core_instances().await.ok()??;
        let mut tables = HashMap::new();
        let mut found = Vec::new();
        for wanted in wanted {
            let mut with_marker = instances
                .iter()
                .filter(|instance| instance.get_export(&mut *self.store, &wanted.marker).is_some());
            let instance = *with_marker.nth(wanted.nth)?;
            found.push(references(self.store, &instance, wanted, &mut tables)?);
        }
        Some(found)
    }
}

#[track_caller]
fn called<R>(result: Result<R>) -> R {
    result.unwrap_or_else(|error| panic!("an accessor cannot be called: {error:#}"))
}

/// Reads a core instance. `tables` has the identities of tables.
fn references<T: 'static>(
    store: &mut Store<T>,
    instance: &wasmtime::Instance,
    wanted: &WantedReferences,
    tables: &mut HashMap<String, u64>,
) -> Option<CoreReferences> {
    let mut found = CoreReferences::default();
    for name in &wanted.globals {
        let value = instance.get_global(&mut *store, name)?.get(&mut *store);
        found.globals.push(reference(store, value.ref_()));
    }
    for name in &wanted.tables {
        let table = instance.get_table(&mut *store, name)?;
        let mut elements = Vec::new();
        for slot in 0..table.size(&*store) {
            let element = table.get(&mut *store, slot);
            elements.push(reference(store, element));
        }
        // The engine's handles have no equality, but show which instance defines what.
        let next = tables.len() as u64;
        let identity = *tables.entry(format!("{table:?}")).or_insert(next);
        found.tables.push(CoreTable { identity, elements });
    }
    for name in &wanted.functions {
        let function = instance.get_func(&mut *store, name)?;
        found.functions.push(function.to_raw(&mut *store) as usize as u64);
    }
    Some(found)
}
