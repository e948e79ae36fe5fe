//! What some tests need and not every machine has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Something that is looked for when the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The folder of real programs: [`inputs`].
    Inputs,
    /// The standard library of CPython 3.11: [`python_library`].
    Python,
    /// A Node with modules of several memories: [`node`].
    Node,
    /// A browser: [`chromium`].
    Chromium,
    /// A Go that builds modules: [`go_program`].
    Go,
}

static INPUTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let named = std::env::var_os("PREINIT_INPUTS").map(PathBuf::from);
    named.unwrap_or_else(|| crate::repository().join("../shared/inputs"))
});
static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(find_python_library);
static NODE: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| first_that_runs("PREINIT_NODE", &["node"], &SEVERAL_MEMORIES));
static CHROMIUM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    first_that_runs("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"], &["--version"])
});
static GO: LazyLock<Option<PathBuf>> = LazyLock::new(|| first_that_runs("GO", &["go"], &["version"]));

impl Need {
    /// Why a test that needs this cannot run.
    pub fn missing(self) -> Option<String> {
        let (found, reason) = match self {
            Need::Inputs => {
                let reason =
                    format!("there is no folder {} of real programs; set PREINIT_INPUTS", INPUTS.display());
                return (!INPUTS.is_dir()).then_some(reason);
            }
            Need::Python => (&PYTHON, "there is no standard library of Python 3.11; set PREINIT_PYTHON_LIB"),
            Need::Node => (&NODE, "there is no Node 22 or newer; set PREINIT_NODE"),
            Need::Chromium => (&CHROMIUM, "there is no Chromium; set CHROMIUM"),
            Need::Go => (&GO, "there is no Go 1.24 or newer; set GO"),
        };
        found.is_none().then(|| reason.to_string())
    }
}

/// The folder of [`Need::Inputs`].
pub fn inputs() -> &'static Path {
    &INPUTS
}

/// A program of that folder.
pub fn input(file: &str) -> Vec<u8> {
    let path = INPUTS.join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What [`Need::Python`] stands for.
pub fn python_library() -> PathBuf {
    PYTHON.clone().expect("the test says that it needs Python")
}

/// What [`Need::Chromium`] stands for.
pub fn chromium() -> &'static Path {
    CHROMIUM.as_deref().expect("the test says that it needs Chromium")
}

/// A program of `test-programs/go`, built as a reactor in a folder for it.
pub fn go_program(source: &str, folder: &Path) -> Vec<u8> {
    let go = GO.as_deref().expect("the test says that it needs Go");
    let output = folder.join("out.wasm");
    let mut command = Command::new(go);
    command.args(["build", "-buildmode=c-shared", "-ldflags=-s -w", "-o"]).arg(&output).arg(source);
    command.current_dir(crate::repository().join("test-programs/go"));
    let built = command.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::read(output).unwrap()
}

/// The program that a variable names, or else the first of these that is there.
/// Arguments with which Node succeeds if it has modules of several memories.
const SEVERAL_MEMORIES: [&str; 2] = [
    "-e",
    "process.exit(WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 5, 2, 0, 1, 0, 1])) ? 0 : 1)",
];

fn first_that_runs(variable: &str, names: &[&str], arguments: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.into_iter().chain(names.iter().map(PathBuf::from)).find(|program| {
        let mut command = Command::new(program);
        let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}

fn find_python_library() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PREINIT_PYTHON_LIB") {
        return Some(PathBuf::from(folder));
    }
    let script =
        "import sys, os; assert sys.version_info[:2] == (3, 11); print(os.path.dirname(os.__file__))";
    ["python3.11", "python3"].iter().find_map(|python| {
        let output = Command::new(python).args(["-c", script]).output().ok()?;
        let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        (output.status.success() && folder.join("os.py").exists()).then_some(folder)
    })
}
