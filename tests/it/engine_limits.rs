//! The table of what engines refuse: counted in modules that are at a limit and one beyond it, and held against V8.

use preinit::stages::engine_limits::*;
use preinit::{Preinit, Warning};
use preinit_testing::test_program;
use std::process::Command;
use wasm_encoder::*;

/// A module with so many of something.
type Make = fn(u64) -> wasm_encoder::Module;

const MADE: [(EngineLimit, Make); 12] = [
    (TYPES, types),
    (FUNCTIONS, functions),
    (GLOBALS, globals),
    (NAME_BYTES, name),
    (PARAMETERS, |count| signature(count, 0)),
    (RESULTS, |count| signature(0, count)),
    (LOCALS, |count| with_body(&Function::new([(count as u32 - 3, ValType::I64), (3, ValType::F32)]), 0)),
    (BODY_BYTES, |count| with_body(&Function::new([]), count as usize - 2)),
    (DATA_SEGMENTS, data_segments),
    (ELEMENT_SEGMENTS, element_segments),
    (ELEMENT_SEGMENT_ITEMS, |count| elements(&vec![0; count as usize], 1)),
    (TABLE_ELEMENTS, |count| elements(&[0], count)),
];

fn module() -> (wasm_encoder::Module, TypeSection) {
    (wasm_encoder::Module::new(), TypeSection::new())
}

fn types(count: u64) -> wasm_encoder::Module {
    let (mut module, mut types) = module();
    (0..count).for_each(|_| types.ty().function([], []));
    module.section(&types);
    module
}

fn functions(count: u64) -> wasm_encoder::Module {
    let (mut module, mut types) = module();
    types.ty().function([], []);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..count {
        functions.function(0);
        code.raw(&[0, 0x0b]);
    }
    module.section(&types).section(&functions).section(&code);
    module
}

fn globals(count: u64) -> wasm_encoder::Module {
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    (0..count).for_each(|_| {
        globals.global(ty, &ConstExpr::i32_const(0));
    });
    let (mut module, _) = module();
    module.section(&globals);
    module
}

fn name(bytes: u64) -> wasm_encoder::Module {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export(&"n".repeat(bytes as usize), ExportKind::Memory, 0);
    let (mut module, _) = module();
    module.section(&memories).section(&exports);
    module
}

fn signature(params: u64, results: u64) -> wasm_encoder::Module {
    let (mut module, mut types) = module();
    let of = |count: u64| vec![ValType::I32; count as usize];
    types.ty().function(of(params), of(results));
    module.section(&types);
    module
}

fn with_body(function: &Function, nops: usize) -> wasm_encoder::Module {
    let mut body = function.clone().into_raw_body();
    body.extend(vec![0x01; nops]);
    body.push(0x0b);
    let (mut module, mut types) = module();
    types.ty().function([], []);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    functions.function(0);
    code.raw(&body);
    module.section(&types).section(&functions).section(&code);
    module
}

fn data_segments(count: u64) -> wasm_encoder::Module {
    let mut data = DataSection::new();
    (0..count).for_each(|_| {
        data.passive([]);
    });
    let (mut module, _) = module();
    module.section(&data);
    module
}

fn element_segments(count: u64) -> wasm_encoder::Module {
    let mut elements = ElementSection::new();
    (0..count).for_each(|_| {
        elements.passive(Elements::Functions((&[][..]).into()));
    });
    let (mut module, _) = module();
    module.section(&elements);
    module
}

fn elements(items: &[u32], slots: u64) -> wasm_encoder::Module {
    let (mut module, mut types) = module();
    types.ty().function([], []);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    functions.function(0);
    code.raw(&[0, 0x0b]);
    let mut tables = TableSection::new();
    let element_type = RefType::FUNCREF;
    tables.table(TableType { element_type, table64: false, minimum: slots, maximum: None, shared: false });
    let mut elements = ElementSection::new();
    elements.passive(Elements::Functions(items.into()));
    module.section(&types).section(&functions).section(&tables).section(&elements).section(&code);
    module
}

#[test]
fn everything_is_counted() {
    for (limit, make) in MADE {
        // The parser has these limits itself.
        if [PARAMETERS, RESULTS, NAME_BYTES].contains(&limit) {
            continue;
        }
        let at = |count| make(count).finish();
        assert_eq!(exceeded(&at(4), &at(limit.most)), [], "{}", limit.what);
        let expected = [Excess { limit, number: limit.most + 1 }];
        assert_eq!(exceeded(&at(4), &at(limit.most + 1)), expected, "{}", limit.what);
    }
    // A module is larger than this without anything in it that could be counted.
    assert!(Usage::of(&test_program("c/primes.wasm")).most(&MODULE_BYTES) > 1000);
    assert!(
        COUNTED
            .iter()
            .enumerate()
            .all(|(k, limit)| !COUNTED[..k].iter().any(|other| other.what == limit.what))
    );
}

/// V8 takes what is at each limit that names it, and refuses what is one beyond.
#[test(needs(Node))]
fn v8_has_these_limits() {
    const SCRIPT: &str = "const fs = require('fs');
        const loads = (bytes) => {
            try { return !!new WebAssembly.Instance(new WebAssembly.Module(bytes)); } catch { return false; }
        };
        for (const file of process.argv.slice(1)) console.log(loads(fs.readFileSync(file)));";
    let directory = tempfile::tempdir().unwrap();
    for (limit, make) in MADE.into_iter().filter(|(limit, _)| limit.engines.contains(&Engine::V8)) {
        let file = |count: u64| {
            let file = directory.path().join(count.to_string());
            std::fs::write(&file, make(count).finish()).unwrap();
            file
        };
        let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
        let mut command = Command::new(node);
        command.args(["-e", SCRIPT]).arg(file(limit.most)).arg(file(limit.most + 1));
        let answers = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert_eq!(answers, "true\nfalse\n", "{}: {}", limit.what, limit.most);
    }
}

#[test]
fn an_output_beyond_a_limit_is_warned_of() {
    let grow = |by: u32| {
        let text = format!(
            r#"(module (table $t 0 funcref)
                 (func (export "init") (drop (table.grow $t (ref.null func) (i32.const {by})))))"#
        );
        let preinit = Preinit::new().init_function("init");
        let wasm = wat::parse_str(text).unwrap();
        (preinit.run(&wasm).unwrap().report.warnings, preinit.strict(true).run(&wasm).is_err())
    };
    assert_eq!(grow(10_000_000), (vec![], false));
    let (warnings, refused) = grow(10_000_001);
    let [Warning::BeyondLimit(excess)] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((excess.limit, excess.number, refused), (TABLE_ELEMENTS, 10_000_001, true));
}
