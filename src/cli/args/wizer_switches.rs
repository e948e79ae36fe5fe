//! Wizer's feature switches, which have no effect here.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

/// The names of the switches: Wizer's first, then what a Wizer of today would have.
const SWITCHES: [&str; 21] = [
    "relaxed-simd-deterministic",
    "wasm-bulk-memory",
    "wasm-multi-memory",
    "wasm-multi-value",
    "wasm-reference-types",
    "wasm-relaxed-simd",
    "wasm-simd",
    "wasm-custom-page-sizes",
    "wasm-exceptions",
    "wasm-extended-const",
    "wasm-function-references",
    "wasm-gc",
    "wasm-memory64",
    "wasm-module-linking",
    "wasm-mutable-global",
    "wasm-nontrapping-fptoint",
    "wasm-sign-ext",
    "wasm-stack-switching",
    "wasm-tail-call",
    "wasm-threads",
    "wasm-wide-arithmetic",
];

/// Accepts all of them and keeps none.
#[derive(Debug)]
pub struct IgnoredArgs;

impl Args for IgnoredArgs {
    fn augment_args(command: Command) -> Command {
        command.args(SWITCHES.iter().map(|name| {
            Arg::new(*name).long(*name).action(ArgAction::Set).value_parser(value_parser!(bool)).hide(true)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for IgnoredArgs {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}

/// Whether `-W` has a switch of this name.
pub fn is_feature(key: &str) -> bool {
    SWITCHES.iter().any(|switch| *switch == key || switch.strip_prefix("wasm-") == Some(key))
}

/// All switches for the help, one a line.
pub fn listing() -> String {
    let mut text = String::new();
    for line in SWITCHES.chunks(3) {
        let names: Vec<_> = line.iter().map(|name| format!("--{name:<28}")).collect();
        text.push_str("      ");
        text.push_str(names.concat().trim_end());
        text.push('\n');
    }
    text
}
