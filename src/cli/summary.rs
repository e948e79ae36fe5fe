//! What was done, in a few lines.

use std::collections::HashSet;
use std::fmt::Display;

use preinit::Report;
use preinit::report::{LayoutReport, ScrubReport};
use preinit::stages::execute::AllocatedArgument;
use preinit::stages::printable::{Printable, listed};
use preinit::stages::strip::StripReport;
use preinit::stages::wasi_version::WasiVersion;
use preinit::stages::{Bytes, counted};

use super::parse::point_in_time::Date;
use super::parse::time_span::Seconds;

/// Memories, or tables, that get a line of their own.
const LISTED: usize = 4;

/// The summary's first line: where the snapshot was written.
pub fn headline(output: &str) -> String {
    let mut lines = Lines::default();
    lines.add("snapshot", output);
    lines.text
}

/// The rest of the summary of a run.
pub fn details(report: &Report, verbose: bool) -> String {
    let mut lines = Lines::default();
    lines.add("size", format_args!("{} -> {}", Bytes(report.input_bytes), Bytes(report.output_bytes)));
    memories(&mut lines, report);
    layout(&mut lines, &report.layout);
    stripped_and_embedded(&mut lines, report);
    lines.add("globals", format_args!("{} changed", report.globals_changed));
    tables(&mut lines, report);
    heap(&mut lines, report, verbose);
    if verbose {
        lines.add(
            "segments",
            format_args!("{} data, {} element", report.data_segments, report.element_segments),
        );
        for call in &report.host_calls {
            lines.add("host call", format_args!("{} x {}", call.count, Printable(&call.import)));
        }
        let origin = if report.compile_cached { ", from the cache" } else { "" };
        lines.add("compiler", format_args!("{}{origin} ({})", report.compiler, report.compiler_choice));
        stages(&mut lines, report);
    }
    if let Some(frozen) = &report.frozen {
        lines.add(
            "frozen",
            format_args!("at {}, resumes in `{}`", Printable(&frozen.call), Printable(&frozen.entry)),
        );
        lines.add(
            "stack",
            format_args!(
                "{}, {} of code",
                counted(frozen.frames as u64, "frame"),
                Bytes(frozen.code_bytes as u64)
            ),
        );
        if !frozen.preopens.is_empty() {
            lines.add(
                "needs",
                format_args!("these directories, in this order: {}", names(&frozen.preopens, usize::MAX)),
            );
        }
        if verbose {
            lines.add("reading", format_args!("{} by {}", Seconds(frozen.reading), frozen.reader));
        }
    }
    stubs_files_and_clock(&mut lines, report);
    let seen = seen(report);
    if !seen.is_empty() {
        let seen = seen.join(", ");
        match report.frozen {
            // An audit runs init to its end, and such a program has none that it could know.
            Some(_) => lines.add("audit", format_args!("the program saw {seen}")),
            None => lines
                .add("audit", format_args!("init saw {seen}; `preinit audit` shows what of it is frozen")),
        }
    }
    if let Some(start) = report.clock_start {
        let date = Date(start / 1_000_000_000);
        lines.add("date", format_args!("init saw {date} (--clock now and SOURCE_DATE_EPOCH change it)"));
    }
    for finding in report.findings.iter().take(LISTED) {
        lines.add(&finding.level.to_string(), &finding.title);
    }
    more(&mut lines, "audit", report.findings.len());
    for argument in &report.init_arguments {
        let AllocatedArgument { function, what, address, allocator, .. } = argument;
        let (function, allocator) = (Printable(function), Printable(allocator));
        lines.add(
            "argument",
            format_args!("`{function}` got a {what} at {address:#x}, allocated by `{allocator}`"),
        );
    }
    let functions = names(&report.init_functions, usize::MAX);
    lines.add("init", format_args!("{} in {functions}", Seconds(report.timings.init)));
    lines.add("total", Seconds(report.timings.total));
    lines.text
}

