//! Hosts that call back into the module while a function of the layer is at work.

use super::files::data;
use preinit::embed::{EmbedError, Source, Sources, Tree, Writing, embed_for};
use preinit::wasmtime::{Caller, Engine, Instance, Linker, Module, Result, Store, Trap};

/// The module's `open` looks for a directory and opens a file in it.
const TEXT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "hello.txt")
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "open") (result i32)
        (drop (call $prestat (i32.const 3) (i32.const 16)))
        (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 2) (i64.const 2)
            (i32.const 0) (i32.const 32))))"#;

const BADF: i32 = 8;

fn data_tree() -> Tree {
    let mut sources = Sources::default();
    sources.add(Source::new("/data", data())).unwrap();
    sources.tree().unwrap()
}

/// An instance, whose host lets it grow by so many pages at the first call.
fn start(writing: Writing, pages: i32) -> (Store<bool>, Instance) {
    let engine = Engine::default();
    let wasm = embed_for(&wat::parse_str(TEXT).unwrap(), &data_tree(), writing).unwrap().wasm;
    let module = Module::new(&engine, wasm).unwrap();
    let mut linker = Linker::<bool>::new(&engine);
    let prestat = move |mut caller: Caller<'_, bool>, _: i32, _: i32| -> Result<i32> {
        if !std::mem::replace(caller.data_mut(), true) {
            let grow = caller.get_export("grow").and_then(|export| export.into_func()).unwrap();
            grow.typed::<i32, i32>(&caller)?.call(&mut caller, pages)?;
        }
        Ok(BADF)
    };
    linker.func_wrap("wasi_snapshot_preview1", "fd_prestat_get", prestat).unwrap();
    let open = |_: i32, _: i32, _: i32, _: i32, _: i32, _: i64, _: i64, _: i32, _: i32| BADF;
    linker.func_wrap("wasi_snapshot_preview1", "path_open", open).unwrap();
    let mut store = Store::new(&engine, false);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// The page cannot move while the layer has its frame there.
#[test]
fn a_host_that_calls_back_must_not_let_the_memory_grow() {
    for writing in [Writing::Refused, Writing::InMemory] {
        let (mut store, instance) = start(writing, 1);
        let open = instance.get_typed_func::<(), i32>(&mut store, "open").unwrap();
        let error = open.call(&mut store, ()).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Trap>(),
            Some(&Trap::UnreachableCodeReached),
            "{writing:?}: {error:?}"
        );
        assert!(format!("{error:?}").contains("embed:memory.grow"), "{writing:?}: {error:?}");
    }
}

#[test]
fn a_host_that_calls_back_otherwise_is_in_nobodys_way() {
    for writing in [Writing::Refused, Writing::InMemory] {
        let (mut store, instance) = start(writing, 0);
        let open = instance.get_typed_func::<(), i32>(&mut store, "open").unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
        assert_eq!(open.call(&mut store, ()).unwrap(), 0, "{writing:?}");
        // Afterwards the memory grows as ever, and what is open stays so.
        assert_eq!(grow.call(&mut store, 2).unwrap(), 1, "{writing:?}");
        assert_eq!(open.call(&mut store, ()).unwrap(), 0, "{writing:?}");
    }
}

/// What the layer does not answer would go past it.
#[test]
fn functions_of_both_versions_of_wasi_are_refused() {
    let import = "(import \"wasi_unstable\" \"fd_close\" (func (param i32) (result i32)))";
    let wasm = wat::parse_str(TEXT.replacen("(module", &format!("(module {import}"), 1)).unwrap();
    let made = embed_for(&wasm, &data_tree(), Writing::Refused).map(|_| ());
    assert!(matches!(made, Err(EmbedError::Snapshot0)), "{made:?}");
}
