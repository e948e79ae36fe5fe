//! Files with holes in a tar, in all forms that there are.

use super::archives::{files, refusal, unpacked};
use super::tar_archives::{add, add_with, archive, compressed, header};
use tar::GnuExtSparseHeader;

/// Pieces of a file of `size` bytes, and what it holds.
struct Holes {
    size: usize,
    /// Whether the list has an empty piece at the end, as GNU tar makes it.
    has_end: bool,
    pieces: Vec<(usize, Vec<u8>)>,
}

impl Holes {
    fn all() -> [Holes; 6] {
        let holes = |size: usize, pieces: &[(usize, &[u8])]| Holes {
            size,
            has_end: true,
            pieces: pieces.iter().map(|(at, bytes)| (*at, bytes.to_vec())).collect(),
        };
        let block = [7; 512];
        [
            holes(100_000, &[(49_664, &block[..]), (99_328, b"almost the end")]),
            holes(10, &[(0, b"no hole at all"[..10].as_ref())]),
            holes(70_000, &[]),
            holes(1536, &[(0, &block[..]), (1024, &block[..])]),
            Holes { has_end: false, ..holes(5000, &[(512, &block[..])]) },
            // More than fit in one header of the old form, and a map of several blocks in the newest one.
            Holes {
                size: 1 << 20,
                has_end: true,
                pieces: (0..200).map(|k| (5120 * k, vec![k as u8 + 1; 512])).collect(),
            },
        ]
    }

