//! `fd_renumber`, between descriptors of the host and ours.

use crate::descriptors::{Target, is_mapped, rebind, target, unbind};
use crate::state::NUMBERS;
use crate::{errno, host, state};

#[unsafe(export_name = "embed:fd_renumber")]
extern "C" fn renumber(from: u32, to: u32) -> i32 {
    match (target(from), target(to)) {
        (Target::Closed, _) | (_, Target::Closed) => errno::BADF,
        (Target::Host(source), Target::Host(goal)) => {
            let result = host::fd_renumber(source, goal);
            if result == errno::SUCCESS && from != to && is_mapped(from) {
                unbind(from);
            }
            result
        }
        (Target::Ours(_), Target::Ours(_)) => {
            if from != to {
                rebind(from, to);
            }
            errno::SUCCESS
        }
        (Target::Ours(_), Target::Host(goal)) => {
            if !is_open(goal) {
                return errno::BADF;
            }
            if to >= NUMBERS {
                return errno::NOTSUP;
            }
            host::fd_close(goal);
            rebind(from, to);
            errno::SUCCESS
        }
        (Target::Host(source), Target::Ours(_)) => onto_ours(from, source, to),
    }
}

/// Lets a descriptor of the host take the number of one of ours.
fn onto_ours(from: u32, source: u32, to: u32) -> i32 {
    if !is_open(source) {
        return errno::BADF;
    }
    if is_mapped(from) {
        rebind(from, to);
        return errno::SUCCESS;
    }
    if crate::descriptors::alias(from, source, to) { errno::SUCCESS } else { errno::MFILE }
}

/// Whether the host has something open under this number, which only the host knows.
fn is_open(number: u32) -> bool {
    let mut answer = host::fd_fdstat_get(number, state::out());
    if answer == host::NOSYS {
        answer = host::fd_filestat_get(number, state::out());
    }
    if answer == host::NOSYS {
        // The last resort: there are hosts that say so of every number.
        return host::fd_renumber(number, number) == errno::SUCCESS;
    }
    answer != errno::BADF
}
