//! From the arguments about the host to the library's options.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use preinit::host::{
    Access, Class, Clock, Directory, HostOptions, ImportName, Limits, Output as GuestOutput, Policies,
    Preload, Stdin, WasiOptions,
};

use preinit::stages::PrintablePath;
use preinit::stages::printable::Printable;
use preinit::stages::way::Way;

use super::advice;
use super::args::{HostArgs, LimitArgs};
use super::input::{self, Reading};
use super::parse::host_choice::ClockChoice;
use super::parse::name_pair::{Mapping, Variable};

/// The bounds that were typed.
pub fn limits(args: &LimitArgs) -> Limits {
    Limits { timeout: args.timeout, max_memory: args.max_memory, fuel: args.fuel }
}

/// The host that was typed. `capture_stdout` holds back what the guest prints there; `reading` is for
/// modules that provide imports, and for what init reads.
pub fn host_options(
    args: &HostArgs,
    reading: Reading<'_>,
    capture_stdout: bool,
    warnings: &mut Vec<String>,
) -> anyhow::Result<HostOptions> {
    let mut preloads = Vec::new();
    for preload in &args.preloads {
        preloads.push(Preload { name: preload.name.clone(), wasm: input::read(&preload.file, reading)? });
    }
    let mut policies = Policies::default();
    for &(class, policy) in &args.policies {
        let chosen = Class::ALL.into_iter().filter(|other| class.is_none_or(|class| class == *other));
        chosen.for_each(|class| policies.set(class, policy));
    }
    let wasi = if args.allow_wasi {
        Some(wasi_options(args, reading, capture_stdout, warnings)?)
    } else {
        let without_effect = args.wasi_only();
        if !without_effect.is_empty() {
            warnings.push(format!("without --allow-wasi, no effect: {}", without_effect.join(", ")));
        }
        None
    };
    let stubs = args.stubs.iter().flat_map(|stub| possible_imports(stub)).collect();
    Ok(HostOptions {
        wasi,
        preloads,
        stubs,
        stub_all: args.stub_all,
        policies,
        show_values: args.show_values,
        ..HostOptions::default()
    })
}

/// Both names of an import may hold dots, so there are as many imports to stub as there are dots. A component's function comes
/// after `#`, or is all that there is.
fn possible_imports(stub: &str) -> impl Iterator<Item = ImportName> {
    let places = stub.match_indices(['.', '#']);
    let plain = (!stub.contains(['.', '#'])).then(|| ImportName::new("", stub));
    places.map(|(place, _)| ImportName::new(&stub[..place], &stub[place + 1..])).chain(plain)
}

fn wasi_options(
    args: &HostArgs,
    reading: Reading<'_>,
    capture_stdout: bool,
    warnings: &mut Vec<String>,
) -> anyhow::Result<WasiOptions> {
    let inherit = args.inherit_stdio.unwrap_or(true);
    // A terminal obeys what it gets, so it gets what a guest prints as it is only where that was asked for.
    let output = match args.inherit_stdio {
        None => GuestOutput::InheritEscaped,
        Some(true) => GuestOutput::Inherit,
        Some(false) => GuestOutput::Discard,
    };
    let defaults = WasiOptions::default();
    Ok(WasiOptions {
        env: environment(args.inherit_env == Some(true), &args.env, warnings),
        args: args.args.clone(),
        stdin: stdin(args, reading)?,
        stdout: match inherit {
            true if capture_stdout => GuestOutput::Capture,
            _ => output,
        },
        stderr: output,
        dirs: directories(args)?,
        clock: clock(args.clock, warnings),
        random: args.random.unwrap_or(defaults.random),
        complement_random: false,
        file_times: args.file_times.unwrap_or(defaults.file_times),
    })
}

/// What init reads: a file that is named is its program, say. What is this process's anyway may be somebody else's.
fn stdin(args: &HostArgs, reading: Reading<'_>) -> anyhow::Result<Stdin> {
    Ok(match (&args.stdin, args.inherit_stdio) {
        (Some(path), _) => Stdin::Bytes(reading.read_file(path)?),
        (None, None) => Stdin::InheritUnasked,
        (None, Some(true)) => Stdin::Inherit,
        (None, Some(false)) => Stdin::Empty,
    })
}

