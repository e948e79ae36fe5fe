//! The interface of `wasmtime-wizer`: its own tests' shapes, a client with its own store, and one on another engine.

mod component;
mod component_runs;
mod component_state;
mod options;
mod same_client;

use preinit::wizer::{InstanceState, SnapshotRef, SnapshotVal, ValType, Wizer};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::{Engine, Instance, Linker, Module, Result, Store, Val};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

fn store() -> Store<WasiP1Ctx> {
    Store::new(&Engine::default(), WasiCtxBuilder::new().build_p1())
}

async fn instantiate(store: &mut Store<WasiP1Ctx>, module: &Module) -> Result<Instance> {
    let mut linker = Linker::new(store.engine());
    p1::add_to_linker_async(&mut linker, |x| x)?;
    linker.define_unknown_imports_as_traps(module)?;
    linker.instantiate_async(store, module).await
}

/// What `run` answers in an instance of the snapshot.
fn run_with(wizer: &Wizer, wat: &str, args: &[Val]) -> Result<i32> {
    block_on(async {
        let mut store = store();
        let snapshot = wizer.run(&mut store, &wasm(wat), instantiate).await?;
        let module = Module::new(store.engine(), snapshot)?;
        let mut linker = Linker::new(store.engine());
        let thunk = wasmtime::Func::wrap(&mut store, || {});
        linker.define(&mut store, "env", "f", thunk)?.define(&mut store, "x", "f", thunk)?;
        p1::add_to_linker_async(&mut linker, |wasi| wasi)?;
        let instance = linker.instantiate_async(&mut store, &module).await?;
        let run = instance.get_func(&mut store, "run").unwrap();
        let mut results = [Val::I32(0)];
        run.call_async(&mut store, args, &mut results).await?;
        Ok(results[0].unwrap_i32())
    })
}

#[track_caller]
fn runs(wat: &str, expected: i32) {
    assert_eq!(run_with(&Wizer::new(), wat, &[]).unwrap(), expected);
}

#[track_caller]
fn fails(wat: &str, text: &str) {
    let error = run_with(&Wizer::new(), wat, &[]).unwrap_err();
    assert!(format!("{error:#}").contains(text), "{error:#}");
}

#[test]
fn globals_and_memories() {
    runs(
        r#"(module (global $g (mut i32) i32.const 0)
            (func (export "wizer-initialize") i32.const 42 global.set $g)
            (func (export "run") (result i32) global.get $g))"#,
        42,
    );
    runs(
        r#"(module (memory 1)
            (func (export "wizer-initialize") i32.const 0 i32.const 42 i32.store offset=1337)
            (func (export "run") (result i32) i32.const 0 i32.load offset=1337))"#,
        42,
    );
    runs(
        r#"(module (memory $m1 1) (memory $m2 1)
            (func (export "wizer-initialize")
                i32.const 0 i32.const 41 i32.store $m1 offset=1337 i32.const 0 i32.const 1 i32.store $m2 offset=1337)
            (func (export "run") (result i32)
                i32.const 0 i32.load $m1 offset=1337 i32.const 0 i32.load $m2 offset=1337 i32.add))"#,
        42,
    );
    runs(
        r#"(module (memory i64 1)
            (func (export "wizer-initialize") i64.const 0 i32.const 10 i32.store)
            (func (export "run") (result i32) i64.const 0 i32.load))"#,
        10,
    );
    runs(
        r#"(module (global $v (mut v128) (v128.const i32x4 2 3 5 7))
            (func (export "wizer-initialize") (global.set $v (i32x4.add (global.get $v) (global.get $v))))
            (func (export "run") (result i32) (i32x4.extract_lane 3 (global.get $v))))"#,
        14,
    );
}

