//! Each stage of the pipeline: on synthetic states, as curves over what its time depends on, and on real programs.
//!
//! `cargo bench --bench stages` or, for one curve, `cargo bench --bench stages -- capture`. Throughput is that of the
//! memory or the elements; `memcpy` copies as many bytes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use preinit::host::{HostOptions, Limits, Output, WasiOptions};
use preinit::stages::capture::capture;
use preinit::stages::execute::{
    Compilation, DEFAULT_INIT_FUNCTIONS, Execution, InitNames, InitResult, Initialized, execute,
};
use preinit::stages::module::Module;
use preinit::stages::plan::{PlanOptions, plan};
use preinit::stages::probe::Probed;
use preinit::stages::segments::{HeaderCost, cheapest, close_gaps, nonzero_runs};
use preinit::stages::snapshot::{Chunk, Image};
use std::borrow::Cow;
use std::hint::black_box;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// A module whose init writes `run` bytes every `stride` bytes of a memory of `size` bytes.
fn writer(size: u64, stride: u64, run: u64) -> Vec<u8> {
    wat(&format!(
        r#"(module (memory (export "memory") {pages})
            (func (export "preinit") (local $at i64)
              (loop $next
                (memory.fill (i32.wrap_i64 (local.get $at)) (i32.const 7) (i32.const {run}))
                (local.set $at (i64.add (local.get $at) (i64.const {stride})))
                (br_if $next (i64.lt_u (i64.add (local.get $at) (i64.const {run})) (i64.const {size}))))))"#,
        pages = size >> 16,
    ))
}

/// A module with a table of `size` elements, of which init sets every second.
fn table(size: u64) -> Vec<u8> {
    wat(&format!(
        r#"(module (table {size} funcref) (elem declare func $f) (func $f)
            (func (export "preinit") (local $at i32)
              (loop $next
                (table.set (local.get $at) (ref.func $f))
                (local.set $at (i32.add (local.get $at) (i32.const 2)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const {size}))))))"#
    ))
}

/// A module with so many functions of some hundred bytes.
fn functions(count: usize) -> Vec<u8> {
    let body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 31)) (i32.const 7)))".repeat(12);
    let function = format!("(func (param i32) (result i32) {body} (local.get 0))");
    wat(&format!(r#"(module (func (export "preinit")) {})"#, function.repeat(count)))
}

fn wat(text: &str) -> Vec<u8> {
    preinit::wat_to_wasm(text.as_bytes()).expect("valid text").into_owned()
}

/// Everything up to the capture, for the stages behind it.
struct Run<'w> {
    module: Module<'w>,
    probed: Probed,
    initialized: Initialized,
}

impl<'w> Run<'w> {
    fn of(wasm: &'w [u8]) -> Run<'w> {
        let module = Module::parse(wasm).expect("a valid module");
        let probed = Probed::new(&module).expect("a known module");
        let wasi = WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() };
        let host = HostOptions { wasi: Some(wasi), ..HostOptions::default() };
        let limits = Limits { timeout: None, max_memory: 16 << 30, fuel: None };
        let default = DEFAULT_INIT_FUNCTIONS.map(String::from);
        let execution = Execution {
            module: &module,
            probed: &probed,
            init_names: InitNames { named: &[], default: &default },
            init_result: InitResult::default(),
            on_init: None,
            hooks: &[],
            host: &host,
            limits: &limits,
            compilation: Compilation::default(),
        };
        let run = || execute(execution);
        let initialized =
            preinit::stages::engine::on_guest_thread(run).expect("a thread").expect("init runs");
        Run { module, probed, initialized }
    }
}

fn capture_memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("capture");
    let cases = [
        ("sparse", 64 * MIB, 8 * MIB, 100),
        ("sparse", 1024 * MIB, 8 * MIB, 100),
        ("sparse", 4096 * MIB - 65536, 8 * MIB, 100),
        ("a page in 16", 256 * MIB, 65536, 100),
        ("a page in 2", 256 * MIB, 8192, 100),
        ("dense", 16 * MIB, 8192, 8192),
        ("dense", 256 * MIB, 8192, 8192),
    ];
    for (what, size, stride, run) in cases {
        let wasm = writer(size, stride, run);
        let Run { module, probed, mut initialized } = Run::of(&wasm);
        group.throughput(Throughput::Bytes(size));
        group.bench_function(BenchmarkId::new(what, format!("{} MiB", size / MIB)), |b| {
            b.iter(|| {
                let mut instance = initialized.reader();
                let snapshot = capture(&module, &probed, &mut instance).expect("a state");
                black_box(snapshot.memories[0].image.chunks().len())
            });
        });
    }
    group.finish();
}

