//! Which name was meant.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

/// The name among `known` that `typed` is most like, if that is near enough to be a slip.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = typed.chars().count();
    // A name that nobody could have typed is not compared.
    let known = known.into_iter().filter(|name| name.len() <= 4 * NEAREST && length <= NEAREST);
    let (distance, name) = known.map(|name| (distance(typed, name), name)).min_by_key(|near| near.0)?;
    (distance <= 1 + length / 4).then_some(name)
}

/// Names that are longer have no nearest one.
const NEAREST: usize = 200;

/// The number of characters to insert, delete, replace, or exchange with the next one, to get from one to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let left: Vec<char> = left.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &b) in right.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a == right[j - 1] && b == left[i - 1] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognized() {
        for (typed, expected) in [
            ("verfy", Some("verify")),
            ("adit", Some("audit")),
            ("evrify", Some("verify")),
            ("verify", Some("verify")),
            ("app", None),
            ("", None),
            ("completely-different", None),
        ] {
            assert_eq!(nearest(typed, ["verify", "audit", "completions"]), expected, "{typed}");
        }
        assert_eq!(nearest("env.logg", ["env.lag", "env.log"]), Some("env.log"));
        assert_eq!(nearest("é", ["e"]), Some("e"));
    }
}
