//! The same interface for components: the shapes of its own tests, every golden case of components, and what is refused.

use super::block_on;
use preinit::wizer::Wizer;
use preinit_testing::case::Case;
use preinit_testing::repository;
use wasmtime::component::{Component, Instance, Linker, ResourceTable, Val};
use wasmtime::{Config, Engine, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, p2};

pub struct Client {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Client {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

pub fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

/// `shows_instances`: whether a trap shows the core instances.
pub fn store(shows_instances: bool) -> Store<Client> {
    let mut config = Config::new();
    config.coredump_on_trap(shows_instances);
    let client = Client { wasi: WasiCtxBuilder::new().build(), table: ResourceTable::new() };
    Store::new(&Engine::new(&config).unwrap(), client)
}

pub async fn instantiate(store: &mut Store<Client>, component: &Component) -> Result<Instance> {
    let mut linker = Linker::new(store.engine());
    p2::add_to_linker_async(&mut linker)?;
    linker.root().func_new("x", |_, _, _, _| -> Result<()> { wasmtime::bail!("`x` was called") })?;
    linker.instantiate_async(store, component).await
}

pub fn snapshot(wizer: &Wizer, wasm: &[u8], shows_instances: bool) -> Result<Vec<u8>> {
    block_on(wizer.run_component(&mut store(shows_instances), wasm, instantiate)).map(|(wasm, _)| wasm)
}

/// What `run` answers in an instance of a component.
pub fn answer(wasm: &[u8], argument: i32) -> i32 {
    block_on(async {
        let mut store = store(false);
        let component = Component::new(store.engine(), wasm).unwrap();
        let instance = instantiate(&mut store, &component).await.unwrap();
        let run = instance.get_func(&mut store, "run").expect("there is `run`");
        let mut results = [Val::Bool(false)];
        run.call_async(&mut store, &[Val::S32(argument)], &mut results).await.unwrap();
        match results[0] {
            Val::S32(answer) => answer,
            ref other => panic!("{other:?}"),
        }
    })
}

#[track_caller]
fn runs(wat: &str, expected: i32) {
    let snapshot = snapshot(&Wizer::new(), &wasm(wat), false).unwrap();
    assert_eq!(answer(&snapshot, 0), expected, "{}", wasmprinter::print_bytes(&snapshot).unwrap());
}

#[track_caller]
fn fails(wat: &str, text: &str) {
    let error = snapshot(&Wizer::new(), &wasm(wat), false).unwrap_err();
    assert!(format!("{error:#}").contains(text), "{error:#}");
}

/// A component of one module, with `init` and `run` of it.
pub fn of_module(module: &str) -> String {
    format!(
        r#"(component (core module $m {module}) (core instance $i (instantiate $m))
            (func (export "run") (param "arg" s32) (result s32) (canon lift (core func $i "run")))
            (func (export "wizer-initialize") (canon lift (core func $i "init"))))"#
    )
}

#[test]
fn globals_keep_all_their_bits() {
    for (ty, value, check) in [
        ("i32", "i32.const -7", "(i32.eq (global.get $g) (i32.const -7))"),
        ("i64", "i64.const 0x123456789abcdef", "(i64.eq (global.get $g) (i64.const 0x123456789abcdef))"),
        (
            "f32",
            "f32.const nan:0x200001",
            "(i32.eq (i32.reinterpret_f32 (global.get $g)) (i32.const 0x7fa00001))",
        ),
        ("f64", "f64.const -0.5", "(f64.eq (global.get $g) (f64.const -0.5))"),
        (
            "v128",
            "v128.const i32x4 2 3 5 7",
            "(i32x4.all_true (i32x4.eq (global.get $g) (v128.const i32x4 2 3 5 7)))",
        ),
    ] {
        let zero = if ty == "v128" { "v128.const i64x2 0 0".to_string() } else { format!("{ty}.const 0") };
        runs(
            &of_module(&format!(
                r#"(global $other i32 (i32.const 3)) (global $g (mut {ty}) ({zero}))
                (func (export "init") (global.set $g ({value})))
                (func (export "run") (param i32) (result i32) {check})"#
            )),
            1,
        );
    }
}

/// A memory of no bytes, one that cannot grow, one that is longer than what one call returns, and one with 64-bit addresses.
#[test]
fn memories() {
    runs(
        &of_module(
            r#"(memory $empty 0) (memory $full 1 1) (memory $long 40) (memory $wide i64 1)
            (func (export "init")
                (i32.store8 $full (i32.const 65535) (i32.const 1)) (i32.store8 $long (i32.const 2621439) (i32.const 2))
                (i32.store8 $long (i32.const 1048576) (i32.const 4)) (i64.store8 $wide (i64.const 9) (i64.const 8))
                (drop (memory.grow $wide (i64.const 1))) (i64.store8 $wide (i64.const 131071) (i64.const 16)))
            (func (export "run") (param i32) (result i32)
                (i32.add (i32.load8_u $full (i32.const 65535)) (i32.add (i32.load8_u $long (i32.const 2621439))
                (i32.add (i32.load8_u $long (i32.const 1048576)) (i32.add (i32.load8_u $wide (i64.const 9))
                (i32.add (i32.load8_u $wide (i64.const 131071)) (memory.size $empty)))))))"#,
        ),
        31,
    );
}

#[test]
fn dropped_segments() {
    runs(
        &of_module(
            r#"(memory 1) (table $t 1 funcref) (func $f) (data $d "\07") (data $kept "\23") (elem $e func $f)
            (func (export "init")
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d) (elem.drop $e))
            (func (export "run") (param i32) (result i32)
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
                (memory.init $kept (i32.const 1) (i32.const 0) (i32.const 1))
                (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0))
                (i32.add (i32.load8_u (i32.const 0)) (i32.load8_u (i32.const 1))))"#,
        ),
        42,
    );
    let drops = of_module(
        r#"(memory 1) (data $d "\07") (func (export "init") (data.drop $d))
        (func (export "run") (param i32) (result i32) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) i32.const 1)"#,
    );
    let snapshot = wasmprinter::print_bytes(snapshot(&Wizer::new(), &wasm(&drops), false).unwrap()).unwrap();
    assert!(!snapshot.contains("\\07"), "{snapshot}");
}

