//! Values that were let in and are in the snapshot word for word.

use super::difference::Spot;
use super::finding::{Finding, Level, Place};
use super::run::Variation;
use super::scene::{PLACES, Scene};
use super::source::Source;
use super::symbols::{StaticData, static_data};
use crate::host::WasiOptions;
use std::collections::{BTreeMap, HashMap};

/// Shorter values are in any memory by chance.
const SHORTEST: usize = 8;

/// What of a file or of standard input counts as found, if it is longer.
const WINDOW: usize = 32;

/// Files of which a full copy is telling: keys, tokens, configuration.
const SMALL_FILE: usize = 1024;

/// What was searched for, and found.
pub(super) struct Searched {
    pub findings: Vec<Finding>,
    /// Values that are too short to be searched for.
    pub too_short: usize,
    /// All places where a value was found.
    pub told: Vec<Place>,
}

/// A value that is in the snapshot.
struct Known {
    source: Source,
    places: Vec<Place>,
    kind: Kind,
}

/// What a value is, by its variable. Derived order: worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A variable named like a secret, or an address with a password in it.
    Secret,
    /// Any other variable: what is in it is not known.
    Variable,
    /// A variable that says where and how things are on the machine.
    Machine,
    /// Given on the command line for init to use: no secret.
    Argument,
}

pub(super) fn search(scene: &Scene<'_>, wasi: &WasiOptions, variations: &[Variation]) -> Searched {
    let mut searched = search_values(scene, wasi, variations);
    searched.too_short += files(scene, &mut searched.findings);
    searched
}

fn search_values(scene: &Scene<'_>, wasi: &WasiOptions, variations: &[Variation]) -> Searched {
    let mut searched = Searched { findings: Vec::new(), too_short: 0, told: Vec::new() };
    let asked = Source::asked_for(wasi, scene.ledger);
    let values = asked.iter().filter_map(|&source| match source {
        Source::Variable(index) => {
            wasi.env.get(index).map(|(name, value)| (source, value.as_bytes(), kind_of(name, value)))
        }
        Source::Argument(index) => {
            wasi.args.get(index).map(|value| (source, value.as_bytes(), Kind::Argument))
        }
        _ => None,
    });
    let mut known = Vec::new();
    for (source, value, kind) in values {
        if value.len() < SHORTEST {
            searched.too_short += usize::from(!value.is_empty());
            continue;
        }
        let places = occurrences(scene, value, source, variations);
        if !places.is_empty() {
            searched.told.extend(places.iter().cloned());
            known.push(Known { source, places, kind });
        }
    }
    known.sort_by_key(|known| known.kind);
    for of_kind in known.chunk_by(|left, right| left.kind == right.kind) {
        let by_themselves = match of_kind[0].kind {
            Kind::Secret | Kind::Argument => true,
            Kind::Variable => of_kind.len() <= TOLD_APART,
            Kind::Machine => of_kind.len() == 1,
        };
        match by_themselves {
            true => searched.findings.extend(of_kind.iter().map(|known| value_finding(scene, wasi, known))),
            false => searched.findings.push(values_finding(scene, wasi, of_kind)),
        }
    }
    searched
}

/// More variables that nothing speaks of are one finding.
const TOLD_APART: usize = 3;

/// Only the values of variables and arguments, without other runs of init to tell where they come from.
pub(super) fn values(scene: &Scene<'_>, wasi: &WasiOptions) -> Vec<Finding> {
    search_values(scene, wasi, &[]).findings
}

fn kind_of(name: &str, value: &str) -> Kind {
    const MACHINE: [&str; 30] = [
        "COLORTERM",
        "DISPLAY",
        "EDITOR",
        "HOME",
        "HOSTNAME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "LS_COLORS",
        "MAIL",
        "MANPATH",
        "OLDPWD",
        "PAGER",
        "PATH",
        "PWD",
        "PYTHONHOME",
        "PYTHONPATH",
        "SHELL",
        "SHLVL",
        "TEMP",
        "TERM",
        "TERM_PROGRAM",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "USERNAME",
        "VISUAL",
        "WINDOWID",
        "_",
    ];
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    if has_password || is_secret_name(name) {
        Kind::Secret
    } else if MACHINE.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_") {
        Kind::Machine
    } else {
        Kind::Variable
    }
}

fn value_finding(scene: &Scene<'_>, wasi: &WasiOptions, known: &Known) -> Finding {
    let Known { source, places, kind } = known;
    let times = if places.len() == 1 { String::new() } else { format!(", {} times", places.len()) };
    let first = places.first().map_or("", |place| &place.at);
    let title = format!("the value of {} is in the output at {first}{times}", source.describe(wasi));
    found(scene, *source, *kind, title, places.clone())
}

