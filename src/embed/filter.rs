//! What is left out.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use std::cell::Cell;

/// Patterns of names that are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// As they were given.
    texts: Vec<String>,
    names: Patterns,
    /// Those of whole paths below what is embedded.
    paths: Patterns,
}

#[derive(Debug, Clone, Default)]
struct Patterns {
    globs: Vec<Pattern>,
    set: GlobSet,
}

#[derive(Debug, Clone)]
struct Pattern {
    glob: Glob,
    /// Which of the texts it is.
    index: usize,
    is_of_directories: bool,
}

impl Patterns {
    fn add(&mut self, pattern: Pattern) -> Result<(), globset::Error> {
        self.globs.push(pattern);
        let mut set = GlobSetBuilder::new();
        for pattern in &self.globs {
            set.add(pattern.glob.clone());
        }
        self.set = set.build()?;
        Ok(())
    }

    fn matches(&self, text: &str, is_directory: bool) -> impl Iterator<Item = usize> {
        let found = if self.set.is_match(text) { self.set.matches(text) } else { Vec::new() };
        let found = found.into_iter().filter_map(|place| self.globs.get(place));
        found.filter(move |pattern| is_directory || !pattern.is_of_directories).map(|pattern| pattern.index)
    }
}

impl Filter {
    /// Leaves out what this pattern matches: the path below what is embedded, or, without a slash before its end, any name on it.
    /// With one at its end it is of directories only.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        if text.starts_with('!') {
            return Err(
                "nothing is taken back in; for a name that begins with `!`, write `?` instead".to_string()
            );
        }
        let names: Vec<&str> = text.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        if names.contains(&"..") {
            return Err("it leads out of what is embedded; write the path below HOST".to_string());
        }
        if names.is_empty() {
            return Err("it has no name".to_string());
        }
        let is_path = text.trim_end_matches('/').contains('/');
        let patterns = if is_path { &mut self.paths } else { &mut self.names };
        let glob = GlobBuilder::new(&names.join("/")).literal_separator(true).build();
        let (index, is_of_directories) = (self.texts.len(), text.ends_with('/'));
        let added = glob.and_then(|glob| patterns.add(Pattern { glob, index, is_of_directories }));
        added.map_err(|error| error.kind().to_string())?;
        self.texts.push(text.to_owned());
        Ok(())
    }
}

/// A filter while something is read: it knows which patterns have matched.
#[derive(Debug)]
pub(super) struct Matching<'f> {
    filter: &'f Filter,
    matched: Vec<Cell<bool>>,
}

impl<'f> Matching<'f> {
    pub fn new(filter: &'f Filter) -> Matching<'f> {
        Matching { filter, matched: vec![Cell::new(false); filter.texts.len()] }
    }

    /// Whether what is at this path, or above it, is left out.
    pub fn excludes(&self, names: &[String], is_directory: bool) -> bool {
        if self.filter.texts.is_empty() {
            return false;
        }
        let (path, mut end, mut is_excluded) = (names.join("/"), 0, false);
        for (above, name) in names.iter().enumerate() {
            end += name.len() + usize::from(above > 0);
            let is_directory = is_directory || above + 1 < names.len();
            let by_name = self.filter.names.matches(name, is_directory);
            for index in by_name.chain(self.filter.paths.matches(&path[..end], is_directory)) {
                self.matched[index].set(true);
                is_excluded = true;
            }
        }
        is_excluded
    }

    /// Whether there are patterns that have matched nothing yet.
    pub fn is_waiting(&self) -> bool {
        self.matched.iter().any(|matched| !matched.get())
    }

    /// The patterns that have matched nothing.
    pub fn unmatched(&self) -> Vec<String> {
        let patterns = self.filter.texts.iter().zip(&self.matched);
        patterns.filter(|(_, matched)| !matched.get()).map(|(text, _)| text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Matching};

    fn filter(patterns: &[&str]) -> Filter {
        let mut filter = Filter::default();
        patterns.iter().for_each(|pattern| filter.add(pattern).unwrap());
        filter
    }

    /// A path with a slash at its end is that of a directory.
    fn excludes(matching: &Matching<'_>, path: &str) -> bool {
        let names: Vec<String> = path.trim_end_matches('/').split('/').map(str::to_owned).collect();
        matching.excludes(&names, path.ends_with('/'))
    }

    #[test]
    fn a_pattern_matches_names_or_paths() {
        let filter = filter(&["__pycache__", "*.pyc", "test/data/*"]);
        let matching = Matching::new(&filter);
        let excludes = |path: &str| excludes(&matching, path);
        assert!(excludes("__pycache__/") && excludes("a/__pycache__") && excludes("a/__pycache__/b/c"));
        assert!(excludes("a.pyc") && excludes("b/a.pyc"));
        assert!(excludes("test/data/x") && excludes("test/data/x/y"));
        assert!(!excludes("test/data/") && !excludes("other/test/data/x") && !excludes("a.py"));
    }

    /// As in a `.gitignore`, and in what is typed elsewhere for the same.
    #[test]
    fn slashes_at_the_ends_are_understood() {
        let cases: [(&str, &[&str], &[&str]); 9] = [
            ("secret/", &["secret/", "a/secret/", "a/secret/key"], &["secret", "a/secret"]),
            ("/secret", &["secret", "secret/", "secret/key"], &["a/secret", "secrets"]),
            ("./secret", &["secret", "secret/", "secret/key"], &["a/secret", "secrets"]),
            ("/secret/", &["secret/", "secret/key"], &["secret", "a/secret/"]),
            ("a/b/", &["a/b/", "a/b/c"], &["a/b", "x/a/b/"]),
            (".//a/./b", &["a/b", "a/b/c"], &["x/a/b"]),
            ("/*.key", &["x.key"], &["a/x.key"]),
            ("**/b/", &["b/x", "a/b/", "a/b/c"], &["a/b"]),
            ("b/**", &["b/x", "b/x/y"], &["b/", "a/b/x"]),
        ];
        for (pattern, excluded, kept) in cases {
            let filter = filter(&[pattern]);
            let matching = Matching::new(&filter);
            excluded.iter().for_each(|path| assert!(excludes(&matching, path), "{pattern} and {path}"));
            kept.iter().for_each(|path| assert!(!excludes(&matching, path), "{pattern} and {path}"));
        }
    }

    #[test]
    fn patterns_without_a_meaning_are_refused() {
        for (pattern, expected) in [
            ("", "no name"),
            ("/", "no name"),
            ("./", "no name"),
            ("../secret", "leads out"),
            ("a/../b", "leads out"),
            ("!keep", "taken back in"),
            ("[a", "unclosed"),
        ] {
            let error = Filter::default().add(pattern).unwrap_err();
            assert!(error.contains(expected), "{pattern}: {error}");
        }
    }

    #[test]
    fn patterns_that_match_nothing_are_known() {
        let filter = filter(&["a", "*.pyc", "b/", "/c"]);
        let matching = Matching::new(&filter);
        assert!(matching.is_waiting());
        // Not only the first pattern counts that says so.
        assert!(excludes(&matching, "a/x.pyc") && !excludes(&matching, "b"));
        assert_eq!(matching.unmatched(), ["b/", "/c"]);
        assert!(excludes(&matching, "x/b/") && excludes(&matching, "c"));
        assert!(!matching.is_waiting() && matching.unmatched().is_empty());
    }
}
