//! Compiles once for many runs on other machines, and takes such code.

use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use anyhow::Context;
use preinit::stages::PrintablePath;
use preinit::{Options, Preinit, PreparedCode};

use super::args::{PrepareArgs, usage_error};
use super::input::{self, SizeLimit};
use super::output::{Output, Staged};
use super::watchdog::{COMPILING, Phase, Watchdog};

/// The command `prepare`.
pub fn run(args: &PrepareArgs) -> anyhow::Result<()> {
    let watchdog = Watchdog::start(args.timeout)?;
    let output = Output::program(&args.output)?;
    if output.is_terminal() {
        return Err(usage_error("code is binary and does not go to a terminal; give a file with -o"));
    }
    if output.replaces(&args.input) {
        return Err(usage_error("the code would replace the module; give another file with -o"));
    }
    let wasm = input::read(&args.input, SizeLimit::of(4 << 30))?;
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let options = Options { supervised: true, ..Options::default() };
    let file = Preinit::from(options).prepare_code(&wasm)?;
    watchdog.enter(Phase::Writing);
    output.stage(file).and_then(Staged::commit)
}

/// The code in a file, for runs of `wasm`.
pub fn open(path: &Path, wasm: &[u8]) -> anyhow::Result<PreparedCode> {
    #[cfg(unix)]
    if let Some(writable) = writable_by_everybody(path) {
        anyhow::bail!(
            "`{}` holds machine code, and everybody can change it; `chmod o-w {}` first",
            PrintablePath(path),
            PrintablePath(&writable)
        );
    }
    let file = SizeLimit::of(4 << 30).read_file(path)?;
    let code = PreparedCode::open(&file, wasm);
    code.with_context(|| {
        format!("cannot use `{}`; `preinit prepare` on such a machine makes it anew", PrintablePath(path))
    })
}

/// What lets everybody change a file: its own mode, or that of its directory, where they could put another one in its place.
#[cfg(unix)]
fn writable_by_everybody(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let path = path.canonicalize().ok().filter(|path| path.is_file())?;
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.mode());
    if mode(&path) & OTHERS_WRITE != 0 {
        return Some(path);
    }
    let directory = path.parent()?;
    (mode(directory) & (OTHERS_WRITE | STICKY) == OTHERS_WRITE).then(|| directory.to_owned())
}