/// What went out of the module, and what went into it.
fn stripped_and_embedded(lines: &mut Lines, report: &Report) {
    if let Some(scrubbed) = &report.scrubbed {
        lines.add("scrubbed", scrubbed_in_words(scrubbed));
    }
    if let Some(stripped) = &report.stripped {
        let StripReport { functions, functions_before, code_bytes, .. } = stripped;
        let bytes = Bytes(*code_bytes);
        lines.add("stripped", format_args!("{functions} of {functions_before} functions, {bytes} of code"));
    }
    if !report.embedded.is_empty() {
        let bytes = Bytes(report.embedded.iter().map(|file| file.bytes).sum());
        let count = counted(report.embedded.len() as u64, "file");
        lines.add("embedded", format_args!("{count} of {bytes}; `preinit list` shows them"));
    }
}

/// What stubs have answered, what init has done to files, and where its clock goes on.
fn stubs_files_and_clock(lines: &mut Lines, report: &Report) {
    for stub in report.stubs.iter().take(LISTED) {
        lines.add("stub", stub);
    }
    more(lines, "stub", report.stubs.len());
    if let Some(clock) = report.monotonic_clock {
        let clock = Seconds(clock as f64 / 1e9);
        lines.add("clock", format_args!("an instance's monotonic clock goes on from {clock}"));
    }
    let lost = &report.files_lost;
    let is_lost: HashSet<&String> = lost.iter().collect();
    let written: Vec<&String> = report.files_written.iter().filter(|path| !is_lost.contains(path)).collect();
    if !written.is_empty() {
        let shown = listed(written.iter().map(|path| Printable(path)), LISTED);
        lines.add("changed", format_args!("{} by init: {shown}", counted(written.len() as u64, "file")));
    }
    if !lost.is_empty() {
        let shown = listed(lost.iter().map(|path| Printable(path)), LISTED);
        let count = counted(lost.len() as u64, "file");
        lines.add("lost", format_args!("{count} that init changed in memory only: {shown}"));
    }
}

/// What init asked for that is not the same everywhere.
fn seen(report: &Report) -> Vec<String> {
    let sources = [
        ("random_get", "random numbers"),
        ("clock_time_get", "the time"),
        ("environ_get", "environment variables"),
        ("args_get", "arguments"),
        ("path_open", "files"),
    ];
    let called = |name: &str| {
        let is = |import: &str| {
            import.split_once('.').is_some_and(|(module, function)| {
                WasiVersion::of_module(module).is_some() && function == name
            })
        };
        report.host_calls.iter().any(|call| is(&call.import))
    };
    let mut seen: Vec<String> = sources
        .into_iter()
        .filter(|(function, _)| called(function))
        .map(|(_, what)| what.to_string())
        .collect();
    if let Some(bytes) = report.stdin_bytes {
        seen.push(format!("{} of standard input", Bytes(bytes)));
    }
    seen
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, name: &str, what: impl Display) {
        // A line break in a name must not begin a line.
        let what = what.to_string().replace('\n', "\\n");
        self.text.push_str(&format!("{name:<10}{what}\n"));
    }
}

fn memories(lines: &mut Lines, report: &Report) {
    if !report.core_instances.is_empty() {
        return core_instances(lines, report);
    }
    for memory in report.memories.iter().take(LISTED) {
        let size = |pages: u64| Bytes(pages.saturating_mul(memory.page_size));
        lines.add(
            "memory",
            format_args!(
                "{}{}, {} in {}",
                label(memory.index, memory.name.as_deref(), report.memories.len()),
                change(memory.pages_before, memory.pages_after, size),
                Bytes(memory.written_bytes),
                counted(memory.segments as u64, "segment"),
            ),
        );
    }
    more(lines, "memory", report.memories.len());
}

