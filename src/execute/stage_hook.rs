//! Tells whoever is interested that a stage begins.

use std::fmt;
use std::sync::Arc;

/// A function that is called when a stage begins. No example: that of [`Preinit`](crate::Preinit) has one.
#[derive(Clone)]
pub struct StageHook(Arc<dyn Fn() + Send + Sync>);

impl StageHook {
    /// Calls `function` when the stage begins.
    pub fn new(function: impl Fn() + Send + Sync + 'static) -> Self {
        StageHook(Arc::new(function))
    }

    pub(crate) fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for StageHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StageHook(..)")
    }
}
