mod fake;
mod images;
mod objects;
mod roots;

use super::{CaptureError, capture};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::Snapshot;
use fake::{Fake, Missing};

/// Captures `fake` as an instance of the module in `text`, and gives what `look` makes of the state.
fn captured<R>(
    text: &str,
    fake: &mut Fake,
    look: impl FnOnce(Snapshot<'_>) -> R,
) -> Result<R, CaptureError<Missing>> {
    let wasm = wat::parse_str(text).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let probed = Probed::new(&module).unwrap();
    // It is used as a trait object here and there.
    let instance: &mut dyn super::Instance<Error = Missing> = fake;
    capture(&module, &probed, instance).map(look)
}
