//! Spans of time, typed and printed.

use std::fmt;
use std::time::Duration;

/// A time limit as typed; `0` and `none` are no limit.
pub fn limit(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    let duration =
        parse(text).ok_or_else(|| "expected a time such as `500ms`, `3s`, `2m` or `none`".to_owned())?;
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

fn parse(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// A span of time for people: three digits or so.
pub struct Seconds(pub f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds < 0.001 => write!(f, "{:.0} us", seconds * 1e6),
            seconds if seconds < 0.1 => write!(f, "{:.1} ms", seconds * 1e3),
            seconds if seconds < 1.0 => write!(f, "{:.0} ms", seconds * 1e3),
            seconds => write!(f, "{seconds:.2} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Seconds, limit};
    use std::time::Duration;

    #[test]
    fn limits() {
        for (text, milliseconds) in
            [("500ms", 500), ("3s", 3_000), ("3", 3_000), ("2m", 120_000), ("1h", 3_600_000), ("0.5s", 500)]
        {
            assert_eq!(limit(text), Ok(Some(Duration::from_millis(milliseconds))), "{text}");
        }
        for text in ["none", "0", "0s", "0ms"] {
            assert_eq!(limit(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn not_limits() {
        for text in ["", "s", "-1s", "3 days", "1e3", "1..5s", "99999999999999999999999s"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn for_people() {
        let seconds: Vec<_> = [0.0000123, 0.0123, 0.123, 1.234, 75.0].map(|s| Seconds(s).to_string()).into();
        assert_eq!(seconds, ["12 us", "12.3 ms", "123 ms", "1.23 s", "75.00 s"]);
    }
}
