//! Text of what others have named and nested: a type or a name of a few bytes can stand for a text of exponential length.

use std::fmt;

/// Takes text up to a length, and then gives an error, so that whoever writes stops.
pub(crate) struct BoundedText {
    text: String,
    most: usize,
    is_whole: bool,
}

impl BoundedText {
    /// Takes no more than `most` bytes.
    pub fn new(most: usize) -> BoundedText {
        BoundedText { text: String::new(), most, is_whole: true }
    }

    /// The text, if there was room for all of it.
    pub fn whole(self) -> Option<String> {
        self.is_whole.then_some(self.text)
    }

    /// The text, or its beginning and three dots.
    pub fn beginning(mut self) -> String {
        if !self.is_whole {
            self.text.push('\u{2026}');
        }
        self.text
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.most - self.text.len();
        self.is_whole &= text.len() <= room;
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if self.is_whole { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedText;
    use std::fmt::Write;

    #[test]
    fn who_writes_is_stopped() {
        let mut text = BoundedText::new(10);
        let written = (0..).find(|_| text.write_str("\u{e9}\u{e9}\u{e9}").is_err());
        assert_eq!((written, text.text.as_str()), (Some(1), "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"));
        assert!(text.write_str("").is_err() && text.whole().is_none());
        let mut text = BoundedText::new(3);
        text.write_str("abc").unwrap();
        assert_eq!(text.whole().as_deref(), Some("abc"));
    }
}
