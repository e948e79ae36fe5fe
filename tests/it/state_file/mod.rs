//! Node as the engine: what it reads of a probed module becomes the same snapshot as a run in our own engine.

use preinit::stages::module::Module;
use preinit::stages::plan::{PlanOptions, Rename};
use preinit::stages::state_file::{self, Contents, SnapshotOptions, State};
use preinit_testing::case::Case;
use preinit_testing::repository;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names under which an init function is found by itself.
const INIT: [&str; 3] = ["wizer-initialize", "wizer.initialize", "preinit"];

/// A golden case that any host can run.
struct Hosted {
    case: Case,
    wasm: Vec<u8>,
    init: Vec<String>,
    folder: PathBuf,
}

impl Hosted {
    fn new(case: Case, root: &Path) -> Option<Hosted> {
        let is_plain = !case.wasi && !case.stub_all && case.stubs.is_empty() && case.limits.is_empty();
        if !is_plain || case.strip_init {
            return None;
        }
        let wasm = preinit::wat_to_wasm(&case.text).unwrap().into_owned();
        let module = Module::parse(&wasm).unwrap();
        let of_name = |name: &&str| module.export(name).is_some();
        let is_named = case.init.iter().any(|name| name == "_initialize");
        let first = ["_initialize"].iter().filter(|name| of_name(name) && !is_named);
        let mut init: Vec<String> = first.map(|name| (*name).to_string()).collect();
        match case.init.as_slice() {
            [] => init.extend(INIT.iter().find(|name| of_name(name)).map(|name| (*name).to_string())),
            named => init.extend_from_slice(named),
        }
        let (probed, schema) = state_file::probe(&module).unwrap();
        let folder = root.join(&case.name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("probed.wasm"), probed).unwrap();
        std::fs::write(folder.join("schema.json"), serde_json::to_vec(&schema).unwrap()).unwrap();
        for (name, provider) in &case.preloads {
            std::fs::write(folder.join(name), provider).unwrap();
        }
        Some(Hosted { case, wasm, init, folder })
    }

    fn entry(&self) -> serde_json::Value {
        let providers = self.case.preloads.iter();
        let providers: Vec<_> =
            providers.map(|(name, _)| serde_json::json!({ "name": name, "file": name })).collect();
        serde_json::json!({ "folder": self.folder, "providers": providers, "init": self.init })
    }

    /// The snapshot from what the host has read.
    fn encoded(&self) -> Result<Vec<u8>, String> {
        let read = |file: &str| std::fs::read(self.folder.join(file)).unwrap();
        let state: State = serde_json::from_slice(&read("state.json")).map_err(|error| error.to_string())?;
        let imported = state.imported.memories.iter();
        let imported: BTreeMap<u32, Vec<u8>> =
            imported.filter_map(|memory| Some((memory.index, read(memory.file.as_ref()?)))).collect();
        let memories = state.memories.iter().map(|memory| read(&memory.file)).collect();
        let renames = self.case.renames.iter();
        let renames = renames.map(|(dst, src)| Rename { dst: dst.clone(), src: src.clone() }).collect();
        let plan = PlanOptions {
            removed_exports: if self.case.keep_init_functions {
                vec!["_initialize".to_string()]
            } else {
                self.init.clone()
            },
            renames,
            internalize: self.case.internalize,
            fresh_imports: self.case.fresh_imports,
            layout: self.case.layout,
            ..PlanOptions::default()
        };
        let module = Module::parse(&self.wasm).unwrap();
        let heap = state.heap.as_ref().map(|heap| read(&heap.file)).unwrap_or_default();
        let contents = Contents { memories, imported, heap };
        let options = SnapshotOptions { plan, ..SnapshotOptions::default() };
        let written = state_file::snapshot(&module, &state, &contents, &options);
        written.map(|written| written.wasm).map_err(|error| error.to_string())
    }
}

/// JavaScript does not show how far a memory or table may grow that it was given, and here that becomes the module's own.
const MAXIMUM_UNKNOWN: [&str; 2] = ["imports-memory-internalized", "imports-table-internalized"];

/// What JavaScript cannot read is refused, and what its engine lacks does not run.
fn is_explained(error: &str) -> bool {
    ["CompileError", "that the host cannot read", "which JavaScript cannot read", "Instance(): Import #"]
        .iter()
        .any(|reason| error.contains(reason))
}

#[test(needs(Node))]
fn node_gives_the_snapshots_of_the_golden_cases() {
    let root = tempfile::tempdir().unwrap();
    let folder = repository().join("tests/golden");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "wat")).collect();
    files.sort();
    let hosted = files.iter().filter_map(|path| Hosted::new(Case::read(path), root.path()));
    let hosted: Vec<Hosted> = hosted.collect();
    let manifest = root.path().join("manifest.json");
    let entries: Vec<_> = hosted.iter().map(Hosted::entry).collect();
    std::fs::write(&manifest, serde_json::to_vec(&entries).unwrap()).unwrap();
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    let script = repository().join("tests/it/state_file/host.mjs");
    let output = Command::new(node).arg(script).arg(&manifest).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors: Vec<&str> = printed.lines().collect();
    assert_eq!(errors.len(), hosted.len());

    let (mut equal, mut wrong) = (0, Vec::new());
    for (hosted, error) in hosted.iter().zip(errors) {
        let encoded = if error.is_empty() { hosted.encoded() } else { Err(error.to_string()) };
        let name = &hosted.case.name;
        match encoded {
            Ok(wasm) if wasm == hosted.case.preinit().run(&hosted.wasm).unwrap().wasm => equal += 1,
            Ok(_) if MAXIMUM_UNKNOWN.contains(&name.as_str()) => {}
            Ok(_) => wrong.push(format!("{name}: another snapshot")),
            Err(error) if is_explained(&error) => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{equal} equal, of {}:\n{}", hosted.len(), wrong.join("\n"));
    assert!(equal >= 60, "only {equal} of {} cases", hosted.len());
}
