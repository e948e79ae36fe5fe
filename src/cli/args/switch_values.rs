//! Switches with a value as the next word.
//!
//! Wizer's switches may be followed by `true` or `false`. To clap an optional value in a word of its own is any next
//! word, also the input's path; so here `--switch true` becomes `--switch=true`, and clap is told that a value needs
//! the `=`.

use std::ffi::OsString;

use clap::{Arg, Command};

/// The words with every switch and its value in one. `definition` tells which options are switches.
pub fn join_switch_values(definition: &Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.into_iter().peekable();
    let mut joined = Vec::new();
    while let Some(mut word) = words.next() {
        if word == "--" {
            joined.push(word);
            break;
        }
        match word.to_str().map_or(Next::Free, |word| next(definition, word)) {
            Next::SwitchValue => {
                if let Some(value) = words.next_if(|next| next == "true" || next == "false") {
                    word.push("=");
                    word.push(value);
                }
                joined.push(word);
            }
            // Whatever it looks like, it is not a switch.
            Next::Value => {
                joined.push(word);
                joined.extend(words.next());
            }
            Next::Free => joined.push(word),
        }
    }
    joined.extend(words);
    joined
}

/// What a word says about the word after it.
enum Next {
    SwitchValue,
    Value,
    Free,
}

fn next(definition: &Command, word: &str) -> Next {
    if let Some(long) = word.strip_prefix("--") {
        // `--name=value` is complete, and matches no option's name.
        let option = definition.get_arguments().find(|option| {
            option.get_long() == Some(long)
                || option.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
        });
        return option.map_or(Next::Free, after);
    }
    let Some(shorts) = word.strip_prefix('-') else { return Next::Free };
    let mut rest = shorts.chars();
    while let Some(short) = rest.next() {
        let option = definition.get_arguments().find(|option| option.get_short() == Some(short));
        if option.is_some_and(|option| matches!(after(option), Next::Value)) {
            // `-oOUT` and `-o=OUT` are complete.
            return if rest.as_str().is_empty() { Next::Value } else { Next::Free };
        }
    }
    Next::Free
}

fn after(option: &Arg) -> Next {
    if !option.get_action().takes_values() {
        Next::Free
    } else if option.is_require_equals_set() {
        Next::SwitchValue
    } else {
        Next::Value
    }
}

#[cfg(test)]
mod tests {
    use super::join_switch_values;
    use crate::cli::args::definition;

    fn joined(line: &str) -> String {
        let words = join_switch_values(&definition(), line.split(' ').map(Into::into));
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn values_are_joined() {
        for (typed, expected) in [
            ("preinit --keep-init-func true in.wasm", "preinit --keep-init-func=true in.wasm"),
            ("preinit --inherit-stdio false in.wasm", "preinit --inherit-stdio=false in.wasm"),
            ("preinit --wasm-bulk-memory true -o o i", "preinit --wasm-bulk-memory=true -o o i"),
            ("preinit --allow-wasi true", "preinit --allow-wasi=true"),
        ] {
            assert_eq!(joined(typed), expected);
        }
    }

    #[test]
    fn everything_else_stays() {
        for line in [
            "preinit --keep-init-func in.wasm",
            "preinit --keep-init-func=false true",
            "preinit --inherit-stdio yes",
            "preinit -v true",
            "preinit true",
            "preinit --unknown true",
            "preinit -f --opt true",
            "preinit -f=init --report --opt true",
            "preinit -vo --opt true",
            "preinit --arg --opt true",
            "preinit --func-rename --opt true",
            "preinit -- --opt true",
            "preinit --opt",
        ] {
            assert_eq!(joined(line), line);
        }
    }
}
