//! Compiles once for many runs on other machines, and takes such code.

use std::path::Path;

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
    if let Ok(metadata) = std::fs::metadata(path)
        && metadata.is_file()
        && std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0
    {
        anyhow::bail!(
            "`{}` holds machine code, and everybody can change it; `chmod o-w` first",
            PrintablePath(path)
        );
    }
    let file = SizeLimit::of(4 << 30).read_file(path)?;
    let code = PreparedCode::open(&file, wasm);
    code.with_context(|| {
        format!("cannot use `{}`; `preinit prepare` on such a machine makes it anew", PrintablePath(path))
    })
}
