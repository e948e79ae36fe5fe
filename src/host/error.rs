//! What can go wrong: before the run ([`HostError`]), and as the cause of a trap in it (everything else).

use std::fmt;
use std::path::PathBuf;

use crate::wording::PrintablePath;
use preinit_core::printable::{Name, Printable};

use super::host_options::ImportName;
use super::policy::Class;

/// Imports could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A preopened directory cannot be opened.
    #[error("cannot open directory `{}`, which the guest would see as `{guest}`", PrintablePath(host))]
    Directory {
        /// The name that the guest would have seen.
        guest: Name,
        /// The path on this machine.
        host: PathBuf,
        /// Why not.
        source: wasmtime::Error,
    },
    /// A preloaded module is invalid, or failed to start.
    #[error("preloaded module `{name}`: {action} failed")]
    Preload {
        /// The name under which its exports would be importable.
        name: Name,
        /// What failed.
        action: &'static str,
        /// Why.
        source: wasmtime::Error,
    },
    /// Two preloads claim one name.
    #[error("two preloaded modules are named `{name}`")]
    DuplicatePreload {
        /// The name.
        name: Name,
    },
    /// Imports other than functions that nothing provides. A function is no error until it is called.
    #[error("{} provides {}", if importer.is_some() { "nothing yet loaded" } else { "nothing" }, list(importer, imports))]
    Unprovided {
        /// The preload that imports them; the module itself if there is none.
        importer: Option<String>,
        /// All of them.
        imports: Vec<Unprovided>,
    },
    /// An import cannot be stubbed, because there is no zero of its type.
    #[error("cannot stub {kind} `{import}`, which holds or returns a non-nullable reference")]
    NoDefault {
        /// The import.
        import: ImportName,
        /// Whether it is a function, a table, …
        kind: &'static str,
    },
    /// Nothing provides an import with continuations, which no host can make or take.
    #[error(
        "nothing provides the {kind} `{import}`, which has continuations in its type: only another module can"
    )]
    Continuations {
        /// The import.
        import: ImportName,
        /// Whether it is a function, a table, …
        kind: &'static str,
    },
    /// A stub of a component's import has nothing to return.
    #[error("cannot stub `{}`: it returns a handle, and there is none", in_words(import))]
    NoStub {
        /// The import.
        import: ImportName,
    },
    /// A stub of a component's import would have to return more values than a program looks at.
    #[error("cannot stub `{}`: it returns very many values", in_words(import))]
    LongStub {
        /// The import.
        import: ImportName,
    },
    /// The library user's linker hook failed.
    #[error("the linker hook failed")]
    Linker(#[source] wasmtime::Error),
    /// A stubbed memory or table is over the limit.
    #[error(transparent)]
    Limit(#[from] MemoryLimit),
    /// The engine refused, most likely because it is not configured for what was asked.
    #[error("the engine refused to {action}")]
    Engine {
        /// What was asked.
        action: &'static str,
        /// Why.
        source: wasmtime::Error,
    },
}

/// A function that a component imports, in an interface or by itself.
fn in_words(import: &ImportName) -> String {
    match import.module.is_empty() {
        true => Printable(&import.name).to_string(),
        false => format!("{}#{}", Printable(&import.module), Printable(&import.name)),
    }
}

/// An import that nothing provides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unprovided {
    /// Its name.
    pub import: ImportName,
    /// `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
}

fn list(importer: &Option<String>, imports: &[Unprovided]) -> String {
    const SHOWN: usize = 12;
    let shown = imports.iter().take(SHOWN).map(|Unprovided { import, kind }| format!("{kind} `{import}`"));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if imports.len() > SHOWN {
        text.push_str(&format!(" and {} more", imports.len() - SHOWN));
    }
    if let Some(name) = importer {
        text.push_str(&format!(", imported by preloaded module `{}`", Printable(name)));
    }
    text
}

