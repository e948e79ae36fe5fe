//! Modules of which each thread is an instance, all on one memory: original and snapshot, with real threads.

mod node;

use preinit::verify::{Outcome, VerifyOptions, verify};
use preinit::{Preinit, host::WasiOptions};
use preinit_testing::test_program;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use wasmtime::{Config, Engine, Extern, ExternType, Instance, Linker, Module, SharedMemory, Store, Val};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};

/// A module and the memory that its instances share.
struct Process {
    module: Module,
    memory: SharedMemory,
    last_thread: AtomicI32,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_threads(true).shared_memory(true).wasm_multi_memory(true);
    Engine::new(&config).unwrap()
}

impl Process {
    fn new(engine: &Engine, wasm: &[u8]) -> Arc<Process> {
        let module = Module::new(engine, wasm).unwrap();
        let memory = module.imports().find_map(|import| match import.ty() {
            ExternType::Memory(ty) if ty.is_shared() => Some(ty),
            _ => None,
        });
        let memory = SharedMemory::new(engine, memory.expect("it imports a shared memory")).unwrap();
        Arc::new(Process { module, memory, last_thread: AtomicI32::new(0), threads: Mutex::default() })
    }

    fn instance(self: &Arc<Process>) -> Thread {
        let mut store = Store::new(self.module.engine(), WasiCtxBuilder::new().build_p1());
        let mut linker = Linker::new(self.module.engine());
        p1::add_to_linker_sync(&mut linker, |wasi| wasi).unwrap();
        for import in self.module.imports() {
            if import.ty().memory().is_some() {
                linker.define(&mut store, import.module(), import.name(), self.memory.clone()).unwrap();
            }
        }
        let process = Arc::clone(self);
        linker.func_wrap("wasi", "thread-spawn", move |argument: i32| process.spawn(argument)).unwrap();
        let instance = linker.instantiate(&mut store, &self.module).unwrap();
        Thread { store, instance }
    }

    /// What `wasi.thread-spawn` does: another instance, on another thread.
    fn spawn(self: &Arc<Process>, argument: i32) -> i32 {
        let id = self.last_thread.fetch_add(1, Ordering::SeqCst) + 1;
        let process = Arc::clone(self);
        let run = move || {
            let mut thread = process.instance();
            let start =
                thread.instance.get_typed_func::<(i32, i32), ()>(&mut thread.store, "wasi_thread_start");
            if let Err(error) = start.and_then(|start| start.call(&mut thread.store, (id, argument))) {
                // Who joins it would wait for ever.
                eprintln!("thread {id}: {error:?}");
                std::process::exit(101);
            }
        };
        self.threads.lock().unwrap().push(thread::spawn(run));
        id
    }

    /// The instance that init runs in, or that the snapshot begins with.
    fn main(self: &Arc<Process>, init: &[&str]) -> Thread {
        let mut main = self.instance();
        init.iter().for_each(|name| {
            main.call(name, &[]);
        });
        main
    }

    fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap());
        threads.into_iter().for_each(|thread| thread.join().expect("the thread ends well"));
    }
}

/// An instance.
struct Thread {
    store: Store<WasiP1Ctx>,
    instance: Instance,
}

impl Thread {
    fn call(&mut self, name: &str, arguments: &[i32]) -> i32 {
        let function = self.instance.get_func(&mut self.store, name).unwrap_or_else(|| panic!("{name}"));
        let arguments: Vec<Val> = arguments.iter().map(|&argument| Val::I32(argument)).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function
            .call(&mut self.store, &arguments, &mut results)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        results.first().map_or(0, |result| result.unwrap_i32())
    }

    fn global(&mut self, name: &str) -> i32 {
        match self.instance.get_export(&mut self.store, name) {
            Some(Extern::Global(global)) => global.get(&mut self.store).unwrap_i32(),
            _ => panic!("no global `{name}`"),
        }
    }
}

fn wasi() -> WasiOptions {
    WasiOptions {
        stdout: preinit::host::Output::Capture,
        stderr: preinit::host::Output::Capture,
        ..Default::default()
    }
}

