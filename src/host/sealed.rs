//! A host behind which nothing is: for functions of a guest that are called only to see what they do.

use wasmtime::Result;
use wiggle::{GuestMemory, GuestPtr};

use super::HostState;
use super::host_value::HostValue;
use super::ledger::{Call, Descriptors, Entry, Outcome, Region};
use super::policy::Class;
use super::recorder::preopen_answer;

/// The error that ends a guest which asks for something outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("init has run, and nothing outside may be asked for any more")]
pub(crate) struct Sealed;

/// What a sealed host shows of the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// The number of preopened directories, which have names and nothing in them.
    pub directories: u32,
}

/// Whether the answer lies outside of this process, or takes time.
pub(super) fn is_outside(call: &Call, descriptors: &Descriptors) -> bool {
    use Class::{Arguments, Clock, Environment, Process, Random};
    let is_inside =
        matches!(Class::of(call, descriptors), Arguments | Clock | Environment | Process | Random);
    !is_inside || call.wasi() == Some("poll_oneoff")
}

impl Seal {
    /// The errno of a call that asks for preopened directories, and what it writes.
    fn directory(self, call: &Call) -> Option<(i32, Option<Region>)> {
        preopen_answer(call, |number| (number < self.directories).then(|| format!("/{number}")))
    }
}

impl HostState {
    /// Answers a call whose answer lies outside.
    pub(super) fn sealed_call(
        &mut self,
        seal: Seal,
        call: Call,
        memory: &mut GuestMemory<'_>,
    ) -> Result<i32> {
        let Some((errno, written)) = seal.directory(&call) else {
            let outcome = Outcome::Trap(Sealed.to_string());
            self.recorder.record(Entry { call, outcome, writes: Vec::new() })?;
            return Err(Sealed.into());
        };
        if let Some(region) = &written {
            let length = u32::try_from(region.bytes.len())?;
            memory.copy_from_slice(&region.bytes, GuestPtr::new((region.address, length)))?;
        }
        let outcome = Outcome::Results(vec![HostValue::I32(errno)]);
        self.recorder.record(Entry { call, outcome, writes: written.into_iter().collect() })?;
        Ok(errno)
    }
}
