//! Plans for states that are too large to run in a test.

use preinit::module::Module;
use preinit::plan::{DataSegment, PlanOptions, Warning, plan};
use preinit::segments::GOOD_DATA_SEGMENTS;
use preinit::snapshot::{Chunk, Image, MemoryState, Snapshot};
use std::borrow::Cow;

fn memory(size: u64, chunks: Vec<Chunk<'static>>) -> Snapshot<'static> {
    let memory = MemoryState { size, maximum: None, image: Image::new(chunks), import: None };
    Snapshot { memories: vec![memory], ..Snapshot::default() }
}

/// Offsets of a 32-bit memory are unsigned in signed LEBs.
#[test]
fn data_above_two_gibibytes_is_warned_of() {
    let wasm = wat::parse_str("(module (memory 0))").unwrap();
    let module = Module::parse(&wasm).unwrap();
    let chunk = |offset| vec![Chunk { offset, bytes: Cow::Borrowed(&b"high"[..]) }];
    let plan_of = |offset| {
        let snapshot = memory(1 << 32, chunk(offset));
        let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
        let wasm = preinit::encode::encode(&module, &snapshot, &plan).unwrap();
        (plan.warnings, wasmprinter::print_bytes(wasm).unwrap())
    };
    let (warnings, text) = plan_of((1 << 31) - 4);
    assert_eq!(warnings, []);
    assert!(text.contains("(data (;0;) (i32.const 2147483644) \"high\")"), "{text}");
    let (warnings, text) = plan_of((1 << 32) - 4);
    assert_eq!(warnings, [Warning::HighData { memory: 0 }]);
    assert!(text.contains("(data (;0;) (i32.const -4) \"high\")"), "{text}");
    assert!(text.contains("(memory (;0;) 65536)"), "{text}");
}

/// Web engines refuse more: the cheapest gaps are filled with zeros.
#[test]
fn never_more_segments_than_engines_take() {
    let wasm = wat::parse_str("(module (memory 0))").unwrap();
    let module = Module::parse(&wasm).unwrap();
    let islands = GOOD_DATA_SEGMENTS as u64 + 500;
    let chunk = |k: u64| Chunk { offset: k * 100 + k % 7, bytes: Cow::Borrowed(&b"x"[..]) };
    let snapshot = memory(1 << 32, (0..islands).map(chunk).collect());
    let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
    assert_eq!(plan.data.len(), GOOD_DATA_SEGMENTS);
    let is_in = |segment: &DataSegment, address: u64| match segment {
        DataSegment::Active { range, .. } => range.contains(&address),
        _ => false,
    };
    let mut segments = plan.data.iter();
    let mut segment = segments.next().unwrap();
    for k in 0..islands {
        let address = chunk(k).offset;
        if !is_in(segment, address) {
            segment = segments.next().unwrap();
        }
        assert!(is_in(segment, address), "the byte at {address} is lost");
    }
}
