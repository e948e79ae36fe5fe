//! Types of WASI 0.3 that pass through streams and futures, which the engine has to know.

use crate::host::component_value::ComponentValue;
use wasmtime::component::{ComponentType, Lift, Lower};

/// Why a stream ended before its end.
pub trait ErrorCode: ComponentType + Lift + Lower + Send + Sync + 'static {
    /// The one of this name, or the most like it.
    fn named(name: &str) -> Self;
}

/// Of standard streams.
#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum StandardError {
    #[component(name = "io")]
    Io,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "pipe")]
    Pipe,
}

impl ErrorCode for StandardError {
    fn named(name: &str) -> Self {
        match name {
            "illegal-byte-sequence" => Self::IllegalByteSequence,
            "pipe" => Self::Pipe,
            _ => Self::Io,
        }
    }
}

macro_rules! variants {
    ($(#[$doc:meta])* $variant:ident { $($case:ident $name:tt)* }) => {
        $(#[$doc])*
        #[derive(ComponentType, Lift, Lower, Clone)]
        #[component(variant)]
        pub enum $variant {
            $(#[component(name = $name)] $case,)*
            #[component(name = "other")]
            Other(Option<String>),
        }

        impl $variant {
            fn of(name: &str) -> Self {
                match name {
                    $($name => Self::$case,)*
                    _ => Self::Other(None),
                }
            }
        }
    };
}

variants! {
    /// Of files.
    FileError {
        Access "access"
        Already "already"
        BadDescriptor "bad-descriptor"
        Busy "busy"
        Deadlock "deadlock"
        Quota "quota"
        Exist "exist"
        FileTooLarge "file-too-large"
        IllegalByteSequence "illegal-byte-sequence"
        InProgress "in-progress"
        Interrupted "interrupted"
        Invalid "invalid"
        Io "io"
        IsDirectory "is-directory"
        Loop "loop"
        TooManyLinks "too-many-links"
        MessageSize "message-size"
        NameTooLong "name-too-long"
        NoDevice "no-device"
        NoEntry "no-entry"
        NoLock "no-lock"
        InsufficientMemory "insufficient-memory"
        InsufficientSpace "insufficient-space"
        NotDirectory "not-directory"
        NotEmpty "not-empty"
        NotRecoverable "not-recoverable"
        Unsupported "unsupported"
        NoTty "no-tty"
        NoSuchDevice "no-such-device"
        Overflow "overflow"
        NotPermitted "not-permitted"
        Pipe "pipe"
        ReadOnly "read-only"
        InvalidSeek "invalid-seek"
        TextFileBusy "text-file-busy"
        CrossDevice "cross-device"
    }
}

impl ErrorCode for FileError {
    fn named(name: &str) -> Self {
        Self::of(name)
    }
}

variants! {
    /// What a name in a directory stands for.
    FileType {
        BlockDevice "block-device"
        CharacterDevice "character-device"
        Directory "directory"
        Fifo "fifo"
        SymbolicLink "symbolic-link"
        RegularFile "regular-file"
        Socket "socket"
    }
}

/// What is in a directory.
#[derive(ComponentType, Lift, Lower, Clone)]
#[component(record)]
pub struct DirectoryEntry {
    #[component(name = "type")]
    ty: FileType,
    name: String,
}

impl DirectoryEntry {
    /// From its fields.
    pub fn of(value: ComponentValue) -> Option<Self> {
        let ComponentValue::Record(fields) = value else { return None };
        let [(_, ComponentValue::Variant(ty, _)), (_, ComponentValue::Text(name))] =
            <[_; 2]>::try_from(fields).ok()?
        else {
            return None;
        };
        Some(Self { ty: FileType::of(&ty), name })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::filesystem::error_name;
    use super::*;

    #[test]
    fn every_error_of_preview_1_has_its_name() {
        for errno in 1..=76 {
            let name = error_name(errno);
            let is_other = matches!(FileError::named(name), FileError::Other(_));
            assert_eq!(is_other, name == "would-block", "{name}");
        }
        assert!(matches!(StandardError::named("pipe"), StandardError::Pipe));
        assert!(matches!(StandardError::named("busy"), StandardError::Io));
    }
}
