//! How a function of the layer is called.
//!
//! It has a frame in the page, and the page must not move while it is there. So the calls in progress are counted. A component's
//! adapter of WASI preview 1 makes its state at its first call, in each instance of a snapshot again, and asks the module's
//! `cabi_realloc` for room, which may grow the memory. So the adapter is called before the frame is there: with a descriptor that
//! nobody has.

use super::layer::Place;
use super::page::Page;
use crate::interpose::Interposition;
use crate::module::Module;
use crate::wasi_version::WasiVersion;
use wasm_encoder::{BlockType, Function, Instruction};
use wasmparser::ValType;

/// Calls that do nothing for a descriptor that nobody has; the first one that the module imports is made.
const HARMLESS: [&str; 3] = ["fd_close", "fd_prestat_get", "path_open"];
/// A descriptor that nobody has.
const NOBODYS: i32 = -1;

/// Calls functions of the layer.
pub(super) struct LayerCall {
    page: Page,
    first: Option<First>,
}

/// A call of the adapter that comes first.
struct First {
    import: u32,
    /// What it is given after the descriptor.
    rest: Vec<Instruction<'static>>,
    /// The global that says whether it is in progress.
    is_made: u32,
}

impl LayerCall {
    pub fn new(interposition: &mut Interposition<'_, '_>, module: &Module<'_>, place: &Place) -> LayerCall {
        let first = if place.before_adapter { First::of(interposition, module) } else { None };
        LayerCall { page: place.page, first }
    }

    /// The body of what answers instead of an import with so many parameters.
    pub fn body(&self, function: u32, parameters: u32) -> Function {
        let depth = self.page.depth;
        let add = |body: &mut Function, step: i32| {
            body.instruction(&Instruction::GlobalGet(depth))
                .instruction(&Instruction::I32Const(step))
                .instruction(&Instruction::I32Add)
                .instruction(&Instruction::GlobalSet(depth));
        };
        let mut body = Function::new([]);
        if self.first.is_some() || self.page.more.is_some() {
            body.instruction(&Instruction::GlobalGet(depth))
                .instruction(&Instruction::I32Eqz)
                .instruction(&Instruction::If(BlockType::Empty));
            if let Some(first) = &self.first {
                first.call(&mut body);
            }
            if let Some(more) = self.page.more {
                body.instruction(&Instruction::Call(more.settle));
            }
            body.instruction(&Instruction::End);
        }
        add(&mut body, 1);
        for parameter in 0..parameters {
            body.instruction(&Instruction::LocalGet(parameter));
        }
        body.instruction(&Instruction::Call(function));
        add(&mut body, -1);
        body.instruction(&Instruction::End);
        body
    }
}

impl First {
    fn of(interposition: &mut Interposition<'_, '_>, module: &Module<'_>) -> Option<First> {
        let import = HARMLESS.iter().find_map(|name| {
            let mut imports = module.imported_functions();
            let of_wasi = |module: &str| module == WasiVersion::Preview1.module();
            imports
                .find(|(_, import)| of_wasi(&import.module) && import.name == *name)
                .map(|(index, _)| index)
        })?;
        let rest = module.signature(import)?.params().iter().skip(1);
        let zero = |ty: &ValType| match ty {
            ValType::I64 => Instruction::I64Const(0),
            _ => Instruction::I32Const(0),
        };
        let rest = rest.map(zero).collect();
        Some(First { import, rest, is_made: interposition.address(0) })
    }

    /// Makes the call, but not while it is being made: what it calls back may call the layer.
    fn call(&self, body: &mut Function) {
        let set = |body: &mut Function, value: i32| {
            body.instruction(&Instruction::I32Const(value))
                .instruction(&Instruction::GlobalSet(self.is_made));
        };
        body.instruction(&Instruction::GlobalGet(self.is_made))
            .instruction(&Instruction::I32Eqz)
            .instruction(&Instruction::If(BlockType::Empty));
        set(body, 1);
        body.instruction(&Instruction::I32Const(NOBODYS));
        for argument in &self.rest {
            body.instruction(argument);
        }
        body.instruction(&Instruction::Call(self.import)).instruction(&Instruction::Drop);
        set(body, 0);
        body.instruction(&Instruction::End);
    }
}
