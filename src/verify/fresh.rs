//! An instance of a snapshot lives at another time than the build, with other random numbers, other variables and other
//! directories. What of the build is frozen shows there: the snapshot is compared with an original that was started in that
//! world. One thing is another at a time, so that a difference names it.

use super::VerifyOptions;
use super::differences::Differences;
use super::lock_step::ScriptResult;
use super::script::{Script, Step};
use super::verdict_builder::VerdictBuilder;
use crate::host::{Access, Clock, Directory, Ledger, Random, WasiOptions};
use preinit_core::module::{Module, is_function};
use preinit_core::printable::Printable;
use std::path::Path;

/// What is another than in the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Clock,
    Random,
    /// The same random numbers with every bit the other way.
    RandomBits,
    Environment,
    /// No variable of the build.
    NoEnvironment,
    Directories,
}

/// Three years and some weeks, so that every field of a date changes, in nanoseconds.
const LATER: u64 = ((3 * 365 + 45) * 86_400 + 6 * 3600 + 7 * 60 + 8) * 1_000_000_000;

const OTHER_SEED: u64 = 0xf1e5_4000;

/// A name that no program looks for.
const OTHER_NAME: &str = "preinit-fresh";

impl Source {
    /// What init has asked for.
    pub fn asked(ledger: &Ledger, options: &VerifyOptions) -> Vec<Source> {
        let called = |name| ledger.wasi_calls(name).next().is_some();
        let has_variables =
            |wasi: &Option<WasiOptions>| wasi.as_ref().is_some_and(|wasi| !wasi.env.is_empty());
        let are_given = has_variables(&options.run);
        let all = [
            (Source::Clock, ledger.used_clock()),
            (Source::Random, ledger.random_bytes() > 0),
            (Source::RandomBits, ledger.random_bytes() > 0),
            (Source::Environment, called("environ_sizes_get")),
            (
                Source::NoEnvironment,
                called("environ_sizes_get") && has_variables(&options.host.wasi) && !are_given,
            ),
            (Source::Directories, called("fd_prestat_get")),
        ];
        all.into_iter().filter(|(_, asked)| *asked).map(|(source, _)| source).collect()
    }

    /// In keys of differences.
    pub fn key(self) -> &'static str {
        match self {
            Source::Clock => "clock",
            Source::Random => "random",
            Source::RandomBits => "random-bits",
            Source::Environment => "environment",
            Source::NoEnvironment => "no-environment",
            Source::Directories => "directories",
        }
    }

    /// In sentences.
    pub fn describe(self) -> &'static str {
        match self {
            Source::Clock => "another time",
            Source::Random => "other random numbers",
            Source::RandomBits => "the other value of every random bit",
            Source::Environment => "another environment",
            Source::NoEnvironment => "no environment",
            Source::Directories => "other directories",
        }
    }

    /// The options for a world in which this is another, for init too: as the user says that it is for the calls, or else
    /// something that no build has. `folder` is an empty directory.
    pub fn varied(self, options: &VerifyOptions, folder: &Path) -> VerifyOptions {
        let build = options.host.wasi.clone().unwrap_or_default();
        let given = options.run.as_ref();
        let vary = |wasi: &WasiOptions| {
            let mut wasi = wasi.clone();
            match self {
                Source::Clock => {
                    let start =
                        if let Clock::Fixed(start) = wasi.clock { start } else { Clock::DEFAULT_START };
                    wasi.clock = Clock::Fixed(start.saturating_add(LATER));
                }
                Source::Random => wasi.random = Random::Seed(OTHER_SEED),
                Source::RandomBits => wasi.complement_random = !wasi.complement_random,
                Source::NoEnvironment => wasi.env.clear(),
                Source::Environment => match given.filter(|given| !given.env.is_empty()) {
                    Some(given) => wasi.env.clone_from(&given.env),
                    None => vary_environment(&mut wasi),
                },
                Source::Directories => match given.filter(|given| given.dirs != build.dirs) {
                    Some(given) => wasi.dirs.clone_from(&given.dirs),
                    None => wasi.dirs.insert(0, other_directory(folder)),
                },
            }
            wasi
        };
        let mut varied = options.clone();
        varied.host.wasi = Some(vary(&build));
        varied.run = given.map(vary);
        varied.ledger = None;
        varied
    }
}

/// Other values, and one variable more.
fn vary_environment(wasi: &mut WasiOptions) {
    for (_, value) in &mut wasi.env {
        value.insert_str(0, OTHER_NAME);
    }
    wasi.env.push((OTHER_NAME.to_string(), "1".to_string()));
}

fn other_directory(folder: &Path) -> Directory {
    Directory { guest: format!("/{OTHER_NAME}"), host: folder.to_path_buf(), access: Access::ReadOnly }
}

/// What is called: the scripts that were given, or each export without parameters.
pub(super) fn scripts(options: &VerifyOptions, snapshot: &Module<'_>) -> Vec<Script> {
    if !options.scripts.is_empty() {
        return options.scripts.clone();
    }
    let functions = snapshot.exports.iter().filter(|export| is_function(export.kind));
    let callable = functions.filter(|export| {
        snapshot.signature(export.index).is_some_and(|signature| signature.params().is_empty())
    });
    let script = |export: &wasmparser::Export<'_>| {
        let step = Step { export: export.name.to_string(), arguments: Vec::new(), expected: None };
        Script { steps: vec![step.clone(), step] }
    };
    callable.map(script).collect()
}

/// What calls have shown.
pub(super) struct Shown {
    pub calls: u64,
    pub differences: Differences,
    /// Why it is not known what the last one does.
    pub undecided: Option<String>,
}

impl From<ScriptResult> for Shown {
    fn from(result: ScriptResult) -> Shown {
        let ScriptResult { calls, differences, undecided, .. } = result;
        Shown { calls, differences, undecided }
    }
}

/// Adds it.
pub(super) fn add(source: Source, shown: Shown, verdict: &mut VerdictBuilder<'_>) {
    verdict.coverage.fresh_calls += shown.calls;
    let mut differences = shown.differences;
    for difference in &mut differences.kept {
        difference.key = format!("fresh.{}.{}", source.key(), difference.key);
    }
    verdict.add_all(differences);
    if let Some(why) = shown.undecided {
        verdict.undecided(format!("with {}: {why}", source.describe()));
    }
}

/// Adds that the original does not come to where the snapshot begins.
pub(super) fn add_stopped(source: Source, error: &dyn std::error::Error, verdict: &mut VerdictBuilder<'_>) {
    let how = error.to_string();
    let how = how.lines().next().unwrap_or_default();
    verdict.undecided(format!(
        "with {}, the original does not come to where the snapshot begins: {}",
        source.describe(),
        Printable(how)
    ));
}