    fn contents(&self) -> Vec<u8> {
        let mut contents = vec![0; self.size];
        for (at, bytes) in &self.pieces {
            contents[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        contents
    }

    /// All that the archive has of it.
    fn data(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    fn map(&self) -> Vec<(usize, usize)> {
        let pieces = self.pieces.iter().map(|(at, bytes)| (*at, bytes.len()));
        pieces.chain(self.has_end.then_some((self.size, 0))).collect()
    }

    fn form_0_0(&self) -> Vec<u8> {
        let map = self.map();
        let mut records =
            vec![("GNU.sparse.size", self.size.to_string()), ("GNU.sparse.numblocks", map.len().to_string())];
        for (at, length) in map {
            records.push(("GNU.sparse.offset", at.to_string()));
            records.push(("GNU.sparse.numbytes", length.to_string()));
        }
        self.after(&records, "dir/holes", &self.data())
    }

    fn form_0_1(&self) -> Vec<u8> {
        let map: Vec<String> = self.map().iter().map(|(at, length)| format!("{at},{length}")).collect();
        let records = [
            ("GNU.sparse.size", self.size.to_string()),
            ("GNU.sparse.numblocks", map.len().to_string()),
            ("GNU.sparse.map", map.join(",")),
            ("GNU.sparse.name", "dir/holes".to_string()),
        ];
        self.after(&records, "dir/GNUSparseFile.1/holes", &self.data())
    }

    fn form_1_0(&self) -> Vec<u8> {
        let mut data = format!("{}\n", self.map().len());
        self.map().iter().for_each(|(at, length)| data += &format!("{at}\n{length}\n"));
        let mut data = data.into_bytes();
        data.resize(data.len().next_multiple_of(512), 0);
        data.extend(self.data());
        let records = [
            ("GNU.sparse.major", "1".to_string()),
            ("GNU.sparse.minor", "0".to_string()),
            ("GNU.sparse.name", "dir/holes".to_string()),
            ("GNU.sparse.realsize", self.size.to_string()),
        ];
        self.after(&records, "dir/GNUSparseFile.1/holes", &data)
    }

    fn after(&self, records: &[(&str, String)], name: &str, data: &[u8]) -> Vec<u8> {
        let records: Vec<_> = records.iter().map(|(key, value)| (*key, value.as_str())).collect();
        archive(|tar| {
            add_with(tar, &records, name, data);
            add(tar, b'0', "after", b"it");
        })
    }

    /// The form of GNU tar before there were records.
    fn old_form(&self) -> Vec<u8> {
        let data = self.data();
        let mut first = header(b'S', "dir/holes", data.len() as u64);
        let map = self.map();
        let (inside, more) = map.split_at(map.len().min(4));
        let gnu = first.as_gnu_mut().unwrap();
        gnu.set_real_size(self.size as u64);
        gnu.set_is_extended(!more.is_empty());
        for (place, (at, length)) in gnu.sparse.iter_mut().zip(inside) {
            place.set_offset(*at as u64);
            place.set_length(*length as u64);
        }
        first.set_cksum();
        let mut bytes = first.as_bytes().to_vec();
        let mut blocks = more.chunks(21).peekable();
        while let Some(block) = blocks.next() {
            let mut extended = GnuExtSparseHeader::new();
            extended.set_is_extended(blocks.peek().is_some());
            for (place, (at, length)) in extended.sparse_mut().iter_mut().zip(block) {
                place.set_offset(*at as u64);
                place.set_length(*length as u64);
            }
            bytes.extend(extended.as_bytes());
        }
        bytes.extend(&data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes.extend(archive(|tar| add(tar, b'0', "after", b"it")));
        bytes
    }
}

#[test]
fn files_with_holes_are_whole() {
    for holes in Holes::all() {
        let expected = files(&[("dir/holes", &holes.contents()), ("after", b"it")]);
        let mut forms = vec![("0.0", holes.form_0_0()), ("0.1", holes.form_0_1()), ("1.0", holes.form_1_0())];
        // This one was written by GNU tar only.
        if holes.has_end {
            forms.push(("old", holes.old_form()));
        }
        for (form, bytes) in forms {
            assert!(unpacked("a.tar", &bytes) == expected, "{form}, {} bytes", holes.size);
            assert!(unpacked("a.tgz", &compressed(&bytes)) == expected, "{form} compressed");
        }
    }
}

#[test]
fn maps_of_holes_that_make_no_sense_are_refused() {
    let sparse = |records: &[(&str, &str)], data: &[u8]| archive(|tar| add_with(tar, records, "f", data));
    let mapped = |size: &str, map: &str| {
        let records = [("GNU.sparse.size", size), ("GNU.sparse.map", map)];
        refusal("a.tar", &sparse(&records, b"twelve bytes"))
    };
    for (size, map, expected) in [
        ("100", "0,4,2,8", "not in order"),
        ("100", "50,8,0,4", "not in order"),
        ("100", "95,12", "beyond its end"),
        ("100", "101,0", "not in order"),
        ("100", "0,4", "shorter than what the archive has"),
        ("100", "0,20", "longer than what the archive has"),
        ("100", "0,4,10,8", "has no whole blocks"),
        ("100", "0,12,", "something else than numbers"),
        ("100", "0,12,5", "not whole"),
        ("100", "0,+12", "something else than numbers"),
        ("1e3", "0,12", "does not say its size"),
        ("99999999999", "0,12", "the files to embed have more than"),
    ] {
        let said = mapped(size, map);
        assert!(said.contains(expected), "{size} and {map}: {said}");
    }
    let newest = |data: &[u8]| {
        let records = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "100")];
        refusal("a.tar", &sparse(&records, data))
    };
    assert!(newest(b"1\n0\n").contains("cut off"));
    assert!(newest(&[b'x'; 512]).contains("something else than numbers"));
    assert!(newest(&[b'9'; 512]).contains("something else than numbers"));
    let said = refusal("a.tar", &sparse(&[("GNU.sparse.major", "2"), ("GNU.sparse.size", "1")], b""));
    assert!(said.contains("a newer one"), "{said}");
    let said = refusal("a.tar", &sparse(&[("GNU.sparse.size", "9"), ("GNU.sparse.numbytes", "1")], b""));
    assert!(said.contains("not in pairs"), "{said}");
    for key in ["SUN.holesdata", "SCHILY.realsize", "GNU.volume.offset"] {
        let said = refusal("a.tar", &sparse(&[(key, "1")], b""));
        assert!(said.contains(key), "{said}");
    }
}
