//! Tells whoever is interested how far a run is.

use std::fmt;
use std::sync::Arc;

/// How far init is. No example: that of [`StageHook`] has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitStage {
    /// Everything is compiled, and init begins. A program that is frozen runs more than once.
    Begins {
        /// Whether the code looks at the time, so that the time limit of the options ends it. Only code of a run that is
        /// [supervised](crate::Options::supervised) does not.
        interruptible: bool,
    },
    /// Init and its hooks have returned; the state is written next. Not said of a program that is frozen. An audit says it of its
    /// first run, and again when the last one has ended.
    Ended,
}

/// A function that is called when a stage begins.
///
/// ```
/// use preinit::{InitStage, Preinit, StageHook};
/// use std::sync::mpsc::channel;
///
/// let (sender, stages) = channel();
/// let hook = StageHook::new(move |stage| {
///     let _ = sender.send(stage);
/// });
/// let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit")))"#)?;
/// Preinit::new().on_init(hook).run(&wasm)?;
/// assert_eq!(stages.try_iter().collect::<Vec<_>>(), [InitStage::Begins { interruptible: true }, InitStage::Ended]);
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Clone)]
pub struct StageHook(Arc<dyn Fn(InitStage) + Send + Sync>);

impl StageHook {
    /// Calls `function` when the stage begins.
    pub fn new(function: impl Fn(InitStage) + Send + Sync + 'static) -> Self {
        StageHook(Arc::new(function))
    }

    /// Says that a stage begins. No example: it is what [`Preinit`](crate::Preinit) does.
    pub fn call(&self, stage: InitStage) {
        (self.0)(stage);
    }
}

impl fmt::Debug for StageHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StageHook(..)")
    }
}
