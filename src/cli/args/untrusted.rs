//! What `--untrusted` changes.

use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Cli, Command, LimitArgs};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A verification runs init again, and then what is compared, on several engines.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(60);

const MAX_MEMORY: u64 = 512 << 20;

/// Puts the preset in the place of what was not typed.
pub fn apply(cli: &mut Cli, matches: &ArgMatches) {
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    match &mut cli.command {
        None if cli.snapshot.limits.untrusted => {
            cli.snapshot.strict = true;
            tighten(&mut cli.snapshot.limits, TIMEOUT, matches);
        }
        Some(Command::Verify(args)) if args.limits.untrusted => {
            tighten(&mut args.limits, VERIFY_TIMEOUT, matches);
        }
        Some(Command::Audit(args)) if args.limits.untrusted => {
            args.strict = true;
            tighten(&mut args.limits, TIMEOUT, matches);
        }
        _ => {}
    }
}

fn tighten(limits: &mut LimitArgs, timeout: Duration, matches: &ArgMatches) {
    let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    if !is_typed("timeout") {
        limits.timeout = Some(timeout);
    }
    if !is_typed("max_memory") {
        limits.max_memory = MAX_MEMORY;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, LimitArgs, parse};
    use crate::cli::called_as::CalledAs;
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
        for (line, seconds, memory, strict) in [
            ("in.wasm", 60, 4 << 30, false),
            ("in.wasm --untrusted", 10, 512 << 20, true),
            ("in.wasm --untrusted --strict=false", 10, 512 << 20, true),
            ("in.wasm --timeout 3s --untrusted", 3, 512 << 20, true),
            ("in.wasm --untrusted --timeout 60s --max-memory 4GiB", 60, 4 << 30, true),
            ("audit in.wasm", 60, 4 << 30, false),
            ("audit in.wasm --untrusted --max-memory 1GiB", 10, 1 << 30, true),
            ("verify a b", 300, 4 << 30, false),
            ("verify a b --untrusted", 60, 512 << 20, false),
        ] {
            let (limits, is_strict) = limits(line);
            assert_eq!(limits.timeout, Some(Duration::from_secs(seconds)), "{line}");
            assert_eq!((limits.max_memory, is_strict), (memory, strict), "{line}");
        }
    }
}
