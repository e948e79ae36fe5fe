//! Buffers of runtimes that read standard input without libc's streams. What manages a buffer is recognized by its shape, so that
//! no names are needed.

use super::contents::Contents;
use crate::host::Region;

/// What is left in a buffer of what was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputBuffer {
    /// What manages it, for readers.
    pub what: &'static str,
    /// The address of that.
    pub address: u64,
    /// The bytes that the program has not asked for yet.
    pub unread: Vec<u8>,
}

/// A manager of a buffer: given the words from its pointer on, and the number of bytes from there to the end of what was read,
/// how many of them are consumed.
type Shape = fn(&[u32; WORDS], u32) -> Option<u32>;

/// The most that a shape looks at.
const WORDS: usize = 14;

const SHAPES: [(&str, Shape); 4] = [
    ("Rust's BufReader", rust),
    ("Ruby's IO", ruby),
    ("Go's bufio.Reader", go),
    ("Python's BufferedReader", python),
];

/// The buffer that `last` was read into, the last bytes of standard input. Where several things look like a manager of it, as
/// copies of one do, the one that has consumed most is not out of date.
pub(crate) fn input_buffer(contents: &Contents<'_>, last: &Region) -> Option<InputBuffer> {
    let count = u32::try_from(last.bytes.len()).ok().filter(|count| *count > 0)?;
    let end = last.address.checked_add(count)?;
    // How much of it is consumed, what manages it, and where that is.
    let mut best: Option<(u32, &'static str, u64)> = None;
    let offer = |best: &mut Option<(u32, &'static str, u64)>, consumed: u32, what, address| {
        if best.is_none_or(|(most, ..)| consumed > most) {
            *best = Some((consumed, what, address));
        }
    };
    let buffer = |(consumed, what, address): (u32, _, _)| InputBuffer {
        what,
        address,
        unread: last.bytes[consumed as usize..].to_vec(),
    };
    let texts = decoded(contents, &last.bytes);
    if !texts.is_empty() {
        each_word(
            contents,
            |word| texts.binary_search(&word).is_ok(),
            |address, words| {
                // The text, how much of it is consumed, and nothing that waits to be written.
                if (1..=count).contains(&words[1]) && words[2..4] == [0, 0] {
                    offer(&mut best, words[1], "Python's TextIOWrapper", address);
                }
            },
        );
    }
    // It has taken all of what its BufferedReader has.
    if best.is_some() {
        return best.map(buffer);
    }
    let is_there = contents.holds(last.address.into(), &last.bytes);
    let is_pointer = |word: u32| is_there && word != 0 && word <= last.address;
    each_word(contents, is_pointer, |address, words| {
        let buffer = words[0];
        for (what, shape) in SHAPES {
            let Some(consumed) = shape(words, end - buffer) else { continue };
            let unread = (end - buffer).checked_sub(consumed);
            if let Some(unread) = unread.filter(|unread| *unread <= count) {
                offer(&mut best, count - unread, what, address);
            }
        }
    });
    best.map(buffer)
}

/// Gives all aligned words that are wanted, each with those after it.
fn each_word(
    contents: &Contents<'_>,
    is_wanted: impl Fn(u32) -> bool,
    mut visit: impl FnMut(u64, &[u32; WORDS]),
) {
    for (start, bytes) in contents.words() {
        let (words, _) = bytes.as_chunks::<4>();
        for (index, word) in words.iter().enumerate() {
            if !is_wanted(u32::from_le_bytes(*word)) {
                continue;
            }
            let mut window = [0; WORDS];
            for (word, bytes) in window.iter_mut().zip(&words[index..]) {
                *word = u32::from_le_bytes(*bytes);
            }
            visit(start + 4 * index as u64, &window);
        }
    }
}

/// `{ buffer, capacity, position, filled, … }`
fn rust(words: &[u32; WORDS], filled: u32) -> Option<u32> {
    let [_, capacity, position, end, ..] = *words;
    (end == filled && capacity >= filled && position <= filled).then_some(position)
}

/// `{ buffer, offset, length of the rest, capacity }`
fn ruby(words: &[u32; WORDS], filled: u32) -> Option<u32> {
    let [_, offset, rest, capacity, ..] = *words;
    (offset.checked_add(rest) == Some(filled) && capacity >= filled && offset > 0).then_some(offset)
}

/// `{ buffer, length, capacity, a reader of two words, position, end }`, all of 64 bits
fn go(words: &[u32; WORDS], filled: u32) -> Option<u32> {
    let [_, 0, length, 0, capacity, 0, _, 0, _, 0, position, 0, end, 0] = *words else { return None };
    (end == filled && length == capacity && length >= filled && position <= filled).then_some(position)
}

/// `{ buffer, padding, position, position of the file, end, … }`, numbers of 64 bits. What it has given away, a TextIOWrapper that
/// was not recognized may hold.
fn python(words: &[u32; WORDS], filled: u32) -> Option<u32> {
    let [_, _, position, 0, raw, 0, end, 0, ..] = *words else { return None };
    (end == filled && raw == filled && position < filled).then_some(position)
}

/// The addresses of Python's texts of one byte a character that are `bytes`, in order.
fn decoded(contents: &Contents<'_>, bytes: &[u8]) -> Vec<u32> {
    /// Of headers of CPython 3.11, and of later ones.
    const HEADERS: [u64; 2] = [24, 20];
    /// Where its length is.
    const LENGTH: u64 = 8;
    /// Shorter ones are anywhere.
    const SHORTEST: usize = 2;
    if bytes.len() < SHORTEST {
        return Vec::new();
    }
    let found = contents.find(bytes);
    let objects = found.flat_map(|text| HEADERS.iter().filter_map(move |header| text.checked_sub(*header)));
    let is_text = |object: &u64| u64::from(contents.word(object + LENGTH)) == bytes.len() as u64;
    let mut texts: Vec<u32> =
        objects.filter(is_text).filter_map(|object| u32::try_from(object).ok()).collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use preinit_core::snapshot::{Chunk, Image};

    fn image(memory: &[u8]) -> Image<'_> {
        Image::new(vec![Chunk { offset: 0, bytes: memory.into() }])
    }

    const TEXT: &[u8] = b"first\nsecond\nthird\n";

    /// What is found in a memory with `TEXT` at 4096, read there, and these words at 2048.
    fn found(words: &[u32]) -> Option<InputBuffer> {
        let mut memory = vec![0; 8192];
        memory[4096..4096 + TEXT.len()].copy_from_slice(TEXT);
        for (word, bytes) in words.iter().zip(memory[2048..].as_chunks_mut::<4>().0) {
            *bytes = word.to_le_bytes();
        }
        let image = image(&memory);
        input_buffer(&Contents::of(&image), &Region { address: 4096, bytes: TEXT.to_vec() })
    }

    #[test]
    fn runtimes() {
        for (what, words) in [
            ("Rust's BufReader", &[4096, 8192, 6, 19, 1][..]),
            ("Ruby's IO", &[4096, 6, 13, 8192]),
            ("Go's bufio.Reader", &[4096, 0, 4096, 0, 4096, 0, 9, 0, 8, 0, 6, 0, 19, 0]),
            ("Python's BufferedReader", &[4096, 7, 6, 0, 19, 0, 19, 0, 3]),
            ("Rust's BufReader", &[4090, 8192, 12, 25, 1]),
        ] {
            let expected = InputBuffer { what, address: 2048, unread: b"second\nthird\n".to_vec() };
            assert_eq!(found(words), Some(expected), "{words:?}");
        }
        for words in [
            &[4096, 8192, 20, 19, 1][..],
            &[4096, 8, 6, 19, 1],
            &[4096, 7, 13, 8192],
            &[4096, 0, 4096, 0, 4096, 0, 9, 0, 8, 0, 6, 1, 19, 0],
            &[4096, 7, 6, 0, 19, 0, 18, 0, 3],
            &[4096, 7, 19, 0, 19, 0, 19, 0, 3],
            &[4100, 8192, 6, 19, 1],
        ] {
            assert_eq!(found(words), None, "{words:?}");
        }
        assert_eq!(found(&[4096, 8192, 19, 19, 1]).map(|found| found.unread), Some(Vec::new()));
    }

    #[test]
    fn decoded_texts() {
        let words = [4096 - 24, 6];
        assert_eq!(found(&words), None, "no length");
        let mut memory = vec![0; 8192];
        memory[4096..4096 + TEXT.len()].copy_from_slice(TEXT);
        memory[4096 - 16] = 19;
        memory[100..104].copy_from_slice(&u32::to_le_bytes(4096 - 24));
        memory[104] = 6;
        let image = image(&memory);
        let found = input_buffer(&Contents::of(&image), &Region { address: 9, bytes: TEXT.to_vec() });
        assert_eq!(found.map(|found| (found.address, found.unread.len())), Some((100, 13)));
    }
}
