//! Differences as they are found. There may be more of them than bytes fit into memory, so only those that are listed are kept.

use super::options::VerifyOptions;
use super::pattern::Pattern;
use super::unknown_references::Unknown;
use super::verdict::Difference;
use preinit_core::snapshot::Unwritable;

/// What a comparison has found.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// The first that count, in the order of discovery.
    pub kept: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
    /// How many are ignored.
    pub ignored: u64,
    /// What may differ or not.
    pub unknown: Unknown,
}

impl Differences {
    /// Whether none counts.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.more == 0
    }

    /// Adds one. There are few of those that are made before it is known whether they are kept.
    pub fn push(&mut self, difference: Difference) {
        self.kept.push(difference);
    }

    pub fn extend(&mut self, others: Differences) {
        self.kept.extend(others.kept);
        self.more += others.more;
        self.ignored += others.ignored;
        self.unknown.extend(others.unknown);
    }
}

impl From<Difference> for Differences {
    fn from(difference: Difference) -> Self {
        Differences { kept: vec![difference], ..Differences::default() }
    }
}

/// Tells some keys from others.
type KeyTest<'o> = Box<dyn Fn(&str) -> bool + 'o>;

/// Where a comparison puts what it finds.
pub(super) struct Sink<'o> {
    most: usize,
    ignore: &'o [Pattern],
    prefix: String,
    left_out: Option<KeyTest<'o>>,
    found: Differences,
}

impl<'o> Sink<'o> {
    /// Keeps as many as the options say, and counts those apart that they ignore.
    pub fn new(options: &'o VerifyOptions) -> Self {
        Sink { most: options.max_differences, ..Sink::first().ignoring(&options.ignore) }
    }

    /// Keeps the first one.
    pub fn first() -> Self {
        Sink { most: 1, ignore: &[], prefix: String::new(), left_out: None, found: Differences::default() }
    }

    /// What has such a key is only counted, apart from the others.
    pub fn ignoring(self, ignore: &'o [Pattern]) -> Self {
        Sink { ignore, ..self }
    }

    /// What follows has this before its key.
    pub fn below(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.prefix);
    }

    /// The same for what `add` finds, behind what is put before keys already.
    pub fn further_below(&mut self, prefix: &str, add: impl FnOnce(&mut Self)) {
        let len = self.prefix.len();
        self.prefix.push_str(prefix);
        add(self);
        self.prefix.truncate(len);
    }

    /// What has such a key, without what is put before it, is none.
    pub fn without(self, left_out: impl Fn(&str) -> bool + 'o) -> Self {
        Sink { left_out: Some(Box::new(left_out)), ..self }
    }

    /// Adds a difference. The key and both values are only put into words if that is needed.
    pub fn add<O: ToString, S: ToString>(
        &mut self,
        key: impl FnOnce() -> String,
        values: impl FnOnce() -> (O, S),
    ) {
        let is_full = self.found.kept.len() >= self.most;
        if is_full && self.ignore.is_empty() && self.left_out.is_none() {
            self.found.more += 1;
            return;
        }
        let Some(key) = self.counted(key()) else { return };
        if is_full {
            self.found.more += 1;
        } else {
            let (original, snapshot) = values();
            self.found.kept.push(Difference::new(key, original, snapshot));
        }
    }

    /// Whether what has this key is left out by the user.
    pub fn ignores(&self, key: &str) -> bool {
        let key = format!("{}{key}", self.prefix);
        self.ignore.iter().filter(|pattern| pattern.matches_key(&key)).count() > 0
    }

    /// Adds a place where both sides hold what cannot be told from others of its kind.
    pub fn add_unknown(&mut self, key: impl FnOnce() -> String, what: Unwritable) {
        let needs_key = !self.ignore.is_empty() || self.left_out.is_some() || self.found.unknown.is_empty();
        if !needs_key {
            self.found.unknown.add_one();
        } else if let Some(key) = self.counted(key()) {
            self.found.unknown.add(key, what);
        }
    }

    /// The whole key, if what has it is not ignored or left out.
    fn counted(&mut self, key: String) -> Option<String> {
        if self.left_out.as_ref().is_some_and(|is_left_out| is_left_out(&key)) {
            return None;
        }
        let key = if self.prefix.is_empty() { key } else { format!("{}{key}", self.prefix) };
        // Each pattern remembers whether it has matched.
        if self.ignore.iter().filter(|pattern| pattern.matches_key(&key)).count() > 0 {
            self.found.ignored += 1;
            return None;
        }
        Some(key)
    }

    /// All that was found.
    pub fn finish(self) -> Differences {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(found: &Differences) -> Vec<&str> {
        found.kept.iter().map(|difference| &*difference.key).collect()
    }

    fn add(sink: &mut Sink<'_>, count: usize) {
        for number in 0..count {
            sink.add(|| format!("memory.{number}"), || (number, "other"));
        }
    }

    #[test]
    fn the_first_are_kept_and_all_are_counted() {
        let options = VerifyOptions { max_differences: 2, ..VerifyOptions::default() };
        let mut sink = Sink::new(&options);
        sink.below("step.1.");
        add(&mut sink, 5);
        let found = sink.finish();
        assert_eq!(keys(&found), ["step.1.memory.0", "step.1.memory.1"]);
        assert_eq!((found.more, found.ignored, found.is_empty()), (3, 0, false));
        let options = VerifyOptions { max_differences: 0, ..VerifyOptions::default() };
        let mut sink = Sink::new(&options);
        add(&mut sink, 1);
        assert!(!sink.finish().is_empty());
    }

    #[test]
    fn values_that_are_not_kept_are_not_put_into_words() {
        let options = VerifyOptions { max_differences: 1, ..VerifyOptions::default() };
        let mut sink = Sink::new(&options);
        add(&mut sink, 1);
        sink.add(|| unreachable!("a key"), || -> (u8, u8) { unreachable!("values") });
        assert_eq!(sink.finish().more, 1);
    }

    #[test]
    fn what_is_ignored_or_left_out_takes_no_place() {
        let ignore = vec![Pattern::new("memory.0"), Pattern::new("memory.4")];
        let options = VerifyOptions { max_differences: 2, ignore, ..VerifyOptions::default() };
        let mut sink = Sink::new(&options).without(|key| key == "memory.1");
        sink.below("step.7.");
        add(&mut sink, 6);
        let found = sink.finish();
        assert_eq!(keys(&found), ["step.7.memory.2", "step.7.memory.3"]);
        assert_eq!((found.more, found.ignored), (1, 2));
    }
}