/// The clock that was typed, or the one that the build system asks all its tools to take for now.
pub fn clock(typed: Option<ClockChoice>, warnings: &mut Vec<String>) -> Clock {
    match typed {
        Some(ClockChoice::Clock(clock)) => return clock,
        Some(ClockChoice::Now) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Clock::Fixed(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
        }
        None => {}
    }
    let Some(epoch) = std::env::var_os(SOURCE_DATE_EPOCH) else { return Clock::default() };
    let seconds = epoch.to_str().and_then(|epoch| epoch.parse::<u64>().ok());
    match seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000)) {
        Some(start) => Clock::Fixed(start),
        None => {
            warnings.push(format!("{SOURCE_DATE_EPOCH} is not a number of seconds since 1970: ignored"));
            Clock::default()
        }
    }
}

/// Seconds since 1970 (reproducible-builds.org/specs/source-date-epoch).
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// A later directory replaces an earlier one of the same name.
fn directories(args: &HostArgs) -> anyhow::Result<Vec<Directory>> {
    let overlaid = args.dirs.iter().chain(&args.mapdirs).map(|mapping| (mapping, Access::Overlay));
    let readable = args.readable_dirs.iter().map(|mapping| (mapping, Access::ReadOnly));
    let writable = args.writable_dirs.iter().map(|mapping| (mapping, Access::ReadWrite));
    let mut directories: Vec<Directory> = Vec::new();
    for (mapping, access) in overlaid.chain(readable).chain(writable) {
        let Mapping { guest, host } = mapping;
        // A link that the module has made in one of them must not open another directory to it.
        let others = args.writable_dirs.iter().filter(|other| !std::ptr::eq(*other, mapping));
        Way::to(host, others.map(|other| other.host.as_path())).with_context(|| {
            format!("cannot give `{}` to the module as `{}`", PrintablePath(host), Printable(guest))
        })?;
        // Found before the module is compiled, which may take a while.
        std::fs::read_dir(host).with_context(|| {
            let message = format!(
                "cannot open directory `{}`, which the guest would see as `{}`",
                PrintablePath(host),
                Printable(guest)
            );
            advice::with_advice(&message, Some(advice::OF_DIRECTORY.to_owned()))
        })?;
        directories.retain(|other| other.guest != *guest);
        directories.push(Directory { guest: guest.clone(), host: host.clone(), access });
    }
    Ok(directories)
}

/// Later variables replace earlier ones. Those of this process are sorted, so that their order decides nothing.
pub fn environment(
    inherit: bool,
    variables: &[Variable],
    warnings: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut environment = if inherit { own_environment(warnings) } else { Vec::new() };
    for Variable { key, value } in variables {
        environment.retain(|(other, _)| other != key);
        match value.clone().or_else(|| std::env::var(key).ok()) {
            Some(value) => environment.push((key.clone(), value)),
            None => warnings.push(format!(
                "environment variable `{}` is not set here, or not Unicode: left out",
                Printable(key)
            )),
        }
    }
    environment
}

/// The variables of this process, sorted.
fn own_environment(warnings: &mut Vec<String>) -> Vec<(String, String)> {
    let mut environment = Vec::new();
    for (key, value) in std::env::vars_os() {
        match (key.into_string(), value.into_string()) {
            (Ok(key), Ok(value)) => environment.push((key, value)),
            (Ok(key), Err(_)) => {
                warnings.push(format!("environment variable `{}` is not Unicode: left out", Printable(&key)));
            }
            (Err(key), _) => {
                let key = key.to_string_lossy();
                warnings.push(format!("environment variable `{}` is not Unicode: left out", Printable(&key)));
            }
        }
    }
    environment.sort();
    environment
}

#[cfg(test)]
mod tests {
    use super::{environment, limits, possible_imports};
    use crate::cli::args;
    use crate::cli::called_as::CalledAs;
    use crate::cli::parse::name_pair::variable;

    #[test]
    fn the_last_value_counts() {
        let mut warnings = Vec::new();
        let variables = ["A=1", "B=2", "A=3"].map(|text| variable(text).unwrap());
        let environment = environment(false, &variables, &mut warnings);
        assert_eq!(environment, [("B".into(), "2".into()), ("A".into(), "3".into())]);
        assert!(warnings.is_empty());
    }

    #[test]
    fn the_limits_that_help_names_are_the_library_s() {
        let cli = args::parse(["preinit".into()], CalledAs::Preinit).unwrap();
        assert_eq!(limits(&cli.snapshot.limits), preinit::Options::default().limits);
    }

    #[test]
    fn dots_in_names() {
        let imports: Vec<_> =
            possible_imports("gojs.runtime.ticks").map(|import| (import.module, import.name)).collect();
        assert_eq!(
            imports,
            [("gojs".into(), "runtime.ticks".into()), ("gojs.runtime".into(), "ticks".into())]
        );
    }
}
