//! A call of the guest: its arguments, and how it is answered in terms of preview 1.

use std::sync::Arc;

use wasmtime::StoreContextMut;

use super::link::Version;
use super::resources::{Resource, Resources};
use super::{ComponentHost, preview3};
use crate::host::HostState;
use crate::host::component_value::{ComponentValue, Handle};
use crate::host::error::Denied;
use crate::host::host_options::ImportName;
use crate::host::host_value::HostValue;
use crate::host::ledger::{ComponentCall, Outcome};

/// What a function returns; `None` if it has no result.
pub(super) type Answer = wasmtime::Result<Option<ComponentValue>>;

/// A function of an interface.
pub(super) type Function = fn(&mut Guest<'_>) -> Answer;

/// A function, in the words of a version.
#[derive(Clone, Copy)]
pub(super) struct Provided {
    pub function: Function,
    pub version: Version,
}

/// A call in progress.
pub(super) struct Guest<'c> {
    state: &'c mut HostState,
    pub resources: &'c mut Resources,
    args: &'c [ComponentValue],
    backtrace: &'c Option<Vec<String>>,
}

/// Answers a call, and records it.
pub(super) fn answer(
    mut store: StoreContextMut<'_, ComponentHost>,
    import: &Arc<ImportName>,
    provided: Provided,
    args: Vec<ComponentValue>,
) -> Answer {
    #[cfg(feature = "component-calls")]
    store.data_mut().drop_ended_streams()?;
    let backtrace = store.data().state.recorder.backtrace(&store);
    store.data_mut().answer(import, provided, args, backtrace)
}

impl ComponentHost {
    pub(super) fn answer(
        &mut self,
        import: &Arc<ImportName>,
        provided: Provided,
        args: Vec<ComponentValue>,
        backtrace: Option<Vec<String>>,
    ) -> Answer {
        // Places in the ledger count from there.
        self.state.end_replay()?;
        let first = self.state.recorder.ledger.len();
        let mut guest = Guest {
            state: &mut self.state,
            resources: &mut self.resources,
            args: &args,
            backtrace: &backtrace,
        };
        let answered = (provided.function)(&mut guest).map_err(|error| in_words_of(import, error));
        let answered = match provided.version {
            Version::Two => answered,
            Version::Three => answered.map(|answer| answer.map(preview3::in_its_words)),
        };
        let recorder = &mut self.state.recorder;
        recorder.resources = self.resources.cost();
        let (result, ended) = match &answered {
            Ok(result) => (result.clone(), None),
            Err(error) => (None, Some(Outcome::of_error(error))),
        };
        let answered_by = first..recorder.ledger.len();
        let import = Arc::clone(import);
        let recorded =
            recorder.record_component(ComponentCall { import, args, result, ended, answered_by, backtrace });
        // What ended the call comes before what there is no room for.
        answered.and_then(|answer| Ok(recorded.map(|()| answer)?))
    }
}

/// A denial says what the guest has asked for.
fn in_words_of(import: &ImportName, error: wasmtime::Error) -> wasmtime::Error {
    match error.downcast_ref::<Denied>() {
        Some(Denied { class, .. }) => Denied { class: *class, what: format!("`{import}`") }.into(),
        None => error,
    }
}

