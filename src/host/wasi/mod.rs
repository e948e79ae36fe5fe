//! WASI preview 1, and snapshot 0 in terms of it, between the guest and wasmtime-wasi: every call is recorded, or answered from a recording, and the
//! answers say nothing about this machine.

mod answer;
pub(super) mod clock;
mod errno;
mod files;
mod functions;
mod overlay;
mod path_length;
mod poll;
pub(super) mod preview2;
pub(super) mod random;
mod readdir;
mod snapshot0;
mod span;
mod stdio;
mod strings;

use std::sync::Arc;

use preinit_core::wasi_version::WasiVersion;
use wasmtime::{Caller, Extern, Func, FuncType, Store, Val, ValType};
use wiggle::{GuestMemory, GuestPtr};

use super::HostState;
use super::error::{ChangeRefused, Denied};
use super::host_options::ImportName;
use super::host_value::HostValue;
use super::interceptor;
use super::ledger::{Call, Entry, Outcome};
use super::partial_replay::is_outside;
use super::policy::{Class, Policy};
use super::sealed;
use snapshot0::Snapshot0Call;
use span::Span;

pub(super) use answer::Wasi;
pub(super) use errno::{BADF, SUCCESS};
#[cfg(test)]
pub(super) use functions::{FUNCTIONS, Type};
pub(super) use functions::{Function, function};

/// Whether this host has such a function, where it is allowed.
pub(super) fn provides(import: &ImportName) -> bool {
    function(import).is_some() || preview2::provides(import)
}

/// The form in which a module imports a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As WASI has it.
    Plain,
    /// With each 64-bit parameter as two of 32 bits, the lower half first, as Emscripten makes it for JavaScript.
    Legalized,
}

impl Form {
    /// The form of `function` that has this type; `None` if no form has it.
    pub(super) fn of(function: &Function, ty: &FuncType) -> Option<Form> {
        let results = usize::from(function.name != "proc_exit");
        let is_i32 = |ty: &ValType| matches!(ty, ValType::I32);
        if ty.results().len() != results || !ty.results().all(|ty| is_i32(&ty)) {
            return None;
        }
        [Form::Plain, Form::Legalized].into_iter().find(|form| {
            let params = form.params(function);
            params.len() == ty.params().len()
                && params.iter().zip(ty.params()).all(|(left, right)| match left {
                    ValType::I64 => matches!(right, ValType::I64),
                    _ => is_i32(&right),
                })
        })
    }

    fn params(self, function: &Function) -> Vec<ValType> {
        let param = |(_, ty): &(&str, functions::Type)| match (ty, self) {
            (functions::Type::I32, _) => vec![ValType::I32],
            (functions::Type::I64, Form::Plain) => vec![ValType::I64],
            (functions::Type::I64, Form::Legalized) => vec![ValType::I32, ValType::I32],
        };
        function.params.iter().flat_map(param).collect()
    }

    /// The arguments as WASI has them.
    fn arguments(self, function: &Function, params: &[Val]) -> Vec<HostValue> {
        let mut given = params.iter().map(HostValue::of);
        if self == Form::Plain {
            return given.collect();
        }
        let mut half = || match given.next() {
            Some(HostValue::I32(half)) => half,
            _ => 0,
        };
        let argument = |(_, ty): &(&str, functions::Type)| match ty {
            functions::Type::I32 => HostValue::I32(half()),
            functions::Type::I64 => {
                let (low, high) = (half().cast_unsigned(), half());
                HostValue::I64(i64::from(high) << 32 | i64::from(low))
            }
        };
        function.params.iter().map(argument).collect()
    }
}

/// The function as an import, in this form.
pub(super) fn define(
    store: &mut Store<HostState>,
    import: &ImportName,
    function: &'static Function,
    form: Form,
) -> Func {
    let import = Arc::new(import.clone());
    let returns = (function.name != "proc_exit").then_some(ValType::I32);
    let ty = FuncType::new(store.engine(), form.params(function), returns);
    Func::new(store, ty.clone(), move |mut caller, params, results| {
        if interceptor::intercept(&mut caller, &import, &ty, params, results)? {
            return Ok(());
        }
        call(caller, function, &import, form.arguments(function, params), results)
    })
}

fn call(
    mut caller: Caller<'_, HostState>,
    function: &Function,
    import: &Arc<ImportName>,
    args: Vec<HostValue>,
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let backtrace = caller.data().recorder.backtrace(&caller);
    let call = Call { import: Arc::clone(import), stubbed: false, args, reads: Vec::new(), backtrace };
    let entry = match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            let (bytes, state) = memory.data_and_store_mut(&mut caller);
            state.wasi_call(function, call, &mut GuestMemory::Unshared(bytes))
        }
        Some(Extern::SharedMemory(memory)) => {
            caller.data_mut().wasi_call(function, call, &mut GuestMemory::Shared(memory.data()))
        }
        _ => {
            let entry = caller.data_mut().wasi_call(function, call, &mut GuestMemory::Unshared(&mut []));
            entry.map_err(|error| error.context("the caller exports no memory named `memory`"))
        }
    }?;
    match entry {
        Answer::Recorded(entry) => entry.outcome.settle(import, [ValType::I32].into_iter(), results),
        Answer::Live(errno) => {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(errno);
            }
            Ok(())
        }
    }
}

