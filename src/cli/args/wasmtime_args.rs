//! The options of `wasmtime wizer`, as far as they mean something here.

use std::time::Duration;

use clap::Args;
use preinit::stages::printable::Printable;

use super::{LimitArgs, SnapshotArgs, usage_error, wizer_switches};
use crate::cli::parse::{byte_count, fuel_amount, time_span};

/// Wasmtime's groups of options. Each holds `KEY[=VALUE]`, several divided by commas.
#[derive(Debug, Default, Args)]
pub struct WasmtimeArgs {
    /// WASI: `cli` and `inherit-env` are `--allow-wasi` and `--inherit-env`
    #[arg(short = 'S', long = "wasi", value_name = "KEY[=VAL][,..]", hide = true)]
    pub wasi: Vec<String>,

    /// WebAssembly: limits and features
    #[arg(short = 'W', long = "wasm", value_name = "KEY[=VAL][,..]", hide = true)]
    pub wasm: Vec<String>,

    /// Optimization
    #[arg(short = 'O', long = "optimize", value_name = "KEY[=VAL][,..]", hide = true)]
    pub optimization: Vec<String>,

    /// Code generation
    #[arg(short = 'C', long = "codegen", value_name = "KEY[=VAL][,..]", hide = true)]
    pub codegen: Vec<String>,

    /// Debugging
    #[arg(short = 'D', long = "debug", value_name = "KEY[=VAL][,..]", hide = true)]
    pub debug: Vec<String>,
}

/// One of the options in a group.
#[derive(Clone, Copy)]
struct Setting<'a> {
    group: char,
    key: &'a str,
    value: Option<&'a str>,
}

impl WasmtimeArgs {
    /// Sets the limits alone, which hold from the beginning. What is wrong with them is said when all is set.
    pub fn limit(&self, limits: &mut LimitArgs) {
        for setting in settings('W', &self.wasm) {
            let _ = setting.limit(limits);
        }
    }

    /// Sets the options of ours that mean the same. Gives a warning for each that has no effect.
    pub fn apply(self, args: &mut SnapshotArgs) -> anyhow::Result<Vec<String>> {
        let mut ignored = Vec::new();
        for setting in settings('S', &self.wasi) {
            match setting.key {
                "cli" | "common" => args.host.allow_wasi = setting.is_on()?,
                "inherit-env" => args.host.inherit_env = Some(setting.is_on()?),
                _ => ignored.extend(setting.ignored()),
            }
        }
        for setting in settings('W', &self.wasm) {
            match setting.key {
                // What happens anyway.
                "unknown-imports-trap" => {}
                "unknown-imports-default" => args.host.stub_all = setting.is_on()?,
                _ if setting.limit(&mut args.limits)? => {}
                key if wizer_switches::is_feature(key) => {
                    setting.is_on()?;
                }
                _ => ignored.extend(setting.ignored()),
            }
        }
        for (group, typed) in [('O', &self.optimization), ('C', &self.codegen), ('D', &self.debug)] {
            ignored.extend(settings(group, typed).filter_map(Setting::ignored));
        }
        Ok(ignored)
    }
}

fn settings(group: char, typed: &[String]) -> impl Iterator<Item = Setting<'_>> {
    typed.iter().flat_map(|typed| typed.split(',')).filter(|setting| !setting.is_empty()).map(
        move |setting| match setting.split_once('=') {
            Some((key, value)) => Setting { group, key, value: Some(value) },
            None => Setting { group, key: setting, value: None },
        },
    )
}

impl Setting<'_> {
    /// Sets a limit, if it is one.
    fn limit(self, limits: &mut LimitArgs) -> anyhow::Result<bool> {
        match self.key {
            "timeout" => limits.timeout = self.parsed::<Option<Duration>>(time_span::limit)?,
            "max-memory-size" => limits.max_memory = self.parsed(byte_count::parse)?,
            "fuel" => limits.fuel = Some(self.parsed(fuel_amount::parse)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Wasmtime's switches: alone they are on.
    fn is_on(self) -> anyhow::Result<bool> {
        match self.value {
            None | Some("y" | "yes" | "true") => Ok(true),
            Some("n" | "no" | "false") => Ok(false),
            Some(_) => Err(self.wrong("expected `y` or `n`")),
        }
    }

    fn parsed<T>(self, parse: fn(&str) -> Result<T, String>) -> anyhow::Result<T> {
        parse(self.value.unwrap_or_default()).map_err(|message| self.wrong(&message))
    }

    fn wrong(self, message: &str) -> anyhow::Error {
        usage_error(&format!("invalid value for `-{} {}`: {message}", self.group, self.key))
    }

    /// What is switched off is no loss.
    fn ignored(self) -> Option<String> {
        let Setting { group, key, value } = self;
        let is_off = matches!(value, Some("n" | "no" | "false"));
        (!is_off).then(|| format!("`-{group} {}` has no effect here", Printable(key)))
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::args::parse;
    use crate::cli::called_as::CalledAs;

    fn applied(line: &str) -> (crate::cli::args::SnapshotArgs, Vec<String>) {
        let words = format!("preinit {line} in.wasm");
        let mut args = parse(words.split(' ').map(Into::into), CalledAs::Preinit).unwrap().snapshot;
        let warnings = std::mem::take(&mut args.wasmtime).apply(&mut args).unwrap();
        (args, warnings)
    }

    #[test]
    fn what_means_the_same_is_set() {
        let (args, warnings) = applied("-S cli,inherit-env=y -W timeout=2s,fuel=7 -W max-memory-size=65536");
        assert!(args.host.allow_wasi && args.host.inherit_env == Some(true) && warnings.is_empty());
        assert_eq!((args.limits.fuel, args.limits.max_memory), (Some(7), 65536));
        assert_eq!(args.limits.timeout, Some(std::time::Duration::from_secs(2)));
        let (args, warnings) = applied("-Scli=n -Wunknown-imports-default,bulk-memory,simd=n");
        assert!(!args.host.allow_wasi && args.host.stub_all && warnings.is_empty());
    }

    #[test]
    fn limits_hold_from_the_beginning() {
        for (called_as, line) in [
            (CalledAs::Preinit, "-W timeout=2s,max-memory-size=65536,fuel=7"),
            (CalledAs::Wizer, "-W timeout=2s -W max-memory-size=65536 -W fuel=7"),
            (CalledAs::Preinit, "--untrusted -Wtimeout=2s,max-memory-size=65536,fuel=7 --strip-init"),
        ] {
            let words = format!("preinit {line} in.wasm");
            let limits = parse(words.split(' ').map(Into::into), called_as).unwrap().snapshot.limits;
            assert_eq!(limits.timeout, Some(std::time::Duration::from_secs(2)), "{line}");
            assert_eq!((limits.max_memory, limits.fuel), (65536, Some(7)), "{line}");
        }
    }

    #[test]
    fn the_rest_is_said() {
        let (_, warnings) = applied("-S http,nn=n -O opt-level=2 -D debug-info -W concurrency-support");
        let expected = ["`-S http`", "`-W concurrency-support`", "`-O opt-level`", "`-D debug-info`"];
        assert_eq!(warnings, expected.map(|setting| format!("{setting} has no effect here")));
    }
}
