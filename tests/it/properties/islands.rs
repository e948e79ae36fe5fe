//! Memories and tables whose contents lie in islands: every layout gives the same contents, however many islands there are.

use preinit::host::HostValue;
use preinit::stages::encode::encode;
use preinit::stages::layout::Layout;
use preinit::stages::module::Module;
use preinit::stages::plan::{DataSegment, ElementSegment, PlanOptions, plan};
use preinit::stages::snapshot::{
    Image, ImportedMemory, ImportedTable, MemoryState, Reference, Snapshot, TableState, Unwritable,
};
use preinit_testing::interpreter::Interpreter;
use preinit_testing::machine::{Machine, Observed, Setup};
use proptest::prelude::*;
use std::fmt::Write;
use wasmtime::{Engine, Linker, Store};

const PAGE: usize = 65536;

/// A memory: what it holds, and for an import what it was handed over with.
#[derive(Debug, Clone)]
struct Contents {
    is_64: bool,
    bytes: Vec<u8>,
    handed_over: Option<Vec<u8>>,
}

fn islands(pages: usize) -> impl Strategy<Value = Vec<u8>> {
    let gap = prop_oneof![0usize..12, 12usize..300, 300usize..30_000];
    let length = prop_oneof![1usize..4, 4usize..600];
    let many = prop::collection::vec((gap, length, 1u8..=255), 0..60);
    // Within the bytes that the loop of the sparse layout uses itself.
    let first = prop::collection::vec((0usize..3, 1usize..4, 1u8..=255), 1..3);
    prop_oneof![3 => many, 1 => first].prop_map(move |steps| {
        let mut bytes = vec![0; pages * PAGE];
        let mut at = 0;
        for (gap, length, value) in steps {
            at += gap;
            if at + length > bytes.len() {
                break;
            }
            bytes[at..at + length].fill(value);
            at += length;
        }
        bytes
    })
}

fn contents() -> impl Strategy<Value = Contents> {
    (1usize..3, 0usize..2, any::<bool>(), any::<bool>()).prop_flat_map(|(pages, grown, is_64, is_import)| {
        (islands(pages + grown), islands(pages)).prop_map(move |(bytes, before)| Contents {
            is_64,
            bytes,
            handed_over: is_import.then_some(before),
        })
    })
}

fn module_text(memories: &[Contents]) -> String {
    let mut text = String::from("(module");
    for (index, memory) in memories.iter().enumerate() {
        let ty = if memory.is_64 { "i64" } else { "" };
        match &memory.handed_over {
            Some(before) => {
                let pages = before.len() / PAGE;
                write!(
                    text,
                    r#"(import "env" "{index}" (memory {ty} {pages}))(export "{index}" (memory {index}))"#
                )
            }
            None => write!(text, r#"(memory (export "{index}") {ty} 0)"#),
        }
        .unwrap();
    }
    text.push(')');
    text
}

/// What the memories of an instance of the output hold.
fn instantiated(wasm: &[u8], memories: &[Contents]) -> Vec<Vec<u8>> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = wasmtime::Module::new(&engine, wasm).unwrap();
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        let ty = import.ty().memory().unwrap().clone();
        let memory = wasmtime::Memory::new(&mut store, ty).unwrap();
        let before = memories[import.name().parse::<usize>().unwrap()].handed_over.as_ref().unwrap();
        memory.data_mut(&mut store)[..before.len()].copy_from_slice(before);
        linker.define(&mut store, "env", import.name(), memory).unwrap();
    }
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let read = |index: usize| {
        let memory = instance.get_memory(&mut store, &index.to_string()).unwrap();
        memory.data(&store).to_vec()
    };
    (0..memories.len()).map(read).collect()
}

fn snapshot(memories: &[Contents]) -> Snapshot<'_> {
    fn state(memory: &Contents) -> MemoryState<'_> {
        MemoryState {
            size: memory.bytes.len() as u64,
            maximum: None,
            image: Image::of(&memory.bytes),
            import: memory.handed_over.as_ref().map(|before| ImportedMemory {
                size: before.len() as u64,
                image: Image::of(before).into_owned(),
            }),
        }
    }
    // Imports come first.
    Snapshot { memories: memories.iter().map(state).collect(), ..Snapshot::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_layout_gives_the_same_memories(mut memories in prop::collection::vec(contents(), 1..3)) {
        memories.sort_by_key(|memory| memory.handed_over.is_none());
        let wasm = wat::parse_str(module_text(&memories)).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let snapshot = snapshot(&memories);
        for layout in [Layout::Sparse, Layout::Compact, Layout::Mappable] {
            let options = PlanOptions { layout, ..PlanOptions::default() };
            let plan = plan(&module, &snapshot, &options).unwrap();
            let output = encode(&module, &snapshot, &plan).unwrap();
            for (index, (found, memory)) in instantiated(&output, &memories).iter().zip(&memories).enumerate() {
                let differs = found.iter().zip(&memory.bytes).position(|(found, wanted)| found != wanted);
                prop_assert!(found.len() == memory.bytes.len(), "size of memory {index}, {layout:?}");
                prop_assert!(differs.is_none(), "memory {index} at {differs:?}, {layout:?}");
            }
        }
    }
}

