//! The ledger as JSON lines: a header, then one line for each call. Bytes are given by length and hash, so that the
//! file holds no secrets and stays small.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Entry, Ledger, Outcome, Region};
use crate::host::host_options::{Clock, ImportName, Random};
use crate::host::host_value::HostValue;
use crate::host::wasi;

#[derive(Serialize)]
struct Header<'a> {
    ledger: u32,
    clock: Option<String>,
    random: Option<String>,
    preopens: &'a [String],
    unrecorded: Vec<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    call: usize,
    import: String,
    args: Vec<Argument<'a>>,
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

#[derive(Serialize)]
struct Hashed {
    address: u32,
    length: usize,
    sha256: String,
}

impl Ledger {
    /// Writes the ledger as JSON lines, the same bytes for equal ledgers.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn write_json_lines(&self, mut out: impl Write) -> io::Result<()> {
        let header = Header {
            ledger: 1,
            clock: self.sources.clock.map(clock),
            random: self.sources.random.map(random),
            preopens: &self.preopens,
            unrecorded: self.unrecorded.iter().map(ImportName::dotted).collect(),
        };
        line(&mut out, &header)?;
        for (index, entry) in self.entries().enumerate() {
            line(&mut out, &Line::new(index, entry))?;
        }
        Ok(())
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
    fn new(call: usize, entry: &'a Entry) -> Self {
        let names = entry.call.wasi().and_then(wasi::function).map_or(&[][..], |function| function.params);
        let mut names = names.iter().map(|(name, _)| *name);
        Self {
            call,
            import: entry.call.import.dotted(),
            args: entry.call.args.iter().map(|value| Argument::new(names.next(), *value)).collect(),
            outcome: Ending::new(&entry.outcome),
            reads: entry.call.reads.iter().map(Hashed::new).collect(),
            writes: entry.writes.iter().map(Hashed::new).collect(),
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
    fn new(region: &Region) -> Self {
        let digest = Sha256::digest(&region.bytes);
        Self {
            address: region.address,
            length: region.bytes.len(),
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
