//! A function of ours answers instead of an imported one, and may pass on to it.
//!
//! No index moves: the import stays, and its *callers* change. A function that calls the import keeps its place and its
//! length: its body becomes a trampoline, padded with `nop`, to an appended copy whose calls are redirected. So code does
//! not move, and debug information stays right. Where a trampoline does not fit, code moves and the debug information
//! goes. References to the import in tables, globals, segments and exports become references to ours.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod redirect;
mod trampoline;

use crate::addition::{AddedState, Addition};
use crate::module::{Module, Patch, SectionId, Space};
use crate::snapshot::{GlobalState, Value};
use redirect::Redirect;
use std::collections::{BTreeMap, HashMap};
use trampoline::Trampoline;
use wasm_encoder::{Encode, Function};

/// Why a function cannot take the place of an import.
#[derive(Debug, thiserror::Error)]
pub enum InterposeError {
    /// There is no such import.
    #[error("function {0} is not imported")]
    NotImported(u32),
    /// A valid module cannot be read again, or has a type that the encoder does not know.
    #[error("the module cannot be rewritten, which is a bug in preinit: {0}")]
    Rewrite(String),
}

impl From<wasmparser::BinaryReaderError> for InterposeError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        InterposeError::Rewrite(error.to_string())
    }
}

/// Whether `function` of `redirected` is that of `original` with calls of other functions: a trampoline to a copy that makes
/// them. `answers` are these functions, by the index of the import.
pub fn is_redirected(
    original: &Module<'_>,
    redirected: &Module<'_>,
    function: u32,
    answers: &BTreeMap<u32, u32>,
) -> bool {
    let defined = |module: &Module<'_>, function: u32| function.checked_sub(module.imported.functions);
    let Some(index) = defined(original, function) else { return false };
    let (bodies, others) = (original.bodies(), redirected.bodies());
    let (Some(body), Some(other)) = (bodies.get(index as usize), others.get(index as usize)) else {
        return false;
    };
    let Ok(Some(copy)) = Redirect::new(answers).body(original.bytes, body) else { return false };
    let parameters = original.signature(function).map_or(0, |ty| ty.params().len());
    let Some(target) = Trampoline::target_of(other) else { return false };
    let trampoline = Trampoline { target, parameters, tail: copy.has_tail_calls };
    let copied = defined(redirected, target).and_then(|index| others.get(index as usize));
    target as usize >= original.functions.len()
        && trampoline.body(body.range().len()) == redirected.bytes[other.range()]
        && copied.is_some_and(|copied| redirected.bytes[copied.range()] == copy.body)
}

/// Functions that answer instead of imports, while they are gathered.
pub struct Interposition<'m, 'a> {
    module: &'m Module<'a>,
    patch: Patch<'m, 'a>,
    /// Our functions, by the index of the import.
    replacements: BTreeMap<u32, u32>,
    names: Vec<(u32, String)>,
    /// How many functions were added.
    added: u32,
    globals: Vec<GlobalState>,
}

impl<'m, 'a> Interposition<'m, 'a> {
    /// No import is replaced yet.
    pub fn new(module: &'m Module<'a>) -> Self {
        Interposition {
            module,
            patch: Patch::new(module),
            replacements: BTreeMap::new(),
            names: Vec::new(),
            added: 0,
            globals: Vec::new(),
        }
    }

    /// Adds a mutable global of type `i32` or `i64` with this value, and gives its index.
    pub fn global(&mut self, value: Value) -> u32 {
        const MUTABLE: u8 = 1;
        let (ty, zero): (u8, [u8; 3]) = match value {
            Value::I64(_) => (0x7e, [0x42, 0x00, 0x0b]),
            _ => (0x7f, [0x41, 0x00, 0x0b]),
        };
        let added = self.patch.add(SectionId::GLOBAL, |out| {
            out.extend([ty, MUTABLE]);
            out.extend(zero);
        });
        self.globals.push(GlobalState { value, import_changed: false });
        self.module.globals.len() as u32 + added
    }

    /// Lets `body` answer instead of the imported function `import`, whose type it has. It may call the import by its index.
    ///
    /// # Errors
    /// If `import` is not the index of an imported function.
    pub fn replace(&mut self, import: u32, body: Function) -> Result<u32, InterposeError> {
        if import >= self.module.imported.functions {
            return Err(InterposeError::NotImported(import));
        }
        let ty = self.module.functions[import as usize];
        let function = self.patch.function(ty, &body.into_raw_body());
        self.added += 1;
        self.replacements.insert(import, function);
        self.names.push((function, format!("interpose:{}", self.name(import))));
        Ok(function)
    }

    /// Adds a function for others of ours to call. `ty` is its type in binary form.
    pub fn function(&mut self, ty: &[u8], body: Function, name: &str) -> u32 {
        let ty = self.patch.ty(ty);
        let function = self.patch.function(ty, &body.into_raw_body());
        self.added += 1;
        self.names.push((function, name.to_string()));
        function
    }

    /// The index of the function that is added next.
    pub fn next_function(&self) -> u32 {
        self.module.functions.len() as u32 + self.added
    }

    fn name(&self, function: u32) -> String {
        if let Some(name) = self.module.names().get(Space::Function, function) {
            return name.to_string();
        }
        let import = self.module.imported_functions().find(|(index, _)| *index == function);
        import.map_or_else(|| format!("function {function}"), |(_, import)| import.dotted())
    }

    /// The module in which all callers reach our functions.
    ///
    /// # Errors
    /// If the module cannot be rewritten, which validation rules out.
    pub fn finish(mut self) -> Result<Addition, InterposeError> {
        let module = self.module;
        let redirect = Redirect::new(&self.replacements);
        let mut makes_references = false;
        for (function, body) in (module.imported.functions..).zip(module.bodies()) {
            let Some(copy) = redirect.body(module.bytes, &body)? else { continue };
            let ty = module.functions[function as usize];
            let copied = self.patch.function(ty, &copy.body);
            self.names.push((copied, format!("redirected:{}", self.name(function))));
            let parameters = module.signature(function).map_or(0, |ty| ty.params().len());
            let trampoline = Trampoline { target: copied, parameters, tail: copy.has_tail_calls };
            makes_references |= copy.makes_references;
            self.patch.replace_body(function, trampoline.body(body.range().len()));
        }
        redirect.sections(module, &mut self.patch)?;
        self.declare(makes_references);
        self.patch.name_functions(&self.names);
        let drops_dwarf = self.patch.drop_moved_dwarf();
        let state = AddedState {
            globals: self.globals,
            declarative_elements: usize::from(makes_references),
            redirected: self.replacements,
            ..AddedState::default()
        };
        Ok(Addition {
            wasm: self.patch.apply(),
            state,
            slots: HashMap::new(),
            entries: Vec::new(),
            drops_dwarf,
        })
    }

    /// Code that makes references of our functions needs them declared (spec, 3.4.10 `C.refs`).
    fn declare(&mut self, makes_references: bool) {
        const DECLARATIVE: u8 = 3;
        const FUNCTIONS: u8 = 0;
        if makes_references {
            let functions: Vec<u32> = self.replacements.values().copied().collect();
            self.patch.add(SectionId::ELEMENT, |out| {
                out.extend([DECLARATIVE, FUNCTIONS]);
                functions.as_slice().encode(out);
            });
        }
    }
}