/// So many islands of a byte in an imported memory, whose gaps must not be written.
#[test]
fn an_imported_memory_may_have_more_islands_than_there_can_be_segments() {
    let before: Vec<u8> = (0..64 * PAGE).map(|at| (at % 251) as u8).collect();
    let mut bytes = before.clone();
    bytes.iter_mut().step_by(16).for_each(|byte| *byte ^= 0x55);
    let memories = [Contents { is_64: false, bytes, handed_over: Some(before) }];
    let wasm = wat::parse_str(module_text(&memories)).unwrap();
    let (module, snapshot) = (Module::parse(&wasm).unwrap(), snapshot(&memories));
    for layout in [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse] {
        let plan = plan(&module, &snapshot, &PlanOptions { layout, ..PlanOptions::default() }).unwrap();
        assert!(plan.data.iter().any(|segment| matches!(segment, DataSegment::Sparse(_))), "{layout:?}");
        let output = encode(&module, &snapshot, &plan).unwrap();
        assert!(output.len() < 1 << 20, "{} bytes", output.len());
        assert!(instantiated(&output, &memories)[0] == memories[0].bytes, "{layout:?}");
    }
}

/// None of them has more islands than there can be segments, but all together do.
#[test]
fn several_imported_memories_may_have_many_islands() {
    let bytes = |value| (0..10 * PAGE).map(|at| if at % 16 == 0 { value } else { 0 }).collect::<Vec<u8>>();
    let memory =
        |value| Contents { is_64: false, bytes: bytes(value), handed_over: Some(vec![0; 10 * PAGE]) };
    let memories = [memory(1), memory(2), memory(3)];
    let wasm = wat::parse_str(module_text(&memories)).unwrap();
    let (module, snapshot) = (Module::parse(&wasm).unwrap(), snapshot(&memories));
    let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
    let output = encode(&module, &snapshot, &plan).unwrap();
    assert!(
        instantiated(&output, &memories).iter().zip(&memories).all(|(found, memory)| *found == memory.bytes)
    );
}

/// A table of which init has changed every `stride`-th slot: one of the module's own, where those are functions, or an
/// import full of functions, where those are null. Gives the segments of the output, and its size.
fn table(size: usize, stride: usize, is_import: bool) -> (Vec<ElementSegment>, usize) {
    let declared = match is_import {
        true => format!(r#"(import "env" "t" (table $t {size} funcref)) (export "t" (table $t))"#),
        false => format!(r#"(table $t (export "t") {size} funcref)"#),
    };
    let wasm = wat::parse_str(format!("(module {declared} (elem declare func $f) (func $f))")).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let is_changed = |slot: usize| slot.is_multiple_of(stride);
    let element = |slot| match (is_import, is_changed(slot)) {
        (true, false) => Reference::Unwritable(Unwritable::ForeignFunction),
        (false, true) => Reference::Func(0),
        _ => Reference::Null,
    };
    let import = ImportedTable { size: size as u64, changed: (0..size).map(is_changed).collect() };
    let elements = (0..size).map(element).collect();
    let state = TableState { elements, maximum: None, import: is_import.then_some(import) };
    let snapshot = Snapshot {
        tables: vec![state],
        dropped_elements: vec![true],
        element_items: vec![Vec::new()],
        ..Snapshot::default()
    };
    let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
    let output = encode(&module, &snapshot, &plan).unwrap();

    let provider = format!(
        r#"(module (table (export "t") {size} funcref) (elem declare func $g) (func $g) (start $fill)
             (func $fill (table.fill (i32.const 0) (ref.func $g) (i32.const {size}))))"#
    );
    let providers = [("env".to_string(), wat::parse_str(provider).unwrap())];
    // An interpreter: compiling so much code that runs once takes long.
    let setup = Setup { providers: if is_import { &providers } else { &[] }, ..Setup::default() };
    let state = Interpreter::start(&output, setup).unwrap().state();
    let Some(Observed::Table(slots)) = state.get("t") else { panic!("no table") };
    assert_eq!(slots.len(), size);
    for (slot, found) in slots.iter().enumerate() {
        let is_null = *found == HostValue::Null;
        assert_eq!(is_null, is_changed(slot) == is_import, "slot {slot} of {size}");
    }
    (plan.elements, output.len())
}

#[test]
fn a_table_may_have_any_number_of_islands() {
    let active = |elements: &[ElementSegment]| {
        elements.iter().filter(|segment| matches!(segment, ElementSegment::Active { .. })).count()
    };
    // Few: as they are. Many with small gaps: one. Many with large gaps: the gaps are not written.
    assert_eq!(active(&table(30_000, 3, false).0), 10_000);
    assert_eq!(active(&table(30_003, 3, false).0), 1);
    let (elements, bytes) = table(1_000_100, 100, false);
    assert_eq!(active(&elements), 10_001);
    assert!(bytes < 100_000, "{bytes} bytes");
    // An import's gaps are never written, and beyond some number the start function writes what is between them.
    assert_eq!(active(&table(100_000, 2, true).0), 50_000);
    for islands in [50_001, 120_000] {
        let (elements, bytes) = table(2 * islands, 2, true);
        assert_eq!((active(&elements), elements.len()), (0, 1), "one to copy");
        assert!(bytes < 20 * islands, "{bytes} bytes");
    }
}
