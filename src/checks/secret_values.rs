//! The values in a text that a program can cut out of it, and how much each matters.

use super::secret_file::{private_keys, tokens, words};
use super::value_kind::{ValueKind, has_password, is_secret_name};
use super::values::SHORTEST;
use crate::finding::Level;
use std::ops::Range;

/// Which values of a text are of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    /// Every value: the file is kept secret.
    Every,
    /// Of a small text in which there is a secret, what is on each line, and what is named like a secret or looks like one.
    Lines,
    /// Of any other text private keys, tokens and passwords of URLs.
    Secrets,
}

/// Longer values are cut.
const LONGEST: usize = 1024;

/// Names are not longer.
const NAME: usize = 128;

/// Tells of each value, some more than once. It takes time in proportion to the text.
pub(super) fn each_value<'t>(text: &'t [u8], interest: Interest, found: impl FnMut(&'t [u8], Level)) {
    let mut values = Values { interest, above: b"", is_comment: false, found };
    private_keys(text).for_each(|begin| values.key(&text[begin.end..]));
    match interest {
        Interest::Secrets => values.secrets(text),
        _ => text.split(|byte| byte.is_ascii_control() && *byte != b'\t').for_each(|line| values.line(line)),
    }
}

struct Values<'t, F: FnMut(&'t [u8], Level)> {
    interest: Interest,
    /// The name of what stands below it: a list, or a long value.
    above: &'t [u8],
    is_comment: bool,
    found: F,
}

