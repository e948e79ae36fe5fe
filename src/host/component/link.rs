//! Definitions of WASI for the engine. Bytes go in and out as they are; everything else as values.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    ComponentType, LinkerInstance, Lower, ResourceAny, ResourceDynamic, ResourceType, Val,
};
use wasmtime::{AsContextMut, StoreContextMut};

use super::call::{Provided, answer};
use super::resources::{kind_name, kind_number};
use super::{ComponentHost, functions};
use crate::host::component_value::{ComponentValue, Handle};
use crate::host::host_options::ImportName;

/// An interface, as the component names it and without its version.
pub(super) struct Interface<'n> {
    pub name: &'n str,
    pub plain: &'n str,
    pub version: Version,
}

/// A version of WASI that this host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 0.2, or none.
    Two,
    /// 0.3.
    Three,
}

impl<'n> Interface<'n> {
    /// By its full name; `None` if it has a version that is not known.
    pub fn of(name: &'n str) -> Option<Interface<'n>> {
        let Some((plain, version)) = name.rsplit_once('@') else {
            return Some(Interface { name, plain: name, version: Version::Two });
        };
        let known = [("0.2.", Version::Two), ("0.3.", Version::Three)];
        let (_, version) = known.into_iter().find(|(begin, _)| version.starts_with(begin))?;
        Some(Interface { name, plain, version })
    }
}

/// Defines a function or a resource of WASI; `false` if there is none of this name.
pub(super) fn define(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    interface: &Interface<'_>,
    (name, item): (&str, &ComponentItem),
) -> wasmtime::Result<bool> {
    match item {
        ComponentItem::ComponentFunc(ty) => {
            let Some(provided) = functions::function(interface, name) else { return Ok(false) };
            let import = Arc::new(ImportName::new(interface.name, name));
            #[cfg(feature = "component-calls")]
            if super::preview3::define(linker, interface, (&import, provided))? {
                return Ok(true);
            }
            define_function(linker, import, (provided, ty.async_()))?;
        }
        ComponentItem::Resource(_) => {
            let Some(kind) = kind_number(name) else { return Ok(false) };
            let import = Arc::new(ImportName::new(interface.name, format!("[resource-drop]{name}")));
            linker.resource(name, ResourceType::host_dynamic(kind), move |store, number| {
                let handle = Handle { kind: kind_name(kind), number };
                answer(store, &import, functions::DROP, vec![ComponentValue::Resource(handle)]).map(drop)
            })?;
        }
        _ => {}
    }
    Ok(true)
}

/// What a stream says when it does not give or take bytes.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(ResourceDynamic),
    #[component(name = "closed")]
    Closed,
}

/// Defines a function; one with bytes among its parameters or results so that they are not values of their own.
fn define_function(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    import: Arc<ImportName>,
    (provided, is_async): (Provided, bool),
) -> wasmtime::Result<()> {
    use ComponentValue::{Bytes, Resource, U64};
    let name = import.name.clone();
    match name.as_str() {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            linker.func_wrap(&name, move |mut store, (stream, len): (ResourceDynamic, u64)| {
                let args = vec![Resource(handle(&stream)), U64(len)];
                let result = answer(store.as_context_mut(), &import, provided, args)?;
                Ok((stream_result(result, bytes)?,))
            })
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            linker.func_wrap(&name, move |mut store, (stream, contents): (ResourceDynamic, Vec<u8>)| {
                let args = vec![Resource(handle(&stream)), Bytes(contents)];
                let result = answer(store.as_context_mut(), &import, provided, args)?;
                Ok((stream_result(result, |_| Some(()))?,))
            })
        }
        "get-random-bytes" | "get-insecure-random-bytes" => {
            linker.func_wrap(&name, move |mut store, (len,): (u64,)| {
                let result = answer(store.as_context_mut(), &import, provided, vec![U64(len)])?;
                Ok((bytes(result).ok_or_else(unexpected)?,))
            })
        }
        _ => define_dynamic(linker, (&name, is_async), move |store, _, params, results| {
            dynamic(store, &import, provided, (params, results))
        }),
    }
}

/// Defines a function of any type. One that is asynchronous by its type answers at once, too.
pub(super) fn define_dynamic(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (name, is_async): (&str, bool),
    answer: impl Fn(StoreContextMut<'_, ComponentHost>, ComponentFunc, &[Val], &mut [Val]) -> wasmtime::Result<()>
    + Send
    + Sync
    + 'static,
) -> wasmtime::Result<()> {
    if !is_async {
        return linker.func_new(name, answer);
    }
    #[cfg(feature = "component-calls")]
    {
        let answer = Arc::new(answer);
        linker.func_new_concurrent(name, move |accessor, ty, params, results| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                accessor.with(|mut access| answer(access.as_context_mut(), ty, params, results))
            })
        })
    }
    #[cfg(not(feature = "component-calls"))]
    Err(wasmtime::Error::msg(format!(
        "`{name}` is asynchronous by its type, and this build has no such functions"
    )))
}

fn unexpected() -> wasmtime::Error {
    wasmtime::Error::msg("a function of WASI returned a value of another type than its own")
}

/// A resource that the guest passes.
pub(super) fn handle(resource: &ResourceDynamic) -> Handle {
    Handle { kind: kind_name(resource.ty()), number: resource.rep() }
}

fn bytes(value: Option<ComponentValue>) -> Option<Vec<u8>> {
    match value? {
        ComponentValue::Bytes(bytes) => Some(bytes),
        ComponentValue::List(values) if values.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

fn stream_result<T>(
    result: Option<ComponentValue>,
    value: impl Fn(Option<ComponentValue>) -> Option<T>,
) -> wasmtime::Result<Result<T, StreamError>> {
    match result {
        Some(ComponentValue::Result(Ok(inner))) => {
            Ok(Ok(value(inner.map(|inner| *inner)).ok_or_else(unexpected)?))
        }
        Some(ComponentValue::Result(Err(Some(error)))) => Ok(Err(match *error {
            ComponentValue::Variant(_, Some(inner)) => match *inner {
                ComponentValue::Resource(handle) => StreamError::Failed(made(handle)?),
                _ => return Err(unexpected()),
            },
            _ => StreamError::Closed,
        })),
        _ => Err(unexpected()),
    }
}

fn made(handle: Handle) -> wasmtime::Result<ResourceDynamic> {
    Ok(ResourceDynamic::new_own(handle.number, kind_number(handle.kind).ok_or_else(unexpected)?))
}

fn dynamic(
    mut store: StoreContextMut<'_, ComponentHost>,
    import: &Arc<ImportName>,
    provided: Provided,
    (params, results): (&[Val], &mut [Val]),
) -> wasmtime::Result<()> {
    let mut given = |any: ResourceAny| Ok(handle(&any.try_into_resource_dynamic(&mut store)?));
    let args: Vec<ComponentValue> =
        params.iter().map(|param| ComponentValue::of(param, &mut given)).collect::<wasmtime::Result<_>>()?;
    let answered = answer(store.as_context_mut(), import, provided, args)?;
    if let (Some(result), Some(value)) = (results.first_mut(), answered) {
        *result = value.to_val(&mut |handle| made(handle)?.try_into_resource_any(&mut store))?;
    }
    Ok(())
}
