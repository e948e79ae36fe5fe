use std::fmt;

/// What can be asked for of a core module, and not of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// Core modules that provide imports.
    Preloads,
    /// A linker of the caller's.
    Linker,
    /// Imports that the snapshot defines itself.
    Internalize,
    /// Imported memories that hold nothing but zeros.
    FreshImports,
    /// Frames that are read through the debugging interface.
    InspectedFrames,
    /// Zeroing free memory.
    Scrub,
    /// Calling functions after init, before the state is read.
    BeforeCapture,
    /// Freezing, and resetting what libc has cached.
    ResetAtPlace,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lack::Preloads => "preloaded modules",
            Lack::Linker => "a linker of core imports",
            Lack::Internalize => "internalizing imports",
            Lack::FreshImports => "imported memories that are fresh in every instance",
            Lack::InspectedFrames => "reading frames through the debugging interface",
            Lack::Scrub => "zeroing free memory",
            Lack::BeforeCapture => "calling functions before the state is read",
            Lack::ResetAtPlace => "resetting libc in the middle of a call",
        })
    }
}
