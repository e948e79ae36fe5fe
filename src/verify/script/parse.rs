//! Parses the text form of scripts.

use super::{Expected, Step};
use crate::literal::LiteralParser;

/// Parses one line.
pub(super) struct Parser<'t> {
    line: LiteralParser<'t>,
}

impl<'t> Parser<'t> {
    pub fn new(line: &'t str) -> Self {
        Parser { line: LiteralParser::new(line) }
    }

    /// The call in the line, unless it is empty or a comment.
    pub fn line(mut self) -> Result<Option<Step>, &'static str> {
        self.line.skip_space();
        match self.line.rest.is_empty() {
            true => Ok(None),
            false => self.step().map(Some),
        }
    }

    fn step(&mut self) -> Result<Step, &'static str> {
        let export = if self.line.rest.starts_with('"') {
            String::from_utf8(self.line.text()?).map_err(|_| "a name must be UTF-8")?
        } else {
            let end = self.line.rest.find('(').ok_or("a call needs parentheses")?;
            let name = self.line.rest[..end].trim_end();
            self.line.rest = &self.line.rest[end..];
            name.to_string()
        };
        if !self.line.take("(") {
            return Err("a call needs parentheses");
        }
        let arguments = self.line.list()?;
        let expected = if self.line.take("=>") { Some(self.expected()?) } else { None };
        self.line.skip_space();
        match self.line.rest.is_empty() {
            true => Ok(Step { export, arguments, expected }),
            false => Err("there is text after the call"),
        }
    }

    fn expected(&mut self) -> Result<Expected, &'static str> {
        if self.line.take("(") {
            return self.line.list().map(Expected::Results);
        }
        self.line.skip_space();
        let before = self.line.rest;
        match self.line.word() {
            "trap" => Ok(Expected::Trap),
            "exit" => {
                self.line.skip_space();
                self.line.word().parse().map(Expected::Exit).map_err(|_| "`exit` needs an exit code")
            }
            _ => {
                self.line.rest = before;
                Ok(Expected::Results(vec![self.line.literal()?]))
            }
        }
    }
}
