//! Parses the text form of scripts.

use super::{Expected, Literal, Step};

/// Parses one line.
pub(super) struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    pub fn new(line: &'t str) -> Self {
        Parser { rest: line }
    }

    /// The call in the line, unless it is empty or a comment.
    pub fn line(mut self) -> Result<Option<Step>, &'static str> {
        self.skip_space();
        match self.rest.is_empty() {
            true => Ok(None),
            false => self.step().map(Some),
        }
    }

    /// Skips spaces and a comment.
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('#') {
            self.rest = "";
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let taken = self.rest.strip_prefix(token);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn step(&mut self) -> Result<Step, &'static str> {
        let export = if self.rest.starts_with('"') {
            String::from_utf8(self.text()?).map_err(|_| "a name must be UTF-8")?
        } else {
            let end = self.rest.find('(').ok_or("a call needs parentheses")?;
            let name = self.rest[..end].trim_end();
            self.rest = &self.rest[end..];
            name.to_string()
        };
        if !self.take("(") {
            return Err("a call needs parentheses");
        }
        let arguments = self.list()?;
        let expected = if self.take("=>") { Some(self.expected()?) } else { None };
        self.skip_space();
        match self.rest.is_empty() {
            true => Ok(Step { export, arguments, expected }),
            false => Err("there is text after the call"),
        }
    }

    /// Values up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Literal>, &'static str> {
        let mut values = Vec::new();
        if self.take(")") {
            return Ok(values);
        }
        loop {
            values.push(self.literal()?);
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err("a comma or a closing parenthesis is missing");
            }
        }
    }

    fn expected(&mut self) -> Result<Expected, &'static str> {
        if self.take("(") {
            return self.list().map(Expected::Results);
        }
        self.skip_space();
        let before = self.rest;
        match self.word() {
            "trap" => Ok(Expected::Trap),
            "exit" => {
                self.skip_space();
                self.word().parse().map(Expected::Exit).map_err(|_| "`exit` needs an exit code")
            }
            _ => {
                self.rest = before;
                Ok(Expected::Results(vec![self.literal()?]))
            }
        }
    }

    fn word(&mut self) -> &'t str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.:_".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn literal(&mut self) -> Result<Literal, &'static str> {
        self.skip_space();
        if self.rest.starts_with('"') {
            return self.text().map(Literal::Text);
        }
        match self.word() {
            "" => Err("a value is missing"),
            "null" => Ok(Literal::Null),
            "func" => self.index().map(Literal::Function),
            "i31" => self.index().map(Literal::I31),
            word => number(word).ok_or("this is not a value"),
        }
    }

    fn index(&mut self) -> Result<u32, &'static str> {
        let index = if self.take("(") { self.word().parse().ok() } else { None };
        let index = index.ok_or("an index in parentheses must follow")?;
        if self.take(")") { Ok(index) } else { Err("a closing parenthesis is missing") }
    }

    fn text(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut bytes = Vec::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Ok(bytes);
                }
                '\\' => match characters.next().map(|(_, escape)| escape) {
                    Some('n') => bytes.push(b'\n'),
                    Some('t') => bytes.push(b'\t'),
                    Some('r') => bytes.push(b'\r'),
                    Some('0') => bytes.push(0),
                    Some(quoted @ ('"' | '\\' | '\'')) => bytes.push(quoted as u8),
                    Some('x') => {
                        let mut digit = || characters.next().and_then(|(_, digit)| digit.to_digit(16));
                        match (digit(), digit()) {
                            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
                            _ => return Err("`\\x` needs two hexadecimal digits"),
                        }
                    }
                    _ => return Err("unknown escape; use \\n \\t \\r \\0 \\\" \\\\ \\xNN"),
                },
                character => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err("a closing quote is missing")
    }
}

fn number(word: &str) -> Option<Literal> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let digits = unsigned.replace('_', "");
    let magnitude = match digits.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    };
    if let Some(magnitude) = magnitude {
        return Some(Literal::Integer { negative: word.starts_with('-'), magnitude });
    }
    let is_float = match unsigned {
        "inf" | "nan" => true,
        _ => match unsigned.strip_prefix("nan:0x") {
            Some(payload) => u64::from_str_radix(payload, 16).is_ok(),
            None => unsigned.starts_with(|c: char| c.is_ascii_digit()) && unsigned.parse::<f64>().is_ok(),
        },
    };
    is_float.then(|| Literal::Float(word.to_string()))
}
