/// A pattern for the keys of differences. `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern written as `text`.
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern(text.into())
    }

    /// Whether the whole key matches, or the part after `step.N.`. The state is compared after every step, and what is
    /// ignored at the start is ignored later too.
    pub fn matches_key(&self, key: &str) -> bool {
        let after_step =
            key.strip_prefix("step.").and_then(|rest| rest.split_once('.')).map(|(_, rest)| rest);
        self.matches(key) || after_step.is_some_and(|rest| self.matches(rest))
    }

    fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.split('*');
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
}
