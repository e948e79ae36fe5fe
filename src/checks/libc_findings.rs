//! What libc, or the runtime of Go, has cached of the build's host and will not look up again in an instance.

use super::libc_state::LibcState;
use crate::evidence::Evidence;
use crate::execute::Cached;
use crate::finding::{Finding, Level, Remedy};
use crate::host::WasiOptions;
use crate::wording::counted;
use preinit_core::embed::EmbeddedTree;

pub(crate) fn findings(evidence: &Evidence<'_>, wasi: &WasiOptions, libc: &LibcState) -> Vec<Finding> {
    let holder = if libc.is_go { Holder::Go } else { Holder::Libc };
    let found = [
        preopens(evidence, holder, libc.preopens),
        environment(evidence, wasi, holder, libc.environment),
        arguments(evidence, wasi, holder),
        buffering(evidence),
    ];
    found.into_iter().flatten().collect()
}

/// Who keeps what the host has said.
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

    /// `reset` is the function of wasi-libc that drops what is cached.
    fn remedy(self, reset: &'static str) -> Remedy {
        match self {
            Holder::Libc => Remedy::ResetLibc(reset),
            Holder::Go => "it never reads them again: pass what an instance needs through calls".into(),
        }
    }
}

/// Who has cached something, and how sure that is.
fn has_cached(holder: Holder, cached: Cached) -> String {
    let has = if cached == Cached::Unknown { "may have" } else { "has" };
    format!("{} {has} cached", holder.name())
}

fn preopens(evidence: &Evidence<'_>, holder: Holder, cached: Cached) -> Option<Finding> {
    let asked = evidence.ledger.wasi_calls("fd_prestat_get").next().is_some();
    let uses_paths = evidence.module.imports.iter().any(|import| import.name.starts_with("path_"));
    if !asked || !uses_paths || cached == Cached::No {
        return None;
    }
    let has_cached = has_cached(holder, cached);
    let seen = evidence.ledger.preopens_seen();
    if seen.is_empty() && !EmbeddedTree::all_in(evidence.module).is_empty() {
        // Then it has found those.
        return None;
    }
    let (level, key, title) = if seen.is_empty() {
        let title = format!(
            "{has_cached} that there are no preopened directories: every file access of an instance fails"
        );
        (Level::Danger, "handle.preopens.empty", title)
    } else {
        let names: Vec<String> =
            (3..).zip(&seen).map(|(fd, name)| format!("`{name}` as descriptor {fd}")).collect();
        let title = format!(
            "{has_cached} the preopened directories of the build: {}; an instance with other directories opens wrong \
             files or none",
            names.join(", ")
        );
        (Level::Warning, "handle.preopens", title)
    };
    let level = if cached == Cached::Unknown { Level::Note } else { level };
    let finding = Finding::new(level, key, title).by(evidence.calls_of(&["fd_prestat_get"]));
    Some(finding.advise(holder.remedy("__wasilibc_reset_preopens")))
}

fn environment(
    evidence: &Evidence<'_>,
    wasi: &WasiOptions,
    holder: Holder,
    cached: Cached,
) -> Option<Finding> {
    let asked = evidence.ledger.wasi_calls("environ_sizes_get").next().is_some();
    if !asked || cached == Cached::No {
        return None;
    }
    let what = match wasi.env.len() {
        0 => "an empty environment: getenv finds nothing in an instance, whatever its host sets".to_string(),
        count => format!(
            "the environment of the build, {}: an instance does not see its own",
            counted(count as u64, "variable")
        ),
    };
    let level = if cached == Cached::Unknown { Level::Note } else { Level::Warning };
    let title = format!("{} {what}", has_cached(holder, cached));
    let finding = Finding::new(level, "handle.environment", title);
    let finding = finding.by(evidence.calls_of(&["environ_sizes_get"]));
    Some(finding.advise(holder.remedy("__wasilibc_deinitialize_environ")))
}

/// No libc asks for arguments twice; what the program keeps of them is its own matter.
fn arguments(evidence: &Evidence<'_>, wasi: &WasiOptions, holder: Holder) -> Option<Finding> {
    evidence.ledger.wasi_calls("args_sizes_get").next()?;
    if wasi.args.is_empty() && holder == Holder::Libc {
        return None;
    }
    let count = match wasi.args.len() {
        0 => "none".to_string(),
        count => counted(count as u64, "argument"),
    };
    let (level, title) = match holder {
        Holder::Go => (
            Level::Warning,
            format!(
                "Go's runtime has cached the arguments of the build, {count}: an instance does not see its own"
            ),
        ),
        Holder::Libc => (
            Level::Note,
            format!(
                "init has read the arguments of the build, {count}: what it kept is the same in every instance"
            ),
        ),
    };
    let finding = Finding::new(level, "handle.arguments", title).by(evidence.calls_of(&["args_sizes_get"]));
    Some(match holder {
        Holder::Go => finding.advise(holder.remedy("")),
        Holder::Libc => finding,
    })
}

/// libc checks only once whether standard output is a terminal.
fn buffering(evidence: &Evidence<'_>) -> Option<Finding> {
    let memories = 0..evidence.contents.len() as u32;
    let mut found = memories.flat_map(|memory| evidence.streams(memory));
    let stream = found.find(|stream| stream.fd == 1)?;
    let asked = evidence
        .sites(|_, entry| entry.call.wasi() == Some("fd_fdstat_get") && entry.call.descriptor() == Some(1));
    if asked.is_empty() {
        return None;
    }
    let how = match stream.line_buffered {
        true => "is a terminal: every instance writes line by line",
        false => "is not a terminal: every instance writes only when its buffer is full, even to a terminal",
    };
    let title = format!("libc has decided that standard output {how}");
    let finding = Finding::new(Level::Note, "handle.buffering", title);
    Some(finding.by(asked).advise("setvbuf at run time changes that".into()))
}
