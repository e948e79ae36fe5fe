//! What happens when the command is interrupted: it leaves no temporary files.

/// From here on, the signals that end a process do so after its temporary files are removed.
#[cfg(unix)]
pub fn clean_up() {
    use preinit::stages::temporary;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    /// For a file system that does not answer.
    const PATIENCE: Duration = Duration::from_secs(2);

    let (ready, is_ready) = mpsc::channel();
    // Registered in the thread: without it, nothing would end the process.
    let started = thread::Builder::new().name("interruption".to_owned()).spawn(move || {
        let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
        let signals = Signals::new(watched);
        drop(ready);
        let Some(signal) = signals.ok().and_then(|mut signals| signals.forever().next()) else { return };
        temporary::remove_all(PATIENCE);
        // The first process of a container is not ended by its own signal.
        if std::process::id() != 1 {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
        std::process::exit(128 + signal);
    });
    if started.is_ok() {
        // Until the other end is dropped.
        let _: Result<(), _> = is_ready.recv();
    }
}

/// Elsewhere, the next run removes what an interrupted one has left.
#[cfg(not(unix))]
pub fn clean_up() {}

/// Whether whoever started this wants it to go on, as `nohup` does, and as shells do with what runs in the background.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask >> (signal - 1) & 1 == 1,
        // Only Linux says it in a file. That of a terminal that closes is the one that is ignored on purpose most often.
        None => signal == signal_hook::consts::SIGHUP,
    }
}
