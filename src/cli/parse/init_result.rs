//! Which result of an init function is success.

use preinit::InitResult;

/// A number, or `any`.
pub fn parse(text: &str) -> Result<InitResult, String> {
    match text {
        "any" => Ok(InitResult::Any),
        number => number.parse().map(InitResult::Number).map_err(|_| "expected a number or `any`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use preinit::InitResult;

    #[test]
    fn results() {
        assert_eq!(parse("any"), Ok(InitResult::Any));
        assert_eq!(parse("-1"), Ok(InitResult::Number(-1)));
        assert!(parse("none").is_err() && parse("").is_err());
    }
}
