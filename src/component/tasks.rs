//! Calls that go on after they have returned. A function that is lifted asynchronously returns by `task.return`, and whatever it does
//! after that belongs to it as well, and so does what it has started.

use crate::host::{ComponentHost, Timers};
use std::any::{Any, TypeId};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use wasmtime::component::{Func, Val};
use wasmtime::{Store, Trap};

/// What was called, to its end.
#[derive(Default)]
pub struct Tasks {
    /// What the engine keeps for a call that has not ended: at least the task, its thread, and the set of what it waits for.
    of_call: Vec<TypeId>,
}

impl Tasks {
    /// Calls a function, and lets everything in the store go on until nothing can.
    pub fn call(
        &mut self,
        function: Func,
        (arguments, results): (&[Val], &mut [Val]),
        store: &mut Store<ComponentHost>,
    ) -> wasmtime::Result<()> {
        let before = kinds(store);
        let call = function.start_call_concurrent(&mut *store, arguments, results)?;
        let count = |all: &[TypeId], kind: &TypeId| all.iter().filter(|found| *found == kind).count();
        let begun = kinds(store);
        for kind in &begun {
            if count(&begun, kind) > count(&before, kind) && !self.of_call.contains(kind) {
                self.of_call.push(*kind);
            }
        }
        let mut returned = None;
        let timers = store.data().timers();
        let driven = store.run_concurrent(async |accessor| {
            returned = Some(function.finish_call_concurrent(accessor, call).await);
            pending::<Infallible>().await
        });
        if let Some(ended) = until_idle(driven, &timers) {
            ended.map(|never| match never {})?;
        }
        // It waits for what nobody does.
        returned.unwrap_or_else(|| Err(Trap::AsyncDeadlock.into()))
    }

    /// Whether a task or a thread is left. Sets and streams that are left are not enough.
    pub fn are_left(&self, store: &mut Store<ComponentHost>) -> bool {
        let left = kinds(store);
        !left.is_empty() && self.of_call.iter().all(|kind| left.contains(kind))
    }
}

/// The type of each thing that the engine keeps for tasks.
fn kinds(store: &mut Store<ComponentHost>) -> Vec<TypeId> {
    let table = store.concurrent_resource_table();
    table.map(|table| table.iter_mut().map(|kept| Any::type_id(&*kept)).collect()).unwrap_or_default()
}

/// Whether something has happened since it was looked at.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Drives something to its end. It is an error if it waits for what nobody does.
pub fn to_its_end<T>(
    driven: impl Future<Output = wasmtime::Result<T>>,
    timers: &Timers,
) -> wasmtime::Result<T> {
    until_idle(driven, timers).unwrap_or_else(|| Err(Trap::AsyncDeadlock.into()))
}

/// Drives something to its end, or until it waits. Nothing comes from outside: functions of the host answer at once, and time passes
/// when nothing else happens.
fn until_idle<T>(driven: impl Future<Output = T>, timers: &Timers) -> Option<T> {
    let mut driven = pin!(driven);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(ended) = driven.as_mut().poll(&mut context) {
            return Some(ended);
        }
        if !woken.0.swap(false, Ordering::Relaxed) && !timers.pass() {
            return None;
        }
    }
}
