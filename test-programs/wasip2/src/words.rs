//! A component with functions (`wasm32-wasip2`, wit-bindgen): init counts words in a hash map with random keys, and prints how many there
//! are; what is asked for afterwards is answered from that.

use std::cell::RefCell;
use std::collections::HashMap;

wit_bindgen::generate!({
    inline: "
        package preinit:words;
        interface search {
            record hit { word: string, count: u32 }
            resource cursor {
                constructor(least: u32);
                next: func() -> option<hit>;
            }
        }
        world words {
            export preinit: func() -> result<u32, string>;
            export query: func(word: string) -> option<u32>;
            export describe: func(at: u32) -> string;
            export search;
        }
    ",
});

use exports::preinit::words::search;

/// What init makes.
#[derive(Default)]
struct Index {
    counts: HashMap<String, u32>,
    in_order: Vec<(String, u32)>,
    describe: Option<Box<dyn Fn(&str, u32) -> String>>,
}

thread_local! {
    static INDEX: RefCell<Index> = RefCell::default();
}

struct Words;

impl Guest for Words {
    fn preinit() -> Result<u32, String> {
        let mut index = Index::default();
        for n in 0u32..20_000 {
            *index.counts.entry(format!("w{}", n.wrapping_mul(2_654_435_761) >> 22)).or_insert(0) += n % 7;
        }
        index.in_order = index.counts.iter().map(|(word, count)| (word.clone(), *count)).collect();
        index.in_order.sort();
        let words = index.in_order.len() as u32;
        index.describe = Some(Box::new(move |word, count| format!("{word} of {words}: {count}")));
        println!("{words} words");
        INDEX.set(index);
        Ok(words)
    }

    fn query(word: String) -> Option<u32> {
        INDEX.with_borrow(|index| index.counts.get(&word).copied())
    }

    fn describe(at: u32) -> String {
        INDEX.with_borrow(|index| match (index.in_order.get(at as usize), &index.describe) {
            (Some((word, count)), Some(describe)) => {
                println!("describe {at}");
                describe(word, *count)
            }
            _ => "nothing".to_string(),
        })
    }
}

/// The words from `at` on that occur often enough.
struct Cursor {
    least: u32,
    at: RefCell<usize>,
}

impl search::Guest for Words {
    type Cursor = Cursor;
}

impl search::GuestCursor for Cursor {
    fn new(least: u32) -> Cursor {
        Cursor { least, at: RefCell::default() }
    }

    fn next(&self) -> Option<search::Hit> {
        INDEX.with_borrow(|index| {
            let mut at = self.at.borrow_mut();
            let rest = index.in_order.get(*at..)?;
            let found = rest.iter().position(|(_, count)| *count >= self.least)?;
            let (word, count) = rest[found].clone();
            *at += found + 1;
            Some(search::Hit { word, count })
        })
    }
}

export!(Words);
