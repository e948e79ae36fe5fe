use crate::demangling;
use preinit_core::module::{Module, is_function};
use preinit_core::printable::Printable;
use std::fmt;
use wasmtime::{FrameInfo, FrameSymbol, WasmBacktrace};

/// Where in the guest something happened, innermost frame first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The frames.
    pub frames: Vec<Frame>,
}

/// One function of a [`Trace`]; inlined calls are frames of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Function index.
    pub function: u32,
    /// Its name, from DWARF or the name section, or the one that it is exported under.
    pub name: Option<String>,
    /// `file:line`, from DWARF.
    pub location: Option<String>,
}

impl Trace {
    /// The backtrace that an error of the engine carries.
    /// Of code of any module.
    pub(super) fn of_any(error: &wasmtime::Error) -> Trace {
        let infos = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
        Trace { frames: infos.iter().flat_map(frames_of).collect() }
    }

    pub(super) fn of(error: &wasmtime::Error, module: &Module<'_>, compiled: &wasmtime::Module) -> Trace {
        let infos = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
        let mut trace = Trace::default();
        for info in infos {
            let is_own = wasmtime::Module::same(info.module(), compiled);
            // What was added to the module is none of its functions.
            if is_own && info.func_index() as usize >= module.functions.len() {
                continue;
            }
            let exported = is_own.then(|| export_of(module, info.func_index())).flatten();
            trace.frames.extend(
                frames_of(info)
                    .into_iter()
                    .map(|frame| Frame { name: frame.name.or_else(|| exported.map(demangled)), ..frame }),
            );
        }
        trace
    }
}

fn export_of<'a>(module: &Module<'a>, function: u32) -> Option<&'a str> {
    let mut exports = module.exports.iter();
    exports.find(|export| is_function(export.kind) && export.index == function).map(|export| export.name)
}

fn frames_of(info: &FrameInfo) -> Vec<Frame> {
    let plain = Frame { function: info.func_index(), name: info.func_name().map(demangled), location: None };
    if info.symbols().is_empty() {
        return vec![plain];
    }
    let frame = |symbol: &FrameSymbol| Frame {
        function: plain.function,
        name: symbol.name().map(demangled).or_else(|| plain.name.clone()),
        location: symbol.file().map(|file| match symbol.line() {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        }),
    };
    info.symbols().iter().map(frame).collect()
}

fn demangled(name: &str) -> String {
    demangling::demangled(name).into_owned()
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut depth = 0;
        // Recursion without end is one line.
        for same in self.frames.chunk_by(PartialEq::eq) {
            let frame = &same[0];
            write!(f, "\n  {depth:>3}: ")?;
            depth += same.len();
            match &frame.name {
                Some(name) => Printable(name).fmt(f)?,
                None => write!(f, "function {}", frame.function)?,
            }
            if let Some(location) = &frame.location {
                write!(f, " at {}", Printable(location))?;
            }
            if same.len() > 1 {
                write!(f, " ({} times)", same.len())?;
            }
        }
        Ok(())
    }
}
