//! Clients that run the component themselves: one as it would be written for `wasmtime-wizer`, and what core dumps add.

use super::block_on;
use super::component::{Client, answer, instantiate, of_module, store, wasm};
use preinit::wizer::{ComponentInstanceState, Wizer};
use wasmtime::component::{Component, Instance, Lift};
use wasmtime::{Result, Store};

/// An implementation that has the methods of `wasmtime-wizer`, and no more.
struct Old {
    store: Store<Client>,
    instance: Instance,
}

impl Old {
    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, func: &str) -> R {
        let (_, instance) = self.instance.get_export(&mut self.store, None, instance).unwrap();
        let (_, func) = self.instance.get_export(&mut self.store, Some(&instance), func).unwrap();
        let func = self.instance.get_typed_func::<(), (R,)>(&mut self.store, func).unwrap();
        func.call_async(&mut self.store, ()).await.unwrap().0
    }
}

impl ComponentInstanceState for Old {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        contents(&self.call::<Vec<u8>>(instance, func).await);
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call::<f64>(instance, func).await.to_bits()
    }
}

/// Runs init by hand and gives what `snapshot_component` says.
fn by_hand(wat: &str) -> Result<Vec<u8>> {
    let (wizer, wasm) = (Wizer::new(), wasm(wat));
    let (cx, instrumented) = wizer.instrument_component(&wasm)?;
    block_on(async {
        let mut store = store(false);
        let component = Component::new(store.engine(), &instrumented)?;
        let instance = instantiate(&mut store, &component).await?;
        let init = instance.get_typed_func::<(), ()>(&mut store, "wizer-initialize")?;
        init.call_async(&mut store, ()).await?;
        wizer.snapshot_component(&cx, &mut Old { store, instance }).await
    })
}

fn by_run(wat: &str, shows_instances: bool) -> Result<Vec<u8>> {
    let mut store = store(shows_instances);
    block_on(Wizer::new().run_component(&mut store, &wasm(wat), instantiate)).map(|(wasm, _)| wasm)
}

const PLAIN: &str = r#"(memory 1) (global $g (mut i64) (i64.const 0)) (table 2 funcref) (elem (i32.const 1) $five)
    (type $f (func (result i32))) (func $five (result i32) i32.const 5)
    (func (export "init")
        (global.set $g (i64.const 7)) (i32.store (i32.const 8) (i32.const 30)) (drop (memory.grow (i32.const 1))))
    (func (export "run") (param i32) (result i32)
        (i32.add (call_indirect (type $f) (i32.const 1))
            (i32.add (i32.wrap_i64 (global.get $g)) (i32.add (memory.size) (i32.load (i32.const 8))))))"#;

const CHANGES_A_TABLE: &str = r#"(table $t 2 funcref) (type $f (func (result i32)))
    (func $five (result i32) i32.const 5) (func $six (result i32) i32.const 6) (elem declare func $five $six)
    (func (export "init")
        (table.set $t (i32.const 1) (ref.func $five)) (drop (table.grow $t (ref.func $six) (i32.const 2))))
    (func (export "run") (param i32) (result i32)
        (i32.add (call_indirect (type $f) (i32.const 1)) (i32.mul (table.size $t) (call_indirect (type $f) (i32.const 3)))))"#;

const CHANGES_A_GLOBAL: &str = r#"(type $f (func (result i32))) (func $seven (type $f) i32.const 7) (elem declare func $seven)
    (global $g (mut funcref) (ref.null func))
    (func (export "init") (global.set $g (ref.func $seven)))
    (func (export "run") (param i32) (result i32) (call_ref $f (ref.cast (ref $f) (global.get $g))))"#;

/// The code of both is there, and init does not run it.
const COULD_CHANGE: &str = r#"(table $t 2 funcref) (type $f (func (result i32))) (global $g (mut funcref) (ref.func $five))
    (memory 1) (data $d "\07") (func $five (result i32) i32.const 5) (elem (i32.const 1) $five)
    (func (export "never") (table.set $t (i32.const 1) (ref.null func)) (global.set $g (ref.null func)) (data.drop $d))
    (func (export "init") (i32.store (i32.const 4) (i32.const 1)))
    (func (export "run") (param i32) (result i32)
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
        (i32.add (i32.load8_u (i32.const 0)) (i32.add (i32.load (i32.const 4)) (i32.add
            (call_indirect (type $f) (i32.const 1)) (call_ref $f (ref.cast (ref $f) (global.get $g)))))))"#;

