//! Functions of a component's imports that stubs answer.

use super::imports::Unprovided;
use super::{ComponentHost, link};
use crate::host::component_value::{ComponentValue, Handle};
use crate::host::error::{Denied, HostError};
use crate::host::host_options::{HostOptions, ImportName};
use crate::host::host_value::HostValue;
use crate::host::ledger::{Call, ComponentCall, Entry, Outcome};
use crate::host::policy::{Class, Policy};
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{LinkerInstance, Resource, Type, Val};

/// Whether a stub is named for a function.
pub(super) fn is_named(options: &HostOptions, interface: &str, function: &str) -> bool {
    options.stubs.iter().any(|stub| stub.module == interface && stub.name == function)
}

/// Lets a function answer with the emptiest result that its type has.
pub(super) fn define(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (interface, name): (&str, &str),
    item: &ComponentItem,
) -> wasmtime::Result<()> {
    let ComponentItem::ComponentFunc(ty) = item else { return Ok(()) };
    let import = Arc::new(ImportName::new(interface, name));
    link::define_dynamic(linker, (name, ty.async_()), move |mut store, ty, params, results| {
        call(&mut store, (&import, &ty), params, results)
    })
}

fn call(
    store: &mut StoreContextMut<'_, ComponentHost>,
    (import, ty): (&Arc<ImportName>, &ComponentFunc),
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let backtrace = store.data().state.recorder.backtrace(&*store);
    store.data_mut().check_stub(import, backtrace, results.len())?;
    for (ty, result) in ty.results().zip(results.iter_mut()) {
        let import = || ImportName::clone(import);
        check_size(&ty, &mut { MOST }).map_err(|NoAnswer| HostError::LongStub { import: import() })?;
        *result = answer(&ty, store).map_err(|NoAnswer| HostError::NoStub { import: import() })?;
    }
    #[cfg(feature = "component-calls")]
    params.iter().try_for_each(|param| close(param, store))?;
    store.data_mut().record_stub(import, params, results)
}

/// Closes streams and futures that a stub is given, so that nobody waits for them to be read.
#[cfg(feature = "component-calls")]
fn close(value: &Val, store: &mut StoreContextMut<'_, ComponentHost>) -> wasmtime::Result<()> {
    let mut all = |values: &mut dyn Iterator<Item = &Val>| {
        for value in values {
            close(value, store)?;
        }
        Ok(())
    };
    match value {
        Val::Stream(stream) => stream.clone().close(store),
        Val::Future(future) => future.clone().close(store),
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => all(&mut values.iter()),
        Val::Record(fields) => all(&mut fields.iter().map(|(_, value)| value)),
        Val::Map(pairs) => all(&mut pairs.iter().flat_map(|(key, value)| [key, value])),
        Val::Variant(_, Some(value))
        | Val::Option(Some(value))
        | Val::Result(Ok(Some(value)) | Err(Some(value))) => close(value, store),
        _ => Ok(()),
    }
}

impl ComponentHost {
    /// Records that a stub answers, unless that is denied.
    fn check_stub(
        &mut self,
        import: &Arc<ImportName>,
        backtrace: Option<Vec<String>>,
        results: usize,
    ) -> wasmtime::Result<()> {
        let is_denied = self.state.policies.get(Class::Stub) == Policy::Deny;
        let denied = || Denied { class: Class::Stub, what: format!("the stub `{import}`") };
        self.state.end_replay()?;
        let recorder = &mut self.state.recorder;
        let call = Call {
            import: Arc::clone(import),
            args: Vec::new(),
            reads: Vec::new(),
            stubbed: true,
            backtrace,
        };
        let outcome = match is_denied {
            true => Outcome::Denied(denied()),
            // What it is stands with the call in the words of the component.
            false => Outcome::Results(vec![HostValue::I32(0); results]),
        };
        if recorder.replayed(&call)?.is_none() {
            recorder.record(Entry { call, outcome, writes: Vec::new() })?;
        }
        if is_denied { Err(denied().into()) } else { Ok(()) }
    }

    fn record_stub(
        &mut self,
        import: &Arc<ImportName>,
        params: &[Val],
        results: &[Val],
    ) -> wasmtime::Result<()> {
        let mut unknown = |_| Ok(Handle { kind: "stub", number: 0 });
        let args = params.iter().map(|value| ComponentValue::of(value, &mut unknown));
        let args = args.collect::<wasmtime::Result<_>>()?;
        let result = results.first().map(|value| ComponentValue::of(value, &mut unknown)).transpose()?;
        let end = self.state.ledger().len();
        self.state.recorder.record_component(ComponentCall {
            import: Arc::clone(import),
            args,
            result,
            ended: None,
            answered_by: end.saturating_sub(1)..end,
            backtrace: None,
        })?;
        Ok(())
    }
}

