//! Text that others wrote, made fit to be shown: names and messages that come from a module or a guest may hold anything.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// Characters of a name that are shown; a longer one loses its middle.
const SHOWN: usize = 200;

/// Characters of a message that are shown.
const MESSAGE: usize = 1000;

/// Text by others, as one line: control characters, line ends, characters that change the direction of writing and
/// everything else that does not print are escaped, and a long text loses its middle.
///
/// ```
/// use preinit_core::printable::Printable;
///
/// assert_eq!(Printable("ordinary `name` <T>").to_string(), "ordinary `name` <T>");
/// assert_eq!(Printable("a\nerror: \u{1b}[31mred\u{202e}").to_string(), "a\\nerror: \\u{1b}[31mred\\u{202e}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_cut(self.0, SHOWN, f)
    }
}

/// Text by others that may have several lines: each as [`Printable`] has it, but with up to `longest` characters.
pub fn printable_lines(text: &str, longest: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        // Writing to a string does not fail.
        let _ = escape_cut(line, longest, &mut escaped);
    }
    escaped
}

/// What a library says about a module: one line, in which names of the module may occur. As [`Printable`], but longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a>(pub &'a str);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_cut(self.0, MESSAGE, f)
    }
}

/// The same for an error with its causes, which are what its alternate form `{:#}` shows.
#[derive(Debug, Clone, Copy)]
pub struct EngineMessage<'a, E>(pub &'a E);

impl<E: fmt::Display> fmt::Display for EngineMessage<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Message(&format!("{:#}", self.0)).fmt(f)
    }
}

/// The text escaped; of one that is longer than `shown` characters, the first 7 tenths of them and the last 3.
fn escape_cut(text: &str, shown: usize, out: &mut impl Write) -> fmt::Result {
    let at = |count: usize| text.char_indices().nth(count).map(|(at, _)| at);
    let end = shown / 10 * 3;
    let parts = at(shown).and(at(shown - end)).zip(text.char_indices().nth_back(end.saturating_sub(1)));
    let Some((first, (last, _))) = parts else { return escape(text, out) };
    escape(&text[..first], out)?;
    out.write_char('…')?;
    escape(&text[last..], out)
}

/// Letters that look like spaces: fillers of Hangul, and the pattern of Braille without dots.
const BLANKS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// What Rust would escape in a literal, except quotes and backslashes, and what looks like a space.
fn escape(text: &str, out: &mut impl Write) -> fmt::Result {
    const QUOTES: [char; 3] = ['\'', '"', '\\'];
    for part in text.split_inclusive(|character| QUOTES.contains(&character) || BLANKS.contains(&character)) {
        let last = part.chars().next_back().filter(|last| QUOTES.contains(last) || BLANKS.contains(last));
        let plain = &part[..part.len() - last.map_or(0, char::len_utf8)];
        write!(out, "{}", plain.escape_debug())?;
        match last {
            Some(blank) if BLANKS.contains(&blank) => write!(out, "{}", blank.escape_unicode())?,
            Some(quote) => out.write_char(quote)?,
            None => {}
        }
    }
    Ok(())
}

/// The same JSON, in which characters are escaped that could do something to a terminal or an editor.
pub fn printable_json(json: &str) -> String {
    let mut printable = String::with_capacity(json.len());
    for character in json.chars() {
        let is_plain = character.is_ascii() && character != '\x7f'
            || character.escape_debug().count() == 1 && !BLANKS.contains(&character);
        match is_plain {
            true => printable.push(character),
            // They are in texts: nothing else of JSON is not ASCII.
            false => character
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| printable.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    printable
}

/// A name that somebody else chose: of an export, a section, a file. It is shown as [`Printable`] and kept as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The name as it is, for everything but messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Name {
    fn from(name: T) -> Name {
        Name(name.into())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0).fmt(f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Names in a list: `` `a`, `b` and 3 more ``.
pub fn listed<T: fmt::Display>(names: impl IntoIterator<Item = T>, shown: usize) -> String {
    let mut names = names.into_iter();
    let first: Vec<String> = names.by_ref().take(shown).map(|name| format!("`{name}`")).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_does_not_print_is_escaped() {
        for (text, expected) in [
            ("", ""),
            ("it's \"C:\\dir\"", "it's \"C:\\dir\""),
            ("été 日本 e\u{301}", "été 日本 e\u{301}"),
            ("a\r\n\tb\0", "a\\r\\n\\tb\\0"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            (
                "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{61c}",
                "\\u{202a}\\u{202e}\\u{2066}\\u{2069}\\u{200e}\\u{61c}",
            ),
            ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}"),
            ("\u{feff}\u{200b}\u{ad}\u{e0041}", "\\u{feff}\\u{200b}\\u{ad}\\u{e0041}"),
        ] {
            assert_eq!(Printable(text).to_string(), expected);
            assert_eq!(Name::from(text).to_string(), expected);
        }
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        let exact = "é".repeat(SHOWN);
        assert_eq!(Printable(&exact).to_string(), exact);
        let long = format!("{}{}", "é".repeat(100_000), "x".repeat(30));
        let shown = Printable(&long).to_string();
        assert_eq!(shown, format!("{}…{}{}", "é".repeat(140), "é".repeat(30), "x".repeat(30)));
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(printable_lines("a\n  b\u{1b}\r\n", 100), "a\n  b\\u{1b}\\r\n");
        assert_eq!(printable_lines("1234567890abc\nx", 10), "1234567…abc\nx");
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(["a", "b"], 2), "`a`, `b`");
        assert_eq!(listed(["a", "b", "c"], 1), "`a` and 2 more");
    }
}
