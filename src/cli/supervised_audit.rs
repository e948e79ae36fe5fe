//! The audit in a thread of its own, which is abandoned when optimized code runs too long: such code does not look at the time.
//! Then everything is done once more in code that does, answered from the record of the first run.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use preinit::audit::{Audit, audit};
use preinit::host::{DescriptorKind, Ledger, LiveLedger, Output};
use preinit::{Error, InitStage, Options, Preinit, StageHook};

use super::watchdog::{COMPILING, Phase, Watchdog};

/// What the thread tells.
enum News {
    Stage(InitStage),
    End(Box<Result<Audit, Error>>),
}

/// Audits `wasm`, watched.
pub fn supervised(wasm: Vec<u8>, options: &Options, watchdog: &Watchdog) -> Result<Audit, Error> {
    let wasm = Arc::new(wasm);
    let live = LiveLedger::default();
    let (sender, news) = channel();
    let mut supervised = options.clone();
    supervised.supervised = true;
    supervised.host.live_ledger = Some(live.clone());
    supervised.on_init = Some(watched(watchdog, Some(sender.clone())));
    let module = Arc::clone(&wasm);
    let thread = thread::Builder::new().spawn(move || {
        // Nobody listens to an audit that was abandoned.
        let _ = sender.send(News::End(Box::new(audit(&module, &supervised))));
    });
    let thread = thread.map_err(Error::Thread)?;
    match wait(&news, options.limits.timeout) {
        Waited::Ended(result) => *result,
        Waited::Panicked => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Err(Error::Thread(std::io::Error::other("the audit has ended without a result"))),
        },
        Waited::TooLong { in_first_run } => {
            watchdog.enter_longer(Phase::Compiling, COMPILING);
            let on_init = Some(watched(watchdog, None));
            let options = Options { on_init, optimize: Some(false), ..options.clone() };
            if in_first_run {
                Preinit::from(options.clone()).repeat(
                    &wasm,
                    (live.so_far(), true),
                    &mut Ledger::default(),
                )?;
            }
            // What was abandoned still has the threads that work is shared among.
            let pool = rayon::ThreadPoolBuilder::new().build().map_err(std::io::Error::other);
            pool.map_err(Error::Thread)?.install(|| again(&wasm, options, live.so_far()))
        }
    }
}

/// The audit, whose first run is answered from the record of another one.
fn again(wasm: &[u8], mut options: Options, record: Ledger) -> Result<Audit, Error> {
    options.host.replay = Some(Arc::new(record));
    let mut audit = audit(wasm, &options)?;
    // A replay prints nothing.
    if options.host.wasi.is_some_and(|wasi| wasi.stdout == Output::Capture) {
        audit.stdout = audit.ledger.output(DescriptorKind::Stdout);
    }
    Ok(audit)
}

enum Waited {
    Ended(Box<Result<Audit, Error>>),
    Panicked,
    /// Optimized code was still running.
    TooLong {
        in_first_run: bool,
    },
}

fn wait(news: &Receiver<News>, limit: Option<Duration>) -> Waited {
    let mut runs = Runs { state: State::Compiling, limit, since: Instant::now() };
    loop {
        let received = match runs.left() {
            Some(left) => news.recv_timeout(left),
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(News::End(result)) => return Waited::Ended(result),
            Ok(News::Stage(stage)) => runs.enter(stage),
            Err(RecvTimeoutError::Timeout) => {
                return Waited::TooLong { in_first_run: runs.state == State::First };
            }
            Err(RecvTimeoutError::Disconnected) => return Waited::Panicked,
        }
    }
}

/// How far the runs are.
struct Runs {
    state: State,
    /// Of the run that goes on.
    limit: Option<Duration>,
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Compiling,
    First,
    Further,
    /// No code runs, or only such as looks at the time.
    Safe,
}

impl Runs {
    fn left(&self) -> Option<Duration> {
        let is_watched = matches!(self.state, State::First | State::Further);
        self.limit.filter(|_| is_watched).map(|limit| limit.saturating_sub(self.since.elapsed()))
    }

    fn enter(&mut self, stage: InitStage) {
        self.state = match (self.state, stage) {
            (State::Compiling, InitStage::Begins { interruptible: false }) => State::First,
            (State::Compiling, _) => State::Safe,
            (State::First, InitStage::Ended) => {
                // As long as the audit lets runs take that look at the time.
                let patience = self.since.elapsed() * 10 + Duration::from_secs(10);
                self.limit = self.limit.map(|limit| limit.min(patience));
                State::Further
            }
            (State::Further, InitStage::Ended) => State::Safe,
            (state, _) => state,
        };
        self.since = Instant::now();
    }
}

/// Tells the watchdog, and whoever listens, how far the runs are.
fn watched(watchdog: &Watchdog, listener: Option<Sender<News>>) -> StageHook {
    let auditing = watchdog.at_init(Phase::Auditing, Phase::Auditing);
    StageHook::new(move |stage| {
        auditing.call(stage);
        if let Some(listener) = &listener {
            let _ = listener.send(News::Stage(stage));
        }
    })
}
