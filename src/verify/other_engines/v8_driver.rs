//! V8, in a process of its own.

use super::node_process::NodeProcess;
use super::portable_module::{ImportedFunction, PortableModule};
use super::v8_protocol::{Argument, HostCall, Import, Reply, Request, Setup};
use super::{Driver, DriverError, DriverResult};
use crate::host::Entry;
use crate::temporary::TemporaryDirectory;
use crate::verify::instance_state::{InstanceState, MemoryBytes};
use preinit_core::capture::{FunctionIndices, Identity};
use preinit_core::hex;
use preinit_core::module::Module;
use preinit_core::probe::Probe;
use preinit_core::snapshot::{Reference, Unwritable, Value};
use preinit_core::state_file::{StateInstance, StateReference, StateSchema, StateValue, ValueKind};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use wasmparser::ValType;

const DRIVER: &str = include_str!("v8_driver.mjs");
const READ_STATE: &str = include_str!("read_state.mjs");

pub(super) struct V8Driver<'m> {
    module: PortableModule<'m>,
    node: NodeProcess,
    directory: TemporaryDirectory,
    /// The functions of the instance.
    functions: FunctionIndices,
}

impl<'m> V8Driver<'m> {
    pub fn new(module: PortableModule<'m>) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot give the module to node: {error}");
        let directory = TemporaryDirectory::new().map_err(failed)?;
        let file = |name: &str, contents: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, contents).map(|()| path).map_err(failed)
        };
        let setup = Setup {
            wasm: file("module.wasm", &module.probed.wasm)?,
            imports: module.imports.iter().map(|import| described(module.module(), import)).collect(),
            schema: StateSchema::of(module.module(), &module.probed),
        };
        let setup = serde_json::to_vec(&setup).map_err(|error| failed(error.into()))?;
        file("read_state.mjs", READ_STATE.as_bytes())?;
        // A file, because command lines are short.
        let (driver, setup) = (file("driver.mjs", DRIVER.as_bytes())?, file("setup.json", &setup)?);
        let node = NodeProcess::start(&driver, &setup)?;
        let mut driver = V8Driver { module, node, directory, functions: FunctionIndices::default() };
        driver.ask(&Request::Load).map_err(|DriverError(why)| why)?;
        Ok(driver)
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, DriverError> {
        match self.node.ask(request)? {
            Reply::Failure(why) => Err(DriverError(why)),
            reply => Ok(reply),
        }
    }

    fn result(&mut self, request: &Request) -> Result<DriverResult, DriverError> {
        Ok(match self.ask(request)? {
            Reply::Returned(values) => {
                DriverResult::Returned(values.into_iter().map(|value| self.resolve(value)).collect())
            }
            Reply::Ended(how) => DriverResult::Ended(how),
            Reply::Exhausted(why) => DriverResult::Exhausted(why),
            Reply::Diverged(called) => DriverResult::Diverged(called),
            _ => return Err(unexpected()),
        })
    }

    /// A value that the instance returned.
    fn resolve(&self, value: StateValue) -> Value {
        match value {
            StateValue::I32(value) => Value::I32(value),
            StateValue::I64(value) => Value::I64(value),
            StateValue::F32(bits) => Value::F32(bits),
            StateValue::F64(bits) => Value::F64(bits),
            StateValue::V128(value) => Value::V128(value),
            StateValue::Ref(reference) => Value::Ref(match reference {
                StateReference::Null => Reference::Null,
                StateReference::Function(identity) => self.functions.reference(Identity(identity)),
                StateReference::I31(value) => Reference::I31(value),
                StateReference::ExternI31(value) => Reference::ExternI31(value),
                StateReference::Object(_) | StateReference::ExternObject(_) => {
                    Reference::Unwritable(Unwritable::Opaque)
                }
                StateReference::Hidden => Reference::Unwritable(Unwritable::Hidden),
            }),
        }
    }

    fn argument(&self, value: Value) -> Result<Argument, DriverError> {
        let not_passable = || DriverError(format!("{value} cannot be passed there"));
        Ok(Argument::Value(match value {
            Value::I32(value) => StateValue::I32(value),
            Value::I64(value) => StateValue::I64(value),
            Value::F32(bits) => StateValue::F32(bits),
            Value::F64(bits) => StateValue::F64(bits),
            Value::V128(_) => return Err(not_passable()),
            Value::Ref(Reference::Func(index)) => {
                return Ok(Argument::Function(self.module.probed.export_name(Probe::Function(index))));
            }
            Value::Ref(reference) => StateValue::Ref(match reference {
                Reference::Null => StateReference::Null,
                Reference::I31(value) => StateReference::I31(value),
                Reference::ExternI31(value) => StateReference::ExternI31(value),
                _ => return Err(not_passable()),
            }),
        }))
    }
}

