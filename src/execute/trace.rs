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
    /// Its name, from DWARF or the name section.
    pub name: Option<String>,
    /// `file:line`, from DWARF.
    pub location: Option<String>,
}

impl Trace {
    /// The backtrace that an error of the engine carries.
    pub(super) fn of(error: &wasmtime::Error) -> Trace {
        let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
        Trace { frames: frames.iter().flat_map(frames_of).collect() }
    }
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
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_string(), |name| format!("{name:#}"))
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  {depth:>3}: ")?;
            match &frame.name {
                Some(name) => f.write_str(name)?,
                None => write!(f, "function {}", frame.function)?,
            }
            if let Some(location) = &frame.location {
                write!(f, " at {location}")?;
            }
        }
        Ok(())
    }
}
