//! Which pages of a memory were ever touched, where the platform tells.

use std::ops::Range;

/// Below this many bytes, looking at them all is as fast.
#[cfg(target_os = "linux")]
const WORTHWHILE: usize = 1 << 20;

/// The stretches of `bytes`, an anonymous mapping that starts at zero, that were ever touched; everything else is zero.
/// `None` where the platform does not tell. A page of the answer may hold zeros all the same.
///
/// On Linux, `/proc/self/pagemap` has 64 bits for each page; bit 63 says that it is in memory, bit 62 that it was swapped
/// out (kernel documentation, `admin-guide/mm/pagemap`). A page that has neither was never written, and reading it for
/// its zeros would cost a page fault.
#[cfg(target_os = "linux")]
pub(super) fn touched(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    use rayon::prelude::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// Pages that are asked for at once.
    const PIECE: usize = 1 << 16;
    const ENTRY: usize = 8;

    let page = page_size()?;
    let start = bytes.as_ptr().addr();
    if bytes.len() < WORTHWHILE || !start.is_multiple_of(page) {
        return None;
    }
    let map = File::open("/proc/self/pagemap").ok()?;
    let pages = bytes.len().div_ceil(page);
    let pieces: Vec<Vec<Range<usize>>> = (0..pages.div_ceil(PIECE))
        .into_par_iter()
        .map(|piece| {
            let first = piece * PIECE;
            let mut entries = vec![0; (pages - first).min(PIECE) * ENTRY];
            map.read_exact_at(&mut entries, ((start / page + first) * ENTRY) as u64).ok()?;
            let mut found = Vec::new();
            for (k, entry) in entries.as_chunks::<ENTRY>().0.iter().enumerate() {
                if u64::from_ne_bytes(*entry) >> 62 != 0 {
                    let at = (first + k) * page;
                    extend(&mut found, at..(at + page).min(bytes.len()));
                }
            }
            Some(found)
        })
        .collect::<Option<_>>()?;
    let mut touched = Vec::new();
    pieces.into_iter().flatten().for_each(|range| extend(&mut touched, range));
    Some(touched)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn touched(_: &[u8]) -> Option<Vec<Range<usize>>> {
    None
}

#[cfg(target_os = "linux")]
fn extend(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// From the auxiliary vector (`getauxval(3)`), pairs of machine words.
#[cfg(target_os = "linux")]
fn page_size() -> Option<usize> {
    const AT_PAGESZ: usize = 6;
    const WORD: usize = size_of::<usize>();
    let vector = std::fs::read("/proc/self/auxv").ok()?;
    let words: Vec<usize> =
        vector.as_chunks::<WORD>().0.iter().map(|word| usize::from_ne_bytes(*word)).collect();
    let size = words.as_chunks::<2>().0.iter().find(|[kind, _]| *kind == AT_PAGESZ)?[1];
    size.is_power_of_two().then_some(size)
}
