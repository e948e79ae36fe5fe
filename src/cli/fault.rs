//! What happens if this program or the engine has a fault of its own.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use preinit::stages::printable::Message;

use super::terminal;

/// What `run` returns; `None` if it panics, which is said in one line.
pub fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|wanted| wanted == "0") {
        panic::set_hook(Box::new(|info| terminal::message(&format!("{}\n", Message(&text(info))))));
    }
    // Nothing of what it leaves is used any more; outputs are written in one step at its end.
    panic::catch_unwind(AssertUnwindSafe(run)).ok()
}

fn text(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().map(ToString::to_string);
    let said = said.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    format!(
        "error: this is a fault of preinit or its engine, at {place}: {said}; please report it with the module"
    )
}
