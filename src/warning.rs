use crate::component::LiveHandles;
use crate::host::{Class, ImportName};
use crate::preloaded::PreloadedChange;
use crate::wording::Bytes;
use preinit_core::engine_limits::Excess;
use preinit_core::printable::{Name, listed};
use serde::{Serialize, Serializer};
use std::fmt;

/// Something about a snapshot that is right but may surprise.
///
/// ```
/// use preinit::{Preinit, Warning};
///
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
///     (memory (export "memory") 1)
///     (func (export "preinit") (drop (call $random (i32.const 8) (i32.const 4)))))"#)?;
/// let report = Preinit::new().allow_wasi(true).run(&wasm)?.report;
/// assert_eq!(report.warnings, [Warning::Random(4)]);
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// About the form of the output.
    Output(preinit_core::plan::Warning),
    /// Sections that describe code are left out, because stripping moves the code.
    SectionsStripped(Vec<Name>),
    /// The output is beyond a limit of some engines, and the input was not.
    BeyondLimit(Excess),
    /// The source map gives wrong places: code moved by this many bytes in the file.
    SourceMapMoved(i64),
    /// The debug information is left out, because added functions move the code.
    DwarfDropped,
    /// Init read this many random bytes.
    Random(u64),
    /// Init made calls of a class that is to be warned of.
    Called {
        /// The class.
        class: Class,
        /// The imports, in the order of the first call.
        imports: Vec<ImportName>,
        /// The number of calls.
        calls: u64,
    },
    /// The frozen program has looked for directories and found none.
    NoDirectories,
    /// The frozen program has read its arguments.
    ArgumentsRead,
    /// The frozen program has read its environment.
    EnvironmentRead,
    /// The frozen program has read this many bytes of standard input.
    StdinRead(usize),
    /// The frozen program has written to a standard stream.
    Written {
        /// `output` or `error`.
        stream: &'static str,
        /// The number of calls.
        calls: usize,
    },
    /// The frozen program has changed files.
    FilesChanged {
        /// How many.
        count: usize,
        /// One of them.
        first: Name,
    },
    /// The monotonic clock of an instance begins anew, although it was to go on, for this reason.
    ClockNotRebased(Name),
    /// Objects that this preloaded module has made may be in the state, and would be copies.
    PreloadedObjects(Name),
    /// Init has changed what is inside a preloaded module, and no instance has that.
    PreloadedChange(Box<PreloadedChange>),
    /// The module has no function that makes libc forget what it has cached, and no variable was recognized that does.
    NoResetHooks,
    /// This many handles of a component are alive after init, which nobody holds.
    HandlesLeft(usize),
    /// Handles of a component are held that no instance has, and that was allowed.
    LiveHandles(Box<LiveHandles>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Output(warning) => warning.fmt(f),
            Warning::SectionsStripped(sections) => {
                write!(f, "left out, because stripping moves the code that they describe: {}", listed(sections, 12))
            }
            Warning::BeyondLimit(excess) => excess.fmt(f),
            Warning::SourceMapMoved(by) => write!(f, "the source map is off: code moved by {by:+} bytes in the file"),
            Warning::DwarfDropped => f.write_str(
                "the debug information (DWARF) is left out: the added functions move the code by one byte",
            ),
            Warning::Random(bytes) => {
                write!(f, "init read {bytes} random bytes, which every instance of the snapshot will share")
            }
            Warning::Called { imports, calls, .. } => {
                let times = if *calls == 1 { "once".to_owned() } else { format!("{calls} times") };
                write!(f, "init called {} {times}", listed(imports, 3))
            }
            Warning::NoDirectories => f.write_str(
                "the program has looked for directories and found none: it will not see those that are given when it runs",
            ),
            Warning::ArgumentsRead => {
                f.write_str("the program has read its arguments: those of this run are frozen")
            }
            Warning::EnvironmentRead => {
                f.write_str("the program has read its environment: the variables of this run are frozen")
            }
            Warning::StdinRead(bytes) => {
                write!(f, "the program has read {} of standard input: that is frozen", Bytes(*bytes as u64))
            }
            Warning::Written { stream, calls } => write!(
                f,
                "the program has written to standard {stream} ({calls} call{}); that is not written again",
                if *calls == 1 { "" } else { "s" }
            ),
            Warning::FilesChanged { count, first } => {
                let files = if *count == 1 { "1 file".to_string() } else { format!("{count} files") };
                write!(f, "the program has changed {files} (the first: `{first}`); that is not done again")
            }
            Warning::ClockNotRebased(why) => {
                write!(f, "the monotonic clock of an instance begins anew and does not go on from that of init: {why}")
            }
            Warning::PreloadedObjects(name) => write!(
                f,
                "the preloaded module `{name}` has objects, too: of those that it gave away, the snapshot may have copies, and \
                 neither module sees what the other one changes in these"
            ),
            Warning::PreloadedChange(change) => change.fmt(f),
            Warning::NoResetHooks => f.write_str(
                "libc is not reset: the module has neither `__wasilibc_reset_preopens` nor \
                 `__wasilibc_deinitialize_environ` among its exports and names, and no variable of libc was recognized that \
                 says that it has asked",
            ),
            Warning::HandlesLeft(count) => {
                let handles = if *count == 1 { "1 handle is".to_string() } else { format!("{count} handles are") };
                write!(f, "{handles} alive after init and held nowhere: instances do not have what was left open")
            }
            Warning::LiveHandles(live) => live.fmt(f),
        }
    }
}

/// As text.
impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
