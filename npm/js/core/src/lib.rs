//! The engine-independent half of preinit as a WebAssembly module: functions over bytes, which need no glue.
//!
//! A host asks for room with [`input`], writes bytes there, and so on for each input in order. Then it calls [`probe`],
//! [`listen`] or [`encode`] and reads the outputs. What was there before is gone with the next call of [`clear`].

#![expect(
    unsafe_code,
    reason = "a name that a host can find is an unsafe attribute; nothing else here is unsafe"
)]

use preinit_core::allocator::Allocator;
use preinit_core::constant_exports::ConstantExport;
use preinit_core::layout::Layout;
use preinit_core::listening;
use preinit_core::module::Module;
use preinit_core::plan::PlanOptions;
use preinit_core::state_file::{self, Contents, SnapshotOptions, State, check_module};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

#[derive(Default)]
struct Buffers {
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

/// Everything went well.
const DONE: u32 = 0;
/// The only output is a message.
const FAILED: u32 = 1;

/// Forgets all inputs and outputs.
#[unsafe(no_mangle)]
pub extern "C" fn clear() {
    BUFFERS.with_borrow_mut(|buffers| *buffers = Buffers::default());
}

/// Room for the next input. It stays where it is until [`clear`].
#[unsafe(no_mangle)]
pub extern "C" fn input(len: usize) -> *const u8 {
    BUFFERS.with_borrow_mut(|buffers| {
        let bytes = vec![0; len];
        let place = bytes.as_ptr();
        buffers.inputs.push(bytes);
        place
    })
}

/// Where an output is.
#[unsafe(no_mangle)]
pub extern "C" fn output(index: usize) -> *const u8 {
    BUFFERS
        .with_borrow(|buffers| buffers.outputs.get(index).map_or(std::ptr::null(), |output| output.as_ptr()))
}

/// How long an output is.
#[unsafe(no_mangle)]
pub extern "C" fn output_len(index: usize) -> usize {
    BUFFERS.with_borrow(|buffers| buffers.outputs.get(index).map_or(0, Vec::len))
}

/// Of a module, the one that shows its state, and what to read of it as JSON.
#[unsafe(no_mangle)]
pub extern "C" fn probe() -> u32 {
    finish(|inputs| {
        let [wasm] = inputs else { return Err("expected a module".to_string()) };
        let module = Module::parse_for_other_engine(wasm).map_err(|error| error.to_string())?;
        let (probed, schema) = state_file::probe(&module).map_err(|error| error.to_string())?;
        let schema = serde_json::to_vec(&schema).map_err(|error| error.to_string())?;
        Ok(vec![probed, schema])
    })
}

/// Of a snapshot and what it was made of, the modules that show its state and its allocator: one whose memories do not grow and one whose
/// memories do; and what is where as JSON.
#[unsafe(no_mangle)]
pub extern "C" fn scrubbing() -> u32 {
    finish(|inputs| {
        let [wasm, original] = inputs else { return Err("expected a snapshot and a module".to_string()) };
        let parse = |wasm| Module::parse_for_other_engine(wasm).map_err(|error| error.to_string());
        let (module, original) = (parse(wasm)?, parse(original)?);
        let made = state_file::scrubbing(&module, &original).map_err(|error| error.to_string())?;
        let none = || {
            format!("no allocator was found among the module's exports and names: none of {}", Allocator::NAMES)
        };
        let made = made.ok_or_else(none)?;
        let schema = serde_json::to_vec(&made.schema).map_err(|error| error.to_string())?;
        Ok(vec![made.bounded, made.growing, schema])
    })
}

/// Of a module and a request as JSON, the one whose functions ask the host, the helper that makes answers, and what is where.
#[unsafe(no_mangle)]
pub extern "C" fn listen() -> u32 {
    finish(|inputs| {
        let [wasm, request] = inputs else { return Err("expected a module and a request".to_string()) };
        let wanted: Option<BTreeSet<u32>> = serde_json::from_slice(request).map_err(|error| error.to_string())?;
        let module = Module::parse_for_other_engine(wasm).map_err(|error| error.to_string())?;
        let made = listening::listening(&module, wanted.as_ref()).map_err(|error| error.to_string())?;
        let schema = serde_json::to_vec(&made.schema).map_err(|error| error.to_string())?;
        Ok(vec![made.wasm, made.helper, schema])
    })
}

/// Of a module, a request as JSON and the files that the state in it names, the snapshot and its warnings as JSON.
#[unsafe(no_mangle)]
pub extern "C" fn encode() -> u32 {
    finish(|inputs| {
        let [wasm, request, files @ ..] = inputs else {
            return Err("expected a module and a request".to_string());
        };
        let request: Request = serde_json::from_slice(request).map_err(|error| error.to_string())?;
        let module = Module::parse_for_other_engine(wasm).map_err(|error| error.to_string())?;
        check_module(&module, &request.state).map_err(|error| error.to_string())?;
        let contents = request.contents(files)?;
        let options = request.options.snapshot_options();
        let written = state_file::snapshot(&module, &request.state, &contents, &options);
        let written = written.map_err(|error| error.to_string())?;
        let warnings: Vec<String> = written.warnings.iter().map(ToString::to_string).collect();
        let said = serde_json::json!({ "warnings": warnings, "initializers": written.initializers });
        Ok(vec![written.wasm, said.to_string().into_bytes()])
    })
}

fn finish(work: impl FnOnce(&[Vec<u8>]) -> Result<Vec<Vec<u8>>, String>) -> u32 {
    BUFFERS.with_borrow_mut(|buffers| match work(&buffers.inputs) {
        Ok(outputs) => {
            buffers.outputs = outputs;
            DONE
        }
        Err(message) => {
            buffers.outputs = vec![message.into_bytes()];
            FAILED
        }
    })
}

/// What [`encode`] is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    state: State,
    /// The names of the files that are given, in their order.
    files: Vec<String>,
    #[serde(default)]
    options: Options,
}

impl Request {
    fn contents(&self, files: &[Vec<u8>]) -> Result<Contents, String> {
        let file = |name: &String| {
            let index = self.files.iter().position(|file| file == name);
            let bytes = index.and_then(|index| files.get(index));
            bytes.cloned().ok_or_else(|| format!("the file {name} is missing"))
        };
        let memories =
            self.state.memories.iter().map(|memory| file(&memory.file)).collect::<Result<_, _>>()?;
        let mut imported = BTreeMap::new();
        for memory in &self.state.imported.memories {
            if let Some(name) = &memory.file {
                imported.insert(memory.index, file(name)?);
            }
        }
        let heap = self.state.heap.as_ref().map(|heap| file(&heap.file)).transpose()?;
        Ok(Contents { memories, imported, heap: heap.unwrap_or_default() })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    removed_exports: Vec<String>,
    noop_exports: Vec<String>,
    constant_exports: BTreeMap<String, String>,
    internalize: bool,
    fresh_imports: bool,
}

impl Options {
    fn snapshot_options(&self) -> SnapshotOptions {
        let noop = self.noop_exports.iter().map(|name| ConstantExport { name: name.clone(), value: None });
        let constant = self
            .constant_exports
            .iter()
            .map(|(name, value)| ConstantExport { name: name.clone(), value: Some(value.clone()) });
        SnapshotOptions {
            plan: PlanOptions {
                removed_exports: self.removed_exports.clone(),
                internalize: self.internalize,
                fresh_imports: self.fresh_imports,
                // Engines of browsers copy data; zeros for another engine's mapping would cost time.
                layout: Layout::Compact,
                ..PlanOptions::default()
            },
            constant_exports: noop.chain(constant).collect(),
        }
    }
}
