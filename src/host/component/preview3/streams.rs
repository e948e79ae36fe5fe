//! Ends of streams and futures, as the engine polls them. The host is always ready.

use super::super::ComponentHost;
use super::super::call::{Function, Provided, answer};
use super::super::link::Version;
use super::super::streams::MOST;
use super::passing::{next_bytes, next_entry, write_bytes};
use super::transfer::{End, Transfer};
use super::types::{DirectoryEntry, ErrorCode};
use crate::host::component_value::{ComponentValue, Handle};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime::component::{
    Destination, FutureProducer, Source, StreamConsumer, StreamProducer, StreamResult,
};
use wasmtime::{AsContextMut, StoreContextMut};

/// How many bytes are read at once for another stream of the host.
const BETWEEN_STREAMS: usize = 1 << 16;

/// What one call passes: an error is the inner error.
type Passed = Result<Option<ComponentValue>, String>;

impl End {
    /// Lets something pass, and records it.
    fn pass(
        &self,
        store: StoreContextMut<'_, ComponentHost>,
        function: Function,
        argument: Option<ComponentValue>,
    ) -> wasmtime::Result<Passed> {
        let Transfer { number, names, .. } = &**self.transfer();
        let stream = ComponentValue::Resource(Handle { kind: "stream", number: *number });
        let provided = Provided { function, version: Version::Three };
        let args = [Some(stream), argument].into_iter().flatten().collect();
        match answer(store, &names.passes, provided, args)? {
            Some(ComponentValue::Result(Ok(value))) => Ok(Ok(value.map(|value| *value))),
            Some(ComponentValue::Result(Err(Some(error)))) => match *error {
                ComponentValue::Variant(name, _) => Ok(Err(name)),
                _ => Err(unexpected()),
            },
            _ => Err(unexpected()),
        }
    }

    /// The stream is over.
    fn over(&self, result: Result<(), String>) -> StreamResult {
        self.finish(result);
        StreamResult::Dropped
    }
}

fn unexpected() -> wasmtime::Error {
    wasmtime::Error::msg("what passes through a stream has another type than its own")
}

/// Bytes that the guest reads.
pub struct Bytes(pub End);

impl Bytes {
    fn produce<'a>(
        &self,
        mut store: StoreContextMut<'a, ComponentHost>,
        destination: Destination<'a, u8, Option<u8>>,
    ) -> wasmtime::Result<StreamResult> {
        let room = destination.remaining(store.as_context_mut()).unwrap_or(BETWEEN_STREAMS);
        if self.0.is_finished() {
            return Ok(StreamResult::Dropped);
        }
        // Whether something can be read shows when it is read.
        if room == 0 {
            return Ok(StreamResult::Completed);
        }
        let len = ComponentValue::U64((room as u64).min(MOST));
        let bytes = match self.0.pass(store.as_context_mut(), next_bytes, Some(len))? {
            Ok(Some(ComponentValue::Bytes(bytes))) => bytes,
            Ok(None) => return Ok(self.0.over(Ok(()))),
            Err(name) => return Ok(self.0.over(Err(name))),
            Ok(_) => return Err(unexpected()),
        };
        let mut direct = destination.as_direct(store, bytes.len());
        direct.remaining().get_mut(..bytes.len()).ok_or_else(unexpected)?.copy_from_slice(&bytes);
        direct.mark_written(bytes.len());
        Ok(StreamResult::Completed)
    }
}

impl StreamProducer<ComponentHost> for Bytes {
    type Item = u8;
    type Buffer = Option<u8>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'a, ComponentHost>,
        destination: Destination<'a, u8, Option<u8>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        Poll::Ready(self.produce(store, destination))
    }
}

/// Entries of a directory that the guest reads, one at a time.
pub struct Entries(pub End);

impl Entries {
    fn produce(
        &self,
        mut store: StoreContextMut<'_, ComponentHost>,
        mut destination: Destination<'_, DirectoryEntry, Option<DirectoryEntry>>,
    ) -> wasmtime::Result<StreamResult> {
        if self.0.is_finished() {
            return Ok(StreamResult::Dropped);
        }
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return Ok(StreamResult::Completed);
        }
        let next = match self.0.pass(store, next_entry, None)? {
            Ok(Some(ComponentValue::Option(next))) => next,
            Err(name) => return Ok(self.0.over(Err(name))),
            Ok(_) => return Err(unexpected()),
        };
        let Some(entry) = next else { return Ok(self.0.over(Ok(()))) };
        destination.set_buffer(Some(DirectoryEntry::of(*entry).ok_or_else(unexpected)?));
        Ok(StreamResult::Completed)
    }
}

impl StreamProducer<ComponentHost> for Entries {
    type Item = DirectoryEntry;
    type Buffer = Option<DirectoryEntry>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'a, ComponentHost>,
        destination: Destination<'a, DirectoryEntry, Option<DirectoryEntry>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        Poll::Ready(self.produce(store, destination))
    }
}

/// Bytes that the guest writes.
pub struct Written(pub End);

impl Written {
    fn consume(
        &self,
        mut store: StoreContextMut<'_, ComponentHost>,
        mut source: Source<'_, u8>,
    ) -> wasmtime::Result<StreamResult> {
        if self.0.is_finished() {
            return Ok(StreamResult::Dropped);
        }
        let len = source.remaining(store.as_context_mut()).min(MOST as usize);
        if len == 0 {
            return Ok(StreamResult::Completed);
        }
        store.data().state.recorder.room().fits(len as u64)?;
        let bytes = {
            let mut direct = source.reborrow().as_direct(store.as_context_mut());
            direct.remaining().get(..len).ok_or_else(unexpected)?.to_vec()
        };
        let bytes = ComponentValue::Bytes(bytes);
        match self.0.pass(store.as_context_mut(), write_bytes, Some(bytes))? {
            Ok(_) => source.as_direct(store).mark_read(len),
            Err(name) => return Ok(self.0.over(Err(name))),
        }
        Ok(StreamResult::Completed)
    }
}

impl StreamConsumer<ComponentHost> for Written {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, ComponentHost>,
        source: Source<'_, u8>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        Poll::Ready(self.consume(store, source))
    }
}

/// What says how a stream ended.
pub struct Ending<E> {
    transfer: Arc<Transfer>,
    of: PhantomData<fn() -> E>,
}

impl<E> Ending<E> {
    pub fn of(end: &End) -> Self {
        Self { transfer: Arc::clone(end.transfer()), of: PhantomData }
    }
}

impl<E: ErrorCode> FutureProducer<ComponentHost> for Ending<E> {
    type Item = Result<(), E>;

    fn poll_produce(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'_, ComponentHost>,
        finish: bool,
    ) -> Poll<wasmtime::Result<Option<Self::Item>>> {
        match self.transfer.poll(context) {
            Poll::Ready(result) => {
                let recorded = store.data_mut().record_future(&self.transfer, &result);
                Poll::Ready(recorded.map(|()| Some(result.map_err(|name| E::named(&name)))))
            }
            Poll::Pending if finish => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        }
    }
}
