use super::lack::Lack;
use crate::error::Error;
use crate::execute::{Stop, StopCause};
use crate::finding::Location;
use crate::freeze::FreezeError;
use crate::host::HostError;
use crate::instance::InstanceError;
use preinit_core::component::ComponentError;
use preinit_core::printable::{EngineMessage, Message, Name, Printable, listed};
use std::collections::BTreeMap;
use std::fmt;

/// Why there is no snapshot of a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentRunError {
    /// The input cannot be worked on, or its instances cannot be put back.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// One of the core modules could not be worked on.
    #[error("{module}: {error}")]
    InModule {
        /// The core module, and where it stands.
        module: String,
        /// Why not.
        error: Box<Error>,
    },
    /// An option that components do not have.
    #[error("there is no support for {0} in components")]
    Option(&'static str),
    /// What only core modules have.
    #[error("there is no support for {0} in components")]
    Lacks(Lack),
    /// No core module has a free stack that could be cleared.
    #[error("the free stack cannot be cleared: no core module of the component has a memory of its own")]
    NoStack,
    /// What is where in a memory that several modules fill is known to none of them.
    #[error(
        "{module}: the free stack cannot be cleared: {other} has a memory of another core module too, and which part of a shared memory \
         is free is not known"
    )]
    StackOfSeveral {
        /// A core instance with a memory.
        module: String,
        /// One that imports a memory.
        other: String,
    },
    /// None is named, and none of the default ones exists.
    #[error("none of the default init functions {} is exported; {}", listed(names.iter(), 12), candidates(exports))]
    NoInit {
        /// The default ones.
        names: Vec<Name>,
        /// The exported functions.
        exports: Vec<Name>,
    },
    /// There is no export of this name, or it is no function.
    #[error("there is no exported function `{name}`; {}", candidates(exports))]
    MissingInit {
        /// The name.
        name: Name,
        /// The exported functions.
        exports: Vec<Name>,
    },
    /// The function is not given what it takes.
    #[error("the init function `{name}` takes {takes}: {why}")]
    Arguments {
        /// The export.
        name: Name,
        /// Its parameters, in words.
        takes: String,
        /// What is wrong.
        why: String,
    },
    /// Init says that it has failed.
    #[error("the init function `{name}` returned an error: {}", Message(error))]
    Failed {
        /// The export.
        name: Name,
        /// What it returned.
        error: String,
    },
    /// No compiler of the engine supports the component.
    #[error("the engine cannot compile the component: {}", EngineMessage(.0))]
    Compile(wasmtime::Error),
    /// What provides the imports is not what the component wants.
    #[error("the imports do not fit: {}", EngineMessage(.0))]
    Link(wasmtime::Error),
    /// The host could not be set up.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An instance could not be read.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The engine shows other core instances than the component should have.
    #[error(
        "the engine has {found} core instances of the component, which has {expected}; this is a bug in preinit"
    )]
    OtherInstances {
        /// As the engine has it.
        found: usize,
        /// As the component says.
        expected: usize,
    },
    /// Init did not make all calls of the recording.
    #[error("init made only {made} of the {recorded} recorded host calls")]
    NotReplayed {
        /// Calls of this run.
        made: usize,
        /// Calls of the recording.
        recorded: usize,
    },
    /// The guest was stopped.
    #[error("{0}")]
    Stopped(Box<Stop>),
    /// The component could not be frozen.
    #[error(transparent)]
    Freeze(Box<FreezeError>),
    /// No core module can forget what libc has cached.
    #[error(
        "no core module has one of the functions of wasi-libc that make it forget what it has cached of the host"
    )]
    NoReset,
    /// Descriptors of the adapter would have other numbers.
    #[error(
        "init has called `fd_renumber` of {0}, the adapter from WASI preview 1: in an instance of the snapshot descriptors have \
         the numbers that they had before"
    )]
    Renumbered(String),
    /// Something that libc has cached cannot be reset.
    #[error(
        "libc cannot be reset: {module} has asked the host by `{asked}`, and has no function `{missing}` that makes it forget that"
    )]
    HalfReset {
        /// A core instance.
        module: String,
        /// The function of WASI.
        asked: &'static str,
        /// The function of libc.
        missing: &'static str,
    },
    /// Handles do not survive.
    #[error("{0}; let init drop the resources, streams and files that it takes")]
    Handles(LiveHandles),
    /// It needs a proposal that the engine has off by default, and none is allowed.
    #[error(
        "the component uses a proposal that is off by default: {} (at offset {offset:#x})",
        Message(message)
    )]
    Proposal {
        /// What the validator said.
        message: String,
        /// Byte offset in the input.
        offset: usize,
    },
    /// Whether calls wait is kept by the runtime.
    #[error(
        "the component uses `backpressure.inc` or `backpressure.dec`: whether its calls wait is kept by the runtime, and an instance \
         of the snapshot would begin without"
    )]
    Backpressure,
    /// The memory of several threads.
    #[error("{0} has a shared memory, which is not supported in components")]
    SharedMemory(String),
    /// Objects could be shared.
    #[error("{first} and {second} both hold objects of the collector, which they might share")]
    Objects {
        /// A core instance.
        first: String,
        /// Another one.
        second: String,
    },
}

