//! The two halves of a snapshot, for hosts that run init themselves: the module that shows its state, and the snapshot
//! from what a host has read of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::Warning;
use preinit::stages::constant_exports::ConstantExport;
use preinit::stages::module::Module;
use preinit::stages::plan::{PlanOptions, rename_conflict};
use preinit::stages::printable::Printable;
use preinit::stages::state_file::{
    self, Contents, SnapshotError, SnapshotOptions, State, StateError, check_module, is_size_of,
};
use preinit::stages::{PrintablePath, open_regular_file};

use super::args::{EncodeArgs, ProbeArgs, usage_error};
use super::input::{self, Reading};
use super::output::{InputFiles, Output, Staged};
use super::side_outputs::json;
use super::snapshot_request::Refused;
use super::watchdog::{Bounds, Phase, Watchdog};
use super::{advice, summary, terminal};

/// The command `probe`.
pub fn probe(args: &ProbeArgs) -> anyhow::Result<()> {
    let watchdog = Watchdog::start(Bounds::of_files(args.limits.timeout, args.limits.max_memory))?;
    let output = Output::new(Some(&args.output), &[])?;
    let schema_output = Output::new(Some(&args.state_schema), &[])?;
    if output.collides(&schema_output) {
        return Err(usage_error(&format!("two outputs go to {}", output.name())));
    }
    // The probed module is no snapshot: `encode` needs the one that it was made of.
    if let Some(output) = [&output, &schema_output].into_iter().find(|output| output.replaces(&args.input)) {
        return Err(usage_error(&format!("{} is the input, and would be replaced", output.name())));
    }
    let wasm = input::read(&args.input, Reading::within(args.limits.max_memory))?;
    watchdog.enter(Phase::Encoding);
    let module = Module::parse_for_other_engine(&wasm)?;
    let (probed, schema) = state_file::probe(&module)?;
    watchdog.enter(Phase::Writing);
    // A pipe is most likely the module's, and may block: then nothing is left.
    let staged = [output.stage(probed)?, schema_output.stage(json(&schema)?.into_bytes())?];
    staged.into_iter().try_for_each(Staged::commit)
}

/// The command `encode`.
pub fn encode(args: EncodeArgs) -> anyhow::Result<()> {
    let watchdog = Watchdog::start(Bounds::of_files(args.limits.timeout, args.limits.max_memory))?;
    if let Some(conflict) = rename_conflict(&args.renames) {
        return Err(usage_error(&conflict));
    }
    let output = Output::new(args.output.as_deref(), &[])?;
    if output.is_terminal() {
        return Err(usage_error("the snapshot would go to the terminal; use -o FILE, or `-o -` to insist"));
    }
    InputFiles::of([args.state.as_path()]).check(&output)?;
    let reading = Reading::within(args.limits.max_memory);
    let wasm = input::read(&args.input, reading)?;
    let module = Module::parse_for_other_engine(&wasm)?;
    let state = read_state(&args.state, reading.divided_by(MEMORY_OF_STATE))?;
    named_files(&args.state, &state).check(&output)?;
    // Before files are read that another module's memories are in.
    check_module(&module, &state)?;
    let contents = Files::beside(&args.state, args.limits.max_memory).contents(&module, &state)?;
    watchdog.enter(Phase::Encoding);
    let EncodeArgs { quiet, strict, .. } = args;
    let written = state_file::snapshot(&module, &state, &contents, &options(args));
    let written = written.map_err(|error| match error {
        SnapshotError::Plan(error) => anyhow::Error::new(preinit::Error::Plan(error)),
        error => error.into(),
    })?;
    let mut warnings: Vec<Warning> = Vec::new();
    warnings.extend(written.warnings.into_iter().map(Warning::Output));
    let mut warnings = advice::warnings(&warnings);
    warnings.extend(written.initializers.iter().map(|name| advice::initializer(name)));
    if strict && !warnings.is_empty() {
        return Err(Refused(warnings).into());
    }
    watchdog.enter(Phase::Writing);
    let name = output.name().to_owned();
    output.stage(written.wasm)?.commit()?;
    if !quiet {
        terminal::warn(&warnings);
        terminal::message(&summary::headline(&name));
    }
    Ok(())
}

