//! Waits for points in time. Time passes only while nothing else can go on, and then until the first of these points, so that what is
//! ready comes before every timer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A point in time, and the number of the timer.
type Key = (u64, u64);

enum Timer {
    Waits(Option<Waker>),
    IsDue,
}

#[derive(Default)]
struct Table {
    timers: BTreeMap<Key, Timer>,
    made: u64,
}

/// All timers of a store.
#[derive(Clone, Default)]
pub struct Timers(Arc<Mutex<Table>>);

impl Timers {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a reading of the monotonic clock.
    pub fn wait(&self, deadline: u64) -> Wait {
        let mut table = self.table();
        let key = (deadline, table.made);
        table.made += 1;
        table.timers.insert(key, Timer::Waits(None));
        Wait { timers: self.clone(), key }
    }

    /// Lets the first timer be due. `false` if there is none.
    pub fn pass(&self) -> bool {
        let mut table = self.table();
        let first = table.timers.values_mut().find_map(|timer| match timer {
            Timer::Waits(waker) => Some((waker.take(), timer)),
            Timer::IsDue => None,
        });
        let Some((waker, timer)) = first else { return false };
        *timer = Timer::IsDue;
        drop(table);
        waker.inspect(Waker::wake_by_ref);
        true
    }
}

/// Ends when its timer is due.
pub struct Wait {
    timers: Timers,
    key: Key,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.timers.table().timers.get_mut(&self.key) {
            Some(Timer::Waits(waker)) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.timers.table().timers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    fn is_over(wait: Pin<&mut Wait>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_first_point_in_time_comes_first_and_what_is_dropped_never() {
        let timers = Timers::default();
        let (mut late, mut soon) = (pin!(timers.wait(20)), pin!(timers.wait(10)));
        drop(timers.wait(5));
        assert!(!is_over(late.as_mut()) && !is_over(soon.as_mut()));
        assert!(timers.pass());
        assert!(!is_over(late.as_mut()) && is_over(soon.as_mut()));
        assert!(timers.pass());
        assert!(is_over(late.as_mut()));
        assert!(!timers.pass(), "nobody waits");
    }
}
