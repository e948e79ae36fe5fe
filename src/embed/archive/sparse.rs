//! Files with holes, in the three forms that GNU tar and libarchive write with extended headers: the archive has the pieces between
//! the holes only, and says where they belong.

use super::super::budget::Budget;
use super::super::error::SourceError;
use super::pax::{Pax, number};
use std::io::{self, Read};

/// What a piece costs besides its bytes.
const PIECE: u64 = 32;

/// A tar is made of blocks of this size.
const BLOCK: usize = 512;

/// A piece of the file: where it begins, and its length.
type Piece = (u64, u64);

/// Why a file with holes cannot be read.
pub(super) enum Unreadable {
    /// What is said about its holes makes no sense.
    Wrong(&'static str),
    /// The archive itself cannot be read.
    Io(io::Error),
    /// It is too large.
    Other(SourceError),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Unreadable {
        Unreadable::Io(error)
    }
}

impl From<SourceError> for Unreadable {
    fn from(error: SourceError) -> Unreadable {
        Unreadable::Other(error)
    }
}

type Result<T> = std::result::Result<T, Unreadable>;

/// What the file holds. `entry` is what the archive has of it.
pub(super) fn read(pax: &Pax, entry: &mut impl Read, budget: &Budget) -> Result<Vec<u8>> {
    let version = (pax.number("GNU.sparse.major"), pax.number("GNU.sparse.minor"));
    let size = pax.number("GNU.sparse.realsize").or(pax.number("GNU.sparse.size"));
    let size = size.ok_or(Unreadable::Wrong("it does not say its size"))?;
    let pieces = match version {
        (Some(1), Some(0)) => map_in_data(entry, budget)?,
        (None | Some(0), _) => map_in_header(pax, budget)?,
        _ => return Err(Unreadable::Wrong("its form is a newer one")),
    };
    budget.take(size)?;
    let size = usize::try_from(size).map_err(|_| Unreadable::Wrong("it is too large"))?;
    let mut contents = Vec::new();
    contents.try_reserve_exact(size).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    let mut is_whole = true;
    for (begin, length) in pieces {
        let begin = usize::try_from(begin).ok().filter(|begin| (contents.len()..=size).contains(begin));
        let begin = begin.ok_or(Unreadable::Wrong("its pieces are not in order"))?;
        if length > (size - begin) as u64 {
            return Err(Unreadable::Wrong("a piece is beyond its end"));
        }
        // Some programs fill the block up then, and others do not.
        if length > 0 && !std::mem::replace(&mut is_whole, length % BLOCK as u64 == 0) {
            return Err(Unreadable::Wrong("a piece that is not the last one has no whole blocks"));
        }
        contents.resize(begin, 0);
        let read = entry.by_ref().take(length).read_to_end(&mut contents)?;
        if read as u64 != length {
            return Err(Unreadable::Wrong("its pieces are longer than what the archive has of it"));
        }
    }
    contents.resize(size, 0);
    match entry.read(&mut [0])? {
        0 => Ok(contents),
        _ => Err(Unreadable::Wrong("its pieces are shorter than what the archive has of it")),
    }
}

/// Forms 0.0, a record for each number, and 0.1, one record for all of them.
fn map_in_header(pax: &Pax, budget: &Budget) -> Result<Vec<Piece>> {
    let mut numbers = Vec::new();
    match pax.get("GNU.sparse.map") {
        Some([]) => {}
        Some(map) => numbers.extend(map.split(|byte| *byte == b',').map(number)),
        None => {
            let mut expected = [&b"GNU.sparse.offset"[..], b"GNU.sparse.numbytes"].into_iter().cycle();
            for (key, value) in pax.records() {
                if !(key == b"GNU.sparse.offset" || key == b"GNU.sparse.numbytes") {
                    continue;
                }
                if expected.next() != Some(key) {
                    return Err(Unreadable::Wrong("its map is not in pairs"));
                }
                numbers.push(number(value));
            }
        }
    }
    budget.take(PIECE * (numbers.len() as u64 / 2))?;
    let numbers: Option<Vec<u64>> = numbers.into_iter().collect();
    let numbers = numbers.ok_or(Unreadable::Wrong("its map has something else than numbers"))?;
    let said = pax.get("GNU.sparse.numblocks").map(number);
    if numbers.len() % 2 != 0 || said.is_some_and(|said| said != Some(numbers.len() as u64 / 2)) {
        return Err(Unreadable::Wrong("its map is not whole"));
    }
    Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// Form 1.0: lines before the contents, in blocks of their own.
fn map_in_data(entry: &mut impl Read, budget: &Budget) -> Result<Vec<Piece>> {
    let mut lines = Lines { entry, block: [0; BLOCK], at: BLOCK };
    let count = lines.number()?;
    let mut pieces = Vec::new();
    for _ in 0..count {
        budget.take(PIECE)?;
        pieces.push((lines.number()?, lines.number()?));
    }
    Ok(pieces)
}

struct Lines<'e, R> {
    entry: &'e mut R,
    block: [u8; BLOCK],
    at: usize,
}

impl<R: Read> Lines<'_, R> {
    fn number(&mut self) -> Result<u64> {
        let mut line = Vec::new();
        // No number has more digits.
        while line.len() <= 20 {
            if self.at == BLOCK {
                let read = self.entry.read_exact(&mut self.block);
                read.map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => Unreadable::Wrong("its map is cut off"),
                    _ => Unreadable::Io(error),
                })?;
                self.at = 0;
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'\n' if !line.is_empty() => {
                    return number(&line).ok_or(Unreadable::Wrong("a number in its map is too large"));
                }
                b'0'..=b'9' => line.push(byte),
                _ => break,
            }
        }
        Err(Unreadable::Wrong("its map has something else than numbers"))
    }
}
