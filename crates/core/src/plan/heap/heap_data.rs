use super::super::PlanError;
use super::streams::{StreamContents, StreamKind, StreamRange};

/// The contents of the data segment that objects are made of, and where in it each stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapData {
    /// The contents of the segment.
    pub contents: Vec<u8>,
    /// Runs that make and fill objects. They are triples: builder, first entry, count.
    pub object_runs: StreamRange,
    /// Runs that write to tables.
    pub table_runs: StreamRange,
    /// Bytes of a registry index in the stream of references: 1, 2 or 4.
    pub reference_width: u32,
    /// Where the elements of arrays of numbers begin.
    pub arrays: u32,
    references: StreamRange,
    bytes: StreamRange,
    shorts: StreamRange,
    words: StreamRange,
    doubles: StreamRange,
}

impl HeapData {
    /// Lays out the streams one after the other. The first `object_runs` words of the runs make objects, the others write
    /// to tables. No registry has more than `most_entries`.
    pub(super) fn new(
        streams: &StreamContents,
        object_runs: usize,
        most_entries: u32,
    ) -> Result<HeapData, PlanError> {
        let reference_width = match most_entries {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let StreamContents { bytes, shorts, words, doubles, arrays, .. } = streams;
        let numbers: usize = [bytes, shorts, words, doubles, arrays].map(Vec::len).iter().sum();
        let size = 4 * streams.runs.len() + reference_width * streams.references.len() + numbers;
        if u32::try_from(size).is_err() {
            return Err(PlanError::LargeHeap(size as u64));
        }
        let mut contents = Vec::new();
        contents.try_reserve_exact(size).map_err(|_| PlanError::NoMemory(size))?;
        let mut add_words = |words: &[u32], width: usize| {
            let range = StreamRange { offset: contents.len() as u32, len: words.len() as u32 };
            contents.extend(words.iter().flat_map(|word| word.to_le_bytes().into_iter().take(width)));
            range
        };
        let (objects, tables) = streams.runs.split_at(object_runs);
        let object_runs = add_words(objects, 4);
        let table_runs = add_words(tables, 4);
        let references = add_words(&streams.references, reference_width);
        let mut add = |bytes: &[u8], width: usize| {
            let range = StreamRange { offset: contents.len() as u32, len: (bytes.len() / width) as u32 };
            contents.extend_from_slice(bytes);
            range
        };
        let bytes = add(bytes, 1);
        let shorts = add(shorts, 2);
        let words = add(words, 4);
        let doubles = add(doubles, 8);
        let arrays = add(arrays, 1).offset;
        let reference_width = reference_width as u32;
        Ok(HeapData {
            contents,
            object_runs,
            table_runs,
            reference_width,
            arrays,
            references,
            bytes,
            shorts,
            words,
            doubles,
        })
    }

    /// Where a stream is.
    pub fn stream(&self, kind: StreamKind) -> StreamRange {
        match kind {
            StreamKind::References => self.references,
            StreamKind::Bytes => self.bytes,
            StreamKind::Shorts => self.shorts,
            StreamKind::Words => self.words,
            StreamKind::Doubles => self.doubles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> StreamContents {
        StreamContents {
            runs: vec![0, 1, 2, 7, 8, 9],
            references: vec![1, 0x102],
            bytes: vec![11],
            words: vec![21, 22, 23, 24],
            arrays: vec![31, 32],
            ..StreamContents::default()
        }
    }

    fn part(data: &HeapData, range: StreamRange, width: u32) -> &[u8] {
        &data.contents[range.offset as usize..(range.offset + range.len * width) as usize]
    }

    #[test]
    fn every_stream_is_where_it_says() {
        let data = HeapData::new(&streams(), 3, 0x103).unwrap();
        assert_eq!(part(&data, data.object_runs, 4), [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(part(&data, data.table_runs, 4), [7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0]);
        assert_eq!(part(&data, data.stream(StreamKind::References), 2), [1, 0, 2, 1]);
        assert_eq!(part(&data, data.stream(StreamKind::Bytes), 1), [11]);
        assert_eq!(data.stream(StreamKind::Shorts).len, 0);
        assert_eq!(part(&data, data.stream(StreamKind::Words), 4), [21, 22, 23, 24]);
        assert_eq!(data.contents[data.arrays as usize..], [31, 32]);
    }

    #[test]
    fn references_are_as_wide_as_the_largest_index_needs() {
        for (most_entries, width) in [(0x100, 1), (0x101, 2), (0x1_0000, 2), (0x1_0001, 4)] {
            let data = HeapData::new(&StreamContents::default(), 0, most_entries).unwrap();
            assert_eq!(data.reference_width, width, "{most_entries:#x} entries");
        }
    }
}
