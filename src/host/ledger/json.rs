//! The ledger as JSON lines: a header, then one line for each call. Bytes are given by length and hash, so that the
//! file stays small. The hashes are keyed by default: from a plain one, a short secret can be guessed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use preinit_core::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{ComponentCall, Entry, Ledger, Outcome, Region};
use crate::host::component_value::ComponentValue;
use crate::host::host_options::{Clock, ImportName, Random};
use crate::host::host_value::HostValue;
use crate::host::wasi;

/// How bytes appear in the JSON lines of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LedgerHash {
    /// Hashed with a random key that is not kept. Equal bytes have equal hashes within one file only, and nobody can find
    /// the bytes by trying.
    #[default]
    Salted,
    /// Hashed as they are, for comparison with other runs. Whoever reads the file can try what they were.
    Plain,
}

/// The key of a salted hash; without one, hashes are plain.
type Salt = Option<[u8; 64]>;

#[derive(Serialize)]
struct Header<'a> {
    ledger: u32,
    hashes: &'static str,
    clock: Option<String>,
    random: Option<String>,
    preopens: &'a [String],
    /// Those of the preopened directories that were changed in memory only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overlaid: Vec<&'a str>,
    /// What of those changes was there at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files_lost: Vec<String>,
    unrecorded: Vec<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    call: usize,
    import: String,
    args: Vec<Argument<'a>>,
    /// Whether a stub has answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stub: bool,
    #[serde(flatten)]
    outcome: Ending,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<Hashed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    writes: Vec<Hashed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backtrace: Option<&'a [String]>,
}

/// The value is text, because JSON numbers do not hold 64 bits everywhere.
#[derive(Serialize)]
struct Argument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    r#type: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Results(Vec<Argument<'static>>),
    Exit(u32),
    NotProvided(bool),
    Denied(String),
    Trap(String),
}

/// A call of a component, and the calls of preview 1 that answered it.
#[derive(Serialize)]
struct ComponentLine<'a> {
    call: usize,
    import: String,
    args: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(flatten)]
    ended: Option<Ending>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answered_by: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backtrace: Option<&'a [String]>,
}

/// Numbers and names are text. What the guest or the host wrote is hashed.
#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Plain(String),
    Hashed(Digested),
    List(Vec<Value>),
    Record(BTreeMap<String, Value>),
    Case { case: String, value: Box<Value> },
}

#[derive(Serialize)]
struct Hashed {
    address: u32,
    #[serde(flatten)]
    digest: Digested,
}

#[derive(Serialize)]
struct Digested {
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_sha256: Option<String>,
}

impl Ledger {
    /// Writes the ledger as JSON lines. With plain hashes, these are the same bytes for equal ledgers.
    ///
    /// # Errors
    ///
    /// Those of `out`, and if the operating system has no random numbers for a salt.
    pub fn write_json_lines(&self, mut out: impl Write, hash: LedgerHash) -> io::Result<()> {
        let salt = match hash {
            LedgerHash::Plain => None,
            LedgerHash::Salted => {
                let mut salt = [0; 64];
                getrandom::fill(&mut salt).map_err(|error| io::Error::other(error.to_string()))?;
                Some(salt)
            }
        };
        let header = Header {
            ledger: 1,
            hashes: if salt.is_some() { "salted" } else { "plain" },
            clock: self.sources.clock.map(clock),
            random: self.sources.random.map(random),
            preopens: &self.preopens,
            overlaid: self.overlaid().collect(),
            files_lost: self.files_lost(),
            unrecorded: self.unrecorded.iter().map(ImportName::dotted).collect(),
        };
        line(&mut out, &header)?;
        if self.component_calls.is_empty() {
            for (index, entry) in self.entries().enumerate() {
                line(&mut out, &Line::new(index, entry, &salt))?;
            }
        }
        for (index, call) in self.component_calls.iter().enumerate() {
            line(&mut out, &ComponentLine::new((index, call), &self.entries, &salt))?;
        }
        Ok(())
    }
}