impl Guest<'_> {
    /// Calls a function of preview 1 with these arguments, which point into `scratch`. An errno is the inner error.
    pub fn preview1(
        &mut self,
        name: &str,
        args: &[HostValue],
        scratch: &mut [u8],
    ) -> wasmtime::Result<Result<(), i32>> {
        let errno = self.state.preview1(name, args, scratch, self.backtrace.clone())?;
        Ok(if errno == 0 { Ok(()) } else { Err(errno) })
    }

    /// The same, where an error cannot be told to the guest.
    pub fn must(&mut self, name: &str, args: &[HostValue], scratch: &mut [u8]) -> wasmtime::Result<()> {
        let answered = self.preview1(name, args, scratch)?;
        answered.map_err(|errno| wasmtime::Error::msg(format!("`{name}` failed: errno {errno}")))
    }

    /// Ends the call if sockets are denied.
    pub fn check_sockets(&self) -> wasmtime::Result<()> {
        use crate::host::policy::{Class, Policy};
        match self.state.policies.get(Class::Sockets) {
            Policy::Deny => Err(Denied { class: Class::Sockets, what: "sockets".into() }.into()),
            _ => Ok(()),
        }
    }

    /// An argument.
    pub fn argument(&self, index: usize) -> wasmtime::Result<&ComponentValue> {
        self.args.get(index).ok_or_else(|| mismatch(index, "an argument"))
    }

    /// A 64-bit argument.
    pub fn long(&self, index: usize) -> wasmtime::Result<u64> {
        match self.argument(index)? {
            ComponentValue::U64(value) => Ok(*value),
            _ => Err(mismatch(index, "a u64")),
        }
    }

    /// A text.
    pub fn text(&self, index: usize) -> wasmtime::Result<String> {
        match self.argument(index)? {
            ComponentValue::Text(text) => Ok(text.clone()),
            _ => Err(mismatch(index, "a string")),
        }
    }

    /// Bytes.
    pub fn bytes(&self, index: usize) -> wasmtime::Result<Vec<u8>> {
        match self.argument(index)? {
            ComponentValue::Bytes(bytes) => Ok(bytes.clone()),
            ComponentValue::List(values) if values.is_empty() => Ok(Vec::new()),
            _ => Err(mismatch(index, "bytes")),
        }
    }

    /// Flags, as the bits of the places of their names.
    pub fn flags(&self, index: usize, names: &[&str]) -> wasmtime::Result<u32> {
        let ComponentValue::Flags(set) = self.argument(index)? else {
            return Err(mismatch(index, "flags"));
        };
        let bit = |name: &String| names.iter().position(|known| known == name).map_or(0, |at| 1 << at);
        Ok(set.iter().map(bit).fold(0, |all, bit: u32| all | bit))
    }

    /// The number of a resource.
    pub fn handle(&self, index: usize) -> wasmtime::Result<u32> {
        match self.argument(index)? {
            ComponentValue::Resource(handle) => Ok(handle.number),
            _ => Err(mismatch(index, "a resource")),
        }
    }

    /// A resource.
    pub fn resource(&mut self, index: usize) -> wasmtime::Result<&mut Resource> {
        let number = self.handle(index)?;
        self.resources.get_mut(number).ok_or_else(|| mismatch(index, "a live resource"))
    }

    /// Makes a resource for the guest, if there is room for it.
    pub fn make(&mut self, kind: &'static str, resource: Resource) -> wasmtime::Result<ComponentValue> {
        let made = self.resources.add(kind, resource);
        let handle: Handle = made.ok_or_else(|| wasmtime::Error::msg("there are too many resources"))?;
        self.state.recorder.resources = self.resources.cost();
        self.state.recorder.room().fits(0)?;
        Ok(ComponentValue::Resource(handle))
    }

    /// What more bytes the host may keep for the guest.
    pub fn check_room(&self, bytes: u64) -> wasmtime::Result<()> {
        Ok(self.state.recorder.room().fits(bytes)?)
    }

    /// Forgets a resource, and closes what only it used.
    pub fn forget(&mut self, number: u32) -> wasmtime::Result<()> {
        if let Some(fd) = self.resources.remove(number) {
            // The guest is not told whether that went well.
            let _ = self.preview1("fd_close", &words(&[fd]), &mut [])?;
        }
        Ok(())
    }
}

/// The engine has checked all types. So this is a fault of ours, or a component that uses another version's types.
pub(super) fn mismatch(index: usize, what: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("argument {index} of a function of WASI is not {what}"))
}

/// 32-bit arguments of preview 1.
pub(super) fn words(words: &[u32]) -> Vec<HostValue> {
    words.iter().map(|word| HostValue::I32(word.cast_signed())).collect()
}

/// A 64-bit argument of preview 1.
pub(super) fn long(value: u64) -> HostValue {
    HostValue::I64(value.cast_signed())
}

/// A 32-bit number that preview 1 wrote.
pub(super) fn word_at(scratch: &[u8], at: usize) -> u32 {
    scratch.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// A 64-bit number that preview 1 wrote.
pub(super) fn long_at(scratch: &[u8], at: usize) -> u64 {
    scratch.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A result that is no error.
pub(super) fn ok(value: Option<ComponentValue>) -> ComponentValue {
    ComponentValue::Result(Ok(value.map(Box::new)))
}

/// A result that is an error.
pub(super) fn err(value: ComponentValue) -> ComponentValue {
    ComponentValue::Result(Err(Some(Box::new(value))))
}

/// An option.
pub(super) fn option(value: Option<ComponentValue>) -> ComponentValue {
    ComponentValue::Option(value.map(Box::new))
}

/// One of several words.
pub(super) fn enumerated(name: &str) -> ComponentValue {
    ComponentValue::Enum(name.to_owned())
}

/// Named values.
pub(super) fn record<const N: usize>(fields: [(&str, ComponentValue); N]) -> ComponentValue {
    ComponentValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
