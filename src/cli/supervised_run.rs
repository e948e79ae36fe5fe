//! The library's run in a thread of its own, which is abandoned when optimized code runs too long: such code does not look
//! at the time. Then a second run, answered from the record of the first and in code that does, tells where it was.

use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use preinit::host::{DescriptorKind, Ledger, LiveLedger};
use preinit::{Error, InitStage, Options, Output, Preinit, StageHook};

use super::progress::Progress;
use super::snapshot_request::SnapshotRequest;
use super::watchdog::{COMPILING, Phase, Watchdog};

/// What the thread tells.
enum News {
    Stage(InitStage),
    End(Box<(Result<Output, Error>, Ledger)>),
}

/// Runs the request, watched and with something to look at. The record of init's calls is left in `ledger`.
pub fn supervised(
    request: &SnapshotRequest,
    wasm: &Arc<Vec<u8>>,
    watchdog: &Watchdog,
    ledger: &mut Ledger,
) -> Result<Output, Error> {
    let progress = match request.messages.progress {
        true => Progress::start(&format!("running {}", request.input.name())).map_err(Error::Thread)?,
        false => Progress::hidden(),
    };
    watchdog.shows(&progress);
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let result = run(request, wasm, watchdog, ledger);
    watchdog.enter(Phase::Writing);
    progress.stop();
    result
}

fn run(
    request: &SnapshotRequest,
    wasm: &Arc<Vec<u8>>,
    watchdog: &Watchdog,
    ledger: &mut Ledger,
) -> Result<Output, Error> {
    let live = LiveLedger::default();
    let (sender, news) = channel();
    let mut options = request.options.clone();
    options.supervised = true;
    options.host.live_ledger = Some(live.clone());
    options.on_init = Some(watched(watchdog, Some(sender.clone())));
    let module = Arc::clone(wasm);
    let thread = thread::Builder::new().spawn(move || {
        let mut ledger = Ledger::default();
        let result = Preinit::from(options).run_recorded(&module, &mut ledger);
        // Nobody listens to a run that was abandoned.
        let _ = sender.send(News::End(Box::new((result, ledger))));
    });
    let thread = thread.map_err(Error::Thread)?;
    match wait(&news, request.options.limits.timeout) {
        Waited::Ended(end) => {
            let (result, recorded) = *end;
            *ledger = recorded;
            result
        }
        Waited::Panicked => match thread.join() {
            Err(panic) => panic::resume_unwind(panic),
            Ok(()) => Err(Error::Thread(std::io::Error::other("the run has ended without a result"))),
        },
        Waited::TooLong { in_init } => {
            watchdog.enter_longer(Phase::Compiling, COMPILING);
            let on_init = Some(watched(watchdog, None));
            let options = Options { on_init, ..request.options.clone() };
            let mut output = Preinit::from(options).repeat(wasm, (live.so_far(), in_init), ledger)?;
            // A replay prints nothing.
            if request.guest_stdout_captured {
                output.stdout = ledger.output(DescriptorKind::Stdout);
            }
            Ok(output)
        }
    }
}

enum Waited {
    Ended(Box<(Result<Output, Error>, Ledger)>),
    Panicked,
    /// Optimized code was still running: init, or what comes after it.
    TooLong {
        in_init: bool,
    },
}

fn wait(news: &Receiver<News>, limit: Option<Duration>) -> Waited {
    // What the library itself ends needs nobody else.
    let mut supervises = false;
    let mut in_init = true;
    let mut since = Instant::now();
    loop {
        let left = limit.filter(|_| supervises).map(|limit| limit.saturating_sub(since.elapsed()));
        let received = match left {
            Some(left) => news.recv_timeout(left),
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(News::End(end)) => return Waited::Ended(end),
            Ok(News::Stage(InitStage::Begins { interruptible })) => {
                (supervises, in_init, since) = (!interruptible, true, Instant::now());
            }
            Ok(News::Stage(InitStage::Ended)) => (in_init, since) = (false, Instant::now()),
            Err(RecvTimeoutError::Timeout) => return Waited::TooLong { in_init },
            Err(RecvTimeoutError::Disconnected) => return Waited::Panicked,
        }
    }
}

/// Tells the watchdog, and whoever listens, how far init is.
fn watched(watchdog: &Watchdog, listener: Option<Sender<News>>) -> StageHook {
    let at_init = watchdog.at_init(Phase::Running, Phase::Capturing);
    StageHook::new(move |stage| {
        at_init.call(stage);
        if let Some(listener) = &listener {
            let _ = listener.send(News::Stage(stage));
        }
    })
}
