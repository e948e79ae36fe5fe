//! Plans for states that are too large to run in a test.

use preinit::stages::layout::{Arrangement, Layout, is_mapped, mappable, padded, span};
use preinit::stages::module::Module;
use preinit::stages::plan::{DataSegment, PlanOptions, Warning, plan};
use preinit::stages::segments::GOOD_DATA_SEGMENTS;
use preinit::stages::snapshot::{Chunk, Image, MemoryState, Reference, Snapshot, TableState};
use proptest::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

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
        let wasm = preinit::stages::encode::encode(&module, &snapshot, &plan).unwrap();
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

#[test]
fn element_segments_are_no_longer_than_engines_take() {
    let wasm = wat::parse_str("(module (table 10000001 funcref) (elem declare func $f) (func $f))").unwrap();
    let module = Module::parse(&wasm).unwrap();
    let elements = vec![Reference::Func(0); 10_000_001];
    let table = TableState { elements, maximum: None, import: None };
    let snapshot = Snapshot { tables: vec![table], ..Snapshot::default() };
    let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
    let wasm = preinit::stages::encode::encode(&module, &snapshot, &plan).unwrap();
    let output = Module::parse(&wasm).unwrap();
    let lengths: Vec<u32> = output.elements.iter().map(|element| element.len()).collect();
    assert_eq!(lengths, [10_000_000, 1]);
}

/// Wizer's outputs have thousands of segments; one of a tool that came later names a segment behind them all.
#[test]
fn places_that_indices_hold_are_used() {
    let held = GOOD_DATA_SEGMENTS + 5;
    let wat = format!(
        "(module (memory 0) {} (data \"last\") (func (data.drop {held})))",
        "(data (i32.const 0) \"\")".repeat(held)
    );
    let wasm = wat::parse_str(wat).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let chunk = |k: u64| Chunk { offset: k << 20, bytes: Cow::Borrowed(&b"x"[..]) };
    let snapshot = Snapshot {
        dropped_data: [vec![true; held], vec![false]].concat(),
        ..memory(1 << 32, (0..3000).map(chunk).collect())
    };
    let plan = plan(&module, &snapshot, &PlanOptions::default()).unwrap();
    assert_eq!(plan.data.len(), held + 1);
    assert_eq!(plan.data[held], DataSegment::Original(held as u32));
    let written = |segment: &DataSegment| match segment {
        DataSegment::Active { range, .. } => range.end - range.start,
        _ => 0,
    };
    assert_eq!(plan.data.iter().map(written).sum::<u64>(), 3000);
}

const MIB: u64 = 1 << 20;

fn bytes(segments: &[Range<u64>]) -> u64 {
    segments.iter().map(|segment| segment.end - segment.start).sum()
}

/// Small stretches and large ones, with gaps and holes around the sizes that decide something.
fn thin_data() -> impl Strategy<Value = Vec<Range<u64>>> {
    let length = prop_oneof![1u64..100, 60_000u64..70_000, MIB..3 * MIB];
    let gap = prop_oneof![1u64..100, 4_000u64..5_000, MIB - 5..MIB + 5, 10 * MIB..40 * MIB];
    prop::collection::vec((gap, length), 0..9).prop_map(|steps| {
        let mut at = 0;
        let run = |(gap, length)| {
            let start = at + gap;
            at = start + length;
            start..at
        };
        steps.into_iter().map(run).collect()
    })
}

