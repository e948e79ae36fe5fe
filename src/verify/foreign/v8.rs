//! V8, in a process of its own.

use super::{Exposed, Failure, Machine, Reply, Seen, State};
use crate::host::{Entry, HostValue, Outcome, Region};
use preinit_core::snapshot::{Reference, Value};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;
use wasmparser::{RefType, ValType};

const PLAYER: &str = include_str!("v8.mjs");

/// The environment variable that names the executable of Node, if it is not `node`.
const NODE: &str = "PREINIT_NODE";

/// Time for one request.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct V8 {
    exposed: Exposed,
    child: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<std::io::Result<String>>,
    directory: TempDir,
}

impl V8 {
    pub fn new(exposed: Exposed) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot hand the module to node: {error}");
        let directory = tempfile::tempdir().map_err(failed)?;
        let wasm = directory.path().join("module.wasm");
        let player = directory.path().join("player.mjs");
        std::fs::write(&wasm, &exposed.wasm).map_err(failed)?;
        std::fs::write(&player, PLAYER).map_err(failed)?;
        let function = |(module, name, ty): &(String, String, wasmparser::FuncType)| json!({ "module": module, "name": name, "params": kinds(ty.params()), "results": kinds(ty.results()) });
        let global = |(name, ty): (&String, &ValType)| json!({ "name": name, "type": kind(*ty) });
        let setup = json!({
            "wasm": wasm,
            "imports": exposed.imports.iter().map(function).collect::<Vec<_>>(),
            "memories": exposed.memories,
            "globals": exposed.globals.iter().zip(&exposed.global_types).map(global).collect::<Vec<_>>(),
        });
        // Command lines are short; modules with many globals need more.
        let setup_file = directory.path().join("setup.json");
        std::fs::write(&setup_file, setup.to_string()).map_err(failed)?;
        let node = std::env::var_os(NODE).unwrap_or_else(|| "node".into());
        let mut child = Command::new(&node)
            .arg(&player)
            .arg(&setup_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run `{}`: {error}", node.display()))?;
        let (sender, answers) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines() {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let requests = child.stdin.take();
        let mut machine = V8 { exposed, child, requests, answers, directory };
        machine.ask(&json!({ "do": "load" })).map_err(|Failure(why)| why)?;
        Ok(machine)
    }

    fn ask(&mut self, request: &Json) -> Result<Json, Failure> {
        let written = self.requests.as_mut().map(|requests| writeln!(requests, "{request}"));
        if !matches!(written, Some(Ok(()))) {
            return Err(Failure("node has ended".to_string()));
        }
        let line = match self.answers.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return Err(Failure(format!("node's answer cannot be read: {error}"))),
            Err(_) => {
                // Whether it has ended or is still busy: from now on it is gone.
                self.requests = None;
                return Err(Failure(format!("node gave no answer within {} s", PATIENCE.as_secs())));
            }
        };
        let answer: Json = serde_json::from_str(&line)
            .map_err(|error| Failure(format!("node's answer is no JSON: {error}")))?;
        match answer["failure"].as_str() {
            Some(why) => Err(Failure(why.to_string())),
            None => Ok(answer),
        }
    }

    fn reply(&mut self, request: &Json) -> Result<Reply, Failure> {
        let answer = self.ask(request)?;
        let text = |key: &str| answer[key].as_str().map(str::to_string);
        if let Some(called) = text("diverged") {
            return Ok(Reply::Diverged(called));
        }
        if let Some(why) = text("exhausted") {
            return Ok(Reply::Exhausted(why));
        }
        if let Some(how) = text("ended") {
            return Ok(Reply::Ended(how));
        }
        Ok(Reply::Returned(list(&answer["returned"])?))
    }
}

impl Drop for V8 {
    fn drop(&mut self) {
        // It may be in an endless loop; either way nobody waits for its answer any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Machine for V8 {
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), Failure> {
        let calls: Vec<Json> = calls.iter().map(|entry| recorded(entry)).collect();
        self.ask(&json!({ "do": "answer", "calls": calls })).map(|_| ())
    }

    fn instantiate(&mut self) -> Result<Reply, Failure> {
        self.reply(&json!({ "do": "instantiate" }))
    }

    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<Reply, Failure> {
        let ty = self.exposed.exports.get(export);
        let results = kinds(ty.ok_or_else(|| Failure(format!("it has no export `{export}`")))?.results());
        let passed = |value: &Value| {
            let value = HostValue::try_from(*value);
            value.map(shown).map_err(|()| Failure("a reference cannot be passed there".to_string()))
        };
        let arguments = arguments.iter().map(passed).collect::<Result<Vec<_>, _>>()?;
        self.reply(&json!({ "do": "call", "name": export, "arguments": arguments, "results": results }))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.ask(&json!({ "do": "write", "address": address.to_string(), "bytes": hex(bytes) })).map(|_| ())
    }

