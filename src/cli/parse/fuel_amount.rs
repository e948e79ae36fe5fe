//! Amounts of fuel, as typed.

/// A whole number, but not 0, with which nothing can run.
pub fn parse(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(fuel) if fuel > 0 => Ok(fuel),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}
