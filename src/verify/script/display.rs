//! Writes the text form of scripts.

use super::{Expected, Script, Step};
use crate::literal::{quote, write_list};
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
        write_list(&self.arguments, f)?;
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
                results => write_list(results, f),
            },
            Expected::Trap => f.write_str("trap"),
            Expected::Exit(code) => write!(f, "exit {code}"),
        }
    }
}
