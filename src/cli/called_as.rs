//! By which name the command was called. As `wizer` it behaves as Wizer does.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The name that decides what the command line means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalledAs {
    /// `preinit`, or any other name.
    #[default]
    Preinit,
    /// `wizer`, as a link, a copy, or the first word after `preinit`, as `wasmtime wizer` has it: nothing is printed on
    /// success, exit codes and the names of init functions are Wizer's.
    Wizer,
}

/// Wizer's names of the init function: that of today, and that of Wizer 10 and before.
pub const WIZER_INIT_FUNCTIONS: [&str; 2] = ["wizer-initialize", "wizer.initialize"];

impl CalledAs {
    /// Takes apart the words of the command line, the program's name first: `preinit wizer` is one name.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> (CalledAs, Vec<OsString>) {
        let mut words: Vec<OsString> = words.into_iter().collect();
        if words.first().is_some_and(|name| is_wizer(name)) {
            return (CalledAs::Wizer, words);
        }
        if words.get(1).is_some_and(|word| word == "wizer") {
            words.remove(1);
            return (CalledAs::Wizer, words);
        }
        (CalledAs::Preinit, words)
    }
}

fn is_wizer(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let name = if cfg!(windows) { name.to_ascii_lowercase() } else { name.to_owned() };
    name.strip_suffix(".exe").unwrap_or(&name) == "wizer"
}

#[cfg(test)]
mod tests {
    use super::CalledAs::{self, Preinit, Wizer};

    #[test]
    fn the_file_name_or_the_first_word_decides() {
        for (line, expected, left) in [
            ("preinit in.wasm", Preinit, 2),
            ("/usr/bin/wizer in.wasm", Wizer, 2),
            ("node_modules/.bin/wizer", Wizer, 1),
            ("wizer.exe -o x", Wizer, 3),
            ("preinit wizer in.wasm", Wizer, 2),
            ("/opt/wizer/preinit in.wasm", Preinit, 2),
            ("wizer wizer", Wizer, 2),
            ("preinit in.wasm wizer", Preinit, 3),
            ("wizer-11 in.wasm", Preinit, 2),
        ] {
            let (called_as, words) = CalledAs::of(line.split(' ').map(Into::into));
            assert_eq!((called_as, words.len()), (expected, left), "{line}");
        }
    }
}
