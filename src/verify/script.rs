//! Scripts: calls in text form, one a line.
//!
//! ```text
//! # a comment
//! add(1, -2) => -1
//! scale(1.5, nan:0x200000, -inf)     # floats; a NaN with its payload
//! query("text")                      # written into memory; passed as a pointer, or as pointer and length
//! fill(null, func(3), i31(5))        # references
//! "odd name"(0xffffffff) => trap     # or `exit 3`, `()`, `(1, 2)`
//! ```

use std::fmt;

/// Calls, in order, on one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// The calls.
    pub steps: Vec<Step>,
}

/// A call of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The export, as the snapshot names it.
    pub export: String,
    /// The arguments.
    pub arguments: Vec<Literal>,
    /// What both sides must answer.
    pub expected: Option<Expected>,
}

/// A value as it is written; the parameter that it is for gives it its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// An integer, or the bits of a vector, or a float that is a whole number.
    Integer {
        /// Whether a minus sign stands before it.
        negative: bool,
        /// The number without its sign.
        magnitude: u128,
    },
    /// A float: decimal, `inf`, `nan`, `nan:0x…`, each with a sign or not.
    Float(String),
    /// Bytes to write into memory.
    Text(Vec<u8>),
    /// A null reference.
    Null,
    /// A function by its index.
    Function(u32),
    /// An unboxed 31-bit integer.
    I31(u32),
}

/// An outcome that a script asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// These results.
    Results(Vec<Literal>),
    /// A trap of any kind.
    Trap,
    /// `proc_exit` with this code.
    Exit(u32),
}

/// A script that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}: `{text}`")]
pub struct ScriptError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The line.
    pub text: String,
}

impl Script {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`ScriptError`] at the first line that is no call.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut steps = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let failed = |message: &str| ScriptError {
                line: index + 1,
                message: message.to_string(),
                text: line.trim().to_string(),
            };
            let mut parser = Parser { rest: line };
            parser.skip_space();
            if !parser.rest.is_empty() {
                steps.push(parser.step().map_err(failed)?);
            }
        }
        Ok(Script { steps })
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    /// Spaces, and a comment to the end.
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
            false => Err("something follows the call"),
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
            word => number(word).ok_or("this is no value"),
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
                    _ => return Err("unknown escape; there are \\n \\t \\r \\0 \\\" \\\\ \\xNN"),
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

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.:$-".contains(c);
        if !self.export.is_empty() && self.export.chars().all(plain) {
            f.write_str(&self.export)?;
        } else {
            quote(self.export.as_bytes(), f)?;
        }
        list(&self.arguments, f)?;
        match &self.expected {
            None => Ok(()),
            Some(expected) => write!(f, " => {expected}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Results(results) => match &results[..] {
                [result] => write!(f, "{result}"),
                results => list(results, f),
            },
            Expected::Trap => f.write_str("trap"),
            Expected::Exit(code) => write!(f, "exit {code}"),
        }
    }
}

fn list(values: &[Literal], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{value}")?;
    }
    f.write_str(")")
}

fn quote(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
        for character in valid.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                control if (control as u32) < 0x20 => write!(f, "\\x{:02x}", control as u32)?,
                character => write!(f, "{character}")?,
            }
        }
        rest = &rest[valid.len()..];
        if let Some((byte, behind)) = rest.split_first() {
            write!(f, "\\x{byte:02x}")?;
            rest = behind;
        }
    }
    f.write_str("\"")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Integer { negative, magnitude } => {
                let sign = if *negative { "-" } else { "" };
                match *magnitude > u128::from(u64::MAX) {
                    true => write!(f, "{sign}{magnitude:#x}"),
                    false => write!(f, "{sign}{magnitude}"),
                }
            }
            Literal::Float(text) => f.write_str(text),
            Literal::Text(bytes) => quote(bytes, f),
            Literal::Null => f.write_str("null"),
            Literal::Function(index) => write!(f, "func({index})"),
            Literal::I31(value) => write!(f, "i31({value})"),
        }
    }
}
