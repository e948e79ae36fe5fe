//! Where time and randomness come from, as typed.

use preinit::host::{Class, Clock, FileTimes, Policy, Random};
use preinit::stages::nearest;
use preinit::stages::printable::Printable;

use super::point_in_time;

/// What the clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChoice {
    /// This clock.
    Clock(Clock),
    /// A fixed clock that starts at the time of the build.
    Now,
}

/// The value of `--clock`.
pub fn clock(text: &str) -> Result<ClockChoice, String> {
    let clock = match text.split_once(':') {
        None if text == "now" => return Ok(ClockChoice::Now),
        None if text == "real" => Clock::Real,
        None if text == "deny" => Clock::Deny,
        Some(("fixed", time)) => Clock::Fixed(point_in_time::parse(time).ok_or_else(|| {
            "expected a UTC time such as `2026-01-31T12:00:00Z`, or seconds since 1970".to_owned()
        })?),
        _ => return Err("expected `fixed:TIME`, `now`, `real` or `deny`".to_owned()),
    };
    Ok(ClockChoice::Clock(clock))
}

/// The value of `--random`.
pub fn random(text: &str) -> Result<Random, String> {
    match text.split_once(':') {
        None if text == "module" => Ok(Random::Module),
        None if text == "os" => Ok(Random::Os),
        None if text == "deny" => Ok(Random::Deny),
        Some(("seed", seed)) => {
            let parsed = match seed.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => seed.parse(),
            };
            parsed
                .map(Random::Seed)
                .map_err(|_| "expected a whole number of up to 64 bits as the seed".to_owned())
        }
        _ => Err("expected `module`, `seed:N`, `os` or `deny`".to_owned()),
    }
}

/// The value of `--policy`; no class stands for all.
pub fn policy(text: &str) -> Result<(Option<Class>, Policy), String> {
    let (class, policy) =
        text.split_once('=').ok_or_else(|| "expected CLASS=allow, CLASS=warn or CLASS=deny".to_owned())?;
    let class = match class {
        "all" => None,
        name => Some(name.parse().map_err(|()| {
            let names = Class::ALL.map(Class::name);
            let near = nearest(name, names.into_iter().chain(["all"]));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let classes = names.join("`, `");
            format!("there is no class `{}`; the classes are `{classes}` and `all`{near}", Printable(name))
        })?),
    };
    let policy = match policy {
        "allow" => Policy::Allow,
        "warn" => Policy::Warn,
        "deny" => Policy::Deny,
        _ => return Err("expected `allow`, `warn` or `deny` after the class".to_owned()),
    };
    Ok((class, policy))
}

/// The value of `--file-times`.
pub fn file_times(text: &str) -> Result<FileTimes, String> {
    match text {
        "real" => Ok(FileTimes::Real),
        "fixed" => Ok(FileTimes::Fixed),
        _ => Err("expected `real` or `fixed`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClockChoice, clock, random};
    use preinit::host::{Clock, Random};

    #[test]
    fn clocks() {
        for (text, expected) in [
            ("real", Clock::Real),
            ("deny", Clock::Deny),
            ("fixed:12", Clock::Fixed(12_000_000_000)),
            ("fixed:2000-01-01T00:00:00Z", Clock::Fixed(Clock::DEFAULT_START)),
        ] {
            assert_eq!(clock(text), Ok(ClockChoice::Clock(expected)), "{text}");
        }
        assert_eq!(clock("now"), Ok(ClockChoice::Now));
        for text in ["", "fixed", "fixed:", "fixed:noon", "real:1"] {
            assert!(clock(text).is_err(), "{text}");
        }
    }

    #[test]
    fn random_sources() {
        assert_eq!(random("module"), Ok(Random::Module));
        assert_eq!(random("os"), Ok(Random::Os));
        assert_eq!(random("deny"), Ok(Random::Deny));
        assert_eq!(random("seed:7"), Ok(Random::Seed(7)));
        assert_eq!(random("seed:0xffffffffffffffff"), Ok(Random::Seed(u64::MAX)));
        for text in ["", "seed", "seed:", "seed:-1", "seed:18446744073709551616", "os:1", "7"] {
            assert!(random(text).is_err(), "{text}");
        }
    }
}