/// The guest called an import that nothing provides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("init called the import `{import}`, which {}", why_unprovided(self.wasi()))]
#[non_exhaustive]
pub struct ImportCalled {
    /// The import.
    pub import: ImportName,
}

/// A component called a function that it imports and nothing provides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "init called `{}` of the import `{}`, which nothing provides",
    Printable(function),
    Printable(interface)
)]
#[non_exhaustive]
pub struct ComponentImportCalled {
    /// The interface; empty for a function that is imported by itself.
    pub interface: String,
    /// The function.
    pub function: String,
}

impl ComponentImportCalled {
    /// Whether this host has it, where WASI is allowed.
    pub fn is_wasi(&self) -> bool {
        super::component::is_provided(&self.interface, &self.function)
    }
}

/// What of WASI an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasiImport {
    /// A function that this host has, where WASI is allowed.
    Provided,
    /// A function of preview 2 that it has not: in a core module, only a few of them mean anything.
    Preview2,
}

impl ImportCalled {
    /// What of WASI the import is, if it is of WASI.
    pub fn wasi(&self) -> Option<WasiImport> {
        if super::wasi::provides(&self.import) {
            return Some(WasiImport::Provided);
        }
        self.import.module.starts_with("wasi:").then_some(WasiImport::Preview2)
    }
}

fn why_unprovided(wasi: Option<WasiImport>) -> &'static str {
    match wasi {
        Some(WasiImport::Preview2) => "is of WASI preview 2, which preinit does not provide to core modules",
        _ => "nothing provides",
    }
}

/// The guest ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("init called proc_exit({code})")]
#[non_exhaustive]
pub struct GuestExit {
    /// The exit code it gave.
    pub code: u32,
}

/// The guest asked for something that the options deny.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("init asked for {what}, which is denied")]
#[non_exhaustive]
pub struct Denied {
    /// The class of the call.
    pub class: Class,
    /// What it asked for.
    pub what: String,
}

/// The guest was about to change a file in a run that must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} would change a file, which only the first run may do")]
#[non_exhaustive]
pub struct ChangeRefused {
    /// The call.
    pub call: String,
}

/// The guest wanted more memory than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("init needs {wanted} bytes of memories and tables; the limit is {limit}")]
#[non_exhaustive]
pub struct MemoryLimit {
    /// Bytes over all memories and tables, had it been allowed.
    pub wanted: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// The guest made so many, or so large, host calls that what the host keeps of them is over the limit: their recording,
/// listings of directories, captured output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recording of init's host calls is over the limit of {limit} bytes")]
#[non_exhaustive]
pub struct LedgerLimit {
    /// Bytes allowed.
    pub limit: u64,
}

/// A component wanted more tasks and threads beside each other than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its tasks, threads and streams could need more than {stacks} call stacks at once; the limit is {limit} bytes"
)]
#[non_exhaustive]
pub struct TaskLimit {
    /// Call stacks that fit into it.
    pub stacks: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// What instances have besides their memories and the slots of their tables, in the engine and in a snapshot, would be more than
/// it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what its instances have besides memories and tables would take {bytes} bytes; the limit is {limit}")]
#[non_exhaustive]
pub struct InstanceLimit {
    /// About as many bytes as all of them would take.
    pub bytes: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// A replayed run made another call than the recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayDiverged {
    /// The number of calls before this one.
    pub index: usize,
    /// The call that the recording has here; `None` at its end.
    pub recorded: Option<String>,
    /// The function that was called.
    pub import: ImportName,
    /// The call that was made.
    pub called: String,
}

impl fmt::Display for ReplayDiverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, recorded, called, .. } = self;
        write!(f, "host call {index} of the replayed run differs: it called {called}, but the recording ")?;
        match recorded {
            Some(recorded) => write!(f, "has {recorded}"),
            None => f.write_str("ends here"),
        }
    }
}

impl std::error::Error for ReplayDiverged {}
