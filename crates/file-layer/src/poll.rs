//! `poll_oneoff`, with descriptors of both kinds. What is ours is always ready: such a subscription becomes one to a clock
//! that has run out, so that the host tells of all that has happened, and its event becomes what it should be.

use crate::descriptors::{Target, target};
use crate::memory::{get_u8, get_u32, get_u64, put_u8, put_u16, put_u32, put_u64, zero};
use crate::state::{SUBSCRIPTIONS, subscription};
use crate::{errno, host, reopen, view};

/// A subscription: user data, tag, and what belongs to the tag.
const SIZE: u32 = 48;
const TAG: u32 = 8;
const FD: u32 = 16;
const CLOCK: u8 = 0;
const READ: u8 = 1;
const MONOTONIC: u32 = 1;

/// An event: user data, errno, type, bytes that are ready, flags.
const EVENT_SIZE: u32 = 32;

/// What a call has to know of a subscription afterwards, in the bookkeeping: user data, descriptor, whether it was about
/// something of ours, and its tag.
const SAVED_FD: u32 = 8;
const SAVED_KIND: u32 = 12;
const SAVED_TAG: u32 = 13;
const UNTOUCHED: u8 = 0;
const OURS: u8 = 1;
const ALIASED: u8 = 2;
const CLOSED: u8 = 3;

#[unsafe(export_name = "embed:poll_oneoff")]
extern "C" fn poll(subscriptions: u32, events: u32, count: u32, happened: u32) -> i32 {
    let is_plain = |index: u32| {
        let at = subscriptions + SIZE * index;
        let fd = get_u32(at + FD);
        get_u8(at + TAG) == CLOCK || matches!(target(fd), Target::Host(number) if number == fd)
    };
    if (0..count).all(is_plain) {
        return host::poll_oneoff(subscriptions, events, count, happened);
    }
    if count > SUBSCRIPTIONS {
        return errno::INVAL;
    }
    for index in 0..count {
        replace(subscriptions + SIZE * index, index);
    }
    let result = host::poll_oneoff(subscriptions, events, count, happened);
    for index in 0..count {
        restore(subscriptions + SIZE * index, index);
    }
    if result == errno::SUCCESS {
        for event in 0..get_u32(happened) {
            settle(events + EVENT_SIZE * event, count);
        }
    }
    result
}

/// Makes a subscription one for the host. Its user data becomes its index.
fn replace(at: u32, index: u32) {
    let saved = subscription(index);
    let tag = get_u8(at + TAG);
    let fd = get_u32(at + FD);
    put_u64(saved, get_u64(at));
    put_u32(saved + SAVED_FD, fd);
    put_u8(saved + SAVED_TAG, tag);
    put_u64(at, u64::from(index));
    let kind = match target(fd) {
        _ if tag == CLOCK => UNTOUCHED,
        Target::Host(number) if number == fd => UNTOUCHED,
        Target::Host(number) => {
            put_u32(at + FD, number);
            ALIASED
        }
        Target::Ours(_) => OURS,
        Target::Closed => CLOSED,
    };
    if matches!(kind, OURS | CLOSED) {
        zero(at + TAG, SIZE - TAG);
        put_u32(at + FD, MONOTONIC);
    }
    put_u8(saved + SAVED_KIND, kind);
}

fn restore(at: u32, index: u32) {
    let saved = subscription(index);
    put_u64(at, get_u64(saved));
    if matches!(get_u8(saved + SAVED_KIND), OURS | CLOSED) {
        zero(at + TAG, SIZE - TAG);
        put_u8(at + TAG, get_u8(saved + SAVED_TAG));
    }
    if get_u8(saved + SAVED_KIND) != UNTOUCHED {
        put_u32(at + FD, get_u32(saved + SAVED_FD));
    }
}

/// Makes an event one for the program.
fn settle(event: u32, count: u32) {
    let index = get_u64(event);
    if index >= u64::from(count) {
        return;
    }
    let saved = subscription(index as u32);
    put_u64(event, get_u64(saved));
    let tag = get_u8(saved + SAVED_TAG);
    let target = target(get_u32(saved + SAVED_FD));
    match get_u8(saved + SAVED_KIND) {
        OURS => {
            put_u8(event + 10, tag);
            put_u64(event + 16, 0);
            put_u16(event + 24, 0);
            if let Target::Ours(object) = target {
                if object.is_directory() {
                    put_u16(event + 8, errno::BADF as u16);
                } else if tag == READ && object.is_reopened() {
                    put_u64(event + 16, reopen::left(object));
                } else if tag == READ {
                    let len = u64::from(view::node(object.node()).len);
                    put_u64(event + 16, len.saturating_sub(object.position()));
                }
            }
        }
        CLOSED => {
            put_u16(event + 8, errno::BADF as u16);
            put_u8(event + 10, tag);
        }
        _ => {}
    }
}
