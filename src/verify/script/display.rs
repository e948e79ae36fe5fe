//! Writes the text form of scripts.

use super::{Expected, Literal, Script, Step};
use std::fmt;

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
        if let Some((byte, after)) = rest.split_first() {
            write!(f, "\\x{byte:02x}")?;
            rest = after;
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
