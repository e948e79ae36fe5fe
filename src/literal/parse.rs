//! Parses literals.

use super::Literal;

/// Reads literals off the front of a line.
pub(crate) struct LiteralParser<'t> {
    /// What is not read yet.
    pub rest: &'t str,
}

impl<'t> LiteralParser<'t> {
    pub fn new(line: &'t str) -> Self {
        LiteralParser { rest: line }
    }

    /// Skips spaces and a comment.
    pub fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('#') {
            self.rest = "";
        }
    }

    /// Takes a token, if it is the next one.
    pub fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let taken = self.rest.strip_prefix(token);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    /// Values up to the closing parenthesis.
    pub fn list(&mut self) -> Result<Vec<Literal>, &'static str> {
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

    /// The next word, which may be empty.
    pub fn word(&mut self) -> &'t str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.:_".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// The next value.
    pub fn literal(&mut self) -> Result<Literal, &'static str> {
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

    /// A text in quotes, which comes next.
    pub fn text(&mut self) -> Result<Vec<u8>, &'static str> {
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
