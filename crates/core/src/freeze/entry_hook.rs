//! Makes a function of the module's own call the host when it is entered.

use super::ResumeError;
use super::function_code::FunctionCodes;
use super::function_types::FunctionTypes;
use crate::module::{Module, Patch};
use crate::probe::Probed;
use std::collections::BTreeSet;
use wasm_encoder::{BlockType, Encode, ExportKind, HeapType, Instruction};

/// Code at the start of one function that passes its parameters to the host.
#[derive(Debug)]
pub struct EntryHook {
    /// The function.
    pub function: u32,
    /// Goes before its first instruction.
    pub(super) code: Vec<u8>,
    /// The export of a table whose only slot takes the host's function, of the same parameters and no results.
    pub table: String,
    /// The export of a global that is to be 1 once the slot is filled.
    pub enabled: String,
    /// The export of the function itself, which tells its parameters.
    pub witness: String,
}

/// A probed module in which one function has a hook.
#[derive(Debug)]
pub struct HookedModule {
    /// The binary.
    pub wasm: Vec<u8>,
    /// The hook.
    pub hook: EntryHook,
}

impl HookedModule {
    /// The probed form of `module`, with a hook in this function of its own.
    ///
    /// # Errors
    /// If the module has no such function.
    pub fn new(module: &Module<'_>, probed: &Probed, function: u32) -> Result<HookedModule, ResumeError> {
        let target = Module::read_valid(&probed.wasm)?;
        let codes = FunctionCodes::read(module, &BTreeSet::from([function]))?;
        let code = codes.get(function)?;
        let mut patch = Patch::new(&target);
        let mut types = FunctionTypes::new(&target);
        let hook = EntryHook::install(&mut patch, &mut types, &target, probed, function)?;
        let start = code.first_instruction();
        let mut body = [&code.bytes[..start], &hook.code].concat();
        for index in 0..code.operators.len() {
            body.extend_from_slice(&code.counted(index, probed.memory_count.as_ref()));
        }
        patch.replace_body(function, body);
        for entry in types.entries()? {
            patch.ty(&entry);
        }
        Ok(HookedModule { wasm: patch.apply(), hook })
    }
}

impl EntryHook {
    /// Adds what it takes to `patch`, a patch of the probed module `target`; the code is left to the caller.
    pub(super) fn install(
        patch: &mut Patch<'_, '_>,
        types: &mut FunctionTypes<'_>,
        target: &Module<'_>,
        probed: &Probed,
        function: u32,
    ) -> Result<EntryHook, ResumeError> {
        let signature = target.signature(function);
        let signature = signature.ok_or(ResumeError::Unexplained("a function without a signature"))?;
        let ty = types.function(signature.params(), &[]);
        let table = patch.table(HeapType::FUNC, 1);
        // The host can fill the table only when the start function has run.
        let enabled = patch.counter();
        let mut code = Vec::new();
        Instruction::GlobalGet(enabled).encode(&mut code);
        Instruction::If(BlockType::Empty).encode(&mut code);
        for local in 0..signature.params().len() as u32 {
            Instruction::LocalGet(local).encode(&mut code);
        }
        Instruction::I32Const(0).encode(&mut code);
        Instruction::CallIndirect { type_index: ty, table_index: table }.encode(&mut code);
        Instruction::End.encode(&mut code);
        let name = |what: &str| probed.private_name(&format!("entry hook {what}"));
        let hook = EntryHook {
            function,
            code,
            table: name("table"),
            enabled: name("enabled"),
            witness: name("function"),
        };
        patch.export(&hook.table, ExportKind::Table, table);
        patch.export(&hook.enabled, ExportKind::Global, enabled);
        patch.export(&hook.witness, ExportKind::Func, function);
        Ok(hook)
    }
}
