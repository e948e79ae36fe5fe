//! Values that no module can make.

use std::fmt;

/// Why a reference cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unwritable {
    /// A function that is neither the module's own nor one of its imports.
    ForeignFunction,
    /// The same, where it was given a number that tells it from others.
    NumberedFunction(u32),
    /// A struct or array of a type that the module does not declare: another module made it.
    ForeignObject,
    /// An object of an imported global that is to become the module's own.
    ImportedObject,
    /// A value that belongs to the host.
    HostExtern,
    /// A value of the host that several imports hold.
    SeveralImports,
    /// A value of the host that is no object.
    Primitive,
    /// An exception of a tag that the module does not have.
    ForeignException,
    /// A suspended continuation.
    Continuation,
    /// An object of which the host shows nothing but its identity.
    Opaque,
    /// A reference, null or not, of which the host shows nothing.
    Hidden,
    /// A string of JavaScript, and the module has no means of making one.
    String,
}

impl Unwritable {
    /// Whether it is a function.
    pub fn is_function(self) -> bool {
        matches!(self, Unwritable::ForeignFunction | Unwritable::NumberedFunction(_))
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwritable::ForeignFunction => {
                f.write_str("function of another module, which this one does not import")
            }
            Unwritable::NumberedFunction(number) => {
                write!(f, "function of another module, which this one does not import (number {number})")
            }
            Unwritable::ForeignObject => {
                f.write_str("object of another module, of a type that this one lacks")
            }
            Unwritable::ImportedObject => {
                f.write_str("object of an imported global, which would be a copy of it if the global became the module's own")
            }
            Unwritable::HostExtern => f.write_str("externref of the host"),
            Unwritable::SeveralImports => {
                f.write_str("value of the host that several imports hold: which of these it is would not be known")
            }
            Unwritable::Primitive => {
                f.write_str("number or other value of JavaScript that is no object, which the module cannot make again")
            }
            Unwritable::ForeignException => f.write_str("exception of a tag that this module lacks"),
            Unwritable::Continuation => f.write_str("suspended continuation"),
            Unwritable::Opaque => f.write_str("object that the host cannot read"),
            Unwritable::Hidden => f.write_str("reference that the host cannot read"),
            Unwritable::String => f.write_str(
                "string of JavaScript, which the module cannot make again: it does not import fromCharCodeArray of wasm:js-string",
            ),
        }
    }
}
