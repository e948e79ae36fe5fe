//! Work on many items, on all processors where the feature `parallel` is on. Results are in the order of the items, so
//! they do not depend on the number of threads.

#[cfg(feature = "parallel")]
use rayon::prelude::*;

/// `work` on every item.
#[cfg(feature = "parallel")]
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    items.into_par_iter().map(work).collect()
}

/// `work` on every item.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}

/// `work` on every item, with a value that each thread makes once and keeps.
#[cfg(feature = "parallel")]
pub(crate) fn map_with<T: Send, S, R: Send>(
    items: Vec<T>,
    make: impl Fn() -> S + Send + Sync,
    work: impl Fn(&mut S, T) -> R + Send + Sync,
) -> Vec<R> {
    items.into_par_iter().map_init(make, work).collect()
}

/// `work` on every item, with a value that is made once and kept.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map_with<T, S, R>(
    items: Vec<T>,
    make: impl Fn() -> S,
    work: impl Fn(&mut S, T) -> R,
) -> Vec<R> {
    let mut kept = make();
    items.into_iter().map(|item| work(&mut kept, item)).collect()
}