    fn answered(&mut self) -> Result<usize, Failure> {
        let answer = self.ask(&json!({ "do": "answered" }))?;
        let answered = answer["answered"].as_u64().and_then(|answered| usize::try_from(answered).ok());
        answered.ok_or_else(not_understood)
    }

    fn state(&mut self) -> Result<State, Failure> {
        let memory = |index: usize| self.directory.path().join(format!("memory.{index}"));
        let files: Vec<PathBuf> = (0..self.exposed.memories.len()).map(memory).collect();
        let answer = self.ask(&json!({ "do": "state", "files": files }))?;
        let contents = |file: &PathBuf| {
            std::fs::read(file).map_err(|error| Failure(format!("node's memory cannot be read: {error}")))
        };
        Ok(State {
            memories: files.iter().map(contents).collect::<Result<_, _>>()?,
            globals: list(&answer["globals"])?,
        })
    }
}

fn not_understood() -> Failure {
    Failure("node's answer is not understood".to_string())
}

fn kinds(types: &[ValType]) -> Vec<&'static str> {
    types.iter().copied().map(kind).collect()
}

fn kind(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        // JavaScript sees neither vectors nor exception references.
        ValType::V128 => "hidden",
        ValType::Ref(ty) if is_exception(ty) => "hidden",
        ValType::Ref(_) => "ref",
    }
}

fn is_exception(ty: RefType) -> bool {
    use wasmparser::{AbstractHeapType, HeapType};
    let HeapType::Abstract { ty, .. } = ty.heap_type() else { return false };
    matches!(ty, AbstractHeapType::Exn | AbstractHeapType::NoExn)
}

fn recorded(entry: &Entry) -> Json {
    let call = &entry.call;
    let (results, end) = match &entry.outcome {
        Outcome::Results(results) => (results.as_slice(), None),
        Outcome::Exit(code) => (&[][..], Some(format!("exit {code}"))),
        Outcome::ImportCalled => (&[][..], Some("a call of an import that nothing provides".to_string())),
        Outcome::Denied(denied) => (&[][..], Some(denied.what.clone())),
        Outcome::Trap(what) => (&[][..], Some(what.clone())),
    };
    let values = |values: &[HostValue]| values.iter().copied().map(shown).collect::<Vec<_>>();
    let regions = |regions: &[Region]| {
        let region = |region: &Region| json!({ "address": region.address, "bytes": hex(&region.bytes) });
        regions.iter().map(region).collect::<Vec<_>>()
    };
    json!({
        "module": call.import.module,
        "name": call.import.name,
        "arguments": values(&call.args),
        "reads": regions(&call.reads),
        "results": values(results),
        "writes": regions(&entry.writes),
        "end": end,
    })
}

/// A value as the player knows it: its type, and a number in decimal.
fn shown(value: HostValue) -> Json {
    match value {
        HostValue::I32(value) => json!(["i32", value.to_string()]),
        HostValue::I64(value) => json!(["i64", value.to_string()]),
        HostValue::F32(bits) => json!(["f32", bits.to_string()]),
        HostValue::F64(bits) => json!(["f64", bits.to_string()]),
        HostValue::V128(_) => json!(["v128", ""]),
        HostValue::Null => json!(["null", ""]),
        HostValue::Reference => json!(["ref", ""]),
    }
}

fn list(values: &Json) -> Result<Vec<Seen>, Failure> {
    let values = values.as_array().ok_or_else(not_understood)?;
    values.iter().map(|value| seen(value).ok_or_else(not_understood)).collect()
}

fn seen(value: &Json) -> Option<Seen> {
    let text = value[1].as_str()?;
    Some(Seen::Value(match value[0].as_str()? {
        "i32" => Value::I32(text.parse().ok()?),
        "i64" => Value::I64(text.parse().ok()?),
        "f32" => Value::F32(text.parse().ok()?),
        "f64" => Value::F64(text.parse().ok()?),
        "null" => Value::Ref(Reference::Null),
        "ref" => return Some(Seen::Reference),
        "hidden" => return Some(Seen::Hidden),
        _ => return None,
    }))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
