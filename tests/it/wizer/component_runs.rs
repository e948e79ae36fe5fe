//! Whole runs on components: in stores that have more in them, with handles, on components of toolchains.

use super::block_on;
use super::component::{answer, instantiate, of_module, snapshot, store, wasm};
use preinit::wizer::Wizer;
use preinit_testing::input;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

const KEEPS_A_HANDLE: &str = r#"(component
    (core module $m (import "" "new" (func $new (param i32) (result i32))) (global $h (mut i32) (i32.const 0))
        (func (export "init") (global.set $h (call $new (i32.const 7))))
        (func (export "run") (param i32) (result i32) (i32.ne (global.get $h) (i32.const 0))))
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
    (func (export "run") (param "arg" s32) (result s32) (canon lift (core func $i "run")))
    (func (export "wizer-initialize") (canon lift (core func $i "init"))))"#;

/// Handles of other instances in the store do not count.
#[test]
fn live_handles_are_refused() {
    block_on(async {
        let (mut store, wasm) = (store(false), wasm(KEEPS_A_HANDLE));
        let error = Wizer::new().run_component(&mut store, &wasm, instantiate).await.unwrap_err();
        assert!(error.to_string().contains("1 handle"), "{error:#}");
        let mut allowing = Wizer::new();
        allowing.allow_live_handles(true);
        let (snapshot, _) = allowing.run_component(&mut store, &wasm, instantiate).await.unwrap();
        assert_eq!(answer(&snapshot, 0), 1);
        let fine = self::wasm(&of_module(
            r#"(func (export "init")) (func (export "run") (param i32) (result i32) i32.const 5)"#,
        ));
        let (snapshot, _) = Wizer::new().run_component(&mut store, &fine, instantiate).await.unwrap();
        assert_eq!(answer(&snapshot, 0), 5);
    });
}

/// Components of real toolchains: through the adapter, and composed of several.
#[test(needs(Inputs))]
fn real_components() {
    for file in ["rust-regex.component.wasm", "composed.wasm", "twice.wat", "lua.component.wasm"] {
        let wasm = preinit::wat_to_wasm(&input(&format!("components/{file}"))).unwrap().into_owned();
        let snapshot =
            snapshot(&Wizer::new(), &wasm, false).unwrap_or_else(|error| panic!("{file}: {error:#}"));
        let answers = |wasm: &[u8], init: bool| {
            block_on(async {
                let mut store = store(false);
                let component = Component::new(store.engine(), wasm).unwrap();
                let instance = instantiate(&mut store, &component).await.unwrap();
                if init {
                    let init = instance.get_func(&mut store, "wizer-initialize").unwrap();
                    init.call_async(&mut store, &[], &mut []).await.unwrap();
                }
                let query = instance.get_typed_func::<(i32,), (i32,)>(&mut store, "query").unwrap();
                let mut answers = Vec::new();
                for argument in [5, 100] {
                    answers.push(query.call_async(&mut store, (argument,)).await.unwrap());
                }
                answers
            })
        };
        assert_eq!(answers(&snapshot, false), answers(&wasm, true), "{file}");
    }
}

/// A client that has its own state in its store, and provides what init calls.
#[test]
fn a_client_with_a_store_of_its_own() {
    struct Counter {
        calls: i32,
    }
    let wat = r#"(component
        (import "next" (func $next (result s32)))
        (core func $next (canon lower (func $next)))
        (core module $m (import "" "next" (func $next (result i32))) (global $g (mut i32) (i32.const 0))
            (func (export "init") (global.set $g (call $next)))
            (func (export "run") (result i32) (global.get $g)))
        (core instance $i (instantiate $m (with "" (instance (export "next" (func $next))))))
        (func (export "run") (result s32) (canon lift (core func $i "run")))
        (func (export "wizer-initialize") (canon lift (core func $i "init"))))"#;
    let link = async |store: &mut Store<Counter>, component: &Component| {
        let mut linker = Linker::new(store.engine());
        linker.root().func_wrap("next", |mut cx: wasmtime::StoreContextMut<'_, Counter>, (): ()| {
            cx.data_mut().calls += 1;
            Ok((cx.data().calls * 100,))
        })?;
        linker.instantiate_async(store, component).await
    };
    block_on(async {
        let mut store = Store::new(&Engine::default(), Counter { calls: 0 });
        let (snapshot, results) = Wizer::new().run_component(&mut store, &wasm(wat), link).await.unwrap();
        assert!(results.is_empty() && store.data().calls == 1);
        let component = Component::new(store.engine(), snapshot).unwrap();
        let instance = link(&mut store, &component).await.unwrap();
        let run = instance.get_typed_func::<(), (i32,)>(&mut store, "run").unwrap();
        assert_eq!(run.call_async(&mut store, ()).await.unwrap(), (100,));
        assert_eq!(store.data().calls, 1);
    });
}
