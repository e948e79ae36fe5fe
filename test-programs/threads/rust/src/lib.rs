//! Threads of Rust's standard library: init fills a map behind a lock; the answers of `query` come from threads that read
//! it, through channels, with thread locals of their own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, RwLock, mpsc};
use std::thread;

static WORDS: RwLock<BTreeMap<u32, String>> = RwLock::new(BTreeMap::new());
static TABLE: OnceLock<Vec<u32>> = OnceLock::new();
static VISITS: AtomicU32 = AtomicU32::new(0);
static TOTAL: Mutex<u64> = Mutex::new(0);

thread_local! {
    static LOCAL: Cell<u32> = const { Cell::new(5) };
    static LAZY: Cell<u32> = Cell::new(VISITS.load(Ordering::SeqCst));
}

#[unsafe(export_name = "wizer.initialize")]
pub extern "C" fn init() {
    let words = (0..2000u32).map(|n| (n.wrapping_mul(7919) % 10007, format!("word {n}")));
    WORDS.write().unwrap().extend(words);
    TABLE.get_or_init(|| (0..5000u32).map(|n| n.wrapping_mul(n)).collect());
    LOCAL.set(77);
    LAZY.set(1234);
}

#[unsafe(no_mangle)]
pub extern "C" fn query(n: i32) -> i32 {
    let Some(table) = TABLE.get() else { return -1 };
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4u32)
        .map(|first| {
            let sender = sender.clone();
            thread::spawn(move || {
                let fresh = LOCAL.get() == 5;
                LOCAL.set(first);
                let words = WORDS.read().unwrap();
                let key = (n as u32).wrapping_add(first) % 10007;
                let length = words.range(key..).next().map_or(0, |(key, word)| key + word.len() as u32);
                let sum = table.iter().skip(first as usize).step_by(4).fold(0u32, |sum, &x| sum.wrapping_add(x));
                *TOTAL.lock().unwrap() += u64::from(sum);
                VISITS.fetch_add(1, Ordering::SeqCst);
                sender.send(length).unwrap();
                fresh && LOCAL.get() == first
            })
        })
        .collect();
    drop(sender);
    let lengths: u32 = receiver.iter().sum();
    if !threads.into_iter().all(|thread| thread.join().unwrap()) || LOCAL.get() != 77 || LAZY.get() != 1234 {
        return -2;
    }
    (*TOTAL.lock().unwrap() % 1_000_003) as i32 + (lengths + VISITS.load(Ordering::SeqCst)) as i32
}
