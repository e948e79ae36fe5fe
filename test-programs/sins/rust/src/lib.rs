//! What an init function should not do, one export each, and one that does nothing wrong.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

static INDEX: OnceLock<HashMap<u32, String>> = OnceLock::new();
static SORTED: OnceLock<BTreeMap<u32, String>> = OnceLock::new();
static STARTED: OnceLock<SystemTime> = OnceLock::new();
static TOKEN: OnceLock<String> = OnceLock::new();

fn names() -> impl Iterator<Item = (u32, String)> {
    (0..200).map(|i| (i, format!("name {i}")))
}

/// The keys of the map are random, and the same in every instance.
#[unsafe(export_name = "keeps_hash_keys")]
pub extern "C" fn keeps_hash_keys() {
    INDEX.get_or_init(|| names().collect());
}

#[unsafe(export_name = "keeps_time")]
pub extern "C" fn keeps_time() {
    SORTED.get_or_init(|| names().collect());
    STARTED.get_or_init(SystemTime::now);
}

#[unsafe(export_name = "keeps_environment")]
pub extern "C" fn keeps_environment() {
    TOKEN.get_or_init(|| std::env::var("API_KEY").unwrap_or_default());
}

/// Looks at a clock, and keeps nothing of it.
#[unsafe(export_name = "clean")]
pub extern "C" fn clean() {
    let begin = Instant::now();
    SORTED.get_or_init(|| names().collect());
    eprintln!("{} s", begin.elapsed().as_secs());
}

#[unsafe(export_name = "query")]
pub extern "C" fn query(i: u32) -> u32 {
    let hashed = INDEX.get().and_then(|index| index.get(&i)).map_or(0, String::len);
    let sorted = SORTED.get().and_then(|index| index.get(&i)).map_or(0, String::len);
    let started = STARTED.get().and_then(|time| time.elapsed().ok()).map_or(0, |age| age.as_secs() as usize);
    (hashed + sorted + started + TOKEN.get().map_or(0, String::len)) as u32
}