fn hold(arrangement: &Arrangement, segments: &[Range<u64>]) -> Result<(), TestCaseError> {
    for ranges in [&arrangement.active, &arrangement.copied] {
        prop_assert!(ranges.iter().all(|range| range.start < range.end));
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
    for segment in segments {
        let mut held = arrangement.active.iter().chain(&arrangement.copied);
        prop_assert!(held.any(|range| range.start <= segment.start && segment.end <= range.end));
    }
    prop_assert_eq!(
        bytes(&arrangement.active) + bytes(&arrangement.copied),
        bytes(segments) + arrangement.padding
    );
    prop_assert!(is_mapped(&arrangement.active));
    Ok(())
}

proptest! {
    /// As much as is needed, and not a byte more.
    #[test]
    fn padding_is_the_least_that_maps(segments in thin_data()) {
        let arrangement = padded(&segments);
        hold(&arrangement, &segments)?;
        prop_assert!(arrangement.copied.is_empty());
        if arrangement.padding > 0 {
            prop_assert!(2 * (bytes(&segments) + arrangement.padding - 1) <= span(&segments));
        }
    }

    /// No choice of what is copied is better by the stated costs.
    #[test]
    fn mappable_is_optimal(segments in thin_data()) {
        let arrangement = mappable(&segments);
        hold(&arrangement, &segments)?;
        let cost = |padding: u64, copied: u64| match copied {
            0 => padding,
            copied => padding + MIB + 16 * copied,
        };
        let is_cut = |k: usize| k == 0 || k == segments.len() || segments[k].start - segments[k - 1].end >= MIB;
        let cuts: Vec<usize> = (0..=segments.len()).filter(|&k| is_cut(k)).collect();
        let all = cuts.iter().flat_map(|&start| cuts.iter().map(move |&end| start..end));
        let best = all.filter(|part| !part.is_empty()).map(|part| {
            let (inside, all) = (bytes(&segments[part.clone()]), bytes(&segments));
            let span = segments[part.end - 1].end - segments[part.start].start;
            let padding = if span < 16 * MIB { 0 } else { (span / 2 + 1).saturating_sub(inside) };
            cost(padding, all - inside)
        });
        let found = cost(arrangement.padding, arrangement.copied_bytes());
        prop_assert_eq!(found, best.min().unwrap_or(0));
    }
}

/// A module whose init writes a byte at each of these addresses.
fn writer(addresses: impl Iterator<Item = u64>, pages: u64) -> Vec<u8> {
    let stores: String =
        addresses.map(|address| format!("(i32.store8 (i32.const {address}) (i32.const 7))")).collect();
    wat::parse_str(format!(
        r#"(module (memory (export "memory") {pages})
            (func (export "preinit") {stores})
            (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
    ))
    .unwrap()
}

fn run(wasm: &[u8], layout: Layout) -> preinit::Output {
    preinit::Preinit::new().layout(layout).run(wasm).unwrap()
}

fn verified(original: &[u8], snapshot: &[u8]) {
    let options = preinit::verify::VerifyOptions::default();
    let mut verifier = preinit::verify::Verifier::new(original, &options).unwrap();
    let verdict = verifier.verify(snapshot).unwrap();
    assert_eq!(verdict.outcome, preinit::verify::Outcome::Equal, "{verdict}");
}

/// Wasmtime itself decides whether a memory is mapped: then its compiled module holds the image, holes included.
fn wasmtime_maps(wasm: &[u8], span: u64) -> bool {
    let engine = wasmtime::Engine::default();
    wasmtime::Module::new(&engine, wasm).unwrap().serialize().unwrap().len() as u64 >= span
}

#[test]
fn wasmtime_maps_what_the_mappable_layout_writes() {
    let addresses = (0..=18 * MIB).step_by(3 << 16);
    let wasm = writer(addresses, 20 * 16);
    let compact = run(&wasm, Layout::Auto);
    assert_eq!((compact.report.layout.chosen, compact.report.layout.mapped), (Layout::Compact, false));
    let span = compact.report.layout.span_bytes;
    assert!(!wasmtime_maps(&compact.wasm, span));

    let mappable = run(&wasm, Layout::Mappable);
    let layout = &mappable.report.layout;
    assert_eq!((layout.chosen, layout.mapped, layout.copied_bytes), (Layout::Mappable, true, Some(0)));
    assert_eq!(layout.padding_bytes, compact.report.layout.padding_bytes);
    let data = layout.data_bytes + layout.padding_bytes.unwrap();
    assert_eq!(data, span / 2 + 1, "not a byte more than Wasmtime asks for");
    assert_eq!(mappable.report.memories[0].written_bytes, data);
    assert!(wasmtime_maps(&mappable.wasm, span));
    verified(&wasm, &mappable.wasm);
}

/// Two islands far apart: filling what lies between would take half of it.
#[test]
fn an_island_is_copied_by_a_start_function() {
    let wasm = writer([5, 400 * MIB].into_iter(), 500 * 16);
    let mappable = run(&wasm, Layout::Mappable);
    let layout = &mappable.report.layout;
    assert_eq!((layout.mapped, layout.padding_bytes, layout.copied_bytes), (true, Some(0), Some(1)));
    assert!(mappable.report.start_function && mappable.wasm.len() < wasm.len() + 200);
    verified(&wasm, &mappable.wasm);
}

#[test]
fn a_little_padding_is_taken_unasked() {
    // 19 of 40 KiB are in use, so a twentieth of the data is missing.
    let dense = |address: &u64| address % 40 < 19;
    let init: String = (0..18 * MIB / 1024)
        .filter(dense)
        .map(|k| format!("(memory.fill (i32.const {}) (i32.const 1) (i32.const 1024))", k * 1024))
        .collect();
    let wasm = wat::parse_str(format!(
        r#"(module (memory (export "memory") 320) (func (export "preinit") {init}))"#
    ));
    let wasm = wasm.unwrap();
    let auto = run(&wasm, Layout::Auto).report.layout;
    assert_eq!((auto.chosen, auto.mapped), (Layout::Mappable, true));
    let padding = auto.padding_bytes.unwrap();
    assert!(padding > 0 && padding * 8 <= auto.data_bytes, "{auto:?}");
    assert_eq!(run(&wasm, Layout::Compact).report.layout.chosen, Layout::Compact);
}
