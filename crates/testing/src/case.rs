//! A test case: a `.wat` file whose leading `;;` comments are prose and directives.
//!
//! ```text
//! ;; init: NAME              init function; repeated: several, in order; absent: found by its name
//! ;; options: WORD …         internalize, fresh-imports, keep-init, optimize, wasi, stub-all, mappable, sparse, strip-init,
//! ;;                         allow-live-handles, keep-adapter-state
//! ;; rename: DST=SRC         as `--rename-func`
//! ;; stub: MODULE.NAME       as `--stub`; of a component, INTERFACE.NAME: the last dot divides
//! ;; cut: NAME               as `--cut-import`
//! ;; preload: NAME=FILE      as `--preload`; FILE is relative to the case. Also provides the imports of both sides later
//! ;; limits: WORD …          fuel=N, timeout=MILLISECONDS, memory=BYTES
//! ;; call: NAME(ARG, …)      made on the original after init and on the snapshot, all on one instance, in order.
//! ;;                         PROVIDER::NAME(…) calls a preloaded module instead
//! ;; elsewhere: NAME=FILE    instantiate the snapshot with this provider in the place of the preloaded one too
//! ```
//!
//! Arguments are decimal or `0x` integers; floats are given by their bits; references are `null`.

use preinit::stages::layout::Layout;
use preinit::{Options, Preinit};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub struct Case {
    pub path: PathBuf,
    pub name: String,
    pub text: Vec<u8>,
    pub init: Vec<String>,
    pub renames: Vec<(String, String)>,
    pub stubs: Vec<(String, String)>,
    pub cuts: Vec<String>,
    pub preloads: Vec<(String, Vec<u8>)>,
    pub elsewhere: Vec<(String, Vec<u8>)>,
    pub calls: Vec<Call>,
    pub internalize: bool,
    pub fresh_imports: bool,
    pub keep_init_functions: bool,
    pub optimize: Option<bool>,
    pub wasi: bool,
    pub stub_all: bool,
    pub layout: Layout,
    pub strip_init: bool,
    pub allow_live_handles: bool,
    pub keep_adapter_state: bool,
    pub limits: Vec<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The preloaded module that is called; `None` for the module itself.
    pub provider: Option<String>,
    pub export: String,
    pub args: Vec<String>,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(provider) = &self.provider {
            write!(f, "{provider}::")?;
        }
        write!(f, "{}({})", self.export, self.args.join(", "))
    }
}

impl Case {
    pub fn read(path: &Path) -> Case {
        let text = std::fs::read(path).unwrap();
        let mut case = Case {
            path: path.to_path_buf(),
            name: path.file_stem().unwrap().to_str().unwrap().to_string(),
            text: text.clone(),
            init: Vec::new(),
            renames: Vec::new(),
            stubs: Vec::new(),
            cuts: Vec::new(),
            preloads: Vec::new(),
            elsewhere: Vec::new(),
            calls: Vec::new(),
            internalize: false,
            fresh_imports: false,
            keep_init_functions: false,
            optimize: None,
            wasi: false,
            stub_all: false,
            layout: Layout::Auto,
            strip_init: false,
            allow_live_handles: false,
            keep_adapter_state: false,
            limits: Vec::new(),
        };
        let text = String::from_utf8_lossy(&text);
        for line in text.lines().map_while(|line| line.strip_prefix(";;")) {
            // Prose has no colon behind its first word.
            if let Some((key, value)) = line.trim().split_once(": ").filter(|(key, _)| !key.contains(' ')) {
                case.directive(key, value.trim());
            }
        }
        case
    }

