//! Writes literals.

use super::Literal;
use std::fmt;

/// Values in parentheses.
pub(crate) fn write_list(values: &[Literal], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{value}")?;
    }
    f.write_str(")")
}

/// Bytes in quotes.
pub(crate) fn quote(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
