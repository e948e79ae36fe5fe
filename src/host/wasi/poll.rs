//! `poll_oneoff`: files and streams are always ready; sleeping is up to the clock policy.

use wasmtime_wasi::p1::types::{
    Clockid, Errno, Event, EventFdReadwrite, Eventrwflags, Eventtype, Subclockflags, Subscription,
    SubscriptionU,
};
use wiggle::{GuestError, GuestMemory, GuestPtr};

use super::clock::{Clocks, Kind};
use super::errno;
use crate::host::ledger::{DescriptorKind, Descriptors};

/// A subscription, once we know when it is due.
struct Due {
    event: Event,
    /// `None` for a descriptor, which is ready at once.
    clock: Option<(Kind, u64)>,
}

/// Answers the call. If nothing is ready, time passes until the earliest deadline.
pub(super) fn oneoff(
    clocks: &mut Clocks,
    descriptors: &Descriptors,
    memory: &mut GuestMemory<'_>,
    [subscriptions, events, count, count_at]: [u32; 4],
) -> wasmtime::Result<i32> {
    if count == 0 {
        return Ok(errno::INVAL);
    }
    let mut due = Vec::new();
    for subscription in GuestPtr::<Subscription>::new(subscriptions).as_array(count).iter() {
        let subscription = match memory.read(subscription?) {
            Ok(subscription) => subscription,
            Err(GuestError::InvalidEnumValue(_) | GuestError::InvalidFlagValue(_)) => {
                return Ok(errno::INVAL);
            }
            Err(error) => return Err(error.into()),
        };
        match self::due(clocks, descriptors, &subscription)? {
            Ok(found) => due.push(found),
            Err(errno) => return Ok(errno),
        }
    }
    let mut waits = Vec::new();
    for due in &due {
        waits.push(match due.clock {
            Some((kind, deadline)) => clocks.remaining(kind, deadline)?,
            None => 0,
        });
    }
    let wait = waits.iter().copied().min().unwrap_or(0);
    if wait > 0 {
        clocks.sleep(wait);
    }
    let ready = due.into_iter().zip(waits).filter(|(_, left)| *left <= wait).map(|(due, _)| due.event);
    let mut written = 0;
    for event in ready {
        memory.write(GuestPtr::<Event>::new(events).add(written)?, event)?;
        written += 1;
    }
    memory.write(GuestPtr::<u32>::new(count_at), written)?;
    Ok(errno::SUCCESS)
}

fn due(
    clocks: &mut Clocks,
    descriptors: &Descriptors,
    subscription: &Subscription,
) -> wasmtime::Result<Result<Due, i32>> {
    use DescriptorKind::{File, Stderr, Stdin, Stdout};
    let (type_, clock, nbytes) = match &subscription.u {
        SubscriptionU::Clock(wanted) => {
            let kind = match wanted.id {
                Clockid::Realtime => Kind::Realtime,
                Clockid::Monotonic => Kind::Monotonic,
                Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => return Ok(Err(errno::INVAL)),
            };
            let absolute = wanted.flags.contains(Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME);
            let deadline = clocks.deadline(kind, wanted.timeout, absolute)?;
            (Eventtype::Clock, Some((kind, deadline)), 0)
        }
        SubscriptionU::FdRead(wanted) => {
            let kind = descriptors.get(wanted.file_descriptor.into()).map(|found| found.kind);
            if !matches!(kind, Some(Stdin | File)) {
                return Ok(Err(errno::BADF));
            }
            (Eventtype::FdRead, None, 1)
        }
        SubscriptionU::FdWrite(wanted) => {
            let kind = descriptors.get(wanted.file_descriptor.into()).map(|found| found.kind);
            if !matches!(kind, Some(Stdout | Stderr | File)) {
                return Ok(Err(errno::BADF));
            }
            (Eventtype::FdWrite, None, 1)
        }
    };
    let fd_readwrite = EventFdReadwrite { nbytes, flags: Eventrwflags::empty() };
    let event = Event { userdata: subscription.userdata, error: Errno::Success, type_, fd_readwrite };
    Ok(Ok(Due { event, clock }))
}