/// Resources, streams and files that are open after init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHandles {
    /// How many there are.
    pub alive: usize,
    /// Those of WASI, by kind; the others are the component's own.
    pub of_wasi: BTreeMap<&'static str, usize>,
    /// The core modules that call something which could have given them one, and that have a place to keep it.
    pub keepers: Vec<String>,
    /// Where they are held: what is otherwise after init, or in calls in progress, if handles have other numbers.
    pub places: Vec<Location>,
    /// What else is known: what is open, or why it is not known where they are held.
    pub why: Option<String>,
}

/// Places that a message lists; the others are counted.
const LISTED: usize = 6;

impl fmt::Display for LiveHandles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alive {
            1 => f.write_str("1 handle is")?,
            alive => write!(f, "{alive} handles are")?,
        }
        f.write_str(" alive after init, which an instance of the snapshot would not have")?;
        let mut kinds: Vec<String> =
            self.of_wasi.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let others = self.alive.saturating_sub(self.of_wasi.values().sum());
        if others > 0 {
            kinds.push(format!("{others} of the component's own"));
        }
        write!(f, " ({})", kinds.join(", "))?;
        if !self.places.is_empty() {
            f.write_str("; held at ")?;
            for (number, place) in self.places.iter().take(LISTED).enumerate() {
                f.write_str(if number == 0 { "" } else { ", " })?;
                write!(f, "{} ({}", place.at, place.what)?;
                match place.owner.as_str() {
                    "" => f.write_str(")")?,
                    owner => write!(f, ", {owner})")?,
                }
            }
            if self.places.len() > LISTED {
                write!(f, " and {} more", self.places.len() - LISTED)?;
            }
        } else if !self.keepers.is_empty() {
            write!(f, "; they can be held by {}", self.keepers.join(", "))?;
        }
        if let Some(why) = &self.why {
            write!(f, "; {}", Message(why))?;
        }
        Ok(())
    }
}

fn candidates(exports: &[Name]) -> String {
    match exports.is_empty() {
        true => "the component exports no functions".to_string(),
        false => format!(
            "it exports {}",
            exports
                .iter()
                .map(|name| format!("`{}`", Printable(&name.to_string())))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

impl ComponentRunError {
    /// Whether the component was understood and turned down.
    pub fn is_refusal(&self) -> bool {
        match self {
            ComponentRunError::Component(error) => {
                matches!(
                    error,
                    ComponentError::InstancesDiffer { .. }
                        | ComponentError::Cut { .. }
                        | ComponentError::Clock(_)
                        | ComponentError::Rename { .. }
                        | ComponentError::Exported { .. }
                        | ComponentError::Imported { .. }
                )
            }
            ComponentRunError::InModule { error, .. } => error.is_refusal(),
            ComponentRunError::Freeze(error) => error.is_refusal(),
            ComponentRunError::Stopped(stop) => !matches!(stop.cause, StopCause::Machine(_)),
            ComponentRunError::Failed { .. }
            | ComponentRunError::Handles(_)
            | ComponentRunError::NoReset
            | ComponentRunError::NoStack
            | ComponentRunError::StackOfSeveral { .. }
            | ComponentRunError::HalfReset { .. }
            | ComponentRunError::Renumbered(_)
            | ComponentRunError::Proposal { .. }
            | ComponentRunError::Backpressure
            | ComponentRunError::SharedMemory(_)
            | ComponentRunError::Objects { .. } => true,
            _ => false,
        }
    }
}