#[test]
fn state_of_others_is_refused() {
    for (import, text) in [
        (r#"(memory 1)"#, "imported memories are not supported"),
        (r#"(table 1 funcref)"#, "imported tables are not supported"),
        (r#"(global (mut i32))"#, "imported mutable globals are not supported"),
    ] {
        fails(&format!(r#"(module (import "x" "y" {import}) (func (export "wizer-initialize")))"#), text);
    }
}

#[test]
fn tables_segments_and_references_survive() {
    runs(
        r#"(module (table $t 0 funcref) (type $f (func (result i32)))
            (func $one (result i32) i32.const 1) (func $two (result i32) i32.const 2)
            (elem declare func $one $two)
            (func (export "wizer-initialize")
                (drop (table.grow $t (ref.func $one) (i32.const 3))) (table.set $t (i32.const 1) (ref.func $two)))
            (func (export "run") (result i32)
                (i32.add (call_indirect $t (type $f) (i32.const 1)) (i32.mul (i32.const 10) (table.size $t)))))"#,
        32,
    );
    runs(
        r#"(module (memory 1) (data $d "\2a")
            (func (export "wizer-initialize")
                (memory.init $d (i32.const 5) (i32.const 0) (i32.const 1)) (data.drop $d))
            (func (export "run") (result i32)
                (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (i32.load8_u (i32.const 5))))"#,
        42,
    );
    runs(
        r#"(module (type $f (func (result i32))) (func $seven (type $f) i32.const 7) (elem declare func $seven)
            (global $g (mut funcref) (ref.null func))
            (func (export "wizer-initialize") (global.set $g (ref.func $seven)))
            (func (export "run") (result i32) (call_ref $f (ref.cast (ref $f) (global.get $g)))))"#,
        7,
    );
    runs(
        r#"(module (type $box (struct (field (mut i32)))) (global $g (mut (ref null $box)) (ref.null $box))
            (func (export "wizer-initialize") (global.set $g (struct.new $box (i32.const 9))))
            (func (export "run") (result i32) (struct.get $box 0 (global.get $g))))"#,
        9,
    );
}

#[test]
fn reactors() {
    let wat = r#"(module (global $g (mut i32) i32.const 0)
        (func (export "_initialize") (global.set $g (i32.add (global.get $g) (i32.const 1))))
        (func (export "wizer-initialize") (global.set $g (i32.add (global.get $g) (i32.const 10))))
        (func (export "run") (result i32) global.get $g))"#;
    assert_eq!(run_with(&Wizer::new(), wat, &[]).unwrap(), 11);
    let mut wizer = Wizer::new();
    wizer.init_func("_initialize");
    assert_eq!(run_with(&wizer, wat, &[]).unwrap(), 1);
    let mut keeping = Wizer::new();
    keeping.init_func("_initialize").keep_init_func(true);
    let snapshot = block_on(keeping.run(&mut store(), &wasm(wat), instantiate)).unwrap();
    assert!(!wasmprinter::print_bytes(snapshot).unwrap().contains("_initialize"));
}

/// A client that has its own state in its store, and modules that provide imports.
#[test]
fn a_client_with_a_store_of_its_own() {
    struct Client {
        calls: u32,
    }
    let provider = r#"(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 2 i32.add))"#;
    let wat = r#"(module
        (import "mod1" "f" (func $f (param i32) (result i32)))
        (import "client" "next" (func $next (result i32)))
        (global $g (mut i32) (i32.const 0))
        (func (export "wizer-initialize") (global.set $g (call $f (call $next))))
        (func (export "run") (result i32) (global.get $g)))"#;
    let mut store = Store::new(&Engine::default(), Client { calls: 0 });
    let provider = Module::new(store.engine(), wasm(provider)).unwrap();
    let link = async |store: &mut Store<Client>, module: &Module| {
        let instance = Instance::new_async(&mut *store, &provider, &[]).await?;
        let mut linker = Linker::new(store.engine());
        linker.instance(&mut *store, "mod1", instance)?;
        linker.func_wrap("client", "next", |mut caller: wasmtime::Caller<'_, Client>| {
            caller.data_mut().calls += 1;
            caller.data().calls * 100
        })?;
        linker.instantiate_async(store, module).await
    };
    block_on(async {
        let snapshot = Wizer::new().run(&mut store, &wasm(wat), link).await.unwrap();
        assert_eq!(store.data().calls, 1);
        let module = Module::new(store.engine(), snapshot).unwrap();
        let instance = link(&mut store, &module).await.unwrap();
        let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call_async(&mut store, ()).await.unwrap(), 102);
        assert_eq!(store.data().calls, 1);
    });
}

/// As it would be written for `wasmtime-wizer`: the two methods that it has.
struct OnWasmi {
    store: wasmi::Store<()>,
    instance: wasmi::Instance,
}

impl InstanceState for OnWasmi {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        match self.instance.get_global(&self.store, name).unwrap().get(&self.store) {
            wasmi::Val::I32(value) => SnapshotVal::I32(value),
            wasmi::Val::I64(value) => SnapshotVal::I64(value),
            wasmi::Val::F32(value) => SnapshotVal::F32(value.to_bits()),
            wasmi::Val::F64(value) => SnapshotVal::F64(value.to_bits()),
            _ => panic!("unsupported global value type"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        contents(self.instance.get_memory(&self.store, name).unwrap().data(&self.store));
    }
}

struct WithTables(OnWasmi);

impl WithTables {
    fn identity(function: &wasmi::Func) -> u64 {
        // The engine's handle has no equality, but its debug form is that of an index.
        let digits: String = format!("{function:?}").chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    }
}

impl InstanceState for WithTables {
    async fn global_get(&mut self, name: &str, ty: ValType) -> SnapshotVal {
        self.0.global_get(name, ty).await
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        self.0.memory_contents(name, contents).await;
    }

