//! A run that repeats another with something changed: arguments, environment, clocks, randomness and standard streams are
//! answered anew, everything outside is answered from the recording of the first.

use std::sync::Arc;

use super::error::ReplayDiverged;
use super::host_value::HostValue;
use super::ledger::{Call, DescriptorKind, Descriptors, Entry, Ledger, Region};
use super::wasi;

/// The calls of a recording that touched something outside, in order.
#[derive(Debug)]
pub(super) struct PartialReplay {
    outside: Vec<Arc<Entry>>,
    next: usize,
    show_values: bool,
}

impl PartialReplay {
    pub(super) fn of(recording: &Ledger) -> Self {
        let mut outside = Vec::new();
        let mut descriptors = Descriptors::new(&recording.preopens);
        for entry in &recording.entries {
            if is_outside(&entry.call, &descriptors) {
                outside.push(Arc::clone(entry));
            }
            descriptors.apply(entry);
        }
        Self { outside, next: 0, show_values: recording.show_values }
    }

    /// The recorded answer to `call`, as if it had been made by `call` itself: pointers may be others than in the
    /// recording. `buffer` is the one that the call names; `index` is the number of calls before it.
    pub(super) fn answer(
        &mut self,
        call: &Call,
        buffer: Option<(u32, u32)>,
        index: usize,
    ) -> Result<Entry, ReplayDiverged> {
        let recorded = self.outside.get(self.next);
        let answered = recorded.and_then(|recorded| transfer(recorded, call, buffer));
        match answered {
            Some(entry) => {
                self.next += 1;
                Ok(entry)
            }
            None => Err(ReplayDiverged {
                index,
                recorded: recorded.map(|recorded| recorded.call.in_words(self.show_values)),
                import: (*call.import).clone(),
                called: call.in_words(self.show_values),
            }),
        }
    }
}

/// Whether the answer to `call` is not made from options alone.
pub(super) fn is_outside(call: &Call, descriptors: &Descriptors) -> bool {
    use DescriptorKind::{Stderr, Stdin, Stdout};
    let standard = |index| {
        let kind = call.word(index).and_then(|fd| descriptors.get(fd)).map(|descriptor| descriptor.kind);
        matches!(kind, Some(Stdin | Stdout | Stderr))
    };
    match call.wasi() {
        None => false,
        Some("fd_prestat_get" | "fd_prestat_dir_name") => true,
        Some("fd_renumber") => !(standard(0) && standard(1)),
        Some(function) if function.starts_with("fd_") => !standard(0),
        Some(function) => function.starts_with("path_") || function.starts_with("sock_"),
    }
}

/// `recorded`, had it been `call`; `None` if they are not the same but for their pointers.
fn transfer(recorded: &Entry, call: &Call, buffer: Option<(u32, u32)>) -> Option<Entry> {
    if recorded.call.import != call.import || recorded.call.args.len() != call.args.len() {
        return None;
    }
    let function = wasi::function(&call.import)?;
    let mut pointers = Vec::new();
    let both = recorded.call.args.iter().zip(&call.args);
    for ((name, _), (old, new)) in function.params.iter().zip(both) {
        match (function.is_address(name), old, new) {
            (true, HostValue::I32(old), HostValue::I32(new)) => {
                pointers.push((old.cast_unsigned(), new.cast_unsigned()));
            }
            _ if old == new => {}
            _ => return None,
        }
    }
    if function.params.iter().any(|(name, _)| name.ends_with("path_len"))
        && texts(&recorded.call) != texts(call)
    {
        return None;
    }
    let old_buffer = recorded.call.buffer();
    let moved = |region: &Region| {
        let pointer = pointers.iter().find(|(old, _)| *old == region.address);
        let address = match (pointer, old_buffer, buffer) {
            (Some((_, new)), _, _) => *new,
            (None, Some((old, _)), Some((new, room))) if old == region.address => {
                (region.bytes.len() <= room as usize).then_some(new)?
            }
            _ => return None,
        };
        Some(Region { address, bytes: region.bytes.clone() })
    };
    let writes = recorded.writes.iter().map(moved).collect::<Option<Vec<_>>>()?;
    Some(Entry { call: call.clone(), outcome: recorded.outcome.clone(), writes })
}

fn texts(call: &Call) -> Vec<&[u8]> {
    call.reads.iter().map(|region| &*region.bytes).collect()
}

impl Call {
    /// The first buffer that is not empty among those that the call names: address and length.
    fn buffer(&self) -> Option<(u32, u32)> {
        let function = wasi::function(&self.import)?;
        let at = function.params.iter().position(|(name, _)| *name == "iovs")?;
        let address = self.word(at)?;
        let vectors = self.reads.iter().find(|region| region.address == address)?;
        let word = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let mut buffers =
            vectors.bytes.chunks_exact(8).filter_map(|pair| Some((word(pair)?, word(&pair[4..])?)));
        buffers.find(|(_, len)| *len > 0)
    }
}