/// Answers of a program whose `query` starts threads, before and after.
fn threads_survive(file: &str, init: &[&str]) {
    let wasm = test_program(file);
    let preinit = Preinit::new().wasi(wasi());
    let output = preinit.run(&wasm).unwrap();
    assert!(output.report.start_function);
    let engine = engine();
    let before = Process::new(&engine, &wasm);
    let after = Process::new(&engine, &output.wasm);
    assert_eq!(before.instance().call("query", &[1]), -1, "without init there is no answer");
    let before = Process::new(&engine, &wasm);
    let (mut original, mut snapshot) = (before.main(init), after.main(&[]));
    let arguments = [0, 1, 2, 3000, -7, 9999];
    let answers = |process: &mut Thread| arguments.map(|argument| process.call("query", &[argument]));
    let expected = answers(&mut original);
    assert!(expected.iter().all(|answer| *answer > 0), "{expected:?}");
    assert_eq!(answers(&mut snapshot), expected);
    before.join();
    after.join();
    assert_eq!(after.last_thread.load(Ordering::SeqCst), 4 * arguments.len() as i32);

    // A snapshot of a snapshot is one more instance that is first on its memory.
    let again = Preinit::new().wasi(wasi()).init_function("none");
    assert!(again.run(&output.wasm).is_err(), "init is gone");

    let options = VerifyOptions { sequences: 4, ..VerifyOptions::default() };
    let options = with_wasi(options);
    let verdict = verify(&wasm, &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
}

fn with_wasi(mut options: VerifyOptions) -> VerifyOptions {
    options.host.wasi = Some(wasi());
    options
}

#[test]
fn threads_of_c() {
    threads_survive("threads/threads.wasm", &["_initialize", "preinit"]);
}

#[test]
fn threads_of_rust() {
    threads_survive("threads/rust-threads.wasm", &["_initialize", "wizer.initialize"]);
}

/// Two words of linkers' making: the shape with a table of branches, and the older one with a conditional.
fn by_hand(conditional: bool, more: &str) -> Vec<u8> {
    let claims = "(i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))";
    let writes = "(memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
        (memory.init $t (i32.const 3000) (i32.const 0) (i32.const 4)) (global.set $tls (i32.const 3000))
        (i32.atomic.store (i32.const 1024) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))";
    let waits = "(drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1)))";
    let start = match conditional {
        true => format!("(if {claims} (then {waits}) (else {writes}))"),
        false => format!(
            "(block $done (block $wait (block $write (br_table $write $wait $done {claims})) {writes} (br $done)) {waits})"
        ),
    };
    let text = format!(
        r#"(module (import "env" "memory" (memory 2 4 shared))
          (data $d "hello") (data $t "\2a\00\00\00") (data $once "gone")
          (global $sp (export "sp") (mut i32) (i32.const 65536)) (global $tls (export "tls") (mut i32) (i32.const 0))
          (table $t 3 funcref) (elem (table $t) (i32.const 1) func $start)
          (func $start {start} (data.drop $d)) (start $start)
          (func (export "init")
            (memory.init $once (i32.const 5000) (i32.const 0) (i32.const 4)) (data.drop $once)
            (global.set $sp (i32.const 60000))
            (drop (memory.grow (i32.const 1)))
            (i32.store (i32.const 140000) (i32.const 9))
            (i32.store (i32.const 4000) (i32.const 7)))
          (func (export "bump") (result i32) (i32.add (i32.atomic.rmw.add (i32.const 4000) (i32.const 1)) (i32.const 1)))
          (func (export "init_tls") (param i32)
            (global.set $tls (local.get 0)) (memory.init $t (local.get 0) (i32.const 0) (i32.const 4)))
          (func (export "use_once") (memory.init $once (i32.const 6000) (i32.const 0) (i32.const 4)))
          (func (export "pages") (result i32) (memory.size))
          (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
          {more})"#
    );
    wat::parse_str(text).unwrap()
}

