use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A pattern for the keys of differences. `*` stands for any text.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Whether it has matched; clones share it.
    has_matched: Arc<AtomicBool>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// The pattern written as `text`.
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern { text: text.into(), has_matched: Arc::default() }
    }

    /// The same pattern, which has matched nothing yet.
    pub(super) fn anew(&self) -> Pattern {
        Pattern::new(self.text.clone())
    }

    /// Its text, if it has matched nothing.
    pub(super) fn unmatched(&self) -> Option<&str> {
        (!self.has_matched.load(Ordering::Relaxed)).then_some(self.text.as_str())
    }

    /// Whether the whole key matches, or the part after `step.N.`. The state is compared after every step, and what is
    /// ignored at the start is ignored later too.
    pub fn matches_key(&self, key: &str) -> bool {
        let after_step =
            key.strip_prefix("step.").and_then(|rest| rest.split_once('.')).map(|(_, rest)| rest);
        let matches = self.matches(key) || after_step.is_some_and(|rest| self.matches(rest));
        if matches {
            self.has_matched.store(true, Ordering::Relaxed);
        }
        matches
    }

    fn matches(&self, text: &str) -> bool {
        let mut pieces = self.text.split('*');
        let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let mut pieces: Vec<&str> = pieces.collect();
        let Some(last) = pieces.pop() else { return rest.is_empty() };
        for piece in pieces {
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        let cases = [
            ("memory.0.0x10", "memory.0.0x10", true),
            ("memory.0.0x10", "memory.0.0x100", false),
            ("memory.*", "memory.0.0x100", true),
            ("*.dropped", "data.3.dropped", true),
            ("*.dropped", "data.3.bytes", false),
            ("data.*.dropped", "data.dropped", false),
            ("data.*3*.dropped", "data.13.dropped", true),
            ("a*ba", "aba", true),
            ("a*aba", "aba", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, key, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches_key(key), expected, "{pattern} and {key}");
        }
    }

    #[test]
    fn the_step_may_be_left_out() {
        assert!(Pattern::new("global.3").matches_key("step.12.global.3"));
        assert!(Pattern::new("step.12.global.3").matches_key("step.12.global.3"));
        assert!(!Pattern::new("step.1.global.3").matches_key("step.12.global.3"));
    }

    #[test]
    fn a_pattern_knows_whether_it_has_matched() {
        let pattern = Pattern::new("global.*");
        let clone = pattern.clone();
        assert!(!pattern.matches_key("memory.0"));
        assert_eq!(pattern.unmatched(), Some("global.*"));
        assert!(clone.matches_key("step.2.global.0"));
        assert_eq!((pattern.unmatched(), pattern.anew().unmatched()), (None, Some("global.*")));
    }
}
