//! A Rust guest: what init builds lives in statics, thread locals and a hash map with random keys.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, OnceLock};

struct Index {
    by_word: HashMap<String, Vec<u32>>,
    by_length: BTreeMap<usize, usize>,
    steps: Vec<Box<dyn Fn(u32) -> u32 + Send + Sync>>,
}

static INDEX: OnceLock<Index> = OnceLock::new();
static RUNS: Mutex<u32> = Mutex::new(0);

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

fn word(n: u32) -> String {
    format!("{:x}-{}", n.wrapping_mul(2_654_435_761), n % 7)
}

fn build() -> Index {
    let mut by_word: HashMap<String, Vec<u32>> = HashMap::new();
    let mut by_length = BTreeMap::new();
    for n in 0..3000 {
        let word = word(n % 1000);
        *by_length.entry(word.len()).or_default() += 1;
        LAST.set(word.clone());
        by_word.entry(word).or_default().push(n);
    }
    let steps = (1..=5)
        .map(|k| Box::new(move |x: u32| x.rotate_left(k) ^ k) as Box<dyn Fn(u32) -> u32 + Send + Sync>)
        .collect();
    Index { by_word, by_length, steps }
}

/// Run by preinit; needs `random_get` for the keys of the hash map.
#[unsafe(export_name = "wizer.initialize")]
pub extern "C" fn init() {
    *RUNS.lock().unwrap() += 1;
    INDEX.get_or_init(build);
}

/// How often init ran.
#[unsafe(no_mangle)]
pub extern "C" fn count() -> u32 {
    *RUNS.lock().unwrap()
}

/// The same for every choice of keys.
#[unsafe(no_mangle)]
pub extern "C" fn query(n: u32) -> u32 {
    let Some(index) = INDEX.get() else { return u32::MAX };
    let places: u32 = index.by_word.get(&word(n % 1000)).map_or(0, |places| places.iter().sum());
    let lengths: usize = index.by_length.iter().map(|(length, count)| length * count).sum();
    let last = LAST.with_borrow(|last| last.len() as u32);
    index.steps[n as usize % index.steps.len()](places + lengths as u32 + last)
}