    fn directive(&mut self, key: &str, value: &str) {
        match key {
            "init" => self.init.push(value.to_string()),
            "options" => value.split_whitespace().for_each(|word| match word {
                "internalize" => self.internalize = true,
                "fresh-imports" => self.fresh_imports = true,
                "keep-init" => self.keep_init_functions = true,
                "optimize" => self.optimize = Some(true),
                "wasi" => self.wasi = true,
                "stub-all" => self.stub_all = true,
                "mappable" => self.layout = Layout::Mappable,
                "sparse" => self.layout = Layout::Sparse,
                "strip-init" => self.strip_init = true,
                "allow-live-handles" => self.allow_live_handles = true,
                "keep-adapter-state" => self.keep_adapter_state = true,
                word => panic!("{}: unknown option `{word}`", self.name),
            }),
            "rename" => self.renames.push(split(value, '=')),
            "stub" => self.stubs.push(match value.rsplit_once('.') {
                Some((interface, name)) if interface.contains(':') => {
                    (interface.to_string(), name.to_string())
                }
                _ => split(value, '.'),
            }),
            "cut" => self.cuts.push(value.to_string()),
            "preload" => {
                let provider = self.provider(value);
                self.preloads.push(provider);
            }
            "elsewhere" => {
                let provider = self.provider(value);
                self.elsewhere.push(provider);
            }
            "limits" => value.split_whitespace().for_each(|word| {
                let (limit, value) = split(word, '=');
                self.limits.push((limit, value.parse().unwrap()));
            }),
            "call" => self.calls.push(call(value)),
            key => panic!("{}: unknown directive `{key}`", self.name),
        }
    }

    fn provider(&self, value: &str) -> (String, Vec<u8>) {
        let (name, file) = split(value, '=');
        let path = self.path.parent().unwrap().join(file);
        let wasm = wat::parse_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name, wasm)
    }

    pub fn preinit(&self) -> Preinit {
        let mut preinit = Preinit::from(Options {
            init_functions: self.init.clone(),
            keep_init_functions: self.keep_init_functions,
            internalize: self.internalize,
            fresh_imports: self.fresh_imports,
            optimize: self.optimize,
            layout: self.layout,
            strip_init: self.strip_init,
            allow_live_handles: self.allow_live_handles,
            keep_adapter_state: self.keep_adapter_state,
            ..Options::default()
        });
        for (dst, src) in &self.renames {
            preinit = preinit.rename(dst, src);
        }
        for import in &self.cuts {
            preinit = preinit.cut_import(import);
        }
        for (module, name) in &self.stubs {
            preinit = preinit.stub(module, name);
        }
        for (name, wasm) in &self.preloads {
            preinit = preinit.preload(name, wasm.clone());
        }
        for (limit, value) in &self.limits {
            preinit = match limit.as_str() {
                "fuel" => preinit.fuel(*value),
                "memory" => preinit.max_memory(*value),
                "timeout" => preinit.timeout(Some(Duration::from_millis(*value))),
                limit => panic!("{}: unknown limit `{limit}`", self.name),
            };
        }
        if self.wasi {
            // The default would write to the test's own standard output.
            let output = preinit::host::Output::Capture;
            preinit = preinit.wasi(preinit::host::WasiOptions {
                stdout: output,
                stderr: output,
                ..Default::default()
            });
        }
        preinit.stub_all(self.stub_all)
    }

    /// `NAME.snap`, beside the case.
    pub fn bless(&self, text: &str) {
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(self.path.parent().unwrap());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(self.name.clone(), text));
    }
}

fn split(value: &str, at: char) -> (String, String) {
    let (left, right) = value.split_once(at).unwrap_or_else(|| panic!("`{value}` has no `{at}`"));
    (left.to_string(), right.to_string())
}

fn call(text: &str) -> Call {
    let (provider, text) = match text.split_once("::") {
        Some((provider, rest)) => (Some(provider.to_string()), rest),
        None => (None, text),
    };
    let (export, args) = text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap();
    let args = args.split(',').map(|arg| arg.trim().to_string()).filter(|arg| !arg.is_empty());
    Call { provider, export: export.to_string(), args: args.collect() }
}
