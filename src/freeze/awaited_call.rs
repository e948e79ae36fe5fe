//! The call that is waited for, recognized as it is made.

use super::program_run::Listener;
use super::stop_run::Reached;
use crate::host::{HostState, ImportName, Seen};
use crate::instance::shared_bytes;
use preinit_core::wasi_version::WasiVersion;
use std::sync::{Arc, Mutex};
use wasmtime::{Caller, Extern, Val};

/// A trigger, in terms of a module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Awaited {
    pub call: AwaitedCall,
    /// Counted from 1.
    pub occurrence: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AwaitedCall {
    Stdin,
    Open(String),
    /// The same in a module with embedded files, where a function of the module answers first.
    OpenAnswered {
        path: String,
        function: u32,
        /// Under which names embedded directories are found.
        mounts: Vec<String>,
    },
    Import {
        name: ImportName,
        arguments: Option<Arguments>,
    },
    /// A function of the module's own, by function index.
    Function(u32),
}

/// A pattern for the arguments of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arguments {
    pub first: Vec<Argument>,
    /// Whether any others may follow.
    pub more: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Any,
    Integer(i128),
    Float(f64),
    Null,
}

/// How far a run has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Calls that were listened to.
    pub events: u64,
    /// How many of them were such as are awaited.
    pub matches: u64,
    /// The import of the awaited one, or `None` for a function of the module's own.
    pub reached: Option<Option<ImportName>>,
}

impl Awaited {
    /// Ends the run at the awaited call.
    pub(super) fn listener(&self, progress: &Arc<Mutex<Progress>>) -> Arc<Listener> {
        let (awaited, progress) = (self.clone(), Arc::clone(progress));
        Arc::new(move |caller: &mut Caller<'_, HostState>, import: Option<&ImportName>, values: &[Val]| {
            let poisoned = |_| wasmtime::Error::msg("another thread of the host failed");
            let mut progress = progress.lock().map_err(poisoned)?;
            progress.events += 1;
            if awaited.call.is(caller, import, values) {
                progress.matches += 1;
                if progress.matches == awaited.occurrence {
                    progress.reached = Some(import.cloned());
                    return Err(Reached.into());
                }
            }
            Ok(Seen::Answer)
        })
    }
}

impl AwaitedCall {
    /// The function of the module's own that is awaited.
    pub fn function(&self) -> Option<u32> {
        match self {
            AwaitedCall::Function(function) | AwaitedCall::OpenAnswered { function, .. } => Some(*function),
            _ => None,
        }
    }

    fn is(&self, caller: &mut Caller<'_, HostState>, import: Option<&ImportName>, values: &[Val]) -> bool {
        let is_wasi = |name: &str| import.is_some_and(|import| is_wasi(&import.module, &import.name, name));
        match self {
            AwaitedCall::Function(_) => import.is_none(),
            AwaitedCall::Stdin => match (import, values.first()) {
                (Some(import), Some(Val::I32(fd))) => caller.data().reads_stdin(import, fd.cast_unsigned()),
                _ => false,
            },
            AwaitedCall::Open(path) => {
                is_wasi("path_open") && opened(caller, values).is_some_and(|opened| same_path(&opened, path))
            }
            AwaitedCall::OpenAnswered { path, mounts, .. } => {
                let Some(relative) = path_of(caller, values) else { return false };
                let [Val::I32(directory), ..] = values else { return false };
                let on_host = caller.data().path(directory.cast_unsigned(), &relative);
                let embedded = mounts.iter().map(|mount| format!("{mount}/{relative}"));
                import.is_none() && embedded.chain([on_host]).any(|opened| same_path(&opened, path))
            }
            AwaitedCall::Import { name, arguments } => {
                import == Some(name) && arguments.as_ref().is_none_or(|arguments| arguments.accept(values))
            }
        }
    }
}

/// Whether an import is this function of WASI, of whichever version.
pub(crate) fn is_wasi(module: &str, name: &str, function: &str) -> bool {
    WasiVersion::of_module(module).is_some() && name == function
}

/// The path that a call of `path_open` is about.
fn opened(caller: &mut Caller<'_, HostState>, values: &[Val]) -> Option<String> {
    let [Val::I32(directory), ..] = values else { return None };
    let path = path_of(caller, values)?;
    Some(caller.data().path(directory.cast_unsigned(), &path))
}

/// The same as it was given, from the directory on.
fn path_of(caller: &mut Caller<'_, HostState>, values: &[Val]) -> Option<String> {
    let [Val::I32(_), _, Val::I32(address), Val::I32(len), ..] = values else { return None };
    let range = |size: usize| {
        let start = *address as u32 as usize;
        let end = start.checked_add(*len as u32 as usize).filter(|end| *end <= size)?;
        Some(start..end)
    };
    let bytes = match caller.get_export("memory")? {
        Extern::Memory(memory) => {
            let bytes = memory.data(&*caller);
            bytes[range(bytes.len())?].to_vec()
        }
        Extern::SharedMemory(memory) => {
            let range = range(memory.data().len())?;
            shared_bytes(&memory).ok()?[range].to_vec()
        }
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

/// Whether two texts name one path: `.` and doubled slashes mean nothing, and everything is below the root.
fn same_path(left: &str, right: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_string).collect()
    };
    parts(left) == parts(right)
}

impl Arguments {
    fn accept(&self, values: &[Val]) -> bool {
        values.len() >= self.first.len()
            && self.first.iter().zip(values).all(|(argument, value)| argument.accepts(value))
    }
}

impl Argument {
    /// An integer is meant signed or unsigned.
    fn accepts(&self, value: &Val) -> bool {
        match (self, value) {
            (Argument::Any, _) => true,
            (Argument::Integer(wanted), Val::I32(value)) => {
                i128::from(*value) == *wanted || i128::from(*value as u32) == *wanted
            }
            (Argument::Integer(wanted), Val::I64(value)) => {
                i128::from(*value) == *wanted || i128::from(*value as u64) == *wanted
            }
            (Argument::Integer(wanted), Val::F32(bits)) => f64::from(f32::from_bits(*bits)) == *wanted as f64,
            (Argument::Integer(wanted), Val::F64(bits)) => f64::from_bits(*bits) == *wanted as f64,
            (Argument::Float(wanted), Val::F32(bits)) => f32::from_bits(*bits) == *wanted as f32,
            (Argument::Float(wanted), Val::F64(bits)) => f64::from_bits(*bits) == *wanted,
            (Argument::Null, value) => matches!(
                value,
                Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None)
            ),
            _ => false,
        }
    }
}
