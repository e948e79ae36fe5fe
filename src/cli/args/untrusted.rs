//! What `--untrusted` changes.

use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Cli, Command, LimitArgs};
use crate::cli::process_memory;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A verification runs init again, and then what is compared, on several engines.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(60);

const MAX_MEMORY: u64 = 512 << 20;

/// What a preset changes beside the memory.
#[derive(Clone, Copy)]
struct Preset {
    timeout: Duration,
    verifies: bool,
}

/// Puts the preset in the place of what was not typed.
pub fn apply(cli: &mut Cli, matches: &ArgMatches) {
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match &mut cli.command {
        None if cli.snapshot.limits.untrusted => {
            cli.snapshot.strict = true;
            let verifies = cli.snapshot.verify;
            tighten(&mut cli.snapshot.limits, Preset { timeout: TIMEOUT, verifies }, matches);
        }
        Some(Command::Verify(args)) if args.limits.untrusted => {
            let preset = Preset { timeout: VERIFY_TIMEOUT, verifies: true };
            tighten(&mut args.limits, preset, matches);
        }
        Some(Command::Audit(args)) if args.limits.untrusted => {
            args.strict = true;
            tighten(&mut args.limits, Preset { timeout: TIMEOUT, verifies: false }, matches);
        }
        _ => {}
    }
}

fn tighten(limits: &mut LimitArgs, preset: Preset, matches: &ArgMatches) {
    let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    if !is_typed("timeout") {
        limits.timeout = Some(preset.timeout);
    }
    if !is_typed("max_memory") {
        limits.max_memory = MAX_MEMORY;
    }
    let process = process_memory::of_untrusted(limits.max_memory, preset.verifies);
    limits.max_process_memory.get_or_insert(process);
}

#[cfg(test)]
mod tests {
    use super::super::{Command, LimitArgs, parse};
    use crate::cli::called_as::CalledAs;
    use crate::cli::watchdog::Bounds;
    use std::time::Duration;

    fn limits(line: &str) -> (LimitArgs, bool) {
        let words = ["preinit"].into_iter().chain(line.split_whitespace()).map(Into::into);
        let cli = parse(words, CalledAs::Preinit).unwrap();
        match cli.command {
            None => (cli.snapshot.limits, cli.snapshot.strict),
            Some(Command::Verify(args)) => (args.limits, false),
            Some(Command::Audit(args)) => (args.limits, args.strict),
            _ => panic!("{line}"),
        }
    }

    #[test]
    fn what_is_typed_counts() {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        for (line, seconds, memory, process, strict) in [
            ("in.wasm", 60, 4 * GIB, 82 * GIB, false),
            ("in.wasm --max-memory 64MiB", 60, 64 * MIB, 3328 * MIB, false),
            ("in.wasm --untrusted", 10, 512 * MIB, 3 * GIB, true),
            ("in.wasm --untrusted --strict=false", 10, 512 * MIB, 3 * GIB, true),
            ("in.wasm --untrusted --verify", 10, 512 * MIB, 6 * GIB, true),
            ("in.wasm --timeout 3s --untrusted", 3, 512 * MIB, 3 * GIB, true),
            ("in.wasm --untrusted --timeout 60s --max-memory 4GiB", 60, 4 * GIB, 17 * GIB, true),
            ("in.wasm --untrusted --max-process-memory 2GiB", 10, 512 * MIB, 2 * GIB, true),
            ("audit in.wasm", 60, 4 * GIB, 82 * GIB, false),
            ("audit in.wasm --untrusted --max-memory 1GiB", 10, GIB, 5 * GIB, true),
            ("verify a b", 300, 4 * GIB, 82 * GIB, false),
            ("verify a b --untrusted", 60, 512 * MIB, 6 * GIB, false),
        ] {
            let (limits, is_strict) = limits(line);
            assert_eq!(Bounds::of(&limits).memory, process, "{line}");
            assert_eq!(limits.timeout, Some(Duration::from_secs(seconds)), "{line}");
            assert_eq!((limits.max_memory, is_strict), (memory, strict), "{line}");
        }
    }
}
