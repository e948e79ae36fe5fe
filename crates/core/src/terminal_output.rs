//! What a guest prints, made fit for a terminal.

use std::fmt::Write;
use std::mem;

/// A stream of bytes that a terminal gets. Line ends and tabs pass, and all text that prints; everything that could act on the
/// terminal, forge what stands there or change the direction of writing is escaped, and so is what is not UTF-8.
///
/// ```
/// use preinit_core::terminal_output::TerminalOutput;
///
/// let mut output = TerminalOutput::default();
/// // A character may come in pieces.
/// assert_eq!(output.escape(b"na\xc3"), "na");
/// assert_eq!(output.escape(b"\xafve\t1\r\n\x1b[2J\xff"), "\u{ef}ve\t1\r\n\\u{1b}[2J\\xff");
/// assert_eq!(output.finish(), "");
/// ```
#[derive(Debug, Default)]
pub struct TerminalOutput {
    /// The beginning of a character, or a carriage return that may belong to a line end.
    pending: Vec<u8>,
}

impl TerminalOutput {
    /// What to print for these bytes, as far as it is known before the next ones.
    pub fn escape(&mut self, bytes: &[u8]) -> String {
        let mut all = mem::take(&mut self.pending);
        all.extend_from_slice(bytes);
        let kept = all.len() - incomplete(&all);
        self.pending = all.split_off(kept);
        escaped(&all)
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> String {
        escaped(&mem::take(&mut self.pending))
    }
}

/// The number of bytes at the end that cannot be judged without those that follow.
fn incomplete(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\r") {
        return 1;
    }
    // The longest character has four bytes.
    for length in 1..=bytes.len().min(3) {
        let end = &bytes[bytes.len() - length..];
        let is_lead = end[0] >= 0xc0;
        if is_lead {
            let is_cut = std::str::from_utf8(end).is_err_and(|error| error.error_len().is_none());
            return if is_cut { length } else { 0 };
        }
    }
    0
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\n' | '\t' | '\'' | '"' | '\\' => text.push(character),
                '\r' if characters.peek() == Some(&'\n') => text.push(character),
                // Accents that belong to the character before them print.
                _ if is_mark(character) => text.push(character),
                _ => text.extend(character.escape_debug()),
            }
        }
        // Writing to a string does not fail.
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether it is only escaped where it begins a text.
fn is_mark(character: char) -> bool {
    let pair: String = ['a', character].into_iter().collect();
    pair.escape_debug().eq(pair.chars())
}

#[cfg(test)]
mod tests {
    use super::TerminalOutput;

    fn whole(bytes: &[u8]) -> String {
        let mut output = TerminalOutput::default();
        output.escape(bytes) + &output.finish()
    }

    #[test]
    fn text_passes_and_nothing_else() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"it's \"1\"\\n\tx\n", "it's \"1\"\\n\tx\n"),
            (
                "\u{e9}t\u{e9} \u{65e5}\u{672c} e\u{301} \u{1f600}".as_bytes(),
                "\u{e9}t\u{e9} \u{65e5}\u{672c} e\u{301} \u{1f600}",
            ),
            (b"one\r\ntwo\rthree", "one\r\ntwo\\rthree"),
            (b"last\r", "last\\r"),
            (b"\x1b]0;title\x07\x08\x7f\x00", "\\u{1b}]0;title\\u{7}\\u{8}\\u{7f}\\0"),
            (
                "\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}".as_bytes(),
                "\\u{9b}31m\\u{202e}\\u{2066}\\u{200b}\\u{feff}",
            ),
            ("a\u{2028}b\u{85}c".as_bytes(), "a\\u{2028}b\\u{85}c"),
            (b"\x9b31m\xc3(\xe2\x82", "\\x9b31m\\xc3(\\xe2\\x82"),
        ] {
            assert_eq!(whole(bytes), expected);
        }
    }

    #[test]
    fn pieces_say_the_same_as_the_whole() {
        let bytes = "\u{1f600}\r\n\u{e9}\u{9b}\u{65e5}\u{301}\rx".bytes().chain(*b"\xf0\x9f\x98\xc3\xa9\xff");
        let bytes: Vec<u8> = bytes.collect();
        for size in 1..bytes.len() {
            let mut output = TerminalOutput::default();
            let mut shown: String = bytes.chunks(size).map(|piece| output.escape(piece)).collect();
            shown.push_str(&output.finish());
            assert_eq!(shown, whole(&bytes), "in pieces of {size}");
        }
    }
}
