//! The host's end of a stream, and what its future says.

use super::super::ComponentHost;
use super::super::functions::DROP;
use crate::host::component_value::{ComponentValue, Handle};
use crate::host::host_options::ImportName;
use crate::host::ledger::ComponentCall;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What stands in the ledger for what passes through the streams of a function.
pub struct Names {
    /// The function.
    pub call: Arc<ImportName>,
    /// That the guest reads from the stream, or writes to it.
    pub passes: Arc<ImportName>,
    read: Arc<ImportName>,
    dropped: Arc<ImportName>,
}

impl Names {
    /// Of a function whose streams are read by the guest.
    pub fn of_readable(call: &Arc<ImportName>) -> Arc<Names> {
        Self::of(call, "stream-read")
    }

    /// Of a function whose streams are written by the guest.
    pub fn of_writable(call: &Arc<ImportName>) -> Arc<Names> {
        Self::of(call, "stream-write")
    }

    fn of(call: &Arc<ImportName>, passes: &str) -> Arc<Names> {
        let named = |word: &str| Arc::new(ImportName::new(&call.module, format!("[{word}]{}", call.name)));
        Arc::new(Names {
            call: Arc::clone(call),
            passes: named(passes),
            read: named("future-read"),
            dropped: named("stream-drop"),
        })
    }
}

/// Streams whose other end is gone, by their numbers.
#[derive(Clone, Default)]
pub struct EndedStreams(Arc<Mutex<Vec<EndedStream>>>);

type EndedStream = (u32, Arc<Names>);

/// How a stream ended, which its future says.
struct Outcome {
    result: Option<Result<(), String>>,
    waker: Option<Waker>,
}

/// A stream between the guest and the host.
pub struct Transfer {
    pub number: u32,
    pub names: Arc<Names>,
    outcome: Mutex<Outcome>,
    ended: EndedStreams,
}

/// The host's end. When it is dropped, nothing passes any more.
pub struct End(Arc<Transfer>);

impl End {
    pub fn new(number: u32, names: &Arc<Names>, ended: EndedStreams) -> End {
        let outcome = Mutex::new(Outcome { result: None, waker: None });
        End(Arc::new(Transfer { number, names: Arc::clone(names), outcome, ended }))
    }

    /// What the future goes by.
    pub fn transfer(&self) -> &Arc<Transfer> {
        &self.0
    }

    /// The stream has ended so, unless it has before.
    pub fn finish(&self, result: Result<(), String>) {
        let mut outcome = self.0.outcome();
        if outcome.result.is_none() {
            outcome.result = Some(result);
            outcome.waker.take().inspect(Waker::wake_by_ref);
        }
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.outcome().result.is_some()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.finish(Ok(()));
        let Transfer { number, names, ended, .. } = &*self.0;
        ended.0.lock().unwrap_or_else(PoisonError::into_inner).push((*number, Arc::clone(names)));
    }
}

impl Transfer {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the stream ended, once it has.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Result<(), String>> {
        let mut outcome = self.outcome();
        match &outcome.result {
            Some(result) => Poll::Ready(result.clone()),
            None => {
                outcome.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl ComponentHost {
    /// Forgets streams whose other end is gone, and closes files that only they used.
    pub(crate) fn drop_ended_streams(&mut self) -> wasmtime::Result<()> {
        let ended = std::mem::take(&mut *self.ended.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, names) in ended {
            let stream = ComponentValue::Resource(Handle { kind: "stream", number });
            self.answer(&names.dropped, DROP, vec![stream], None)?;
        }
        Ok(())
    }

    /// Records that the guest has read a future.
    pub(super) fn record_future(
        &mut self,
        transfer: &Transfer,
        result: &Result<(), String>,
    ) -> wasmtime::Result<()> {
        let here = self.state.ledger().len();
        let future = Handle { kind: "future", number: transfer.number };
        let failed = |name: &String| Some(Box::new(ComponentValue::Enum(name.clone())));
        self.state.recorder.record_component(ComponentCall {
            import: Arc::clone(&transfer.names.read),
            args: vec![ComponentValue::Resource(future)],
            result: Some(ComponentValue::Result(result.as_ref().map(|()| None).map_err(failed))),
            ended: None,
            answered_by: here..here,
            backtrace: None,
        })?;
        Ok(())
    }
}
