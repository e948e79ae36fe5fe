use crate::debug_info::{MAX_ADDRESSES, SourceFrame, source_frames};
use crate::demangling;
use preinit_core::module::{Module, Names, SectionId, Space, body_ranges, is_function};
use preinit_core::printable::Printable;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use wasmtime::{FrameInfo, WasmBacktrace};

/// Frames of a trace in which inlined calls are frames of their own; later ones have none of these.
const MAX_INLINED: usize = 100_000;

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
    pub name: Option<Arc<str>>,
    /// `file:line`, from DWARF.
    pub location: Option<Arc<str>>,
}

/// A module whose code can be in a trace.
#[derive(Clone, Copy)]
pub(crate) struct Traced<'a> {
    pub module: &'a Module<'a>,
    /// The form of it that runs.
    pub binary: &'a [u8],
}

impl Trace {
    /// The backtrace that an error of the engine carries. `find` knows the modules that its code is of.
    pub(super) fn of<'a>(
        error: &wasmtime::Error,
        find: impl Fn(&wasmtime::Module) -> Option<Traced<'a>>,
    ) -> Trace {
        let infos = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
        let mut codes: Vec<Code<'_, '_>> = Vec::new();
        let mut numbers = Vec::with_capacity(infos.len());
        for info in infos {
            let known = codes.iter().position(|code| wasmtime::Module::same(code.compiled, info.module()));
            numbers.push(known.unwrap_or(codes.len()));
            if known.is_none() {
                codes.push(Code::of(info.module(), find(info.module())));
            }
            codes[numbers[numbers.len() - 1]].note(info);
        }
        codes.iter_mut().for_each(Code::look_up);
        let mut trace = Trace::default();
        for (info, number) in infos.iter().zip(numbers) {
            codes[number].add_frames(info, &mut trace.frames);
        }
        trace
    }
}

/// A function, and a position in its body.
type Place = (u32, usize);

/// One module of those that are in a trace, and what was found out about its code. Each function and each place is named once:
/// there can be very many frames of it.
struct Code<'e, 'a> {
    compiled: &'e wasmtime::Module,
    traced: Option<(Traced<'a>, Names<'a>)>,
    /// The first name that a function is exported under, once one is looked for.
    exports: OnceCell<HashMap<u32, &'a str>>,
    functions: HashMap<u32, Option<Arc<str>>>,
    /// Those whose source is looked up.
    places: Vec<Place>,
    sources: HashMap<Place, Vec<Frame>>,
}

impl<'e, 'a> Code<'e, 'a> {
    fn of(compiled: &'e wasmtime::Module, traced: Option<Traced<'a>>) -> Code<'e, 'a> {
        Code {
            compiled,
            traced: traced.map(|traced| (traced, traced.module.names())),
            exports: OnceCell::new(),
            functions: HashMap::new(),
            places: Vec::new(),
            sources: HashMap::new(),
        }
    }

    /// Remembers what has to be looked up.
    fn note(&mut self, info: &FrameInfo) {
        let function = info.func_index();
        if !self.functions.contains_key(&function) {
            let name = self.name(info).map(|name| demangling::demangled(name).into());
            self.functions.insert(function, name);
        }
        if let Some(offset) = info.func_offset()
            && self.places.len() < MAX_ADDRESSES
            && !self.places.contains(&(function, offset))
        {
            self.places.push((function, offset));
        }
    }

    fn name<'n>(&'n self, info: &'n FrameInfo) -> Option<&'n str> {
        let function = info.func_index();
        let own = || {
            let (traced, names) = self.traced.as_ref()?;
            let exported = || self.exports.get_or_init(|| exported(traced.module)).get(&function).copied();
            names.get(Space::Function, function).or_else(exported)
        };
        info.func_name().or_else(own)
    }

    /// Finds the places in the sources.
    fn look_up(&mut self) {
        let Some((traced, _)) = self.traced.as_ref().filter(|(traced, _)| traced.module.has_dwarf()) else {
            return;
        };
        let module = traced.module;
        let Some(positions) = Positions::of(*traced) else { return };
        let address = |place: &Place| Some((*place, positions.address(*place)?));
        let (places, addresses): (Vec<Place>, Vec<u64>) = self.places.iter().filter_map(address).unzip();
        for (place, calls) in places.into_iter().zip(source_frames(module, &addresses)) {
            let plain = self.functions.get(&place.0).cloned().flatten();
            let frame = |SourceFrame { name, location }| Frame {
                function: place.0,
                name: name.map(|name| demangling::demangled(&name).into()).or_else(|| plain.clone()),
                location: location.map(Arc::from),
            };
            self.sources.insert(place, calls.into_iter().map(frame).collect());
        }
    }

    fn add_frames(&self, info: &FrameInfo, frames: &mut Vec<Frame>) {
        let function = info.func_index();
        // What was added to the module is none of its functions.
        if self.traced.as_ref().is_some_and(|(traced, _)| function as usize >= traced.module.functions.len())
        {
            return;
        }
        let place = info.func_offset().map(|offset| (function, offset));
        match place.and_then(|place| self.sources.get(&place)) {
            Some(calls) if !calls.is_empty() && frames.len() <= MAX_INLINED => {
                frames.extend_from_slice(calls);
            }
            _ => {
                let name = self.functions.get(&function).cloned().flatten();
                frames.push(Frame { function, name, location: None });
            }
        }
    }
}

fn exported<'a>(module: &Module<'a>) -> HashMap<u32, &'a str> {
    let functions = module.exports.iter().filter(|export| is_function(export.kind));
    functions.rev().map(|export| (export.index, export.name)).collect()
}

/// Where functions are in a module, and in the form of it that runs.
struct Positions<'a> {
    traced: Traced<'a>,
    /// Where the contents of the code section begin, from which debugging information counts.
    start: usize,
    bodies: Vec<Range<usize>>,
    running: Vec<Range<usize>>,
}

impl<'a> Positions<'a> {
    fn of(traced: Traced<'a>) -> Option<Positions<'a>> {
        Some(Positions {
            traced,
            start: traced.module.section(SectionId::CODE)?.range.start,
            bodies: traced.module.bodies().iter().map(|body| body.range()).collect(),
            running: body_ranges(traced.binary).ok()?,
        })
    }

    /// The address of a place, unless more was added to the function than at one position.
    fn address(&self, (function, offset): Place) -> Option<u64> {
        let Traced { module, binary } = self.traced;
        let index = function.checked_sub(module.imported.functions)? as usize;
        let (range, running) = (self.bodies.get(index)?, self.running.get(index)?);
        let (body, running) = (module.bytes.get(range.clone())?, binary.get(running.clone())?);
        let added = running.len().checked_sub(body.len())?;
        let before = body.iter().zip(running).take_while(|(own, other)| own == other).count();
        let offset = match added {
            0 => offset,
            _ if body[before..] != running[before + added..] => return None,
            _ if offset < before => offset,
            _ => before.max(offset.saturating_sub(added)),
        };
        (offset < body.len()).then(|| (range.start - self.start + offset) as u64)
    }
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
