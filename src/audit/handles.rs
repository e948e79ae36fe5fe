//! What belongs to the host of the build and will be stale in an instance.

use super::finding::{Finding, Level, Place};
use super::libc::{Asked, Cached};
use super::scene::{Scene, site};
use super::stdio::streams;
use crate::host::{DescriptorKind, Descriptors, Entry, WasiOptions};

pub(super) fn findings(scene: &Scene<'_>, wasi: &WasiOptions, asked: Option<&Asked>) -> Vec<Finding> {
    let mut findings = descriptors(scene);
    findings.extend(stdio(scene));
    if let Some(asked) = asked {
        let holder = if asked.is_go { Holder::Go } else { Holder::Libc };
        findings.extend(preopens(scene, holder, asked.preopens));
        findings.extend(environment(scene, holder, wasi, asked.environment));
        findings.extend(arguments(scene, holder, wasi));
        findings.extend(buffering(scene));
    }
    findings
}

/// Files and directories that are still open, and standard streams that are not.
fn descriptors(scene: &Scene<'_>) -> Vec<Finding> {
    let open = scene.ledger.descriptors();
    let mut findings = Vec::new();
    for (fd, descriptor) in open.iter() {
        let (key, what) = match descriptor.kind {
            DescriptorKind::File => ("handle.file", "file"),
            DescriptorKind::Directory => ("handle.directory", "directory"),
            _ => continue,
        };
        let title = format!(
            "the {what} `{}` is still open as descriptor {fd}, which no instance has",
            descriptor.path
        );
        let mut opening = scene
            .ledger
            .entries()
            .enumerate()
            .filter(|(_, entry)| entry.call.wasi() == Some("path_open") && entry.opened() == Some(fd));
        let sites = opening.next_back().map(|(call, entry)| site(call, entry)).into_iter().collect();
        let finding = Finding::new(Level::Danger, key, title).at(holders(scene, fd)).by(sites);
        findings.push(finding.advise("close it before init ends, and open it again at run time"));
    }
    for (fd, name) in [(0, "input"), (1, "output"), (2, "error")] {
        if open.get(fd).is_none() {
            let title = format!(
                "init closed descriptor {fd}; libc takes standard {name} for closed, in an instance it is open"
            );
            findings.push(Finding::new(Level::Note, "handle.stdio", title).by(scene.calls_of(&["fd_close"])));
        }
    }
    findings
}

/// Where the program keeps a descriptor: streams of stdio, and variables with this value whose name speaks of files.
fn holders(scene: &Scene<'_>, fd: u32) -> Vec<Place> {
    let Some(contents) = scene.contents.first() else { return Vec::new() };
    let mut places = Vec::new();
    for variable in scene.symbols.variables().iter().filter(|variable| variable.size == 4) {
        let value = contents.word(variable.address);
        let stream = value > 1024 && super::stdio::descriptor_at(contents, u64::from(value)) == Some(fd);
        if stream || value == fd && is_descriptor_name(&variable.name) {
            let mut place = scene.place(0, variable.address, 4);
            place.what = if stream { "a stream with this descriptor" } else { "its value" }.to_string();
            places.push(place);
        }
    }
    places.sort_by_key(|place| {
        place.address.and_then(|at| scene.symbols.variable(at)).is_some_and(|v| v.library)
    });
    places
}

fn is_descriptor_name(name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name).to_ascii_lowercase();
    ["fd", "file", "descriptor", "handle"].iter().any(|word| name.contains(word))
}

/// What was printed and not written.
fn stdio(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let functions = scene.snapshot.tables.first().map_or(0, |table| table.elements.len() as u64);
    for (memory, contents) in (0u32..).zip(&scene.contents) {
        for stream in streams(contents, functions).into_iter().filter(|stream| !stream.pending.is_empty()) {
            let name = match stream.fd {
                1 => "standard output".to_string(),
                2 => "standard error".to_string(),
                fd => format!("descriptor {fd}"),
            };
            let shown = &stream.pending[..stream.pending.len().min(40)];
            let more = if shown.len() < stream.pending.len() { "…" } else { "" };
            let title = format!(
                "{} that init printed to {name} are not written yet, and every instance will print them: \"{}\"{more}",
                super::text::bytes(stream.pending.len() as u64),
                shown.escape_ascii()
            );
            let mut place = scene.place(memory, stream.address, 68);
            place.what = "the stream".to_string();
            let finding = Finding::new(Level::Warning, "handle.unflushed", title).at(vec![place]);
            findings.push(finding.advise("call fflush(NULL) before init ends"));
        }
    }
    findings
}

/// Who keeps what the host has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Libc,
    Go,
}

impl Holder {
    fn name(self) -> &'static str {
        match self {
            Holder::Libc => "libc",
            Holder::Go => "Go's runtime",
        }
    }

    /// What to do, if this function of wasi-libc makes it forget.
    fn advice(self, reset: &str) -> String {
        match self {
            Holder::Libc => format!("call {reset} before init ends, or let preinit do so by --reset-libc"),
            Holder::Go => "it never looks again: pass what an instance must know through calls".to_string(),
        }
    }
}