/// There is nothing of the type that could be made up.
pub(super) struct NoAnswer;

/// What an answer may take in memory, in bytes, roughly. A list of a fixed length has many values in a type of few bytes, and
/// each may have names.
const MOST: u64 = 4 << 20;

/// What a value takes besides its names.
const VALUE: u64 = 64;

/// Takes what the answer needs from what is `left`.
fn check_size(ty: &Type, left: &mut u64) -> Result<(), NoAnswer> {
    let name = |name: Option<&str>| name.map_or(0, str::len) as u64;
    let names = match ty {
        Type::Record(record) => record.fields().map(|field| name(Some(field.name))).sum(),
        Type::Variant(variant) => name(variant.cases().next().map(|case| case.name)),
        Type::Enum(cases) => name(cases.names().next()),
        _ => 0,
    };
    *left = left.checked_sub(VALUE + names).ok_or(NoAnswer)?;
    let mut all = |types: &mut dyn Iterator<Item = Type>| {
        for ty in types {
            check_size(&ty, left)?;
        }
        Ok(())
    };
    match ty {
        Type::FixedLengthList(list) => {
            let element = list.ty();
            all(&mut (0..list.len()).map(|_| element.clone()))
        }
        Type::Record(record) => all(&mut record.fields().map(|field| field.ty)),
        Type::Tuple(tuple) => all(&mut tuple.types()),
        Type::Variant(variant) => all(&mut variant.cases().next().and_then(|case| case.ty).into_iter()),
        Type::Result(result) => all(&mut result.ok().into_iter()),
        _ => Ok(()),
    }
}

/// The emptiest value of a type: zero, `false`, no elements, `none`, `ok`, the first case. A resource is one of those that nobody
/// provides.
pub(super) fn answer(ty: &Type, store: &mut StoreContextMut<'_, ComponentHost>) -> Result<Val, NoAnswer> {
    let mut fields = |types: Vec<Type>| -> Result<Vec<Val>, NoAnswer> {
        types.iter().map(|ty| answer(ty, store)).collect()
    };
    Ok(match ty {
        Type::Bool => Val::Bool(false),
        Type::S8 => Val::S8(0),
        Type::U8 => Val::U8(0),
        Type::S16 => Val::S16(0),
        Type::U16 => Val::U16(0),
        Type::S32 => Val::S32(0),
        Type::U32 => Val::U32(0),
        Type::S64 => Val::S64(0),
        Type::U64 => Val::U64(0),
        Type::Float32 => Val::Float32(0.0),
        Type::Float64 => Val::Float64(0.0),
        Type::Char => Val::Char('\0'),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(Vec::new()),
        Type::Map(_) => Val::Map(Vec::new()),
        Type::FixedLengthList(list) => Val::FixedLengthList(fields(vec![list.ty(); list.len() as usize])?),
        Type::Record(record) => {
            let names: Vec<String> = record.fields().map(|field| field.name.to_string()).collect();
            let values = fields(record.fields().map(|field| field.ty).collect())?;
            Val::Record(names.into_iter().zip(values).collect())
        }
        Type::Tuple(tuple) => Val::Tuple(fields(tuple.types().collect())?),
        Type::Variant(variant) => {
            let case = variant.cases().next().ok_or(NoAnswer)?;
            Val::Variant(case.name.to_string(), payload(case.ty, store)?)
        }
        Type::Enum(cases) => Val::Enum(cases.names().next().ok_or(NoAnswer)?.to_string()),
        Type::Option(_) => Val::Option(None),
        Type::Result(result) => Val::Result(Ok(payload(result.ok(), store)?)),
        Type::Flags(_) => Val::Flags(Vec::new()),
        Type::Own(_) => {
            let made = Resource::<Unprovided>::new_own(0).try_into_resource_any(store);
            Val::Resource(made.map_err(|_| NoAnswer)?)
        }
        Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => return Err(NoAnswer),
    })
}

fn payload(
    ty: Option<Type>,
    store: &mut StoreContextMut<'_, ComponentHost>,
) -> Result<Option<Box<Val>>, NoAnswer> {
    ty.map(|ty| answer(&ty, store).map(Box::new)).transpose()
}