impl Ledger {
    /// The guest's names of the directories that were changed in memory only.
    pub fn overlaid(&self) -> impl Iterator<Item = &str> {
        let both = self.preopens.iter().zip(&self.overlaid);
        both.filter(|(_, overlaid)| **overlaid).map(|(name, _)| name.as_str())
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn clock(clock: Clock) -> String {
    match clock {
        Clock::Fixed(start) => format!("fixed:{start}"),
        Clock::Shifted { start, monotonic } => format!("fixed:{start}, monotonic:{monotonic}"),
        Clock::Real => "real".into(),
        Clock::Deny => "deny".into(),
    }
}

fn random(random: Random) -> String {
    match random {
        Random::Module => "module".into(),
        Random::Seed(seed) => format!("seed:{seed}"),
        Random::Os => "os".into(),
        Random::Deny => "deny".into(),
    }
}

impl<'a> Line<'a> {
    fn new(call: usize, entry: &'a Entry, salt: &Salt) -> Self {
        let names = wasi::function(&entry.call.import).map_or(&[][..], |function| function.params);
        let mut names = names.iter().map(|(name, _)| *name);
        Self {
            call,
            import: entry.call.import.dotted(),
            args: entry.call.args.iter().map(|value| Argument::new(names.next(), *value)).collect(),
            stub: entry.call.stubbed,
            outcome: Ending::new(&entry.outcome),
            reads: entry.call.reads.iter().map(|region| Hashed::new(region, salt)).collect(),
            writes: entry.writes.iter().map(|region| Hashed::new(region, salt)).collect(),
            backtrace: entry.call.backtrace.as_deref(),
        }
    }
}

impl<'a> Argument<'a> {
    fn new(name: Option<&'a str>, value: HostValue) -> Self {
        Self { name, r#type: value.type_name(), value: value.to_string() }
    }
}

impl Ending {
    fn new(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Results(results) => {
                Self::Results(results.iter().map(|value| Argument::new(None, *value)).collect())
            }
            Outcome::Exit(code) => Self::Exit(*code),
            Outcome::ImportCalled => Self::NotProvided(true),
            Outcome::Denied(denied) => Self::Denied(denied.what.clone()),
            Outcome::Trap(text) => Self::Trap(text.clone()),
        }
    }
}

impl Hashed {
    fn new(region: &Region, salt: &Salt) -> Self {
        Self { address: region.address, digest: Digested::new(&region.bytes, salt) }
    }
}

impl Digested {
    fn new(bytes: &[u8], salt: &Salt) -> Self {
        let (sha256, hmac_sha256) = match salt {
            None => (Some(hex(&Sha256::digest(bytes))), None),
            Some(salt) => {
                let mut mac = Hmac::<Sha256>::new(&(*salt).into());
                mac.update(bytes);
                (None, Some(hex(&mac.finalize().into_bytes())))
            }
        };
        Self { length: bytes.len(), sha256, hmac_sha256 }
    }
}

impl<'a> ComponentLine<'a> {
    fn new((index, call): (usize, &'a ComponentCall), entries: &'a [Arc<Entry>], salt: &Salt) -> Self {
        let entries = call.answered_by.clone().zip(entries.get(call.answered_by.clone()).unwrap_or_default());
        Self {
            call: index,
            import: call.import.dotted(),
            args: call.args.iter().map(|value| Value::new(value, salt)).collect(),
            result: call.result.as_ref().map(|value| Value::new(value, salt)),
            ended: call.ended.as_ref().map(Ending::new),
            answered_by: entries.map(|(index, entry)| Line::new(index, entry, salt)).collect(),
            backtrace: call.backtrace.as_deref(),
        }
    }
}

impl Value {
    fn new(value: &ComponentValue, salt: &Salt) -> Self {
        let all = |values: &[ComponentValue]| {
            Self::List(values.iter().map(|value| Self::new(value, salt)).collect())
        };
        let case = |name: &str, value: &Option<Box<ComponentValue>>| match value {
            Some(value) => Self::Case { case: name.to_owned(), value: Box::new(Self::new(value, salt)) },
            None => Self::Plain(name.to_owned()),
        };
        match value {
            ComponentValue::Text(text) => Self::Hashed(Digested::new(text.as_bytes(), salt)),
            ComponentValue::Bytes(bytes) => Self::Hashed(Digested::new(bytes, salt)),
            ComponentValue::List(values) | ComponentValue::Tuple(values) => all(values),
            ComponentValue::Record(fields) => Self::Record(
                fields.iter().map(|(name, value)| (name.clone(), Self::new(value, salt))).collect(),
            ),
            ComponentValue::Variant(name, value) => case(name, value),
            ComponentValue::Option(None) => Self::Plain("none".to_owned()),
            ComponentValue::Option(value) => case("some", value),
            ComponentValue::Result(Ok(value)) => case("ok", value),
            ComponentValue::Result(Err(value)) => case("err", value),
            ComponentValue::Flags(names) => Self::List(names.iter().cloned().map(Self::Plain).collect()),
            plain => Self::Plain(plain.to_string()),
        }
    }
}