impl Driver for V8Driver<'_> {
    fn answer_with(&mut self, calls: &[Arc<Entry>]) -> Result<(), DriverError> {
        let calls = calls.iter().map(|entry| HostCall::of(entry)).collect();
        self.ask(&Request::Answer { calls }).map(|_| ())
    }

    fn instantiate(&mut self) -> Result<DriverResult, DriverError> {
        let result = self.result(&Request::Instantiate)?;
        if matches!(result, DriverResult::Returned(_)) {
            let Reply::Functions(functions) = self.ask(&Request::Functions)? else {
                return Err(unexpected());
            };
            let functions = functions.iter().map(|known| (Identity(known.identity), known.index));
            self.functions = functions.collect();
        }
        Ok(result)
    }

    fn call(&mut self, export: &str, arguments: &[Value]) -> Result<DriverResult, DriverError> {
        let ty = self.module.exports.get(export);
        let ty = ty.ok_or_else(|| DriverError(format!("it has no export `{export}`")))?;
        let results = kinds(self.module.module(), ty.results());
        let arguments = arguments.iter().map(|value| self.argument(*value)).collect::<Result<_, _>>()?;
        self.result(&Request::Call { name: export.to_string(), arguments, results })
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), DriverError> {
        self.ask(&Request::Write { address: address.to_string(), bytes: hex(bytes) }).map(|_| ())
    }

    fn answered(&mut self) -> Result<usize, DriverError> {
        match self.ask(&Request::Answered)? {
            Reply::Answered(answered) => Ok(answered),
            _ => Err(unexpected()),
        }
    }

    fn state(&mut self, num_tables: usize) -> Result<InstanceState<'_>, DriverError> {
        let file = |index| self.directory.path().join(format!("memory.{index}"));
        let files: Vec<PathBuf> = (0..self.module.probed.memories).map(file).collect();
        let Reply::State(state) = self.ask(&Request::State { files: files.clone() })? else {
            return Err(unexpected());
        };
        let contents = |file: &PathBuf| {
            std::fs::read(file).map_err(|error| DriverError(format!("node's memory cannot be read: {error}")))
        };
        let memories: Vec<Vec<u8>> = files.iter().map(contents).collect::<Result<_, _>>()?;
        let module = self.module.module();
        let failed = |error: &dyn std::fmt::Display| DriverError(error.to_string());
        let mut instance = StateInstance::new(module, &state, &memories).map_err(|error| failed(&error))?;
        let functions = FunctionIndices::of(module, &self.module.probed, &mut instance);
        let functions = functions.map_err(|error| failed(&error))?;
        let outline = self.module.state_reader(&functions).outline(&mut instance, num_tables);
        let outline = outline.map_err(|error| failed(&error))?;
        // JavaScript does not show how far a memory may grow; no engine changes what the module declares.
        let declared = module.memories.iter().map(|memory| memory.maximum);
        let memories = memories.into_iter().zip(declared);
        let memories =
            memories.map(|(bytes, maximum)| MemoryBytes { bytes: Cow::Owned(bytes), maximum }).collect();
        Ok(InstanceState { module, outline, memories })
    }
}

fn unexpected() -> DriverError {
    DriverError("node's reply is not one to the request".to_string())
}

fn described(module: &Module<'_>, import: &ImportedFunction) -> Import {
    Import {
        module: import.module.clone(),
        name: import.name.clone(),
        params: kinds(module, import.ty.params()),
        results: kinds(module, import.ty.results()),
    }
}

fn kinds(module: &Module<'_>, types: &[ValType]) -> Vec<ValueKind> {
    types.iter().map(|ty| ValueKind::of(module, *ty)).collect()
}