/// What two instances see, one after the other, and the first once more.
fn observed(wasm: &[u8], init: &[&str]) -> Vec<i32> {
    let process = Process::new(&engine(), wasm);
    let mut main = process.main(init);
    let mut seen =
        vec![main.call("bump", &[]), main.call("bump", &[]), main.global("sp"), main.global("tls")];
    let mut thread = process.instance();
    seen.extend([thread.call("bump", &[]), thread.global("sp"), thread.global("tls")]);
    thread.call("init_tls", &[8000]);
    thread.call("use_once", &[]);
    seen.extend([thread.call("load", &[8000]), thread.call("load", &[6000]), thread.call("pages", &[])]);
    let words = [1024, 2048, 2052, 3000, 4000, 5000, 140_000];
    seen.extend(words.map(|address| main.call("load", &[address])));
    seen
}

#[test]
fn later_instances_begin_as_they_do_in_the_original() {
    for conditional in [false, true] {
        let wasm = by_hand(conditional, "");
        let snapshot = Preinit::new().init_function("init").run(&wasm).unwrap().wasm;
        let expected = observed(&wasm, &["init"]);
        assert_eq!(expected[..7], [8, 9, 60000, 3000, 10, 65536, 0]);
        assert_eq!(observed(&snapshot, &[]), expected, "conditional: {conditional}");
        let verdict = verify(
            &wasm,
            &snapshot,
            &VerifyOptions { init_functions: vec!["init".into()], ..Default::default() },
        );
        let verdict = verdict.unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
        // What init dropped in the first instance is dropped there.
        let process = Process::new(&engine(), &snapshot);
        let mut main = process.main(&[]);
        let function = main.instance.get_func(&mut main.store, "use_once").unwrap();
        assert!(function.call(&mut main.store, &[], &mut []).is_err());
    }
}

#[test]
fn a_snapshot_of_a_snapshot_has_threads_too() {
    let keep = |preinit: Preinit| preinit.keep_init_functions(true).init_function("init");
    let again = r#"(func (export "again") (i32.store (i32.const 4000) (i32.add (i32.load (i32.const 4000)) (i32.const 100))))"#;
    let wasm = by_hand(false, again);
    let once = keep(Preinit::new()).run(&wasm).unwrap().wasm;
    let twice = Preinit::new().init_function("again").run(&once).unwrap().wasm;
    let mut expected = observed(&wasm, &["init", "again"]);
    assert_eq!(observed(&twice, &[]), expected);
    expected.truncate(2);
    assert_eq!(expected, [108, 109]);
}

/// Many instances at once: one of them writes, and no one sees less than all of it.
#[test]
fn only_one_of_many_writes() {
    const THREADS: i32 = 8;
    let snapshot = Preinit::new().init_function("init").run(&by_hand(false, "")).unwrap().wasm;
    let engine = engine();
    for _ in 0..40 {
        let process = Process::new(&engine, &snapshot);
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let process = Arc::clone(&process);
                thread::spawn(move || {
                    let mut thread = process.instance();
                    let seen = [2048, 5000, 140_000, 1024].map(|address| thread.call("load", &[address]));
                    assert_eq!(seen, [0x6c6c_6568, 0x656e_6f67, 9, 2]);
                    thread.call("bump", &[]);
                    i32::from(thread.global("sp") == 60000)
                })
            })
            .collect();
        let first: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(first, 1, "instances that have the state of the one that ran init");
        assert_eq!(process.instance().call("load", &[4000]), 7 + THREADS);
    }
}

