//! Rust source, as far as the rules need it: code, comments and string literals told apart, and functions found.

use super::read;
use std::path::Path;

/// A file.
pub struct RustSource {
    /// The text with the contents of comments, strings and characters replaced by blanks; lines are where they were.
    pub code: String,
    /// Contents, with the number of the line on which each begins.
    pub strings: Vec<(usize, String)>,
    pub comments: Vec<(usize, String)>,
    pub lines: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub line: usize,
    /// From its signature to its closing brace.
    pub lines: usize,
    /// With `self`.
    pub parameters: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Code,
    Comment,
    String,
    Character,
}

impl RustSource {
    pub fn read(path: &Path) -> RustSource {
        RustSource::parse(&read(path))
    }

    pub fn parse(text: &str) -> RustSource {
        let mut source = RustSource {
            code: String::with_capacity(text.len()),
            strings: Vec::new(),
            comments: Vec::new(),
            lines: text.lines().count(),
        };
        let (mut rest, mut line) = (text, 1);
        while !rest.is_empty() {
            let (token, length) = next_token(rest, source.code.chars().next_back());
            let (piece, tail) = rest.split_at(length);
            match token {
                Token::Code => source.code.push_str(piece),
                Token::Comment => source.comments.push((line, piece.to_string())),
                Token::String => source.strings.push((line, piece.to_string())),
                Token::Character => {}
            }
            if token != Token::Code {
                // A quote, so that what follows an attribute's `=` is still something.
                let blank = |c| if c == '\n' { '\n' } else { ' ' };
                source.code.extend(piece.chars().map(blank));
            }
            line += piece.matches('\n').count();
            rest = tail;
        }
        source
    }

    pub fn functions(&self) -> Vec<Function> {
        let code = self.code.as_str();
        let mut functions = Vec::new();
        for (at, _) in code.match_indices("fn ") {
            let is_word = !code[..at].chars().next_back().is_some_and(is_identifier);
            let name: String = code[at + 3..].chars().take_while(|c| is_identifier(*c)).collect();
            if is_word && !name.is_empty() {
                functions.extend(function(code, at, name));
            }
        }
        functions
    }
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The kind and length in bytes of what comes first.
fn next_token(text: &str, before: Option<char>) -> (Token, usize) {
    let bytes = text.as_bytes();
    if text.starts_with("//") {
        return (Token::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Token::Comment, block_comment(text));
    }
    let inside_a_word = before.is_some_and(is_identifier);
    if !inside_a_word && let Some(length) = raw_string(text) {
        return (Token::String, length);
    }
    match bytes[0] {
        b'"' => (Token::String, quoted(text, b'"')),
        b'\'' => match character(text) {
            Some(length) => (Token::Character, length),
            None => (Token::Code, 1),
        },
        _ => (Token::Code, text.chars().next().map_or(1, char::len_utf8)),
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, and the same for bytes and C strings.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    let start = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// To the end of a literal with escapes.
fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut inside = text[1..].chars();
    let first = inside.next()?;
    match (first, inside.next()?) {
        ('\\', _) => Some(quoted(text, b'\'')),
        (_, '\'') => Some(2 + first.len_utf8()),
        _ => None,
    }
}

/// The function whose `fn` is at `at`; `None` if it has no body.
fn function(code: &str, at: usize, name: String) -> Option<Function> {
    let after_name = at + 3 + name.len();
    // Generic parameters may have parentheses and arrows.
    let (mut angles, mut round, mut square, mut before) = (0i32, 0i32, 0i32, ' ');
    let (mut parameters, mut filled, mut done) = (0, false, false);
    for (offset, c) in code[after_name..].char_indices() {
        let in_parameters = !done && round > 0;
        match c {
            '<' => angles += 1,
            '>' if before != '-' && before != '=' => angles -= 1,
            '(' => round += 1,
            ')' => round -= 1,
            '[' => square += 1,
            ']' => square -= 1,
            '{' if done && round == 0 && square == 0 => {
                let end = after_name + offset + closing_brace(&code[after_name + offset..])?;
                let line = code[..at].matches('\n').count() + 1;
                return Some(Function {
                    name,
                    line,
                    lines: code[at..end].matches('\n').count() + 1,
                    parameters,
                });
            }
            ';' if done && square == 0 => return None,
            _ => {}
        }
        if !done && angles == 0 && round == 1 && square == 0 && c == ',' {
            parameters += usize::from(filled);
            filled = false;
        } else if in_parameters && round > 0 && !c.is_whitespace() {
            filled = true;
        }
        if !done && in_parameters && round == 0 && angles == 0 {
            parameters += usize::from(filled);
            done = true;
        }
        before = c;
    }
    None
}

fn closing_brace(code: &str) -> Option<usize> {
    let mut depth = 0;
    code.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        (depth == 0).then_some(at + 1)
    })
}

#[test]
fn functions_are_found() {
    let text = r##"
        fn plain() { let lifetime: &'static str = "fn not_this(a: u8) {"; let brace = '{'; }
        pub fn generic<F: Fn(u8, u8) -> u8>(first: F, second: [u8; 3], // fn nor_this() {
            third: HashMap<u8, u8>,
        ) -> Vec<u8>
        where F: Send {
            r#"fn neither() { " }"#;
        }
        fn declared(&self, x: u8);
        type Pointer = fn(u8) -> u8;
        impl X { fn method(&mut self, _: (u8, u8)) -> [u8; 4] { b'\''; '\u{7b}'; /* { /* nested */ */ } }
    "##;
    let found = RustSource::parse(text).functions();
    let summary: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines, f.parameters)).collect();
    assert_eq!(summary, [("plain", 2, 1, 0), ("generic", 3, 6, 3), ("method", 11, 1, 2)]);
}

#[test]
fn comments_and_strings_are_told_apart() {
    let source = RustSource::parse("let a = \"x // y\"; // \"z\"\nlet b = r#\"\n\"q\"\"#; /* c */ 'd'");
    let strings: Vec<_> = source.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(strings, [(1, "\"x // y\""), (2, "r#\"\n\"q\"\"#")]);
    let comments: Vec<_> = source.comments.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(comments, [(1, "// \"z\""), (3, "/* c */")]);
    assert!(!source.code.contains('d'), "{}", source.code);
}