/// Those of a component.
fn core_instances(lines: &mut Lines, report: &Report) {
    for core in report.core_instances.iter().take(LISTED) {
        let (before, after) = (Bytes(core.input_bytes), Bytes(core.output_bytes));
        match core.is_changed {
            true => lines.add("core", format_args!("{}: {before} -> {after}", core.name)),
            false => lines.add("core", format_args!("{}: {before}, as it was", core.name)),
        }
    }
    more(lines, "core", report.core_instances.len());
    if let Some(handles) = report.handles.filter(|handles| handles.alive > 0) {
        lines.add("handles", handles);
    }
}

/// Says something where there is a choice: what the other layout would give.
fn layout(lines: &mut Lines, layout: &LayoutReport) {
    if let Some(records) = layout.records {
        let records = counted(records, "record");
        lines.add("layout", format_args!("sparse, so a start function copies {records} at every start"));
        return;
    }
    let (Some(padding), Some(copied)) = (layout.padding_bytes, layout.copied_bytes) else { return };
    let start = match copied {
        0 => String::new(),
        copied => format!(" and a start function that copies {}", Bytes(copied)),
    };
    let (zeros, data) = (Bytes(padding), Bytes(layout.data_bytes));
    if layout.mapped {
        lines.add(
            "layout",
            format_args!("mappable, with {zeros} of zeros{start}; Wasmtime maps it and copies nothing else. compact would leave them out"),
        );
        return;
    }
    lines.add("layout", format_args!("compact, so every start copies {data}"));
    lines.add(
        "",
        format_args!("--layout mappable: {zeros} of zeros more{start}, and Wasmtime maps the memory"),
    );
    let flag = layout.span_bytes + 1;
    lines.add("", format_args!("wasmtime -O memory-guaranteed-dense-image-size={flag} maps it as it is"));
}

fn tables(lines: &mut Lines, report: &Report) {
    // What core instances have is theirs.
    if !report.core_instances.is_empty() {
        return;
    }
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
            counted(heap.objects, "object"),
            counted(heap.types.len() as u64, "type"),
            Bytes(heap.bytes),
            Bytes(heap.data_bytes),
        ),
    );
    let listed = if verbose { LISTED } else { 0 };
    for ty in heap.types.iter().take(listed) {
        let name = ty.name.as_deref().map_or(ty.index.to_string(), |name| format!("${}", Printable(name)));
        let objects = counted(ty.objects, "object");
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

fn scrubbed_in_words(scrubbed: &ScrubReport) -> String {
    let allocator = Printable(&scrubbed.allocator);
    if scrubbed.free == 0 {
        return format!("nothing to gain: `{allocator}` has given nothing away");
    }
    if scrubbed.zeroed == 0 {
        return format!("nothing to gain: zeroing what `{allocator}` has free makes nothing smaller");
    }
    let sizes = |before, after| format!("{} -> {}", Bytes(before), Bytes(after));
    let mut text = format!(
        "{} that `{allocator}` has free; not zero: {}",
        Bytes(scrubbed.zeroed),
        sizes(scrubbed.bytes_before, scrubbed.bytes_after)
    );
    if let (Some(before), Some(after)) = (scrubbed.deflated_before, scrubbed.deflated_after) {
        text += &format!(", deflated: {}", sizes(before, after));
    }
    let lost = Bytes(scrubbed.lost);
    text + &format!("; {} changed outside of it, {lost} lost to it", counted(scrubbed.changed_words, "word"))
}

fn label(index: u32, name: Option<&str>, of: usize) -> String {
    match name {
        Some(name) => format!("{}: ", Printable(name)),
        None if of > 1 => format!("{index}: "),
        None => String::new(),
    }
}

fn names(names: &[String], shown: usize) -> String {
    listed(names.iter().map(|name| Printable(name)), shown)
}

fn change<T: Display>(before: u64, after: u64, show: impl Fn(u64) -> T) -> String {
    if before == after { show(after).to_string() } else { format!("{} -> {}", show(before), show(after)) }
}

fn more(lines: &mut Lines, name: &str, of: usize) {
    if of > LISTED {
        lines.add(name, format_args!("and {} more", of - LISTED));
    }
}
