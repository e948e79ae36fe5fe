//! The core module that shifts readings of the monotonic clock for all core instances of a component.

use crate::module::{Module as Parsed, SectionId, shortest_form};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, InstructionSink, Module, NameSection, TypeSection, ValType,
};
use wasmparser::{BinaryReader, CodeSectionReader, Operator};

/// What the module calls itself.
const CLOCK_MODULE: &str = "preinit-clock";

/// What it imports the clock from. A later run sees by this name that its instances read the clock.
pub const CLOCK_ARGUMENT: &str = "wasi:clocks/monotonic-clock";

/// The reading, which takes nothing and returns nanoseconds.
pub const NOW: &str = "now";

/// The function that takes a time of the clock, and returns a handle.
pub const SUBSCRIBE: &str = "subscribe-instant";

/// The function that takes how long to wait, and returns a handle. What it waits has gone by for the next reading, so it is one too.
pub const WAIT: &str = "subscribe-duration";

/// All functions that the module may have, in its order.
pub const SHIFTED: [&str; 3] = [NOW, SUBSCRIBE, WAIT];

/// Whether the offset is known.
const IS_KNOWN: u32 = 0;
/// What is added to readings.
const OFFSET: u32 = 1;

/// Whether a module is one that shifts the clock, whatever it calls itself, wherever the clock stands, and however long its numbers are
/// written. No example: those of [`with_shifted_clock`](super::with_shifted_clock) have one.
pub fn is_clock_module(module: &Parsed<'_>) -> bool {
    // Others can be large.
    if module.functions.len() > 2 * SHIFTED.len() {
        return false;
    }
    let Some(frozen) = frozen(module) else { return false };
    let expected = clock_module(frozen, |name| module.imports.iter().any(|import| import.name == name));
    // Globals are those of an instance, which may have been one of a snapshot.
    let but_globals = |wasm: &[u8]| -> Option<(usize, Vec<Vec<u8>>)> {
        let wasm = shortest_form(wasm);
        let module = Parsed::parse(&wasm).ok()?;
        let sections = module.sections.iter().filter(|section| section.id != SectionId::GLOBAL);
        Some((module.globals.len(), sections.map(|section| section.contents.to_vec()).collect()))
    };
    but_globals(&expected).is_some_and(|expected| but_globals(module.bytes) == Some(expected))
}

/// The first number in the code.
fn frozen(module: &Parsed<'_>) -> Option<u64> {
    let code = module.sections.iter().find(|section| section.id == SectionId::CODE)?;
    let bodies = CodeSectionReader::new(BinaryReader::new(code.contents, 0)).ok()?;
    let body = bodies.into_iter().next()?.ok()?;
    let mut operators = body.get_operators_reader().ok()?.into_iter();
    operators.find_map(|operator| match operator {
        Ok(Operator::I64Const { value }) => Some(value.cast_unsigned()),
        _ => None,
    })
}

/// The module whose first reading is `frozen`. It has [`NOW`], and of the others those that it `has`.
pub fn clock_module(frozen: u64, has: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I64]);
    types.ty().function([ValType::I64], [ValType::I32]);
    let mut imports = ImportSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    let names = || SHIFTED.into_iter().filter(|name| *name == NOW || has(name));
    let own = names().count() as u32;
    for (import, name) in (0..).zip(names()) {
        let ty = u32::from(name != NOW);
        imports.import(CLOCK_ARGUMENT, name, EntityType::Function(ty));
        functions.function(ty);
        exports.export(name, ExportKind::Func, own + import);
        code.function(&match name {
            NOW => now(frozen),
            SUBSCRIBE => subscribe(own, import),
            _ => wait(own, import),
        });
    }
    let mut globals = GlobalSection::new();
    for (val_type, zero) in [(ValType::I32, ConstExpr::i32_const(0)), (ValType::I64, ConstExpr::i64_const(0))]
    {
        globals.global(GlobalType { val_type, mutable: true, shared: false }, &zero);
    }
    let mut names = NameSection::new();
    names.module(CLOCK_MODULE);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&globals).section(&exports);
    module.section(&code).section(&names);
    module.finish()
}

/// `() -> time`. The first reading decides the offset.
fn now(frozen: u64) -> Function {
    const TIME: u32 = 0;
    let mut function = Function::new([(1, ValType::I64)]);
    let mut code = function.instructions();
    code.call(0).local_set(TIME);
    code.global_get(IS_KNOWN).i32_eqz().if_(BlockType::Empty);
    code.i64_const(frozen.cast_signed()).local_get(TIME).i64_sub().global_set(OFFSET);
    code.i32_const(1).global_set(IS_KNOWN).end();
    code.local_get(TIME).global_get(OFFSET).i64_add().end();
    function
}

/// Decides the offset by `now`, if it is not known.
fn know(code: &mut InstructionSink<'_>, now: u32) {
    code.global_get(IS_KNOWN).i32_eqz().if_(BlockType::Empty).call(now).drop().end();
}

/// `(time) -> handle`, with the host's time of the guest's, from 0 to the largest number.
fn subscribe(now: u32, import: u32) -> Function {
    const TIME: u32 = 0;
    let shifted = |code: &mut InstructionSink<'_>| {
        code.local_get(TIME).global_get(OFFSET).i64_sub();
    };
    let mut function = Function::new([]);
    let mut code = function.instructions();
    know(&mut code, now);
    code.global_get(OFFSET).i64_const(0).i64_ge_s().if_(BlockType::Result(ValType::I64));
    shifted(&mut code);
    code.i64_const(0).local_get(TIME).global_get(OFFSET).i64_ge_u().select();
    code.else_();
    shifted(&mut code);
    code.i64_const(-1);
    shifted(&mut code);
    code.local_get(TIME).i64_ge_u().select();
    code.end().call(import).end();
    function
}

/// `(time to wait) -> handle`
fn wait(now: u32, import: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    know(&mut code, now);
    code.local_get(0).call(import).end();
    function
}
