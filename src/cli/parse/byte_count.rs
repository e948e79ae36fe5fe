//! Byte counts.

/// A byte count as typed: a whole number and a unit. `K`, `M`, `G`, `T` are powers of 1024, `kB` and so on of 1000.
pub fn parse(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err("expected a size such as `512MiB` or `4GiB`".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a size such as `512MiB` or `4GiB`".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "does not fit in 64 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("64K", 65_536),
            ("64 KiB", 65_536),
            ("512MiB", 512 << 20),
            ("4GiB", 4 << 30),
            ("4g", 4 << 30),
            ("2MB", 2_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn not_sizes() {
        for text in ["", "GiB", "-1", "1.5GiB", "4 gigs", "18446744073709551616", "99999999TiB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
