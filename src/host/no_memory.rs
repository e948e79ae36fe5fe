//! The machine has no memory left, which says nothing about a module.

use preinit_core::printable::Message;

/// The machine had no memory for what a module may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine has no memory left for it: {}", Message(message))]
#[non_exhaustive]
pub struct NoMemory {
    /// What the engine or the system said.
    pub message: String,
}

impl NoMemory {
    /// Where it was for this.
    pub(crate) fn for_it(what: String) -> NoMemory {
        NoMemory { message: what }
    }

    /// What an error says of it, if that is why.
    pub(crate) fn of(error: &wasmtime::Error) -> Option<NoMemory> {
        if let Some(found) = error.downcast_ref::<NoMemory>() {
            return Some(found.clone());
        }
        let is_why = error.is::<wasmtime::OutOfMemory>() || error.chain().any(is_of_system);
        is_why.then(|| NoMemory { message: error.root_cause().to_string() })
    }
}

/// Whether the operating system says that it has none.
fn is_of_system(error: &(dyn std::error::Error + 'static)) -> bool {
    #[cfg(unix)]
    if error.downcast_ref() == Some(&rustix::io::Errno::NOMEM) {
        return true;
    }
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
}
