//! What a snapshot of a component must be: made once more, in each layout.

use super::stripping::StrippedComponent;
use super::{ComponentRunError, Run, clock, edited, with_states};
use crate::host::Ledger;
use crate::options::Options;
use crate::report::Timings;
use crate::stage_clock::StageClock;
use preinit_core::layout::Layout;

/// A snapshot in one layout.
pub(crate) struct Remade {
    /// What each core instance begins as, in the order of instantiation.
    pub modules: Vec<Vec<u8>>,
    /// The component with and without the exports that init has called, each whole and stripped.
    pub wasm: Vec<Vec<u8>>,
}

/// Makes the snapshot of `wasm` in one layout after the other, until `is_enough`, and hands over the run that left it.
pub(crate) fn remade<R>(
    options: &Options,
    wasm: &[u8],
    recorded: &mut Ledger,
    mut is_enough: impl FnMut(Remade) -> bool,
    hand_over: impl FnOnce(Run<'_, '_>) -> R,
) -> Result<R, ComponentRunError> {
    let mut stages = StageClock::start();
    let mut timings = Timings::default();
    with_states(options, wasm, recorded, (&mut stages, &mut timings), |run| {
        for layout in [Layout::Auto, Layout::Compact, Layout::Mappable, Layout::Sparse] {
            let (encoded, mut summary) = run.state.encoded(layout, run.executed, (run.clock, run.timings))?;
            let kept = clock::shifted(run.put_back(&encoded)?, false, &mut summary)?;
            let removed = run.without_init(kept.clone())?;
            let stripped = |wasm: &[u8]| StrippedComponent::of(wasm).map(|stripped| stripped.wasm);
            let wasm = [stripped(&kept)?, stripped(&removed)?, kept, removed];
            let wasm = wasm.into_iter().map(|wasm| edited(wasm, options)).collect::<Result<_, _>>()?;
            if is_enough(Remade { modules: encoded.modules, wasm }) {
                break;
            }
        }
        Ok(hand_over(run))
    })
}