impl<'t, F: FnMut(&'t [u8], Level)> Values<'t, F> {
    /// The lines of a private key, which begins before `rest`. In a string, the ends of lines are escaped.
    fn key(&mut self, rest: &'t [u8]) {
        let end = memchr::memmem::find(&rest[..rest.len().min(KEY)], b"-----").unwrap_or(rest.len().min(KEY));
        let has_escapes = rest[..end].contains(&b'\\');
        for line in rest[..end].split(|byte| b"\r\n\\\"',".contains(byte)) {
            // Not what says how it is encrypted.
            if !line.contains(&b':') {
                let line = line.trim_ascii();
                let escape = has_escapes && line.starts_with(b"n");
                self.add_at(Level::Danger, &line[usize::from(escape)..]);
            }
        }
    }

    fn secrets(&mut self, text: &'t [u8]) {
        for word in words(text) {
            if memchr::memchr(b'@', word).is_some() && has_password(&String::from_utf8_lossy(word)) {
                self.add_at(Level::Danger, word);
                self.password(word);
            }
            tokens(word).for_each(|token| self.add_at(Level::Danger, token));
        }
    }

    fn line(&mut self, line: &'t [u8]) {
        let start = line.trim_ascii_start();
        let line = start.strip_prefix(b"- ").unwrap_or(line);
        self.is_comment =
            [&b"#"[..], b"// ", b"; ", b"-- ", b"<!--"].iter().any(|sign| start.starts_with(sign));
        let (name, value) = value_of_line(line);
        self.add(name, value, true);
        if let Some(comment) =
            [&b" #"[..], b"\t#"].iter().filter_map(|sign| memchr::memmem::find(value, sign)).min()
        {
            self.add(name, &value[..comment], true);
        }
        let is_between = |byte: &u8| b",;{}[]()&|".contains(byte);
        if line.iter().any(is_between) {
            for part in line.split(is_between) {
                let (name, value) = value_of_line(part);
                self.add(name, value, false);
            }
        }
        b"\"'`".iter().for_each(|quote| self.quoted(line, *quote));
        self.separate_words(line);
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>".contains(byte);
        line.split(is_between).for_each(|word| self.password(word));
        self.last_of_colons(line);
        let is_open =
            value.iter().all(|byte| b"[{(|>- ".contains(byte)) && !line.trim_ascii_end().ends_with(b"=");
        if !self.is_comment && !name.is_empty() {
            self.above = if is_open && is_name(name) { name } else { b"" };
        }
    }

    /// The password of a line of `.pgpass`, the last of five fields.
    fn last_of_colons(&mut self, line: &'t [u8]) {
        const FIELDS: usize = 5;
        let is_end = |at: &usize| line[*at] == b':' && (*at == 0 || line[*at - 1] != b'\\');
        let mut ends = (0..line.len()).filter(is_end);
        let last = ends.nth(FIELDS - 2).filter(|_| ends.next().is_none());
        if let Some(last) = last.filter(|last| !line[..*last].iter().any(u8::is_ascii_whitespace))
            && self.interest == Interest::Every
            && memchr::memmem::find(line, b"://").is_none()
        {
            self.add_at(Level::Danger, trimmed(&line[last + 1..]));
        }
    }

    /// What is between two of these quotation marks.
    fn quoted(&mut self, line: &'t [u8], quote: u8) {
        let mut start = None;
        let mut at = 0;
        while at < line.len() {
            if line[at] == quote {
                if let Some(start) = start.replace(at + 1)
                    && !is_before_value(&line[at..])
                {
                    let (_, name) = name_before(line, start);
                    self.add(name, &line[start..at], false);
                }
            }
            at += if line[at] == b'\\' { 2 } else { 1 };
        }
    }

    fn separate_words(&mut self, line: &'t [u8]) {
        let is_separator = |byte: u8| byte.is_ascii_whitespace() || b"=:\"'`,;()[]{}<>&|".contains(&byte);
        let mut start = 0;
        while start < line.len() {
            let mut end = start;
            while end < line.len() && !is_separator(line[end]) {
                end += if line[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(line.len());
            if end - start >= SHORTEST {
                self.word(line, start..end);
            }
            start = end + 1;
        }
    }

    fn word(&mut self, line: &'t [u8], range: Range<usize>) {
        let word = &line[range.clone()];
        let word = trimmed_end(word, is_quote);
        let word = &word[word.iter().take_while(|byte| is_quote(byte)).count()..];
        let (is_assigned, name) = name_before(line, range.start);
        let is_plain = word.iter().all(|byte| byte.is_ascii_alphabetic() || b"_-./".contains(byte));
        if is_before_value(&line[range.end..]) && !is_padded(word, &line[range.end..]) {
            // One of several between colons, as hashes of passwords are.
            if line[..range.start].ends_with(b":") && !is_plain {
                self.add(name, word, false);
            }
        } else if is_assigned || !self.is_comment && is_secret_name(&String::from_utf8_lossy(name)) {
            self.add(name, word, false);
        } else if name.eq_ignore_ascii_case(b"bearer") || name.eq_ignore_ascii_case(b"basic") {
            self.add_at(Level::Danger, word);
        } else if !is_plain {
            self.add(b"", word, false);
        }
    }

    /// What is between a name and `@` of a URL, or of the same without its scheme.
    fn password(&mut self, word: &'t [u8]) {
        if memchr::memchr(b'@', word).is_none() {
            return;
        }
        let scheme = memchr::memmem::find(word, b"://");
        if scheme.is_none() && self.interest != Interest::Every {
            return;
        }
        let after_name = || memchr::memchr(b'=', word).map_or(word, |at| &word[at + 1..]);
        let rest = scheme.map_or_else(after_name, |at| &word[at + 3..]);
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        for part in [&rest[..end], rest] {
            let Some(at) = memchr::memrchr(b'@', part) else { continue };
            if let Some(colon) = memchr::memchr(b':', &part[..at]) {
                self.add_at(Level::Danger, &part[..at]);
                self.add_at(Level::Danger, &part[colon + 1..at]);
            }
        }
        if let Some(at) = scheme {
            let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+.-".contains(byte);
            let length = word[..at].iter().rev().take_while(|byte| is_of_scheme(byte)).count();
            self.add(b"", &word[at - length..], false);
        }
    }

    /// Adds a value of this name. One that is no secret itself is of interest if it is all that is on a line, or the content is secret.
    fn add(&mut self, name: &[u8], value: &'t [u8], is_line: bool) {
        let value = trimmed(value);
        let value = &value[..value.len().min(LONGEST)];
        if value.len() < SHORTEST {
            return;
        }
        let name = if name.is_empty() && !self.is_comment { self.above } else { name };
        let name = String::from_utf8_lossy(&name[name.len().saturating_sub(NAME)..]);
        let level = ValueKind::of_variable(&name, &String::from_utf8_lossy(value)).level();
        let is_of_interest = match self.interest {
            Interest::Every => is_line || !self.is_comment,
            _ => is_line,
        };
        if level == Level::Danger || is_of_interest {
            self.add_at(level, value);
        }
    }

    fn add_at(&mut self, level: Level, value: &'t [u8]) {
        /// A line of few different bytes is in any memory.
        const DIFFERENT: usize = 3;
        let value = &value[..value.len().min(LONGEST)];
        let is_different = |(index, byte): &(usize, &u8)| !value[..*index].contains(byte);
        let is_rule = value.iter().enumerate().filter(is_different).take(DIFFERENT).count() < DIFFERENT;
        if value.len() >= SHORTEST && !is_rule {
            (self.found)(value, level);
        }
    }
}

/// No private key has more text.
const KEY: usize = 64 << 10;

fn is_quote(byte: &u8) -> bool {
    b"\"'`\\".contains(byte)
}

fn is_of_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(byte)
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= NAME && name.iter().all(|byte| is_of_name(byte) || *byte == b' ')
}