    async fn table_elements(&mut self, name: &str) -> Option<Vec<SnapshotRef>> {
        let OnWasmi { store, instance } = &self.0;
        let table = instance.get_table(store, name)?;
        let element = |slot| match table.get(store, slot)? {
            wasmi::Ref::Func(wasmi::Nullable::Null) => Some(SnapshotRef::Null),
            wasmi::Ref::Func(wasmi::Nullable::Val(function)) => {
                Some(SnapshotRef::Function(Self::identity(&function)))
            }
            _ => Some(SnapshotRef::Other),
        };
        (0..table.size(store)).map(element).collect()
    }

    async fn function_identity(&mut self, name: &str) -> Option<u64> {
        Some(Self::identity(&self.0.instance.get_func(&self.0.store, name)?))
    }

    async fn traps(&mut self, name: &str) -> Option<bool> {
        let function = self.0.instance.get_func(&self.0.store, name)?;
        Some(function.call(&mut self.0.store, &[], &mut []).is_err())
    }
}

/// Runs init on wasmi and gives what `snapshot` says.
fn on_wasmi(wat: &str, with_tables: bool) -> Result<Vec<u8>> {
    let (wizer, wasm) = (Wizer::new(), wasm(wat));
    let (cx, instrumented) = wizer.instrument(&wasm)?;
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, &instrumented).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let init = instance.get_typed_func::<(), ()>(&store, "wizer-initialize").unwrap();
    init.call(&mut store, ()).unwrap();
    let mut state = OnWasmi { store, instance };
    block_on(async {
        match with_tables {
            true => wizer.snapshot(&cx, &mut WithTables(state)).await,
            false => wizer.snapshot(&cx, &mut state).await,
        }
    })
}

/// The answer of `run` of a snapshot, in Wasmtime.
fn answer(snapshot: &[u8]) -> i32 {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &Module::new(&engine, snapshot).unwrap(), &[]).unwrap();
    instance.get_typed_func::<(), i32>(&mut store, "run").unwrap().call(&mut store, ()).unwrap()
}

const PLAIN: &str = r#"(module (memory 1) (global $g (mut i64) (i64.const 0)) (table 2 funcref) (elem (i32.const 1) $five)
    (type $f (func (result i32))) (func $five (result i32) i32.const 5)
    (func (export "wizer-initialize")
        (global.set $g (i64.const 7)) (i32.store (i32.const 8) (i32.const 30)) (drop (memory.grow (i32.const 1))))
    (func (export "run") (result i32)
        (i32.add (call_indirect (type $f) (i32.const 1))
            (i32.add (i32.wrap_i64 (global.get $g)) (i32.add (memory.size) (i32.load (i32.const 8)))))))"#;

const CHANGES_A_TABLE: &str = r#"(module (table $t 2 funcref) (type $f (func (result i32)))
    (func $five (result i32) i32.const 5) (elem declare func $five)
    (func (export "wizer-initialize") (table.set $t (i32.const 1) (ref.func $five)))
    (func (export "run") (result i32) (call_indirect (type $f) (i32.const 1))))"#;

const DROPS: &str = r#"(module (memory 1) (data $d "\07")
    (func (export "wizer-initialize")
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d))
    (func (export "run") (result i32)
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (i32.load8_u (i32.const 0))))"#;

#[test]
fn an_old_implementation_on_another_engine() {
    assert_eq!(answer(&on_wasmi(PLAIN, false).unwrap()), 44);
    for (wat, text) in
        [(CHANGES_A_TABLE, "`table_elements`"), (DROPS, "`InstanceState::traps` is not implemented")]
    {
        let error = on_wasmi(wat, false).unwrap_err();
        assert!(format!("{error:#}").contains(text), "{error:#}");
    }
}

#[test]
fn an_implementation_that_reads_everything() {
    for (wat, expected) in [(PLAIN, 44), (CHANGES_A_TABLE, 5), (DROPS, 7)] {
        let snapshot = on_wasmi(wat, true).unwrap();
        assert_eq!(answer(&snapshot), expected);
        let by_wasmtime = block_on(Wizer::new().run(&mut store(), &wasm(wat), instantiate)).unwrap();
        assert!(snapshot == by_wasmtime, "{}", wasmprinter::print_bytes(&snapshot).unwrap());
    }
}

#[test]
fn wasmtimes_own_instance_state_reads_the_same() {
    for wat in [PLAIN, CHANGES_A_TABLE, DROPS] {
        let (wizer, wasm) = (Wizer::new(), wasm(wat));
        let by_run = block_on(wizer.run(&mut store(), &wasm, instantiate)).unwrap();
        let (cx, instrumented) = wizer.instrument(&wasm).unwrap();
        let by_hand = block_on(async {
            let mut store = store();
            let module = Module::new(store.engine(), &instrumented)?;
            let instance = instantiate(&mut store, &module).await?;
            instance
                .get_typed_func::<(), ()>(&mut store, "wizer-initialize")?
                .call_async(&mut store, ())
                .await?;
            let mut state = preinit::wizer::WasmtimeWizer { store: &mut store, instance };
            wizer.snapshot(&cx, &mut state).await
        });
        assert!(by_hand.unwrap() == by_run, "{wat}");
    }
}