fn capture_tables(c: &mut Criterion) {
    let mut group = c.benchmark_group("capture and plan a table");
    for size in [10_000, 100_000, 1_000_000] {
        let wasm = table(size);
        let Run { module, probed, mut initialized } = Run::of(&wasm);
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let mut instance = initialized.reader();
                let snapshot = capture(&module, &probed, &mut instance).expect("a state");
                plan(&module, &snapshot, &PlanOptions::default()).expect("a plan").elements.len()
            });
        });
    }
    group.finish();
}

/// Finds the runs of bytes that are not zero, and cuts them into segments.
fn segments(c: &mut Criterion) {
    let cost = HeaderCost { memory: 0, memory64: false };
    let mut group = c.benchmark_group("segments");
    for (what, stride, run) in [("islands", 100, 3), ("half full", 16, 8), ("dense", 4096, 4095)] {
        for size in [MIB, 10 * MIB, 100 * MIB] {
            let bytes: Vec<u8> = (0..size).map(|at| u8::from(at % stride < run)).collect();
            let image = Image::new(vec![Chunk { offset: 65536, bytes: Cow::Borrowed(&bytes) }]);
            group.throughput(Throughput::Bytes(size));
            group.bench_function(BenchmarkId::new(what, format!("{} MiB", size / MIB)), |b| {
                b.iter(|| {
                    let mut segments = [cheapest(&nonzero_runs(&image, cost), cost)];
                    close_gaps(&mut segments, preinit::stages::segments::GOOD_DATA_SEGMENTS);
                    segments[0].len()
                });
            });
        }
    }
    group.finish();
}

fn memcpy(c: &mut Criterion) {
    let mut group = c.benchmark_group("memcpy");
    for size in [MIB, 16 * MIB, 256 * MIB] {
        let (from, mut to) = (vec![1u8; size as usize], vec![0u8; size as usize]);
        group.throughput(Throughput::Bytes(size));
        group.bench_function(BenchmarkId::from_parameter(format!("{} MiB", size / MIB)), |b| {
            b.iter(|| black_box(&mut to).copy_from_slice(black_box(&from)));
        });
    }
    group.finish();
}

/// From a state to the bytes of an output.
fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for size in [16 * MIB, 256 * MIB] {
        let wasm = writer(size, 8192, 8192);
        let Run { module, probed, mut initialized } = Run::of(&wasm);
        let mut instance = initialized.reader();
        let snapshot = capture(&module, &probed, &mut instance).expect("a state");
        let plan = plan(&module, &snapshot, &PlanOptions::default()).expect("a plan");
        group.throughput(Throughput::Bytes(size));
        group.bench_function(BenchmarkId::new("dense", format!("{} MiB", size / MIB)), |b| {
            b.iter(|| preinit::stages::encode::encode(&module, &snapshot, &plan).expect("an output").len());
        });
    }
    group.finish();
}

/// What depends on the size of the code.
fn code(c: &mut Criterion) {
    let mut group = c.benchmark_group("code");
    let mut inputs: Vec<(String, Vec<u8>)> =
        [100, 1000, 10_000].map(|count| (format!("{count} functions"), functions(count))).into();
    let folder = std::env::var("PREINIT_INPUTS").unwrap_or("../shared/inputs".to_string());
    for name in ["lua", "quickjs", "sqlite", "go", "cpython"] {
        // Only there on machines that have the real programs.
        inputs
            .extend(std::fs::read(format!("{folder}/{name}.wasm")).ok().map(|wasm| (name.to_string(), wasm)));
    }
    for (name, wasm) in &inputs {
        let module = Module::parse(wasm).expect("a valid module");
        let probed = Probed::new(&module).expect("a known module");
        group.throughput(Throughput::Bytes(wasm.len() as u64));
        group.bench_function(BenchmarkId::new("parse", name), |b| {
            b.iter(|| Module::parse(wasm).expect("a valid module").functions.len());
        });
        group.bench_function(BenchmarkId::new("probe", name), |b| {
            b.iter(|| Probed::new(&module).expect("a known module").wasm.len());
        });
        group.bench_function(BenchmarkId::new("compile", name), |b| {
            b.iter(|| {
                preinit::stages::engine::compile(&probed.wasm, Default::default()).expect("compiles").compiler
            });
        });
        group.bench_function(BenchmarkId::new("strip", name), |b| {
            b.iter(|| preinit::stages::strip::strip(wasm.clone()).expect("a valid module").report.functions);
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = memcpy, segments, capture_memory, capture_tables, encode, code
}
criterion_main!(benches);