#[test]
fn a_snapshot_that_is_wrong_in_later_instances_is_found() {
    let wasm = by_hand(false, "");
    let snapshot = Preinit::new().init_function("init").run(&wasm).unwrap().wasm;
    let options = VerifyOptions { init_functions: vec!["init".into()], sequences: 2, ..Default::default() };
    let text = wasmprinter::print_bytes(&snapshot).unwrap();
    let cases = [
        // Every instance gets the stack pointer of the first.
        ("(mut i32) i32.const 65536)", "(mut i32) i32.const 60000)", "later.global.0"),
        // Later instances begin with what only the first should drop.
        ("    data.drop 6\n  )", "    data.drop 6\n    data.drop 2\n  )", "later.data.2.dropped"),
        // Every instance writes to the memory.
        (
            "    data.drop 6\n  )",
            "    data.drop 6\n    i32.const 4004\n    i32.const 1\n    i32.atomic.rmw.add\n    drop\n  )",
            "memory.0.0xfa4",
        ),
    ];
    for (from, to, key) in cases {
        assert!(text.contains(from), "{from} in {text}");
        let wrong = wat::parse_str(text.replace(from, to)).unwrap();
        let verdict = verify(&wasm, &wrong, &options).unwrap();
        let keys: Vec<&str> = verdict.differences.iter().map(|difference| difference.key.as_str()).collect();
        assert!(keys.contains(&key), "{keys:?}");
    }
}

/// A command that starts a thread, and waits for it.
const COMMAND: &str = r#"(module
    (import "env" "memory" (memory 1 4 shared))
    (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
    (data $d "hello")
    (global $sp (export "sp") (mut i32) (i32.const 65536))
    (func $start
        (block $done (block $wait (block $write
            (br_table $write $wait $done (i32.atomic.rmw.cmpxchg (i32.const 1024) (i32.const 0) (i32.const 1))))
            (memory.init $d (i32.const 2048) (i32.const 0) (i32.const 5))
            (i32.atomic.store (i32.const 1024) (i32.const 2))
            (drop (memory.atomic.notify (i32.const 1024) (i32.const -1)))
            (br $done))
            (drop (memory.atomic.wait32 (i32.const 1024) (i32.const 1) (i64.const -1))))
        (data.drop $d))
    (start $start)
    (func (export "wasi_thread_start") (param $id i32) (param $argument i32)
        (i32.store (i32.const 4008) (global.get $sp))
        (drop (i32.atomic.rmw.add (i32.const 4000) (local.get $argument)))
        (i32.atomic.store (i32.const 4100) (i32.const 1))
        (drop (memory.atomic.notify (i32.const 4100) (i32.const -1))))
    (func $run (param $times i32) (result i32) (local $id i32)
        (local.set $id (call $spawn (i32.const 123)))
        (block $joined (loop $again
            (br_if $joined (i32.atomic.load (i32.const 4100)))
            (drop (memory.atomic.wait32 (i32.const 4100) (i32.const 0) (i64.const -1)))
            (br $again)))
        (i32.mul (local.get $times) (local.get $id)))
    (func (export "_start") (local $kept i32)
        (i32.store (i32.const 4000) (i32.add (i32.load (i32.const 4000)) (i32.const 7)))
        (global.set $sp (i32.const 60000))
        (local.set $kept (i32.const 1000))
        (i32.store (i32.const 4004) (i32.add (local.get $kept) (call $run (i32.const 5)))))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#;

/// Frozen where it is about to start a thread, which then is one of the instance that resumes.
#[test]
fn frozen_at_the_spawning_of_a_thread() {
    let wasm = wat::parse_str(COMMAND).unwrap();
    let engine = engine();
    let run = |wasm: &[u8]| {
        let process = Process::new(&engine, wasm);
        let mut main = process.instance();
        let before = [4000, 2048].map(|address| main.call("load", &[address]));
        main.call("_start", &[]);
        process.join();
        (before, [4000, 4004, 4008, 2048, 1024].map(|address| main.call("load", &[address])))
    };
    let expected = [130, 1005, 65536, 0x6c6c_6568, 2];
    assert_eq!(run(&wasm), ([0, 0x6c6c_6568], expected));
    let preinit = || Preinit::new().at("wasi.thread-spawn".parse().unwrap());
    let frozen = preinit().run(&wasm).unwrap();
    assert_eq!(run(&frozen.wasm), ([7, 0x6c6c_6568], expected));
    let error = preinit().internalize(true).run(&wasm).unwrap_err();
    assert!(error.is_refusal() && error.to_string().contains("shared by threads"), "{error}");
}