/// Components in components, and modules with several instances, are read too.
#[test]
fn nested_and_repeated() {
    let nested = r#"(component
        (component $inner
            (core module $m (global $g (mut i32) (i32.const 0))
                (func (export "init") (global.set $g (i32.add (global.get $g) (i32.const 21))))
                (func (export "run") (param i32) (result i32) (i32.add (local.get 0) (global.get $g))))
            (core instance $i (instantiate $m))
            (core instance $unused (instantiate $m))
            (func (export "run") (param "arg" s32) (result s32) (canon lift (core func $i "run")))
            (func (export "init") (canon lift (core func $i "init"))))
        (component $middle
            (alias outer 1 $inner (component $c))
            (instance $a (instantiate $c))
            (instance $b (instantiate $c))
            (export "run" (func $b "run")) (export "init" (func $b "init")))
        (instance $first (instantiate $middle))
        (export "run" (func $first "run"))
        (export "wizer-initialize" (func $first "init")))"#;
    runs(nested, 21);
}

/// What the interface cannot read, or does not call.
const REFUSALS: [&str; 6] = [
    "is handed over to where it is instantiated",
    "init has changed",
    "a reference of unknown origin",
    "there are objects in",
    "does not have type `[] -> []`",
    "are alive after init",
];

/// Every golden case: the same bytes as the builder writes, whichever way the state is read; what the interface cannot read is
/// named.
#[test]
fn golden_cases() {
    let (mut compared, mut refused) = (0, 0);
    for path in std::fs::read_dir(repository().join("tests/golden/components")).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        let case = Case::read(&path);
        let [init] = &case.init[..] else { continue };
        // Stripping and renames are not of this interface; handles have their own tests.
        if case.wasi
            || case.strip_init
            || case.allow_live_handles
            || case.keep_adapter_state
            || !case.renames.is_empty()
            || !case.cuts.is_empty()
            || case.stub_all
            || !case.stubs.is_empty()
            || init.contains('(')
        {
            continue;
        }
        let original = preinit::wat_to_wasm(&case.text).unwrap();
        let Ok(expected) = case.preinit().keep_init_functions(true).run(&original) else { continue };
        let mut wizer = Wizer::new();
        wizer.init_func(item(init)).keep_init_func(true);
        let found = match snapshot(&wizer, &original, false) {
            Ok(found) => found,
            Err(error) => {
                let error = format!("{error:#}");
                let is_known = REFUSALS.iter().any(|reason| error.contains(reason));
                assert!(is_known, "{}: {error}", case.name);
                refused += 1;
                continue;
            }
        };
        assert!(found == expected.wasm, "{}\n{}", case.name, wasmprinter::print_bytes(&found).unwrap());
        compared += 1;
    }
    assert!(compared >= 10 && refused >= 4, "{compared} compared, {refused} refused");
}

/// `instance@version#function` as WIT writes items.
fn item(name: &str) -> String {
    let Some((instance, function)) = name.split_once('#') else { return name.to_string() };
    match instance.split_once('@') {
        Some((instance, version)) => format!("{instance}.{function}@{version}"),
        None => format!("{instance}.{function}"),
    }
}