fn values_finding(scene: &Scene<'_>, wasi: &WasiOptions, known: &[Known]) -> Finding {
    const SHOWN: usize = 8;
    let name = |known: &Known| match known.source {
        Source::Variable(index) => format!("`{}`", wasi.env.get(index).map_or("", |(name, _)| name)),
        source => source.describe(wasi),
    };
    let names: Vec<String> = known.iter().take(SHOWN).map(name).collect();
    let more = match known.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let Known { source, kind, .. } = known[0];
    let what = if kind == Kind::Machine { " that tell of the build machine" } else { "" };
    let title = format!(
        "the values of {} environment variables{what} are in the output: {}{more}",
        known.len(),
        names.join(", ")
    );
    let places = known.iter().flat_map(|known| {
        let named = |place: &Place| Place { what: name(known), ..place.clone() };
        known.places.iter().map(named).collect::<Vec<Place>>()
    });
    found(scene, source, kind, title, places.collect())
}

fn found(scene: &Scene<'_>, source: Source, kind: Kind, title: String, places: Vec<Place>) -> Finding {
    let (level, advice) = match kind {
        Kind::Secret | Kind::Variable => (
            Level::Danger,
            "do not let it in, or overwrite it before init ends; what libc has cached goes with --reset-libc only if \
             the freed memory is overwritten",
        ),
        Kind::Machine => (Level::Warning, "do not let them in: --env NAME lets in what init needs"),
        Kind::Argument => {
            (Level::Note, "arguments are taken for no secrets; if it is one, pass it at run time")
        }
    };
    let more = places.len().saturating_sub(PLACES);
    let mut finding = Finding::new(level, format!("secret.{}", source.key()), title)
        .at(places.into_iter().take(PLACES).collect())
        .by(scene.calls_of(source.functions()))
        .advise(advice);
    finding.more_places = more;
    finding
}

/// Where `value` is, if it is not there for another reason: the input's own data, or bytes that stay the same when the
/// value is another.
fn occurrences(scene: &Scene<'_>, value: &[u8], source: Source, variations: &[Variation]) -> Vec<Place> {
    let of_source = |variation: &&Variation| {
        variation.sources.contains(&source)
            && variation.divergence.as_ref().is_none_or(|divergence| divergence.finished)
    };
    let variations: Vec<&Variation> = variations.iter().filter(of_source).collect();
    let input = static_data(scene.module);
    let mut places = Vec::new();
    for (memory, contents) in (0u32..).zip(&scene.contents) {
        for address in contents.find(value) {
            let end = address + value.len() as u64;
            let mut moved = variations.iter().flat_map(|variation| &variation.moved);
            let depends = variations.is_empty()
                || moved.any(|spot| match spot {
                    Spot::Memory { memory: other, range, .. } => {
                        *other == memory && range.start < end && address < range.end
                    }
                    _ => false,
                });
            if depends && !is_own(scene, &input, memory, address, value) {
                places.push(scene.place(memory, address, value.len() as u64));
            }
        }
    }
    places
}

/// Whether the input's own data is the same at this address.
fn is_own(scene: &Scene<'_>, input: &[StaticData], memory: u32, address: u64, value: &[u8]) -> bool {
    input.iter().filter(|data| data.memory == memory && data.range.contains(&address)).any(|data| {
        let from = (address - data.range.start) as usize;
        let bytes = scene.module.data.get(data.segment as usize).map_or(&[][..], |data| data.bytes);
        bytes.get(from..from + value.len()) == Some(value)
    })
}

/// Searches for what was read from files and standard input. Gives the number of those too short for it.
fn files(scene: &Scene<'_>, findings: &mut Vec<Finding>) -> usize {
    let mut inputs: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for input in scene.ledger.inputs() {
        inputs.entry(input.path).or_default().extend(&input.region.bytes);
    }
    let mut too_short = 0;
    let mut long: Vec<(&String, &Vec<u8>)> = Vec::new();
    for (path, bytes) in &inputs {
        let trimmed = bytes.trim_ascii();
        if trimmed.len() < SHORTEST {
            too_short += usize::from(!trimmed.is_empty());
        } else if trimmed.len() > SMALL_FILE && !path.is_empty() {
            long.push((path, bytes));
        } else {
            small_file(scene, path, trimmed, findings);
        }
    }
    large_files(scene, &long, findings);
    too_short
}

