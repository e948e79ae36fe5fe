//! Real programs: their snapshots answer as the originals do after init, state carried over from call to call.
//!
//! The modules are not part of the repository. They are looked for in `../shared/inputs`, or in the folder that
//! `PREINIT_INPUTS` names; CPython needs a 3.11 standard library, `PREINIT_PYTHON_LIB` or that of an installed Python.

use preinit::stages::layout::Layout;
use preinit::{Output, Preinit};
use preinit_testing::guest::{Answer, Guest, World, compile, interface};
use preinit_testing::{input as read, note, python_library};
use std::time::{Duration, Instant};
use wasmtime::{Engine, Module};

/// Within the range of every guest.
const ARGUMENTS: [i32; 22] =
    [1, 2, 3, 5, 7, 10, 31, 41, 42, 64, 99, 100, 123, 255, 256, 500, 777, 900, 999, 1000, 7, 1];

/// Beyond the range of some: they return -1, trap, or print an exception.
const WILD_ARGUMENTS: [i32; 6] = [-1, 0, 4095, 29_999, i32::MAX, i32::MIN];

const REACTOR: [&str; 2] = ["_initialize", "wizer.initialize"];

struct Input {
    file: &'static str,
    init: [&'static str; 2],
    query: &'static str,
    /// An export that takes a program text, and texts for it.
    evaluate: Option<(&'static str, &'static [&'static str])>,
}

impl Default for Input {
    fn default() -> Self {
        Input { file: "", init: REACTOR, query: "query", evaluate: None }
    }
}

#[test(needs(Inputs))]
fn lua() {
    let texts: &[&str] = &[
        "return 6 * 7",
        "local t = {} for i = 1, 500 do t[i] = tostring(i):rep(3) end return #table.concat(t)",
        "counter = (counter or 0) + 5 return counter",
        "return (counter or 0) + #string.format('%q', 'a\\nb')",
    ];
    check(&Input { file: "lua.wasm", evaluate: Some(("eval_int", texts)), ..Input::default() });
}

#[test(needs(Inputs))]
fn sqlite() {
    let texts: &[&str] = &[
        "create table fresh(a integer primary key, b text)",
        "insert into fresh(b) select hex(value) from (select 1 as value union select 2)",
        "select no_such_function()",
    ];
    check(&Input { file: "sqlite.wasm", evaluate: Some(("exec", texts)), ..Input::default() });
}

#[test(needs(Inputs))]
fn quickjs() {
    let texts: &[&str] = &[
        "6 * 7",
        "globalThis.kept = [...Array(100).keys()].map(x => x * x).reduce((a, b) => a + b)",
        "kept + new Map(Object.entries({a: 1, b: 2})).size",
        "/(\\d+)-(\\d+)/.exec('17-25').slice(1).reduce((a, b) => a + Number(b), 0)",
    ];
    check(&Input { file: "quickjs.wasm", evaluate: Some(("eval", texts)), ..Input::default() });
}

#[test(needs(Inputs, Python))]
fn cpython() {
    let texts: &[&str] = &[
        "print(sum(i * i for i in range(100)))",
        "import json; print(json.dumps({'a': [1, 2.5, None], 'b': 'ü'}, sort_keys=True))",
        "def fib():\n a, b = 0, 1\n while True:\n  yield a\n  a, b = b, a + b\nkept = fib(); print([next(kept) for _ in range(10)])",
        "print([next(kept) for _ in range(10)])",
        "raise SystemError('on purpose')",
    ];
    check(&Input { file: "cpython.wasm", evaluate: Some(("run", texts)), ..Input::default() });
}

#[test(needs(Inputs))]
fn rust_regex() {
    check(&Input { file: "rust-regex.wasm", query: "run", ..Input::default() });
}

#[test(needs(Inputs))]
fn go() {
    check(&Input { file: "go.wasm", ..Input::default() });
}

#[test(needs(Inputs))]
fn zig() {
    check(&Input { file: "zig.wasm", ..Input::default() });
}

#[test(needs(Inputs))]
fn assemblyscript() {
    check(&Input { file: "assemblyscript.wasm", init: ["initialize", ""], ..Input::default() });
}

/// Objects: strings, boxed numbers, a hash map, lambdas, virtual tables, behind mutable and immutable globals.
#[test(needs(Inputs))]
fn kotlin() {
    check(&Input { file: "kotlin.wasm", init: ["wizer.initialize", ""], ..Input::default() });
}

fn check(input: &Input) {
    let wasm = read(input.file);
    let mut world = World::default();
    if input.file == "cpython.wasm" {
        world.dirs.push(("/lib/python3.11", python_library()));
    }
    let making = Instant::now();
    let output = snapshot(input, &world, &wasm);
    let making = making.elapsed();
    assert!(output.wasm == snapshot(input, &world, &wasm).wasm, "a second run gives other bytes");
    let optimized = preinit(input, &world).optimize(true).run(&wasm);
    let optimized = optimized.unwrap_or_else(|error| panic!("{}: {error}", input.file));
    assert!(output.report.compiler != optimized.report.compiler || wasm.len() < 30_000);
    assert!(output.wasm == optimized.wasm, "optimized code gives other bytes");

    let engine = Engine::default();
    let (before, after) = (compile(&engine, &wasm), compile(&engine, &output.wasm));
    same_interface(input, &before, &after);
    let (started_before, started_after) =
        (first_call(&before, &world, input), first_call(&after, &world, input));
    note(format!(
        "{:20} start-up {:>9.3} -> {:>6.3} ms, snapshot of {:>8} bytes made in {:.0} ms",
        input.file,
        millis(started_before),
        millis(started_after),
        output.wasm.len(),
        millis(making),
    ));

    let other = preinit(input, &world).layout(Layout::Mappable).strip_init(true).run(&wasm);
    let other = other.unwrap_or_else(|error| panic!("{}: {error}", input.file));
    assert!(other.report.layout.mapped, "Wasmtime maps it");
    let mut other = Guest::start(&compile(&engine, &other.wasm), &world, &[]);

    let mut original = Guest::start(&before, &world, &input.init);
    let mut copy = Guest::start(&after, &world, &[]);
    let expected = original.answers(input.query, ARGUMENTS);
    assert!(expected.iter().all(|answer| matches!(answer, Answer::Returned(_))), "{expected:?}");
    let distinct = expected.iter().filter(|answer| !expected[..5].contains(answer)).count();
    assert!(distinct > 5, "answers that depend on the argument: {expected:?}");
    assert_eq!(copy.answers(input.query, ARGUMENTS), expected);
    assert_eq!(other.answers(input.query, ARGUMENTS), expected);
    if let Some((function, texts)) = input.evaluate {
        for text in texts {
            let expected = original.call_with_text(function, text);
            assert_eq!(copy.call_with_text(function, text), expected, "{text}");
            assert_eq!(other.call_with_text(function, text), expected, "mappable and stripped: {text}");
        }
    }
    assert_eq!((copy.stdout(), copy.stderr()), (original.stdout(), original.stderr()));

    // Each on an instance of its own: after a trap, a guest may be in any state.
    for argument in WILD_ARGUMENTS {
        let expected = Guest::start(&before, &world, &input.init).call(input.query, &[argument]);
        let answer = Guest::start(&after, &world, &[]).call(input.query, &[argument]);
        assert_eq!(answer, expected, "{}({argument})", input.query);
    }
}

fn preinit(input: &Input, world: &World) -> Preinit {
    let mut preinit = Preinit::new().wasi(world.at_build_time());
    for init in input.init.into_iter().filter(|name| !name.is_empty() && *name != "_initialize") {
        preinit = preinit.init_function(init);
    }
    preinit
}

fn snapshot(input: &Input, world: &World, wasm: &[u8]) -> Output {
    preinit(input, world).run(wasm).unwrap_or_else(|error| panic!("{}: {error}", input.file))
}

/// The init functions are gone, everything else is as it was.
fn same_interface(input: &Input, before: &Module, after: &Module) {
    let (imports, mut exports) = interface(before);
    exports.retain(|name| !input.init.contains(&name.as_str()));
    assert_eq!(interface(after), (imports, exports));
}

/// From a compiled module to its first answer.
fn first_call(module: &Module, world: &World, input: &Input) -> Duration {
    let started = Instant::now();
    Guest::start(module, world, &input.init).value(input.query, &[1]);
    started.elapsed()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
