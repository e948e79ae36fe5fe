use crate::snapshot::Image;
use std::convert::Infallible;

const BLOCK: usize = 4096;

/// Offsets and lengths.
fn chunks(image: &Image<'_>) -> Vec<(u64, usize)> {
    image.chunks().iter().map(|chunk| (chunk.offset, chunk.bytes.len())).collect()
}

#[test]
fn blocks_with_anything_in_them_are_kept_and_adjacent_ones_joined() {
    let mut bytes = vec![0; 600 * BLOCK + 10];
    for at in [0, BLOCK, 3 * BLOCK + 7, 256 * BLOCK - 1, 256 * BLOCK, 600 * BLOCK + 9] {
        bytes[at] = 1;
    }
    let expected = [(0, 2 * BLOCK), (3, BLOCK), (255, 2 * BLOCK), (600, 10)];
    let expected: Vec<_> = expected.map(|(block, len)| (block * BLOCK as u64, len)).into();
    let image = Image::of(&bytes);
    assert_eq!(chunks(&image), expected);
    let mut copy = Vec::new();
    image.append_to(0, bytes.len() as u64, &mut copy);
    assert!(copy == bytes);
}

#[test]
fn only_the_given_stretches_are_looked_at() {
    let bytes = vec![1; 8 * BLOCK];
    let image = Image::within(&bytes, vec![BLOCK..2 * BLOCK, 4 * BLOCK..6 * BLOCK]);
    assert_eq!(chunks(&image), [(BLOCK as u64, BLOCK), (4 * BLOCK as u64, 2 * BLOCK)]);
    assert!(Image::within(&bytes, Vec::new()).chunks().is_empty());
}

#[test]
fn a_copy_in_pieces_is_the_same_image() {
    let mut bytes = vec![0; 700 * BLOCK + 1];
    for at in [255 * BLOCK, 256 * BLOCK, 699 * BLOCK, 700 * BLOCK] {
        bytes[at] = 1;
    }
    let copy = Image::copied(bytes.len(), |range| Ok::<_, Infallible>(bytes[range].to_vec()));
    assert_eq!(copy, Ok(Image::of(&bytes).into_owned()));
    assert_eq!(Image::copied(10, |_| Err("no")), Err("no"));
}
