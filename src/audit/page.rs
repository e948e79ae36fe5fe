//! A report as one self-contained page of HTML.

use super::Audit;
use super::finding::Finding;
use super::map::MemoryMap;
use super::weight::Weight;
use crate::host::{Class, Descriptors, Entry, Ledger, Outcome};
use crate::report::Report;
use serde::Serialize;

const TEMPLATE: &str = include_str!("page.html");

/// Host calls that are listed; in most runs all.
const LISTED: usize = 2000;

/// Functions in progress that are told of each host call.
const FRAMES: usize = 5;

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    program: String,
    is_audit: bool,
    sizes: Vec<(String, String)>,
    timings: Vec<(&'a str, f64)>,
    findings: &'a [Finding],
    warnings: &'a [String],
    not_covered: &'a [String],
    varied: Vec<String>,
    weight: &'a [Weight],
    maps: &'a [MemoryMap],
    calls: Vec<Event>,
    calls_left_out: usize,
}

#[derive(Serialize)]
struct Event {
    class: &'static str,
    import: String,
    call: String,
    result: String,
    read: usize,
    written: usize,
    backtrace: Vec<String>,
}

/// The page of a run that made a snapshot of `input`.
pub fn run_page(input: &str, report: &Report, maps: &[MemoryMap], ledger: &Ledger) -> String {
    let t = &report.timings;
    let bytes = super::text::bytes;
    let mut sizes = vec![
        ("input".to_string(), bytes(report.input_bytes)),
        ("output".to_string(), bytes(report.output_bytes)),
        ("data segments".to_string(), report.data_segments.to_string()),
        ("element segments".to_string(), report.element_segments.to_string()),
        ("globals changed".to_string(), report.globals_changed.to_string()),
    ];
    for memory in &report.memories {
        let size = |pages: u64| bytes(pages.saturating_mul(memory.page_size));
        sizes.push((
            format!("memory {}", memory.index),
            format!(
                "{} before, {} after, {} written",
                size(memory.pages_before),
                size(memory.pages_after),
                bytes(memory.written_bytes)
            ),
        ));
    }
    let (calls, calls_left_out) = events(ledger);
    render(&Page {
        title: input,
        program: program(),
        is_audit: false,
        sizes,
        timings: vec![
            ("parse", t.parse),
            ("compile", t.compile),
            ("init", t.init),
            ("capture", t.capture),
            ("plan", t.plan),
            ("encode", t.encode),
        ],
        findings: &report.findings,
        warnings: &report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        not_covered: &[],
        varied: Vec::new(),
        weight: &[],
        maps,
        calls,
        calls_left_out,
    })
}

/// The page of a run on `input` that made no snapshot.
pub fn refusal_page(input: &str, error: &str, ledger: &Ledger) -> String {
    let (calls, calls_left_out) = events(ledger);
    render(&Page {
        title: input,
        program: program(),
        is_audit: false,
        sizes: Vec::new(),
        timings: Vec::new(),
        findings: &[],
        warnings: &[format!("there is no snapshot: {error}")],
        not_covered: &[],
        varied: Vec::new(),
        weight: &[],
        maps: &[],
        calls,
        calls_left_out,
    })
}

/// The page of an audit of `input`.
pub(super) fn audit_page(input: &str, audit: &Audit) -> String {
    let bytes = super::text::bytes;
    let sizes = audit.weight.iter().flat_map(|weight| {
        let name = |what| format!("memory {}: {what}", weight.memory);
        [
            (name("size"), bytes(weight.size)),
            (name("not zero"), bytes(weight.nonzero)),
            (name("not as in the input"), bytes(weight.changed)),
            (name("written by the output"), bytes(weight.written)),
            (name("pages of 4 KiB in use"), weight.pages.to_string()),
            (name("on the free stack"), bytes(weight.free_stack)),
        ]
    });
    let t = &audit.timings;
    let (calls, calls_left_out) = events(&audit.ledger);
    render(&Page {
        title: input,
        program: program(),
        is_audit: true,
        sizes: sizes.chain([("runs of init".to_string(), audit.runs.to_string())]).collect(),
        timings: vec![
            ("parse", t.parse),
            ("compile", t.compile),
            ("init", t.init),
            ("capture", t.capture),
            ("other runs", t.reruns),
            ("search", t.search),
        ],
        findings: &audit.findings,
        warnings: &[],
        not_covered: &audit.not_covered,
        varied: super::map::legend(&audit.varied),
        weight: &audit.weight,
        maps: &audit.maps,
        calls,
        calls_left_out,
    })
}

fn program() -> String {
    concat!("preinit ", env!("CARGO_PKG_VERSION")).to_string()
}

fn events(ledger: &Ledger) -> (Vec<Event>, usize) {
    let mut descriptors = Descriptors::new(ledger.preopens());
    let mut events = Vec::new();
    for entry in ledger.entries().take(LISTED) {
        events.push(Event::of(&descriptors, entry));
        descriptors.apply(entry);
    }
    (events, ledger.len().saturating_sub(LISTED))
}

impl Event {
    fn of(descriptors: &Descriptors, entry: &Entry) -> Event {
        let length = |regions: &[crate::host::Region]| regions.iter().map(|region| region.bytes.len()).sum();
        let result = match &entry.outcome {
            Outcome::Results(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Outcome::Exit(code) => format!("exit {code}"),
            Outcome::ImportCalled => "nothing provides it".to_string(),
            Outcome::Denied(_) => "denied".to_string(),
            Outcome::Trap(text) => text.clone(),
        };
        // Arguments only: what was read may be long, or secret.
        let args: Vec<String> = entry.call.args.iter().map(ToString::to_string).collect();
        Event {
            class: Class::of(&entry.call, descriptors).name(),
            import: entry.call.import.to_string(),
            call: format!("{}({})", entry.call.import.name, args.join(", ")),
            result,
            read: length(&entry.call.reads),
            written: length(&entry.writes),
            backtrace: entry
                .call
                .backtrace
                .iter()
                .flatten()
                .take(FRAMES)
                .map(|name| super::text::name(name).into_owned())
                .collect(),
        }
    }
}

fn render(page: &Page<'_>) -> String {
    // Only floats that are no numbers and maps with other keys than text cannot be written; there are none.
    let json = serde_json::to_string(page).unwrap_or_default();
    // Inside a script element, only its end tag and comments mean something.
    let json = json.replace('<', "\\u003c");
    TEMPLATE.replacen("{{data}}", &json, 1)
}