enum Answer {
    Recorded(Arc<Entry>),
    Live(i32),
}

impl HostState {
    /// Calls a function of preview 1 for the guest with these arguments, which point into `scratch`. Gives its errno.
    pub(in crate::host) fn preview1(
        &mut self,
        name: &str,
        args: &[HostValue],
        scratch: &mut [u8],
        backtrace: Option<Vec<String>>,
    ) -> wasmtime::Result<i32> {
        let import = Arc::new(ImportName::new(WasiVersion::Preview1.module(), name));
        let Some(function) = function(&import) else { wasmtime::bail!("preview 1 has no function `{name}`") };
        let call = Call { import, stubbed: false, args: args.to_vec(), reads: Vec::new(), backtrace };
        match self.wasi_call(function, call, &mut GuestMemory::Unshared(scratch))? {
            Answer::Live(errno) => Ok(errno),
            Answer::Recorded(entry) => match &entry.outcome {
                Outcome::Results(results) => match results.first() {
                    Some(HostValue::I32(errno)) => Ok(*errno),
                    _ => Ok(errno::SUCCESS),
                },
                outcome => {
                    outcome.settle(&entry.call.import, std::iter::empty(), &mut [])?;
                    Ok(errno::SUCCESS)
                }
            },
        }
    }

    fn wasi_call(
        &mut self,
        function: &Function,
        mut call: Call,
        memory: &mut GuestMemory<'_>,
    ) -> wasmtime::Result<Answer> {
        self.end_replay()?;
        let mut context = span::Context { buffer: function.buffer(&call.args, memory), ..Default::default() };
        call.reads = Span::regions(function.reads, function, &call.args, memory, &context);
        if let Some(seal) = self.seal
            && (self.wasi.is_none() || sealed::is_outside(&call, &self.recorder.descriptors))
        {
            return self.sealed_call(seal, call, memory).map(Answer::Live);
        }
        if let Some((errno, written)) = self.recorder.preopen(&call) {
            if let Some(region) = &written {
                let len = u32::try_from(region.bytes.len())?;
                memory.copy_from_slice(&region.bytes, GuestPtr::new((region.address, len)))?;
            }
            return Ok(Answer::Live(errno));
        }
        if let Some(entry) = self.recorder.replayed(&call)? {
            for region in &entry.writes {
                let len = u32::try_from(region.bytes.len())?;
                memory.copy_from_slice(&region.bytes, GuestPtr::new((region.address, len)))?;
            }
            return Ok(Answer::Recorded(entry));
        }
        let Some(wasi) = &mut self.wasi else {
            return Err(wasmtime::Error::msg("WASI is neither allowed nor replayed"));
        };
        let class = Class::of(&call, wasi.descriptors());
        if self.policies.get(class) == Policy::Deny {
            let denied = Denied { class, what: format!("`{}`", function.name) };
            let outcome = Outcome::Denied(denied.clone());
            self.recorder.record(Entry { call, outcome, writes: Vec::new() })?;
            return Err(denied.into());
        }
        if let Some(partial_replay) = &mut self.partial_replay
            && is_outside(&call, wasi.descriptors())
        {
            let entry = partial_replay.answer(&call, context.buffer, self.recorder.ledger.len())?;
            for region in &entry.writes {
                let len = u32::try_from(region.bytes.len())?;
                memory.copy_from_slice(&region.bytes, GuestPtr::new((region.address, len)))?;
            }
            wasi.follow(&entry);
            return Ok(Answer::Recorded(self.recorder.record_shared(entry)?));
        }
        if self.refuse_changes && wasi.would_change(&call) {
            let refused = ChangeRefused { call: call.in_words(self.recorder.ledger.show_values) };
            let outcome = Outcome::Trap(refused.to_string());
            self.recorder.record(Entry { call, outcome, writes: Vec::new() })?;
            return Err(refused.into());
        }
        wasi.lengths(&call, &mut context)?;
        wasi.room = self.recorder.room();
        let answer = match call.wasi_version() {
            Some(WasiVersion::Snapshot0) => {
                Snapshot0Call { function, args: &call.args, context: &context }.answer(wasi, memory)
            }
            _ => wasi.answer(function, &call.args, memory, &context),
        };
        let outcome = match &answer {
            Ok(errno) => Outcome::Results(vec![HostValue::I32(*errno)]),
            Err(error) => Outcome::of_error(error),
        };
        let writes = match &answer {
            Ok(errno::SUCCESS) => Span::regions(function.writes, function, &call.args, memory, &context),
            _ => Vec::new(),
        };
        let entry = Entry { call, outcome, writes };
        wasi.follow(&entry);
        self.recorder.held = wasi.held();
        self.recorder.record(entry)?;
        answer.map(Answer::Live)
    }
}
