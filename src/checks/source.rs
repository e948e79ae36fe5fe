//! What init may depend on, and how it can be given other values.

use crate::host::{Clock, Descriptors, Entry, HostOptions, Ledger, Random, Stdin, StubCalls, WasiOptions};

use preinit_core::printable::Printable;

/// Something of the outside that a snapshot may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Random,
    /// The same numbers with every bit the other way: two generators agree in half of all bits.
    RandomBits,
    Clock,
    /// An environment variable, by its position.
    Variable(usize),
    /// Whether that environment variable is there.
    Presence(usize),
    /// An argument, by its position.
    Argument(usize),
    Stdin,
    /// The answers of a stub, by its position among those that have given values.
    Stub(usize),
}

/// What init was given: the values of sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'g> {
    pub wasi: &'g WasiOptions,
    /// The stubs that have given values.
    pub stubs: &'g [StubCalls],
}

impl Given<'_> {
    /// The import, as `module.name`.
    fn stub(&self, index: usize) -> &str {
        self.stubs.get(index).map_or("", |stub| &stub.import)
    }
}

/// The seed of the runs with other random numbers. [`Random::Seed`] with it repeats them.
pub const OTHER_SEED: u64 = 0x0005_eed0_fad1_ff00;

/// The shift of the real-time clock: 3 years, 45 days, 6 hours, 7 minutes, 8.123456789 seconds, so that every field of a date
/// changes.
const LATER: u64 = ((3 * 365 + 45) * 86_400 + 6 * 3600 + 7 * 60 + 8) * 1_000_000_000 + 123_456_789;

/// The shift of the monotonic clock, in nanoseconds: 11.1 days.
const MONOTONIC_LATER: u64 = 961_234_567_891_011;

impl Source {
    /// The sources that init has fetched. Variables, arguments and standard input come last.
    pub fn fetched(Given { wasi, stubs }: Given<'_>, ledger: &Ledger) -> Vec<Source> {
        let called = |name| ledger.wasi_calls(name).next().is_some();
        let mut sources = Vec::new();
        if ledger.random_bytes() > 0 {
            sources.push(Source::Random);
        }
        if ledger.used_clock() {
            sources.push(Source::Clock);
        }
        if called("environ_get") {
            sources.extend((0..wasi.env.len()).map(Source::Variable));
            sources.extend((0..wasi.env.len()).map(Source::Presence));
        }
        if called("args_get") {
            sources.extend((0..wasi.args.len()).map(Source::Argument));
        }
        if !ledger.stdin().is_empty() {
            sources.push(Source::Stdin);
        }
        sources.extend((0..stubs.len()).map(Source::Stub));
        sources
    }

    /// Whether it is a text that a canary can replace.
    pub fn is_text(self) -> bool {
        matches!(self, Source::Variable(_) | Source::Argument(_) | Source::Stdin)
    }

    /// The environment variable that it is about.
    pub fn variable(self) -> Option<usize> {
        match self {
            Source::Variable(index) | Source::Presence(index) => Some(index),
            _ => None,
        }
    }

    /// Its name in lists: of a variable, the name alone.
    pub fn name(self, given: Given<'_>) -> String {
        match self {
            Source::Variable(index) | Source::Presence(index) => {
                format!("`{}`", given.wasi.env.get(index).map_or("", |(name, _)| name))
            }
            source => source.describe(given),
        }
    }

    /// Its name in sentences.
    pub fn describe(self, given: Given<'_>) -> String {
        match self {
            Source::Random | Source::RandomBits => "random numbers".to_string(),
            Source::Clock => "the time".to_string(),
            Source::Variable(_) => format!("environment variable {}", self.name(given)),
            Source::Presence(_) => format!("whether environment variable {} is set", self.name(given)),
            Source::Argument(index) => format!("argument {index}"),
            Source::Stdin => "standard input".to_string(),
            Source::Stub(index) => format!("the answers of the stub `{}`", Printable(given.stub(index))),
        }
    }

