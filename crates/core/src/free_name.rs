//! Names that nothing has yet, whatever names there are: one number longer than what is wished for, at most.

use std::collections::{BTreeSet, HashSet};

/// `name`, or else the first of `name 1`, `name 2`, … that is none of `taken`.
pub(crate) fn free_name(name: &str, taken: &HashSet<&str>) -> String {
    let numbered = (1u64..).map(|number| format!("{name} {number}"));
    let mut candidates = std::iter::once(name.to_string()).chain(numbered);
    candidates.find(|candidate| !taken.contains(candidate.as_str())).unwrap_or_default()
}

/// `prefix`, or else the first of `prefix1 `, `prefix2 `, … with which none of `taken` begins.
pub(crate) fn free_prefix<'n>(prefix: &str, taken: impl Iterator<Item = &'n str>) -> String {
    let mut is_taken = false;
    let mut numbers = BTreeSet::new();
    for rest in taken.filter_map(|other| other.strip_prefix(prefix)) {
        is_taken = true;
        numbers.extend(rest.split_once(' ').and_then(|(first, _)| first.parse::<u64>().ok()));
    }
    // Of one number more than are taken, one is free.
    let free = || (1..).find(|number| !numbers.contains(number)).unwrap_or_default();
    if is_taken { format!("{prefix}{} ", free()) } else { prefix.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{free_name, free_prefix};

    #[test]
    fn a_name_is_free_and_short() {
        let name = |taken: &[&str]| free_name("new", &taken.iter().copied().collect());
        assert_eq!(name(&[]), "new");
        assert_eq!(name(&["newer", "new 1", "anew"]), "new");
        assert_eq!(name(&["new", "new 1", "new 3", "new x"]), "new 2");
        assert_eq!(name(&["new", "new 0"]), "new 1");
    }

    #[test]
    fn no_name_begins_with_a_prefix() {
        let prefix = |taken: &[&str]| free_prefix("new ", taken.iter().copied());
        assert_eq!(prefix(&["new", "newer", "anew "]), "new ");
        assert_eq!(prefix(&["new "]), "new 1 ");
        assert_eq!(prefix(&["new 1", "new function 1"]), "new 1 ");
        assert_eq!(prefix(&["new 1 function", "new 2 ", "new 4 "]), "new 3 ");
    }

    /// Whatever the names are, and in time that grows with them.
    #[test]
    fn many_names_make_no_long_one() {
        let mut taken: Vec<String> = (0..200_000).map(|k| format!("new {k} ")).collect();
        taken.extend((0..2000).map(|k| format!("{}new ", "~".repeat(k))));
        taken.push("new".to_string());
        let names = || taken.iter().map(String::as_str);
        assert_eq!(free_prefix("new ", names()), "new 200000 ");
        assert_eq!(free_name("new", &names().collect()), "new 1");
    }
}
