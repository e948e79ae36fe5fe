//! What is left out.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// Patterns of names that are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    patterns: Vec<Glob>,
    set: GlobSet,
}

impl Filter {
    /// Leaves out what this pattern matches: the path below what is embedded, or, without a slash, any name on it.
    pub fn add(&mut self, pattern: &str) -> Result<(), globset::Error> {
        let builder = |pattern: &str| globset::GlobBuilder::new(pattern).literal_separator(true).build();
        self.patterns.push(builder(pattern)?);
        if !pattern.contains('/') {
            self.patterns.push(builder(&format!("**/{pattern}"))?);
        }
        let mut set = GlobSetBuilder::new();
        for pattern in &self.patterns {
            set.add(pattern.clone());
        }
        self.set = set.build()?;
        Ok(())
    }

    /// Whether what is at this path, or above it, is left out.
    pub fn excludes(&self, names: &[String]) -> bool {
        (1..=names.len()).any(|count| self.set.is_match(names[..count].join("/")))
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn a_pattern_matches_names_or_paths() {
        let mut filter = Filter::default();
        for pattern in ["__pycache__", "*.pyc", "test/data/*"] {
            filter.add(pattern).unwrap();
        }
        let excludes = |path: &str| {
            let names: Vec<String> = path.split('/').map(str::to_owned).collect();
            filter.excludes(&names)
        };
        assert!(excludes("__pycache__") && excludes("a/__pycache__") && excludes("a/__pycache__/b/c"));
        assert!(excludes("a.pyc") && excludes("b/a.pyc"));
        assert!(excludes("test/data/x") && excludes("test/data/x/y"));
        assert!(!excludes("test/data") && !excludes("other/test/data/x") && !excludes("a.py"));
    }
}