fn options(args: EncodeArgs) -> SnapshotOptions {
    let noop = |name| ConstantExport { name, value: None };
    let constant_exports = args.noop_exports.into_iter().map(noop).chain(args.constant_exports).collect();
    let plan = PlanOptions {
        removed_exports: args.init_functions,
        renames: args.renames,
        internalize: args.form.internalize,
        fresh_imports: args.form.fresh_imports,
        layout: args.form.layout,
        ..PlanOptions::default()
    };
    SnapshotOptions { plan, constant_exports }
}

/// Bytes that a byte of a state file takes at most, once it is read.
const MEMORY_OF_STATE: u64 = 8;

fn read_state(path: &Path, reading: Reading<'_>) -> anyhow::Result<State> {
    let bytes = reading.read_file(path)?;
    serde_json::from_slice(&bytes).with_context(|| format!("`{}` is not a state file", PrintablePath(path)))
}

/// The files that a state names, as inputs.
fn named_files(path: &Path, state: &State) -> InputFiles {
    let folder = path.parent().unwrap_or(Path::new(""));
    let memories = state.memories.iter().map(|memory| &memory.file);
    let imported = state.imported.memories.iter().filter_map(|memory| memory.file.as_ref());
    let heap = state.heap.iter().map(|heap| &heap.file);
    let all: Vec<_> = memories.chain(imported).chain(heap).map(|name| folder.join(name)).collect();
    InputFiles::of(all.iter().map(PathBuf::as_path))
}

/// The files that a state names.
struct Files<'f> {
    folder: &'f Path,
    /// Bytes that may still be read.
    left: u64,
}

impl<'f> Files<'f> {
    fn beside(state: &'f Path, max_memory: u64) -> Files<'f> {
        Files { folder: state.parent().unwrap_or(Path::new("")), left: max_memory }
    }

    /// All of them. A file of a size that the module rules out is not read.
    fn contents(mut self, module: &Module<'_>, state: &State) -> anyhow::Result<Contents> {
        let mut memories = Vec::new();
        for ((index, ty), memory) in (0u32..).zip(&module.memories).zip(&state.memories) {
            memories.push(self.read(&memory.file, |bytes| match is_size_of(ty, bytes) {
                true => Ok(()),
                false => Err(StateError::MemorySize { index, bytes }),
            })?);
        }
        let mut imported = BTreeMap::new();
        for memory in &state.imported.memories {
            let Some(file) = &memory.file else { continue };
            let bytes = self.read(file, |size| match size == memory.size {
                true => Ok(()),
                false => Err(StateError::ImportSize { what: "imported memory", index: memory.index, size }),
            })?;
            imported.insert(memory.index, bytes);
        }
        let heap = match &state.heap {
            // As long as the objects say; that is checked when these are known.
            Some(heap) => self.read(&heap.file, |_| Ok(()))?,
            None => Vec::new(),
        };
        Ok(Contents { memories, imported, heap })
    }

    fn read(
        &mut self,
        name: &str,
        check: impl FnOnce(u64) -> Result<(), StateError>,
    ) -> anyhow::Result<Vec<u8>> {
        let shown = Printable(name);
        let relative = Path::new(name);
        // Whoever wrote the state file shall not choose what of this machine goes into a snapshot.
        let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !is_inside {
            bail!("the state names the file `{shown}`, which is not in the folder of the state file");
        }
        let shown = Printable(&self.folder.join(relative).to_string_lossy()).to_string();
        let cannot_read = || format!("cannot read `{shown}`");
        // Nor does a link lead out of it.
        let here = Path::new(".");
        let folder = if self.folder.as_os_str().is_empty() { here } else { self.folder };
        let folder = Dir::open_ambient_dir(folder, ambient_authority()).with_context(cannot_read)?;
        let (file, metadata) = open_regular_file(&folder, relative).with_context(cannot_read)?;
        let bytes = metadata.len();
        check(bytes)?;
        self.left = match self.left.checked_sub(bytes) {
            Some(left) => left,
            None => bail!("the contents of memories are larger than allowed; --max-memory allows more"),
        };
        // No more than that, should it grow meanwhile.
        let mut contents = Vec::new();
        input::reserve(&mut contents, bytes).with_context(cannot_read)?;
        file.take(bytes).read_to_end(&mut contents).with_context(cannot_read)?;
        Ok(contents)
    }
}
