//! Makes a function of the module's own call the host when it is entered.

use super::FreezeError;
use super::play::Listener;
use crate::execute::Begun;
use crate::host::Seen;
use preinit_core::freeze::FunctionTypes;
use preinit_core::module::Module;
use preinit_core::module::Patch;
use preinit_core::probe::Probed;
use std::sync::Arc;
use wasm_encoder::{BlockType, Encode, ExportKind, HeapType, Instruction};
use wasmtime::{Func, FuncType, Ref, Val};

/// Code at the start of one function that passes its parameters to the host.
pub(super) struct Bell {
    pub function: u32,
    /// Goes before the first instruction.
    pub code: Vec<u8>,
    table: String,
    armed: String,
}

impl Bell {
    /// Adds what it takes to `patch`, a patch of the probed module `module`.
    pub fn install(
        patch: &mut Patch<'_, '_>,
        types: &mut FunctionTypes<'_>,
        module: &Module<'_>,
        probed: &Probed,
        function: u32,
    ) -> Result<Bell, FreezeError> {
        let signature = module.signature(function);
        let parameters =
            signature.ok_or(FreezeError::Unexplained("a function without a signature"))?.params();
        let ty = types.function(parameters, &[]);
        let table = patch.table(HeapType::FUNC, 1);
        // The host can fill the table only when the start function has run.
        let armed = patch.counter();
        let names = (probed.private_name("bell"), probed.private_name("armed"));
        patch.export(&names.0, ExportKind::Table, table);
        patch.export(&names.1, ExportKind::Global, armed);
        let mut code = Vec::new();
        Instruction::GlobalGet(armed).encode(&mut code);
        Instruction::If(BlockType::Empty).encode(&mut code);
        for local in 0..parameters.len() as u32 {
            Instruction::LocalGet(local).encode(&mut code);
        }
        Instruction::I32Const(0).encode(&mut code);
        Instruction::CallIndirect { type_index: ty, table_index: table }.encode(&mut code);
        Instruction::End.encode(&mut code);
        let bell = Bell { function, code, table: names.0, armed: names.1 };
        patch.export(&bell.witness(), ExportKind::Func, function);
        Ok(bell)
    }

    /// Lets it ring.
    pub fn arm(&self, begun: &mut Begun, listener: Arc<Listener>) -> wasmtime::Result<()> {
        let instance = begun.instance.handle;
        let store = &mut begun.store;
        let missing = || wasmtime::Error::msg("an export that was added is missing");
        let table = instance.get_table(&mut *store, &self.table).ok_or_else(missing)?;
        let armed = instance.get_global(&mut *store, &self.armed).ok_or_else(missing)?;
        let parameters = self.parameters(begun)?;
        let store = &mut begun.store;
        let ty = FuncType::new(store.engine(), parameters, []);
        let function = Func::new(&mut *store, ty, move |mut caller, values, _| {
            listener(&mut caller, None, values).map(|_: Seen| ())
        });
        table.set(&mut *store, 0, Ref::Func(Some(function)))?;
        armed.set(store, Val::I32(1))
    }

    fn parameters(&self, begun: &mut Begun) -> wasmtime::Result<Vec<wasmtime::ValType>> {
        let function = begun.instance.handle.get_func(&mut begun.store, &self.witness());
        let function = function.ok_or_else(|| wasmtime::Error::msg("an export that was added is missing"))?;
        Ok(function.ty(&begun.store).params().collect())
    }

    /// The name under which the function itself is exported, for its type.
    fn witness(&self) -> String {
        format!("{} function", self.table)
    }
}
