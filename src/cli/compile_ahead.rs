//! After a run whose init took long in baseline code, a process of low priority compiles optimized code for the next run,
//! as `git gc` does after a command. It gets the module through a pipe, and leaves the code in the cache, or nothing.

use std::env;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use preinit::WantedCode;
use preinit::stages::cache::CompileCache;

use super::args::CompileAheadArgs;
use super::watchdog::{Bounds, COMPILING, Phase, Watchdog};

/// The name of the command, which is in no help.
pub const COMMAND: &str = "compile-ahead";

/// A process that takes more ends itself, whatever the command may take that has started it.
const BOUNDS: Bounds = Bounds { time: Some(Duration::from_secs(600)), memory: 4 << 30 };

/// The descriptors from here on are not the standard streams.
#[cfg(unix)]
const FIRST_INHERITED: std::ffi::c_int = 3;

/// A process that was started, and does not have its module yet.
pub struct CompilingAhead {
    child: Child,
    wanted: WantedCode,
}

impl CompilingAhead {
    /// Starts it, within what the command itself may take. Where that is impossible, the next run has baseline code again.
    pub fn start(wanted: WantedCode, bounds: Bounds) -> Option<CompilingAhead> {
        let mut command = Command::new(env::current_exe().ok()?);
        command.arg(COMMAND).arg("--length").arg(wanted.wasm().len().to_string());
        command.arg("--cache-dir").arg(wanted.cache().directory());
        command.arg("--max-process-memory").arg(bounds.memory.to_string());
        if let Some(time) = bounds.time {
            command.arg("--timeout").arg(format!("{}ms", time.saturating_mul(COMPILING).as_millis()));
        }
        if let Some((is_concurrent, is_interruptible)) = wanted.component() {
            let options = [
                (true, "--component"),
                (is_concurrent, "--concurrent"),
                (is_interruptible, "--interruptible"),
            ];
            command.args(options.iter().filter(|(is_given, _)| *is_given).map(|(_, option)| option));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever interrupts the command that is in the foreground does not mean it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Nor does who waits for the end of a pipe, or for a lock, that the command has inherited.
        #[cfg(unix)]
        close_fds::set_fds_cloexec_threadsafe(FIRST_INHERITED, &[]);
        Some(CompilingAhead { child: command.spawn().ok()?, wanted })
    }

    /// Gives it the module and leaves it alone.
    pub fn leave(mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            // One that does not get all of it gives up.
            let _ = pipe.write_all(self.wanted.wasm());
        }
    }
}

/// The process.
pub fn run(args: &CompileAheadArgs) -> anyhow::Result<()> {
    #[cfg(unix)]
    let _ = rustix::process::nice(19);
    let time = args.timeout.into_iter().chain(BOUNDS.time).min();
    let watchdog = Watchdog::start(Bounds { time, memory: args.max_process_memory.min(BOUNDS.memory) })?;
    watchdog.enter(Phase::Compiling);
    let mut wasm = Vec::new();
    let announced = (args.length as u64).saturating_add(1);
    io::stdin().lock().take(announced).read_to_end(&mut wasm).context("cannot read the module")?;
    if wasm.len() != args.length {
        bail!("the module is not as long as was said");
    }
    let cache = CompileCache::new(&args.cache_dir);
    // All of them together take no more than one. A later run asks again.
    let Some(_turn) = cache.turn().context("cannot tell whether other processes compile")? else {
        bail!("another process compiles for this cache");
    };
    let mut wanted = WantedCode::new(wasm, cache);
    if args.component {
        wanted = wanted.for_component(args.concurrent, args.interruptible);
    }
    wanted.compile().map(drop).map_err(anyhow::Error::msg)
}
