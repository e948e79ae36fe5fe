//! Definitions of functions that give and take streams, or wait.

use super::super::ComponentHost;
use super::super::call::{Provided, answer};
use super::super::link::{Interface, Version, handle};
use super::passing::wait;
use super::streams::{Bytes, Ending, Entries, Written};
use super::transfer::{End, Names};
use super::types::{ErrorCode, FileError, StandardError};
use crate::host::component_value::ComponentValue;
use crate::host::host_options::ImportName;
use std::sync::Arc;
use wasmtime::component::{
    FutureReader, Lift, LinkerInstance, Lower, ResourceDynamic, StreamProducer, StreamReader,
};
use wasmtime::{AsContextMut, StoreContextMut};

type Store<'s> = StoreContextMut<'s, ComponentHost>;

/// What a stream gives, and how it ended.
type Readable<T, E> = (StreamReader<T>, FutureReader<Result<(), E>>);

/// Time passes, and the call that waits for it returns.
const WAIT: Provided = Provided { function: wait, version: Version::Three };

/// Defines a function that gives or takes streams, or waits; `false` if it is none.
pub(in super::super) fn define(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    interface: &Interface<'_>,
    (import, provided): (&Arc<ImportName>, Provided),
) -> wasmtime::Result<bool> {
    if interface.version != Version::Three {
        return Ok(false);
    }
    match (interface.plain, import.name.as_str()) {
        ("wasi:cli/stdin", name) => {
            let names = Names::of_readable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (): ()| {
                let answered = answer(store.as_context_mut(), &names.call, provided, Vec::new())?;
                Ok((readable::<_, StandardError>(store, &names, answered, Bytes)?,))
            })
        }
        ("wasi:cli/stdout" | "wasi:cli/stderr", name) => {
            let names = Names::of_writable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (data,): (StreamReader<u8>,)| {
                let args = vec![ComponentValue::Asynchronous];
                let answered = answer(store.as_context_mut(), &names.call, provided, args)?;
                Ok((written::<StandardError>(store, &names, answered, data)?,))
            })
        }
        ("wasi:clocks/monotonic-clock", "wait-until" | "wait-for") => define_wait(linker, import, provided),
        ("wasi:filesystem/types", _) => return define_file(linker, (import, provided)),
        _ => return Ok(false),
    }?;
    Ok(true)
}

fn define_file(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (import, provided): (&Arc<ImportName>, Provided),
) -> wasmtime::Result<bool> {
    use ComponentValue::{Asynchronous, Resource, U64};
    let name = import.name.as_str();
    match name {
        "[method]descriptor.read-via-stream" => {
            let names = Names::of_readable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (file, offset): (ResourceDynamic, u64)| {
                let args = vec![Resource(handle(&file)), U64(offset)];
                let answered = answer(store.as_context_mut(), &names.call, provided, args)?;
                Ok((readable::<_, FileError>(store, &names, answered, Bytes)?,))
            })
        }
        "[method]descriptor.read-directory" => {
            let names = Names::of_readable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (directory,): (ResourceDynamic,)| {
                let args = vec![Resource(handle(&directory))];
                let answered = answer(store.as_context_mut(), &names.call, provided, args)?;
                Ok((readable::<_, FileError>(store, &names, answered, Entries)?,))
            })
        }
        "[method]descriptor.write-via-stream" => {
            type Params = (ResourceDynamic, StreamReader<u8>, u64);
            let names = Names::of_writable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (file, data, offset): Params| {
                let args = vec![Resource(handle(&file)), Asynchronous, U64(offset)];
                let answered = answer(store.as_context_mut(), &names.call, provided, args)?;
                Ok((written::<FileError>(store, &names, answered, data)?,))
            })
        }
        "[method]descriptor.append-via-stream" => {
            type Params = (ResourceDynamic, StreamReader<u8>);
            let names = Names::of_writable(import);
            linker.func_wrap(name, move |mut store: Store<'_>, (file, data): Params| {
                let args = vec![Resource(handle(&file)), Asynchronous];
                let answered = answer(store.as_context_mut(), &names.call, provided, args)?;
                Ok((written::<FileError>(store, &names, answered, data)?,))
            })
        }
        _ => return Ok(false),
    }?;
    Ok(true)
}

fn define_wait(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    import: &Arc<ImportName>,
    provided: Provided,
) -> wasmtime::Result<()> {
    let name = import.name.clone();
    let returned = Arc::new(ImportName::new(&import.module, format!("[return]{name}")));
    let import = Arc::clone(import);
    linker.func_wrap_concurrent(&name, move |accessor, (time,): (u64,)| {
        let (import, returned) = (Arc::clone(&import), Arc::clone(&returned));
        Box::pin(async move {
            let time = ComponentValue::U64(time);
            let waits = accessor.with(|mut access| {
                let mut store = access.as_context_mut();
                let begun = answer(store.as_context_mut(), &import, provided, vec![time.clone()])?;
                let ComponentValue::U64(deadline) = begun.unwrap_or(time) else { return Err(unexpected()) };
                Ok((store.data().timers.wait(deadline), deadline))
            });
            let (wait, deadline) = waits?;
            // Every clock is past that already.
            if deadline == 0 {
                return Ok(());
            }
            wait.await;
            accessor.with(|mut access| {
                let args = vec![ComponentValue::U64(deadline)];
                answer(access.as_context_mut(), &returned, WAIT, args).map(drop)
            })
        })
    })
}

fn unexpected() -> wasmtime::Error {
    wasmtime::Error::msg("a function with streams returned a value of another type than its own")
}

/// The host's end of a stream that was made, which has ended already if it stands for an error.
fn end(store: &Store<'_>, names: &Arc<Names>, answered: Option<ComponentValue>) -> wasmtime::Result<End> {
    let made = match answered {
        Some(ComponentValue::Tuple(made)) => made.into_iter().next(),
        made => made,
    };
    let Some(ComponentValue::Resource(made)) = made else { return Err(unexpected()) };
    let host = store.data();
    let end = End::new(made.number, names, host.ended.clone());
    if let Some(name) = host.resources.error_name(made.number) {
        end.finish(Err(name.to_owned()));
    }
    Ok(end)
}

/// A stream that the guest reads.
fn readable<P, E>(
    mut store: Store<'_>,
    names: &Arc<Names>,
    answered: Option<ComponentValue>,
    producer: impl FnOnce(End) -> P,
) -> wasmtime::Result<Readable<P::Item, E>>
where
    P: StreamProducer<ComponentHost>,
    P::Item: Lift + Lower + Send + Sync + 'static,
    E: ErrorCode,
{
    let end = end(&store, names, answered)?;
    let future = FutureReader::new(store.as_context_mut(), Ending::of(&end))?;
    Ok((StreamReader::new(store, producer(end))?, future))
}

/// What says how the writing of a stream ended.
fn written<E: ErrorCode>(
    mut store: Store<'_>,
    names: &Arc<Names>,
    answered: Option<ComponentValue>,
    mut data: StreamReader<u8>,
) -> wasmtime::Result<FutureReader<Result<(), E>>> {
    let end = end(&store, names, answered)?;
    let future = FutureReader::new(store.as_context_mut(), Ending::of(&end))?;
    match end.is_finished() {
        true => data.close(store)?,
        false => data.pipe(store, Written(end))?,
    }
    Ok(future)
}
