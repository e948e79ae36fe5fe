//! A library of words for JavaScript: what a program of wasm-bindgen keeps, and how it keeps it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use js_sys::{Array, Function, Map, Reflect};
use regex::Regex;
use wasm_bindgen::prelude::*;

#[derive(Default)]
struct Library {
    numbers: HashMap<String, u32>,
    patterns: HashMap<String, Regex>,
    /// Values of JavaScript: strings and numbers can be made again, others cannot.
    kept: Vec<JsValue>,
    ticking: Option<Closure<dyn FnMut() -> u32>>,
}

thread_local! {
    static LIBRARY: RefCell<Library> = RefCell::default();
    static STARTS: Cell<u32> = const { Cell::new(0) };
}

fn library<R>(work: impl FnOnce(&mut Library) -> R) -> R {
    LIBRARY.with_borrow_mut(work)
}

/// Called by the glue at every start.
#[wasm_bindgen(start)]
fn started() {
    STARTS.set(STARTS.get() + 1);
}

/// How often the module was started.
#[wasm_bindgen]
pub fn starts() -> u32 {
    STARTS.get()
}

/// Numbers `count` words.
#[wasm_bindgen]
pub fn build(count: u32) -> u32 {
    library(|library| {
        for number in 0..count {
            let word = format!("word{}", u64::from(number) * 7919 % 100_003);
            library.numbers.insert(word, number);
        }
        library.numbers.len() as u32
    })
}

/// The number of a word.
#[wasm_bindgen]
pub fn lookup(word: &str) -> Option<u32> {
    library(|library| library.numbers.get(word).copied())
}

/// What `pattern` finds in a text. Patterns are compiled once.
#[wasm_bindgen]
pub fn find(pattern: &str, text: &str) -> Result<Vec<String>, JsError> {
    library(|library| {
        if !library.patterns.contains_key(pattern) {
            library.patterns.insert(pattern.into(), Regex::new(pattern)?);
        }
        Ok(library.patterns[pattern].find_iter(text).map(|found| found.as_str().into()).collect())
    })
}

/// Keeps a value of JavaScript; returns how many there are.
#[wasm_bindgen]
pub fn keep(value: JsValue) -> usize {
    library(|library| {
        library.kept.push(value);
        library.kept.len()
    })
}

/// What was kept.
#[wasm_bindgen]
pub fn kept() -> Array {
    library(|library| library.kept.iter().cloned().collect())
}

/// Lets go what was kept.
#[wasm_bindgen]
pub fn drop_kept() {
    library(|library| library.kept.clear());
}

/// A function of Rust that counts, as a value of JavaScript.
#[wasm_bindgen]
pub fn counter(mut from: u32) -> JsValue {
    let count = move || {
        from += 1;
        from
    };
    Closure::wrap(Box::new(count) as Box<dyn FnMut() -> u32>).into_js_value()
}

/// The same, kept by Rust.
#[wasm_bindgen]
pub fn keep_counter(mut from: u32) {
    let count = move || {
        from += 1;
        from
    };
    library(|library| library.ticking = Some(Closure::new(count)));
}

/// Waits, and goes on with what JavaScript's promise gives.
#[wasm_bindgen]
pub async fn double(promise: js_sys::Promise) -> Result<f64, JsValue> {
    let value = wasm_bindgen_futures::JsFuture::from(promise).await?;
    Ok(value.as_f64().unwrap_or(f64::NAN) * 2.0)
}

/// Calls a function of JavaScript with numbers, and gives the sum of what it returns.
#[wasm_bindgen]
pub fn sum_of(count: u32, work: &Function) -> Result<f64, JsValue> {
    let mut sum = 0.0;
    for number in 0..count {
        sum += work.call1(&JsValue::NULL, &number.into())?.as_f64().ok_or("not a number")?;
    }
    Ok(sum)
}

/// A property of an object of JavaScript.
#[wasm_bindgen]
pub fn property(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &name.into())
}

/// What a value of JavaScript is, as far as it is a string or a number.
#[wasm_bindgen]
pub fn describe(value: &JsValue) -> String {
    if value.is_undefined() {
        return "nothing".into();
    }
    match (value.as_string(), value.as_f64()) {
        (Some(text), _) => format!("the text {text}"),
        (None, Some(number)) => format!("the number {number}"),
        (None, None) => "something else".into(),
    }
}

/// An index of words.
#[wasm_bindgen]
#[derive(Default)]
pub struct Index {
    name: String,
    counts: BTreeMap<String, u32>,
}

#[wasm_bindgen]
impl Index {
    /// One that is empty.
    #[wasm_bindgen(constructor)]
    pub fn new(name: String) -> Index {
        Index { name, ..Index::default() }
    }

    /// Its name.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Adds a word.
    pub fn add(&mut self, word: &str) -> Result<(), JsError> {
        if word.is_empty() {
            return Err(JsError::new("the word is empty"));
        }
        *self.counts.entry(word.into()).or_default() += 1;
        Ok(())
    }

    /// All words and how often they were added, as a map of JavaScript.
    pub fn counts(&self) -> Map {
        let map = Map::new();
        for (word, count) in &self.counts {
            map.set(&word.into(), &(*count).into());
        }
        map
    }

    /// Calls a function with each word.
    pub fn each(&self, work: &Function) -> Result<(), JsValue> {
        for (word, count) in &self.counts {
            work.call2(&JsValue::NULL, &word.into(), &(*count).into())?;
        }
        Ok(())
    }
}