fn preopens(scene: &Scene<'_>, holder: Holder, cached: Cached) -> Option<Finding> {
    let asked = scene.ledger.wasi_calls("fd_prestat_get").next().is_some();
    let uses_paths = scene.module.imports.iter().any(|import| import.name.starts_with("path_"));
    if !asked || !uses_paths || cached == Cached::No {
        return None;
    }
    let seen = scene.ledger.preopens_seen();
    let may = if cached == Cached::Unknown { "may still hold" } else { "holds" };
    let (level, key, title) = if seen.is_empty() {
        let title = format!(
            "{} {may} that there are no preopened directories: every file access of an instance fails",
            holder.name()
        );
        (Level::Danger, "handle.preopens.empty", title)
    } else {
        let names: Vec<String> =
            (3..).zip(&seen).map(|(fd, name)| format!("`{name}` as descriptor {fd}")).collect();
        let title = format!(
            "{} {may} the preopened directories of the build: {}; an instance with others opens wrong files or none",
            holder.name(),
            names.join(", ")
        );
        (Level::Warning, "handle.preopens", title)
    };
    let level = if cached == Cached::Unknown { Level::Note } else { level };
    let finding = Finding::new(level, key, title).by(scene.calls_of(&["fd_prestat_get"]));
    Some(finding.advise(holder.advice("__wasilibc_reset_preopens")))
}

fn environment(scene: &Scene<'_>, holder: Holder, wasi: &WasiOptions, cached: Cached) -> Option<Finding> {
    let asked = scene.ledger.wasi_calls("environ_sizes_get").next().is_some();
    if !asked || cached == Cached::No {
        return None;
    }
    let may = if cached == Cached::Unknown { "may still hold" } else { "holds" };
    let what = match wasi.env.len() {
        0 => "an empty environment: getenv finds nothing in an instance, whatever its host sets".to_string(),
        1 => "the environment of the build, 1 variable: an instance does not see its own".to_string(),
        count => format!("the environment of the build, {count} variables: an instance does not see its own"),
    };
    let level = if cached == Cached::Unknown { Level::Note } else { Level::Warning };
    let finding = Finding::new(level, "handle.environment", format!("{} {may} {what}", holder.name()))
        .by(scene.calls_of(&["environ_sizes_get"]));
    Some(finding.advise(holder.advice("__wasilibc_deinitialize_environ")))
}

/// Nobody asks for arguments twice, but whether the program keeps them is its own matter.
fn arguments(scene: &Scene<'_>, holder: Holder, wasi: &WasiOptions) -> Option<Finding> {
    scene.ledger.wasi_calls("args_sizes_get").next()?;
    if wasi.args.is_empty() && holder == Holder::Libc {
        return None;
    }
    let count = match wasi.args.len() {
        0 => "none".to_string(),
        1 => "1 argument".to_string(),
        count => format!("{count} arguments"),
    };
    let (level, title) = match holder {
        Holder::Go => (
            Level::Warning,
            format!(
                "Go's runtime holds the arguments of the build, {count}: an instance does not see its own"
            ),
        ),
        Holder::Libc => (
            Level::Note,
            format!(
                "init has read the arguments of the build, {count}: what it kept is the same in every instance"
            ),
        ),
    };
    let sites = scene.calls_of(&["args_sizes_get"]);
    let finding = Finding::new(level, "handle.arguments", title).by(sites);
    Some(match holder {
        Holder::Go => finding.advise(holder.advice("")),
        Holder::Libc => finding,
    })
}

/// libc looks once whether standard output is a terminal.
fn buffering(scene: &Scene<'_>) -> Option<Finding> {
    let functions = scene.snapshot.tables.first().map_or(0, |table| table.elements.len() as u64);
    let stream = scene
        .contents
        .iter()
        .flat_map(|contents| streams(contents, functions))
        .find(|stream| stream.fd == 1)?;
    let asked = scene
        .sites(|_, entry| entry.call.wasi() == Some("fd_fdstat_get") && entry.call.descriptor() == Some(1));
    if asked.is_empty() {
        return None;
    }
    let how = match stream.line_buffered {
        true => "a terminal: every instance writes line by line",
        false => "no terminal: every instance writes only when its buffer is full, at a terminal too",
    };
    let finding = Finding::new(
        Level::Note,
        "handle.buffering",
        format!("libc has decided that standard output is {how}"),
    );
    Some(finding.by(asked).advise("setvbuf at run time decides otherwise"))
}

/// Whether a call reads standard input.
pub(super) fn is_stdin(descriptors: &Descriptors, entry: &Entry) -> bool {
    let kind = entry.call.descriptor().and_then(|fd| descriptors.get(fd)).map(|descriptor| descriptor.kind);
    entry.call.wasi() == Some("fd_read") && kind == Some(DescriptorKind::Stdin)
}

/// The path that a `path_open` names.
pub(super) fn opened_path(descriptors: &Descriptors, entry: &Entry) -> String {
    match (entry.call.descriptor(), entry.call.path()) {
        (Some(fd), Some(path)) => descriptors.path(fd, &path),
        _ => String::new(),
    }
}