fn small_file(scene: &Scene<'_>, path: &str, bytes: &[u8], findings: &mut Vec<Finding>) {
    let needle = &bytes[..bytes.len().min(4096)];
    let found = (0u32..).zip(&scene.contents).flat_map(|(memory, contents)| {
        contents.find(needle).into_iter().map(move |address| (memory, address))
    });
    let input = static_data(scene.module);
    let found = found.filter(|&(memory, address)| !is_own(scene, &input, memory, address, needle));
    let places: Vec<Place> = found
        .take(PLACES)
        .map(|(memory, address)| scene.place(memory, address, needle.len() as u64))
        .collect();
    let Some(first) = places.first() else { return };
    let (what, key, level) = match path {
        "" => ("what init read from standard input".to_string(), "secret.stdin", Level::Warning),
        path => {
            // Any other was given to init to be used.
            let level = if is_secret_name(path) { Level::Warning } else { Level::Note };
            (format!("the content of the file `{path}`"), "secret.file", level)
        }
    };
    let title =
        format!("{what} ({}) is in the output at {}", super::text::bytes(bytes.len() as u64), first.at);
    let sites = scene.sites(|descriptors, entry| {
        let opened =
            entry.call.wasi() == Some("path_open") && super::handles::opened_path(descriptors, entry) == path;
        opened || path.is_empty() && super::handles::is_stdin(descriptors, entry)
    });
    let finding = Finding::new(level, key, title).at(places).by(sites);
    findings.push(finding.advise("if it is a secret, read it at run time, or overwrite it before init ends"));
}

/// Whether a file or variable is named like something that is not to be published.
fn is_secret_name(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let words = [
        "secret",
        "token",
        "passw",
        "credential",
        "private",
        "apikey",
        "_key",
        "auth",
        "cookie",
        "session_id",
        "dsn",
        "api_key",
        ".pem",
        ".key",
        ".env",
        "id_rsa",
    ];
    words.iter().any(|word| path.contains(word))
}

/// One note for all: that a program loaded in init is in the snapshot is its purpose.
fn large_files(scene: &Scene<'_>, files: &[(&String, &Vec<u8>)], findings: &mut Vec<Finding>) {
    if files.is_empty() {
        return;
    }
    let mut windows: HashMap<&[u8], usize> = HashMap::new();
    for (index, (_, bytes)) in files.iter().enumerate() {
        for window in bytes.chunks_exact(WINDOW).filter(|window| is_telling(window)) {
            windows.entry(window).or_insert(index);
        }
    }
    let mut filter = vec![0u64; 1 << 12];
    let slot = |bytes: &[u8]| {
        let head = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        (head.wrapping_mul(0x9e37_79b1) >> 14) as usize
    };
    windows.keys().for_each(|window| filter[slot(window) / 64] |= 1 << (slot(window) % 64));
    let mut found: BTreeMap<usize, (Place, u64)> = BTreeMap::new();
    let input = static_data(scene.module);
    for (memory, contents) in (0u32..).zip(&scene.contents) {
        for (start, bytes) in contents.stretches() {
            let mut at = 0;
            while at + WINDOW <= bytes.len() {
                let window = &bytes[at..at + WINDOW];
                let candidate = filter[slot(window) / 64] >> (slot(window) % 64) & 1 == 1;
                let known = || {
                    windows.get(window).filter(|_| !is_own(scene, &input, memory, start + at as u64, window))
                };
                match candidate.then(known).flatten() {
                    Some(&index) => {
                        let place = || scene.place(memory, start + at as u64, WINDOW as u64);
                        found.entry(index).or_insert_with(|| (place(), 0)).1 += WINDOW as u64;
                        at += WINDOW;
                    }
                    None => at += 1,
                }
            }
        }
    }
    if found.is_empty() {
        return;
    }
    let total: u64 = found.values().map(|(_, bytes)| bytes).sum();
    let title = match found.len() {
        1 => {
            format!("parts of a file that init read are in the output, {} or more", super::text::bytes(total))
        }
        files => format!(
            "parts of {files} files that init read are in the output, {} or more",
            super::text::bytes(total)
        ),
    };
    let mut places: Vec<Place> = Vec::new();
    for (index, (mut place, bytes)) in found {
        place.bytes = bytes;
        place.what = format!("of `{}`", files[index].0);
        places.push(place);
    }
    places.sort_by_key(|place| std::cmp::Reverse(place.bytes));
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    let mut finding = Finding::new(Level::Note, "secret.files", title).at(places);
    finding.more_places = more;
    findings.push(finding);
}

/// Not one of the patterns that are in every memory.
fn is_telling(window: &[u8]) -> bool {
    let mut seen = [false; 256];
    window.iter().for_each(|byte| seen[*byte as usize] = true);
    seen.iter().filter(|seen| **seen).count() >= 8
}