#[test]
fn an_old_implementation() {
    for (module, expected) in [(PLAIN, 44), (COULD_CHANGE, 18)] {
        let wat = of_module(module);
        let snapshot = by_hand(&wat).unwrap();
        assert_eq!(answer(&snapshot, 0), expected);
        assert!(snapshot == by_run(&wat, false).unwrap() && snapshot == by_run(&wat, true).unwrap());
    }
    for (module, text) in [
        (CHANGES_A_TABLE, "init has changed table 0 of core module 0"),
        (CHANGES_A_GLOBAL, "init has changed the reference in global 0 of core module 0"),
    ] {
        for refused in [by_hand(&of_module(module)), by_run(&of_module(module), false)] {
            let error = format!("{:#}", refused.unwrap_err());
            assert!(error.contains(text) && error.contains("coredump_on_trap"), "{error}");
        }
    }
}

#[test]
fn core_dumps_show_tables_and_references() {
    for (module, expected) in [(CHANGES_A_TABLE, 29), (CHANGES_A_GLOBAL, 7)] {
        let wat = of_module(module);
        let snapshot = by_run(&wat, true).unwrap();
        assert_eq!(answer(&snapshot, 0), expected);
        let by_builder = preinit::Preinit::new().run(&wasm(&wat)).unwrap();
        assert!(snapshot == by_builder.wasm, "{}", wasmprinter::print_bytes(&snapshot).unwrap());
    }
}

/// A table of the one holds what the segment of the other writes; a table of the other is changed.
const TWO: &str = r#"(component
    (core module $owner (table (export "t") 2 funcref) (table $own 1 funcref) (type $f (func (result i32)))
        (func $one (result i32) i32.const 1) (elem declare func $one)
        (func (export "init") (table.set $own (i32.const 0) (ref.func $one)))
        (func (export "run") (param i32) (result i32)
            (i32.add (call_indirect 0 (type $f) (i32.const 1)) (call_indirect $own (type $f) (i32.const 0)))))
    (core module $filler (import "o" "t" (table 2 funcref)) (func $ten (result i32) i32.const 10) (elem (i32.const 1) $ten))
    (core instance $o (instantiate $owner))
    (core instance (instantiate $filler (with "o" (instance $o))))
    (core instance $other (instantiate $owner))
    (func (export "run") (param "arg" s32) (result s32) (canon lift (core func $o "run")))
    (func (export "wizer-initialize") (canon lift (core func $o "init"))))"#;

#[test]
fn segments_that_explain_a_table_stay() {
    let snapshot = by_run(TWO, true).unwrap();
    assert_eq!(answer(&snapshot, 0), 11);
    assert!(snapshot == preinit::Preinit::new().run(&wasm(TWO)).unwrap().wasm);
}

/// Objects can be changed without a write to what leads to them.
#[test]
fn objects_are_refused() {
    for module in [
        r#"(type $s (struct (field (mut i32)))) (global $g (ref $s) (struct.new $s (i32.const 1)))
        (func (export "init") (struct.set $s 0 (global.get $g) (i32.const 9)))
        (func (export "run") (param i32) (result i32) (struct.get $s 0 (global.get $g)))"#,
        r#"(type $s (struct (field (mut i32)))) (table $t 1 (ref null $s))
        (elem (table $t) (i32.const 0) (ref null $s) (item (struct.new $s (i32.const 1))))
        (func (export "init") (struct.set $s 0 (table.get $t (i32.const 0)) (i32.const 9)))
        (func (export "run") (param i32) (result i32) (struct.get $s 0 (table.get $t (i32.const 0))))"#,
    ] {
        for shows_instances in [false, true] {
            let error = format!("{:#}", by_run(&of_module(module), shows_instances).unwrap_err());
            assert!(error.contains("global 0") || error.contains("table"), "{error}");
        }
    }
}
