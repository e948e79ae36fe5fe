//! What was done, in a few lines.

use std::fmt::Display;

use preinit::Report;

use super::value::bytes::Bytes;
use super::value::duration::Seconds;

/// Memories, or tables, that get a line of their own.
const LISTED: usize = 4;

/// The summary of a run whose snapshot was written to `output`.
pub fn text(report: &Report, output: &str, verbose: bool) -> String {
    let mut lines = Lines::default();
    lines.add("snapshot", format_args!("{output}"));
    lines.add("size", format_args!("{} -> {}", Bytes(report.input_bytes), Bytes(report.output_bytes)));
    memories(&mut lines, report);
    lines.add("globals", format_args!("{} changed", report.globals_changed));
    tables(&mut lines, report);
    heap(&mut lines, report, verbose);
    if verbose {
        lines.add(
            "segments",
            format_args!("{} data, {} element", report.data_segments, report.element_segments),
        );
        for call in &report.host_calls {
            lines.add("host call", format_args!("{} x {}", call.count, call.import));
        }
        lines.add("compiler", report.compiler);
        stages(&mut lines, report);
    }
    let functions = report.init_functions.join("`, `");
    lines.add("init", format_args!("{} in `{functions}`", Seconds(report.timings.init)));
    lines.add("total", Seconds(report.timings.total));
    lines.text
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, name: &str, what: impl Display) {
        self.text.push_str(&format!("{name:<10}{what}\n"));
    }
}

fn memories(lines: &mut Lines, report: &Report) {
    for memory in report.memories.iter().take(LISTED) {
        let size = |pages: u64| Bytes(pages.saturating_mul(memory.page_size));
        lines.add(
            "memory",
            format_args!(
                "{}{}, {} in {}",
                label(memory.index, memory.name.as_deref(), report.memories.len()),
                change(memory.pages_before, memory.pages_after, size),
                Bytes(memory.written_bytes),
                count(memory.segments, "segment"),
            ),
        );
    }
    more(lines, "memory", report.memories.len());
}

fn tables(lines: &mut Lines, report: &Report) {
    for table in report.tables.iter().take(LISTED) {
        lines.add(
            "table",
            format_args!(
                "{}{} elements, {} written",
                label(table.index, table.name.as_deref(), report.tables.len()),
                change(table.size_before, table.size_after, |size| size),
                table.elements_written,
            ),
        );
    }
    more(lines, "table", report.tables.len());
}

fn heap(lines: &mut Lines, report: &Report, verbose: bool) {
    let heap = &report.heap;
    if heap.objects == 0 {
        return;
    }
    lines.add(
        "heap",
        format_args!(
            "{} of {}, {}, from {}",
            count(heap.objects as usize, "object"),
            count(heap.types.len(), "type"),
            Bytes(heap.bytes),
            Bytes(heap.data_bytes),
        ),
    );
    let listed = if verbose { LISTED } else { 0 };
    for ty in heap.types.iter().take(listed) {
        let name = ty.name.as_deref().map_or(ty.index.to_string(), |name| format!("${name}"));
        let objects = count(ty.objects as usize, "object");
        lines.add("", format_args!("{} {name}: {objects}, {}", ty.kind, Bytes(ty.bytes)));
    }
}

fn stages(lines: &mut Lines, report: &Report) {
    let t = &report.timings;
    let stages = [
        ("parse", t.parse),
        ("compile", t.compile),
        ("init", t.init),
        ("capture", t.capture),
        ("plan", t.plan),
        ("encode", t.encode),
    ];
    lines.add("stages", stages.map(|(name, time)| format!("{name} {}", Seconds(time))).join(", "));
}

fn label(index: u32, name: Option<&str>, of: usize) -> String {
    match name {
        Some(name) => format!("{name}: "),
        None if of > 1 => format!("{index}: "),
        None => String::new(),
    }
}

fn change<T: Display>(before: u64, after: u64, show: impl Fn(u64) -> T) -> String {
    if before == after { show(after).to_string() } else { format!("{} -> {}", show(before), show(after)) }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn more(lines: &mut Lines, name: &str, of: usize) {
    if of > LISTED {
        lines.add(name, format_args!("and {} more", of - LISTED));
    }
}