    /// For keys of findings.
    pub fn key(self) -> &'static str {
        match self {
            Source::Random | Source::RandomBits => "random",
            Source::Clock => "clock",
            Source::Variable(_) | Source::Presence(_) => "env",
            Source::Argument(_) => "args",
            Source::Stdin => "stdin",
            Source::Stub(_) => "stub",
        }
    }

    /// Whether a call fetches it.
    pub fn is_fetched_by(self, given: Given<'_>, descriptors: &Descriptors, entry: &Entry) -> bool {
        match (self, entry.call.wasi()) {
            (Source::Random | Source::RandomBits, Some("random_get"))
            | (Source::Clock, Some("clock_time_get" | "poll_oneoff"))
            | (Source::Variable(_) | Source::Presence(_), Some("environ_get"))
            | (Source::Argument(_), Some("args_get")) => true,
            (Source::Stdin, _) => entry.call.reads_stdin(descriptors),
            (Source::Stub(index), _) => entry.call.stubbed && entry.call.import.dotted() == given.stub(index),
            _ => false,
        }
    }

    /// Gives this source another value.
    pub fn vary(self, given: Given<'_>, host: &mut HostOptions) {
        match (self, &mut host.wasi) {
            (Source::Stub(index), _) => host.stubs_of_ones.push(given.stub(index).to_string()),
            (_, Some(wasi)) => self.vary_wasi(given, wasi),
            (_, None) => {}
        }
    }

    /// What the environment variables that `sources` take away are called instead.
    pub fn renamed(sources: &[Source], given: Given<'_>) -> Vec<(String, String)> {
        let mut wasi = given.wasi.clone();
        sources.iter().for_each(|source| source.vary_wasi(given, &mut wasi));
        let names = given.wasi.env.iter().zip(wasi.env);
        names
            .filter(|((name, _), (other, _))| name != other)
            .map(|((name, _), (other, _))| (name.clone(), other))
            .collect()
    }

    fn vary_wasi(self, given: Given<'_>, wasi: &mut WasiOptions) {
        match self {
            Source::Random => {
                let taken = wasi.random == Random::Seed(OTHER_SEED);
                wasi.random = Random::Seed(OTHER_SEED + u64::from(taken));
            }
            Source::RandomBits => wasi.complement_random = !wasi.complement_random,
            Source::Clock => {
                let start = if let Clock::Fixed(start) = wasi.clock { start } else { Clock::DEFAULT_START };
                wasi.clock = Clock::Shifted {
                    start: start.saturating_add(LATER),
                    monotonic: Clock::MONOTONIC_START + MONOTONIC_LATER,
                };
            }
            Source::Variable(index) => {
                if let Some((_, value)) = wasi.env.get_mut(index) {
                    *value = canary(value);
                }
            }
            Source::Presence(index) => {
                if let Some((name, _)) = wasi.env.get(index) {
                    let other = other_name(name, &[&given.wasi.env, &wasi.env]);
                    wasi.env[index].0 = other;
                }
            }
            Source::Argument(index) => {
                if let Some(value) = wasi.args.get_mut(index) {
                    *value = canary(value);
                }
            }
            Source::Stdin => {
                if let Stdin::Bytes(bytes) = &mut wasi.stdin {
                    *bytes = canary_bytes(bytes);
                }
            }
            Source::Stub(_) => {}
        }
    }
}

/// Another text of the same length and kind, so that nothing changes except what depends on the text: letters become
/// letters, digits digits.
fn canary(text: &str) -> String {
    let other: String =
        text.chars().map(|c| if c.is_ascii() { char::from(next(c as u8)) } else { c }).collect();
    match other == text {
        false => other,
        true if text.is_empty() => "x".to_string(),
        true => text.chars().map(|c| if c.is_ascii() { 'x' } else { 'é' }).collect::<String>() + suffix(text),
    }
}

/// What a text needs more, if replacing every character by `x` or `é` leaves it as it is.
fn suffix(text: &str) -> &'static str {
    if text.chars().all(|c| c == 'x' || c == 'é') { "x" } else { "" }
}

/// A name of the same length that none of these variables has: with the variable gone, the others would lie elsewhere.
fn other_name(name: &str, taken: &[&[(String, String)]]) -> String {
    let is_free = |other: &String| taken.iter().all(|env| env.iter().all(|(name, _)| name != other));
    let rotated = |by: u8| name.chars().map(|c| rotate(c, by)).collect::<String>();
    (1..26).map(rotated).find(is_free).unwrap_or_else(|| format!("{name}_OTHER"))
}

fn rotate(letter: char, by: u8) -> char {
    match letter {
        'a'..='z' => char::from(b'a' + (letter as u8 - b'a' + by) % 26),
        'A'..='Z' => char::from(b'A' + (letter as u8 - b'A' + by) % 26),
        _ => letter,
    }
}

fn canary_bytes(bytes: &[u8]) -> Vec<u8> {
    let other: Vec<u8> = bytes.iter().map(|byte| next(*byte)).collect();
    if other == bytes { bytes.iter().map(|byte| byte ^ 1).collect() } else { other }
}

fn next(byte: u8) -> u8 {
    match byte {
        // Many a switch is on with every number but one.
        b'1' => b'0',
        b'a'..=b'y' | b'A'..=b'Y' | b'0' | b'2'..=b'8' => byte + 1,
        b'z' => b'a',
        b'Z' => b'A',
        b'9' => b'0',
        _ => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::{canary, canary_bytes, other_name};

    #[test]
    fn a_canary_is_another_text_of_the_same_kind() {
        for text in ["secret", "9", "/", "", "x", "é", "日本", "A-1_z", "xx"] {
            assert_ne!(canary(text), text);
        }
        assert_eq!(canary("Zz9-a"), "Aa0-b");
        assert_eq!((canary("0"), canary("1")), ("1".to_string(), "0".to_string()));
        assert_eq!(canary("/usr/lib").len(), "/usr/lib".len());
        assert_ne!(canary_bytes(&[0, 255]), [0, 255]);
    }

    #[test]
    fn another_name_is_nobody_s_and_as_long() {
        let env =
            |names: &[&str]| names.iter().map(|name| (name.to_string(), String::new())).collect::<Vec<_>>();
        assert_eq!(other_name("HOME_1z", &[&env(&["HOME_1z"])]), "IPNF_1a");
        assert_eq!(other_name("A", &[&env(&["A", "B"]), &env(&["C"])]), "D");
        assert_eq!(other_name("_1", &[&env(&["_1"])]), "_1_OTHER");
    }
}
