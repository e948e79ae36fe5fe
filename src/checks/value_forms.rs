//! The forms that a program gives the values of a text.

use std::borrow::Cow;

/// A text in an encoding that configurations have, as bytes in which ASCII characters are themselves.
pub(super) struct EncodedText<'a> {
    pub bytes: Cow<'a, [u8]>,
    encoding: Encoding,
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    /// Any bytes that are no UTF-8.
    Latin1,
    Utf16(fn(u16) -> [u8; 2]),
}

impl<'a> EncodedText<'a> {
    /// By the byte order mark, if there is one.
    pub fn of(bytes: &'a [u8]) -> EncodedText<'a> {
        let utf16 = |rest: &[u8], of: fn([u8; 2]) -> u16, to| {
            let units = rest.as_chunks::<2>().0.iter().map(|unit| of(*unit));
            let text: String =
                char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            EncodedText { bytes: text.into_bytes().into(), encoding: Encoding::Utf16(to) }
        };
        match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, u16::to_le_bytes),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, u16::to_be_bytes),
            [0xef, 0xbb, 0xbf, rest @ ..] => EncodedText { bytes: rest.into(), encoding: Encoding::Utf8 },
            _ if std::str::from_utf8(bytes).is_ok() => {
                EncodedText { bytes: bytes.into(), encoding: Encoding::Utf8 }
            }
            _ => EncodedText { bytes: bytes.into(), encoding: Encoding::Latin1 },
        }
    }

    /// The other forms of a value in the text: without escapes, and in the file's encoding or in UTF-8.
    pub fn other_forms(&self, value: &[u8]) -> Vec<Vec<u8>> {
        let mut forms: Vec<Vec<u8>> =
            [percent_decoded(value), unescaped(value)].into_iter().flatten().collect();
        for index in 0..=forms.len() {
            let form = index.checked_sub(1).map_or(value, |index| &forms[index]);
            let other = match self.encoding {
                Encoding::Utf8 => None,
                Encoding::Latin1 if form.is_ascii() => None,
                Encoding::Latin1 => {
                    Some(form.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
                }
                Encoding::Utf16(to) => {
                    Some(String::from_utf8_lossy(form).encode_utf16().flat_map(to).collect())
                }
            };
            forms.extend(other);
        }
        forms
    }
}

/// Whether there is nothing in it that texts do not have.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || b"\t\n\r\x0c\x1b".contains(byte))
}

/// If there is anything to decode.
fn percent_decoded(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'%', value)?;
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        let byte = (*first == b'%').then(|| hexadecimal(after.get(..2)?)).flatten();
        decoded.push(byte.map_or(*first, |byte| byte as u8));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    (decoded.len() < value.len()).then_some(decoded)
}

/// Without backslashes, as in JSON and most other languages; if there are any.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', value)?;
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        rest = after;
        let [escaped, after @ ..] = after else {
            plain.push(*first);
            break;
        };
        if *first != b'\\' {
            plain.push(*first);
            continue;
        }
        rest = after;
        match escaped {
            b'n' => plain.push(b'\n'),
            b't' => plain.push(b'\t'),
            b'r' => plain.push(b'\r'),
            b'u' => match unit(after) {
                Some((char, length)) => {
                    plain.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = &after[length..];
                }
                None => plain.push(b'u'),
            },
            other => plain.push(*other),
        }
    }
    Some(plain)
}

/// The character after `\u`, and how many bytes it takes: two of its kind can be one character.
fn unit(after: &[u8]) -> Option<(char, usize)> {
    let first = hexadecimal(after.get(..4)?)?;
    if let Some(char) = char::from_u32(first) {
        return Some((char, 4));
    }
    let second = hexadecimal(after.get(4..)?.strip_prefix(b"\\u")?.get(..4)?)?;
    let char = char::decode_utf16([first as u16, second as u16]).next()?.ok()?;
    Some((char, 10))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::{EncodedText, is_text};

    fn forms(text: &[u8], value: &str) -> Vec<Vec<u8>> {
        EncodedText::of(text).other_forms(value.as_bytes())
    }

    #[test]
    fn escapes_are_resolved() {
        for (value, expected) in [
            ("p%40ss%2Fw", Some("p@ss/w")),
            ("100%", None),
            ("%zz%4", None),
            (r#"a\/b\"c\\d\u00e9\ud83d\ude00\n"#, Some("a/b\"c\\dé😀\n")),
            (r"a\ud83dx\u12\", Some(r"aud83dxu12\")),
            ("plain", None),
        ] {
            let expected: Vec<Vec<u8>> = expected.iter().map(|form| form.as_bytes().to_vec()).collect();
            assert_eq!(forms(b"", value), expected, "{value}");
        }
    }

    #[test]
    fn encodings_are_told() {
        assert_eq!(&*EncodedText::of(b"\xff\xfea\0\xe9\0\0\xd8b").bytes, "aé\u{fffd}".as_bytes());
        assert_eq!(forms(b"\xff\xfe", "aé"), [b"a\0\xe9\0"]);
        assert_eq!(forms(b"\xfe\xff", "aé"), [b"\0a\0\xe9"]);
        assert_eq!(forms(b"\xfe\xff", "%61"), [&b"a"[..], b"\0%\x006\x001", b"\0a"]);
        assert_eq!(&*EncodedText::of(b"\xef\xbb\xbfa").bytes, b"a");
        assert_eq!(EncodedText::of(b"\xe9").other_forms(b"a\xe9"), ["aé".as_bytes()]);
        assert!(forms(b"\xe9", "a").is_empty() && forms("é".as_bytes(), "é").is_empty());
        assert!(is_text(b"a\tb\r\n\xe9") && !is_text(b"a\0") && !is_text(b"\x7f"));
    }
}
