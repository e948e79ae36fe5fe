//! The clocks of `wasi:clocks`. A sleep under virtual time advances them and returns at once.

use super::ComponentHost;
use crate::host::wasi::clock::{Clocks, Kind};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

const SECOND: u64 = 1_000_000_000;

pub(super) fn add_to_linker(linker: &mut Linker<ComponentHost>) -> wasmtime::Result<()> {
    wall_clock::add_to_linker::<_, HasSelf<ComponentHost>>(linker, |host| host)?;
    monotonic_clock::add_to_linker::<_, HasSelf<ComponentHost>>(linker, |host| host)
}

fn lock(clocks: &Mutex<Clocks>) -> MutexGuard<'_, Clocks> {
    // A reading leaves nothing half done.
    clocks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn datetime(nanoseconds: u64) -> wall_clock::Datetime {
    wall_clock::Datetime { seconds: nanoseconds / SECOND, nanoseconds: (nanoseconds % SECOND) as u32 }
}

impl wall_clock::Host for ComponentHost {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(lock(&self.clocks).read(Kind::Realtime)?))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(lock(&self.clocks).resolution()))
    }
}

impl monotonic_clock::Host for ComponentHost {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(lock(&self.clocks).read(Kind::Monotonic)?)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(lock(&self.clocks).resolution())
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(when, true)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(duration, false)
    }
}

impl ComponentHost {
    fn timer(&mut self, timeout: u64, absolute: bool) -> wasmtime::Result<Resource<DynPollable>> {
        let mut clocks = lock(&self.clocks);
        let deadline = clocks.deadline(Kind::Monotonic, timeout, absolute)?;
        // A clock that is denied says so here already.
        clocks.remaining(Kind::Monotonic, deadline)?;
        drop(clocks);
        let timer = self.table.push(Timer { clocks: Arc::clone(&self.clocks), deadline })?;
        subscribe(&mut self.table, timer)
    }
}

/// Is ready at a reading of the monotonic clock.
struct Timer {
    clocks: Arc<Mutex<Clocks>>,
    deadline: u64,
}

impl Pollable for Timer {
    fn ready<'s, 'f>(&'s mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let mut clocks = lock(&self.clocks);
            if let Ok(remaining) = clocks.remaining(Kind::Monotonic, self.deadline) {
                clocks.sleep(remaining);
            }
        })
    }
}