/// What stands before and after the first sign in a line of a configuration that separates a name from its value.
fn value_of_line(line: &[u8]) -> (&[u8], &[u8]) {
    let line = trimmed(line);
    let is_end = |at: &usize| *at + 1 == line.len() && is_padded(&line[..*at], &line[*at..]);
    match memchr::memchr2(b'=', b':', line).filter(|at| !is_end(at)) {
        Some(at) => (trimmed(&line[..at]), trimmed(&line[at + 1..])),
        None => (b"", trimmed(line)),
    }
}

/// Without what stands around values.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`,;{}".contains(byte);
    let start = value.iter().position(|byte| !is_around(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_around(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// Without what is at its end.
fn trimmed_end(text: &[u8], is_at_end: impl Fn(&u8) -> bool) -> &[u8] {
    &text[..text.iter().rposition(|byte| !is_at_end(byte)).map_or(0, |last| last + 1)]
}

/// The last word before `at`, and whether there is a sign that gives it a value.
fn name_before(line: &[u8], at: usize) -> (bool, &[u8]) {
    let before = &line[at.saturating_sub(NAME)..at];
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || is_quote(byte) || b"[({".contains(byte);
    let before = trimmed_end(before, is_between);
    let named = trimmed_end(before, |byte| b"=:>".contains(byte));
    let name =
        trimmed_end(named, |byte| byte.is_ascii_whitespace() || is_quote(byte) || b",])".contains(byte));
    let length = name.iter().rev().take_while(|byte| is_of_name(byte)).count();
    (named.len() < before.len(), &name[name.len() - length..])
}

/// Whether what ends before `rest` is the name of what follows; `=` can also be the end of a value.
fn is_before_value(rest: &[u8]) -> bool {
    let rest = &rest[..rest.len().min(NAME)];
    let start = rest.iter().position(|byte| !is_quote(byte) && !byte.is_ascii_whitespace());
    match &rest[start.unwrap_or(rest.len())..] {
        [b'=', b'=', ..] => false,
        [b'=' | b':', ..] => true,
        _ => false,
    }
}

/// Whether the word is base64 with one `=` at its end, after which no value stands (RFC 4648 section 4).
fn is_padded(word: &[u8], rest: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let is_after = |byte: u8| byte.is_ascii_whitespace() || b"\"'`,;()[]{}<>&|".contains(&byte);
    word.len() % 4 == 3
        && word.iter().all(is_letter)
        && matches!(rest, [b'=', after @ ..] if after.first().is_none_or(|byte| is_after(*byte)))
}

#[cfg(test)]
mod tests {
    use super::value_of_line;

    #[test]
    fn values_of_configurations() {
        for (line, expected) in [
            ("API_KEY=abc=def", ("API_KEY", "abc=def")),
            ("  password: \"hunter2hunter2\"", ("password", "hunter2hunter2")),
            (r#"  "token": "0123456789","#, ("token", "0123456789")),
            ("a line without a sign", ("", "a line without a sign")),
            ("", ("", "")),
        ] {
            let (name, value) = value_of_line(line.as_bytes());
            assert_eq!((name, value), (expected.0.as_bytes(), expected.1.as_bytes()), "{line}");
        }
    }
}
