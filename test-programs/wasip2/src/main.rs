//! A command for WASI 0.2 (`wasm32-wasip2`): it builds an index, and answers each line of standard input from it.

use std::io::BufRead;
fn main() {
    let mut index = std::collections::BTreeMap::new();
    for n in 0u32..30_000 {
        *index.entry(n.wrapping_mul(2_654_435_761) >> 20).or_insert(0u32) += n;
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let key: u32 = line.trim().parse().unwrap_or(0);
        println!("{}: {:?}", line, index.get(&key));
    }
}
