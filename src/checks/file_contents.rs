//! What init read from files and standard input, and is in the snapshot byte for byte.

use super::read_contents::{ReadContent, ReadParts};
use super::secret_file::{CONFIGURATION, is_secret_content, is_secret_file};
use super::secret_search::{FoundValues, SecretSearch};
use super::secret_values::Interest;
use super::value_forms::{EncodedText, is_text};
use super::values::SHORTEST;
use crate::evidence::Evidence;
use crate::finding::{Finding, Level, Location, Site};
use crate::guest::StaticBytes;
use crate::host::Stdin;
use crate::wording::Bytes;
use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};

/// Of a larger file, parts are searched for; of a smaller one, such as a configuration, and of one that is named like a secret,
/// the whole content.
const SMALL_FILE: usize = 1024;

/// The size of a part.
const WINDOW: usize = 32;

/// What a search for the content of files has found.
pub(crate) struct FileSearch {
    pub findings: Vec<Finding>,
    /// Contents that are too short to be searched for.
    pub too_short: usize,
}

/// A file by the guest's name, or standard input, and what init read of it.
type Content<'a> = (&'a Option<String>, &'a ReadContent);

impl FileSearch {
    /// Searches for all that init has read from `stdin` and files; `notes` says whether what is only good to know of files is of
    /// interest.
    pub fn run(evidence: &Evidence<'_>, stdin: &Stdin, notes: bool) -> FileSearch {
        let mut parts: BTreeMap<Option<String>, ReadParts> = BTreeMap::new();
        evidence.ledger.each_input(|_, path, position, region| {
            parts.entry(path.map(str::to_string)).or_default().add(position, &region.bytes);
        });
        let contents: Vec<(Option<String>, ReadContent)> =
            parts.into_iter().map(|(path, parts)| (path, parts.joined())).collect();
        let mut search = FileSearch { findings: Vec::new(), too_short: 0 };
        let mut large: Vec<Content<'_>> = Vec::new();
        let mut secrets = SecretSearch::default();
        let mut searched: Vec<Content<'_>> = Vec::new();
        for (path, read) in &contents {
            let (content, size) = ((path, read), read.size());
            if size < SHORTEST {
                search.too_short += usize::from(size > 0);
                continue;
            }
            let level = level(content, stdin);
            let mut whole = None;
            if level == Level::Note && path.is_some() && size > SMALL_FILE {
                large.push(content);
            } else if notes || level < Level::Note || path.is_none() {
                whole = read.longest().find_map(|run| found(evidence, content, (run, level)));
            }
            let is_known = whole.as_ref().is_some_and(|whole| whole.level == Level::Danger);
            if let Some(interest) = interest(content, level).filter(|_| !is_known) {
                secrets.add(searched.len(), &read.bytes, interest);
                searched.push(content);
            }
            search.findings.extend(whole);
        }
        let values = secrets.run(evidence, searched.len());
        for (content, values) in searched.into_iter().zip(values) {
            search.findings.extend(of_values(evidence, content, &values));
        }
        if notes {
            search.findings.extend(in_parts(evidence, &large));
        }
        search
    }
}

/// A file that is no secret was given to init to be used; and what was given as standard input on purpose may be its program.
fn level((path, read): Content<'_>, stdin: &Stdin) -> Level {
    match path {
        _ if is_secret_content(&read.bytes) => Level::Danger,
        Some(path) if is_secret_file(path) => Level::Danger,
        None if !stdin.is_given() => Level::Warning,
        _ => Level::Note,
    }
}

/// Which values are looked for, in case that the whole is not there: whoever reads a secret keeps what it needs of it.
fn interest((path, ReadContent { bytes, .. }): Content<'_>, level: Level) -> Option<Interest> {
    let is_large = bytes.len() > CONFIGURATION;
    match path {
        Some(path) if is_secret_file(path) => Some(Interest::Every),
        _ if level == Level::Danger && !is_large => Some(Interest::Lines),
        _ if level == Level::Danger
            || is_large && is_text(&EncodedText::of(&bytes[..CONFIGURATION]).bytes) =>
        {
            Some(Interest::Secrets)
        }
        _ => None,
    }
}

/// The worst value of a content that is in the output, and that not all values were looked for.
fn of_values(evidence: &Evidence<'_>, content: Content<'_>, found_values: &FoundValues<'_>) -> Vec<Finding> {
    /// Values that may be in objects, and are not, take time.
    const MOST: usize = 64;
    let FoundValues { values, is_cut } = found_values;
    let is_cut = *is_cut || values.len() > MOST;
    let mut tried = values.iter().take(MOST);
    let worst = tried.find_map(|(value, level)| found(evidence, content, (value, *level)));
    let is_known = worst.as_ref().is_some_and(|worst| worst.level == Level::Danger);
    let unknown = (is_cut && !is_known).then(|| {
        let (what, key) = described(content);
        let title = format!("{what} has more values than are looked for: some may be in the output unseen");
        Finding::new(Level::Warning, key, title).by(sites(evidence, content))
    });
    worst.into_iter().chain(unknown).collect()
}