/// The one export goes, wherever it stands, and no other.
#[test]
fn the_init_function_is_removed() {
    for (exports, expected) in [
        (r#"(export "wizer-initialize" (func $a))"#, &[][..]),
        (r#"(export "other" (func $a)) (export "wizer-initialize" (func $a))"#, &["other"]),
        (
            r#"(export "other1" (func $a)) (export "wizer-initialize" (func $a)) (export "other2" (func $a))"#,
            &["other1", "other2"],
        ),
        (
            r#"(export $x "other1" (func $a)) (export "wizer-initialize" (func $a)) (export "other2" (func $x))"#,
            &["other1", "other2"],
        ),
    ] {
        for import in ["", r#"(import "x" (func))"#] {
            let wat = format!(
                r#"(component {import} (core module $a (func (export "init"))) (core instance $a (instantiate $a))
                    (func $a (canon lift (core func $a "init"))) {exports})"#
            );
            assert_eq!(exported(&snapshot(&Wizer::new(), &wasm(&wat), false).unwrap()), expected);
            let kept = snapshot(Wizer::new().keep_init_func(true), &wasm(&wat), false).unwrap();
            assert!(exported(&kept).contains(&"wizer-initialize".to_string()));
        }
    }
}

fn exported(wasm: &[u8]) -> Vec<String> {
    let engine = Engine::default();
    let component = Component::new(&engine, wasm).unwrap();
    component.component_type().exports(&engine).map(|(name, _)| name.to_string()).collect()
}

const ADDS: &str = r#"(component
    (core module $m (memory (export "memory") 1) (global $next (mut i32) (i32.const 1000)) (global $sum (mut i32) (i32.const 0))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 3))))
        (func (export "add") (param i32 i32) (result i32)
            (global.set $sum (i32.add (global.get $sum) (i32.add (local.get 1) (i32.load8_u (local.get 0)))))
            (global.get $sum))
        (func (export "run") (param i32) (result i32) (global.get $sum)))
    (core instance $i (instantiate $m))
    (func $add (param "text" string) (result s32)
        (canon lift (core func $i "add") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (func (export "run") (param "arg" s32) (result s32) (canon lift (core func $i "run")))
    (instance $init (export "add" (func $add)))
    (export "local:adds/init@0.1.0" (instance $init))
    (export "add" (func $add)))"#;

/// Arguments, results, functions of interfaces, and several runs in one store, each with the snapshot of the one before.
#[cfg(feature = "component-calls")]
#[test]
fn init_functions_with_arguments() {
    block_on(async {
        let (mut store, mut component) = (store(false), wasm(ADDS));
        let mut expected = 0;
        for (init, adds) in [
            ("local:adds/init.add@0.1.0(\"ABC\")", 68),
            ("add(\"A\")", 66),
            ("local:adds/init.add@0.1.0(\"\\u{41}\")", 66),
        ] {
            let mut wizer = Wizer::new();
            wizer.init_func(init).keep_init_func(true);
            let (snapshot, results) = wizer.run_component(&mut store, &component, instantiate).await.unwrap();
            expected += adds;
            assert_eq!(results, [Val::S32(expected)], "{init}");
            assert_eq!(answer(&snapshot, 0), expected, "{init}");
            component = snapshot;
        }
        let removed =
            Wizer::new().init_func("add(\"\")").run_component(&mut store, &component, instantiate).await;
        assert!(!exported(&removed.unwrap().0).contains(&"add".to_string()));
    });
}

#[test]
fn what_goes_wrong_is_said() {
    let init = |name: &str| {
        let mut wizer = Wizer::new();
        wizer.init_func(name);
        format!("{:#}", snapshot(&wizer, &wasm(ADDS), false).unwrap_err())
    };
    for (name, text) in [
        ("wizer-initialize", "does not export the function `wizer-initialize`"),
        ("local:adds/init.sub@0.1.0", "does not export the function"),
        ("local:adds/init@0.1.0", "export is not a function"),
        ("add", "does not have type `[] -> []`"),
        ("add(5)", "parsing the arguments of `add(5)`"),
        ("add(", "parsing the arguments of `add(`"),
    ] {
        assert!(init(name).contains(text), "{name}: {}", init(name));
    }
    fails(
        &of_module(
            r#"(func (export "init") unreachable) (func (export "run") (param i32) (result i32) i32.const 0)"#,
        ),
        "the `wizer-initialize` function trapped",
    );
    fails("(component)", "does not export the function `wizer-initialize`");
    fails(
        r#"(component (import "y" (func)) (import "z" (core module $m)) (core instance (instantiate $m)))"#,
        "imports",
    );
    fails(
        r#"(component (core module $m (memory 1 1 shared)) (core instance (instantiate $m)))"#,
        "has a shared memory",
    );
    fails(
        r#"(component (import "f" (func $f)) (export "wasmtime:wizer/access" (func $f)))"#,
        "exports `wasmtime:wizer/access` itself",
    );
    assert!(Wizer::new().instrument_component(b"garbage").is_err());
    assert!(Wizer::new().instrument_component(&wasm("(module)")).is_err());
    let renames =
        of_module(r#"(func (export "init")) (func (export "run") (param i32) (result i32) i32.const 0)"#);
    let error = snapshot(Wizer::new().func_rename("a", "run"), &wasm(&renames), false).unwrap_err();
    assert!(error.to_string().contains("do not support renaming"), "{error:#}");
}
