//! `wasi:sockets`: there is a network, and nobody may use it.

use super::call::{Answer, Guest, enumerated, err};
use super::resources::Resource;

pub(super) fn network(guest: &mut Guest<'_>) -> Answer {
    guest.make("network", Resource::Network).map(Some)
}

pub(super) fn denied(guest: &mut Guest<'_>) -> Answer {
    guest.check_sockets()?;
    Ok(Some(err(enumerated("access-denied"))))
}

pub(super) fn unresolved(guest: &mut Guest<'_>) -> Answer {
    guest.check_sockets()?;
    Ok(Some(err(enumerated("permanent-resolver-failure"))))
}
