//! How compare.py's start-ups are timed: see startup_v8.mjs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is measured together: the names of the modules in the orders of rounds.
pub type Phases = Vec<Vec<Vec<String>>>;

/// Milliseconds by module, a figure for each round, of `start`, which gets a name.
pub fn measure<E>(
    phases: &Phases,
    seconds: f64,
    mut start: impl FnMut(&str) -> Result<Duration, E>,
) -> Result<BTreeMap<String, Vec<f64>>, E> {
    let mut measured: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for orders in phases {
        let end = Instant::now() + Duration::from_secs_f64(seconds / phases.len() as f64);
        for order in orders.iter().cycle().take_while(|_| Instant::now() < end) {
            for name in order {
                let median = median_of_row(|| start(name))?;
                measured.entry(name.clone()).or_default().push(median);
            }
        }
    }
    Ok(measured)
}

/// Of starts in a row: of 20 ms, and of three at least.
fn median_of_row<E>(mut start: impl FnMut() -> Result<Duration, E>) -> Result<f64, E> {
    let mut row = Vec::new();
    let began = Instant::now();
    while row.len() < 3 || began.elapsed() < Duration::from_millis(20) {
        row.push(start()?);
    }
    row.sort_unstable();
    Ok(row[row.len() / 2].as_secs_f64() * 1e3)
}
