//! Compiles once for many runs on other machines, and takes such code.

use std::path::Path;

use anyhow::{Context, bail};
use preinit::stages::PrintablePath;
use preinit::stages::cache::{CacheError, OwnedFile, check_way};
use preinit::{Options, Preinit, PreparedCode};

use super::args::{PrepareArgs, usage_error};
use super::input::{self, Reading};
use super::output::{Output, Staged};
use super::watchdog::{Bounds, COMPILING, Phase, Watchdog};

/// The size of a module, or of prepared code, that is read, in bytes.
const LARGEST: u64 = 4 << 30;

/// The command `prepare`.
pub fn run(args: &PrepareArgs) -> anyhow::Result<()> {
    let watchdog = Watchdog::start(Bounds::of_files(args.timeout, LARGEST))?;
    let output = Output::program(&args.output)?;
    if output.is_terminal() {
        return Err(usage_error("code is binary and does not go to a terminal; give a file with -o"));
    }
    if output.replaces(&args.input) {
        return Err(usage_error("the code would replace the module; give another file with -o"));
    }
    // Nobody could use it.
    if let Some(place) = output.place()
        && let Some(directory) = place.parent()
        && let Err(error) = check_way(directory)
    {
        bail!(refusal(&args.output, &error));
    }
    let wasm = input::read(&args.input, Reading::at_most(LARGEST))?;
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let options = Options { supervised: true, ..Options::default() };
    let file = Preinit::from(options).prepare_code(&wasm)?;
    watchdog.enter(Phase::Writing);
    output.stage(file).and_then(Staged::commit)
}

/// The code in a file, for runs of `wasm` that may write to `writable`.
pub fn open<'d>(
    path: &Path,
    wasm: &[u8],
    writable: impl Iterator<Item = &'d Path> + Clone,
) -> anyhow::Result<PreparedCode> {
    let reading = Reading::at_most(LARGEST);
    // In the words that all inputs have.
    std::fs::metadata(path).with_context(|| format!("cannot read `{}`", PrintablePath(path)))?;
    let file = OwnedFile::open(path).map_err(|error| anyhow::Error::msg(refusal(path, &error)))?;
    if let Some(directory) = file.in_reach_of(writable.clone()) {
        bail!(
            "`{}` holds machine code, and the module may write to `{}`, which would let it change that; use a file elsewhere",
            PrintablePath(path),
            PrintablePath(directory)
        );
    }
    let code = PreparedCode::open(&reading.read_open(file.file(), path)?, wasm).with_context(|| {
        format!("cannot use `{}`; `preinit prepare` on such a machine makes it anew", PrintablePath(path))
    })?;
    if code.is_in_reach_of(writable) {
        bail!(
            "--prepared unpacks machine code in `{}`, where the module may write",
            PrintablePath(&std::env::temp_dir())
        );
    }
    Ok(code)
}

/// Why machine code is neither taken from nor written to `path`.
fn refusal(path: &Path, error: &CacheError) -> String {
    let advice = match error {
        CacheError::Exposed { .. } => {
            "; its owner, and that of each directory on the way, must be you or the administrator, and nobody else may write"
        }
        _ => "",
    };
    format!("`{}` holds machine code, and {error}{advice}", PrintablePath(path))
}