/// A finding, if a part of what init has read, or all of it, is in the output.
fn found(evidence: &Evidence<'_>, content: Content<'_>, (part, level): (&[u8], Level)) -> Option<Finding> {
    /// Of a longer content, only the beginning.
    const SEARCHED: usize = 4096;
    /// Locations that are looked at.
    const MOST: usize = 40;
    let needle = &part[..part.len().min(SEARCHED)];
    let input = LazyCell::new(|| StaticBytes::of(evidence.module));
    let found = (0u32..)
        .zip(&evidence.contents)
        .flat_map(|(memory, contents)| contents.find(needle).map(move |address| (memory, address)));
    let found = found.filter(|&at| !input.holds(at, needle));
    let mut locations: Vec<Location> = found
        .take(MOST)
        .map(|(memory, address)| evidence.location(memory, address, needle.len() as u64))
        .collect();
    evidence.each_object_with(needle, |object| {
        if locations.len() < MOST {
            locations.push(evidence.object(object));
        }
    });
    let first = locations.first()?;
    let (what, key) = described(content);
    let title = match part.len() == content.1.size() {
        true => format!("{what} is in the output {}", first.within()),
        false => format!("{} of {what} are in the output {}", Bytes(part.len() as u64), first.within()),
    };
    let finding = Finding::new(level, key, title).at(locations).by(sites(evidence, content));
    Some(finding.advise("if it is a secret, read it at run time, or overwrite it before init ends".into()))
}

/// A content in words, and the key of findings about it.
fn described((path, read): Content<'_>) -> (String, &'static str) {
    let size = Bytes(read.size() as u64);
    match path {
        None => (format!("what init read from standard input ({size})"), "secret.stdin"),
        Some(path) => (format!("the content of the file `{path}` ({size})"), "secret.file"),
    }
}

/// The calls that have read it.
fn sites(evidence: &Evidence<'_>, (path, _): Content<'_>) -> Vec<Site> {
    evidence.sites(|descriptors, entry| match path {
        None => entry.call.reads_stdin(descriptors),
        Some(path) => entry.call.opened_path(descriptors).as_ref() == Some(path),
    })
}

/// One note for all: it is the purpose of init that what it loads is in the snapshot.
fn in_parts(evidence: &Evidence<'_>, files: &[Content<'_>]) -> Option<Finding> {
    if files.is_empty() {
        return None;
    }
    let windows = Windows::of(files);
    let input = StaticBytes::of(evidence.module);
    let mut found: BTreeMap<usize, Location> = BTreeMap::new();
    for memory in 0..evidence.contents.len() as u32 {
        windows.search(evidence, memory, &input, &mut found);
    }
    if found.is_empty() {
        return None;
    }
    let total = Bytes(found.values().map(|location| location.bytes).sum());
    let title = match found.len() {
        1 => format!("at least {total} of a file that init read are in the output"),
        files => format!("at least {total} of {files} files that init read are in the output"),
    };
    let mut locations: Vec<Location> = found
        .into_iter()
        .map(|(file, location)| {
            let name = files[file].0.as_deref().unwrap_or_default();
            Location { what: format!("of `{name}`"), ..location }
        })
        .collect();
    locations.sort_by_key(|location| std::cmp::Reverse(location.bytes));
    Some(Finding::new(Level::Note, "secret.files", title).at(locations))
}

/// Parts of files, to be looked up quickly.
struct Windows<'a> {
    /// Each with the number of its file.
    files: HashMap<&'a [u8], usize>,
    /// The slots of all windows, as bits.
    filter: Vec<u64>,
}

impl<'a> Windows<'a> {
    fn of(files: &[Content<'a>]) -> Windows<'a> {
        let mut windows = Windows { files: HashMap::new(), filter: vec![0u64; 1 << 12] };
        for (file, (_, read)) in files.iter().enumerate() {
            let chunks = read.runs().flat_map(|run| run.chunks_exact(WINDOW));
            for window in chunks.filter(|window| is_distinctive(window)) {
                windows.files.entry(window).or_insert(file);
                windows.filter[slot(window) / 64] |= 1 << (slot(window) % 64);
            }
        }
        windows
    }

    /// The file of which `window` is a part.
    fn get(&self, window: &[u8]) -> Option<usize> {
        let may_be = self.filter[slot(window) / 64] >> (slot(window) % 64) & 1 == 1;
        may_be.then(|| self.files.get(window).copied()).flatten()
    }

    /// Adds, by file, the first location in `memory` and the number of bytes.
    fn search(
        &self,
        evidence: &Evidence<'_>,
        memory: u32,
        input: &StaticBytes<'_>,
        found: &mut BTreeMap<usize, Location>,
    ) {
        for (start, bytes) in evidence.contents[memory as usize].stretches() {
            let mut at = 0;
            while at + WINDOW <= bytes.len() {
                let (window, address) = (&bytes[at..at + WINDOW], start + at as u64);
                let file = self.get(window);
                match file.filter(|_| !input.holds((memory, address), window)) {
                    Some(file) => {
                        let first = || evidence.location(memory, address, 0);
                        found.entry(file).or_insert_with(first).bytes += WINDOW as u64;
                        at += WINDOW;
                    }
                    None => at += 1,
                }
            }
        }
    }
}

/// A number below 2^18 that is the same for equal windows.
fn slot(window: &[u8]) -> usize {
    let head = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
    (head.wrapping_mul(0x9e37_79b1) >> 14) as usize
}

/// Whether it is none of the patterns that are in every memory.
fn is_distinctive(window: &[u8]) -> bool {
    let mut seen = [false; 256];
    window.iter().for_each(|byte| seen[*byte as usize] = true);
    seen.iter().filter(|seen| **seen).count() >= 8
}
