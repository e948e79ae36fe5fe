//! The engine-independent half of preinit.
//!
//! It knows no engine, no files and no command line, and builds for `wasm32-unknown-unknown`.
//!
//! ```text
//! bytes ─module→ Module ─probe→ Probed ─(an engine runs it)→ Instance ─capture→ Snapshot ─plan→ Plan ─encode→ bytes
//! ```
//!
//! An engine implements [`capture::Instance`]. Here the instance is data:
//!
//! ```
//! use preinit_core::capture::capture;
//! use preinit_core::encode::encode;
//! use preinit_core::hex;
//! use preinit_core::module::Module;
//! use preinit_core::plan::{PlanOptions, plan};
//! use preinit_core::probe::{Probe, Probed};
//! use preinit_core::state_file::{FunctionIdentity, ImportedState, State, StateInstance, StateValue, VERSION};
//!
//! let wasm = wat::parse_str(r#"(module
//!     (global $answer (mut i32) (i32.const 0))
//!     (func (export "init") (global.set $answer (i32.const 42)))
//!     (func (export "answer") (result i32) (global.get $answer)))"#)?;
//! let module = Module::parse(&wasm)?;
//! let probed = Probed::new(&module)?;
//!
//! // Somebody runs `probed.wasm`, calls `init`, and reads the global that is exported under this name.
//! assert!(Module::parse(&probed.wasm)?.export(&probed.export_name(Probe::Global(0))).is_some());
//! let state = State {
//!     version: VERSION,
//!     module: hex(&module.digest()),
//!     functions: probed.functions.iter().map(|&index| FunctionIdentity { index, identity: index.into() }).collect(),
//!     globals: vec![StateValue::I32(42)],
//!     memories: Vec::new(),
//!     tables: Vec::new(),
//!     dropped_data: Vec::new(),
//!     dropped_elements: Vec::new(),
//!     items: Vec::new(),
//!     heap: None,
//!     imported: ImportedState::default(),
//!     aliases: Vec::new(),
//! };
//! let mut instance = StateInstance::new(&module, &state, &[])?;
//!
//! let snapshot = capture(&module, &probed, &mut instance)?;
//! let options = PlanOptions { removed_exports: vec!["init".to_string()], ..PlanOptions::default() };
//! let plan = plan(&module, &snapshot, &options)?;
//! let output = encode(&module, &snapshot, &plan)?;
//! let output = Module::parse(&output)?;
//! assert_eq!(output.exports.len(), 1);
//! assert_eq!(output.globals[0].init.as_ref().map(|init| init.get_operators_reader().read()).transpose()?,
//!     Some(wasmparser::Operator::I32Const { value: 42 }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod addition;
pub mod allocator;
pub mod capture;
pub mod component;
pub mod constant_exports;
pub mod embed;
pub mod encode;
pub mod engine_limits;
mod free_name;
pub mod freeze;
mod hex;
pub mod interpose;
pub mod js_string;
pub mod layout;
pub mod listening;
pub mod module;
pub mod nearest;
mod parallel;
pub mod plan;
pub mod printable;
pub mod probe;
pub mod rebase;
pub mod segments;
pub mod snapshot;
pub mod state_file;
pub mod strip;
pub mod terminal_output;
pub mod wasi_version;

pub use hex::hex;
